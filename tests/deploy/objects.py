"""What goes to systemd, Compose and Kubernetes, rendered and read by those who will."""
import functools
import json
import os
import pathlib
import subprocess
import unittest

import yaml

import roots

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/deploy"
BINARY = ROOT / "build/release/socket_exporter"
CHART = ROOT / "deploy/helm/socket-exporter"
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


@functools.cache
def setUpModule():
    """Of each module with such tests; once."""
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
