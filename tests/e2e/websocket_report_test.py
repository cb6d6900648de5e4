#!/usr/bin/env python3
"""What `report --websocket` says of real connections that end, or do not begin, in the ways that people ask about."""
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import threading

import harness
import tls
from privileges import become_nobody_with
from websocket_case import PORT, WebsocketCase
from websocket_peers import BINARY, CLOSE, REQUEST, RESET_AT_CLOSE, TEXT, close_payload, frame, transfer
from websocket_tls_test import GRANT_OF_PROGRAM, WORD_OF_PROGRAM

WATCHED = 3  # seconds; all has to happen within
IDLE_TIMEOUT = 30


class ReportCase(WebsocketCase):
    options = ""

    def setUp(self):
        super().setUp()
        self.exporter.stop()
        self.file = harness.scratch(self) / "socket_exporter.yml"
        self.file.write_text(f"websocket: {{ports: [{PORT}]{self.options}}}\n")
        self.server = self.listener()

    @contextlib.contextmanager
    def watched(self, seconds=WATCHED, config=True, flags=()):
        """The report is in self.text, or self.json, after what happened meanwhile."""
        report = subprocess.Popen(
            [harness.BINARY, "report", "--websocket", f"--netns=net:[{self.namespace.inode}]", f"--observe={seconds}s",
             *([f"--config.file={self.file}"] if config else []), *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(report.stderr.close)
        self.assertIn("watching", report.stderr.readline())
        self.report = report
        yield
        self.text = report.stdout.read()
        report.stdout.close()
        self.assertEqual(report.wait(harness.LIMIT), 0, self.text)

    def connections(self, number):
        return [self.connect(self.server).upgrade() for _ in range(number)]

    def words(self):
        """Without line breaks."""
        return re.sub(r"\s+", " ", self.text)


class ReportTest(ReportCase):
    def reset(self, connections):
        for connection in connections:
            connection.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            connection.client.close()
            connection.server.close()

    def test_a_storm(self):
        with self.watched():
            connections = self.connections(20)
            self.reset(connections[:15])
        self.assertIn("CRITICAL 15 of 20 (75 %) connections at port 8003", self.words())
        self.assertIn("15 were reset by the peer", self.words())
        self.assertIn("5 open, 20 opened, 0 found open, 15 ended", self.words())

    def test_a_rollout(self):
        with self.watched():
            for connection in self.connections(6):
                connection.close("server", close_payload(1001), "going_away")
        self.assertIn("WARNING The server sent 6 of 6 (100 %) connections at port 8003", self.words())
        self.assertIn("6 going_away (server)", self.words())

    def test_handshakes_that_are_refused(self):
        with self.watched():
            self.connections(4)
            for _ in range(4):
                connection = self.connect(self.server)
                transfer(connection.client, connection.server, REQUEST)
                answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
                transfer(connection.server, connection.client, answer)
        self.assertIn("CRITICAL 4 of 8 (50 %) handshakes at port 8003", self.words())
        self.assertIn("4 were answered with 4xx", self.words())
        self.assertIn("Origin", self.words())

    def test_clients_that_do_not_read(self):
        with self.watched():
            slow, *_ = self.connections(4)
            slow.server.setblocking(False)
            data = frame(BINARY, bytes(1 << 20), False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    slow.server.send(data)
        self.assertRegex(self.words(), r"WARNING 1 connection with [\d,]+ KiB that their clients do not read")

    def test_an_idle_timeout(self):
        """A proxy's: it closes what was silent for half a minute."""
        with self.watched(IDLE_TIMEOUT + 5):
            for connection in self.connections(4):
                connection.send("client", TEXT, b"hello")
                connection.server.settimeout(IDLE_TIMEOUT)
                thread = threading.Thread(target=self.close_when_silent, args=[connection])
                thread.start()
                self.addCleanup(thread.join)
        self.assertIn("WARNING 4 of 4 (100 %) connections that ended at port 8003", self.words())
        self.assertIn(f"after {IDLE_TIMEOUT} s of silence", self.words())

    @staticmethod
    def close_when_silent(connection):
        with contextlib.suppress(TimeoutError):
            connection.server.recv(1)
        connection.server.close()
        connection.client.close()

    def test_nothing_unusual_at_a_port_that_nobody_named_as_json(self):
        with self.watched(config=False, flags=["--format=json"]):
            connection, other = self.connections(2)
            connection.send("client", TEXT, b"hello")
            connection.close("client", close_payload(1000), "normal")
        report = json.loads(self.text)
        self.assertEqual((report["status"], report["findings"]), ("ok", []))
        server, = report["servers"]
        self.assertEqual((server["port"], server["open"], server["opened"]), (PORT, 1, 2))
        self.assertEqual(server["ended"], [{"reason": "normal", "initiator": "client", "count": 1}])
        self.assertEqual((server["messages"], server["bytes"]), ({"in": 1, "out": 0}, {"in": 5, "out": 0}))
        other.client.close()

    def test_without_the_privilege(self):
        done = subprocess.run([harness.BINARY, "report", "--websocket", "--observe=60s"], capture_output=True,
                              text=True, preexec_fn=become_nobody_with())
        self.assertEqual(done.returncode, 1)
        self.assertIn("WebSockets cannot be watched", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


class TlsReportTest(ReportCase):
    options = ", tls: true"

    def setUp(self):
        super().setUp()
        self.certificate = tls.certificate(harness.scratch(self))
        self.contexts = tls.contexts(self.certificate, ssl.TLSVersion.TLSv1_3, tickets=0)

    def encrypted(self):
        connection = tls.wrap(self.connect(self.server), self.contexts).upgrade()
        self.keep(connection.client)
        self.keep(connection.server)
        return connection

    def test_what_is_inside_is_told_apart(self):
        with self.watched():
            plain, *_ = self.connections(3)
            plain.close("client", close_payload(1000), "normal")
            connection, _ = self.encrypted(), self.encrypted()
            connection.send("client", TEXT, b"hello")
            connection.close("client", close_payload(1001), "going_away")
        place = f"of net:[{self.namespace.inode}]"
        self.assertIn(f"port 8003 {place}: 2 open, 3 opened, 0 found open, 1 ended 0 messages in", self.words())
        self.assertIn(f"port 8003 (TLS) {place}: 1 open, 2 opened, 0 found open, 1 ended 1 message in", self.words())
        self.assertIn("1 going_away (client)", self.words())

    def test_a_program_that_begins_meanwhile(self):
        self.server.close()
        with self.watched(flags=["--format=json"]):
            with harness.Process(os.environ["OPENSSL_SERVER"], str(PORT), str(self.certificate),
                                 namespace=self.namespace) as server:
                server.wait_for_line("ready")
                while self.report.poll() is None:
                    self.talk_once()
        server, = json.loads(self.text)["servers"]
        self.assertTrue(server["tls"])
        self.assertGreater(server["opened"], 0)

    def talk_once(self):
        with self.namespace.entered(), socket.create_connection(("127.0.0.1", PORT)) as raw:
            with self.contexts[0].wrap_socket(raw, server_hostname="localhost") as client:
                client.sendall(REQUEST)
                for data in (GRANT_OF_PROGRAM, WORD_OF_PROGRAM):
                    self.assertEqual(client.recv(len(data)), data)
                client.sendall(frame(CLOSE, close_payload(1000), True))


if __name__ == "__main__":
    harness.main()
