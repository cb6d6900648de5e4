"""What the end-to-end tests share: processes, network namespaces, scrapes. Standard library only."""
import contextlib
import ctypes
import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SOCKET_EXPORTER", str(ROOT / "build/release/socket_exporter"))
MAKE_SOCKETS = os.environ.get("MAKE_SOCKETS", str(ROOT / "build/release/tests/bench/make_sockets"))
CHURN_CONNECTIONS = os.environ.get("CHURN_CONNECTIONS", str(ROOT / "build/release/tests/bench/churn_connections"))
CLONE_NEWNET = 0x40000000
SKIPPED = 77
NOBODY = 65534  # user and group
LIMIT = 30.0  # seconds that anything may take before the test gives up

_libc = ctypes.CDLL(None, use_errno=True)


def check_call(result):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def eventually(condition, what, limit=LIMIT):
    """The first true value of `condition()`; fails after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(0.01)


class Namespace:
    """A network namespace without a name: it goes when its last process and this object are gone."""

    def __init__(self):
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            check_call(_libc.unshare(CLONE_NEWNET))
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            check_call(_libc.setns(own, CLONE_NEWNET))
            os.close(own)
        self.inode = os.fstat(self.fd).st_ino
        self.run("ip", "link", "set", "lo", "up")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        os.close(self.fd)

    @contextlib.contextmanager
    def entered(self):
        """This thread is in the namespace: sockets made here belong to it."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        check_call(_libc.setns(self.fd, CLONE_NEWNET))
        try:
            yield self
        finally:
            check_call(_libc.setns(own, CLONE_NEWNET))
            os.close(own)

    def join(self):
        check_call(_libc.setns(self.fd, CLONE_NEWNET))

    def run(self, *command):
        """Output of a command run inside."""
        done = subprocess.run(command, preexec_fn=self.join, capture_output=True, text=True, timeout=LIMIT)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def sysctl(self, name, value):
        with self.entered():
            pathlib.Path("/proc/sys/net", *name.split(".")).write_text(f"{value}\n")


@contextlib.contextmanager
def many_sockets(namespace, established, time_wait):
    """That many TCP sockets in the namespace."""
    maker = subprocess.Popen([MAKE_SOCKETS, str(established), str(time_wait)], preexec_fn=namespace.join,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if maker.stdout.readline() != "ready\n":
            raise AssertionError("make_sockets gave up")
        yield
    finally:
        maker.communicate(timeout=LIMIT)


def become_nobody():
    """For a child process: no user, no group, no capability."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


class Process:
    """A child process; its standard error is kept as lines."""

    def __init__(self, *command, namespace=None, prepare=None, env=None):
        def before_exec():
            if namespace:
                namespace.join()
            if prepare:
                prepare()

        self.lines = []
        self.child = subprocess.Popen(command, preexec_fn=before_exec, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stderr:
            self.lines.append(line.rstrip("\n"))

    def wait_for_line(self, pattern):
        """The match of the first line that has `pattern`."""
        def seen():
            found = next(filter(None, (re.search(pattern, line) for line in list(self.lines))), None)
            if not found and self.child.poll() is not None:
                self._reader.join(LIMIT)
                raise AssertionError(f"exited with {self.child.returncode}: {self.lines}")
            return found
        return eventually(seen, f"a line with {pattern}; there was {self.lines}")

    def signal(self, number):
        self.child.send_signal(number)

    def stop(self):
        """Ends the process as a service manager does; its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError("did not stop on SIGTERM") from None
        self._reader.join(LIMIT)
        self.child.stderr.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


class Server(Process):
    """A process that serves HTTP on a port of the kernel's choice."""

    def __init__(self, *command, listening, namespace=None, prepare=None):
        super().__init__(*command, namespace=namespace, prepare=prepare)
        self.namespace = namespace
        try:
            self.port = int(self.wait_for_line(listening).group(1))
        except AssertionError:
            self.stop()
            raise

    def connect(self):
        with self.namespace.entered() if self.namespace else contextlib.nullcontext():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
            connection.connect()
        return connection

    def get(self, path="/metrics", method="GET", headers=None):
        """Response with its body read, over a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            response.body = response.read()
            return response
        finally:
            connection.close()

    def scrape(self, path="/metrics"):
        response = self.get(path)
        if response.status != 200:
            raise AssertionError(f"{path}: {response.status} {response.body!r}")
        return Metrics(response.body.decode())


class Exporter(Server):
    def __init__(self, *flags, **how):
        super().__init__(BINARY, "--web.listen-address=127.0.0.1:0", *flags,
                         listening=r"http://127\.0\.0\.1:(\d+)", **how)


NODE_EXPORTER_COLLECTORS = ("netstat", "sockstat", "conntrack", "udp_queues", "tcpstat")


class NodeExporter(Server):
    def __init__(self, *flags, collectors=NODE_EXPORTER_COLLECTORS, **how):
        super().__init__(program("prometheus-node-exporter"), "--collector.disable-defaults",
                         *(f"--collector.{name}" for name in collectors),
                         "--web.listen-address=127.0.0.1:0", *flags,
                         listening=r"127\.0\.0\.1:(\d+)", **how)


class Metrics:
    """A parsed text exposition."""

    SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
    LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("#") or not line:
                continue
            name, labels, value = self.SAMPLE.match(line).groups()
            key = frozenset(self.LABEL.findall(labels or ""))
            series = self.samples.setdefault(name, {})
            if key in series:
                raise AssertionError(f"twice: {line}")
            series[key] = float(value)

    def all(self, name, **labels):
        """Series of that name with at least these labels: {labels: value}."""
        wanted = set(labels.items())
        return {key: value for key, value in self.samples.get(name, {}).items() if wanted <= key}

    def value(self, name, **labels):
        found = list(self.all(name, **labels).values())
        if len(found) != 1:
            raise AssertionError(f"{name}{labels}: {len(found)} series, not one")
        return found[0]

    def by(self, label, name, **labels):
        """{value of that label: sample}, for series that differ in that label only."""
        return {dict(key)[label]: value for key, value in self.all(name, **labels).items()}


def program(name):
    """The path of a program; the test is skipped where it is missing."""
    path = shutil.which(name)
    if not path:
        print(f"{name} is not installed")
        sys.exit(SKIPPED)
    return path


def scratch(test):
    """A directory that goes with the test, readable by everyone."""
    directory = tempfile.TemporaryDirectory()
    test.addCleanup(directory.cleanup)
    os.chmod(directory.name, 0o755)
    return pathlib.Path(directory.name)


def require_root():
    if os.geteuid() != 0:
        print("needs root, to make network namespaces")
        sys.exit(SKIPPED)


def main():
    """Runs the tests of the calling file."""
    require_root()
    unittest.main(verbosity=2)
