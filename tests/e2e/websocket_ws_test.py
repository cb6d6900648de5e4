#!/usr/bin/env python3
"""WebSocket connections of the npm package ws, alone and behind nginx: what it counts for itself is what is shown."""
import json
import pathlib
import signal
import socket
import subprocess
import sys

import harness
from websocket_case import OTHER_PORT, PORT, WebsocketCase, exporter_with
from websocket_peers import GRANT, REQUEST, TEXT, Books, counted, frame, receive

PEER = pathlib.Path(__file__).with_name("ws_peer") / "peer.js"
REASONS = {"1000": "normal", "1001": "going_away", "3999": "application_3xxx", "4000": "application_4xxx"}
CONNECTIONS, MESSAGES = 20, 16
NGINX = """
daemon off; master_process off; pid {directory}/pid; error_log stderr notice;
events {{}}
http {{
  access_log off;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    listen 127.0.0.1:{port};
    location /closed {{
      return 403;
    }}
    location / {{
      proxy_pass http://127.0.0.1:{backend};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout {timeout}s;
    }}
  }}
}}
"""


class WsTest(WebsocketCase):
    def setUp(self):
        super().setUp()
        if not (PEER.parent / "node_modules/ws").exists():
            print("the npm package ws is not installed: npm ci in tests/e2e/ws_peer")
            sys.exit(harness.SKIPPED)
        self.exporter.stop()
        self.exporter = exporter_with(self, f"websocket: {{ports: [{PORT}, {OTHER_PORT}]}}\n")

    def start(self, *arguments):
        peer = subprocess.Popen([harness.program("node"), PEER, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                                preexec_fn=self.namespace.join)
        self.addCleanup(peer.stdout.close)
        return peer

    def start_server(self):
        server = self.start("server", PORT)
        self.assertEqual(server.stdout.readline(), "ready\n")
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return server

    def start_nginx(self, timeout):
        directory = harness.scratch(self)
        (directory / "nginx.conf").write_text(
            NGINX.format(directory=directory, port=OTHER_PORT, backend=PORT, timeout=timeout))
        nginx = self.enterContext(harness.Process(harness.program("nginx"), "-p", directory, "-e", "stderr", "-c",
                                                  directory / "nginx.conf", namespace=self.namespace))
        nginx.wait_for_line("start worker|using the .* event method")
        return nginx

    def talk(self, port):
        server = self.start_server()
        client = self.start("client", port, CONNECTIONS, MESSAGES)
        by_client = json.loads(client.stdout.readline())
        self.assertEqual(client.wait(harness.LIMIT), 0)
        server.send_signal(signal.SIGTERM)
        return by_client, json.loads(server.stdout.readline())

    @staticmethod
    def books_of(by_client, by_server):
        books = Books()
        books.connections = by_server["connections"]
        for direction, count in (("in", by_client), ("out", by_server)):
            books.messages.update({(direction, kind): count[kind] for kind in ("text", "binary")})
            books.messages[direction, "close"] = books.connections
            books.bytes[direction] = count["bytes"]
        books.messages["in", "ping"] = by_client["ping"]
        books.messages["out", "pong"] = by_server["pong"]
        books.latencies.update(ping=by_client["ping"], request=CONNECTIONS * MESSAGES)
        books.closed.update({(REASONS[code], "client"): count for code, count in by_server["closed"].items()})
        return books

    def check_port(self, port, books):
        def found():
            return counted(self.exporter.scrape(), netns=f"net:[{self.namespace.inode}]", port=str(port))
        try:
            harness.eventually(lambda: found() == books.expected(), "the numbers of the peers", 5)
        except AssertionError:
            self.assertEqual(found(), books.expected())

    def check_exactness(self):
        metrics = self.exporter.scrape()
        for name in ("adopted", "desync", "pool_exhausted", "missed"):
            self.assertEqual(metrics.value(f"websocket_tracker_{name}_total"), 0, name)

    def test_server_and_client(self):
        books = self.books_of(*self.talk(PORT))
        self.assertEqual(books.connections, CONNECTIONS)
        self.check_port(PORT, books)
        self.check_exactness()

    def test_through_nginx(self):
        self.start_nginx(60)
        books = self.books_of(*self.talk(OTHER_PORT))
        self.check_port(PORT, books)
        self.check_port(OTHER_PORT, books)
        self.check_exactness()

    def test_rejections_of_nginx(self):
        """Of a place that it does not let anyone to, and for a server that is not there."""
        self.start_nginx(60)
        for path, status in ((b"/closed", b"403"), (b"/", b"502"), (b"/", b"502")):
            with self.namespace.entered():
                client = self.keep(socket.create_connection(("127.0.0.1", OTHER_PORT)))
            client.settimeout(harness.LIMIT)
            client.sendall(REQUEST.replace(b"/chat", path))
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 " + status))
            client.close()
        books = Books()
        books.errors.update(http_4xx=1, http_5xx=2)
        self.check_port(OTHER_PORT, books)
        self.check_exactness()

    def test_an_idle_timeout_of_nginx(self):
        """It closes both its connections without a close frame: the client's as their server, the other as a client."""
        self.start_nginx(2)
        self.start_server()
        clients = []
        for _ in range(5):
            with self.namespace.entered():
                client = self.keep(socket.create_connection(("127.0.0.1", OTHER_PORT)))
            client.settimeout(harness.LIMIT)
            client.sendall(REQUEST)
            self.assertTrue(client.recv(4096).startswith(GRANT[:12]))
            client.sendall(frame(TEXT, b"hello", True))
            receive(client, 7)
            clients.append(client)
        for client in clients:
            self.assertEqual(client.recv(1), b"")
            client.close()
        for port, by in ((PORT, "client"), (OTHER_PORT, "server")):
            books = Books()
            books.connections = 5
            books.messages.update({("in", "text"): 5, ("out", "text"): 5})
            books.bytes.update({"in": 25, "out": 25})
            books.latencies["request"] = 5
            books.closed["abnormal_fin", by] = 5
            self.check_port(port, books)
            silence = self.exporter.scrape().by("le", "websocket_idle_before_close_seconds_bucket", port=str(port),
                                                netns=f"net:[{self.namespace.inode}]")
            self.assertEqual((silence["1"], silence["5"]), (0, 5))


if __name__ == "__main__":
    harness.main()
