#!/usr/bin/env python3
"""Every figure of sockets and ports equals what this test made, and what ss counts."""
import collections
import pathlib
import socket
import unittest

import harness
from books import SHOW_ALL, TCP_STATES, Books
from sockets import Pair, Sockets, scrape_and_own

RANGE = range(20000, 21000)
RESERVED = range(20100, 20150)
FATES = (Pair.established, Pair.fin_wait1, Pair.fin_wait2, Pair.orphaned_fin_wait2, Pair.close_wait,
         Pair.last_ack, Pair.closing, Pair.time_wait, Pair.inbound_time_wait)
LINGERING = (Pair.fin_wait1, Pair.last_ack, Pair.closing)  # hold half a megabyte each


def populate(sockets):
    """Hundreds of sockets: IPv4, IPv6 and v4-mapped, in all states, in and out of the range."""
    sockets.listen("127.0.0.1", 5000)
    sockets.listen("::1", 5001)
    sockets.listen("::", 5002)
    sockets.listen("127.0.0.1", 5003, backlog=0)
    sockets.listen("127.0.0.1", 5004, defer_accept=True)
    sockets.listen("127.0.0.1", 20300)
    for port in (*range(20200, 20205), 20110, 7000):
        sockets.bound("127.0.0.1", port)
    sockets.bound("127.0.0.2", 20200)
    sockets.bound("::1", 20205)
    for port in (*range(20400, 20420), 20111, 7000):
        sockets.bound("127.0.0.1", port, socket.SOCK_DGRAM)
    for port in range(20415, 20425):
        sockets.bound("::1", port, socket.SOCK_DGRAM)
    for address, port in (("127.0.0.1", 5000), ("::1", 5001), ("127.0.0.1", 5002), ("::1", 5002),
                          ("::ffff:127.0.0.1", 5000)):
        for fate in FATES:
            for _ in range(2 if fate in LINGERING else 9):
                sockets.connect(address, port, fate)
    for _ in range(40):
        sockets.connect("127.0.0.1", 20300)
    sockets.connect_unaccepted("127.0.0.1", 5003)
    for _ in range(8):
        sockets.connect_unanswered("127.0.0.1", 5003)
    for _ in range(12):
        sockets.connect_deferred("127.0.0.1", 5004)
    for _ in range(30):
        sockets.udp_connected("127.0.0.1", 9)


def scrape_with_books(exporter, entries):
    """A scrape, and the books with what the scrape itself adds."""
    metrics, own = scrape_and_own(exporter)
    return metrics, Books(entries + own, RANGE, RESERVED)


def sysctl(name):
    return pathlib.Path("/proc/sys/net/ipv4", name).read_text()


def nonzero(metrics, name, *labels, **only):
    """Of the exporter's own namespace: others are there too."""
    found = {}
    for key, value in metrics.all(name, netns="host", **only).items():
        if value:
            found[tuple(dict(key)[label] for label in labels)] = value
    return found


class ValuesTest(unittest.TestCase):
    maxDiff = None
    prepare = None          # what the exporter's process does before it starts
    sees_bound_only = True  # sockets that have called bind() and nothing else

    @classmethod
    def setUpClass(cls):
        cls.namespace = cls.enterClassContext(harness.Namespace())
        cls.namespace.sysctl("ipv4.ip_local_port_range", f"{RANGE.start} {RANGE.stop - 1}")
        cls.namespace.sysctl("ipv4.ip_local_reserved_ports", f"{RESERVED.start}-{RESERVED.stop - 1},30000")
        cls.namespace.sysctl("ipv4.tcp_tw_reuse", 0)
        sockets = cls.enterClassContext(Sockets(cls.namespace))
        populate(sockets)
        sockets.wait_until_ss_agrees()
        entries = [e for e in sockets.entries
                   if cls.sees_bound_only or (e.protocol, e.state) != ("tcp", "close")]
        with harness.Exporter(*SHOW_ALL, namespace=cls.namespace, prepare=cls.prepare) as exporter:
            cls.metrics, cls.books = scrape_with_books(exporter, entries)

    def test_tcp_sockets_by_state(self):
        expected = collections.Counter((e.family, e.state) for e in self.books.tcp)
        self.assertEqual(nonzero(self.metrics, "socket_tcp_sockets", "family", "state"), expected)

    def test_every_state_is_there(self):
        for family in ("ipv4", "ipv6"):
            states = self.metrics.by("state", "socket_tcp_sockets", netns="host", family=family)
            self.assertEqual(set(states), set(TCP_STATES))

    def test_the_namespace_is_named(self):
        info = self.metrics.all("socket_netns_info", netns="host", inode=str(self.namespace.inode))
        self.assertEqual(list(info.values()), [1])

    def test_udp_sockets(self):
        expected = collections.Counter(e.family for e in self.books.entries if e.protocol == "udp")
        self.assertEqual(self.metrics.by("family", "socket_udp_sockets", netns="host"), expected)

    def test_port_range(self):
        self.assertEqual(self.metrics.value("socket_ephemeral_port_range_ports", netns="host"), len(RANGE))
        self.assertEqual(self.metrics.value("socket_ephemeral_reserved_ports", netns="host"), len(RESERVED))

    def test_usable_and_used_ports(self):
        usable = self.metrics.by("protocol", "socket_ephemeral_ports_usable", netns="host")
        used = self.metrics.by("protocol", "socket_ephemeral_ports_used", netns="host")
        self.assertEqual(usable, {"tcp": self.books.usable(), "udp": len(RANGE) - len(RESERVED)})
        self.assertEqual(used, {p: self.books.used(p) for p in ("tcp", "udp")})

    def test_tuples(self):
        shown = nonzero(self.metrics, "socket_ephemeral_tuple_ports_used",
                        "source", "destination", "destination_port", protocol="tcp")
        self.assertEqual(shown, self.books.tuples())
        fullest = self.metrics.value("socket_ephemeral_tuple_ports_used_max", netns="host", protocol="tcp")
        self.assertEqual(fullest, max(self.books.tuples().values()))
        udp = self.metrics.value("socket_ephemeral_tuple_ports_used_max", netns="host", protocol="udp")
        self.assertEqual(udp, self.books.used("udp"))

    def test_destinations(self):
        shown = nonzero(self.metrics, "socket_destination_sockets", "destination", "destination_port", "state")
        self.assertEqual(shown, self.books.destinations())

    def test_inbound_sockets(self):
        shown = nonzero(self.metrics, "socket_inbound_sockets", "port", "state")
        self.assertEqual(shown, self.books.inbound())

    def test_listen_queues(self):
        length = nonzero(self.metrics, "socket_listen_queue_length", "address", "port")
        self.assertEqual(length, {("127.0.0.1", "5003"): 1})
        for port, limit in (("5000", 512), ("5003", 0)):
            self.check_queue_limit(port, limit)

    def check_queue_limit(self, port, limit):
        self.assertEqual(self.metrics.value("socket_listen_queue_limit", netns="host", port=port), limit)

    def test_time_wait_limit(self):
        with self.namespace.entered():
            limit = float(sysctl("tcp_max_tw_buckets"))
        self.assertEqual(self.metrics.value("socket_tcp_time_wait_limit", netns="host"), limit)

    def test_sysctls(self):
        values = self.metrics.by("name", "socket_sysctl_value", netns="host")
        self.assertLessEqual({"tcp_tw_reuse", "tcp_fin_timeout", "somaxconn"}, set(values))
        with self.namespace.entered():
            for name, value in values.items():
                file = next(path for folder in ("ipv4", "core", "netfilter")
                            if (path := pathlib.Path("/proc/sys/net", folder, name)).exists())
                self.assertEqual(float(file.read_text()), value, name)


class HostLimitsTest(unittest.TestCase):
    """Limits that the kernel shows in the host's namespace only."""

    def test_tcp_memory_and_orphans(self):
        with harness.Exporter() as exporter:
            metrics = exporter.scrape()
        limits = metrics.by("level", "socket_tcp_memory_limit_pages")
        self.assertEqual([limits[level] for level in ("low", "pressure", "high")],
                         [float(pages) for pages in sysctl("tcp_mem").split()])
        self.assertEqual(metrics.value("socket_tcp_memory_pages"), metrics.value("node_sockstat_TCP_mem"))
        self.assertEqual(metrics.value("socket_tcp_orphans"), metrics.value("node_sockstat_TCP_orphan"))
        self.assertEqual(metrics.value("socket_tcp_orphans_limit"), float(sysctl("tcp_max_orphans")))


class TopDestinationsTest(unittest.TestCase):
    def test_destinations_beyond_the_top_are_other_and_sums_stay_exact(self):
        with harness.Namespace() as namespace, Sockets(namespace) as sockets:
            sockets.listen("::", 5000)
            for number in range(1, 121):
                for _ in range(1 + number % 3):
                    sockets.connect(f"127.0.1.{number}", 5000)
            with harness.Exporter(namespace=namespace) as exporter:
                metrics, books = scrape_with_books(exporter, sockets.entries)
        shown = metrics.all("socket_destination_sockets", netns="host", state="established")
        self.assertLess(len(shown), 120)
        self.assertEqual(sum(shown.values()), sum(books.destinations().values()))
        self.assertGreater(metrics.value("socket_destination_sockets", netns="host",
                                         destination="other", state="established"), 0)
        self.assertGreater(metrics.value("socket_exporter_label_overflow_total",
                                         metric="socket_destination_sockets"), 0)


class ManySocketsTest(unittest.TestCase):
    """Large tables are read by eBPF where it may be loaded; the figures are the same without."""

    def test_a_hundred_thousand_sockets(self):
        for name, prepare in (("root", None), ("nobody", harness.become_nobody)):
            with self.subTest(name), harness.Namespace() as namespace, \
                    harness.many_sockets(namespace, 50_000, 50_000), \
                    harness.Exporter(namespace=namespace, prepare=prepare) as exporter:
                metrics = exporter.scrape()
                states = metrics.by("state", "socket_tcp_sockets", netns="host", family="ipv4")
                self.assertEqual((states["time_wait"], states["established"]), (50_000, 50_002))
                # Half of the established are the clients' ends; the scrape adds a connection.
                outgoing = metrics.all("socket_destination_sockets", netns="host")
                self.assertEqual(sum(outgoing.values()), 75_001)
                inbound = metrics.all("socket_inbound_sockets", netns="host", state="established")
                self.assertEqual(sum(inbound.values()), 25_001)
                tuples = metrics.all("socket_ephemeral_tuple_ports_used", netns="host", destination_port="80")
                self.assertEqual(sum(tuples.values()), 75_000)


class TimeWaitReuseTest(unittest.TestCase):
    """KERNEL's rule: TIME_WAIT holds its port until the reuse delay has passed, where reuse applies."""

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.namespace.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
        self.sockets = self.enterContext(Sockets(self.namespace))
        self.sockets.listen("::", 5000)
        for address in ("127.0.0.1", "192.0.2.1"):
            for _ in range(10):
                self.sockets.connect(address, 5000, Pair.time_wait)
        self.sockets.wait_until_ss_agrees()
        self.exporter = self.enterContext(harness.Exporter(*SHOW_ALL, namespace=self.namespace))

    def used(self):
        metrics = self.exporter.scrape()
        used = metrics.by("destination", "socket_ephemeral_tuple_ports_used",
                          netns="host", protocol="tcp", destination_port="5000")
        return used.get("127.0.0.1", 0), used.get("192.0.2.1", 0)

    def test_never(self):
        self.namespace.sysctl("ipv4.tcp_tw_reuse", 0)
        self.assertEqual(self.used(), (10, 10))

    def test_always_once_the_delay_has_passed(self):
        self.namespace.sysctl("ipv4.tcp_tw_reuse", 1)
        harness.eventually(lambda: self.used() == (0, 0), "all ports free again")

    def test_on_loopback_only(self):
        self.namespace.sysctl("ipv4.tcp_tw_reuse", 2)
        harness.eventually(lambda: self.used() == (0, 10), "the loopback ports free again")

    def test_not_without_timestamps(self):
        self.namespace.sysctl("ipv4.tcp_tw_reuse", 1)
        self.namespace.sysctl("ipv4.tcp_timestamps", 0)
        harness.eventually(lambda: self.time_wait_age() > 1.5, "TIME_WAIT older than the delay")
        self.assertEqual(self.used(), (10, 10))

    def time_wait_age(self):
        timers = self.namespace.run("ss", "-taonH", "state", "time-wait", "dport", "=", ":5000")
        left = [line.split("timewait,")[1].split(",")[0] for line in timers.splitlines()]
        return 60 - max(seconds(text) for text in left)


def seconds(text):
    """A timer of ss: 1min, 59sec or 999ms."""
    for unit, factor in (("min", 60), ("sec", 1), ("ms", 0.001)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise ValueError(text)


if __name__ == "__main__":
    harness.main()
