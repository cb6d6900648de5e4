#!/usr/bin/env python3
"""Whose WebSocket connections count, by their addresses, and what is before TCP."""
import socket

import harness
from websocket_case import FAMILIES, PORT, WebsocketCase
from websocket_peers import BINARY, TEXT, close_payload

IPV6_HOPOPTS, IPV6_DSTOPTS = 54, 59  # <linux/in6.h>
PADDING = bytes([0, 0, 1, 4, 0, 0, 0, 0])  # the smallest header of options


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
