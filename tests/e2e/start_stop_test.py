#!/usr/bin/env python3
"""Started and stopped over and over while connections come and go: nothing stays behind, and nobody notices."""
import collections
import json
import os
import pathlib
import signal
import statistics
import subprocess
import time
import unittest

import harness
from bpf import bpf_objects
from connections import ATTEMPTS, Churn, require, total
from specimens import with_tracefs

TIMES = 100
AT_ONCE = 4  # that are stopping while the next one starts
KINDS = ("prog", "map", "link")
PINS = pathlib.Path("/sys/fs/bpf")


def setUpModule():
    with_tracefs()


def all_bpf_objects():
    """The kernel's, of all processes."""
    listed = {kind: subprocess.run([harness.program("bpftool"), "-j", kind, "list"], capture_output=True, text=True,
                                   check=True, timeout=harness.LIMIT).stdout for kind in KINDS}
    return {(kind, str(each["id"])) for kind, text in listed.items() for each in json.loads(text or "[]")}


def is_there(process_group):
    try:
        os.killpg(process_group, 0)
    except ProcessLookupError:
        return False
    return True


class StartStopTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with harness.Exporter() as exporter:
            require(exporter, "connect_tracking")

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.objects = set()
        self.kinds = collections.Counter()
        self.starts, self.stops = [], []

    def start(self):
        """One that has seen the load."""
        begin = time.monotonic()
        exporter = harness.Exporter("--collector.binds", prepare=os.setsid)
        self.starts.append(time.monotonic() - begin)
        held = bpf_objects(exporter.child.pid)
        self.objects |= held
        self.kinds.update(kind for kind, _ in held)
        harness.eventually(lambda: total(exporter.scrape(), ATTEMPTS, self.namespace) > 0, "connections are seen")
        return exporter

    def stop(self, exporter):
        begin = time.monotonic()
        self.assertEqual(exporter.stop(), 0, exporter.lines)
        self.stops.append(time.monotonic() - begin)
        self.assertFalse(is_there(exporter.child.pid), "a process is left")

    def start_and_stop(self, times):
        stopping = collections.deque()
        for _ in range(times):
            exporter = self.start()
            exporter.signal(signal.SIGTERM)
            stopping.append(exporter)
            if len(stopping) > AT_ONCE:
                self.stop(stopping.popleft())
        for exporter in stopping:
            self.stop(exporter)

    def test_nothing_is_left(self):
        pins = set(PINS.rglob("*"))
        with Churn(self.namespace) as churn:
            self.start_and_stop(TIMES)
        print(f"start {statistics.median(self.starts):.2f} s, at most {max(self.starts):.2f} s; "
              f"stop at most {max(self.stops):.2f} s; {churn.made / churn.seconds:.0f} connections a second")
        self.assertEqual(len(self.stops), TIMES)
        for kind in KINDS:
            self.assertGreaterEqual(self.kinds[kind], TIMES, kind)
        self.assertEqual(set(PINS.rglob("*")) - pins, set())
        harness.eventually(lambda: not self.objects & all_bpf_objects(), "the kernel has let go of what they held")


if __name__ == "__main__":
    harness.main()
