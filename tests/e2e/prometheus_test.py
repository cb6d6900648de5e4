#!/usr/bin/env python3
"""A real Prometheus scrapes us, in the format that it asks for."""
import json
import subprocess
import unittest
import urllib.parse

import harness
from sockets import Sockets
from specimens import with_tracefs
from values_test import populate

# What Prometheus 2.42 sends.
ACCEPT = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
CONFIG = """
scrape_configs:
  - job_name: socket_exporter
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def setUpModule():
    with_tracefs()


class Prometheus(harness.Server):
    def __init__(self, directory, target):
        config = directory / "prometheus.yml"
        config.write_text(CONFIG.format(port=target.port))
        super().__init__(harness.program("prometheus"), f"--config.file={config}",
                         f"--storage.tsdb.path={directory}/data", "--web.listen-address=127.0.0.1:0",
                         listening=r'msg="Listening on" address=127\.0\.0\.1:(\d+)', namespace=target.namespace)

    def query(self, expression):
        """The one value of an instant query, or None where there is none yet."""
        response = self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        if response.status != 200:
            return None  # not ready
        result = json.loads(response.body)["data"]["result"]
        return float(result[0]["value"][1]) if result else None


class PrometheusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        namespace = cls.enterClassContext(harness.Namespace())
        sockets = cls.enterClassContext(Sockets(namespace))
        populate(sockets)
        cls.exporter = cls.enterClassContext(harness.Exporter(namespace=namespace))

    def test_prometheus_scrapes_openmetrics_and_is_content(self):
        with Prometheus(harness.scratch(self), self.exporter) as prometheus:
            harness.eventually(lambda: prometheus.query("up") == 1, "up is 1")
            harness.eventually(lambda: prometheus.query("scrape_samples_scraped") == self.sample_count(),
                               "as many samples as a scrape of ours has")
            listening = prometheus.query('sum(socket_tcp_sockets{netns="host",state="listen"})')
            here = sum(self.exporter.scrape().all("socket_tcp_sockets", netns="host", state="listen").values())
            targets = json.loads(prometheus.get("/api/v1/targets").body)["data"]["activeTargets"]
        self.assertEqual([target["lastError"] for target in targets], [""])
        self.assertEqual(listening, here)

    def sample_count(self):
        return sum(len(series) for series in self.exporter.scrape().samples.values())

    def test_openmetrics_where_it_is_asked_for(self):
        response = self.exporter.get(headers={"Accept": ACCEPT})
        self.assertEqual(response.headers["Content-Type"],
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.assertTrue(response.body.endswith(b"# EOF\n"))

    def test_text_otherwise(self):
        for accept in (None, "*/*", "text/plain", "text/plain;version=0.0.4, application/openmetrics-text;q=0.1"):
            response = self.exporter.get(headers={"Accept": accept} if accept else {})
            self.assertEqual(response.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8", accept)
            self.assertNotIn(b"# EOF", response.body)

    def test_promtool_has_nothing_to_say(self):
        for flags in ((), ("--collector.binds", "--collector.netns_statistics")):
            with harness.Exporter(*flags) as exporter:
                text = exporter.get().body
            done = subprocess.run([harness.program("promtool"), "check", "metrics"], input=text, capture_output=True)
            lines = (done.stdout + done.stderr).decode().splitlines()
            self.assertEqual([line for line in lines if not line.startswith("node_")], [])


if __name__ == "__main__":
    harness.main()
