#!/usr/bin/env python3
"""`report` and `check` of any network namespace: by name, by process, all at once."""
import contextlib
import json
import os
import resource
import subprocess
import unittest

import harness
from sockets import Pair, Sockets

GOLDEN = harness.ROOT / "tests" / "golden"
CRITICAL = 2
UNKNOWN = 3


class NamedNamespace(harness.Namespace):
    """One with a file below /run/netns, as `ip netns` makes it."""

    def __init__(self, name):
        self.name = name
        subprocess.run(["ip", "netns", "add", name], check=True, timeout=harness.LIMIT)
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
        self.inode = os.fstat(self.fd).st_ino
        self.run("ip", "link", "set", "lo", "up")

    def __exit__(self, *unused):
        super().__exit__(*unused)
        subprocess.run(["ip", "netns", "delete", self.name], check=True, timeout=harness.LIMIT)


@contextlib.contextmanager
def process_in(namespace):
    """The number of a process that waits in the namespace."""
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                             preexec_fn=namespace.join)
    try:
        child.stdin.write(b"!")
        child.stdout.read(1)  # it has started
        yield child.pid
    finally:
        child.communicate(timeout=harness.LIMIT)


def run(*arguments, prepare=None):
    return subprocess.run([harness.BINARY, *arguments], capture_output=True, text=True,
                          timeout=harness.LIMIT, preexec_fn=prepare)


def report(netns):
    done = run("report", "--format=json", f"--netns={netns}")
    if done.returncode != 0:
        raise AssertionError(done)
    return json.loads(done.stdout)


class NetnsReportTest(unittest.TestCase):
    """Of 100 ports one namespace has 95 in use by one tuple, another has five."""

    def setUp(self):
        self.full = self.enterContext(NamedNamespace(f"full-{os.getpid()}"))
        self.calm = self.enterContext(NamedNamespace(f"calm-{os.getpid()}"))
        for namespace, established, closed in ((self.full, 20, 75), (self.calm, 5, 0)):
            namespace.sysctl("ipv4.ip_local_port_range", "20000 20099")
            namespace.sysctl("ipv4.tcp_tw_reuse", 0)
            sockets = self.enterContext(Sockets(namespace))
            sockets.listen("127.0.0.1", 5000)
            for _ in range(established):
                sockets.connect("127.0.0.1", 5000)
            for _ in range(closed):
                sockets.connect("127.0.0.1", 5000, Pair.time_wait)
            sockets.wait_until_ss_agrees()

    def check(self, *flags):
        return run("check", "system-ports", *flags)

    def test_all_names_the_exhausted_one_first(self):
        done = run("report", "--netns=all")
        self.assertEqual(done.returncode, 0, done)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], f"^CRITICAL +{self.full.name}: ")
        head = lines.index(f"In full   {self.full.name}")
        self.assertLessEqual(head, 24)
        table = [line.split() for line in lines[:head] if f" {self.full.name} " in line]
        self.assertEqual(table[0][:5], ["CRITICAL", self.full.name, "95", "%", "95"])
        self.assertIn(f"Netns     {self.full.name} (inode {self.full.inode})", done.stdout)

    def test_all_as_json_has_every_namespace(self):
        answer = report("all")
        self.assertEqual(answer["netns"]["name"], self.full.name)
        by_name = {one["netns"]["name"]: one for one in answer["reports"]}
        self.assertLessEqual({"host", self.full.name, self.calm.name}, set(by_name))
        self.assertEqual(by_name[self.full.name]["ports"]["usedPorts"], 95)
        self.assertEqual(by_name[self.calm.name]["ports"]["usedPorts"], 5)
        self.assertEqual(by_name[self.calm.name]["tuples"][0]["usedPorts"], 5)
        self.assertEqual(by_name[self.full.name]["tuples"][0]["states"]["time_wait"], 75)
        self.assertEqual(by_name[self.full.name]["listeners"][0]["port"], 5000)
        self.assertEqual(by_name[self.full.name]["sysctls"]["net.ipv4.tcp_tw_reuse"], "0")

    def test_by_name_and_by_process(self):
        by_name = report(self.full.name)
        with process_in(self.full) as pid:
            by_process = report(pid)
        for answer in (by_name, by_process):
            self.assertEqual(answer["netns"], {"name": self.full.name, "inode": self.full.inode})
            self.assertEqual(answer["status"], "critical")
            self.assertEqual(answer["findings"][0]["cause"], "churn")
            self.assertEqual(answer["ports"]["totalPorts"], 100)
            self.assertEqual(answer["ports"]["usedPorts"], 95)
        self.assertEqual(by_name["processes"][0]["pid"], os.getpid())

    def test_descriptors_are_those_of_the_processes_inside(self):
        with process_in(self.full) as pid:
            done = run("check", "file-descriptors", "--format=json", f"--netns={pid}")
        self.assertEqual([one["pid"] for one in json.loads(done.stdout)["processes"]], [pid])

    def test_a_process_without_descriptors_is_named_with_its_namespace(self):
        with process_in(self.full) as pid:
            opened = len(os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (opened, opened))
            done = run("check", "file-descriptors", "--format=nagios")
            shown = run("report").stdout
            inside = run("report", f"--netns={self.full.name}", "--format=json").stdout
        self.assertEqual(done.returncode, CRITICAL, done)
        self.assertIn(f"(pid {pid}) in network namespace {self.full.name} has", done.stdout)
        self.assertRegex(shown, rf"\(pid {pid}\) in\s+network\s+namespace\s+{self.full.name}")
        self.assertRegex(shown, rf"\n +{pid} cat +0 .* {opened} / {opened}\n")
        self.assertIn("descriptors", [finding["cause"] for finding in json.loads(inside)["findings"]])

    def test_one_without_a_name(self):
        with harness.Namespace() as namespace:
            namespace.sysctl("ipv4.ip_local_port_range", "30000 30009")
            with process_in(namespace) as pid:
                answer = report(f"net:[{namespace.inode}]")
                self.assertEqual(answer["ports"]["totalPorts"], 10)
                self.assertEqual(report(pid)["netns"], answer["netns"])

    def test_host_is_the_default(self):
        self.assertEqual(json.loads(run("report", "--format=json").stdout)["netns"]["name"], "host")
        self.assertEqual(report(os.getpid())["netns"]["name"], "host")

    def test_what_is_not_there(self):
        for wanted in (f"ful-{os.getpid()}", "4194305"):
            done = run("report", f"--netns={wanted}")
            self.assertEqual((done.returncode, done.stdout), (1, ""), done)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(wanted, done.stderr)
            self.assertIn("There is: host, ", done.stderr)
            done = self.check(f"--netns={wanted}", "--format=nagios")
            self.assertEqual(done.returncode, UNKNOWN, done)
            self.assertIn("UNKNOWN - There is no network namespace", done.stdout)

    def test_check_of_one_and_of_all(self):
        done = self.check(f"--netns={self.calm.name}", "--format=json")
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, answer["usedPorts"]), (0, 5), done)
        self.assertIn(f"{self.calm.name}: ", answer["message"])
        done = self.check("--netns=all", "--format=json")
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, answer["netns"]["name"]), (CRITICAL, self.full.name))
        listed = {one["netns"]["name"]: one["status"] for one in answer["namespaces"]}
        self.assertEqual((listed[self.full.name], listed[self.calm.name]), ("critical", "ok"))
        done = self.check("--netns=all", "--format=nagios")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertIn(f"SYSTEM PORTS CRITICAL - {self.full.name}: ", done.stdout)
        self.assertIn("|used=95%;", done.stdout)

    def test_the_same_over_http(self):
        with harness.Exporter() as exporter:
            one = exporter.get(f"/api/v1/checks/system-ports?netns={self.full.name}")
            every = exporter.get("/api/v1/checks/system-ports?netns=all")
            wrong = exporter.get(f"/api/v1/checks/system-ports?netns=ful-{os.getpid()}")
        self.assertEqual(json.loads(one.body)["usedPorts"], 95)
        self.assertEqual(json.loads(every.body)["netns"]["name"], self.full.name)
        self.assertEqual(wrong.status, 400)
        self.assertIn("There is no network namespace", wrong.body.decode())

    def test_every_check_answers_for_all(self):
        for name in ("tcp-states", "listen-queues", "conntrack", "file-descriptors"):
            done = run("check", name, "--netns=all", "--format=json")
            names = [one["netns"]["name"] for one in json.loads(done.stdout)["namespaces"]]
            self.assertLessEqual({"host", self.full.name, self.calm.name}, set(names), name)

    def test_nobody_is_told_what_is_out_of_reach(self):
        done = run("report", "--netns=all", prepare=harness.become_nobody)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("\nIn full   host\n", done.stdout)
        self.assertRegex(done.stdout, f"UNKNOWN +{self.full.name} .*Could not be read")

    def test_nobody_is_told_once_what_one_needs_and_what_to_do(self):
        done = run("report", f"--netns={self.full.name}", prepare=harness.become_nobody)
        text = " ".join((done.stdout + done.stderr).split())
        self.assertEqual(text.count("setns"), 1, done)
        self.assertIn("Operation not permitted: needs CAP_SYS_ADMIN.", text)
        self.assertIn(" Do Run it as root ", text)


class HelpTest(unittest.TestCase):
    def test_help_is_the_reference(self):
        for command in ("report", "check"):
            printed = run(command, "--help").stdout
            reference = GOLDEN / f"help_{command}.txt"
            if os.environ.get("UPDATE_GOLDEN"):
                reference.write_text(printed)
            self.assertEqual(printed, reference.read_text())


if __name__ == "__main__":
    harness.main()
