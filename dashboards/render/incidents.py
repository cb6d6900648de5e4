#!/usr/bin/env python3
"""Writes hours of a small fleet as OpenMetrics: incidents.py brief|calm|exhaustion|websocket [--span|--once]"""
import datetime
import math
import sys

from series import Book, burst, spread, through

FLEET = {"environment": "production", "cluster": "eastus", "job": "socket-exporter"}
HOSTS = ["api-prod-1:10077", "api-prod-2:10077", "api-prod-3:10077"]
PORTS = 28232
# Name, address, port, ports used on a calm host, connections a second, response seconds.
SERVICES = [("insurance-api", "203.0.113.10", "443", 3400, 42, 0.05), ("lab-results", "203.0.113.20", "443", 2300, 30, 0.042),
            ("orders-db", "10.0.4.7", "5432", 180, 1.5, 0.003), ("cache", "10.0.4.9", "6379", 60, 0.4, 0.0006)]
REASONS = ("no_port", "refused", "timeout", "reset", "unreachable", "aborted", "other")
WEBSOCKET_REASONS = {"normal": "client", "going_away": "client", "no_status": "client", "internal_error": "server",
                     "abnormal_fin": "client", "abnormal_reset": "client", "abnormal_timeout": "none"}
# What the host had at 8:00, 10:00, 12:00, 14:00 and 14:23.
SEEN = (0, 120, 240, 360, 383)


def seen(*values):
    return through(*zip(SEEN, values))


def day(minute):
    """A load that comes and goes."""
    return 1 + 0.15 * math.sin(minute / 45)


class Exhaustion:
    """A client is made for each request until no port towards insurance-api is left."""

    end, minutes = datetime.datetime(2024, 2, 20, 14, 35, tzinfo=datetime.timezone.utc), 395
    ports = staticmethod(through((0, 3620), (120, 8437), (240, 15179), (360, 21924), (379, 28218), (380, PORTS), (395, PORTS)))
    time_wait = staticmethod(seen(1234, 3456, 6789, 9234, 12847))
    established = staticmethod(seen(2341, 4892, 8234, 12456, 16384))
    close_wait = staticmethod(seen(45, 89, 156, 234, 312))
    no_port = staticmethod(through((379.5, 0), (381, 70), (395, 112)))  # of 214 a second
    slow = staticmethod(through((0, 1), (300, 1.2), (355, 4), (383, 35), (395, 38)))
    timeouts = staticmethod(through((340, 0), (360, 0.03), (383, 0.287)))
    # What the rules make of it: pending, firing and, where it is, over.
    labels = {"instance": HOSTS[0], "netns": "healthlink/api-1", "destination": "203.0.113.10"}
    alerts = [("CloseWaitLeak", "warning", 30, 40), ("EphemeralPortSearchSlow", "info", 222, 232),
              ("EphemeralPortsHigh", "warning", 322, 327), ("EphemeralPortsHigh", "critical", 367, 369),
              ("EphemeralPortsFillingUp", "warning", 367, 372), ("EphemeralPortsExhausted", "critical", 380, 381),
              ("DestinationFailing", "warning", 370, 375)]


class Calm:
    end, minutes = datetime.datetime(2026, 1, 15, 15, 0, tzinfo=datetime.timezone.utc), 180
    ports = time_wait = close_wait = no_port = slow = timeouts = None
    alerts = []
    # Of all connections of the service: ends by reason a second, handshakes on top, seconds to an answer, failing handshakes.
    broken, shutdown, back = 0, 0, 0
    latency, failing, silence = 0.02, 0.01, 0
    open = 1.0


class Brief(Calm):
    minutes = 30


class Websocket(Calm):
    """A rollout; a proxy that closes whoever is silent for 60 s; then it breaks off half of all, who come back at once."""

    end = datetime.datetime(2026, 1, 16, 15, 0, tzinfo=datetime.timezone.utc)
    shutdown = staticmethod(burst(20, 24, 14))
    back = staticmethod(through((20, 0), (24, 12), (35, 0), (173, 0), (175, 18), (180, 15)))
    silence = staticmethod(through((45, 0), (48, 2.6), (98, 2.6), (101, 0)))
    broken = staticmethod(burst(173, 181, 10))
    latency = staticmethod(through((173, 0.02), (175, 1.4), (180, 1.1)))
    failing = staticmethod(through((173, 0.01), (175, 9), (180, 7)))
    labels = {"namespace": "vitalstream", "port": "8003"}
    alerts = [("WebSocketRolloutSurge", "info", 20, 21, 35), ("WebSocketIdleTimeoutSuspected", "warning", 68, 83, 118),
              ("WebSocketDisconnectStorm", "critical", 173, 174), ("WebSocketReconnectSurge", "warning", 175, 177),
              ("WebSocketHandshakeErrorBudgetBurn", "critical", 177, 177)]
    open = staticmethod(through((20, 1), (24, 0.6), (35, 1), (173, 1), (180, 0.46)))


def at(what, minute, otherwise=0):
    return otherwise if what is None else what(minute) if callable(what) else what


class Fleet:
    def __init__(self, scenario, out):
        self.scenario, self.book = scenario, Book(scenario.end.timestamp(), scenario.minutes, out)
        self.websocket = scenario if hasattr(scenario, "broken") else Calm

    def write(self):
        for number, host in enumerate(HOSTS):
            base = FLEET | {"instance": host}
            pod = {"netns": f"healthlink/api-{number + 1}", "namespace": "healthlink", "pod": f"api-{number + 1}", "container": "api",
                   "comm": "HealthLink.Api"}
            bad = self.scenario.ports is not None and number == 0
            self.outgoing(base, pod, bad, 1 - 0.1 * number)
            self.sockets(base, pod, bad)
            self.limits(base, number, bad)
            self.websockets(base, number)
            self.exporter(base)
        for name, severity, pending, firing, *over in self.scenario.alerts:
            labels = FLEET | self.scenario.labels | {"alertname": name, "severity": severity}
            for state, begin, end in (("pending", pending, firing), ("firing", firing, *(over or [math.inf]))):
                self.book.gauge("ALERTS", labels | {"alertstate": state}, lambda m, b=begin, e=end: 1 if b <= m < e else None)

    def outgoing(self, base, pod, bad, share):
        book, scenario = self.book, self.scenario
        netns = {"netns": pod["netns"]}
        worst = None
        for name, address, port, calm_ports, rate, response in SERVICES:
            to = {"destination": address, "destination_port": port, "peer_service": name}
            ill = bad and name == "insurance-api"
            waiting = bad and name == "lab-results"

            def used(m, ill=ill, calm_ports=calm_ports):
                return scenario.ports(m) if ill else calm_ports * share * day(m)

            def time_wait(m, ill=ill, used=used, rate=rate):
                return scenario.time_wait(m) if ill else min(0.3, rate / 100) * used(m)

            def close_wait(m, ill=ill):
                return scenario.close_wait(m) if ill else 1 if rate > 10 else 0

            def opens(m, ill=ill, rate=rate, time_wait=time_wait):
                return time_wait(m) / 60 + at(scenario.no_port, m) if ill else rate * share * day(m)

            def failures(m, reason, ill=ill, waiting=waiting, opens=opens):
                if reason == "no_port":
                    return at(scenario.no_port, m) if ill else 0
                part = at(scenario.timeouts, m) * (1 if waiting else 0.1 if ill else 0)
                return opens(m) * {"timeout": 0.7 * part + 0.0004, "refused": 0.0003, "aborted": 0.3 * part}.get(reason, 0)

            k = base | pod | to
            states = {"time_wait": time_wait, "close_wait": close_wait, "syn_sent": lambda m, i=ill: 2 + (43 * m / 383 if i else 0),
                      "fin_wait2": lambda m, i=ill: 6 + (83 * m / 383 if i else 0)}
            states["established"] = lambda m, u=used, s=dict(states): max(20, u(m) - sum(one(m) for one in s.values()))
            for state, value in states.items():
                book.gauge("socket_destination_sockets", base | netns | to | {"state": state, "comm": pod["comm"]}, value)
            ports = {"protocol": "tcp", "source": "10.0.0.5"} | to | {"comm": pod["comm"]}
            book.gauge("socket_ephemeral_tuple_ports_used", base | netns | ports, used)
            if name == "insurance-api":
                worst = used
            book.counter("socket_connect_attempts_total", k, opens, 0.03)
            for reason in REASONS:
                book.counter("socket_connect_failures_total", k | {"reason": reason}, lambda m, r=reason, f=failures: f(m, r), 0.05)
            short = 0.85 if ill else {"insurance-api": 0.2, "lab-results": 0.15, "orders-db": 0.08, "cache": 0.03}[name]
            for kind, part in (("active", 0.75), ("passive", 0.24), ("reset", 0.03 if waiting else 0.01), ("timeout", 0.001),
                               ("aborted", 0.002)):
                book.counter("socket_connections_closed_total", k | {"kind": kind}, lambda m, p=part, tw=time_wait: tw(m) / 60 * p, 0.05)
            book.counter("socket_time_wait_created_total", k, lambda m, tw=time_wait: tw(m) / 60, 0.02)
            book.counter("socket_connections_short_lived_total", k, lambda m, tw=time_wait, s=short: tw(m) / 60 * s, 0.02)
            opener = {label: value for label, value in pod.items() if label != "netns"}
            openers = {"HealthLink.Api": 0.9, "HealthLink.Jobs": 0.1} if name in ("lab-results", "orders-db") else {"HealthLink.Api": 1}
            for comm, part in openers.items():
                book.gauge("socket_destination_opener_ratio", base | netns | to | opener | {"comm": comm}, part, whole=False)
            slow = scenario.slow if ill or waiting else None
            d = base | to
            book.histogram("socket_response_seconds", d, lambda m, o=opens: 3 * o(m),
                           lambda m, r=response, s=slow: [spread(r * at(s, m, 1) * 1.1, 0.6)])
            book.histogram("socket_connect_duration_seconds", d, opens, lambda m, r=response, w=waiting, i=ill: [
                spread(0.012 if r > 0.01 else 0.0004, 0.4), spread(1.03, 0.05, 0.3 * at(scenario.timeouts, m) if w or i else 0.0005)])
            book.histogram("socket_connection_duration_seconds", d, opens, lambda m, i=ill: [
                spread(0.4, 0.7, 0.85 if i else 0.2), spread(55, 0.5, 0.15 if i else 0.8)])
            if rate > 10:
                book.histogram("socket_close_wait_seconds", d, lambda m, o=opens: 0.1 * o(m), lambda m: [spread(0.002, 1.2)])
        book.gauge("socket_ephemeral_tuple_ports_used_max", base | netns | {"protocol": "tcp"}, worst)
        book.gauge("socket_ephemeral_tuple_ports_used_max", base | {"netns": "host", "protocol": "tcp"}, 120)
        for reason in ("in_use", "no_port", "not_available", "denied", "other"):
            book.counter("socket_bind_failures_total", base | {"netns": "host", "comm": "nginx", "protocol": "tcp", "reason": reason},
                         burst(100, 102, 0.5 if reason == "in_use" else 0))
        book.histogram("socket_port_search_seconds", base | netns, lambda m: 70 + 0 * m,
                       lambda m: [spread(0.00008, 0.3), spread(0.0008 * (1 + 30 * max(0, worst(m) / PORTS - 0.5)), 0.6,
                                                               max(0, worst(m) / PORTS - 0.45) * 2)])

    def sockets(self, base, pod, bad):
        book, scenario = self.book, self.scenario
        states = {"established": lambda m: scenario.established(m) if bad else 4200 * day(m),
                  "time_wait": lambda m: scenario.time_wait(m) if bad else 1100 * day(m),
                  "close_wait": lambda m: scenario.close_wait(m) if bad else 3, "fin_wait2": lambda m: 14, "syn_sent": lambda m: 3,
                  "listen": lambda m: 4, "fin_wait1": lambda m: 2, "last_ack": lambda m: 1, "syn_recv": lambda m: 0,
                  "new_syn_recv": lambda m: 1, "closing": lambda m: 0, "close": lambda m: 2}
        for state, value in states.items():
            noise = 0.01 if state in ("established", "time_wait") else 0
            book.gauge("socket_tcp_sockets", base | {"netns": pod["netns"], "family": "ipv4", "state": state}, value, noise)
            book.gauge("socket_tcp_sockets", base | {"netns": "host", "family": "ipv4", "state": state}, lambda m, v=value: min(40, v(m)))
            if state in ("established", "time_wait", "close_wait"):
                book.gauge("socket_process_sockets", base | pod | {"state": state}, value, noise)
                other = pod | {"netns": "host", "namespace": "", "pod": "", "container": "", "comm": "nginx"}
                book.gauge("socket_process_sockets", base | other | {"state": state}, lambda m, v=value: min(60, v(m)))
        book.gauge("socket_process_open_fds", base | pod, lambda m: states["established"](m) + states["close_wait"](m) + 200)
        book.gauge("socket_process_fds_limit", base | pod, 65536)
        for netns in ("host", pod["netns"]):
            own = base | {"netns": netns}
            info = {label: pod[label] if netns != "host" else "" for label in ("namespace", "pod", "container")}
            book.gauge("socket_netns_info", own | info | {"inode": "4026531840", "pod_uid": ""}, 1)
            book.gauge("socket_ephemeral_port_range_ports", own, PORTS)
            book.gauge("socket_ephemeral_reserved_ports", own, 0)
            for protocol in ("tcp", "udp"):
                book.gauge("socket_ephemeral_ports_usable", own | {"protocol": protocol}, PORTS)
                few = netns == "host" or protocol == "udp"
                book.gauge("socket_ephemeral_ports_used", own | {"protocol": protocol},
                           lambda m, few=few: 40 if few else scenario.ports(m) if bad else 5200 * day(m))
            book.gauge("socket_ephemeral_tuple_ports_used_max", own | {"protocol": "udp"}, 12)
            book.gauge("socket_tcp_time_wait_limit", own, 131072)
            for name, value in (("tcp_tw_reuse", 2), ("tcp_fin_timeout", 60), ("somaxconn", 4096), ("tcp_max_tw_buckets", 131072), ("tcp_timestamps", 1)):
                book.gauge("socket_sysctl_value", own | {"name": name}, value)
        for port, comm, count in (("8080", "HealthLink.Api", 900), ("8003", "websocket", 2700), ("9090", "envoy", 40)):
            listener = base | {"netns": pod["netns"]}
            for state, part in (("established", 0.9), ("time_wait", 0.1)):
                book.gauge("socket_inbound_sockets", listener | {"port": port, "state": state}, lambda m, c=count, p=part: c * p * day(m), 0.02)
            queue = listener | {"address": "0.0.0.0", "port": port, "comm": comm}
            book.gauge("socket_listen_queue_length", queue, lambda m, c=count: 511 * (0.3 if bad and m > 375 and c == 900 else 0.01), 0.05)
            book.gauge("socket_listen_queue_limit", queue, 511)

    def limits(self, base, number, bad):
        book, scenario = self.book, self.scenario
        total = (lambda m: scenario.ports(m) + 3000) if bad else (lambda m: 8200 * day(m))
        book.gauge("node_nf_conntrack_entries", base, total)
        book.gauge("node_nf_conntrack_entries_limit", base, 262144)
        for name in ("drop", "early_drop", "insert_failed"):
            book.counter("node_nf_conntrack_stat_" + name, base, 0)
        book.gauge("socket_tcp_memory_pages", base, lambda m: 900 + total(m) / 12, 0.02)
        for level, pages in (("low", 190000), ("pressure", 254000), ("high", 381000)):
            book.gauge("socket_tcp_memory_limit_pages", base | {"level": level}, pages)
        book.gauge("socket_tcp_orphans", base, 40, 0.1)
        book.gauge("socket_tcp_orphans_limit", base, 131072)
        for field, rate in (("TcpExt_ListenOverflows", 0), ("TcpExt_ListenDrops", 0), ("Tcp_RetransSegs", 3 + number)):
            book.counter("node_netstat_" + field, base, rate, 0.1)

    def websockets(self, base, number):
        book, ws = self.book, self.websocket
        w = base | {"netns": f"vitalstream/websocket-{number}", "namespace": "vitalstream", "pod": f"websocket-{number}", "port": "8003"}
        book.gauge("websocket_connections_active", w, lambda m: (2700 - 120 * number) * at(ws.open, m), 0.002)
        book.gauge("websocket_connections_limit", w, 4000)
        server = w | {"comm": "websocket"}
        book.counter("websocket_server_cpu_seconds_total", server, lambda m: 0.3 * at(ws.open, m) + at(ws.back, m) / 30, 0.05)
        book.gauge("websocket_server_resident_memory_bytes", server, lambda m: 9e7 + 3.6e8 * at(ws.open, m), 0.002)
        book.counter("websocket_connections_total", w, lambda m: 0.6 * day(m) + at(ws.back, m) / 3 + at(ws.silence, m) / 3, 0.05)
        rates = {"normal": lambda m: 0.35 * day(m), "going_away": lambda m: 0.15, "no_status": lambda m: 0.1, "internal_error": lambda m: 0.002,
                 "abnormal_fin": lambda m: 0.05 + at(ws.broken, m) * 0.22 + at(ws.silence, m) / 3,
                 "abnormal_reset": lambda m: 0.03 + at(ws.broken, m) * 0.11, "abnormal_timeout": lambda m: 0.02}
        for reason, initiator in WEBSOCKET_REASONS.items():
            book.counter("websocket_disconnections_total", w | {"reason": reason, "initiator": initiator}, rates[reason], 0.05)
        book.counter("websocket_disconnections_total", w | {"reason": "going_away", "initiator": "server"}, lambda m: at(ws.shutdown, m) / 3)
        for kind, share in (("http_4xx", 0.02), ("http_5xx", 0.6), ("incomplete", 0.25), ("refused", 0.1), ("no_request", 0.02), ("http_other", 0.01)):
            book.counter("websocket_connection_errors_total", w | {"error_type": kind}, lambda m, s=share: s * at(ws.failing, m) / 3, 0.1)
        for kind, factor in (("request", 1), ("ping", 0.4)):
            book.histogram("websocket_message_latency_seconds", w | {"kind": kind}, 60 if kind == "request" else 90,
                           lambda m, f=factor: [spread(at(ws.latency, m) * f, 0.7)])
        for direction, opcode, rate in (("in", "text", 700), ("out", "text", 240), ("in", "binary", 1300), ("out", "ping", 90), ("in", "pong", 90),
                                        ("in", "close", 1.5), ("out", "close", 1.5)):
            book.counter("websocket_messages_total", w | {"direction": direction, "opcode": opcode}, lambda m, r=rate: r * at(ws.open, m), 0.02)
        for direction, size in (("in", 3.4e6), ("out", 4e5)):
            book.counter("websocket_message_bytes_total", w | {"direction": direction}, lambda m, s=size: s * at(ws.open, m), 0.02)

        def ends(m):
            return sum(rate(m) for rate in rates.values()) + at(ws.shutdown, m) / 3
        book.histogram("websocket_idle_before_close_seconds", w, ends, lambda m: [
            spread(8, 1.1, 0.6 + at(ws.shutdown, m) / 3 + at(ws.broken, m) / 3), spread(60, 0.004, 1e-6 + at(ws.silence, m) / 3)])
        book.histogram("websocket_connection_duration_seconds", w, ends, lambda m: [
            spread(1500, 0.9, 0.6 + at(ws.broken, m) / 3), spread(120, 0.5, 1e-6 + at(ws.silence, m) / 3)])

    def exporter(self, base):
        book = self.book
        book.gauge("up", base, 1)
        book.gauge("socket_exporter_build_info", base | {"version": "0.1.0", "revision": "1f2e3d4", "branch": "main", "compiler": "gcc 12.2.0"}, 1)
        for collector, seconds in (("connects", 0.004), ("destinations", 0.003), ("ephemeral_ports", 0.005), ("processes", 0.011), ("websockets", 0.002),
                                   ("netstat", 0.0006), ("listeners", 0.001)):
            book.gauge("socket_exporter_collector_success", base | {"collector": collector}, 1)
            book.gauge("socket_exporter_collector_duration_seconds", base | {"collector": collector}, seconds, 0.1, whole=False)
            book.counter("socket_exporter_collector_errors_total", base | {"collector": collector, "kind": "timeout"}, 0)
        for feature, state, reason in (("socket_walk", "on", "by eBPF"), ("process_walk", "on", "by eBPF"), ("connect_tracking", "on", "by eBPF"),
                                       ("response_times", "on", "by eBPF"), ("websocket_tracking", "on", "ports 8003"), ("bind_tracking", "on", "by fexit"),
                                       ("port_search_tracking", "on", "by fexit")):
            book.gauge("socket_exporter_feature_info", base | {"feature": feature, "state": state, "reason": reason}, 1)
        for program in ("connects", "binds", "websockets"):
            book.counter("socket_exporter_bpf_missed_events_total", base | {"program": program}, 0)
        for metric, rate in (("socket_destination_sockets", 0.6), ("socket_process_sockets", 0.2), ("socket_connect_attempts_total", 0)):
            book.counter("socket_exporter_label_overflow_total", base | {"metric": metric}, rate, 0.1)
        for name, rate in (("scans", 1 / 15), ("scans_interrupted", 0), ("scan_chain_restarts", 0.2)):
            book.counter(f"socket_exporter_{name}_total", base, rate)
        book.gauge("socket_exporter_scan_sockets", base, 14000, 0.02)
        book.gauge("socket_exporter_network_namespaces", base, 23)
        book.gauge("socket_exporter_scan_duration_seconds", base, 0.012, 0.1, whole=False)
        book.counter("socket_exporter_http_requests_total", base | {"code": "200", "path": "/metrics"}, 1 / 15)
        book.counter("process_cpu_seconds_total", base, 0.0024, 0.1)
        book.gauge("process_resident_memory_bytes", base, 22e6, 0.002)
        book.gauge("process_open_fds", base, 46)
        book.gauge("process_max_fds", base, 524288)
        book.gauge("socket_exporter_config_last_reload_successful", base, 1)
        book.gauge("socket_exporter_config_last_reload_success_timestamp_seconds", base, self.book.begin - 86400)
        for name in ("adopted", "desync", "resync", "repaired", "pool_exhausted", "missed"):
            book.counter(f"websocket_tracker_{name}_total", base, 0.4 if name == "repaired" else 0, 0.2)


SCENARIOS = {"brief": Brief, "calm": Calm, "exhaustion": Exhaustion, "websocket": Websocket}

if __name__ == "__main__":
    chosen = SCENARIOS[sys.argv[1]]
    if "--span" in sys.argv:
        print(int(chosen.end.timestamp()) - 60 * chosen.minutes + 60, int(chosen.end.timestamp()) - 60)
    else:
        if "--once" in sys.argv:  # each series with one sample
            chosen.minutes = 0
        Fleet(chosen, sys.stdout).write()
        print("# EOF")
