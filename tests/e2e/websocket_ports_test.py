#!/usr/bin/env python3
"""Whose WebSocket connections count: by ports, learned or given, by addresses, and by who has sent the SYN."""
import contextlib
import socket

import harness
from websocket_case import CLIENT_PORT, FAMILIES, OTHER_PORT, PORT, WebsocketCase
from websocket_peers import BINARY, Books, PING, PONG, REQUEST, TEXT, close_payload, transfer

MOST_LEARNED = 64
OTHER_PORTS = range(20000, 20000 + MOST_LEARNED)
REJECTION = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
IPV6_HOPOPTS, IPV6_DSTOPTS = 54, 59  # <linux/in6.h>
PADDING = bytes([0, 0, 1, 4, 0, 0, 0, 0])  # the smallest header of options


class AutoTest(WebsocketCase):
    config = "websocket: {auto: true}\n"

    def connect_at(self, port):
        with contextlib.closing(self.listener(port=port)) as listener:
            return self.connect(listener)

    def talk(self, port):
        connection = self.connect_at(port).upgrade()
        for _ in range(3):
            connection.send("client", TEXT, b"hello")
            connection.send("server", BINARY, b"hello yourself")
        connection.send("server", PING, b"x")
        connection.send("client", PONG, b"x")
        connection.close("client", close_payload(1001), "going_away")

    def shake_hands_at_others(self, times):
        for port in OTHER_PORTS:
            for _ in range(times):
                self.connect_at(port).upgrade().close("server", close_payload(1000), "normal")

    def reject(self, port):
        connection = self.connect_at(port)
        transfer(connection.client, connection.server, REQUEST)
        transfer(connection.server, connection.client, REJECTION)

    def test_a_port_is_learned_from_a_handshake(self):
        for _ in range(3):
            self.talk(OTHER_PORT)
        self.reject(OTHER_PORT)
        self.books.errors["http_4xx"] += 1
        self.check()

    def test_connections_at_a_port_without_room_to_learn_it(self):
        self.shake_hands_at_others(2)
        self.talk(PORT)
        self.reject(PORT)
        self.check(ports_refused=1)

    def test_ports_without_another_handshake_make_room(self):
        self.shake_hands_at_others(1)
        self.talk(PORT)
        for port in (PORT, *OTHER_PORTS[:2]):
            self.reject(port)
        self.books.errors["http_4xx"] += 2  # not at the port that was there first
        self.check()


class RolesTest(WebsocketCase):
    def test_a_client_at_the_port_of_a_server(self):
        connection = self.connect(self.listener(port=CLIENT_PORT), source=("127.0.0.1", PORT)).upgrade()
        connection.send("client", TEXT, b"question")
        connection.send("server", TEXT, b"answer")
        connection.close("client", close_payload(1000), "normal")
        self.check()

    def test_a_server_whose_client_has_the_port_of_a_server(self):
        listener = self.listener(port=OTHER_PORT)
        for port in (CLIENT_PORT, PORT):
            self.connect(listener, source=("127.0.0.1", port)).upgrade()
        self.books = Books()
        self.check()


class AddressesTest(WebsocketCase):
    config = f"websocket: {{ports: [{PORT}], client_ports: [{PORT}]}}\n"

    def talk(self, address, source):
        family = FAMILIES["::1" if ":" in address else "127.0.0.1"]
        with self.namespace.entered(), socket.create_server((address, PORT), family=family) as listener:
            connection = self.connect(listener, source=(source, 0)).upgrade()
        connection.send("client", TEXT, b"question")
        connection.close("client", close_payload(1000), "normal")

    def test_both_ends_at_one_address_count_once(self):
        for address in FAMILIES:
            self.talk(address, address)
        self.check()

    def test_ends_at_two_addresses_count_both(self):
        """Each of them differs in one of four words only."""
        for there in ("2001:db8:1::1", "2002:db8::1", "2001:db8::1:0:1", "2001:db8::2"):
            for address in (there, "2001:db8::1"):
                self.namespace.run("ip", "address", "replace", f"{address}/128", "dev", "lo", "nodad")
            self.talk("2001:db8::1", there)
        self.talk("127.0.0.1", "127.0.0.2")
        for books in (self.books.messages, self.books.bytes, self.books.closed):
            for key in books:
                books[key] *= 2
        self.books.connections *= 2
        self.check()


class ExtensionsTest(WebsocketCase):
    def test_headers_of_options(self):
        connection = self.connect(self.listener("::1"))
        for end in (connection.client, connection.server):
            for option in (IPV6_HOPOPTS, IPV6_DSTOPTS):
                end.setsockopt(socket.IPPROTO_IPV6, option, PADDING)
        connection.upgrade()
        for by in ("client", "server"):
            connection.send_many(by, [(TEXT, b"hello"), (BINARY, bytes(70000))])
        connection.close("server", close_payload(1001), "going_away")
        self.check()


if __name__ == "__main__":
    harness.main()
