"""The metrics that rules and dashboards may ask for."""
import pathlib
import re

from promql import Metric

# What the scrape configuration adds.
TARGET_LABELS = {"cluster", "environment", "job", "instance"}
# What some series of connections have: clients, and what is inside of TLS.
OF_SOME_CONNECTIONS = {"role", "tls"}
# Prometheus has these for each alert.
ALERT_STATES = Metric(frozenset({"alertname", "alertstate", "severity", "*"}), counter=False)
GAUGES_OF_NETSTAT = {"node_netstat_Tcp_CurrEstab"}


class Reference:
    """Metrics as `socket_exporter metrics` prints them; a unit test keeps the file so."""

    def __init__(self):
        self.metrics = {"up": Metric(frozenset(), counter=False), "ALERTS": ALERT_STATES, "ALERTS_FOR_STATE": ALERT_STATES}
        for line in pathlib.Path("tests/golden/metrics.md").read_text().splitlines():
            cells = re.match(r"\| `([^`]+)` \| (\w+) \| ([^|]*) \|", line)
            if cells:
                self._add(cells[1], cells[2], frozenset(filter(None, cells[3].strip().split(", "))))

    def _add(self, name, kind, labels):
        if name.startswith("websocket_") and not name.startswith("websocket_server_") and "port" in labels:
            labels |= OF_SOME_CONNECTIONS
        if kind == "histogram":
            self.metrics |= {name + "_bucket": Metric(labels | {"le"}, True), name + "_sum": Metric(labels, True),
                             name + "_count": Metric(labels, True)}
        else:
            # Gauges by name in node_exporter, counters by nature.
            counter = kind in ("counter", "untyped") or name.startswith("node_nf_conntrack_stat_")
            self.metrics[name] = Metric(labels, counter)

    def metric_of(self, name):
        for proto in ("netstat", "sockstat"):
            if name not in self.metrics and re.fullmatch(rf"node_{proto}_\w+_\w+", name):
                return Metric(frozenset(), proto == "netstat" and name not in GAUGES_OF_NETSTAT)
        return self.metrics.get(name)
