#!/usr/bin/env python3
"""WebSocket connections over networks that lose, double and reorder packets, whose packets are small or huge, or that end."""
import os
import socket

import harness
from rough_link import ADDRESSES, RoughLink
from websocket_case import CLIENT_PORT, PORT, WebsocketCase
from websocket_peers import BINARY, Connection, PING, TEXT, close_payload, frame, random_messages

TCP_USER_TIMEOUT = 18
USER_TIMEOUT = 300  # milliseconds


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

    def test_packets_that_come_twice(self):
        self.check_rough(1500, PORT, doubled=0.5)
        names, values = (line.split() for line in self.namespace.run("grep", "^TcpExt", "/proc/self/net/netstat")
                         .splitlines())
        self.assertGreater(int(values[names.index("TCPDSACKOldSent")]), 0, "none came")

    def test_packets_that_overtake_others(self):
        self.check_rough(1500, PORT, late=0.2)
        self.assertGreater(self.metrics.value("websocket_tracker_repaired_total"), 0)

    def test_everything_with_small_packets(self):
        self.check_rough(296, PORT, lost=0.02, doubled=0.05, late=0.1)
        self.assertGreater(self.metrics.value("websocket_tracker_repaired_total"), 0)

    def test_everything_at_the_client(self):
        self.check_rough(576, CLIENT_PORT, lost=0.02, doubled=0.05, late=0.1)
        self.assertGreater(self.metrics.value("websocket_tracker_repaired_total"), 0)

    def test_keepalive_that_is_not_answered(self):
        with RoughLink((self.namespace, self.far)) as link:
            connection = self.connect_across(PORT, self.books).upgrade()
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
                connection.server.setsockopt(socket.IPPROTO_TCP, option, 1)
            connection.server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.send("client", TEXT, b"the last word")  # which acknowledges all that came
            link.is_cut = True
            connection.over("abnormal_timeout", "none")
            self.check()

    def test_packets_over_64_kib(self):
        """Over IPv6 a header of options says how long they are."""
        self.namespace.run("ip", "link", "set", "lo", "gso_max_size", "262144", "gro_max_size", "262144")
        connection = self.connect(self.listener("::1")).upgrade()
        for end in (connection.client, connection.server):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        for by in ("client", "server"):
            for _ in range(5):
                connection.send(by, BINARY, bytes(2 << 20))
        connection.close("client", close_payload(1000), "normal")
        self.check()

    def test_a_peer_that_is_not_heard_of_any_more(self):
        with RoughLink((self.namespace, self.far)) as link:
            connection = self.connect_across(PORT, self.books).upgrade()
            connection.server.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT)
            link.is_cut = True
            connection.server.sendall(frame(TEXT, b"anybody?", False))
            connection.note("server", TEXT, 8)
            connection.over("abnormal_timeout", "none")
            self.check()


if __name__ == "__main__":
    harness.main()
