#!/usr/bin/env python3
"""Network namespaces come, change and go between scrapes."""
import contextlib
import itertools
import pathlib
import socket
import unittest

import harness
from books import FAMILIES, SHOW_ALL, by_namespace, differences
from privileges import deny_bpf
from sockets import Pair
from specimens import Root, Settings, Specimen, private_mounts

PORTS = itertools.count(5000)
# What adds up over namespaces.
SUMS = ("socket_tcp_sockets", "socket_udp_sockets", "socket_destination_sockets", "socket_inbound_sockets")


def setUpModule():
    private_mounts()


def fill(specimen):
    """A few sockets that stay as they are for a minute; their port, which no other specimen has. None that
    are only bound: on a host with many sockets these are looked for once a minute."""
    port, sockets = next(PORTS), specimen.sockets
    sockets.listen("::", port)
    for fate in (Pair.established, Pair.close_wait, Pair.time_wait, Pair.inbound_time_wait):
        sockets.connect("127.0.0.1", port, fate)
        sockets.connect("::1", port, fate)
    sockets.udp_connected("127.0.0.1", 9)
    sockets.wait_until_ss_agrees()
    return port


def is_in(shown, netns, port):
    """By its port: another namespace may get its inode."""
    return ("socket_inbound_sockets", str(port), "established") in shown.get(netns, {})


class HostCase(unittest.TestCase):
    """An exporter that looks at all namespaces from one of its own."""

    prepare = None  # what the exporter's process does before it starts

    @classmethod
    def setUpClass(cls):
        cls.root = cls.enterClassContext(Root())
        cls.host = cls.enterClassContext(Specimen())
        cls.exporter = cls.enterClassContext(cls.started())

    @classmethod
    def started(cls, *flags, within=None):
        return harness.Exporter(cls.root.flag, *SHOW_ALL, *flags, namespace=(within or cls.host).namespace,
                                prepare=cls.prepare)

    def setUp(self):
        self.stack = self.enterContext(contextlib.ExitStack())

    def make(self, name=""):
        """Without reuse of TIME_WAIT, so that it does not matter how old that is."""
        specimen = self.stack.enter_context(Specimen(Settings(sysctls={"tcp_tw_reuse": 0}), name))
        if name:
            self.root.name(specimen.namespace, name)
            self.stack.callback(self.root.unname, name)
        else:
            specimen.add_process()
        return specimen

    def shown(self):
        return by_namespace(self.exporter.scrape())

    def check(self, specimen):
        self.assertEqual(differences(self.shown()[specimen.netns], specimen.truth()), {})

    def wait_until_gone(self, netns, port):
        """The kernel removes a namespace a little after its last user."""
        harness.eventually(lambda: not is_in(self.shown(), netns, port), f"{netns} is gone")


class LifeTest(HostCase):
    """By eBPF."""

    def test_it_appears_and_vanishes(self):
        for name in ("", "green"):
            with self.subTest(name=name):
                before = self.shown()
                specimen = self.make(name)
                port = fill(specimen)
                self.assertFalse(is_in(before, specimen.netns, port))
                self.check(specimen)
                specimen.close()
                if name:
                    self.assertIn(name, self.shown())
                    self.root.unname(name)
                    harness.eventually(lambda: "green" not in self.shown(), "the name is gone")
                self.wait_until_gone(specimen.netns, port)

    def test_made_used_and_removed_between_two_scrapes(self):
        self.shown()
        made = []
        for _ in range(5):
            with Specimen() as specimen:
                specimen.add_process()
                made.append((specimen.netns, fill(specimen)))
        for netns, port in made:
            self.wait_until_gone(netns, port)
        self.assertNotIn("unknown", self.shown())

    def test_without_a_process(self):
        specimen = self.make("only-a-file")
        fill(specimen)
        self.check(specimen)
        self.root.unname("only-a-file")
        self.root.name(specimen.namespace, "renamed")
        specimen.name = "renamed"
        self.check(specimen)

    def test_the_name_of_one_that_is_gone(self):
        for ports in (3, 5):
            specimen = self.make("again")
            fill(specimen)
            for port in range(8000, 8000 + ports):
                specimen.sockets.bound("127.0.0.1", port, socket.SOCK_DGRAM)
            self.check(specimen)
            specimen.close()
            self.root.unname("again")

    def test_tables_of_its_own(self):
        tables = {"tcp_ehash_entries": "tcp_child_ehash_entries", "udp_hash_entries": "udp_child_hash_entries"}
        for child_sysctl in tables.values():
            self.host.namespace.sysctl(f"ipv4.{child_sysctl}", 1024)
        with self.host.namespace.entered():
            specimen = self.make("own-tables")
        with specimen.namespace.entered():
            for sysctl in tables:  # negative where the table is the host's
                self.assertEqual(pathlib.Path("/proc/sys/net/ipv4", sysctl).read_text(encoding="ascii"), "1024\n")
        other = self.make("common-tables")
        for one in (specimen, other):
            port = fill(one)
            for address in ("127.0.0.1", "::1"):
                one.sockets.bound(address, port, socket.SOCK_DGRAM)
            for _ in range(100):
                one.sockets.connect("127.0.0.1", port)
            self.check(one)
        with self.subTest("from inside"):
            shown = by_namespace(self.enterContext(self.started(within=specimen)).scrape())
            self.assertEqual(differences(shown[other.netns], other.truth()), {})
            truth = specimen.truth()
            for key in itertools.product(("socket_tcp_sockets",), FAMILIES, ("time_wait", "close_wait", "fin_wait2")):
                self.assertEqual(shown["host"][key], truth[key], key)

    def test_sysctls_that_change(self):
        specimen = self.make("changing")
        fill(specimen)
        self.check(specimen)
        for specimen.settings in (
                Settings(range(40000, 40100), (40001, 40007), {"somaxconn": 777, "tcp_fin_timeout": 99}),
                Settings(range(10000, 60001), (), {"tcp_max_tw_buckets": 123, "tcp_timestamps": 0, "tcp_tw_reuse": 1})):
            specimen.apply()
            self.check(specimen)


class LifeWithoutBpfTest(LifeTest):
    """By a netlink socket of each namespace."""

    prepare = staticmethod(deny_bpf)


class DescriptorTest(HostCase):
    """What nothing but an open file keeps is found by eBPF only."""

    def test_kept_by_a_descriptor(self):
        specimen = self.stack.enter_context(Specimen(Settings(sysctls={"tcp_tw_reuse": 0})))
        fill(specimen)
        self.check(specimen)


def sums_of(namespaces):
    sums = {}
    for key, value in itertools.chain.from_iterable(series.items() for series in namespaces):
        if key[0] in SUMS:
            sums[key] = sums.get(key, 0) + value
    return sums


class LimitTest(HostCase):
    """Beyond --netns.max all are `other`, and sums stay exact. By eBPF."""

    MOST = 4

    def test_the_rest_is_other(self):
        specimens = [self.make(f"red-{number}" if number % 2 else "") for number in range(8)]
        for specimen in specimens:
            fill(specimen)
        limited = self.enterContext(self.started(f"--netns.max={self.MOST}"))
        every, few = self.shown(), by_namespace(limited.scrape())
        self.assertEqual(len(few), self.MOST + 1)
        for specimen in specimens:
            self.assertEqual(differences(every[specimen.netns], specimen.truth()), {})
            if specimen.netns in few:
                self.assertEqual(differences(few[specimen.netns], specimen.truth()), {})
        # Other namespaces of this machine may change between the two scrapes.
        harness.eventually(lambda: self.are_the_same(self.shown(), by_namespace(limited.scrape())), "the same sums")

    def are_the_same(self, every, few):
        other = {key: value for key, value in few["other"].items() if key[0] in SUMS}
        return not differences(other, sums_of(every[netns] for netns in every.keys() - few.keys()))


class LimitWithoutBpfTest(LimitTest):
    """By netlink."""

    prepare = staticmethod(deny_bpf)


if __name__ == "__main__":
    harness.main()
