#!/usr/bin/env python3
"""How long peers take to answer; that of TLS has a file of its own."""
import contextlib
import ctypes
import http.client
import http.server
import pathlib
import resource
import socket
import threading
import time
import unittest

import harness
from connections import CLOSED, ONLY, total
from privileges import CAP_BPF, CAP_PERFMON, become_nobody_with
from specimens import private_mounts
from turns import LONG, RESPONSES, THINKING, ResponsesCase, Turns, receive
from wire import ACK, PSH, SYN, Wire, next_sequence


class PlainTest(ResponsesCase):
    def test_every_turn_is_timed(self):
        client, server = self.pair()
        for number in range(5):
            self.turn(client, server, THINKING * number)
        self.check()

    def test_only_the_end_that_connects_is_timed(self):
        client, server = self.pair()
        for end, other in ((client, server), (server, client)):
            with self.turns.one() as turn:
                end.sendall(b"request")
                turn.asked()
                receive(other, 7)
                turn.think()
                other.sendall(b"answer")
                receive(end, 6)
        self.assertEqual(self.timed()[0] - self.before[0], 1)

    def test_v6(self):
        self.turn(*self.pair("::1"))
        self.check()

    def test_v4_mapped(self):
        self.turn(*self.pair(client_address="::ffff:127.0.0.1"))
        self.check()
        series = self.exporter.scrape().all(RESPONSES + "_count", destination_port=str(self.port))
        self.assertIn("127.0.0.1", [dict(labels)["destination"] for labels in series])

    def test_socket_that_had_another_connection_before(self):
        client, server = self.pair()
        self.turn(client, server)
        self.check()
        nowhere = bytes(16)  # AF_UNSPEC
        harness.check_call(ctypes.CDLL(None, use_errno=True).connect(client.fileno(), nowhere, len(nowhere)))
        self.turns = Turns()
        with self.namespace.entered():
            listener = self.keep(socket.create_server(("127.0.0.1", 0)))
        self.port = listener.getsockname()[1]
        self.before = self.timed()
        client.connect(listener.getsockname())
        self.turn(client, self.keep(listener.accept()[0]))
        self.check()

    def test_large_request_counts_from_its_last_byte(self):
        client, server = self.pair()
        size = 8 << 20
        sender = threading.Thread(target=client.sendall, args=(b"x" * size,))
        sender.start()
        time.sleep(LONG)  # it cannot send all
        with self.turns.one() as turn:
            receive(server, size)
            turn.asked()
            turn.think()
            server.sendall(b"answer")
            receive(client, 6)
        sender.join(harness.LIMIT)
        self.check()

    def test_banner_is_no_answer(self):
        client, server = self.pair()
        server.sendall(b"welcome")
        receive(client, 7)
        self.check()
        self.turn(client, server)
        self.check()

    def test_connection_that_only_receives_or_only_sends(self):
        client, server = self.pair()
        for _ in range(3):
            server.sendall(b"news")
            receive(client, 4)
        self.check()
        for _ in range(3):
            client.sendall(b"news")
            receive(server, 4)
        self.check()

    def test_second_part_of_an_answer_is_none(self):
        client, server = self.pair()
        self.turn(client, server)
        for _ in range(3):
            server.sendall(b"more")
            receive(client, 4)
        self.check()

    def test_pipelined_requests_are_one(self):
        client, server = self.pair()
        with self.turns.one() as turn:
            for _ in range(3):
                client.sendall(b"request")
            turn.asked()
            receive(server, 21)
            turn.think()
            for _ in range(3):
                server.sendall(b"answer")
            receive(client, 18)
        self.check()

    def test_answer_after_the_client_has_said_that_nothing_follows(self):
        client, server = self.pair()
        with self.turns.one() as turn:
            client.sendall(b"request")
            client.shutdown(socket.SHUT_WR)
            turn.asked()
            receive(server, 7)
            turn.think()
            server.sendall(b"answer")
            receive(client, 6)
        self.check()

    def test_older_connections_are_not_timed(self):
        client, server = self.pair()
        with harness.Exporter(*ONLY) as exporter:
            self.turn(client, server)
            self.assertEqual(exporter.scrape().all(RESPONSES + "_count", destination_port=str(self.port)), {})

    def test_http_with_keep_alive(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler):
                handler.rfile.read(int(handler.headers["Content-Length"]))
                turn.think()
                handler.send_response(200)
                handler.send_header("Content-Length", "6")
                handler.end_headers()
                handler.wfile.write(b"answer")

            def log_message(self, *unused):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_address[1]
        self.before = self.timed()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.LIMIT)
            for _ in range(5):
                with self.turns.one() as turn:
                    client.request("POST", "/", body=b"x" * 100)
                    turn.asked()
                    self.assertEqual(client.getresponse().read(), b"answer")
            client.close()
        finally:
            server.shutdown()
            thread.join(harness.LIMIT)
            server.server_close()
        self.turns.shortest = 5 * THINKING
        self.check()


class ManyTest(ResponsesCase):
    MANY = 2000  # so that of some a hundred another is in their place of the table

    def test_many_connections_at_once(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 * self.MANY, 3 * self.MANY))
        with self.namespace.entered():
            listener = self.keep(socket.create_server(("127.0.0.1", 0)))
            pairs = []
            for _ in range(self.MANY):
                client = self.keep(socket.create_connection(listener.getsockname()))
                pairs.append((client, self.keep(listener.accept()[0])))
        self.port = listener.getsockname()[1]
        self.before = self.timed()
        for client, server in pairs:
            self.turn(client, server, 0)
        self.check()
        for client, server in pairs:
            client.close()
            server.close()
        metrics = self.exporter.scrape()
        self.assertEqual(total(metrics, CLOSED, self.namespace, kind="active"), self.MANY)
        self.assertEqual(total(metrics, "socket_time_wait_created_total", self.namespace), self.MANY)


class PacketsTest(ResponsesCase):
    """A peer whose packets are made by hand."""

    ADDRESS, PORT = "10.9.0.2", 80

    def setUp(self):
        super().setUp()
        self.port = self.PORT
        self.before = self.timed()
        with self.namespace.entered():
            self.wire = self.stack.enter_context(Wire(self.namespace))
            self.client = self.keep(socket.socket())
            self.client.setblocking(False)
            self.client.connect_ex((self.ADDRESS, self.PORT))
        self.syn = self.wire.next_syn(self.ADDRESS)
        self.next = next_sequence(self.syn)  # of the client
        self.said = 1001  # by the peer
        self.wire.answer(self.syn, SYN | ACK, 1000, self.next)
        self.client.settimeout(harness.LIMIT)

    def say(self, text, acknowledged, sequence=None):
        self.wire.answer(self.syn, PSH | ACK, self.said if sequence is None else sequence,
                         acknowledged % (1 << 32), text)
        if sequence is None:
            self.said += len(text)
            receive(self.client, len(text))

    def ask(self, text=b"request"):
        harness.eventually(lambda: self.client.connect_ex((self.ADDRESS, self.PORT)) in (0, 106), "connected")
        self.client.sendall(text)
        self.next += len(text)
        return self.wire.next_data(self.ADDRESS)

    def count(self):
        return self.timed()[0] - self.before[0]

    def test_data_on_their_way_when_it_was_asked_are_no_answer(self):
        self.ask()
        self.say(b"welcome", self.next - 7)
        self.assertEqual(self.count(), 0)
        self.say(b"half", self.next - 3)
        self.assertEqual(self.count(), 0)
        self.say(b"answer", self.next)
        self.assertEqual(self.count(), 1)

    def test_data_sent_again_are_no_answer(self):
        self.ask()
        self.say(b"answer", self.next)
        self.ask()
        self.say(b"r", self.next, self.said - 1)
        self.assertEqual(self.count(), 1)
        self.say(b"answer", self.next)
        self.assertEqual(self.count(), 2)

    def test_request_sent_again_counts_from_the_first_time(self):
        with self.turns.one() as turn:
            first = self.ask()
            turn.asked()
            self.assertEqual(self.wire.next_data(self.ADDRESS), first)
            turn.think(0)
            self.assertGreater(turn.answering_at - turn.asked_at, THINKING)
            self.say(b"answer", self.next)
        self.check()


class WithoutResponsesTest(unittest.TestCase):
    def check(self, reason, prepare, flags=ONLY):
        with harness.Exporter(*flags, prepare=prepare) as exporter, harness.Namespace() as namespace:
            with namespace.entered(), socket.create_server(("127.0.0.1", 0)) as server:
                socket.create_connection(server.getsockname()).close()
            exporter.wait_for_line(rf"response_times \(.*{reason}")
            metrics = exporter.scrape()
        feature, = metrics.all("socket_exporter_feature_info", feature="response_times")
        self.assertEqual(dict(feature)["state"], "off")
        self.assertIn(reason, dict(feature)["reason"])
        self.assertNotIn(RESPONSES + "_count", metrics.samples)
        self.assertEqual(sum(metrics.all("socket_connect_attempts_total",
                                         netns=f"net:[{namespace.inode}]").values()), 1)

    def test_without_the_privilege(self):
        self.check("CAP_NET_ADMIN", become_nobody_with(CAP_BPF, CAP_PERFMON))

    def test_without_the_root_of_cgroups(self):
        mounts = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
                  if " - cgroup2 " in line]

        def hide():
            private_mounts()
            for mount in mounts:
                harness.check_call(ctypes.CDLL(None, use_errno=True).umount2(mount.encode(), 0))
        self.check("the root of cgroup2", hide)

    def test_switched_off(self):
        self.check("--no-collector.connects.responses", None, (*ONLY, "--no-collector.connects.responses"))


if __name__ == "__main__":
    harness.main()
