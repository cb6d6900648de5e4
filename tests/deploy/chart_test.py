"""The Helm chart: its values, and what it makes of them."""
import json
import re
import tempfile
import unittest

import jsonschema
import yaml

from objects import (BINARY, CHART, ROOT, Objects, ci_values, container, dashboards, of_kind, output, own_dashboards,
                     problems, render, run, setUpModule)

RUNBOOKS, DASHBOARDS = "https://runbooks.example.com/socket_exporter", "https://grafana.example.com/d"


class ChartTest(Objects):
    def test_values_are_valid(self):
        schema = json.loads((CHART / "values.schema.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        defaults = yaml.safe_load((CHART / "values.yaml").read_text())
        for path in (CHART / "values.yaml", *ci_values()):
            jsonschema.validate(yaml.safe_load(path.read_text()), schema)
        self.assertEqual(set(schema["properties"]) - {"global"}, set(defaults))

    def test_wrong_values_are_refused(self):
        schema = json.loads((CHART / "values.schema.json").read_text())
        for wrong in ({"tier": "medium"}, {"prot": 10077}, {"port": "10077"}, {"extraArgs": ["collector"]},
                      {"config": {"service": []}}, {"serviceMonitor": {"interval": "15 seconds"}},
                      {"extraArgs": ["--colector.binds"]}, {"extraArgs": ["--config.file=/mine"]},
                      {"resources": {"limit": {}}}, {"resources": {"limits": {"memroy": "1Gi"}}},
                      {"updateStrategy": {"rollingUpdat": {}}}, {"tolerations": [{"operater": "Exists"}]},
                      {"affinity": {"nodeAffinty": {}}}, {"imagePullSecrets": [{"nam": "x"}]},
                      {"links": {"runbookBase": "runbooks/"}}):
            with self.subTest(wrong), self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(wrong, schema)

    def test_configuration_is_refused_as_by_the_exporter(self):
        """Before it reaches all nodes."""
        schema = json.loads((CHART / "values.schema.json").read_text())
        for wrong in ({"websocket": {"prots": [8080]}}, {"websocket": {"ports": [0]}}, {"websocket": {"auto": "perhaps"}},
                      {"websocket": {"limits": {"8080": 0}}}, {"checks": {"system-port": {}}},
                      {"checks": {"conntrack": {"warning": 70}}}, {"checks": {"conntrack": {"warningThreshold": 101}}},
                      {"services": ["x"]}, {"services": [{"name": "x"}]}, {"services": [{"name": "x", "match": []}]}):
            with self.subTest(wrong), self.assertRaises(jsonschema.ValidationError):
                self.assertEqual(self.check_configuration(yaml.safe_dump(wrong)).returncode, 3)
                jsonschema.validate({"config": wrong}, schema)

    def test_every_flag_may_be_given(self):
        schema = json.loads((CHART / "values.schema.json").read_text())
        flags = re.findall(r"^ +(?:-h, )?(--\S+)", output(BINARY, "--help"), re.M)
        own = ("--help", "--version", "--config.file", "--web.listen-address", "--path.rootfs")
        self.assertGreater(len(flags), 30)
        for flag in flags:
            if not flag.startswith(own):
                jsonschema.validate({"extraArgs": [flag.replace("[no-]", ""), flag.replace("[no-]", "no-")]}, schema)

    def check_configuration(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(text)
            file.flush()
            return run(BINARY, "check", "system-ports", f"--config.file={file.name}")

    def test_links_lead_where_they_should(self):
        objects = render(CHART / "ci/everything-values.yaml")
        links = set(re.findall(r"https?://[^/\s\"\\]+/(?:d|runbooks)/", objects))
        self.assertEqual(links, {"https://grafana.example.org/d/", "https://wiki.example.org/runbooks/"})
        self.assertNotIn("https://runbooks.example.com", objects)

    def test_every_example_renders_to_valid_objects(self):
        for values in ci_values():
            with self.subTest(values.name):
                objects = render(values)
                self.assertEqual(problems(objects), [])
                self.assert_flags_exist(container(objects)[1]["args"][1:])

    def test_tiers(self):
        self.assert_full(*container(render()))
        self.assert_minimal(*container(render(CHART / "ci/minimal-values.yaml")))

    def test_rules_and_configuration_are_ours(self):
        objects = render(CHART / "ci/everything-values.yaml").replace("https://wiki.example.org/runbooks", RUNBOOKS).replace(
            "https://grafana.example.org/d", DASHBOARDS)
        ours = yaml.safe_load((ROOT / "alerts/prometheusrule.yaml").read_text())
        self.assertEqual(of_kind("PrometheusRule", objects)["spec"], ours["spec"])
        self.assertEqual(dashboards(objects), own_dashboards())
        given = yaml.safe_load((CHART / "ci/everything-values.yaml").read_text())["config"]
        written = next(each["data"] for each in yaml.safe_load_all(objects) if each and each["kind"] == "ConfigMap"
                       and "socket_exporter.yml" in each["data"])["socket_exporter.yml"]
        self.assertEqual(yaml.safe_load(written), given)
        done = self.check_configuration(written)
        self.assertNotEqual(done.returncode, 3, done.stderr)
