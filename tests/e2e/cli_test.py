#!/usr/bin/env python3
"""The command line, the configuration file and the commands, as an operator meets them."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import unittest

import harness
from sockets import Pair, Sockets

REFERENCE = pathlib.Path(__file__).parents[1] / "golden" / "metrics.md"
COMM = pathlib.Path("/proc/self/comm").read_text().strip()
SEED_KEYS = {"portMin", "portMax", "totalPorts", "usedPorts", "usedPercent", "warningThreshold",
             "criticalThreshold", "topConsumers"}
UNKNOWN = 3
GOOD = """services:
  - name: first
    match: ["127.0.0.1:5000"]
"""


def run(*arguments, namespace=None):
    return subprocess.run([harness.BINARY, *arguments], capture_output=True, text=True, timeout=harness.LIMIT,
                          preexec_fn=namespace.join if namespace else None)


class RefusalTest(unittest.TestCase):
    def refused(self, *arguments, names):
        done = run("--web.listen-address=127.0.0.1:0", *arguments)
        self.assertEqual(done.returncode, 1, done)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for name in names:
            self.assertIn(name, done.stderr)

    def test_flags(self):
        self.refused("--no-such-flag", names=["--no-such-flag"])
        self.refused("--collector.nonsense", names=["--collector.nonsense"])
        self.refused("--log.level=loud", names=["--log.level", "loud"])
        self.refused("--log.format=xml", names=["--log.format", "xml"])
        self.refused("--web.max-requests=many", names=["--web.max-requests", "many"])
        self.refused("--web.listen-address=nowhere", names=["nowhere"])
        self.refused("--path.procfs=/nonexistent", names=["/nonexistent"])
        self.refused("--collector.netstat.fields=(", names=["--collector.netstat.fields"])

    def test_an_address_that_is_taken(self):
        with harness.Exporter() as exporter:
            self.refused(f"--web.listen-address=127.0.0.1:{exporter.port}", names=[str(exporter.port)])

    def test_configuration_files(self):
        directory = harness.scratch(self)
        for text, names in (
                ("nonsense: 1\n", ["1", "nonsense"]),
                ("services:\n  - name: a\n    match: [10.0.0.0/33]\n", ["3", "10.0.0.0/33"]),
                ("services:\n  - name: a\n    match: [10.0.0.1]\n  - name: a\n    match: [10.0.0.2]\n", ["4", "a"]),
                ("services:\n  - name: a\n", ["2", "match"]),
                ("services: [\n", ["yml"]),
                ("checks:\n  system-ports:\n    warningThreshold: high\n", ["3", "warningThreshold", "high"])):
            with self.subTest(text=text):
                path = directory / "socket_exporter.yml"
                path.write_text(text)
                self.refused(f"--config.file={path}", names=[str(path), *names])
        self.refused("--config.file=/nonexistent.yml", names=["/nonexistent.yml"])

    def test_thresholds_out_of_order(self):
        path = harness.scratch(self) / "socket_exporter.yml"
        path.write_text("checks:\n  system-ports: {warningThreshold: 10, criticalThreshold: 20}\n")
        for arguments in (["--warning-threshold=90"], ["--critical-threshold=60"],
                          ["--critical-threshold=5", f"--config.file={path}"]):
            done = run("check", "system-ports", *arguments)
            self.assertEqual((done.returncode, done.stdout), (UNKNOWN, ""), arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(arguments[0].partition("=")[0], done.stderr)

    def test_commands(self):
        for arguments, code, fix in ((["nonsense"], 1, "The commands are serve"),
                                     (["report", "--format=xml"], 1, "text, json"),
                                     (["check"], UNKNOWN, "--list"),
                                     (["check", "nope"], UNKNOWN, "The checks are system-ports"),
                                     (["check", "system-ports", "--format=xml"], UNKNOWN, "text, json, nagios"),
                                     (["check", "system-ports", "--warning-threshold=abc"], UNKNOWN, "0 to 100"),
                                     (["check", "system-ports", "--warning-threshold=9", "--critical-threshold=8"],
                                      UNKNOWN, "swap them"),
                                     (["check", "system-ports", "--nonsense"], UNKNOWN, "--nonsense"),
                                     (["check", "--list", "--config.file=/nope.yml"], UNKNOWN, "/nope.yml")):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (code, ""), arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(fix, done.stderr)

    def test_a_check_that_cannot_read_is_unknown(self):
        path = harness.scratch(self) / "socket_exporter.yml"
        path.write_text("nonsense: 1\n")
        for flag, fix in (("--netns=nope", "There is: host"), (f"--config.file={path}", f"{path}:1"),
                          ("--config.file=/nope.yml", "check --config.file"),
                          (f"--config.file={harness.BINARY}", "is this the right file"),
                          (f"--path.procfs={path.parent}", "mount procfs there")):
            done = run("check", "system-ports", flag)
            self.assertEqual((done.returncode, done.stderr), (UNKNOWN, ""), flag)
            self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)
            self.assertRegex(done.stdout, f"^UNKNOWN .*{re.escape(fix)}")

    def test_descriptors_that_nobody_may_look_at_are_unknown(self):
        done = subprocess.run([harness.BINARY, "check", "file-descriptors"], capture_output=True, text=True,
                              timeout=harness.LIMIT, preexec_fn=harness.become_nobody)
        self.assertEqual(done.returncode, UNKNOWN, done)
        self.assertIn("for lack of permission", done.stdout)


class InformationTest(unittest.TestCase):
    def test_version_in_the_form_of_prometheus(self):
        self.assertRegex(run("--version").stdout,
                         r"^socket_exporter, version \d+\.\d+\.\d+ \(branch: .*, revision: .*\)\n"
                         r"  build user: +\S.*\n  build date: +\S.*\n")

    def test_help_names_every_flag_of_the_issue(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        for flag in ("--web.listen-address", "--web.telemetry-path", "--web.max-requests",
                     "--web.disable-exporter-metrics", "--web.enable-lifecycle", "--[no-]collector.tcp_states",
                     "--collector.disable-defaults", "--config.file", "--log.level", "--log.format", "--path.procfs"):
            self.assertIn(flag, done.stdout)

    def test_readme_names_every_flag(self):
        readme = (harness.ROOT / "README.md").read_text()
        flags = set(re.findall(r"--(?:web|log|path|config)\.[a-z.-]+[a-z]", run("--help").stdout))
        self.assertEqual(sorted(flag for flag in flags if flag not in readme), [])

    def test_reference_is_what_the_binary_prints(self):
        printed = run("metrics").stdout
        if os.environ.get("UPDATE_GOLDEN"):
            REFERENCE.write_text(printed)
        self.assertEqual(printed, REFERENCE.read_text())

    def test_reference_has_every_metric_of_a_scrape(self):
        reference = run("metrics").stdout
        with harness.Exporter() as exporter:
            types = exporter.scrape().types
        missing = [name for name in types if not re.search(rf"\b{name}\b", reference)]
        named_by_the_kernel = ("node_netstat_", "node_sockstat_", "node_nf_conntrack_stat_", "process_")
        self.assertEqual([name for name in missing if not name.startswith(named_by_the_kernel)], [])


class ConfigurationTest(unittest.TestCase):
    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        sockets = self.enterContext(Sockets(self.namespace))
        sockets.listen("::", 5000)
        for _ in range(5):
            sockets.connect("127.0.0.1", 5000)
        self.path = harness.scratch(self) / "socket_exporter.yml"
        self.path.write_text(GOOD)

    def service(self, exporter):
        series = exporter.scrape().all("socket_destination_sockets", destination="127.0.0.1",
                                       destination_port="5000", state="established")
        return [dict(labels)["peer_service"] for labels in series]

    def start(self, *flags):
        return harness.Exporter(f"--config.file={self.path}", *flags, namespace=self.namespace)

    def test_peer_service_follows_the_file_on_sighup(self):
        with self.start() as exporter:
            self.assertEqual(self.service(exporter), ["first"])
            self.path.write_text(GOOD.replace("first", "second"))
            exporter.signal(signal.SIGHUP)
            harness.eventually(lambda: self.service(exporter) == ["second"], "the new name")

    def test_a_wrong_file_keeps_the_old_one_and_says_so(self):
        with self.start() as exporter:
            self.path.write_text("services: nonsense\n")
            exporter.signal(signal.SIGHUP)
            exporter.wait_for_line(re.escape(str(self.path)))
            harness.eventually(lambda: exporter.scrape().value(
                "socket_exporter_config_last_reload_successful") == 0, "the metric says so")
            self.assertEqual(self.service(exporter), ["first"])
            self.path.write_text(GOOD)
            exporter.signal(signal.SIGHUP)
            harness.eventually(lambda: exporter.scrape().value(
                "socket_exporter_config_last_reload_successful") == 1, "all is well again")

    def test_reload_by_post_only_where_lifecycle_is_enabled(self):
        with self.start() as exporter:
            self.assertIn(exporter.get("/-/reload", "POST").status, (403, 404, 405))
        with self.start("--web.enable-lifecycle") as exporter:
            self.assertEqual(exporter.get("/-/reload").status, 405)
            self.path.write_text(GOOD.replace("first", "second"))
            self.assertEqual(exporter.get("/-/reload", "POST").status, 200)
            harness.eventually(lambda: self.service(exporter) == ["second"], "the new name")
            self.path.write_text("services: nonsense\n")
            self.assertEqual(exporter.get("/-/reload", "POST").status, 500)

    def test_host_names(self):
        self.path.write_text('services:\n  - name: by-name\n    match: ["localhost:5000"]\n')
        with self.start() as exporter:
            harness.eventually(lambda: self.service(exporter) == ["by-name"], "localhost is resolved")


class CommandTest(unittest.TestCase):
    """40 of 100 ports are taken: 30 by one tuple, 10 by another."""

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.namespace.sysctl("ipv4.ip_local_port_range", "20000 20099")
        self.namespace.sysctl("ipv4.tcp_tw_reuse", 0)
        self.sockets = self.enterContext(Sockets(self.namespace))
        self.sockets.listen("::", 5000)
        for _ in range(20):
            self.sockets.connect("127.0.0.1", 5000)
        for _ in range(10):
            self.sockets.connect("127.0.0.1", 5000, Pair.time_wait)
        self.sockets.wait_until_ss_agrees()

    def used_ports(self):
        return len({e.local_port for e in self.sockets.entries if 20000 <= e.local_port < 20100})

    def check(self, *flags):
        return run("check", "system-ports", *flags, namespace=self.namespace)

    def test_system_ports_has_the_keys_and_figures(self):
        done = self.check("--format=json")
        answer = json.loads(done.stdout)
        self.assertLessEqual(SEED_KEYS | {"status", "score", "message", "protocol"}, set(answer))
        self.assertEqual((answer["portMin"], answer["portMax"], answer["totalPorts"]), (20000, 20099, 100))
        self.assertEqual(answer["usedPorts"], self.used_ports())
        self.assertAlmostEqual(answer["usedPercent"], self.used_ports(), delta=0.01)
        self.assertAlmostEqual(answer["score"], 100 - answer["usedPercent"], delta=0.01)
        top = answer["topConsumers"][0]
        self.assertRegex(top["localAddr"], r"^[0-9A-F]{8}(:[0-9A-F]{4})?$")
        self.assertGreater(top["count"], 0)

    def test_exit_codes_follow_the_thresholds(self):
        for warning, critical, code, word in ((90, 95, 0, "OK"), (10, 95, 1, "WARNING"), (5, 10, 2, "CRITICAL")):
            flags = (f"--warning-threshold={warning}", f"--critical-threshold={critical}")
            done = self.check(*flags, "--format=nagios")
            self.assertEqual(done.returncode, code, done)
            self.assertIn(word, done.stdout)
            self.assertEqual(len(done.stdout.splitlines()), 1)
            self.assertEqual(self.check(*flags, "--format=json").returncode, code)
            self.assertEqual(self.check(*flags, "--format=text").returncode, code)

    def test_unknown_is_three(self):
        directory = harness.scratch(self)
        self.assertEqual(run("check", "system-ports", f"--path.procfs={directory}").returncode, 3)

    def test_thresholds_from_the_configuration(self):
        path = harness.scratch(self) / "socket_exporter.yml"
        path.write_text("checks:\n  system-ports: {warningThreshold: 10, criticalThreshold: 20}\n")
        done = self.check("--format=json", f"--config.file={path}")
        answer = json.loads(done.stdout)
        self.assertEqual((answer["warningThreshold"], answer["criticalThreshold"]), (10, 20))
        self.assertEqual(done.returncode, 2)

    def test_the_same_over_http(self):
        with harness.Exporter(namespace=self.namespace) as exporter:
            names = exporter.get("/api/v1/checks")
            response = exporter.get("/api/v1/checks/system-ports")
            unknown = exporter.get("/api/v1/checks/nonsense")
        for name in ("system-ports", "tcp-states", "listen-queues", "conntrack", "file-descriptors"):
            self.assertIn(name, names.body.decode())
        self.assertLessEqual(SEED_KEYS, set(json.loads(response.body)))
        self.assertEqual(response.headers["Content-Type"].split(";")[0], "application/json")
        self.assertEqual(unknown.status, 404)

    def test_every_check_answers(self):
        for name in ("tcp-states", "listen-queues", "conntrack", "file-descriptors"):
            done = run("check", name, "--format=json", namespace=self.namespace)
            answer = json.loads(done.stdout)
            self.assertIn(done.returncode, (0, 1, 2, 3), name)
            self.assertLessEqual({"status", "message"}, set(answer), name)

    def test_report_is_one_plain_screen_with_the_numbers(self):
        done = run("report", namespace=self.namespace)
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn("\x1b", done.stdout)
        self.assertLessEqual(len(done.stdout.splitlines()), 50)
        for text in ("20000", "20099", "127.0.0.1", "5000"):
            self.assertIn(text, done.stdout)
        answer = json.loads(run("report", "--format=json", namespace=self.namespace).stdout)
        self.assertTrue(answer)


class CauseTest(unittest.TestCase):
    """What the report says of staged trouble, in a range of 100 ports."""

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.namespace.sysctl("ipv4.ip_local_port_range", "20000 20099")
        self.namespace.sysctl("ipv4.tcp_tw_reuse", 0)
        self.sockets = self.enterContext(Sockets(self.namespace))

    def check_cause(self, cause):
        self.sockets.wait_until_ss_agrees()
        report = json.loads(run("report", "--format=json", namespace=self.namespace).stdout)
        found = {finding["cause"]: finding for finding in report["findings"]}
        self.assertIn(cause, found)
        self.assertTrue(found[cause]["explanation"])
        self.assertTrue(found[cause]["steps"])

    def connect(self, number, fate):
        self.sockets.listen("127.0.0.1", 5000)
        for _ in range(number):
            self.sockets.connect("127.0.0.1", 5000, fate)

    def test_churn(self):
        self.connect(60, Pair.time_wait)
        self.check_cause("churn")

    def test_close_wait_leak(self):
        self.connect(60, Pair.close_wait)
        self.check_cause("close_wait_leak")

    def test_pool_too_large(self):
        self.connect(60, Pair.established)
        self.check_cause("pool_too_large")

    def test_unresponsive_peer(self):
        self.sockets.listen("127.0.0.1", 5003, backlog=0)
        self.sockets.connect_unaccepted("127.0.0.1", 5003)
        for _ in range(60):
            self.sockets.connect_unanswered("127.0.0.1", 5003)
        self.check_cause("unresponsive_peer")

    def test_ports_bound(self):
        for port in range(20000, 20080):
            self.sockets.bound("127.0.0.1", port)
        for port in range(20080, 20100):
            self.sockets.listen("127.0.0.1", port)
        self.check_cause("ports_bound")
        done = run("check", "system-ports", namespace=self.namespace)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(f"100 by {COMM} (pid {os.getpid()})", " ".join(done.stdout.split()))

    def test_udp_ports(self):
        self.sockets.bound("127.0.0.1", 5000, socket.SOCK_DGRAM)
        for _ in range(100):
            self.sockets.udp_connected("127.0.0.1", 5000)
        with self.assertRaises(BlockingIOError):
            self.sockets.udp_connected("127.0.0.1", 5000)
        self.check_cause("udp_ports")
        done = run("check", "system-ports", "--format=json", namespace=self.namespace)
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, answer["protocol"], answer["usedPorts"]), (2, "udp", 100))
        self.assertIn("UDP", answer["message"])

    def test_time_wait_that_connect_takes_over_is_a_warning(self):
        self.namespace.sysctl("ipv4.tcp_tw_reuse", 2)
        self.connect(100, Pair.time_wait)

        def is_warning():
            answer = json.loads(run("report", "--format=json", namespace=self.namespace).stdout)
            return answer["status"] == "warning" and answer["ports"]["reusablePorts"] == 100
        harness.eventually(is_warning, "all are over a second old")
        self.sockets.connect("127.0.0.1", 5000)
        done = run("check", "system-ports", "--format=json", namespace=self.namespace)
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, answer["usedPorts"], answer["reusablePorts"]), (1, 100, 99))

    def test_accept_queue_full(self):
        self.sockets.listen("127.0.0.1", 5003, backlog=4)
        for _ in range(5):
            self.sockets.connect_unaccepted("127.0.0.1", 5003)
        self.check_cause("accept_queue_full")


if __name__ == "__main__":
    harness.main()
