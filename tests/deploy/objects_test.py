"""What goes to systemd, Compose and Kubernetes is valid, and starts the exporter with flags that it has."""
import os
import pathlib
import re
import tempfile

import yaml

from objects import (BINARY, CAPABILITIES, OVERLAYS, PLACE, ROOT, Objects, container, dashboards, kustomize, output,
                     own_dashboards, problems, run, setUpModule)

UNIT = ROOT / "deploy/systemd/socket-exporter.service"


class SystemdTest(Objects):
    def test_unit_is_valid_and_confined(self):
        with tempfile.TemporaryDirectory() as directory:
            # The program and the page of the manual are not installed here.
            unit = pathlib.Path(directory, UNIT.name)
            unit.write_text(UNIT.read_text().replace("/usr/bin/socket_exporter", str(BINARY)).replace("man:", "info:"))
            done = run("systemd-analyze", "verify", "--man=no", unit)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("SystemCallErrorNumber=EPERM\n", UNIT.read_text(), "an end without a word")
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
            configuration = (ROOT / "deploy/compose/prometheus.yml").read_text()
            (place / "prometheus.yml").write_text(configuration.replace("/prometheus/rules", f"{place}/rules"))
            checked = output("sh", ROOT / "deploy/compose/with-links", ROOT / "alerts", place / "rules",
                             "promtool", "check", "config", place / "prometheus.yml")
            self.assertIn("2 rule files found", checked)
        output("amtool", "check-config", ROOT / "alerts/alertmanager/alertmanager.yml")


    def test_links_lead_to_this_grafana(self):
        with tempfile.TemporaryDirectory() as directory:
            for made, name in (("alerts", "socket_exporter.rules.yml"), ("dashboards/json", "socket-connections.json")):
                output("sh", ROOT / "deploy/compose/with-links", ROOT / made, directory, "true")
                text = pathlib.Path(directory, name).read_text()
                self.assertIn("http://localhost:3000/public/runbooks/CloseWaitLeak.md", text)
                self.assertNotIn("example.com/", text)

    def test_exporter_takes_its_configuration(self):
        done = run(BINARY, "check", "system-ports", f"--config.file={ROOT}/deploy/compose/socket_exporter.yml")
        self.assertNotEqual(done.returncode, 3, done.stderr)


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

    def test_overlay_of_ones_own(self):
        """That of the documentation."""
        overlay = re.search(r"^```yaml\n(apiVersion: kustomize.*?)^```", (ROOT / "deploy/README.md").read_text(), re.M | re.S)[1]
        with tempfile.TemporaryDirectory(dir=PLACE) as directory:
            to_full = os.path.relpath(OVERLAYS / "full", directory)
            pathlib.Path(directory, "kustomization.yaml").write_text(overlay.replace("../full", to_full))
            pathlib.Path(directory, "socket_exporter.yml").write_text("websocket: {auto: true}\n")
            objects = output(PLACE / "usr/bin/kustomize", "build", directory)
        self.assertEqual(problems(objects), [])
        pod, first = container(objects)
        self.assertEqual(first["image"], "registry.example.com/socket-exporter:0.1.0")
        name, = (volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume)
        self.assertIn("auto: true", next(each["data"]["socket_exporter.yml"] for each in yaml.safe_load_all(objects)
                                         if each["metadata"]["name"] == name and each["kind"] == "ConfigMap"))

    def test_what_the_api_does_not_know_is_caught(self):
        objects = kustomize("full")
        wrong = objects.replace("hostPID", "hostPid").replace("containerPort: 10077", "containerPort: ten")
        found = "\n".join(problems(wrong))
        self.assertIn("unknown key DaemonSet.spec.template.spec.hostPid", found)
        self.assertIn("containerPort must be integer", found)

    def test_every_dashboard_is_there(self):
        self.assertEqual(dashboards(kustomize("full")), own_dashboards())
