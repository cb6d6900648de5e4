"""Network namespaces that hold known sets of sockets, and hosts that name them."""
import contextlib
import ctypes
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile

import harness
from books import Books
from sockets import Sockets

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
SYSCTLS = {"somaxconn": "core", "tcp_fin_timeout": "ipv4", "tcp_max_tw_buckets": "ipv4", "tcp_timestamps": "ipv4",
           "tcp_tw_reuse": "ipv4", "tcp_tw_reuse_delay": "ipv4"}  # of every namespace, not the host's alone
USUAL_REUSE_DELAY = 1.0  # seconds

_libc = ctypes.CDLL(None, use_errno=True)


def private_mounts():
    """What this thread and its children mount from here on is theirs, and goes with them."""
    harness.check_call(_libc.unshare(CLONE_NEWNS))
    harness.check_call(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))


def with_tracefs():
    """Also where the host has not mounted it: bind() is followed by it. With private_mounts()."""
    private_mounts()
    if not pathlib.Path("/sys/kernel/tracing/events").exists():
        with contextlib.suppress(OSError):  # a kernel without
            harness.check_call(_libc.mount(b"none", b"/sys/kernel/tracing", b"tracefs", 0, None))


class Root:
    """A host's files, for --path.rootfs. Needs private_mounts()."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self._directory.name)
        self.names = self.path / "run/netns"
        self.names.mkdir(parents=True)
        self.flag = f"--path.rootfs={self.path}"
        self.path.chmod(0o755)

    def name(self, namespace, name):
        """As `ip netns` does it: keeps the namespace, also when nothing else does."""
        file = self.names / name
        file.touch()
        source = f"/proc/self/fd/{namespace.fd}".encode()
        harness.check_call(_libc.mount(source, bytes(file), b"", MS_BIND, None))

    def unname(self, name):
        """Also where that has been done before."""
        file = self.names / name
        if not file.exists():
            return
        harness.check_call(_libc.umount2(bytes(file), MNT_DETACH))
        file.unlink()

    def add_pod(self, namespace, pod, uid):
        """As the kubelet does it, for the logs of its containers."""
        (self.path / "var/log/pods" / f"{namespace}_{pod}_{uid}").mkdir(parents=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for file in list(self.names.iterdir()):
            self.unname(file.name)
        self._directory.cleanup()


class Cgroups:
    """Cgroups below the host's v2 mount."""

    def __init__(self):
        mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        mount = next((path for _, path, kind, *_ in mounts if kind == "cgroup2"), None)
        if mount is None:
            print("no cgroup2 is mounted")
            sys.exit(harness.SKIPPED)
        self._top = pathlib.Path(mount, f"socket_exporter_test_{os.getpid()}")

    def make(self, path):
        directory = self._top / path
        directory.mkdir(parents=True)
        return directory

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for directory, _, _ in os.walk(self._top, topdown=False):
            os.rmdir(directory)


@contextlib.contextmanager
def resident(namespace, cgroup=None):
    """A process in the namespace, and in the cgroup of that directory; its number."""
    def move():
        if cgroup:
            (cgroup / "cgroup.procs").write_text("0")
        namespace.join()

    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, preexec_fn=move)
    try:
        yield child.pid
    finally:
        child.communicate(timeout=harness.LIMIT)


@dataclasses.dataclass
class Settings:
    """What of a namespace's sysctls decides about ports."""
    ports: range = range(32768, 61000)
    reserved: tuple = ()
    sysctls: dict = dataclasses.field(default_factory=dict)  # of SYSCTLS, those that are not as usual


class Specimen:
    """A network namespace, what it holds, and what the exporter has to say of it."""

    def __init__(self, settings=None, name=""):
        self.settings = settings or Settings()
        self.name = name  # its label `netns`, where that is not by its inode
        self.workload = ("", "", "", "")  # namespace, pod, container and pod_uid
        self._stack = contextlib.ExitStack()
        self.namespace = self._stack.enter_context(harness.Namespace())
        self.sockets = self._stack.enter_context(Sockets(self.namespace))
        self.apply()

    def apply(self):
        settings = self.settings
        self.namespace.sysctl("ipv4.ip_local_port_range", f"{settings.ports.start} {settings.ports.stop - 1}")
        self.namespace.sysctl("ipv4.ip_local_reserved_ports", ",".join(map(str, settings.reserved)))
        for name, value in settings.sysctls.items():
            self.namespace.sysctl(f"{SYSCTLS[name]}.{name}", value)

    def add_process(self, cgroup=None):
        return self._stack.enter_context(resident(self.namespace, cgroup))

    def close(self):
        self._stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    @property
    def netns(self):
        return self.name or f"net:[{self.namespace.inode}]"

    def sysctls(self):
        with self.namespace.entered():
            files = {name: pathlib.Path("/proc/sys/net", folder, name) for name, folder in SYSCTLS.items()}
            return {name: int(file.read_text()) for name, file in files.items() if file.exists()}

    def truth(self, entries=None):
        """All series of the namespace, as by_namespace() has them; of these sockets instead of all."""
        settings, sysctls = self.settings, self.sysctls()
        books = Books(self.sockets.entries if entries is None else entries, settings.ports, settings.reserved,
                      lambda entry: gives_back(entry, sysctls))
        series = books.series()
        series["socket_netns_info", str(self.namespace.inode), *self.workload] = 1
        series["socket_tcp_time_wait_limit",] = sysctls["tcp_max_tw_buckets"]
        for name, value in sysctls.items():
            series["socket_sysctl_value", name] = value
        for (address, port), (waiting, backlog) in self.sockets.queues.items():
            series["socket_listen_queue_length", address, str(port)] = waiting
            series["socket_listen_queue_limit", address, str(port)] = min(backlog, sysctls["somaxconn"])
        return series


def gives_back(entry, sysctls):
    """KERNEL's rule for TIME_WAIT, once it is older than USUAL_REUSE_DELAY."""
    if entry.state != "time_wait" or not sysctls["tcp_timestamps"]:
        return False
    if sysctls.get("tcp_tw_reuse_delay", 0) > USUAL_REUSE_DELAY * 1000:
        return False
    loopback = entry.remote == "::1" or entry.remote.startswith("127.")
    return sysctls["tcp_tw_reuse"] == 1 or (sysctls["tcp_tw_reuse"] == 2 and loopback)
