#!/usr/bin/env python3
"""What becomes of connect() and bind(), counted by the exporter and by the client itself."""
import contextlib
import errno
import os
import select
import socket
import struct
import subprocess
import sys
import unittest

import harness
from bpf import Table, bpf_objects, shown
from connections import (ADDRESSES, ATTEMPTS, BIND_FAILURES, CLOSED, FAILURES, ONLY, Caller, family_of, nonzero, on,
                         require, reset_at_close, total)
from specimens import Cgroups, Root, resident, with_tracefs
from wire import ACK, RST, SYN, Wire, next_sequence

TCP_USER_TIMEOUT = 18


def setUpModule():
    with_tracefs()


def wait_for_error(sock):
    """Fetched once the connection has ended: the kernel has it before that, and does not know it any more then."""
    poll = select.poll()
    poll.register(sock, 0)
    harness.eventually(lambda: any(seen & select.POLLHUP for _, seen in poll.poll(0)), "connect() has failed")
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


class ConnectsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exporter = cls.enterClassContext(harness.Exporter(*ONLY, "--collector.connects.top=10000"))
        require(cls.exporter, "connect_tracking")

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.enterContext(resident(self.namespace))  # without eBPF walks it is known by that
        self.caller = self.enterContext(Caller(self.namespace))

    def reasons(self):
        return nonzero(self.exporter.scrape(), FAILURES, self.namespace, "reason")

    def test_refused(self):
        for address in ADDRESSES:
            nobody = self.caller.socket(address)
            nobody.bind((address, 0))
            for _ in range(3):
                self.assertEqual(self.caller.connect(nobody.getsockname())[0], errno.ECONNREFUSED)
        self.assertEqual(self.reasons(), {"refused": 6})

    def timeout_and_abort(self, peer, other):
        with Wire(self.namespace, family_of(peer)):
            waits = [self.caller.socket(peer) for _ in range(3)]
            for sock in waits:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 100)
                self.assertEqual(sock.connect_ex((peer, 80)), errno.EINPROGRESS)
            for _ in range(2):
                self.caller.connect((other, 80), blocking=False)[1].close()
            self.assertEqual([wait_for_error(sock) for sock in waits], [errno.ETIMEDOUT] * 3)
        self.assertEqual(self.reasons(), {"timeout": 3, "aborted": 2})

    def test_timeout_and_abort_v4(self):
        self.timeout_and_abort("10.9.0.2", "10.9.0.3")

    def test_timeout_and_abort_v6(self):
        self.timeout_and_abort("fd09::2", "fd09::3")

    def unreachable_and_reset(self, peer, other):
        with Wire(self.namespace, family_of(peer)) as wire:
            sock = self.caller.connect((peer, 80), blocking=False)[1]
            wire.answer_host_unreachable(wire.next_syn(peer))
            self.assertEqual(wait_for_error(sock), errno.EHOSTUNREACH)
            for port in (80, 81):
                sock = self.caller.connect((other, port), blocking=False)[1]
                syn = wire.next_syn(other)
                wire.answer(syn, SYN, 1000)
                wire.answer(syn, RST, 1001)
                self.assertEqual(wait_for_error(sock), errno.ECONNRESET)
        self.assertEqual(self.reasons(), {"unreachable": 1, "reset": 2})

    def test_unreachable_and_reset_v4(self):
        self.unreachable_and_reset("10.9.0.2", "10.9.0.3")

    def test_unreachable_and_reset_v6(self):
        self.unreachable_and_reset("fd09::2", "fd09::3")

    def close_by_timeout(self, peer):
        """The peer answers the first SYN and no more."""
        with Wire(self.namespace, family_of(peer)) as wire:
            for _ in range(2):
                sock = self.caller.connect((peer, 80), blocking=False)[1]
                syn = wire.next_syn(peer)
                wire.answer(syn, SYN | ACK, 1000, next_sequence(syn))
                harness.eventually(lambda: sock.connect_ex((peer, 80)) in (0, errno.EISCONN), "connected")
                sock.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 100)
                sock.sendall(b"request")
                self.assertEqual(wait_for_error(sock), errno.ETIMEDOUT)
        metrics = self.exporter.scrape()
        self.assertEqual(nonzero(metrics, CLOSED, self.namespace, "kind"), {"timeout": 2})
        self.assertEqual(total(metrics, ATTEMPTS, self.namespace), 2)
        self.assertEqual(self.reasons(), {})

    def test_close_by_timeout_v4(self):
        self.close_by_timeout("10.9.0.2")

    def test_close_by_timeout_v6(self):
        self.close_by_timeout("fd09::2")

    def test_kinds_of_close(self):
        server = self.caller.listener("127.0.0.1")
        pairs = []
        for _ in range(6):
            client = self.caller.connect(server.getsockname())[1]
            pairs.append((client, self.caller.keep(server.accept()[0])))
        for client, _ in pairs[:3]:
            client.close()
        pairs[3][1].close()
        pairs[3][0].close()
        for end in (pairs[4][0], pairs[5][1]):
            reset_at_close(end)
            end.close()

        def kinds():
            metrics = self.exporter.scrape()
            found = nonzero(metrics, CLOSED, self.namespace, "kind")
            return metrics if sum(found.values()) == 6 else None
        metrics = harness.eventually(kinds, "six closes")
        self.assertEqual(nonzero(metrics, CLOSED, self.namespace, "kind"),
                         {"active": 3, "passive": 1, "aborted": 1, "reset": 1})
        port = str(server.getsockname()[1])
        for name, count in (("connect_duration", 6), ("connection_duration", 6), ("close_wait", 1)):
            self.assertEqual(metrics.value(f"socket_{name}_seconds_count", destination_port=port), count)
        for _, peer in pairs[:3]:
            peer.close()
        harness.eventually(lambda: total(self.exporter.scrape(), "socket_time_wait_created_total",
                                         self.namespace) == 3, "three TIME_WAIT")

    def test_older_connections_count_apart(self):
        server = self.caller.listener("127.0.0.1")
        client = self.caller.connect(server.getsockname())[1]
        accepted = self.caller.keep(server.accept()[0])
        with harness.Exporter(*ONLY) as exporter:
            client.close()
            accepted.close()

            def older():
                metrics = exporter.scrape()
                return metrics if metrics.value("socket_connections_older_closed_total") >= 2 else None
            metrics = harness.eventually(older, "both ends")
        self.assertEqual(total(metrics, ATTEMPTS, self.namespace), 0)
        self.assertEqual(total(metrics, CLOSED, self.namespace), 0)


class StaleEntryTest(unittest.TestCase):
    """The kernel drops an event that interrupts another, be it the end of a connection."""

    PLACE = "=Q24xI"  # live_connections.h: the address of the socket, and the inode of its namespace
    SIZE, PLACES = 128, 1 << 14
    WAITING = 500

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.enterContext(resident(self.namespace))
        self.caller = self.enterContext(Caller(self.namespace))
        self.exporter = self.enterContext(harness.Exporter(*ONLY))
        require(self.exporter, "connect_tracking")
        maps = [shown("map", number) for kind, number in bpf_objects(self.exporter.child.pid) if kind == "map"]
        table, = (each for each in maps if each["name"] == "places")
        self.assertEqual((table["bytes_value"], table["max_entries"]), (self.SIZE, self.PLACES))
        self.places = self.enterContext(Table(table["id"], self.SIZE))

    def address(self, index):
        return struct.unpack_from(self.PLACE, self.places[index])[0]

    def place_of_the_only_connection(self):
        found = []
        for index in range(self.PLACES):
            address, inode = struct.unpack_from(self.PLACE, self.places[index])
            if address and inode == self.namespace.inode:
                found.append(index)
        index, = found
        return index

    def test_an_entry_without_an_end_is_not_taken_for_the_next_socket_at_its_address(self):
        usual = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, usual)
        os.sched_setaffinity(0, {min(usual)})  # so that the kernel gives the memory to the next socket
        server = self.caller.listener("127.0.0.1")
        waiting = [self.caller.socket("127.0.0.1") for _ in range(self.WAITING)]
        client = self.caller.connect(server.getsockname())[1]
        accepted = server.accept()[0]
        index = self.place_of_the_only_connection()
        entry = self.places[index]
        reset_at_close(client)
        client.close()
        accepted.close()
        self.assertEqual(self.address(index), 0)
        self.places[index] = entry

        made = 0
        while self.address(index) == struct.unpack_from(self.PLACE, entry)[0]:
            waiting[made].connect(server.getsockname())
            server.accept()[0].close()  # first: in CLOSE_WAIT the client's memory stays in use
            made += 1
        for sock in waiting[:made]:
            sock.close()
        harness.eventually(lambda: sum(self.closed().values()) == 1 + made, "all have ended")
        self.assertEqual(self.closed(), {"aborted": 1, "passive": made})

    def closed(self):
        return nonzero(self.exporter.scrape(), CLOSED, self.namespace, "kind")


class WorkloadTest(unittest.TestCase):
    CLIENT = """
import socket, sys
socket.socket().connect_ex(("127.0.0.1", 1))
print(flush=True)
sys.stdin.read()
"""

    def test_a_connection_carries_the_pod_of_its_process(self):
        uid, container = "0f1e2d3c-4b5a-4697-8899-aabbccddeeff", "0123456789ab" + "0" * 52
        with Cgroups() as cgroups, Root() as root, harness.Namespace() as namespace:
            root.add_pod("shop", "cart", uid)
            cgroup = cgroups.make(f"kubepods/pod{uid}/{container}")

            def move():
                (cgroup / "cgroup.procs").write_text("0")
                namespace.join()
            with harness.Exporter(root.flag, *ONLY) as exporter:
                client = subprocess.Popen([sys.executable, "-c", self.CLIENT], preexec_fn=move,
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                self.assertEqual(client.stdout.readline(), "\n")
                metrics = exporter.scrape()
                client.communicate(timeout=harness.LIMIT)
        attempts = metrics.all(ATTEMPTS, netns="shop/cart", destination="127.0.0.1", destination_port="1")
        (labels, count), = attempts.items()
        self.assertEqual(count, 1)
        self.assertLessEqual({("namespace", "shop"), ("pod", "cart"), ("container", container[:12])}, labels)


class BindsTest(unittest.TestCase):
    TYPES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}

    @classmethod
    def setUpClass(cls):
        cls.exporter = cls.enterClassContext(harness.Exporter("--collector.disable-defaults", "--collector.binds"))
        require(cls.exporter, "bind_tracking")

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.enterContext(resident(self.namespace))  # without eBPF walks it is known by that
        self.stack = self.enterContext(contextlib.ExitStack())

    def bind(self, kind, to):
        """The socket, or the errno of bind()."""
        sock = self.stack.enter_context(socket.socket(family_of(to[0]), kind))
        try:
            sock.bind(to)
        except OSError as error:
            return error.errno
        return sock

    def counted(self):
        found = self.exporter.scrape().all(BIND_FAILURES, netns=f"net:[{self.namespace.inode}]")
        labels = [(dict(key), value) for key, value in found.items() if value]
        return {(key["protocol"], key["reason"]): value for key, value in labels}

    def test_taken_port(self):
        with self.namespace.entered():
            for address in ADDRESSES:
                for kind in self.TYPES.values():
                    port = self.bind(kind, (address, 0)).getsockname()[1]
                    for _ in range(3):
                        self.assertEqual(self.bind(kind, (address, port)), errno.EADDRINUSE)
        self.assertEqual(self.counted(), {("tcp", "in_use"): 6, ("udp", "in_use"): 6})

    def test_exhausted_range(self):
        self.namespace.sysctl("ipv4.ip_local_port_range", "40000 40063")
        refused = {}
        with self.namespace.entered():
            for protocol, kind in self.TYPES.items():
                results = [self.bind(kind, ("127.0.0.1", 0)) for _ in range(100)]
                refused[protocol] = results.count(errno.EADDRINUSE)
        self.assertEqual(refused, {"tcp": 36, "udp": 36})
        self.assertEqual(self.counted(), {(protocol, "no_port"): count for protocol, count in refused.items()})

    def test_udp_connect_that_finds_no_port(self):
        self.namespace.sysctl("ipv4.ip_local_port_range", "40000 40063")
        with self.namespace.entered():
            sockets = [self.stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(100)]
            errors = [sock.connect_ex(("127.0.0.1", 53)) for sock in sockets]
        self.assertEqual(errors, [0] * 64 + [errno.EAGAIN] * 36)
        self.assertEqual(self.counted(), {("udp", "no_port"): 36})

    def test_address_of_another_host(self):
        with self.namespace.entered():
            self.assertEqual(self.bind(socket.SOCK_STREAM, ("192.0.2.1", 0)), errno.EADDRNOTAVAIL)
        self.assertEqual(self.counted(), {("tcp", "not_available"): 1})

    def test_port_of_the_privileged(self):
        child = os.fork()
        if child == 0:
            errors = []
            try:
                self.namespace.join()
                harness.become_nobody()
                errors = [self.bind(socket.SOCK_STREAM, ("127.0.0.1", 80)) for _ in range(4)]
            finally:
                os._exit(errors.count(errno.EACCES))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 4)
        self.assertEqual(self.counted(), {("tcp", "denied"): 4})

    def test_host_is_there_before_the_first_failure(self):
        rest = self.exporter.scrape().all(BIND_FAILURES, netns="host", comm="other")
        self.assertEqual(len(rest), 5)


class BindsByDefaultTest(unittest.TestCase):
    def test_they_are_followed_where_that_costs_no_other_system_call(self):
        with harness.Exporter() as exporter:
            metrics = exporter.scrape()
        fexit = on(metrics, "port_search_tracking")
        self.assertEqual(on(metrics, "bind_tracking"), fexit)
        self.assertEqual(BIND_FAILURES in metrics.samples, fexit)
        self.assertEqual(metrics.value("socket_exporter_collector_success", collector="binds"), 1)
        feature, = metrics.all("socket_exporter_feature_info", feature="bind_tracking")
        self.assertRegex(dict(feature)["reason"], "by fexit" if fexit else "^fexit .*--collector.binds")
        self.assertNotIn("needs CAP_", dict(feature)["reason"])  # it is root


class WithoutBpfTest(unittest.TestCase):
    def test_the_metrics_are_absent_and_the_reason_is_told(self):
        with harness.Exporter(*ONLY, "--collector.binds", prepare=harness.become_nobody) as exporter:
            metrics = exporter.scrape()
            exporter.wait_for_line(r"connect_tracking \(.*CAP_BPF.*bind_tracking \(.*CAP_BPF")
        for name, collector, tracking in ((ATTEMPTS, "connects", "connect_tracking"),
                                          (BIND_FAILURES, "binds", "bind_tracking")):
            self.assertNotIn(name, metrics.samples)
            feature, = metrics.all("socket_exporter_feature_info", feature=tracking)
            self.assertEqual(dict(feature)["state"], "off")
            self.assertEqual(metrics.value("socket_exporter_collector_success", collector=collector), 1)
        for also in ("response_times", "port_search_tracking"):
            feature, = metrics.all("socket_exporter_feature_info", feature=also)
            self.assertEqual((dict(feature)["state"], dict(feature)["reason"]), ("off", "connections are not followed"))


if __name__ == "__main__":
    harness.main()
