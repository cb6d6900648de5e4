#!/usr/bin/env python3
"""Each central rule equals the sum, or the worst, of the series of all hosts: while one counts anew, and one is gone."""
import itertools
import json
import pathlib

import yaml
from replay import JOB, series

RULES = pathlib.Path(__file__).resolve().parents[1] / "optional/central.rules.yml"
RESET, GONE = 20, 60  # minutes: web-1 begins to count from 0, web-3 is not there any more
TIMES = (18, RESET + 2, 50, GONE + 30)
HOSTS = [JOB | {"cluster": cluster, "environment": "production", "instance": f"web-{number}:10077"}
         for number, cluster in ((1, "eu"), (2, "eu"), (3, "eu"), (4, "us"))]
NAMESPACES = [{"netns": "host", "namespace": "", "pod": ""}, {"netns": "shop/cart-1", "namespace": "shop", "pod": "cart-1"},
              {"netns": "shop/cart-2", "namespace": "shop", "pod": "cart-2"}]
NETNS = [{"netns": each["netns"]} for each in NAMESPACES]
PROTOCOLS = [{"protocol": "tcp"}, {"protocol": "udp"}]
PROCESSES = [{"container": "app", "comm": comm} for comm in ("cart", "nginx")]
TO = [{"destination": "10.0.3.17", "destination_port": "5432", "peer_service": "orders-db"},
      {"destination": "10.0.3.18", "destination_port": "443", "peer_service": ""},
      {"destination": "other", "destination_port": "", "peer_service": ""}]
PORTS = [{"port": "8003"}, {"port": "other"}]
FLEET = ("cluster", "environment", "job")
HOST = (*FLEET, "instance")
DESTINATION = (*FLEET, *TO[0])
SERVICE = (*FLEET, "namespace", "port")
LIMIT = 4096


def of(label, *values):
    return [{label: value} for value in values]


class Raw:
    """Series of one metric on all hosts; each has a weight of its own: its value, or what it grows by a second."""
    made = {}
    weights = itertools.count(1)

    def __init__(self, metric, *dimensions, weight=None, counter=False):
        self.metric, self.counter = metric, counter
        combined = [dict(itertools.chain(*(part.items() for part in parts))) for parts in itertools.product(HOSTS, *dimensions)]
        self.series = [(labels, weight or next(self.weights)) for labels in combined]
        Raw.made[metric] = self

    def written(self):
        for labels, weight in self.series:
            end = GONE if labels["instance"].startswith("web-3") else 120
            if not self.counter:
                values = f"{weight}x{end - 1} stale"
            elif labels["instance"].startswith("web-1"):
                values = f"{60 * weight}+{60 * weight}x{RESET - 1} {60 * weight}+{60 * weight}x{end}"
            else:
                values = f"{60 * weight}+{60 * weight}x{end - 1} stale"
            yield series(self.metric, labels, values)

    def at(self, minute):
        return [(labels, weight) for labels, weight in self.series
                if minute < GONE or not labels["instance"].startswith("web-3")]


def counter(metric, *dimensions):
    return Raw(metric, *dimensions, counter=True)


CONNECTIONS = (NAMESPACES, PROCESSES, TO)
TIMES_TO = (TO, of("le", "0.1", "+Inf"))
WEBSOCKETS = (NAMESPACES, PORTS)
Raw("socket_ephemeral_tuple_ports_used_max", NETNS, PROTOCOLS)
Raw("socket_ephemeral_ports_usable", NETNS, PROTOCOLS, weight=LIMIT)
Raw("socket_ephemeral_tuple_ports_used", NETNS, PROTOCOLS, of("source", "10.0.0.5"), TO[:2], of("comm", "cart"))
Raw("socket_process_open_fds", NAMESPACES, PROCESSES)
Raw("socket_process_fds_limit", NAMESPACES, PROCESSES, weight=LIMIT)
Raw("socket_listen_queue_length", NETNS, of("address", "0.0.0.0"), of("port", "80", "443"), of("comm", "nginx"))
Raw("socket_listen_queue_limit", NETNS, of("address", "0.0.0.0"), of("port", "80", "443"), of("comm", "nginx"), weight=LIMIT)
Raw("socket_tcp_sockets", NETNS, of("family", "ipv4", "ipv6"), of("state", "established", "time_wait"))
Raw("socket_tcp_time_wait_limit", NETNS, weight=LIMIT)
Raw("socket_udp_sockets", NETNS, of("family", "ipv4", "ipv6"))
Raw("socket_destination_sockets", NETNS, TO, of("state", "established", "time_wait"), of("comm", "cart"))
counter("socket_connect_attempts_total", *CONNECTIONS)
counter("socket_connect_failures_total", *CONNECTIONS, of("reason", "no_port", "refused"))
counter("socket_connections_closed_total", *CONNECTIONS, of("kind", "active", "reset"))
counter("socket_connections_short_lived_total", *CONNECTIONS)
counter("socket_connect_duration_seconds_bucket", *TIMES_TO)
counter("socket_response_seconds_bucket", *TIMES_TO)
counter("websocket_disconnections_total", *WEBSOCKETS, of("reason", "normal", "abnormal_fin"), of("initiator", "client", "none"))
counter("websocket_connection_errors_total", *WEBSOCKETS, of("error_type", "http_5xx", "refused"))
counter("websocket_messages_total", *WEBSOCKETS, of("direction", "in", "out"), of("opcode", "text", "ping"))
counter("websocket_message_bytes_total", *WEBSOCKETS, of("direction", "in", "out"))
counter("websocket_message_latency_seconds_bucket", *WEBSOCKETS, of("kind", "ping", "request"), of("le", "0.1", "+Inf"))
counter("websocket_idle_before_close_seconds_bucket", *WEBSOCKETS, of("le", "59", "61", "+Inf"))

# {rule: what it is made of, which labels stay, and how}; what is divided, is by LIMIT.
EXPECTED = {
    "instance:socket_ephemeral_tuple_ports_used:ratio_max": ("socket_ephemeral_tuple_ports_used_max", (*HOST, "protocol"), max),
    "instance:socket_process_open_fds:ratio_max": ("socket_process_open_fds", HOST, max),
    "instance:socket_listen_queue_length:ratio_max": ("socket_listen_queue_length", HOST, max),
    "instance:socket_connect_failures:no_port_rate5m": ("socket_connect_failures_total", HOST, sum),
    "fleet:socket_tcp_sockets:sum": ("socket_tcp_sockets", (*FLEET, "state"), sum),
    "fleet:socket_udp_sockets:sum": ("socket_udp_sockets", FLEET, sum),
    "fleet:socket_connections_closed:rate5m": ("socket_connections_closed_total", (*FLEET, "kind"), sum),
    "fleet_destination:socket_destination_sockets:sum": ("socket_destination_sockets", (*DESTINATION, "state"), sum),
    "fleet_destination:socket_ephemeral_tuple_ports_used:ratio_max": ("socket_ephemeral_tuple_ports_used", DESTINATION, max),
    "fleet_destination:socket_connect_attempts:rate5m": ("socket_connect_attempts_total", DESTINATION, sum),
    "fleet_destination:socket_connect_failures:rate5m": ("socket_connect_failures_total", (*DESTINATION, "reason"), sum),
    "fleet_destination:socket_connections_closed:rate5m": ("socket_connections_closed_total", DESTINATION, sum),
    "fleet_destination:socket_connections_short_lived:rate5m": ("socket_connections_short_lived_total", DESTINATION, sum),
    "fleet_destination:socket_connect_duration_seconds:bucket_rate5m": ("socket_connect_duration_seconds_bucket", (*DESTINATION, "le"), sum),
    "fleet_destination:socket_response_seconds:bucket_rate5m": ("socket_response_seconds_bucket", (*DESTINATION, "le"), sum),
    "service:websocket_disconnections:reason_rate5m": ("websocket_disconnections_total", (*SERVICE, "reason"), sum),
    "service:websocket_connection_errors:rate5m": ("websocket_connection_errors_total", (*SERVICE, "error_type"), sum),
    "service:websocket_messages:rate5m": ("websocket_messages_total", (*SERVICE, "direction"), sum),
    "service:websocket_message_bytes:rate5m": ("websocket_message_bytes_total", (*SERVICE, "direction"), sum),
    "service:websocket_message_latency_seconds:bucket_rate5m": ("websocket_message_latency_seconds_bucket", (*SERVICE, "kind", "le"), sum),
    "service:websocket_idle_before_close_seconds:bucket_rate5m": ("websocket_idle_before_close_seconds_bucket", (*SERVICE, "le"), sum),
}
TIME_WAIT = "instance:socket_tcp_sockets:time_wait_ratio_max"
SECONDS_LEFT = "instance:socket_ephemeral_tuple_ports_used:seconds_left_min"


def grouped(found, labels):
    """{values of these labels: all that have them}."""
    groups = {}
    for each, value in found:
        groups.setdefault(tuple((label, each[label]) for label in labels if each[label]), []).append(value)
    return groups


def expect(minute, rule, groups, how, scale=1):
    samples = [{"labels": "{" + ",".join(f'{label}="{value}"' for label, value in key) + "}", "value": how(values) * scale}
               for key, values in groups.items()]
    # promtool compares all digits, and each Prometheus extrapolates in its own order.
    precision = scale if how is max else 0.001
    return {"eval_time": f"{minute}m", "expr": f"round({rule}, {precision})", "exp_samples": samples}


def check(rule, minute):
    metric, labels, how = EXPECTED[rule]
    found = [(each, value) for each, value in Raw.made[metric].at(minute) if "no_port" not in rule or each["reason"] == "no_port"]
    return expect(minute, rule, grouped(found, labels), how, 1 / LIMIT if how is max else 1)


def check_time_wait(minute):
    """The fullest namespace of each host, both families together."""
    waiting = [found for found in Raw.made["socket_tcp_sockets"].at(minute) if found[0]["state"] == "time_wait"]
    namespaces = [(dict(key), sum(values)) for key, values in grouped(waiting, (*HOST, "netns")).items()]
    return expect(minute, TIME_WAIT, grouped(namespaces, HOST), max, 1 / LIMIT)


def ports(host, netns, used):
    labels = HOSTS[host] | {"netns": netns, "protocol": "tcp"}
    return [series("socket_ephemeral_tuple_ports_used_max", labels, used), series("socket_ephemeral_ports_usable", labels, "28000x120")]


# A host's first namespace to be full counts: 6,000 and 12,000 seconds at minute 60. What falls or stays is a day.
seconds_left = {
    "name": "time until the first namespace of a host is full", "interval": "1m",
    "input_series": ports(0, "host", "18400+60x120") + ports(0, "shop/cart-1", "12400+60x120") + ports(1, "host", "5000x120") +
    ports(1, "shop/cart-1", "9000-60x120") + ports(2, "host", "5000+60x40 stale"),
    "promql_expr_test": [{"eval_time": "60m", "expr": f"round({SECONDS_LEFT})", "exp_samples": [
        {"labels": "{" + ",".join(f'{label}="{value}"' for label, value in (HOSTS[host] | {"protocol": "tcp"}).items()) + "}", "value": value}
        for host, value in ((0, 6000), (1, 86400))]}],
}
sums = {
    "name": "four hosts with three namespaces each", "interval": "1m",
    "input_series": [each for raw in Raw.made.values() for each in raw.written()],
    "promql_expr_test": [check(rule, minute) for rule in EXPECTED for minute in TIMES] + [check_time_wait(minute) for minute in TIMES],
}

recorded = {rule["record"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
if untested := recorded ^ {*EXPECTED, TIME_WAIT, SECONDS_LEFT}:
    raise SystemExit(f"not tested, or not there: {sorted(untested)}")
print(json.dumps({"rule_files": ["../../alerts/optional/central.rules.yml"], "evaluation_interval": "1m", "tests": [sums, seconds_left]}))
