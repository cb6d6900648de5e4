#!/usr/bin/env python3
"""Incidents by their own numbers: who fires, when, and who stays silent."""
from replay import HOST, JOB, SILENT, firing, series, test, through, write

API = {"destination": "203.0.113.10", "destination_port": "443", "peer_service": "insurance"}
CLIENT = {"namespace": "", "pod": "", "container": "", "comm": "HealthLink.Api"}
POD = JOB | {"netns": "healthlink/api-1"}
TCP = {"protocol": "tcp"}
TUPLE = TCP | {"source": "10.0.0.5"} | API | {"comm": "HealthLink.Api"}
# Of netstat in that pod: 12,847 TIME_WAIT are 214 connections a second.
POD_STATES = {"time_wait": 12847, "established": 3234, "close_wait": 312, "fin_wait2": 89, "syn_sent": 45}

EARLY = ("CloseWaitLeak warning", "TcpTimeWaitHigh warning", "EphemeralPortSearchSlow info")
HIGH = EARLY + ("EphemeralPortsHigh warning",)
CRITICAL = HIGH + ("EphemeralPortsHigh critical",)
EXHAUSTED = CRITICAL + ("EphemeralPortsFillingUp warning", "EphemeralPortsExhausted critical")


def seen(*values):
    """What a host had at 8:00, 10:00, 12:00, 14:00 and 14:23."""
    return through(*zip((0, 120, 240, 360, 383), values))


# All connections go to one address: then the 29,543 sockets of 14:23 are more than there are ports, from 14:20 on.
exhaustion = test(
    "clients are made for each request until no port is left",
    [
        series("socket_ephemeral_ports_usable", HOST | TCP, "28232x600"),
        series("socket_ephemeral_tuple_ports_used", HOST | TUPLE,
               through((0, 3620), (120, 8437), (240, 15179), (360, 21924), (379, 28218), (380, 28232))),
        series("socket_connect_failures_total", HOST | CLIENT | API | {"reason": "no_port"}, "0x379 0+9x180"),
        series("socket_process_sockets", HOST | CLIENT | {"state": "close_wait"}, seen(45, 89, 156, 234, 312)),
        series("node_netstat_Tcp_CurrEstab", JOB, seen(2341, 4892, 8234, 12456, 16384)),
        series("node_netstat_Tcp_TimeWait", JOB, seen(1234, 3456, 6789, 9234, 12847)),
        series("node_nf_conntrack_entries", JOB, seen(3620, 8437, 15179, 21924, 29543)),
        series("node_nf_conntrack_entries_limit", JOB, "262144x600"),
        series("node_sockstat_TCP_orphan", JOB, "89x600"),
        series("socket_tcp_orphans", JOB, "89x600"),
        series("socket_tcp_orphans_limit", JOB, "131072x600"),
        series("node_netstat_TcpExt_ListenOverflows", JOB, "0x600"),
    ],
    firing(39),
    firing(40, "CloseWaitLeak warning"),  # 8:40
    firing(180, "CloseWaitLeak warning"),
    firing(181, "CloseWaitLeak warning", "TcpTimeWaitHigh warning"),  # 11:01
    firing(232, *EARLY),
    firing(326, *EARLY),
    firing(327, *HIGH),  # 13:27
    firing(368, *HIGH),
    firing(369, *CRITICAL),  # 14:09
    firing(381, *CRITICAL, "EphemeralPortsFillingUp warning"),
    firing(382, *EXHAUSTED),  # 14:22
    firing(385, *EXHAUSTED, "SocketAlertEscalated critical"),
    firing(386, *EXHAUSTED, "SocketAlertEscalated critical", "TcpEstablishedHigh critical"),  # 14:26
)

churn = test(
    "one pod opens 214 connections a second",
    [
        series("socket_ephemeral_ports_usable", POD | TCP, "28232x60"),
        series("socket_ephemeral_tuple_ports_used", POD | TUPLE, "16527x60"),
        series("socket_connect_attempts_total", POD | CLIENT | API, "0+12847x60"),
        series("socket_connection_duration_seconds_bucket", JOB | API | {"le": "4"}, "0+12847x60"),
        series("socket_connection_duration_seconds_bucket", JOB | API | {"le": "+Inf"}, "0+12847x60"),
    ] + [
        series("socket_destination_sockets", POD | API | {"comm": "HealthLink.Api", "state": state}, f"{number}x60")
        for state, number in POD_STATES.items()
    ],
    firing(9),
    firing(15, "ConnectionChurn warning", "EphemeralPortSearchSlow info"),
)

content = test(
    "5,432 of 28,232 ports are used",
    [
        series("socket_ephemeral_ports_usable", HOST | TCP, "28232x180"),
        series("socket_ephemeral_tuple_ports_used", HOST | TUPLE, "5432x180"),
    ],
    SILENT,
)

write(exhaustion, churn, content)
