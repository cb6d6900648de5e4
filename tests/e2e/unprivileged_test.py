#!/usr/bin/env python3
"""The exporter needs no privilege for its own namespace."""
import collections
import unittest

import harness
from sockets import Sockets
from values_test import nonzero, populate, scrape_with_books


class UnprivilegedTest(unittest.TestCase):
    def test_nobody_sees_its_own_namespace(self):
        with harness.Namespace() as namespace, Sockets(namespace) as sockets:
            populate(sockets)
            with harness.Exporter(namespace=namespace, prepare=harness.become_nobody) as exporter:
                metrics, books = scrape_with_books(exporter, sockets.entries)
        expected = collections.Counter((e.family, e.state) for e in books.tcp)
        shown = nonzero(metrics, "socket_tcp_sockets", "family", "state")
        self.assertEqual(shown, expected)
        successes = metrics.by("collector", "socket_exporter_collector_success")
        self.assertEqual([name for name, ok in successes.items() if not ok], [])


if __name__ == "__main__":
    harness.main()
