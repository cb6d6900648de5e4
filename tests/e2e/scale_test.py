#!/usr/bin/env python3
"""What deploy/scale.md promises: no host has more series than said, and what many hosts come to arrives at one place."""
import json
import math
import pathlib
import re
import subprocess
import tempfile
import unittest

import busy_host
import harness
from specimens import with_tracefs

SCALE = harness.ROOT / "deploy/scale"
REFERENCE = harness.ROOT / "tests/golden/metrics.md"
TOPS = {"tuples": ("ephemeral_ports", 1), "destinations": ("destinations", 1), "connects": ("connects", 2), "processes": ("processes", 1)}
OFF_BY_DEFAULT = "netns_statistics"
HOSTS, PODS = 20, 3
MINUTES = 7  # rates are of 5


def scraped(directory, *flags):
    """What an exporter tells of a host that a little of everything went on at."""
    with busy_host.BusyHost() as host, harness.Exporter(*busy_host.flags(host, directory / "socket_exporter.yml"), *flags) as exporter:
        for _ in range(5):
            host.tick()
            metrics = exporter.scrape()
        return metrics


def budget(*flags):
    return subprocess.run([SCALE / "cardinality", *map(str, flags)], capture_output=True, text=True, timeout=harness.LIMIT)


class ScaleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with_tracefs()
        cls.directory = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))

    def test_no_metric_has_more_series_than_its_budget(self):
        metrics = scraped(self.directory, f"--collector.{OFF_BY_DEFAULT}",
                          *(f"--collector.{collector}.top={top}" for collector, top in TOPS.values()))
        overflow = metrics.by("metric", "socket_exporter_label_overflow_total")
        for name in ("socket_ephemeral_tuple_ports_used", "socket_destination_sockets", "socket_connect_attempts_total"):
            self.assertGreater(overflow[name], 0, "the limit is not reached")

        namespaces = len(metrics.all("socket_netns_info"))
        listeners = max(len(metrics.all("socket_listen_queue_length")), len(metrics.all("socket_inbound_sockets", state="established")))
        most = json.loads(budget(
            "--json", "--on", OFF_BY_DEFAULT, "--pods", namespaces - 1, "--listeners", math.ceil(listeners / namespaces),
            "--websockets", len(metrics.all("websocket_connections_active")), "--websocket-ports", 1,
            *(word for knob, (_, top) in TOPS.items() for word in (f"--{knob}", top))).stdout)
        found = dict.fromkeys(most, 0)
        for name, series in metrics.samples.items():
            name = re.sub("_(bucket|sum|count)$", "", name) if name not in metrics.types else name
            if name not in most:
                name = re.sub(r"^(node_(?:net|sock)stat)_\w+$", r"\1_<Proto>_<Field>", name)
            found[name] += len(series)
        self.assertEqual({name: (count, most[name]) for name, count in found.items() if count > most[name]}, {})
        self.assertGreater(sum(found.values()), 1000)

    def test_a_metric_without_a_budget_is_an_error(self):
        reference = self.directory / "metrics.md"
        reference.write_text(REFERENCE.read_text() + "| `socket_news_total` | counter |  | New. |\n")
        done = budget("--reference", reference)
        self.assertEqual((done.returncode, done.stderr), (1, "not in the reference, or not in this script: socket_news_total\n"))

    def test_the_document_has_what_the_script_says(self):
        document = SCALE.with_suffix(".md").read_text()
        commands = re.findall("^deploy/scale/cardinality(.*)$", document, re.M)
        totals = [budget(*command.split()).stdout.splitlines()[-1].split("|")[2:4] for command in commands]
        self.assertIn("| **all** |" + "|".join(number for total in totals for number in total) + "|", document)

    def test_what_many_hosts_come_to_arrives(self):
        harness.program("prometheus")
        scrape = self.directory / "scrape"
        scrape.write_text(scraped(self.directory).text)
        done = subprocess.run(
            [SCALE / "simulate", f"--scrape={scrape}", f"--hosts={HOSTS}", f"--pods={PODS}", "--shards=2", "--measure=5",
             f"--history={60 * MINUTES}", "--history-step=30", "--query-seconds=5"],
            capture_output=True, text=True, timeout=240)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\| central: series \| [1-9]")


if __name__ == "__main__":
    harness.main()
