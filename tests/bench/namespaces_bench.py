#!/usr/bin/env python3
"""What many network namespaces cost, how near the walk is to the memory's limit, and what workloads feel."""
import contextlib
import os
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402
from privileges import deny_bpf  # noqa: E402
from sockets_bench import attempt, cpu_per_scrape  # noqa: E402

WALK_BENCH = os.environ.get("WALK_BENCH", str(harness.ROOT / "build/release/tests/bench/walk_bench"))
NAMESPACES = 200
# What is asked. Machines differ, so that of seconds only the ratio fails a run:
CPU_BUDGET = 0.060  # seconds a scrape: 200 empty namespaces beside 100k sockets
EMPTY_BUDGET = 0.0001  # seconds for each more of them
CPU_RATIO = 0.6  # of the same exporter by inet_diag
CHASE_BUDGET = 2.5  # the walk, of a pointer chase over as many objects
STALL_BUDGET = 2.0  # milliseconds that any run of any walk may hold a CPU
CONNECT_BUDGET = 1.2  # p99 of connect() while scraped every second, of that without scrapes

over = []


def judge(what, value, budget, limit=None):
    if value > budget:
        print(f"over budget: {what}: {value:.4g}, {budget:.4g} asked")
    if value > (limit or budget):
        over.append(what)


def empty_namespaces():
    with harness.Namespace() as busy, harness.many_sockets(busy, 50_000, 50_000):
        with harness.Exporter() as ours, harness.Exporter(prepare=deny_bpf) as diag, harness.NodeExporter() as theirs:
            alone = statistics.median(cpu_per_scrape(ours, 20) for _ in range(5))
            with contextlib.ExitStack() as stack:
                for _ in range(NAMESPACES):
                    stack.enter_context(harness.Namespace())
                ours.scrape()  # finds and names them
                full = statistics.median(cpu_per_scrape(ours, 20) for _ in range(5))
                by_diag = cpu_per_scrape(diag, 5)
                host_only = cpu_per_scrape(theirs, 5)
    each = (full - alone) / NAMESPACES
    print(f"100k sockets in one namespace, CPU per scrape: {alone * 1e3:.1f} ms; with {NAMESPACES} empty ones more {full * 1e3:.1f} ms,"
          f" {each * 1e6:.0f} us each; without eBPF {by_diag * 1e3:.0f} ms; node_exporter, of the host alone, {host_only * 1e3:.0f} ms")
    judge("CPU with 200 empty namespaces, s", full, CPU_BUDGET, CPU_RATIO * by_diag)
    judge("CPU of an empty namespace, s", each, EMPTY_BUDGET, CPU_RATIO * by_diag / NAMESPACES)


def walk_limit():
    with harness.Namespace() as namespace, harness.many_sockets(namespace, 500_000, 500_000):
        first, *runs = subprocess.run([WALK_BENCH], check=True, capture_output=True, text=True).stdout.splitlines()
    sockets, chase, walk = map(float, first.split())
    print(f"walk over {sockets:.0f} sockets: {walk:.0f} ns each, pointer chase {chase:.0f} ns, ratio {walk / chase:.2f}")
    judge("walk of pointer chase", walk / chase, CHASE_BUDGET)
    for name, cpu, wall in map(str.split, runs):
        print(f"longest run of the walk over {name}: {cpu} ms of CPU, {wall} ms of wall time")
        judge(f"longest run of the walk over {name}, ms of CPU", float(cpu), STALL_BUDGET)


def connect_times(address, until):
    """Seconds of each connect() until then; closed by reset, so that no TIME_WAIT is left."""
    times = []
    reset = struct.pack("ii", 1, 0)
    while time.monotonic() < until:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            start = time.perf_counter()
            client.connect(address)
            times.append(time.perf_counter() - start)
    return times


def accept_all(listener):
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


def p99(times):
    return statistics.quantiles(times, n=100)[98]


def connects_while_scraped(rounds=8):
    with harness.Namespace() as namespace, harness.many_sockets(namespace, 250_000, 250_000):
        with harness.Exporter(namespace=namespace) as ours, namespace.entered():
            listener = socket.create_server(("127.0.0.1", 0), backlog=512)
            threading.Thread(target=accept_all, args=(listener,), daemon=True).start()
            idle, scraped = [], []
            for _ in range(rounds):
                idle.append(p99(connect_times(listener.getsockname(), time.monotonic() + 1)))
                scrape = threading.Thread(target=ours.scrape)
                until = time.monotonic() + 1
                scrape.start()
                scraped.append(p99(connect_times(listener.getsockname(), until)))
                scrape.join()
            listener.shutdown(socket.SHUT_RDWR)
    ratio = statistics.median(scraped) / statistics.median(idle)
    print(f"connect() beside 500k sockets, p99: {statistics.median(idle) * 1e6:.0f} us, scraped every second"
          f" {statistics.median(scraped) * 1e6:.0f} us, ratio {ratio:.2f}")
    return ratio


def main():
    harness.require_root()
    empty_namespaces()
    walk_limit()
    attempt("p99 of connect() while scraped", CONNECT_BUDGET, connects_while_scraped, over)
    print(*(f"failed: {what}" for what in over), sep="\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
