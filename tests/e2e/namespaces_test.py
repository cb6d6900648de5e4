#!/usr/bin/env python3
"""Fifty network namespaces with known, different sockets: every series of each equals the truth."""
import contextlib
import itertools
import socket
import time
import unittest

import harness
from books import SHOW_ALL, by_namespace, differences
from privileges import deny_bpf
from sockets import Pair, scrape_and_own
from specimens import USUAL_REUSE_DELAY, Root, Settings, Specimen, private_mounts

NAMESPACES = 50
FATES = (Pair.established, Pair.fin_wait2, Pair.close_wait, Pair.time_wait, Pair.inbound_time_wait)
HEAVY = (Pair.fin_wait1, Pair.last_ack, Pair.closing)  # hold half a megabyte each
ADDRESSES = (("127.0.0.1", 5000), ("::1", 5001), ("127.0.0.1", 5002), ("::1", 5002), ("::ffff:127.0.0.1", 5000),
             ("192.0.2.1", 5002))


def settings(number):
    """Different in every namespace, or nearly so."""
    first = 20000 + 37 * number
    ports = range(first, first + 200 + 10 * number)
    return Settings(
        ports=ports,
        reserved=() if number % 3 == 0 else (4000, *range(first + 60, first + 60 + number), ports.stop + 5),
        sysctls={"somaxconn": 100 + number, "tcp_fin_timeout": 60 + number, "tcp_max_tw_buckets": 5000 + number,
                 "tcp_timestamps": int(number % 7 != 6), "tcp_tw_reuse": number % 3})


def nothing(_specimen, _number):
    pass


def bound_only(specimen, _number):
    specimen.sockets.bound("127.0.0.1", specimen.settings.ports.start + 3)
    specimen.sockets.bound("::1", 7000)


def udp_only(specimen, number):
    first = specimen.settings.ports.start
    for port in range(first, first + 3 + number):
        specimen.sockets.bound("127.0.0.1" if port % 2 else "::1", port, socket.SOCK_DGRAM)
    specimen.sockets.udp_connected("127.0.0.1", 9)
    specimen.sockets.udp_connected("::1", 9)


def time_wait_only(specimen, number):
    sockets = specimen.sockets
    sockets.listen("::", 5000)
    for _ in range(5 + number):
        sockets.connect("127.0.0.1", 5000, Pair.time_wait)
        sockets.connect("::1", 5000, Pair.time_wait)
    sockets.stop_listening(5000)


def listeners_only(specimen, number):
    specimen.sockets.listen("0.0.0.0", 80, backlog=number)
    specimen.sockets.listen("::1", 81, backlog=3)
    specimen.sockets.listen("127.0.0.1", 82, backlog=5000)  # more than somaxconn
    for _ in range(4):
        specimen.sockets.connect_unaccepted("::1", 81)  # one more than the queue is said to take


def bind_before_connect(specimen, number):
    """Such ports are lost for connect(), and their TIME_WAIT too; unless the kernel chose at connect()."""
    first, sockets = specimen.settings.ports.start, specimen.sockets
    sockets.listen("127.0.0.1", 5000)
    for port in range(first, first + 5 + number % 5):
        sockets.connect("127.0.0.1", 5000, (Pair.established, Pair.time_wait)[port % 2], ("127.0.0.1", port))
    for _ in range(4):
        sockets.connect("127.0.0.1", 5000, source=("127.0.0.2", 0))
        sockets.connect("127.0.0.1", 5000, source=("127.0.0.3", 0), port_at_connect=True)
        sockets.connect("127.0.0.1", 5000)


def mixed(specimen, number):
    first, sockets = specimen.settings.ports.start, specimen.sockets
    specimen.namespace.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
    sockets.listen("127.0.0.1", 5000)
    sockets.listen("::1", 5001)
    sockets.listen("::", 5002)
    sockets.listen("127.0.0.1", 5003, backlog=0)
    sockets.listen("127.0.0.1", first + 7)
    for port in (first + 11, first + 61, 7000):
        sockets.bound("127.0.0.1", port)
        sockets.bound("::1", port + 1, socket.SOCK_DGRAM)
    for turn, (fate, (address, port)) in enumerate(itertools.product(FATES, ADDRESSES)):
        for _ in range(1 + (turn + number) % 4):
            sockets.connect(address, port, fate)
    for fate in HEAVY if number % 10 == 0 else ():
        sockets.connect("127.0.0.1", 5000, fate)
    sockets.connect("127.0.0.1", first + 7)
    sockets.connect_unaccepted("127.0.0.1", 5003)
    sockets.connect_unanswered("127.0.0.1", 5003)
    sockets.udp_connected("127.0.0.1", 9)


KINDS = (nothing, bound_only, udp_only, time_wait_only, listeners_only, bind_before_connect, mixed, mixed, mixed)


def make(number, root):
    """Of each kind some have a name, some a process, some both. Without eBPF one of them is needed."""
    named = number % 2 == 0
    specimen = Specimen(settings(number), f"blue-{number}" if named else "")
    if named:
        root.name(specimen.namespace, specimen.name)
    if not named or number % 4 == 0:
        specimen.add_process()
    KINDS[number % len(KINDS)](specimen, number)
    specimen.sockets.wait_until_ss_agrees()
    return specimen


class World:
    def __init__(self, stack):
        self.root = stack.enter_context(Root())
        self.specimens = []
        for number in range(NAMESPACES):
            self.specimens.append(stack.enter_context(make(number, self.root)))
        ready = time.monotonic() + USUAL_REUSE_DELAY
        harness.eventually(lambda: time.monotonic() > ready, "TIME_WAIT older than the delay of reuse")


def setUpModule():
    global world
    private_mounts()
    world = World(unittest.enterModuleContext(contextlib.ExitStack()))


class NamespacesTest(unittest.TestCase):
    """By eBPF."""

    maxDiff = None  # the whole difference
    prepare = None
    state = "on"

    @classmethod
    def setUpClass(cls):
        cls.host = cls.enterClassContext(Specimen(Settings(range(30000, 30100), sysctls={"tcp_tw_reuse": 0})))
        mixed(cls.host, 1)
        exporter = cls.enterClassContext(
            harness.Exporter(world.root.flag, *SHOW_ALL, namespace=cls.host.namespace, prepare=cls.prepare))
        cls.metrics, cls.own = scrape_and_own(exporter)
        cls.shown = by_namespace(cls.metrics)
        cls.own_port = str(exporter.port)

    def known(self, specimen):
        """The sockets that this tier can know."""
        return specimen.sockets.entries

    def test_the_tier(self):
        features = {dict(key)["feature"]: dict(key)["state"]
                    for key in self.metrics.all("socket_exporter_feature_info")}
        self.assertEqual((features["socket_walk"], features["all_netns"]), (self.state, self.state))

    def test_every_series_of_every_namespace(self):
        for number, specimen in enumerate(world.specimens):
            with self.subTest(kind=KINDS[number % len(KINDS)].__name__, number=number):
                truth = specimen.truth(self.known(specimen))
                self.assertEqual(differences(self.shown[specimen.netns], truth), {})

    def test_every_series_of_the_own_namespace(self):
        shown = self.shown["host"]
        backlog = shown.pop(("socket_listen_queue_limit", "127.0.0.1", self.own_port))
        self.assertGreater(backlog, 0)
        truth = self.host.truth(self.known(self.host) + self.own)
        truth["socket_listen_queue_length", "127.0.0.1", self.own_port] = 0
        shown = {key: value for key, value in shown.items() if key[0] != "socket_sysctl_value" or key in truth}
        self.assertEqual(differences(shown, truth), {})

    def test_no_collector_fails(self):
        successes = self.metrics.by("collector", "socket_exporter_collector_success")
        self.assertEqual([name for name, ok in successes.items() if not ok], [])


class WithoutBpfTest(NamespacesTest):
    """By a netlink socket of each namespace. It is not known then which ports bind() gave before connect(),
    so these are not lost, but count for their tuple."""

    prepare = staticmethod(deny_bpf)
    state = "off"

    def known(self, specimen):
        return [e._replace(bound=False) for e in specimen.sockets.entries]


if __name__ == "__main__":
    harness.main()
