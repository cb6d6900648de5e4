"""How the Prometheus Operator scrapes us: by the labels that it gives to a target, and Prometheus' own relabeling."""
import json
import pathlib
import tempfile
import unittest

import yaml

from objects import ROOT, kustomize, output, render, setUpModule

import harness

RULES = ROOT / "alerts/socket_exporter.rules.yml"
SERIES = {"netns": "host", "protocol": "tcp"}
TUPLE = SERIES | {"source": "10.0.0.1", "destination": "10.0.0.2", "destination_port": "443", "peer_service": "", "comm": "app"}


def monitor(objects):
    return next(each for each in yaml.safe_load_all(objects) if each and each["kind"].endswith("Monitor"))


def given_by_operator(pod):
    """To a target, before relabelings of ours."""
    return {"__meta_kubernetes_pod_node_name": "node-1", "job": "socket-exporter", "namespace": "monitoring", "pod": pod,
            "container": "socket-exporter", "endpoint": "metrics", "service": "socket-exporter"}


def relabel_configs(found):
    """As the Operator writes them."""
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    endpoint, = found["spec"].get("endpoints") or found["spec"]["podMetricsEndpoints"]
    return [{names.get(key, key): value for key, value in each.items()} for each in endpoint["relabelings"]]


def target_labels(monitors):
    """Of two pods of one node, by Prometheus and the name of the monitor."""
    groups = [{"targets": [f"127.0.0.1:{number}"], "labels": given_by_operator(f"socket-exporter-{number}")} for number in (1, 2)]
    jobs = [{"job_name": name, "static_configs": groups, "relabel_configs": relabel_configs(found)}
            for name, found in monitors.items()]
    with tempfile.TemporaryDirectory() as directory:
        configuration = pathlib.Path(directory, "prometheus.yml")
        configuration.write_text(json.dumps({"scrape_configs": jobs}))
        with harness.Server(harness.program("prometheus"), f"--config.file={configuration}",
                            f"--storage.tsdb.path={directory}/data", "--web.listen-address=127.0.0.1:0",
                            listening=r'msg="Listening on" address=127\.0\.0\.1:(\d+)') as prometheus:
            harness.eventually(lambda: prometheus.get("/-/ready").status == 200, "Prometheus is ready")

            def targets():
                found = json.loads(prometheus.get("/api/v1/targets").body)["data"]["activeTargets"]
                return found if len(found) == 2 * len(monitors) else None
            found = harness.eventually(targets, "its targets")
    return {name: [each["labels"] for each in found if each["scrapePool"] == name] for name in monitors}


def series(name, labels, values):
    inner = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return {"series": f"{name}{{{inner}}}", "values": values}


class MonitorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
            values.write("serviceMonitor: {enabled: false}\npodMonitor: {enabled: true}\n")
            values.flush()
            objects = {"chart": render(), "chart with PodMonitor": render(values.name)}
        objects |= {overlay: kustomize(overlay) for overlay in ("full", "podmonitor")}
        cls.targets = target_labels({name: monitor(each) for name, each in objects.items()})

    def test_old_and_new_pod_of_one_node(self):
        """As while a rollout replaces it: the rules of all nodes are evaluated, and alert."""
        for name, targets in self.targets.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as directory:
                test = pathlib.Path(directory, "rules.yml")
                test.write_text(json.dumps(self.rollout(targets)))
                output("promtool", "test", "rules", test)

    def rollout(self, targets):
        inputs = [series("socket_ephemeral_ports_usable", SERIES | labels, "100x20") for labels in targets]
        inputs += [series("socket_ephemeral_tuple_ports_used", labels | TUPLE, "95x20") for labels in targets]
        unique = {each["series"]: each for each in inputs}
        return {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [
            {"interval": "1m", "input_series": list(unique.values()), "promql_expr_test": [
                {"expr": 'count(ALERTS{alertname="EphemeralPortsHigh",severity="critical"})', "eval_time": "15m",
                 "exp_samples": [{"labels": "{}", "value": 1}]}]}]}

    def test_nothing_names_the_pod_of_the_exporter(self):
        for name, targets in self.targets.items():
            self.assertEqual(targets, [{"job": "socket-exporter", "instance": "node-1"}] * 2, name)

    def test_both_monitors_at_once_are_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
            values.write("podMonitor: {enabled: true}\n")
            values.flush()
            with self.assertRaisesRegex(AssertionError, "would scrape each pod twice"):
                render(values.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
