#!/usr/bin/env python3
"""WebSocket connections of a real library, found in mid-life, by thousands, and with peers that keep to no rule."""
import json
import os
import pathlib
import random
import resource
import socket
import subprocess
import sys
import threading

import harness
from privileges import CAP_BPF, CAP_PERFMON, become_nobody_with
from websocket_case import CLIENT_PORT, OTHER_PORT, PORT, WebsocketCase, exporter_with, tracking
from websocket_peers import (BINARY, CLOSE, GRANT, PING, PONG, REQUEST, RESET_AT_CLOSE, TEXT, close_payload,
                             counted, frame, header, receive, transfer)

LIBRARY = pathlib.Path(__file__).with_name("websocket_library.py")
CAP_NET_ADMIN = 12
MANY = 5000
REASONS = {1000: "normal", 1001: "going_away"}


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
        self.check()


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

    def test_found_open_with_one_side_silent(self):
        listener = self.listener()
        connections = [self.connect(listener).upgrade() for _ in range(4)]
        self.restart()
        self.books.connections = 0
        for connection in connections[:3]:
            connection.send("server", TEXT, b"tick")
            connection.send("server", TEXT, b"tick")
        answered, cut, left, quiet = connections
        for connection in (answered, quiet):
            connection.close("client", close_payload(1000), "normal")
        for connection in (cut, left):
            connection.send("client", CLOSE, close_payload(1001))
            for end in connection.ends("server" if connection is cut else "client"):
                end.close()
            connection.over("going_away", "client")
        self.check(adopted=4)

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


    def test_again_and_again_under_load(self):
        listener = self.listener()
        connections = [self.connect(listener).upgrade() for _ in range(8)]
        stop = threading.Event()

        def talk(connection):
            while not stop.is_set():
                for source, target, masked in ((connection.client, connection.server, True),
                                               (connection.server, connection.client, False)):
                    data = frame(TEXT, b"x" * 200, masked)
                    source.sendall(data)
                    receive(target, len(data))
        talkers = [threading.Thread(target=talk, args=[connection]) for connection in connections]
        for talker in talkers:
            talker.start()
        for _ in range(3):
            self.restart()
            harness.eventually(lambda: self.exporter.scrape().value("websocket_tracker_adopted_total") == 8, "all found")
        stop.set()
        for talker in talkers:
            talker.join()

        netns = f"net:[{self.namespace.inode}]"
        before = counted(self.exporter.scrape(), netns=netns)["messages"]
        for connection in connections:
            connection.send_many("client", [(TEXT, b"y")] * 50)
            connection.send_many("server", [(TEXT, b"y")] * 70)
            connection.close("client", close_payload(1000), "normal")

        def found():
            now = counted(self.exporter.scrape(), netns=netns)
            grown = [now["messages"][way, "text"] - before[way, "text"] for way in ("in", "out")]
            return (grown, now["active"], now["closed"]) == ([400, 560], 0, {("normal", "client"): 8})
        harness.eventually(found, "what came after", 5)
        self.assertEqual(self.exporter.scrape().value("websocket_tracker_missed_total"), 0)


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
            self.assertIn("counting connections of the ports by scans", reason)
            self.assertEqual(self.exporter.scrape().all("websocket_connections_total"), {})

    def by_scans(self, open_count, ended, port=PORT):
        def counted():
            metrics = self.exporter.scrape()
            return (metrics.value("websocket_connections_active", netns="host", port=str(port)), metrics.value(
                "websocket_disconnections_total", netns="host", port=str(port), reason="unknown")) == (open_count, ended)
        harness.eventually(counted, f"{open_count} open, {ended} ended")

    def test_without_privileges_connections_are_counted_by_scans(self):
        self.exporter.stop()
        self.exporter = exporter_with(self, prepare=become_nobody_with(), namespace=self.namespace)
        self.by_scans(0, 0)
        connections = [self.connect(listener) for listener in map(self.listener, ("127.0.0.1", "::1"))
                       for _ in range(60)]
        elsewhere = self.connect(self.listener(port=CLIENT_PORT))
        self.connect(self.listener(port=OTHER_PORT)).client.close()
        self.by_scans(120, 0)
        for connection in connections[:100]:
            connection.client.close()
            connection.server.close()
        self.by_scans(20, 100)
        self.by_scans(1, 0, CLIENT_PORT)
        for connection in connections[100:]:  # the kernel does not tell the port of an end that resets
            connection.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            connection.client.close()
            connection.server.close()
        elsewhere.server.close()
        elsewhere.client.close()
        self.by_scans(0, 120)
        self.by_scans(0, 1, CLIENT_PORT)
        self.assertEqual(self.exporter.scrape().value("websocket_tracker_missed_total"), 0)

    def test_no_port_is_configured(self):
        self.exporter.stop()
        self.exporter = exporter_with(self, "websocket: {ports: []}\n")
        self.assertEqual(tracking(self.exporter), ("off", "no websocket.ports in the configuration"))


if __name__ == "__main__":
    harness.main()
