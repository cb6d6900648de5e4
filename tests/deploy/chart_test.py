"""The Helm chart: its values, and what it makes of them."""
import json
import tempfile
import unittest

import jsonschema
import yaml

from objects import (BINARY, CHART, ROOT, Objects, ci_values, container, dashboards, of_kind, own_dashboards, problems,
                     render, run, setUpModule)


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
                      {"config": {"service": []}}, {"serviceMonitor": {"interval": "15 seconds"}}):
            with self.subTest(wrong), self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(wrong, schema)

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
        objects = render(CHART / "ci/everything-values.yaml")
        ours = yaml.safe_load((ROOT / "alerts/prometheusrule.yaml").read_text())
        self.assertEqual(of_kind("PrometheusRule", objects)["spec"], ours["spec"])
        self.assertEqual(dashboards(objects), own_dashboards())
        given = yaml.safe_load((CHART / "ci/everything-values.yaml").read_text())["config"]
        written = next(each["data"] for each in yaml.safe_load_all(objects) if each and each["kind"] == "ConfigMap"
                       and "socket_exporter.yml" in each["data"])["socket_exporter.yml"]
        self.assertEqual(yaml.safe_load(written), given)
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(written)
            file.flush()
            done = run(BINARY, "check", "system-ports", f"--config.file={file.name}")
            self.assertNotEqual(done.returncode, 3, done.stderr)
