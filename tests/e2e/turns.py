"""Requests and answers, timed by the exporter and by those who talk."""
import contextlib
import socket
import time
import unittest

import harness
from connections import ONLY, family_of, require

RESPONSES = "socket_response_seconds"
THINKING = 0.02  # seconds that a server takes
ROUNDING = 1e-6
LONG = 0.3  # when session tickets are over


def receive(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise AssertionError("closed")
        data += part
    return data


class Turns:
    """What the client knows of them: how many, and between which limits their times are in all."""

    def __init__(self):
        self.count, self.shortest, self.longest = 0, 0.0, 0.0

    @contextlib.contextmanager
    def one(self):
        """For the server: answering() when it begins to; for the client: asked() when all is out."""
        begun = self.asked_at = self.answering_at = time.monotonic()
        yield self
        self.count += 1
        self.shortest += self.answering_at - self.asked_at
        self.longest += time.monotonic() - begun

    def asked(self):
        self.asked_at = time.monotonic()

    def think(self, seconds=THINKING):
        time.sleep(seconds)
        self.answering_at = time.monotonic()


class ResponsesCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exporter = cls.enterClassContext(harness.Exporter(*ONLY, "--collector.connects.top=10000"))
        require(cls.exporter, "response_times")

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.stack = self.enterContext(contextlib.ExitStack())
        self.turns = Turns()

    def keep(self, sock):
        sock.settimeout(harness.LIMIT)
        return self.stack.enter_context(sock)

    def pair(self, address="127.0.0.1", client_address=None):
        """Both ends of a new connection to a new server."""
        with self.namespace.entered():
            listener = self.keep(socket.create_server((address, 0), family=family_of(address)))
            self.port = listener.getsockname()[1]
            client_address = client_address or address
            client = self.keep(socket.socket(family_of(client_address)))
            client.connect((client_address, self.port))
        self.before = self.timed()
        return client, self.keep(listener.accept()[0])

    def turn(self, client, server, thinking=THINKING):
        with self.turns.one() as turn:
            client.sendall(b"request")
            turn.asked()
            receive(server, 7)
            turn.think(thinking)
            server.sendall(b"answer")
            receive(client, 6)

    def timed(self):
        """How many turns with the server's port there were, of whatever namespace, and their time."""
        metrics = self.exporter.scrape()
        return [sum(metrics.all(RESPONSES + part, destination_port=str(self.port)).values())
                for part in ("_count", "_sum")]

    def check(self):
        """What is exported of the server is what the client has seen."""
        count, total = (after - before for after, before in zip(self.timed(), self.before))
        self.assertEqual(count, self.turns.count)
        self.assertGreaterEqual(total, self.turns.shortest - ROUNDING)
        self.assertLessEqual(total, self.turns.longest + ROUNDING)
