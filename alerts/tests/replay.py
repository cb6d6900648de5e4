"""How incidents are replayed: promtool reads what incidents.py and noise.py print."""
import json

JOB = {"job": "socket-exporter", "instance": "web-1:10077"}
HOST = JOB | {"netns": "host"}
RULES = ("socket_exporter.rules.yml", "websocket.rules.yml", "optional/totals.rules.yml", "tests/peers.rules.yml")
FIRING = 'count by (alertname, severity) (ALERTS{alertstate="firing"})'
# Nothing that people are told of fires in three hours. Host totals may be fooled, and others' rules.
SILENT = {"eval_time": "3h", "exp_samples": [],
          "expr": 'count_over_time(ALERTS{alertstate="firing",alertname!="TcpTimeWaitHigh",of=""}[3h])'}


def series(name, labels, values):
    return {"series": name + "{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "}",
            "values": values}


def through(*points):
    """A straight line between what was seen at these minutes."""
    lines = [f"{a:.10g}{(b - a) / (end - begin):+.10g}x{end - begin - 1}"
             for (begin, a), (end, b) in zip(points, points[1:])]
    return " ".join(lines) + f" {points[-1][1]:.10g}x180"


def firing(minute, *alerts):
    """These fire at that time, each given as "name severity"."""
    pairs = [alert.split() for alert in alerts]
    return {"eval_time": f"{minute}m", "expr": FIRING,
            "exp_samples": [{"labels": f'{{alertname="{name}", severity="{severity}"}}', "value": 1}
                            for name, severity in pairs]}


def test(name, input_series, *expected):
    return {"name": name, "interval": "1m", "promql_expr_test": expected,
            "input_series": [series("up", JOB, "1x600"), *input_series]}


def write(*tests):
    print(json.dumps({"rule_files": ["../../alerts/" + name for name in RULES], "evaluation_interval": "1m",
                      "tests": tests}))
