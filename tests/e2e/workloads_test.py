#!/usr/bin/env python3
"""Network namespaces are named after their pod or container, by real cgroups in the layouts of many runtimes."""
import contextlib
import hashlib
import unittest
import uuid

import harness
from books import SHOW_ALL, by_namespace, differences
from privileges import deny_bpf
from specimens import Cgroups, Root, Settings, Specimen, private_mounts

NO_WORKLOAD = ("", "", "", "")


def setUpModule():
    private_mounts()


def container_id(word):
    return hashlib.sha256(word.encode()).hexdigest()


def pod_uid(word):
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, word))


def pod(word):
    return ("shop", word, "", pod_uid(word))


def container(word):
    return ("", "", container_id(word)[:12], "")


def systemd(word):
    return f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod_uid(word).replace('-', '_')}.slice"


# What the namespace is called, its workload, and the cgroup of its process.
LAYOUTS = (
    ("shop/containerd", pod("containerd"), f"{systemd('containerd')}/cri-containerd-{container_id('a')}.scope"),
    ("shop/crio", pod("crio"), f"{systemd('crio')}/crio-{container_id('b')}.scope"),
    ("shop/colon", pod("colon"),
     f"system.slice/kubepods-pod{pod_uid('colon')}.slice:cri-containerd:{container_id('c')}"),
    ("shop/cgroupfs", pod("cgroupfs"), f"kubepods/besteffort/pod{pod_uid('cgroupfs')}/{container_id('d')}"),
    ("shop/guaranteed", pod("guaranteed"), f"kubepods/pod{pod_uid('guaranteed')}/{container_id('e')}"),
    ("shop/kind", pod("kind"), f"docker/{container_id('f')}/kubelet/kubepods/pod{pod_uid('kind')}/{container_id('g')}"),
    ("container:" + container_id("h")[:12], ("", "", "", pod_uid("unknown")),
     f"kubepods/pod{pod_uid('unknown')}/{container_id('h')}"),  # a pod without logs
    ("container:" + container_id("i")[:12], container("i"), f"docker/{container_id('i')}"),
    ("container:" + container_id("j")[:12], container("j"), f"system.slice/docker-{container_id('j')}.scope"),
    ("container:" + container_id("k")[:12], container("k"),
     f"machine.slice/libpod-{container_id('k')}.scope/container"),
    ("container:" + container_id("l")[:12], container("l"), f"system.slice/nerdctl-{container_id('l')}.scope"),
    ("container:web", ("", "", "web", ""), "lxc.payload.web/init.scope"),
    ("", NO_WORKLOAD, "system.slice/ssh.service"),
    ("", NO_WORKLOAD, f"docker/{container_id('m')[:40]}"),
)


class WorkloadCase(unittest.TestCase):
    prepare = None  # what the exporter's process does before it starts

    def setUp(self):
        self.stack = self.enterContext(contextlib.ExitStack())
        self.cgroups = self.stack.enter_context(Cgroups())
        self.root = self.stack.enter_context(Root())
        self.host = self.stack.enter_context(Specimen())
        for word in ("containerd", "crio", "colon", "cgroupfs", "guaranteed", "kind", "cni", "file", "two"):
            self.root.add_pod("shop", word, pod_uid(word))
        self.exporter = self.stack.enter_context(harness.Exporter(
            self.root.flag, *SHOW_ALL, namespace=self.host.namespace, prepare=self.prepare))

    def make(self, netns, workload):
        specimen = self.stack.enter_context(Specimen(Settings(sysctls={"tcp_tw_reuse": 0}), netns))
        specimen.workload = workload
        specimen.sockets.listen("127.0.0.1", 5000)
        for _ in range(1 + len(workload[1])):
            specimen.sockets.connect("127.0.0.1", 5000)
        return specimen

    def check(self, *specimens):
        shown = by_namespace(self.exporter.scrape())
        for specimen in specimens:
            with self.subTest(netns=specimen.netns):
                self.assertEqual(differences(shown[specimen.netns], specimen.truth()), {})


class WorkloadsTest(WorkloadCase):
    """By eBPF."""

    def test_layouts(self):
        specimens = []
        for netns, workload, cgroup in LAYOUTS:
            specimens.append(self.make(netns, workload))
            specimens[-1].add_process(self.cgroups.make(cgroup))
        self.check(*specimens)

    def test_files_of_cni_and_of_people(self):
        """What CNI made up tells less than the pod's name; what people chose tells more."""
        for word, file, netns in (("cni", "cni-1f0a2b3c", "shop/cni"), ("file", "blue", "blue")):
            specimen = self.make(netns, pod(word))
            self.root.name(specimen.namespace, file)
            specimen.add_process(self.cgroups.make(f"{systemd(word)}/cri-containerd-{container_id(word)}.scope"))
            self.check(specimen)

    def test_containers_that_share_a_namespace(self):
        specimen = self.make("shop/two", pod("two"))
        for word in ("pause", "main"):
            specimen.add_process(self.cgroups.make(f"{systemd('two')}/cri-containerd-{container_id(word)}.scope"))
        self.check(specimen)

    def test_a_pod_is_removed(self):
        specimen = self.make("shop/crio", pod("crio"))
        specimen.add_process(self.cgroups.make(f"{systemd('crio')}/crio-{container_id('b')}.scope"))
        self.check(specimen)
        specimen.close()
        harness.eventually(lambda: "shop/crio" not in by_namespace(self.exporter.scrape()), "the pod is gone")




class LateTest(WorkloadCase):
    def test_a_pod_that_becomes_known_later(self):
        """The first process comes from the runtime's cgroup, and the logs may come last."""
        specimen = self.make("", NO_WORKLOAD)
        pid = specimen.add_process(self.cgroups.make("system.slice/containerd.service"))
        self.check(specimen)
        cgroup = self.cgroups.make(f"{systemd('late')}/cri-containerd-{container_id('late')}.scope")
        (cgroup / "cgroup.procs").write_text(str(pid))
        self.root.add_pod("shop", "late", pod_uid("late"))
        specimen.name, specimen.workload = "shop/late", pod("late")
        harness.eventually(lambda: "shop/late" in by_namespace(self.exporter.scrape()), "the pod's name")
        self.check(specimen)


class WithoutBpfTest(WorkloadsTest):
    """By /proc and netlink."""

    prepare = staticmethod(deny_bpf)


if __name__ == "__main__":
    harness.main()
