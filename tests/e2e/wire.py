"""Answers to TCP connections that no host would give: packets made by hand, behind a TUN device."""
import fcntl
import os
import select
import socket
import struct
from typing import NamedTuple

from harness import LIMIT

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SYN, RST, PSH, ACK = 0x02, 0x04, 0x08, 0x10


class Layout(NamedTuple):
    """Where the header of an IP packet has what."""
    version: int
    protocol: int
    source: slice
    target: slice
    end: int


LAYOUTS = {socket.AF_INET: Layout(4, 9, slice(12, 16), slice(16, 20), 20),
           socket.AF_INET6: Layout(6, 6, slice(8, 24), slice(24, 40), 40)}
NETWORKS = {socket.AF_INET: "10.9.0.1/24", socket.AF_INET6: "fd09::1/64"}


def open_tun(namespace, name, network, mtu=1500):
    """Has the packets to that network, but to its address here; what is written there comes in."""
    with namespace.entered():
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    no_wait = ("nodad",) if ":" in network else ()
    namespace.run("ip", "address", "add", network, "dev", name, *no_wait)
    namespace.run("ip", "link", "set", name, "up", "mtu", str(mtu))
    return device


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def next_sequence(syn):
    """Of what the client sends behind that packet."""
    layout = LAYOUTS[socket.AF_INET if syn[0] >> 4 == 4 else socket.AF_INET6]
    return (int.from_bytes(syn[layout.end + 4:layout.end + 8], "big") + 1) % (1 << 32)


def with_checksum(pseudo, segment, at):
    """The segment with the checksum of both at that place, where it is zero."""
    return segment[:at] + struct.pack("!H", checksum(pseudo + segment)) + segment[at + 2:]


class Wire:
    """Where packets to 10.9.0.0/24 or fd09::/64 go to: nobody is there, but what is sent can be seen and answered."""

    def __init__(self, namespace, family=socket.AF_INET):
        self._family, self._layout = family, LAYOUTS[family]
        self._device = open_tun(namespace, "wire", NETWORKS[family])

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        os.close(self._device)

    def _next(self, address):
        """The next TCP packet to that address, and its segment."""
        peer = socket.inet_pton(self._family, address)
        while True:
            if not select.select([self._device], [], [], LIMIT)[0]:
                raise AssertionError(f"nothing to {address}")
            packet = os.read(self._device, 65536)
            is_tcp = packet[0] >> 4 == self._layout.version and packet[self._layout.protocol] == socket.IPPROTO_TCP
            if is_tcp and packet[self._layout.target] == peer:
                return packet, packet[self._layout.end:]

    def next_syn(self, address):
        """The first SYN to that address, as an IP packet."""
        while True:
            packet, segment = self._next(address)
            if segment[13] == SYN:
                return packet

    def next_data(self, address):
        """The next segment with payload to that address: its sequence number and the payload."""
        while True:
            _, segment = self._next(address)
            payload = segment[(segment[12] >> 4) * 4:]
            if payload:
                return struct.unpack("!I", segment[4:8])[0], payload

    def _send(self, source, target, protocol, payload):
        if self._family == socket.AF_INET:
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, source, target)
            header = with_checksum(b"", header, 10)
        else:
            header = struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 64, source, target)
        os.write(self._device, header + payload)

    def answer_host_unreachable(self, syn):
        peer, client = syn[self._layout.target], syn[self._layout.source]
        if self._family == socket.AF_INET:
            protocol, kind, code, pseudo = socket.IPPROTO_ICMP, 3, 1, b""
        else:
            protocol, kind, code = socket.IPPROTO_ICMPV6, 1, 3
            pseudo = peer + client + struct.pack("!II", 8 + len(syn), protocol)
        message = struct.pack("!BBHI", kind, code, 0, 0) + syn
        self._send(peer, client, protocol, with_checksum(pseudo, message, 2))

    def answer(self, syn, flags, sequence, acknowledged=0, payload=b""):
        """A segment of the peer that the SYN went to."""
        source_port, target_port = struct.unpack("!HH", syn[self._layout.end:][:4])
        peer, client = syn[self._layout.target], syn[self._layout.source]
        segment = struct.pack("!HHIIBBHHH", target_port, source_port, sequence, acknowledged, 0x50, flags, 65535, 0,
                              0) + payload
        pseudo = peer + client + struct.pack("!II", len(segment), socket.IPPROTO_TCP)
        self._send(peer, client, socket.IPPROTO_TCP, with_checksum(pseudo, segment, 16))
