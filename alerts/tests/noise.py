#!/usr/bin/env python3
"""What looks bad and is not: nothing fires."""
from replay import HOST, JOB, SILENT, firing, series, test, write

APP = {"namespace": "", "pod": "", "container": "", "comm": "app"}


def to(address):
    return {"destination": address, "destination_port": "443", "peer_service": ""}


def attempts(labels, values):
    return series("socket_connect_attempts_total", HOST | APP | labels, values)


def failures(labels, reason, values):
    return series("socket_connect_failures_total", HOST | APP | labels | {"reason": reason}, values)


def usable(values="28232x180"):
    return series("socket_ephemeral_ports_usable", HOST | {"protocol": "tcp"}, values)


def used(labels, values):
    return series("socket_ephemeral_tuple_ports_used",
                  HOST | {"protocol": "tcp", "source": "10.0.0.5"} | labels | {"comm": "app"}, values)


def waiting_for_close(values):
    return series("socket_process_sockets", HOST | APP | {"state": "close_wait"}, values)


def one_of_60(labels):
    lifetime = "socket_connection_duration_seconds_bucket"
    return [
        used(labels, "400x180"),
        attempts(labels, "0+400x180"),
        series("socket_destination_sockets", HOST | labels | {"comm": "app", "state": "time_wait"}, "400x180"),
        series("socket_destination_sockets", HOST | labels | {"comm": "app", "state": "established"}, "2x180"),
        series(lifetime, JOB | labels | {"le": "0.1"}, "0+400x180"),
        series(lifetime, JOB | labels | {"le": "+Inf"}, "0+400x180"),
    ]


spread = test(
    "24,000 TIME_WAIT sockets spread over 60 destinations",
    [
        usable(),
        series("node_netstat_Tcp_TimeWait", JOB, "24000x180"),
        series("socket_tcp_sockets", HOST | {"family": "ipv4", "state": "time_wait"}, "24000x180"),
        series("socket_tcp_time_wait_limit", HOST, "131072x180"),
        series("socket_exporter_scans_total", JOB, "0+4x180"),
        series("socket_exporter_label_overflow_total", JOB | {"metric": "socket_destination_sockets"}, "0+40x180"),
    ] + [one for number in range(1, 61) for one in one_of_60(to(f"10.0.1.{number}"))],
    SILENT,
    firing(60, "TcpTimeWaitHigh warning"),  # which totals cannot know
)

# The old processes leave, the new ones connect at once, and destinations refuse a third for two minutes.
deploy = test(
    "a deployment at noon",
    [
        usable(),
        used(to("10.0.3.17"), "3000x59 18000 20500 15500 9000 3000x120"),
        waiting_for_close("3x59 900 400 60 3x120"),
        attempts(to("10.0.3.17"), "0+600x59 60000 85000 85600+600x120"),
        attempts(to("10.0.3.18"), "0+600x180"),
        failures(to("10.0.3.17"), "refused", "0x59 200 400x120"),
        failures(to("10.0.3.18"), "refused", "0x59 200 400x120"),
        series("node_netstat_TcpExt_ListenOverflows", JOB, "0x59 120x120"),
        series("socket_listen_queue_length", HOST | {"address": "0.0.0.0", "port": "80", "comm": "nginx"},
               "0x59 512 512 0x120"),
        series("socket_listen_queue_limit", HOST | {"address": "0.0.0.0", "port": "80", "comm": "nginx"}, "511x180"),
        series("socket_exporter_bpf_missed_events_total", JOB | {"program": "connects"}, "0x59 200x120"),
    ],
    SILENT,
    firing(60, "1m_tcp_accept_queue_overflows warning"),  # netdata's
)

GAP = "_x4"  # four scrapes fail
restart = test(
    "scrapes fail, and the exporter restarts",
    [
        series("up", JOB | {"instance": "web-2:10077"}, "1x59 0x3 1x120"),
        usable(f"28232x59 {GAP} 28232x120"),
        used(to("10.0.3.17"), f"13000x59 {GAP} 13000x120"),
        waiting_for_close(f"60x59 {GAP} 64x120"),
        attempts(to("10.0.3.17"), f"900000+600x59 {GAP} 0+600x120"),
        failures(to("10.0.3.17"), "no_port", f"5000x59 {GAP} 0x120"),
        failures(to("10.0.3.17"), "timeout", f"70000+6x59 {GAP} 0+6x120"),
        series("socket_exporter_collector_errors_total", JOB | {"collector": "netstat", "kind": "timeout"},
               f"12x59 {GAP} 1x120"),
        series("socket_exporter_feature_info", JOB | {"feature": "connect_tracking", "state": "on", "reason": ""},
               f"1x59 {GAP} 1x120"),
        series("socket_exporter_bpf_missed_events_total", JOB | {"program": "connects"}, f"4000x59 {GAP} 0x120"),
        series("socket_exporter_label_overflow_total", JOB | {"metric": "socket_destination_sockets"},
               f"900000+40x59 {GAP} 0+40x120"),
        series("socket_exporter_scans_total", JOB, f"9000+4x59 {GAP} 0+4x120"),
    ],
    SILENT,
)

reset = test(
    "the host starts anew, and the kernel counts from 0",
    [
        series("node_netstat_TcpExt_ListenOverflows", JOB, "4000000x59 0x120"),
        series("node_nf_conntrack_entries", JOB, "190000x59 20x120"),
        series("node_nf_conntrack_entries_limit", JOB, "262144x180"),
    ],
    SILENT,
)


def pod(number):
    labels = to("10.0.3.17") | {"instance": f"web-{number}:10077", "netns": f"shop/cart-{number}",
                                "namespace": "shop", "pod": f"cart-{number}"}
    return [attempts(labels, "0+60x180"), failures(labels, "timeout", "0+60x180" if number == 7 else "0x180")]


one_bad_pod = test("one bad pod of 200", [one for number in range(1, 201) for one in pod(number)], SILENT)



def websocket_pod(number):
    labels = JOB | {"instance": f"web-{number}:10077", "netns": f"shop/ecg-{number}", "namespace": "shop",
                    "pod": f"ecg-{number}", "port": "8003"}
    # From the second hour on its connections break and come back, 80 a minute.
    broken = "0x89 0+80x90" if number == 7 else "0x180"
    closes = [("normal", "client", "0+2x180"), ("abnormal_reset", "none", broken)]
    return [
        series("websocket_connections_active", labels, "50x180"),
        series("websocket_connections_total", labels, "0+2x89 180+82x90" if number == 7 else "0+2x180"),
    ] + [series("websocket_disconnections_total", labels | {"reason": reason, "initiator": by}, values)
         for reason, by, values in closes]


one_bad_server = test("one bad pod of 200 closes its WebSockets again and again",
                      [one for number in range(1, 201) for one in websocket_pod(number)], SILENT)

write(spread, deploy, restart, reset, one_bad_pod, one_bad_server)
