"""WebSocket peers made by hand, over sockets of the test, that count what they send."""
import collections
import os
import random
import socket
import struct
import threading

import harness

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
NAMES = {TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
REQUEST = (b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\nConnection: keep-alive, Upgrade\r\n"
           b"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
GRANT = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


def header(opcode, length, masked, fin=True, rsv=0):
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask = 0x80 if masked else 0
    if length < 126:
        return struct.pack("!BB", first, mask | length)
    if length < 65536:
        return struct.pack("!BBH", first, mask | 126, length)
    return struct.pack("!BBQ", first, mask | 127, length)


def frame(opcode, payload, masked, **how):
    key = os.urandom(4) if masked else b""
    if masked:
        size = len(payload)
        pad = (key * (size // 4 + 1))[:size]
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
    return header(opcode, len(payload), masked, **how) + key + payload


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


def receive(sock, size):
    """Exactly so many bytes."""
    sock.settimeout(harness.LIMIT)
    left = size
    while left:
        got = sock.recv(min(left, 1 << 20))
        if not got:
            raise AssertionError(f"{left} of {size} bytes are missing")
        left -= len(got)


def transfer(source, target, data, step=None):
    """Sends all, in writes of that many bytes, and waits until it is there."""
    def send():
        if step is None:
            source.sendall(data)
        else:
            for i in range(0, len(data), step):
                source.sendall(data[i:i + step])
    reader = threading.Thread(target=receive, args=(target, len(data)))
    reader.start()
    send()
    reader.join(harness.LIMIT)
    if reader.is_alive():
        raise AssertionError("the data did not arrive")


class Books:
    """What peers counted, as the exporter shows it: {labels: number}."""

    def __init__(self):
        self.connections = 0
        self.active = 0
        self.messages = collections.Counter()
        self.bytes = collections.Counter()
        self.closed = collections.Counter()
        self.errors = collections.Counter()
        self.latencies = collections.Counter()

    def expected(self):
        return {"connections": self.connections, "active": self.active, "messages": dict(self.messages),
                "bytes": {k: v for k, v in self.bytes.items() if v}, "closed": dict(self.closed),
                "errors": dict(self.errors), "latencies": dict(self.latencies)}


def counted(metrics, **labels):
    """The same, as the exporter counted in series with these labels; what is zero is left out."""
    def nonzero(name, *by):
        found = {}
        for key, value in metrics.all(f"websocket_{name}", **labels).items():
            names = tuple(dict(key)[label] for label in by)
            key = names if len(names) > 1 else names[0]
            found[key] = found.get(key, 0) + value
        return {key: value for key, value in found.items() if value}
    return {"connections": sum(metrics.all("websocket_connections_total", **labels).values()),
            "active": sum(metrics.all("websocket_connections_active", **labels).values()),
            "messages": nonzero("messages_total", "direction", "opcode"),
            "bytes": nonzero("message_bytes_total", "direction"),
            "closed": nonzero("disconnections_total", "reason", "initiator"),
            "errors": nonzero("connection_errors_total", "error_type"),
            "latencies": nonzero("message_latency_seconds_count", "kind")}


class Connection:
    """A client and a server, connected by TCP. `books` learn of what they do."""

    def __init__(self, listener, books, source=None):
        self.books = books
        self.client = socket.socket(listener.family)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.client.bind(source)
        self.client.connect(listener.getsockname()[:2])
        listener.settimeout(harness.LIMIT)
        self.server, _ = listener.accept()
        self.server.settimeout(harness.LIMIT)
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def upgrade(self, request=REQUEST, grant=GRANT, step=None):
        transfer(self.client, self.server, request, step)
        transfer(self.server, self.client, grant, step)
        self.books.connections += 1
        self.books.active += 1
        return self

    def note(self, by, opcode, size):
        """A whole message was sent."""
        direction = "in" if by == "client" else "out"
        self.books.messages[direction, NAMES[opcode]] += 1
        if opcode < CLOSE:
            self.books.bytes[direction] += size

    def ends(self, by):
        return (self.client, self.server) if by == "client" else (self.server, self.client)

    def send(self, by, opcode, payload=b"", step=None, **how):
        transfer(*self.ends(by), frame(opcode, payload, by == "client", **how), step)
        self.note(by, opcode, len(payload))

    def send_fragments(self, by, opcode, payloads, between=()):
        """One message; `between` are control frames that come in between: opcode and payload."""
        data = b""
        for i, payload in enumerate(payloads):
            data += frame(0 if i else opcode, payload, by == "client", fin=i + 1 == len(payloads))
            if i < len(between):
                data += frame(*between[i], by == "client")
                self.note(by, between[i][0], 0)
        transfer(*self.ends(by), data)
        self.note(by, opcode, sum(map(len, payloads)))

    def send_many(self, by, messages, step=None):
        """All in one go."""
        data = b"".join(frame(opcode, payload, by == "client") for opcode, payload in messages)
        for opcode, payload in messages:
            self.note(by, opcode, len(payload))
        transfer(*self.ends(by), data, step)

    def close(self, by, payload, reason):
        """A close frame, its answer, and both FINs, the server's first."""
        other = "server" if by == "client" else "client"
        self.send(by, CLOSE, payload)
        self.send(other, CLOSE, payload)
        self.server.close()
        self.client.close()
        self.over(reason, by)

    def over(self, reason, by):
        self.books.active -= 1
        self.books.closed[reason, by] += 1


def random_messages(count, largest, seed=1):
    generator = random.Random(seed)
    return [(generator.choice((TEXT, BINARY)), generator.randbytes(generator.randrange(largest))) for _ in range(count)]
