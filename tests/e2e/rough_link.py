"""Two network namespaces and a link between them that loses, doubles and reorders packets: two TUN devices, and a
thread that carries packets from one to the other."""
import os
import random
import select
import threading
import time

import harness
from wire import SYN, open_tun

ADDRESSES = ("10.7.0.1", "10.7.0.2")
DELAY = 0.003  # seconds that a packet is late


class RoughLink:
    """`lost`, `doubled` and `late` are the shares of packets of which that is true; SYNs are spared."""

    def __init__(self, namespaces, mtu=1500, lost=0.0, doubled=0.0, late=0.0, seed=1):
        self.shares = lost, doubled, late
        self.is_cut = False
        self._devices = [open_tun(namespace, "rough", f"{address}/24", mtu)
                         for namespace, address in zip(namespaces, ADDRESSES)]
        self._random = random.Random(seed)
        self._late = []
        self._ends, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        os.close(self._stop)
        self._thread.join(harness.LIMIT)
        for device in (*self._devices, self._ends):
            os.close(device)

    def _carry(self):
        while True:
            readable, _, _ = select.select([*self._devices, self._ends], [], [], DELAY / 2)
            if self._ends in readable:
                return
            for device in readable:
                self._take(os.read(device, 65536), self._devices[device == self._devices[0]])
            now = time.monotonic()
            due = [each for each in self._late if each[0] <= now]
            self._late = [each for each in self._late if each[0] > now]
            for _, packet, device in due:
                os.write(device, packet)

    def _take(self, packet, device):
        if self.is_cut or packet[0] >> 4 != 4:
            return
        lost, doubled, late = self.shares
        if packet[33] & SYN:
            lost = doubled = late = 0
        if self._random.random() < lost:
            return
        for _ in range(1 + (self._random.random() < doubled)):
            if self._random.random() < late:
                self._late.append((time.monotonic() + DELAY, packet, device))
            else:
                os.write(device, packet)
