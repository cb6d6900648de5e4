"""A host with a pod on it in which something of everything goes on: sockets, connects, responses, WebSockets."""
import contextlib
import errno
import socket

import harness
from specimens import Cgroups, Root, resident
from websocket_peers import (BINARY, PING, PONG, REQUEST, RESET_AT_CLOSE, TEXT, Books, Connection, close_payload,
                             transfer)

PORTS = 300
FULL, CHURN, ANSWERS = ("127.0.0.2", 5432), ("127.0.0.3", 5433), ("127.0.0.4", 5434)
WEBSOCKETS = ("127.0.0.5", 8003)
POD = "shop/cart"
CONFIG = f"""
services:
  - {{name: orders-db, match: ["{FULL[0]}:{FULL[1]}"]}}
  - {{name: payments, match: ["{ANSWERS[0]}:{ANSWERS[1]}"]}}
websocket: {{ports: [{WEBSOCKETS[1]}], tls: true, limits: {{{WEBSOCKETS[1]}: 100}}}}
"""
UID = "0f1e2d3c-4b5a-4697-8899-aabbccddeeff"
FEW = 4


class BusyHost:
    """`tick()` does a little of everything. Needs private_mounts()."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self.root = self._stack.enter_context(Root())
        self.root.add_pod("shop", "cart", UID)
        cgroup = self._stack.enter_context(Cgroups()).make(f"kubepods/pod{UID}/" + "0123456789ab" + 52 * "0")
        self.pod = self._stack.enter_context(harness.Namespace())
        self._stack.enter_context(resident(self.pod, cgroup))
        self.pod.sysctl("ipv4.ip_local_port_range", f"20000 {20000 + PORTS - 1}")
        self.listeners = {address: self._listener(address) for address in (FULL, CHURN, ANSWERS, WEBSOCKETS)}
        self._open = [self._websocket() for _ in range(FEW)]
        self._leaked = []
        with contextlib.suppress(OSError):
            while True:
                self._stack.enter_context(self._connected(FULL))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for connection in self._open:
            connection.client.close()
            connection.server.close()
        for sock in self._leaked:
            sock.close()
        self._stack.close()

    def _listener(self, address):
        with self.pod.entered():
            return self._stack.enter_context(socket.create_server(address, backlog=4 * PORTS))

    def _connected(self, address):
        with self.pod.entered():
            sock = socket.socket()
        try:
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock

    def _pair(self, address):
        client = self._connected(address)
        return client, self.listeners[address].accept()[0]

    def _websocket(self):
        with self.pod.entered():
            return Connection(self.listeners[WEBSOCKETS], Books()).upgrade()

    def tick(self):
        for address, code in ((FULL, errno.EADDRNOTAVAIL), (("127.0.0.1", 1), errno.ECONNREFUSED)):
            try:
                self._connected(address).close()
            except OSError as error:
                if error.errno != code:
                    raise
        self._churn()
        self._answer()
        self._talk()
        self._hang_up()
        self._refuse_upgrade()
        self._bind_twice()

    def _churn(self):
        client, server = self._pair(CHURN)
        client.close()
        server.close()
        client, server = self._pair(CHURN)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        client.close()
        server.close()
        client, server = self._pair(CHURN)
        server.close()  # and this side does not, for a while
        self._leaked.append(client)
        if len(self._leaked) > FEW:
            self._leaked.pop(0).close()

    def _answer(self):
        client, server = self._pair(ANSWERS)
        for _ in range(FEW):
            transfer(client, server, b"request")
            transfer(server, client, b"answer")
        client.close()
        server.close()

    def _talk(self):
        for connection in self._open:
            connection.send("client", TEXT, b"question")
            connection.send("server", BINARY, b"answer")
            connection.send("server", PING, b"?")
            connection.send("client", PONG, b"?")

    def _hang_up(self):
        self._websocket().close("client", close_payload(1000), "normal")
        self._websocket().close("server", close_payload(1001), "going_away")
        broken = self._websocket()
        broken.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        broken.client.close()
        broken.server.close()

    def _refuse_upgrade(self):
        client, server = self._pair(WEBSOCKETS)
        transfer(client, server, REQUEST)
        transfer(server, client, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
        server.close()
        client.close()

    def _bind_twice(self):
        with self.pod.entered(), socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(CHURN)


def flags(host, config):
    """For an exporter that sees all of it."""
    config.write_text(CONFIG)
    return (host.root.flag, f"--config.file={config}", "--collector.connects.responses", "--collector.binds")
