"""Connections of a namespace, and what the exporter has counted of them."""
import collections
import contextlib
import errno
import resource
import socket
import struct
import subprocess
import sys
import time

import harness

ONLY = ("--collector.disable-defaults", "--collector.connects")
ADDRESSES = ("127.0.0.1", "::1")
ATTEMPTS, FAILURES, CLOSED, BIND_FAILURES = (f"socket_{name}_total" for name in (
    "connect_attempts", "connect_failures", "connections_closed", "bind_failures"))
RESET = struct.pack("ii", 1, 0)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def on(metrics, feature):
    found, = metrics.all("socket_exporter_feature_info", feature=feature)
    return dict(found)["state"] == "on"


def require(exporter, feature):
    """Skips the test where this host does not offer that."""
    metrics = exporter.scrape()
    print(*(dict(found)["reason"] for found in metrics.all("socket_exporter_feature_info", feature=feature)))
    if not on(metrics, feature):
        sys.exit(harness.SKIPPED)


def total(metrics, name, namespace, **labels):
    """Of all series of a namespace, in whichever of them something counts."""
    return sum(metrics.all(name, netns=f"net:[{namespace.inode}]", **labels).values())


def nonzero(metrics, name, namespace, label):
    found = {}
    for key, value in metrics.all(name, netns=f"net:[{namespace.inode}]").items():
        found[dict(key)[label]] = found.get(dict(key)[label], 0) + value
    return {name: value for name, value in found.items() if value}


class HighWater:
    """The highest that each counter of a host ever was, also of a series that was away meanwhile: those of the host, of
    this namespace, and of none. Those of others begin anew when their number is used again."""

    def __init__(self, namespace):
        self._lasting = (None, "host", "other", f"net:[{namespace.inode}]")
        self._highest = collections.defaultdict(dict)

    def backwards(self, metrics):
        """Counters that are lower than they were."""
        cumulative = [name for name, kind in metrics.types.items() if kind == "counter"]
        cumulative += [name + suffix for name, kind in metrics.types.items() if kind == "histogram"
                       for suffix in ("_bucket", "_count", "_sum")]
        lower = []
        for name in cumulative:
            highest, now = self._highest[name], metrics.samples.get(name, {})
            lower += [(name, dict(key)) for key, value in now.items() if value < highest.get(key, value)]
            highest.update(now)
        return [(name, labels) for name, labels in lower if labels.get("netns") in self._lasting]


def listener(address, backlog=512):
    sock = socket.socket(family_of(address))
    sock.bind((address, 0))
    sock.listen(backlog)
    return sock


def reset_at_close(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


class Caller:
    """Calls from a namespace; its sockets stay open until it ends."""

    def __init__(self, namespace):
        self.namespace = namespace
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._stack.close()

    def keep(self, sock):
        return self._stack.enter_context(sock)

    def socket(self, address):
        with self.namespace.entered():
            return self.keep(socket.socket(family_of(address)))

    def listener(self, address):
        with self.namespace.entered():
            return self.keep(listener(address))

    def connect(self, to, blocking=True):
        """The errno of connect(), as the client sees it, and its socket."""
        sock = self.socket(to[0])
        sock.setblocking(blocking)
        return sock.connect_ex(to[:2]), sock

    def errors(self, to, times, blocking=True):
        """How many of that many connects find no port; the others are on their way at least."""
        found = [self.connect(to, blocking)[0] for _ in range(times)]
        if not set(found) <= {0, errno.EINPROGRESS, errno.EADDRNOTAVAIL}:
            raise AssertionError(f"connect(): {set(found)}")
        return found.count(errno.EADDRNOTAVAIL)


class Churn:
    """Connections and refused calls of a namespace without end, as fast as it can."""

    def __init__(self, namespace, destinations=1):
        namespace.sysctl("ipv4.tcp_max_tw_buckets", 1000)
        self.made = self.refused = self.seconds = self.cpu_seconds = None  # once it has ended
        self._child = subprocess.Popen([harness.CHURN_CONNECTIONS, str(destinations)], preexec_fn=namespace.join,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._child.stdout.readline() != "ready\n":
            raise AssertionError("churn_connections gave up")
        self._begin = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.seconds = time.monotonic() - self._begin
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        counts, _ = self._child.communicate(timeout=harness.LIMIT)
        if self._child.returncode != 0:
            raise AssertionError("churn_connections failed")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.made, self.refused = map(int, counts.split())
