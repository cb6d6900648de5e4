#!/usr/bin/env python3
"""What goes to systemd, Compose and Kubernetes is valid, and starts the exporter with flags that it has."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

import roots

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/deploy"
BINARY = ROOT / "build/release/socket_exporter"
CHART = ROOT / "deploy/helm/socket-exporter"
UNIT = ROOT / "deploy/systemd/socket-exporter.service"
OVERLAYS = ROOT / "deploy/kubernetes/overlays"
CAPABILITIES = ["BPF", "PERFMON", "NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"]
PLACE = ROOT / "build/deploy"


def run(*command, **options):
    return subprocess.run(list(map(str, command)), text=True, capture_output=True, **options)


def output(*command, **options):
    done = run(*command, **options)
    if done.returncode:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def problems(objects):
    """What the API would refuse, of objects as YAML."""
    done = run("node", PLACE / "objects.mjs", input=objects)
    return done.stderr.splitlines() or ([] if done.returncode == 0 else [f"exit code {done.returncode}"])


def of_kind(kind, objects):
    return next(each for each in yaml.safe_load_all(objects) if each and each["kind"] == kind)


def container(objects):
    pod = of_kind("DaemonSet", objects)["spec"]["template"]["spec"]
    return pod, pod["containers"][0]


def render(*values):
    return output(PLACE / "chart", CHART, "sockets", "monitoring", *values)


def ci_values():
    return sorted(CHART.glob("ci/*.yaml"))


def kustomize(overlay):
    return output(PLACE / "usr/bin/kustomize", "build", OVERLAYS / overlay)


def own_dashboards():
    return {path.name: json.loads(path.read_text()) for path in ROOT.glob("dashboards/json/*.json")}


def dashboards(objects):
    """In ConfigMaps with the label that Grafana's sidecar looks for: by the name of the file."""
    maps = [each for each in yaml.safe_load_all(objects) if each and each["kind"] == "ConfigMap"]
    return {name: json.loads(text) for each in maps if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
            for name, text in each["data"].items()}


def setUpModule():
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "objects.mjs"):
        (PLACE / name).write_text((HERE / name).read_text())
    output("tar", "-x", "-C", PLACE, "-f", roots.archive("trixie"), "./usr/bin/kustomize")
    output("npm", "ci", "--silent", "--no-audit", "--no-fund", cwd=PLACE)
    output("go", "build", "-o", PLACE / "chart", ".", cwd=HERE / "chart",
           env=os.environ | {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": ""})


class Objects(unittest.TestCase):
    def assert_flags_exist(self, arguments):
        """By the exporter itself: it says what it does not know."""
        done = run(BINARY, *arguments, "--log.level=none")
        self.assertIn("log.level", done.stderr)

    def assert_full(self, pod, first):
        security = first["securityContext"]
        self.assertTrue(pod["hostPID"] and pod["hostNetwork"] and security["runAsNonRoot"])
        self.assertEqual(security["capabilities"], {"drop": ["ALL"], "add": CAPABILITIES})
        self.assertTrue(security["readOnlyRootFilesystem"])
        self.assertTrue(all(mount.get("readOnly") for mount in first["volumeMounts"]))

    def assert_minimal(self, pod, first):
        security = first["securityContext"]
        self.assertNotIn("hostPID", pod)
        self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
        self.assertFalse(security["allowPrivilegeEscalation"])


class SystemdTest(Objects):
    def test_unit_is_valid_and_confined(self):
        with tempfile.TemporaryDirectory() as directory:
            # The program and the page of the manual are not installed here.
            unit = pathlib.Path(directory, UNIT.name)
            unit.write_text(UNIT.read_text().replace("/usr/bin/socket_exporter", str(BINARY)).replace("man:", "info:"))
            done = run("systemd-analyze", "verify", "--man=no", unit)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = run("systemd-analyze", "security", "--offline=true", "--threshold=25", UNIT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_capabilities_and_flags(self):
        text = UNIT.read_text()
        for key in ("AmbientCapabilities", "CapabilityBoundingSet"):
            self.assertEqual(re.search(rf"^{key}=(.*)$", text, re.M)[1], " ".join(f"CAP_{name}" for name in CAPABILITIES))
        self.assert_flags_exist(re.findall(r"--\S+", re.search(r"^ExecStart=(.*)$", text, re.M)[1]))


class ComposeTest(Objects):
    FILE = ROOT / "deploy/compose/compose.yml"

    def test_is_valid(self):
        services = yaml.safe_load(output("docker-compose", "-f", self.FILE, "config"))["services"]
        self.assertEqual(set(services), {"exporter", "prometheus", "alertmanager", "grafana"})
        exporter = services["exporter"]
        self.assertEqual((exporter["cap_drop"], exporter["cap_add"]), (["ALL"], CAPABILITIES))
        self.assert_flags_exist(exporter["command"])

    def test_mounts_what_is_there(self):
        services = yaml.safe_load(self.FILE.read_text())["services"]
        mounts = [volume for service in services.values() for volume in service["volumes"] if volume.startswith(".")]
        missing = [mount for mount in mounts if not (self.FILE.parent / mount.split(":")[0]).exists()]
        self.assertEqual(missing, [])

    def test_prometheus_and_alertmanager_take_their_files(self):
        with tempfile.TemporaryDirectory() as directory:
            place = pathlib.Path(directory)
            (place / "alerts").symlink_to(ROOT / "alerts")
            (place / "prometheus.yml").write_text((ROOT / "deploy/compose/prometheus.yml").read_text())
            output("promtool", "check", "config", place / "prometheus.yml")
        output("amtool", "check-config", ROOT / "alerts/alertmanager/alertmanager.yml")


class KustomizeTest(Objects):
    def test_overlays_are_valid(self):
        for overlay in sorted(path.name for path in OVERLAYS.iterdir()):
            with self.subTest(overlay):
                objects = kustomize(overlay)
                self.assertEqual(problems(objects), [])
                self.assert_flags_exist(container(objects)[1]["args"][1:])

    def test_full_has_the_capabilities(self):
        self.assert_full(*container(kustomize("full")))

    def test_minimal_has_no_privilege(self):
        self.assert_minimal(*container(kustomize("minimal")))

    def test_found_by_one_monitor(self):
        for overlay, kind in (("full", "ServiceMonitor"), ("minimal", "ServiceMonitor"), ("podmonitor", "PodMonitor")):
            kinds = [each["kind"] for each in yaml.safe_load_all(kustomize(overlay)) if each["kind"].endswith("Monitor")]
            self.assertEqual(kinds, [kind])

    def test_what_the_api_does_not_know_is_caught(self):
        objects = kustomize("full")
        wrong = objects.replace("hostPID", "hostPid").replace("containerPort: 10077", "containerPort: ten")
        found = "\n".join(problems(wrong))
        self.assertIn("unknown key DaemonSet.spec.template.spec.hostPid", found)
        self.assertIn("containerPort must be integer", found)


    def test_every_dashboard_is_there(self):
        self.assertEqual(dashboards(kustomize("full")), own_dashboards())


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


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
