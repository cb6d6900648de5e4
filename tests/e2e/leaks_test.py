#!/usr/bin/env python3
"""Nothing leaks over thousands of scrapes while network namespaces come and go.

SCRAPES=10000 leaks_test.py runs all that the project promises, in about two minutes; the usual run has fewer."""
import collections
import contextlib
import os
import pathlib
import unittest

import harness
from privileges import deny_bpf
from sockets import Pair
from specimens import Root, Specimen, private_mounts

SCRAPES = int(os.environ.get("SCRAPES", "2000"))
WARM_UP = 300
EACH = 30  # scrapes until the next namespace comes, and the oldest goes
AT_ONCE = 3
SPARE_BYTES = 1 << 20  # an allocator is not quite flat, and for five minutes a row of a top list is remembered


def setUpModule():
    private_mounts()


def descriptors(pid):
    """How many there are of each kind: sockets, files, BPF maps and programs."""
    kinds = collections.Counter()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            kinds[os.readlink(entry.path).partition(":[")[0]] += 1
    return kinds


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


class LeaksTest(unittest.TestCase):
    """By eBPF."""

    prepare = None

    def setUp(self):
        self.root = self.enterContext(Root())
        self.host = self.enterContext(Specimen())
        self.exporter = self.enterContext(harness.Exporter(
            self.root.flag, namespace=self.host.namespace, prepare=self.prepare))
        self.visitors = collections.deque()
        self.addCleanup(self.send_away, 0)
        self.made = 0

    def send_away(self, most):
        while len(self.visitors) > most:
            specimen = self.visitors.popleft()
            specimen.close()
            if specimen.name:
                self.root.unname(specimen.name)

    def invite(self):
        self.made += 1
        specimen = Specimen(name=f"visitor-{self.made}" if self.made % 2 else "")
        self.visitors.append(specimen)
        if specimen.name:
            self.root.name(specimen.namespace, specimen.name)
        else:
            specimen.add_process()
        specimen.sockets.listen("::", 5000)
        for fate in (Pair.established, Pair.close_wait, Pair.time_wait):
            specimen.sockets.connect("127.0.0.1", 5000, fate)

    def scrape(self, times):
        """As fast as it can, over one connection."""
        with contextlib.closing(self.exporter.connect()) as connection, self.host.namespace.entered():
            for number in range(times):
                if number % EACH == 0:
                    self.send_away(AT_ONCE - 1)
                    self.invite()
                connection.request("GET", "/metrics")
                response = connection.getresponse()
                body = response.read()
                self.assertEqual(response.status, 200)
        self.send_away(0)
        return harness.Metrics(body.decode())

    def state(self):
        """Without visitors, once nobody is connected."""
        def quiet():
            metrics = self.exporter.scrape()
            names = metrics.by("netns", "socket_netns_info")
            return None if any(name.startswith("visitor-") for name in names) else len(names)
        namespaces = harness.eventually(quiet, "the visitors are gone")
        return namespaces, descriptors(self.exporter.child.pid), resident_bytes(self.exporter.child.pid)

    def test_descriptors_and_memory_stay(self):
        self.scrape(WARM_UP)
        namespaces, kinds, memory = self.state()
        metrics = self.scrape(SCRAPES)
        successes = metrics.by("collector", "socket_exporter_collector_success")
        self.assertEqual(set(successes.values()), {1})
        namespaces_now, kinds_now, memory_now = self.state()
        print(f"{SCRAPES} scrapes, {self.made} namespaces; {sum(kinds.values())} descriptors, then "
              f"{sum(kinds_now.values())}; {memory} bytes, then {memory_now}")
        # Other tests' namespaces may have come meanwhile.
        self.assertLessEqual(kinds_now.pop("socket"), kinds.pop("socket") + max(0, namespaces_now - namespaces))
        self.assertEqual(kinds_now, kinds)
        self.assertLess(memory_now, memory + SPARE_BYTES)


class LeaksWithoutBpfTest(LeaksTest):
    """By a netlink socket of each namespace."""

    prepare = staticmethod(deny_bpf)


if __name__ == "__main__":
    harness.main()
