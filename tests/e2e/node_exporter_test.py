#!/usr/bin/env python3
"""Under node_exporter's names we say what Debian's node_exporter says, on the same host."""
import unittest

import harness
from sockets import Sockets
from values_test import populate

PREFIXES = ("node_netstat_", "node_sockstat_", "node_nf_conntrack_", "node_tcp_connection_states", "node_udp_queues")
ATTEMPTS = 5  # gauges of a live host may go up and down between the peer's two scrapes


def compared(metrics):
    return {name: series for name, series in metrics.samples.items() if name.startswith(PREFIXES)}


# Its collectors run side by side: what one has open, another counts.
OWN_SOCKETS = {"node_sockstat_sockets_used": 4}


def disagreements(before, ours, after):
    """Series that are missing, or not between the peer's values just before and just after."""
    for name, series in compared(after).items():
        for labels, last in series.items():
            first = before.samples.get(name, {}).get(labels, 0)
            value = ours.samples.get(name, {}).get(labels)
            slack = OWN_SOCKETS.get(name, 0)
            if value is None or not min(first, last) - slack <= value <= max(first, last) + slack:
                yield f"{name}{dict(labels)}: {value}, node_exporter {first} and {last}"


class NodeExporterTest(unittest.TestCase):
    def agree(self, namespace, *flags):
        with harness.NodeExporter(*flags, namespace=namespace) as peer, \
                harness.Exporter(*flags, namespace=namespace) as exporter:
            for _ in range(ATTEMPTS):
                before, ours, after = peer.scrape(), exporter.scrape(), peer.scrape()
                found = list(disagreements(before, ours, after))
                if not found:
                    break
        self.assertEqual(found, [])
        self.assertGreater(len(compared(after)), 50)
        types = {name: kind for name, kind in after.types.items() if name.startswith(PREFIXES)}
        self.assertEqual({name: ours.types.get(name) for name in types}, types)

    def test_on_this_host(self):
        self.agree(None)

    def test_with_every_netstat_field(self):
        self.agree(None, "--collector.netstat.fields=.*")

    def test_with_sockets_in_every_state(self):
        with harness.Namespace() as namespace, Sockets(namespace) as sockets:
            populate(sockets)
            sockets.wait_until_ss_agrees()
            self.agree(namespace)

    def test_without_node_compat_none_of_its_names(self):
        with harness.Exporter("--no-collector.node-compat") as exporter:
            names = [name for name in exporter.scrape().samples if name.startswith("node_")]
        self.assertEqual(names, [])


if __name__ == "__main__":
    harness.main()
