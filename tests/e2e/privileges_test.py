#!/usr/bin/env python3
"""Whatever it may do, the exporter serves, says what it sees, and what it says is true."""
import contextlib
import os
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

import harness
from books import SHOW_ALL, by_namespace, differences
from privileges import CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE, become_nobody_with, deny_bpf
from sockets import Pair, scrape_and_own
from specimens import Root, Settings, Specimen, private_mounts


def setUpModule():
    private_mounts()


def fill(specimen, number):
    sockets = specimen.sockets
    sockets.listen("::", 5000)
    for fate in (Pair.established, Pair.close_wait, Pair.time_wait, Pair.inbound_time_wait):
        for _ in range(number):
            sockets.connect("127.0.0.1", 5000, fate)
            sockets.connect("::1", 5000, fate)
    sockets.udp_connected("127.0.0.1", 9)
    sockets.wait_until_ss_agrees()


class PrivilegesTest(unittest.TestCase):
    def setUp(self):
        stack = self.enterContext(contextlib.ExitStack())
        self.root = stack.enter_context(Root())
        usual = Settings(sysctls={"tcp_tw_reuse": 0})
        self.own, self.named, self.nameless = (stack.enter_context(Specimen(usual, name))
                                               for name in ("host", "blue", ""))
        self.root.name(self.named.namespace, "blue")
        self.nameless.add_process()
        for number, specimen in enumerate((self.own, self.named, self.nameless), 1):
            fill(specimen, number)

    def scrape(self, prepare, features):
        """What is shown, after a look at what is so under every privilege."""
        with harness.Exporter(self.root.flag, *SHOW_ALL, namespace=self.own.namespace, prepare=prepare) as exporter:
            metrics, own = scrape_and_own(exporter)
            tier, missing = exporter.wait_for_line(r'msg="kernel access" tier="(\d): .*" missing="?(.*)').groups()
        states = {dict(key)["feature"]: dict(key)["state"] for key in metrics.all("socket_exporter_feature_info")}
        reasons = {dict(key)["feature"]: dict(key)["reason"] for key in metrics.all("socket_exporter_feature_info")}
        self.assertEqual({name: states[name] for name in features}, features)
        self.assertEqual(tier, "1" if states["socket_walk"] == "on" else "0")
        self.assertEqual([name for name, state in states.items() if state == "off" and f"{name} (" not in missing], [])
        self.assertEqual([name for name, state in states.items() if state == "off" and not reasons[name]], [])
        successes = metrics.by("collector", "socket_exporter_collector_success")
        self.assertEqual([name for name, ok in successes.items() if not ok], [])

        shown = by_namespace(metrics)
        truth = self.own.truth(self.own.sockets.entries + own)
        truth["socket_listen_queue_length", "127.0.0.1", str(exporter.port)] = 0
        wrong = differences(shown["host"], truth)
        self.assertGreater(wrong.pop(("socket_listen_queue_limit", "127.0.0.1", str(exporter.port)))[0], 0)
        self.assertEqual([key for key in wrong if key[0] != "socket_sysctl_value" or key in truth], [])
        return shown

    def check_others(self, shown):
        for specimen in (self.named, self.nameless):
            self.assertEqual(differences(shown[specimen.netns], specimen.truth()), {})

    def check_no_others(self, shown):
        """Unknown is absent, not zero."""
        for specimen in (self.named, self.nameless):
            self.assertLessEqual({key[0] for key in shown[specimen.netns]}, {"socket_netns_info"})

    def test_root(self):
        self.check_others(self.scrape(None, {"socket_walk": "on", "all_netns": "on"}))

    def test_nobody(self):
        self.check_no_others(self.scrape(harness.become_nobody, {"socket_walk": "off", "all_netns": "off"}))

    def test_nobody_who_may_use_bpf(self):
        prepare = become_nobody_with(CAP_BPF, CAP_PERFMON)
        self.check_others(self.scrape(prepare, {"socket_walk": "on", "all_netns": "on"}))

    def test_nobody_with_a_file_that_may_use_bpf(self):
        """As in a container without privileges: not effective until the program asks for it."""
        directory = self.enterContext(tempfile.TemporaryDirectory())
        os.chmod(directory, 0o755)
        binary = shutil.copy(harness.BINARY, directory)
        subprocess.run(["setcap", "cap_bpf,cap_perfmon+p", binary], check=True)
        with unittest.mock.patch.object(harness, "BINARY", binary):
            self.check_others(self.scrape(harness.become_nobody, {"socket_walk": "on", "all_netns": "on"}))

    def test_nobody_who_may_look_at_processes(self):
        prepare = become_nobody_with(CAP_SYS_PTRACE)
        self.check_no_others(self.scrape(prepare, {"socket_walk": "off", "all_netns": "off"}))

    def test_nobody_who_may_enter_namespaces(self):
        become = become_nobody_with(CAP_SYS_ADMIN, CAP_SYS_PTRACE)

        def prepare():
            become()
            deny_bpf()
        self.check_others(self.scrape(prepare, {"socket_walk": "off", "all_netns": "off"}))


if __name__ == "__main__":
    harness.main()
