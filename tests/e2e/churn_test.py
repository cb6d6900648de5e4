#!/usr/bin/env python3
"""While one namespace connects as fast as it can, nothing of the others is lost or counted twice."""
import contextlib
import unittest

import harness
from books import SHOW_ALL, by_namespace, differences
from connections import Churn
from namespaces_test import bind_before_connect, mixed, udp_only
from privileges import deny_bpf
from specimens import Root, Settings, Specimen, private_mounts

SCRAPES = 50
STILL = 12


def setUpModule():
    private_mounts()


class ChurnTest(unittest.TestCase):
    """By eBPF."""

    prepare = None

    def setUp(self):
        stack = self.enterContext(contextlib.ExitStack())
        self.root = stack.enter_context(Root())
        self.host, self.restless = stack.enter_context(Specimen()), stack.enter_context(Specimen(name="restless"))
        self.root.name(self.restless.namespace, "restless")
        self.still = []
        for number in range(STILL):
            usual = Settings(range(20000, 20500), (), {"tcp_tw_reuse": 0})
            specimen = stack.enter_context(Specimen(usual, f"still-{number}"))
            self.root.name(specimen.namespace, specimen.name)
            (mixed, bind_before_connect, udp_only)[number % 3](specimen, number)
            specimen.sockets.wait_until_ss_agrees()
            self.still.append(specimen)

    def known(self, specimen):
        return specimen.sockets.entries

    def test_still_namespaces_stay_exactly_equal(self):
        truths = {specimen.netns: specimen.truth(self.known(specimen)) for specimen in self.still}
        with harness.Exporter(self.root.flag, *SHOW_ALL, namespace=self.host.namespace,
                              prepare=self.prepare) as exporter, Churn(self.restless.namespace) as churn:
            for number in range(SCRAPES):
                metrics = exporter.scrape()
                shown = by_namespace(metrics)
                for netns, truth in truths.items():
                    self.assertEqual(differences(shown[netns], truth), {}, f"{netns} in scrape {number}")
                self.assertEqual(shown["restless"]["socket_tcp_sockets", "ipv4", "listen"], 1)
                successes = metrics.by("collector", "socket_exporter_collector_success")
                self.assertEqual([name for name, ok in successes.items() if not ok], [])
        print(f"{metrics.value('socket_exporter_scan_chain_restarts_total'):.0f} chains were read anew, "
              f"{churn.made / churn.seconds:.0f} connections a second")


class ChurnWithoutBpfTest(ChurnTest):
    """By a netlink socket of each namespace: there, what bind() did before connect() is not known."""

    prepare = staticmethod(deny_bpf)

    def known(self, specimen):
        return [e._replace(bound=False) for e in specimen.sockets.entries]


if __name__ == "__main__":
    harness.main()
