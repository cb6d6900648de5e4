#!/usr/bin/env python3
"""What following connections costs those who make them, and how much memory its tables may take."""
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402
from bpf import bpf_objects, shown  # noqa: E402
from connections import Churn, require  # noqa: E402
from sockets_bench import attempt  # noqa: E402

THROUGHPUT_BUDGET = 0.90  # of that without the exporter, at least
EVENTS_BUDGET = 2000  # nanoseconds in eBPF for a connection and both of its ends
TABLES_BUDGET = 64 << 20  # bytes of all tables, if they were full
ROUNDS = 4  # of two pairs each
RUN = 0.7  # seconds
SLICES, SLICE = 6, 0.3  # seconds
EMPTY_PROGRAMS = os.environ.get("EMPTY_PROGRAMS", str(harness.ROOT / "build/release/tests/bench/empty_programs"))
STATISTICS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
BUCKET, ENTRY, PER_CPU_POINTER = 16, 48, 8  # bytes that a hash takes besides keys and values (kernel/bpf/hashtab.c)


def rates(namespace):
    """Connections a second, and for a second of the client's CPU time."""
    with Churn(namespace) as churn:
        time.sleep(RUN)
    return churn.made / churn.seconds, churn.made / churn.cpu_seconds


def slowdown():
    """Of pairs of runs, one of them with an exporter at its defaults beside it, not scraped meanwhile. Which is first
    alternates, so that a drift of the machine has no say. The worse of what a second makes, which neighbours on the
    machine have a part of, and a second of the client's CPU time, which is all that it waits for."""
    pairs = []
    with harness.Namespace() as namespace:
        rates(namespace)  # warms up
        for _ in range(ROUNDS):
            before = rates(namespace)
            with harness.Exporter():
                watched = rates(namespace), rates(namespace)
            pairs += [(watched[0], before), (watched[1], rates(namespace))]
    by_time, by_cpu = (sorted(ours[kind] / alone[kind] for ours, alone in pairs) for kind in (0, 1))
    print(f"connections with the exporter, of those without: a second {statistics.median(by_time):.3f} "
          f"({by_time[0]:.3f} to {by_time[-1]:.3f}), for a second of the client's CPU time "
          f"{statistics.median(by_cpu):.3f} ({by_cpu[0]:.3f} to {by_cpu[-1]:.3f})", flush=True)
    return 1 / min(statistics.median(by_time), statistics.median(by_cpu))


def objects(pid, kind):
    return [number for found, number in bpf_objects(pid) if found == kind]


@contextlib.contextmanager
def run_times():
    """The kernel measures what programs take."""
    usual = STATISTICS.read_text()
    STATISTICS.write_text("1")
    try:
        yield
    finally:
        STATISTICS.write_text(usual)


@contextlib.contextmanager
def empty_programs():
    """Beside ours, programs of the same kinds that do nothing: the process that holds them."""
    with subprocess.Popen([EMPTY_PROGRAMS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        if child.stdout.readline() != "ready\n":
            raise AssertionError("empty_programs gave up")
        yield child


def run_counts(numbers):
    """{program: (events, nanoseconds)} so far."""
    shows = {number: shown("prog", number) for number in numbers}
    return {(show["type"], show["name"], number): (show.get("run_cnt", 0), show.get("run_time_ns", 0))
            for number, show in shows.items()}


def program_times(namespace, numbers):
    """{program: (events, nanoseconds)} for a connection. No scrape goes on: what runs is there for the events."""
    before = run_counts(numbers)
    with Churn(namespace) as churn:
        time.sleep(SLICE)
    after = run_counts(numbers)
    taken = {key: [(new - old) / churn.made for new, old in zip(after[key], before[key])] for key in after}
    return {key: value for key, value in taken.items() if value[0]}


def net_times(times, empty):
    """{program: (events, nanoseconds, the same without what the measuring takes itself)} of a slice. The kernel reads a
    clock twice for each event; a program that does nothing shows how long that is."""
    idle = {kind: taken / events for (kind, _, number), (events, taken) in times.items() if number in empty}
    return {name: (events, taken, taken - events * idle[kind])
            for (kind, name, number), (events, taken) in times.items() if number not in empty}


def nanoseconds_per_connection(exporter):
    """The least of some slices: connections that others make meanwhile only add to it. What follows connections counts
    as the kernel measures it. Most of what times responses is run for packets without data, where the measuring takes
    ten times what the program does: with it, all count net of that."""
    with empty_programs() as child, harness.Namespace() as namespace, run_times():
        ours, empty = objects(exporter.child.pid, "prog"), objects(child.pid, "prog")
        slices = [net_times(program_times(namespace, ours + empty), empty) for _ in range(SLICES)]
        child.stdin.close()
    least = min(slices, key=lambda each: sum(net for _, _, net in each.values()))
    for name, (events, taken, net) in least.items():
        print(f"{name}: {events:.2f} events for a connection, {net / events:.0f} ns each, {taken / events:.0f} ns as "
              "measured")
    following = least["follow"][1]
    measured, net = (sum(each[kind] for each in least.values()) for kind in (1, 2))
    print(f"eBPF for a connection, as measured: {following:.0f} ns to follow it, {measured:.0f} ns with a request and its "
          f"answer; net of the measuring itself, as empty programs show it: {net:.0f} ns", flush=True)
    return max(following, net)


def round_up(number, to):
    return (number + to - 1) // to * to


def most_bytes(table):
    """Of a full one."""
    key, value, entries = table["bytes_key"], table["bytes_value"], table["max_entries"]
    if "hash" not in table["type"]:
        return max(table["bytes_memlock"], round_up(value, 8) * entries)
    buckets = 1 << (entries - 1).bit_length()
    return buckets * BUCKET + entries * (ENTRY + round_up(key, 8) + round_up(value, 8) + PER_CPU_POINTER)


def table_bytes(exporter):
    """Of all tables, full."""
    tables = sorted((shown("map", number) for number in objects(exporter.child.pid, "map")), key=most_bytes, reverse=True)
    for table in tables:
        print(f"{table['name']:16} {table['type']:8} {table['max_entries']:>7} entries: now "
              f"{table['bytes_memlock']:>10,} bytes, full {most_bytes(table):>10,}")
    most = sum(map(most_bytes, tables))
    print(f"all tables: now {sum(table['bytes_memlock'] for table in tables):,} bytes, full {most:,}", flush=True)
    return most


def main():
    harness.require_root()
    over = []
    with harness.Exporter() as exporter:
        require(exporter, "connect_tracking")
        require(exporter, "response_times")
        attempt("nanoseconds for a connection", EVENTS_BUDGET, lambda: nanoseconds_per_connection(exporter), over)
        if table_bytes(exporter) > TABLES_BUDGET:
            over.append("bytes of full tables")
    attempt("connections a second without the exporter, of those with it", 1 / THROUGHPUT_BUDGET, slowdown, over)
    print(*(f"failed: {what}" for what in over), sep="\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
