"""Answers to TCP connections that no host would give: packets made by hand, on the loopback interface."""
import socket
import struct

from harness import LIMIT

ETH_P_IP = 0x0800
SYN, RST, PSH, ACK = 0x02, 0x04, 0x08, 0x10


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Wire:
    """Where packets to 10.9.0.0/24 go to: nobody is there, but what is sent can be seen and answered."""

    def __init__(self, namespace):
        namespace.run("ip", "route", "add", "10.9.0.0/24", "dev", "lo")
        with namespace.entered():
            self._tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
            self._out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._tap.settimeout(LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._tap.close()
        self._out.close()

    def next_syn(self, address):
        """The first SYN to that address, as an IPv4 packet."""
        while True:
            packet = self._tap.recv(65536)
            if packet[9] == socket.IPPROTO_TCP and packet[16:20] == socket.inet_aton(address) and packet[33] == SYN:
                return packet

    def next_data(self, address):
        """The next segment with payload to that address: its sequence number and the payload."""
        while True:
            packet = self._tap.recv(65536)
            if packet[9] == socket.IPPROTO_TCP and packet[16:20] == socket.inet_aton(address):
                payload = packet[20 + (packet[32] >> 4) * 4:]
                if payload:
                    return struct.unpack("!I", packet[24:28])[0], payload

    def send(self, source, target, protocol, payload):
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, source, target)
        self._out.sendto(header + payload, (socket.inet_ntoa(target), 0))

    def answer_host_unreachable(self, syn):
        quoted = syn[:28]
        unsummed = struct.pack("!BBHI", 3, 1, 0, 0) + quoted
        summed = struct.pack("!BBHI", 3, 1, checksum(unsummed), 0) + quoted
        self.send(syn[16:20], syn[12:16], socket.IPPROTO_ICMP, summed)

    def answer(self, syn, flags, sequence, acknowledged=0, payload=b""):
        """A segment of the peer that the SYN went to."""
        source_port, target_port = struct.unpack("!HH", syn[20:24])
        peer, client = syn[16:20], syn[12:16]

        def segment(check):
            return struct.pack("!HHIIBBHHH", target_port, source_port, sequence, acknowledged, 0x50, flags, 65535,
                               check, 0) + payload
        pseudo = peer + client + struct.pack("!BBH", 0, socket.IPPROTO_TCP, 20 + len(payload))
        self.send(peer, client, socket.IPPROTO_TCP, segment(checksum(pseudo + segment(0))))
