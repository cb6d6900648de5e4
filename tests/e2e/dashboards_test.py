#!/usr/bin/env python3
"""Every query of every dashboard finds data in a Prometheus that scraped a busy host, whatever is chosen above."""
import json
import math
import pathlib
import re
import tempfile
import time
import unittest
import urllib.parse

import busy_host
import harness
from specimens import with_tracefs

ROOT = harness.ROOT
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [socket_exporter.rules.yml, websocket.rules.yml]
scrape_configs:
  - job_name: socket-exporter
    honor_labels: true
    static_configs:
      - targets: ["127.0.0.1:{port}"]
        labels: {{environment: test, cluster: one}}
"""
EVERYTHING = {"environment": ".*", "cluster": ".*", "job": ".+", "instance": ".+", "netns": ".+", "destination": ".+"}
RATE_INTERVAL = "10s"
SECONDS = 15  # that are shown
IN_TIME = 120  # processes are looked up once a minute where that takes long


class Prometheus(harness.Server):
    def __init__(self, directory, exporter):
        for name in ("socket_exporter.rules.yml", "websocket.rules.yml"):
            # Alerts are to fire while the test lasts.
            (directory / name).write_text(re.sub(r"for: \d+m", "for: 1s", (ROOT / "alerts" / name).read_text()))
        (directory / "prometheus.yml").write_text(CONFIG.format(port=exporter.port))
        super().__init__(harness.program("prometheus"), f"--config.file={directory}/prometheus.yml",
                         f"--storage.tsdb.path={directory}/data", "--web.listen-address=127.0.0.1:0",
                         listening=r'msg="Listening on" address=127\.0\.0\.1:(\d+)', namespace=exporter.namespace)

    def ask(self, path, **parameters):
        response = self.get(f"/api/v1/{path}?" + urllib.parse.urlencode(parameters))
        answer = json.loads(response.body)
        if answer["status"] != "success":
            raise AssertionError(f"{parameters}: {answer['error']}")
        return answer["data"]

    def value(self, expression):
        """Of the one result, or NaN."""
        result = self.ask("query", query=expression)["result"]
        return float(result[0]["value"][1]) if len(result) == 1 else math.nan

    def has_data(self, expression, instant):
        """Whether there is a number among the results."""
        now = time.time()
        if instant:
            result = self.ask("query", query=expression, time=now)["result"]
        else:
            result = self.ask("query_range", query=expression, start=now - SECONDS, end=now, step=1)["result"]
        values = (value for series in result for _, value in series.get("values") or [series["value"]])
        return any(math.isfinite(float(value)) for value in values)


def dashboards():
    return [json.loads(path.read_text()) for path in sorted((ROOT / "dashboards/json").glob("*.json"))]


def chosen(text, choice):
    text = text.replace("$__rate_interval", RATE_INTERVAL)
    for name, value in choice.items():
        text = text.replace(f'"${name}"', f'"{value}"')
    return text


def queries(choice):
    """{name: (expression, whether it is instant)} of all panels and annotations."""
    found = {}
    for dashboard in dashboards():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                name = f"{dashboard['uid']}: {panel['title']} {target['refId']}"
                found[name] = chosen(target["expr"], choice), target.get("instant", False)
    return found


class DashboardsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with_tracefs()
        directory = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.host = cls.enterClassContext(busy_host.BusyHost())
        cls.exporter = cls.enterClassContext(harness.Exporter(
            *busy_host.flags(cls.host, directory / "socket_exporter.yml")))
        cls.prometheus = cls.enterClassContext(Prometheus(directory, cls.exporter))
        harness.eventually(lambda: cls.prometheus.get("/-/ready").status == 200, "Prometheus is ready")

    def check(self, choice, names=None):
        left = {name: query for name, query in queries(choice).items() if not names or name in names}

        def all_have_data():
            self.host.tick()
            for name, query in list(left.items()):
                if self.prometheus.has_data(*query):
                    del left[name]
            return not left
        try:
            harness.eventually(all_have_data, "data for each query", IN_TIME)
        except AssertionError:
            self.assertEqual(sorted(left), [])

    def test_everything(self):
        self.assertGreater(len(queries(EVERYTHING)), 150)
        self.check(EVERYTHING)

    def test_narrowed_to_one_pod(self):
        self.check({"environment": "test", "cluster": "one", "job": "socket-exporter",
                    "instance": f"127.0.0.1:{self.exporter.port}", "netns": busy_host.POD, "destination": ".+"})

    def test_numbers_are_those_of_the_host(self):
        """Of the first panels, which are computed of many series."""
        known = {"socket-ports: Fullest tuple A": 1, "socket-ports: Time to exhaustion A": 0,
                 "socket-ports: Namespaces over 70 % A": 1, "socket-ports: Hosts seen A": 1,
                 "socket-connections: Fullest tuple A": 1, "socket-websocket: Active connections A": busy_host.FEW,
                 "socket-ports: What the alerts wait for A": 3, "socket-ports: What the alerts wait for C": 3,
                 "socket-exporter: Down A": 0, "socket-exporter: Collectors failing A": 0}
        positive = [f"{where} A" for where in (
            "socket-ports: connect() without a port", "socket-ports: Worst service failing", "socket-connections: ESTABLISHED",
            "socket-connections: TIME_WAIT", "socket-connections: CLOSE_WAIT of a process", "socket-connections: Connections opened",
            "socket-services: Responses", "socket-services: Worst: response p95", "socket-websocket: Connections broken",
            "socket-websocket: Connections ended", "socket-websocket: Connections begun", "socket-websocket: Handshakes failing")]
        asked = queries(EVERYTHING)

        def are_right():
            self.host.tick()
            self.found = {name: self.prometheus.value(asked[name][0]) for name in known}
            self.silent = [name for name in positive if not self.prometheus.value(asked[name][0]) > 0]
            return self.found == known and not self.silent
        try:
            harness.eventually(are_right, "the numbers of the host", IN_TIME)
        except AssertionError:
            self.assertEqual((self.found, self.silent), (known, []))

    def test_nothing_is_known_without_an_exporter(self):
        """No zero, and nothing green, where nobody has looked."""
        for name, query in queries(EVERYTHING | {"job": "another"}).items():
            self.assertFalse(self.prometheus.has_data(*query), f"{name}: {query[0]}")

    def test_narrowed_to_one_destination(self):
        choice = EVERYTHING | {"destination": busy_host.ANSWERS[0]}
        names = {name for name in queries(choice) if re.search("ervices: (Opened|Sockets|Response time|Connect time)", name)}
        self.assertEqual(len(names), 8)
        self.check(choice, names)

    def test_drop_downs_offer_what_there_is(self):
        for dashboard in dashboards():
            for variable in dashboard["templating"]["list"][1:]:
                series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]).groups()
                self.assertTrue(self.prometheus.ask(f"label/{label}/values", **{"match[]": chosen(series, EVERYTHING)}),
                                f"{dashboard['uid']}: {variable['name']}")

    def test_alerts_are_marked(self):
        marks = [chosen(annotation["expr"], EVERYTHING) for dashboard in dashboards()
                 for annotation in dashboard["annotations"]["list"] if dashboard["uid"] == "socket-ports"]

        def all_have_data():
            self.host.tick()
            return all(self.prometheus.has_data(expression, True) for expression in marks)
        harness.eventually(all_have_data, "critical alerts and warnings", IN_TIME)


if __name__ == "__main__":
    harness.main()
