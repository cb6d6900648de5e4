#!/usr/bin/env python3
"""connect() that finds no local port, by every rule that decides which there are: each EADDRNOTAVAIL that the client
gets is counted as no_port, and what the gauges call full is full."""
import errno
import socket
import unittest

import harness
from connections import (ATTEMPTS, BIND_FAILURES, FAILURES, ONLY, Caller, nonzero, on, require, total)
from sockets import IP_BIND_ADDRESS_NO_PORT
from specimens import resident, with_tracefs

PORTS = 64
NOT_LOOPBACK = "10.8.0.1"


def setUpModule():
    with_tracefs()


class PortRulesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exporter = cls.enterClassContext(harness.Exporter(
            *ONLY, "--collector.binds", "--collector.ephemeral_ports", "--collector.connects.top=10000",
            "--collector.ephemeral_ports.top=10000"))
        for feature in ("connect_tracking", "bind_tracking"):
            require(cls.exporter, feature)

    def setUp(self):
        self.namespace, self.caller = self.make_namespace(tw_reuse=0)
        self.server = self.caller.listener("127.0.0.1").getsockname()

    def make_namespace(self, tw_reuse):
        namespace = self.enterContext(harness.Namespace())
        self.enterContext(resident(namespace))  # without eBPF walks it is known by that
        namespace.run("ip", "address", "add", NOT_LOOPBACK, "dev", "lo")
        caller = self.enterContext(Caller(namespace))
        namespace.sysctl("ipv4.tcp_tw_reuse", tw_reuse)
        return namespace, caller

    def narrow(self):
        """After the listeners have got their ports."""
        self.namespace.sysctl("ipv4.ip_local_port_range", f"40000 {40000 + PORTS - 1}")

    def failures(self):
        return nonzero(self.exporter.scrape(), FAILURES, self.namespace, "reason")

    def ports(self, protocol="tcp"):
        """What the gauges say of the fullest tuple, and of all: used, usable."""
        metrics = self.exporter.scrape()
        return tuple(metrics.value(f"socket_ephemeral_{name}", netns=f"net:[{self.namespace.inode}]",
                                   protocol=protocol) for name in ("tuple_ports_used_max", "ports_usable"))

    def assert_counted(self, no_port):
        self.assertEqual(self.failures(), {"no_port": no_port})

    # Exhaustion of one destination.

    def exhaust(self, address, blocking):
        full, other = (self.caller.listener(address).getsockname() for _ in range(2))
        self.narrow()
        without_port = self.caller.errors(full, 200, blocking)
        self.assertEqual(without_port, 200 - PORTS)
        self.assertEqual(self.caller.errors(other, 30, blocking), 0)
        metrics = self.exporter.scrape()
        there = {"destination": address, "destination_port": str(full[1])}
        self.assertEqual(nonzero(metrics, FAILURES, self.namespace, "reason"), {"no_port": without_port})
        self.assertEqual(total(metrics, FAILURES, self.namespace, **there), without_port)
        self.assertEqual(nonzero(metrics, ATTEMPTS, self.namespace, "destination_port"),
                         {str(full[1]): 200, str(other[1]): 30})
        searches = 230 if on(metrics, "port_search_tracking") else without_port
        self.assertEqual(total(metrics, "socket_port_search_seconds_count", self.namespace), searches)
        self.assertEqual(total(metrics, "socket_ephemeral_tuple_ports_used", self.namespace, **there), PORTS)
        self.assertEqual(self.ports(), (PORTS, PORTS))

    def test_exhaustion_v4(self):
        self.exhaust("127.0.0.1", blocking=True)

    def test_exhaustion_v4_nonblocking(self):
        self.exhaust("127.0.0.1", blocking=False)

    def test_exhaustion_v6(self):
        self.exhaust("::1", blocking=True)

    def test_exhaustion_v6_nonblocking(self):
        self.exhaust("::1", blocking=False)

    def test_reserved_ports_are_not_there(self):
        self.narrow()
        self.namespace.sysctl("ipv4.ip_local_reserved_ports", f"{40000 + PORTS // 2}-{40000 + PORTS - 1},9")
        self.assertEqual(self.ports(), (0, PORTS / 2))
        self.assertEqual(self.caller.errors(self.server, 100), 100 - PORTS / 2)
        self.assert_counted(100 - PORTS / 2)
        self.assertEqual(self.ports(), (PORTS / 2, PORTS / 2))
        metrics = self.exporter.scrape()
        self.assertEqual(total(metrics, "socket_ephemeral_reserved_ports", self.namespace), PORTS / 2)
        self.assertEqual(total(metrics, "socket_ephemeral_port_range_ports", self.namespace), PORTS)

    # bind() first.

    def bind_and_connect(self, to, at_connect=False):
        """What the client's calls come to."""
        client = self.caller.socket(to[0])
        if at_connect:
            client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        try:
            client.bind(("127.0.0.1", 0))
        except OSError as error:
            return "bind", error.errno
        return "connect", client.connect_ex(to)

    def test_bind_takes_its_port_from_all_destinations(self):
        other = self.caller.listener("127.0.0.1").getsockname()
        self.narrow()
        self.assertEqual(self.ports(), (0, PORTS))
        results = [self.bind_and_connect(self.server) for _ in range(100)]
        self.assertEqual(results, [("connect", 0)] * PORTS + [("bind", errno.EADDRINUSE)] * (100 - PORTS))
        self.assertEqual(self.ports(), (0, 0))
        self.assertEqual(self.failures(), {})
        metrics = self.exporter.scrape()
        self.assertEqual(nonzero(metrics, BIND_FAILURES, self.namespace, "reason"), {"no_port": 100 - PORTS})
        self.assertEqual(total(metrics, ATTEMPTS, self.namespace), PORTS)
        self.assertEqual(self.caller.errors(other, 20), 20)
        self.assert_counted(20)

    def test_bind_that_leaves_the_port_to_connect(self):
        other = self.caller.listener("127.0.0.1").getsockname()
        self.narrow()
        results = [self.bind_and_connect(self.server, at_connect=True) for _ in range(100)]
        self.assertEqual(results, [("connect", 0)] * PORTS + [("connect", errno.EADDRNOTAVAIL)] * (100 - PORTS))
        self.assertEqual(self.ports(), (PORTS, PORTS))
        self.assert_counted(100 - PORTS)
        self.assertEqual(self.caller.errors(other, 20), 0)

    def test_a_port_of_ones_own_that_has_such_a_connection_is_no_lack_of_ports(self):
        clients = [self.caller.socket("127.0.0.1") for _ in range(2)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(("127.0.0.1", 20000))
        errors = [client.connect_ex(self.server) for client in clients]
        self.assertEqual(errors, [0, errno.EADDRNOTAVAIL])
        self.assertEqual(self.failures(), {"other": 1})
        self.assertEqual(total(self.exporter.scrape(), ATTEMPTS, self.namespace), 2)

    def test_a_port_that_may_not_be_used_is_no_lack_of_ports(self):
        self.narrow()
        for change in ("add pref 2 table local", "del pref 0",
                       f"add pref 1 ipproto tcp sport 40000-{40000 + PORTS - 1} prohibit"):
            self.namespace.run("ip", "rule", *change.split())
        clients = [self.caller.socket("127.0.0.1") for _ in range(20)]
        self.assertEqual([client.connect_ex(self.server) for client in clients], [errno.EACCES] * 20)
        self.assertEqual(self.failures(), {"other": 20})

    # TIME_WAIT, which tcp_tw_reuse gives back after a second: 0 never, 1 always, 2 on loopback.

    @staticmethod
    def leave_time_wait(caller, server):
        error, client = caller.connect(server.getsockname())
        accepted, _ = server.accept()
        client.close()
        accepted.close()
        return error

    def fill_with_time_wait(self, tw_reuse, address):
        """Every port of the range towards a listener on that address, which it returns."""
        server = self.caller.listener(address)
        self.namespace.sysctl("ipv4.tcp_tw_reuse", tw_reuse)
        self.narrow()
        self.assertEqual([self.leave_time_wait(self.caller, server) for _ in range(PORTS)], [0] * PORTS)
        return server.getsockname()

    def wait_until_ports_come_back(self):
        """Where they do: all TIME_WAIT there is is as old then."""
        other, caller = self.make_namespace(tw_reuse=1)
        self.leave_time_wait(caller, caller.listener("127.0.0.1"))
        harness.eventually(lambda: total(self.exporter.scrape(), "socket_ephemeral_tuple_ports_used", other) == 0,
                           "the port is given back")

    def assert_ports_never_come_back(self, tw_reuse, address):
        to = self.fill_with_time_wait(tw_reuse, address)
        self.wait_until_ports_come_back()
        self.assertEqual(self.ports(), (PORTS, PORTS))
        self.assertEqual(self.caller.errors(to, 50), 50)
        self.assert_counted(50)

    def assert_ports_come_back(self, tw_reuse, address):
        """And not before the gauge says so."""
        to = self.fill_with_time_wait(tw_reuse, address)
        failed = 0
        while True:
            used_before = self.ports()
            if self.caller.errors(to, 1) == 0:
                break
            self.assertEqual(used_before, (PORTS, PORTS))
            failed += 1
        self.assertGreater(failed, 0)
        self.wait_until_ports_come_back()
        self.assertEqual(self.ports(), (1, PORTS))
        self.assertEqual(self.caller.errors(to, PORTS + 50), 51)
        self.assertEqual(self.ports(), (PORTS, PORTS))
        self.assert_counted(failed + 51)

    def test_tw_reuse_0_v4(self):
        self.assert_ports_never_come_back(0, "127.0.0.1")

    def test_tw_reuse_0_v6(self):
        self.assert_ports_never_come_back(0, "::1")

    def test_tw_reuse_1_v4(self):
        self.assert_ports_come_back(1, "127.0.0.1")

    def test_tw_reuse_1_v6(self):
        self.assert_ports_come_back(1, "::1")

    def test_tw_reuse_1_beyond_loopback(self):
        self.assert_ports_come_back(1, NOT_LOOPBACK)

    def test_tw_reuse_2_v4(self):
        self.assert_ports_come_back(2, "127.0.0.1")

    def test_tw_reuse_2_v6(self):
        self.assert_ports_come_back(2, "::1")

    def test_tw_reuse_2_beyond_loopback(self):
        self.assert_ports_never_come_back(2, NOT_LOOPBACK)


if __name__ == "__main__":
    harness.main()
