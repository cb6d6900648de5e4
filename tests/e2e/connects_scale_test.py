#!/usr/bin/env python3
"""However many connections to however many destinations: exact, never backwards, and in bounded memory."""
import collections
import ipaddress
import unittest

import harness
from connections import ATTEMPTS, CLOSED, FAILURES, ONLY, Caller, Churn, HighWater, require
from leaks_test import resident_bytes
from specimens import resident

MANY = 200_000
SCRAPES = 8  # at least, while it goes on
TURNS = 20
DESTINATIONS = 10_000
TABLE = 16_384  # keys that the kernel's table has room for
TOO_MANY = 40_000
TOP = 100
RSS_LIMIT = 100_000_000  # bytes, with a full table


class Ledger:
    """What all series of a namespace that ever were shown have come to: one that left the top says nothing any more."""

    NAMES = (ATTEMPTS, FAILURES, CLOSED, "socket_connections_short_lived_total")

    def __init__(self, namespace):
        self._netns = f"net:[{namespace.inode}]"
        self._last = collections.defaultdict(dict)

    def read(self, metrics):
        for name in self.NAMES:
            self._last[name].update(metrics.all(name, netns=self._netns))

    def by(self, label, name):
        found = collections.Counter()
        for key, value in self._last[name].items():
            found[dict(key)[label]] += value
        return +found

    def total(self, name):
        return sum(self._last[name].values())


class ScaleTest(unittest.TestCase):
    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.enterContext(resident(self.namespace))  # without eBPF walks it is known by that
        self.ledger, self.high_water = Ledger(self.namespace), HighWater(self.namespace)

    def start(self, *flags):
        self.exporter = self.enterContext(harness.Exporter(*ONLY, *flags))
        require(self.exporter, "connect_tracking")

    def scrape(self):
        metrics = self.exporter.scrape()
        self.assertEqual(self.high_water.backwards(metrics), [])
        self.ledger.read(metrics)
        return metrics

    def scrape_all_the_while(self, destinations):
        """Until MANY calls were made, and once more when they have ended: each is counted, and as what it was."""
        self.scrape()
        attempts = [0]  # as scrapes have seen them
        with Churn(self.namespace, destinations) as churn:
            while attempts[-1] < MANY or len(attempts) <= SCRAPES:
                self.scrape()
                attempts.append(self.ledger.total(ATTEMPTS))
        metrics = self.scrape()
        print(f"{churn.made} connections, {churn.refused} refused, {len(attempts) + 1} scrapes, "
              f"{resident_bytes(self.exporter.child.pid)} bytes resident, "
              f"{sum(metrics.all('socket_exporter_bpf_missed_events_total').values()):.0f} events of the host missed")
        self.assertGreater(len(set(attempts)), SCRAPES)
        self.assertEqual(self.ledger.total(ATTEMPTS), churn.made + churn.refused)
        self.assertEqual(self.ledger.by("reason", FAILURES), {"refused": churn.refused} if churn.refused else {})
        self.assertEqual(self.ledger.by("kind", CLOSED), {"passive": churn.made / 2, "reset": churn.made / 2})
        self.assertEqual(self.ledger.total("socket_connections_short_lived_total"), churn.made)
        return metrics, churn

    def series(self, metrics):
        return metrics.all(ATTEMPTS, netns=f"net:[{self.namespace.inode}]")

    def test_one_destination_at_the_highest_rate(self):
        self.start()
        metrics, churn = self.scrape_all_the_while(1)
        self.assertEqual(sum(self.series(metrics).values()), churn.made)

    def test_each_of_many_destinations(self):
        self.start(f"--collector.connects.top={DESTINATIONS}")
        metrics, churn = self.scrape_all_the_while(DESTINATIONS)
        rounds, rest = divmod(churn.made + churn.refused, DESTINATIONS)
        first = ipaddress.IPv4Address("127.0.0.1")
        calls = {str(first + number): rounds + (number < rest) for number in range(DESTINATIONS)}
        shown = {dict(key)["destination"]: value for key, value in self.series(metrics).items()}
        others = shown.pop("other", 0)  # the first calls of a few, beside which the host had other destinations
        self.assertEqual(set(shown), set(calls))
        short = [calls[name] - value for name, value in shown.items() if value != calls[name]]
        self.assertTrue(all(missing > 0 for missing in short))
        self.assertEqual(sum(short), others)
        self.assertLess(len(short), DESTINATIONS / 100)
        print(f"{len(short)} destinations")

    def test_more_destinations_than_the_table_has_room_for(self):
        self.start()
        before, _ = self.scrape_all_the_while(TOO_MANY)
        metrics = self.scrape()
        self.assertLessEqual(len(self.series(metrics)), 2 * TOP + 1)
        left_out = [each.value("socket_exporter_label_overflow_total", metric=ATTEMPTS) for each in (before, metrics)]
        self.assertGreater(left_out[1] - left_out[0], TABLE / 2)
        self.assertLess(left_out[1] - left_out[0], TABLE)
        self.assertLess(resident_bytes(self.exporter.child.pid), RSS_LIMIT)

    def test_which_are_shown_changes(self):
        self.start("--collector.connects.top=1")
        caller = self.enterContext(Caller(self.namespace))
        servers = [caller.listener("127.0.0.1").getsockname() for _ in range(5)]
        shown = set()
        for number in range(TURNS):
            self.assertEqual(caller.errors(servers[number % len(servers)], number), 0)
            metrics = self.scrape()
            shown.update(self.series(metrics))
            self.assertLess(len(self.series(metrics)), len(servers))
            self.assertEqual(self.ledger.total(ATTEMPTS), number * (number + 1) / 2)
        self.assertGreater(len(shown), 2)  # one destination, the rest, and at least another one


if __name__ == "__main__":
    harness.main()
