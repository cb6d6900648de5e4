#!/usr/bin/env python3
"""WebSocket connections over bad networks, of real libraries, found in mid-life, and with peers that keep to no rule."""
import json
import os
import pathlib
import random
import resource
import socket
import subprocess
import sys

import harness
from privileges import CAP_BPF, CAP_PERFMON, become_nobody_with
from rough_link import ADDRESSES, RoughLink
from websocket_case import CLIENT_PORT, OTHER_PORT, PORT, WebsocketCase, exporter_with, tracking
from websocket_peers import (BINARY, Connection, GRANT, PING, PONG, REQUEST, TEXT, close_payload, frame, header,
                             random_messages, receive, transfer)

LIBRARY = pathlib.Path(__file__).with_name("websocket_library.py")
TCP_USER_TIMEOUT = 18
CAP_NET_ADMIN = 12
USER_TIMEOUT = 300  # milliseconds
MANY = 5000
REASONS = {1000: "normal", 1001: "going_away"}


class RoughTest(WebsocketCase):
    """The server is in one namespace, the client in the other."""

    def setUp(self):
        super().setUp()
        self.far = self.enterContext(harness.Namespace())

    def connect_across(self, port, books):
        with self.namespace.entered():
            listener = self.keep(socket.create_server((ADDRESSES[0], port)))
        with self.far.entered():
            connection = Connection(listener, books)
        self.keep(connection.client)
        self.keep(connection.server)
        return connection

    def talk(self, connection):
        connection.upgrade()
        for by in ("client", "server"):
            connection.send_many(by, random_messages(600, 900, seed=by))
            connection.send(by, BINARY, os.urandom(200_000))
            connection.send_many(by, [(TEXT, b"x")] * 3000)
            connection.send(by, PING)
        connection.close("client", close_payload(1000), "normal")

    def check_rough(self, mtu, port, **shares):
        with RoughLink((self.namespace, self.far), mtu, **shares):
            self.talk(self.connect_across(port, self.books))
            if port == CLIENT_PORT:
                self.namespace, self.far = self.far, self.namespace
            self.check()

    def test_smooth(self):
        self.check_rough(576, PORT)

    def test_loss(self):
        self.check_rough(1500, PORT, lost=0.03)
        self.assertGreater(self.metrics.value("websocket_tracker_repaired_total"), 0)

    def test_everything_with_small_packets(self):
        self.check_rough(296, PORT, lost=0.02, doubled=0.05, late=0.1)
        self.assertGreater(self.metrics.value("websocket_tracker_repaired_total"), 0)

    def test_everything_at_the_client(self):
        self.check_rough(576, CLIENT_PORT, lost=0.02, doubled=0.05, late=0.1)
        self.assertGreater(self.metrics.value("websocket_tracker_repaired_total"), 0)

    def test_a_peer_that_is_not_heard_of_any_more(self):
        with RoughLink((self.namespace, self.far)) as link:
            connection = self.connect_across(PORT, self.books).upgrade()
            connection.server.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT)
            link.is_cut = True
            connection.server.sendall(frame(TEXT, b"anybody?", False))
            connection.note("server", TEXT, 8)
            connection.over("abnormal_timeout", "none")
            self.check()


class LibraryTest(WebsocketCase):
    def start(self, *arguments):
        return subprocess.Popen([sys.executable, LIBRARY, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                                preexec_fn=self.namespace.join)

    def server_is_ready(self):
        """For those who have something to do then."""

    def talk(self, connections, messages, *compression):
        server = self.start("server", PORT)
        self.assertEqual(server.stdout.readline(), "ready\n")
        self.server_is_ready()
        client = self.start("client", PORT, connections, messages, *compression)
        by_client = json.loads(client.communicate(timeout=harness.LIMIT)[0])
        server.terminate()
        by_server = json.loads(server.communicate(timeout=harness.LIMIT)[0])
        books = self.books
        books.connections = connections
        for direction, count in (("in", by_client), ("out", by_server)):
            books.messages.update({(direction, opcode): number for opcode, number in count["sent"].items()})
            books.messages[direction, "close"] = connections
            books.bytes[direction] = count["bytes"]
        books.messages["out", "pong"] = by_client["sent"]["ping"]
        books.latencies.update(ping=by_client["sent"]["ping"], request=connections * messages)
        for seed in range(connections):
            generator = random.Random(seed)
            for _ in range(messages):
                generator.randbytes(generator.choice((0, 5, 125, 126, 1000, 65535, 65536, 200000)))
                generator.random()
            code = generator.choice((1000, 1001, 3999, 4000))
            books.closed[REASONS.get(code) or f"application_{code // 1000}xxx", "client"] += 1

    def test_websockets(self):
        self.talk(20, 20)
        self.check()

    def test_websockets_with_compression(self):
        self.talk(5, 20, "deflate")
        self.check(ignore="bytes")


class HostileTest(WebsocketCase):
    def test_garbage_and_frames_behind_it(self):
        connection = self.connect().upgrade()
        transfer(connection.client, connection.server, b"\xff" * 5000)
        transfer(connection.client, connection.server, frame(TEXT, b"one", True))
        transfer(connection.client, connection.server, frame(TEXT, b"two", True))
        connection.note("client", TEXT, 3)
        connection.note("client", TEXT, 3)
        connection.send("server", TEXT, b"what?")
        connection.close("server", close_payload(1002), "protocol_error")
        self.check(desync=1, resync=1)

    def test_lengths_that_no_frame_has(self):
        listener = self.listener()
        for length, desync in ((1 << 63, 1), ((1 << 62) - 1, 1)):
            connection = self.connect(listener).upgrade()
            transfer(connection.client, connection.server, header(BINARY, length, True) + bytes(1000))
            connection.client.close()
            connection.server.close()
            connection.over("abnormal_fin", "client")
        self.check(desync=1)

    def test_endless_heads(self):
        listener = self.listener()
        connection = self.connect(listener)
        transfer(connection.client, connection.server, b"GET /" + b"a" * 200_000)
        other = self.connect(listener)
        transfer(other.client, other.server, REQUEST)
        transfer(other.server, other.client, b"HTTP/1.1 101 " + b"a" * 200_000)
        for each in (connection, other):
            each.client.close()
            each.server.close()
        self.books.errors["incomplete"] += 1
        self.check(desync=2)

    def test_random_bytes(self):
        listener = self.listener()
        generator = random.Random(3)
        for _ in range(50):
            connection = self.connect(listener)
            transfer(connection.client, connection.server, generator.randbytes(generator.randrange(1, 3000)))
            transfer(connection.server, connection.client, generator.randbytes(generator.randrange(1, 3000)))
            connection.client.close()
            connection.server.close()
        self.connect(listener).upgrade().close("client", close_payload(1000), "normal")
        self.check()

    def test_close_codes_at_random(self):
        listener = self.listener()
        generator = random.Random(4)
        for _ in range(50):
            code = generator.randrange(3000, 5000)
            self.connect(listener).upgrade().close("client", close_payload(code), f"application_{code // 1000}xxx")
        self.check()


class MidLifeTest(WebsocketCase):
    def restart(self):
        self.exporter.stop()
        self.exporter = exporter_with(self)

    def test_found_open(self):
        connection = self.connect().upgrade()
        self.restart()
        self.books.connections = 0
        for _ in range(2):
            connection.send("client", TEXT, b"still here")
            connection.send("server", BINARY, bytes(200))
        connection.send("client", PING, b"x")
        connection.send("server", PONG, b"x")
        self.check(adopted=1)
        connection.close("client", close_payload(1000), "normal")
        self.check(adopted=1)

    def test_found_inside_of_a_message(self):
        connection = self.connect().upgrade()
        data = frame(BINARY, os.urandom(3000), True)
        transfer(connection.client, connection.server, data[:1000])
        self.restart()
        self.books.connections = 0
        transfer(connection.client, connection.server, data[1000:])
        for _ in range(3):
            connection.send("client", TEXT, b"next")
        self.check(adopted=1)

    def test_found_before_its_handshake(self):
        connection = self.connect()
        transfer(connection.client, connection.server, REQUEST[:50])
        self.restart()
        transfer(connection.client, connection.server, REQUEST[50:])
        transfer(connection.server, connection.client, GRANT)
        connection.books.connections = connection.books.active = 1
        connection.send("client", TEXT, b"x")
        connection.send("server", TEXT, b"y")
        self.check()


class ManyTest(WebsocketCase):
    def test_thousands_that_end_at_once(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 * MANY, 3 * MANY))
        listener = self.listener()
        connections = []
        for _ in range(MANY):
            connection = self.connect(listener)
            for sender, data in ((connection.client, REQUEST), (connection.server, GRANT),
                                 (connection.client, frame(TEXT, b"hello", True))):
                sender.sendall(data)
                receive(connection.client if sender is connection.server else connection.server, len(data))
            connections.append(connection)
        self.books.connections = self.books.active = self.books.messages["in", "text"] = MANY
        self.books.bytes["in"] = 5 * MANY
        self.check()
        for connection in connections:
            connection.server.close()
            connection.client.close()
            connection.over("abnormal_fin", "server")
        self.check()


class PrivilegeTest(WebsocketCase):
    def exporter_as_nobody(self, *capabilities):
        self.exporter.stop()
        self.exporter = exporter_with(self, prepare=become_nobody_with(*capabilities))

    def test_enough(self):
        self.exporter_as_nobody(CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN)
        self.assertEqual(tracking(self.exporter), ("on", ""))
        self.connect().upgrade()
        self.check()

    def test_too_little(self):
        for missing in (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN):
            self.exporter_as_nobody(*{CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN} - {missing})
            state, reason = tracking(self.exporter)
            self.assertEqual(state, "off")
            self.assertIn("CAP_", reason)
            self.assertEqual(self.exporter.scrape().all("websocket_connections_active"), {})

    def test_no_port_is_configured(self):
        self.exporter.stop()
        self.exporter = exporter_with(self, "websocket: {ports: []}\n")
        self.assertEqual(tracking(self.exporter), ("off", "no websocket.ports in the configuration"))


class AutoTest(WebsocketCase):
    def test_a_port_is_learned_from_a_handshake(self):
        self.exporter.stop()
        self.exporter = exporter_with(self, "websocket: {auto: true}\n")
        listener = self.listener(port=OTHER_PORT)
        for _ in range(3):
            connection = self.connect(listener).upgrade()
            connection.send("client", TEXT, b"hello")
            connection.send("server", TEXT, b"hello")
            connection.close("server", close_payload(1001), "going_away")
        self.check()


if __name__ == "__main__":
    harness.main()
