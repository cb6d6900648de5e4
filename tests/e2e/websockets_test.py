#!/usr/bin/env python3
"""WebSocket connections, counted by the exporter and by the peers themselves."""
import os
import signal
import socket
import subprocess
import sys

import harness
from websocket_case import CLIENT_PORT, FAMILIES, OTHER_PORT, PORT, WebsocketCase, exporter_with
from websocket_peers import (BINARY, Books, CLOSE, GRANT, PING, PONG, REQUEST, RESET_AT_CLOSE, TEXT, close_payload,
                             frame, random_messages, transfer)


class MessagesTest(WebsocketCase):
    def test_messages_of_every_kind(self):
        for address in FAMILIES:
            with self.subTest(address):
                connection = self.connect(self.listener(address)).upgrade()
                self.check()
                connection.send("client", TEXT, b"hello")
                connection.send("server", TEXT, b"hello yourself")
                connection.send("client", BINARY, b"")
                connection.send("server", BINARY, bytes(200))
                connection.send("client", BINARY, bytes(70000))
                connection.send("server", PING, b"still there?")
                connection.send("client", PONG, b"still there?")
                connection.send("client", TEXT, b"compressed", rsv=4)
                self.check()
                connection.close("client", close_payload(1000), "normal")
                self.check()

    def test_byte_at_a_time(self):
        connection = self.connect().upgrade(step=1)
        for by in ("client", "server"):
            connection.send_many(by, random_messages(20, 300), step=1)
            connection.send(by, TEXT, bytes(66000), step=7)
            connection.send(by, PING, step=1)
        connection.send("client", CLOSE, close_payload(4001, b"enough"), step=1)
        connection.send("server", CLOSE, close_payload(4001), step=1)
        connection.client.close()
        connection.server.close()
        connection.over("application_4xxx", "client")
        self.check()

    def test_large_and_fragmented_messages(self):
        connection = self.connect().upgrade()
        for by in ("client", "server"):
            connection.send(by, BINARY, os.urandom(10 << 20))
            connection.send_fragments(by, TEXT, [bytes(5), b"", bytes(100000), bytes(1)], [(PING, b"x"), (PONG, b"")])
        connection.close("server", close_payload(1001), "going_away")
        self.check()

    def test_bursts_of_tiny_frames(self):
        connection = self.connect().upgrade()
        for by in ("client", "server"):
            connection.send_many(by, [(TEXT, b"a"), (BINARY, b"")] * 10_000)
        connection.close("client", b"", "no_status")
        self.check()

    def test_heads_and_frames_in_one_segment(self):
        connection = self.connect()
        early = frame(TEXT, b"from the client", True)
        connection.client.sendall(REQUEST + early)
        transfer(connection.server, connection.client, GRANT + frame(TEXT, b"from the server", False))
        connection.books.connections += 1
        connection.books.active += 1
        connection.note("client", TEXT, 15)
        connection.note("server", TEXT, 15)
        connection.send("client", TEXT, b"more")
        self.check()

    def test_keep_alive_requests_before(self):
        connection = self.connect()
        plain = b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n"
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        for step in (None, 1):
            transfer(connection.client, connection.server, plain, step)
            transfer(connection.server, connection.client, answer, step)
        transfer(connection.client, connection.server, b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
        transfer(connection.server, connection.client, answer)
        connection.upgrade()
        connection.send("client", TEXT, b"x")
        connection.close("client", close_payload(3000), "application_3xxx")
        self.check()


class EndsTest(WebsocketCase):
    def test_close_codes(self):
        codes = {1000: "normal", 1001: "going_away", 1002: "protocol_error", 1003: "unsupported_data",
                 1007: "invalid_payload", 1008: "policy_violation", 1009: "message_too_big",
                 1010: "mandatory_extension", 1011: "internal_error", 1012: "service_restart",
                 1013: "try_again_later", 1014: "bad_gateway", 3000: "application_3xxx", 3999: "application_3xxx",
                 4000: "application_4xxx", 4999: "application_4xxx", 999: "invalid", 1004: "invalid", 5000: "invalid"}
        listener = self.listener()
        for code, reason in codes.items():
            for by in ("client", "server"):
                self.connect(listener).upgrade().close(by, close_payload(code, b"why"), reason)
        self.connect(listener).upgrade().close("server", b"", "no_status")
        self.check()

    def test_fin_without_close_frame(self):
        listener = self.listener()
        for by in ("client", "server"):
            connection = self.connect(listener).upgrade()
            connection.send("client", TEXT, b"x")
            first, last = connection.ends(by)
            first.close()
            last.close()
            connection.over("abnormal_fin", by)
        self.check()

    def test_reset(self):
        listener = self.listener()
        for by, reason in (("client", "abnormal_reset"), ("server", "abnormal_local")):
            connection = self.connect(listener).upgrade()
            end = connection.ends(by)[0]
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            end.close()
            connection.over(reason, by)
        self.check()

    def test_close_frame_before_reset(self):
        connection = self.connect().upgrade()
        connection.send("client", CLOSE, close_payload(1001))
        connection.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        connection.client.close()
        connection.over("going_away", "client")
        self.check()

    def test_killed(self):
        listener = self.listener()
        for by in ("client", "server"):
            connection = self.connect(listener).upgrade()
            ends = connection.ends(by)
            holder = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"],
                                      pass_fds=[ends[0].fileno()], stdin=subprocess.PIPE)
            ends[0].close()
            holder.send_signal(signal.SIGKILL)
            holder.communicate(timeout=harness.LIMIT)
            ends[1].close()
            connection.over("abnormal_fin", by)
        self.check()


class HandshakesTest(WebsocketCase):
    def test_rejections(self):
        statuses = {403: "http_4xx", 404: "http_4xx", 502: "http_5xx", 503: "http_5xx", 200: "http_other",
                    301: "http_other"}
        listener = self.listener()
        for status, error in statuses.items():
            for step in (None, 1):
                connection = self.connect(listener)
                transfer(connection.client, connection.server, REQUEST)
                answer = f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno".encode()
                transfer(connection.server, connection.client, answer, step)
                connection.server.close()
                connection.client.close()
                self.books.errors[error] += 1
        self.check()

    def test_second_try_on_the_same_connection(self):
        connection = self.connect()
        transfer(connection.client, connection.server, REQUEST)
        transfer(connection.server, connection.client, b"HTTP/1.1 401 Who?\r\nContent-Length: 2\r\n\r\nno")
        self.books.errors["http_4xx"] += 1
        transfer(connection.client, connection.server, REQUEST)
        transfer(connection.server, connection.client, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        transfer(connection.server, connection.client, GRANT)
        self.books.connections += 1
        self.books.active += 1
        connection.send("server", TEXT, b"welcome")
        self.check()

    def test_incomplete(self):
        listener = self.listener()
        for sent in (REQUEST[:-2], REQUEST):
            connection = self.connect(listener)
            transfer(connection.client, connection.server, sent)
            connection.client.close()
            connection.server.close()
            self.books.errors["incomplete"] += 1
        connection = self.connect(listener)
        transfer(connection.client, connection.server, REQUEST)
        transfer(connection.server, connection.client, GRANT[:-1])
        connection.server.close()
        connection.client.close()
        self.books.errors["incomplete"] += 1
        self.check()

    def test_no_request(self):
        listener = self.listener()
        for sent in (b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"):
            connection = self.connect(listener)
            transfer(connection.client, connection.server, sent)
            connection.client.close()
            connection.server.close()
            self.books.errors["no_request"] += 1
        self.check()

    def test_plain_http_is_no_error(self):
        connection = self.connect()
        transfer(connection.client, connection.server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        transfer(connection.server, connection.client, b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n")
        connection.client.close()
        connection.server.close()
        self.check()

    def refuse(self, listener, requests, *answers):
        connection = self.connect(listener)
        transfer(connection.client, connection.server, requests)
        for answer in answers:
            transfer(connection.server, connection.client, answer)
        self.books.errors["http_5xx"] += 1

    def test_requests_that_begin_inside_of_a_segment(self):
        listener = self.listener()
        post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nGET / hello"
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHTTP/1.1 403"
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
        refusal = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
        self.refuse(listener, post + REQUEST, answer + refusal)
        self.refuse(listener, post + REQUEST, answer, refusal)
        self.refuse(listener, post * 3 + REQUEST, answer, answer, answer + refusal)
        self.refuse(listener, post + REQUEST, chunked, refusal)
        self.check()

    def test_a_request_behind_many(self):
        plain = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        self.connect().upgrade(request=plain * 10 + REQUEST, grant=b"HTTP/1.1 204 Nothing\r\n\r\n" * 10 + GRANT)
        self.check()

    def test_upgrade_to_one_of_several_protocols(self):
        listener = self.listener()
        for protocols in (b"h2c, websocket", b"WebSocket,h2c"):
            request = REQUEST.replace(b"websocket", protocols)
            self.refuse(listener, request, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
            connection = self.connect(listener).upgrade(request)
            connection.send("client", TEXT, b"x")
            self.check()

    def test_upgrade_to_another_protocol(self):
        connection = self.connect()
        transfer(connection.client, connection.server, REQUEST.replace(b"websocket", b"h2c, websocket2"))
        transfer(connection.server, connection.client, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
        self.check()

    def test_request_before_the_socket_is_accepted(self):
        listener = self.listener()
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
        with self.namespace.entered():
            client = self.keep(socket.create_connection(("127.0.0.1", PORT)))
        client.sendall(REQUEST)
        server = self.keep(listener.accept()[0])
        transfer(server, client, GRANT)
        self.books.connections += 1
        self.books.active += 1
        transfer(client, server, frame(TEXT, b"x", True))
        self.books.messages["in", "text"] += 1
        self.books.bytes["in"] += 1
        self.check()


class RolesTest(WebsocketCase):
    def test_a_client_of_this_host(self):
        listener = self.listener(port=CLIENT_PORT)
        connection = self.connect(listener).upgrade()
        connection.send("client", TEXT, b"question")
        connection.send("server", BINARY, b"answer")
        connection.close("server", close_payload(1000), "normal")
        self.check()
        self.assertEqual({dict(key)["port"] for key in self.metrics.all(
            "websocket_connections_total", netns=f"net:[{self.namespace.inode}]", role="client")}, {str(CLIENT_PORT)})

    def test_a_client_whose_address_ends_as_the_servers(self):
        """Both ends count: their addresses are not the same."""
        addresses = {"server": "2001:db8:1::1", "client": "2001:db8:2::1"}
        for address in addresses.values():
            self.namespace.run("ip", "address", "add", f"{address}/128", "dev", "lo", "nodad")
        self.exporter.stop()
        self.exporter = exporter_with(self, f"websocket: {{ports: [{PORT}], client_ports: [{PORT}]}}\n")
        with self.namespace.entered():
            listener = self.keep(socket.create_server((addresses["server"], PORT), family=socket.AF_INET6))
            client = self.keep(socket.create_connection((addresses["server"], PORT),
                                                        source_address=(addresses["client"], 0)))
        server = self.keep(listener.accept()[0])
        transfer(client, server, REQUEST)
        transfer(server, client, GRANT)
        transfer(client, server, frame(TEXT, b"hello", True))
        self.books.connections = self.books.active = self.books.messages["in", "text"] = 2
        self.books.bytes["in"] = 2 * len(b"hello")
        self.check()

    def test_refused(self):
        with self.namespace.entered(), socket.socket() as client:
            self.assertNotEqual(client.connect_ex(("127.0.0.1", CLIENT_PORT)), 0)
        self.books.errors["refused"] += 1
        self.check()

    def test_other_ports_do_not_count(self):
        self.connect(self.listener(port=OTHER_PORT)).upgrade()
        self.books = Books()
        self.check()


if __name__ == "__main__":
    harness.main()
