#!/usr/bin/env python3
"""What following WebSockets costs: a packet of another port and of a followed one, a server's CPU time, and memory."""
import contextlib
import json
import os
import pathlib
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402
from connects_bench import empty_programs, run_times  # noqa: E402
from connections import require  # noqa: E402
from sockets_bench import attempt  # noqa: E402
from websocket_peers import GRANT, REQUEST, TEXT, frame, receive  # noqa: E402

OTHER_BUDGET, FOLLOWED_BUDGET = 25, 400  # nanoseconds of a packet, net of an empty program
CPU_BUDGET = 1.05  # of a server without the exporter
MEMORY_BUDGET = 512  # bytes of a connection, segments out of order aside
HEAD_BUDGET = 4000  # nanoseconds of a plain HTTP request with a head of 1 KiB, and its answer, net of an empty program
HEADS = (160, 1024, 4096)  # bytes
PORT, OTHER_PORT = 8003, 9003
ROUNDS, TRIPS = 6, 3000
PAIRS, CONNECTIONS, MESSAGES = 6, 10, 400
MANY = 5000
FLAGS = ("--collector.disable-defaults", "--collector.websockets")
PEER = pathlib.Path(harness.__file__).with_name("ws_peer") / "peer.js"
TICK = os.sysconf("SC_CLK_TCK")


def exporter():
    file = pathlib.Path(tempfile.mkdtemp()) / "socket_exporter.yml"
    file.write_text(f"websocket: {{ports: [{PORT}]}}\n")
    return harness.Exporter(*FLAGS, f"--config.file={file}")


class Trips:
    """Frames that go to and fro over one connection."""

    def __init__(self, namespace, port, upgrades=True):
        with namespace.entered():
            with socket.create_server(("127.0.0.1", port)) as listener:
                self.client = socket.create_connection(("127.0.0.1", port))
                self.server, _ = listener.accept()
        for sock in (self.client, self.server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if upgrades:
            self.pass_on(self.client, self.server, REQUEST)
            self.pass_on(self.server, self.client, GRANT)

    @staticmethod
    def pass_on(source, target, data):
        source.sendall(data)
        receive(target, len(data))

    def run(self):
        there, back = frame(TEXT, b"x" * 60, True), frame(TEXT, b"x" * 60, False)
        for _ in range(TRIPS):
            self.pass_on(self.client, self.server, there)
            self.pass_on(self.server, self.client, back)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.client.close()
        self.server.close()


class Requests(Trips):
    """Plain HTTP of a connection that stays open, with heads of that many bytes."""
    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def __init__(self, namespace, port, size):
        super().__init__(namespace, port, upgrades=False)
        lines = [b"GET /api/items?page=1 HTTP/1.1", b"Host: example.com", b"Accept: */*", b"Cookie: "]
        while sum(map(len, lines)) + 2 * len(lines) + 80 < size - 2:
            lines.insert(1, b"X-Header-%d: " % len(lines) + b"v" * 50)
        self.request = b"\r\n".join(lines)
        self.request += b"a" * (size - 4 - len(self.request)) + b"\r\n\r\n"

    def run(self):
        for _ in range(TRIPS):
            self.pass_on(self.client, self.server, self.request)
            self.pass_on(self.server, self.client, self.ANSWER)


def ran(fds):
    """Nanoseconds and runs of programs, by what the kernel says of these files below /proc."""
    sums = [0, 0]
    for fd in fds:
        text = fd.read_text()
        for i, key in enumerate(("run_time_ns", "run_cnt")):
            sums[i] += int(re.search(rf"^{key}:\t(\d+)$", text, re.M).group(1))
    return sums


def packet_programs(pid):
    """A process's programs that see packets: of type cgroup_skb."""
    found = []
    for fd in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if re.search(r"^prog_type:\t8$", fd.read_text(), re.M):
                found.append(fd)
    return found


def per_packet(namespace, port, ours, empty):
    """Nanoseconds of a packet net of the empty program's, with both ends' packets; the median of some rounds."""
    rounds = []
    with Trips(namespace, port) as trips:
        trips.run()
        for _ in range(ROUNDS):
            before = ran(ours), ran(empty)
            trips.run()
            after = ran(ours), ran(empty)
            (time, runs), (nothing, empty_runs) = ([b - a for a, b in zip(*pair)] for pair in zip(before, after))
            rounds.append(time / runs - nothing / empty_runs)
    return statistics.median(rounds)


def packet_costs():
    with harness.Namespace() as namespace, exporter() as process, empty_programs() as empty, run_times():
        require(process, "websocket_tracking")
        ours, theirs = packet_programs(process.child.pid), packet_programs(empty.pid)
        other = per_packet(namespace, OTHER_PORT, ours, theirs)
        # Of the packets over loopback the client's end, half of them, is of no followed port.
        followed = 2 * per_packet(namespace, PORT, ours, theirs) - other
    print(f"a packet over an empty program: {other:.0f} ns of another port, {followed:.0f} ns of a followed one",
          flush=True)
    return other, followed


def head_cost(namespace, ours, empty, size):
    """Nanoseconds of a request and its answer net of the empty program's; the median of some rounds."""
    rounds = []
    with Requests(namespace, PORT, size) as requests:
        requests.run()
        for _ in range(ROUNDS):
            before = ran(ours), ran(empty)
            requests.run()
            after = ran(ours), ran(empty)
            (time, runs), (nothing, empty_runs) = ([b - a for a, b in zip(*pair)] for pair in zip(before, after))
            rounds.append((time - runs * nothing / empty_runs) / TRIPS)
    return statistics.median(rounds)


def head_costs():
    with harness.Namespace() as namespace, exporter() as process, empty_programs() as empty, run_times():
        require(process, "websocket_tracking")
        ours, theirs = packet_programs(process.child.pid), packet_programs(empty.pid)
        costs = {size: head_cost(namespace, ours, theirs, size) for size in HEADS}
    print("plain HTTP at a followed port, a request and its answer:",
          ", ".join(f"{cost:.0f} ns with a head of {size} bytes" for size, cost in costs.items()), flush=True)
    return costs[1024]


def server_cpu(namespace):
    """CPU seconds of a ws server that echoes the same messages each time."""
    def start(*arguments):
        return subprocess.Popen([harness.program("node"), PEER, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                                preexec_fn=namespace.join)
    with start("server", PORT) as server:
        server.stdout.readline()
        with start("client", PORT, CONNECTIONS, MESSAGES) as client:
            answer = json.loads(client.stdout.readline())
        fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
        server.terminate()
        server.stdout.read()
    if answer["connections"] != CONNECTIONS:
        raise AssertionError(answer)
    return (int(fields[11]) + int(fields[12])) / TICK


def server_slowdown():
    """Of pairs of runs; which is first alternates."""
    ratios = []
    with harness.Namespace() as namespace:
        server_cpu(namespace)  # warms up
        for number in range(PAIRS):
            times = {}
            for is_followed in (number % 2 == 0, number % 2 == 1):
                if is_followed:
                    with exporter():
                        times[True] = server_cpu(namespace)
                else:
                    times[False] = server_cpu(namespace)
            ratios.append(times[True] / times[False])
    ratios.sort()
    print(f"CPU time of a ws echo server that is followed, of one that is not: {statistics.median(ratios):.3f} "
          f"({ratios[0]:.3f} to {ratios[-1]:.3f}), {CONNECTIONS * MESSAGES} messages in {times[False]:.2f} s", flush=True)
    return statistics.median(ratios)


def socket_bytes(namespace, process):
    """What the kernel keeps for programs at a server's socket, by its own books (ss: skmem, o); of many connections."""
    with namespace.entered():
        listener = socket.create_server(("127.0.0.1", PORT), backlog=64)
    ends = []
    for _ in range(MANY):
        with namespace.entered():
            client = socket.create_connection(("127.0.0.1", PORT))
        server, _ = listener.accept()
        Trips.pass_on(client, server, REQUEST)
        Trips.pass_on(server, client, GRANT)
        ends += [client, server]
    netns = f"net:[{namespace.inode}]"
    harness.eventually(lambda: process.scrape().value("websocket_connections_active", netns=netns) == MANY, "all")
    listed = namespace.run("ss", "-tnHm", "state", "established", f"sport = :{PORT}")
    sizes = [int(size) for size in re.findall(r"skmem:\([^)]*,o(\d+)", listed)]
    for sock in [*ends, listener]:
        sock.close()
    if len(sizes) != MANY:
        raise AssertionError(f"{len(sizes)} sockets")
    return statistics.mean(sizes)


def connection_bytes():
    """By how much a second exporter makes it more: the first thing that is kept at a socket has a head of the kernel's."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (3 * MANY, 3 * MANY))
    with exporter() as first:
        with harness.Namespace() as namespace:
            one = socket_bytes(namespace, first)
        with exporter() as second, harness.Namespace() as namespace:
            more = socket_bytes(namespace, second) - one
    print(f"memory of a connection, {MANY} of them: {more:.0f} bytes; all that is kept at a socket: {one:.0f}", flush=True)
    return more


def main():
    harness.require_root()
    over = []
    costs = []
    attempt("nanoseconds of a packet of another port", OTHER_BUDGET,
            lambda: costs.append(packet_costs()) or costs[-1][0], over)
    attempt("nanoseconds of a packet of a followed port", FOLLOWED_BUDGET,
            lambda: costs.pop()[1] if costs else packet_costs()[1], over)
    attempt("nanoseconds of a plain HTTP request at a followed port", HEAD_BUDGET, head_costs, over)
    attempt("bytes of a connection", MEMORY_BUDGET, connection_bytes, over)
    attempt("CPU time of a server", CPU_BUDGET, server_slowdown, over)
    print(*(f"failed: {what}" for what in over), sep="\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
