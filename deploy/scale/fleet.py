"""Many hosts made of one real scrape: what each of them would answer, and what all of them come to."""
import hashlib
import http.server
import pathlib
import re
import threading
import time
from typing import NamedTuple

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/metrics.md"
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
CLUSTERS = ("eu", "us")
WEIGHTS = 4  # hosts differ by so much
ALARMED = 50  # one in so many is as alarming as the scrape; the others have ports left, and drop nothing
# Gauges that differ by host, as counters do. The others are the same everywhere, and none changes.
WEIGHED = {"socket_tcp_sockets", "socket_udp_sockets", "socket_destination_sockets", "websocket_connections_active"}
# Only some pods of a host are busy: they have what these parts of the reference are about, and rows of their own in tops.
BUSY = {"connects", "binds", "websockets", "websocket_servers"}
PORTS_USED = 0.1  # of what the scrape has
ALARMING = re.compile(r'socket_ephemeral_tuple_ports_used|node_netstat_TcpExt_Listen')
HOST = "@"  # stands for the host's number


def read_reference():
    """{metric: the part of the exporter that it belongs to}; some names are patterns."""
    parts = {}
    for part, text in re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", REFERENCE.read_text(), re.M | re.S):
        for name in re.findall(r"^\| `([^`]+)` \|", text, re.M):
            parts[re.sub("<.*", "", name)] = part
    return parts


class Line:
    """A sample of the scrape, and whether it grows."""

    def __init__(self, name, labels, value, grows):
        self.name, self.labels, self.value, self.grows = name, labels, value, grows

    def of(self, kind):
        """Its value on such a host; of what grows, how much a second."""
        if not kind.alarmed and (ALARMING.match(self.name) or self.labels.get("reason") == "no_port"):
            return 0 if self.grows else int(self.value * PORTS_USED)
        if self.grows:
            return self.value * kind.weight / 10
        return self.value * kind.weight if self.name in WEIGHED else self.value

    def template(self, kind, more):
        """Its text, but for what a counter has counted, and that number a second."""
        text = ",".join(f'{label}="{value}"' for label, value in (*more, *self.labels.items()))
        start = self.name + "{" + text.replace("%", "%%") + "} "
        value = self.of(kind)
        if self.grows and value:
            return start + "%d", value
        return start + f"{value:.10g}", None


class Kind(NamedTuple):
    """How a host differs from others."""
    weight: int
    alarmed: bool

    @classmethod
    def of_host(cls, host):
        return cls(1 + host % WEIGHTS, host % ALARMED == 0)


class Fleet:
    def __init__(self, scrape, hosts, pods, busy):
        self.hosts, self.began = hosts, time.time()
        self.lines = list(self._multiplied(self._read(scrape), pods, busy))
        self.names = [f"host-{number:04}:10077" for number in range(hosts)]
        self._templates = {}

    @staticmethod
    def _read(scrape):
        parts = read_reference()
        kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", scrape, re.M))
        for text in scrape.splitlines():
            if not text or text.startswith("#"):
                continue
            name, labels, value = SAMPLE.fullmatch(text).groups()
            family = name if name in kinds else re.sub("_(bucket|sum|count)$", "", name)
            part = parts.get(family) or parts.get(re.sub(r"(node_(?:net|sock)stat_)\w+", r"\1", family))
            if not part:
                raise SystemExit(f"{name} is not in {REFERENCE}")
            yield part, Line(name, dict(LABEL.findall(labels or "")), float(value), kinds[family] != "gauge")

    @staticmethod
    def _multiplied(found, pods, busy):
        """The host itself, and its pods and containers over and over; namespaces of nobody are left out."""
        found = list(found)
        names = sorted({place for _, line in found if re.search("/|container:", place := line.labels.get("netns", ""))})
        if not names:
            raise SystemExit("the scrape has no pod")
        for part, line in found:
            place = line.labels.get("netns")
            if place in (None, "host"):
                yield line
            if place not in names:
                continue
            row = line.labels.get("destination", "other") not in ("other", "*") or line.labels.get("comm", "other") != "other"
            is_busy = part in BUSY or row and part != "listeners"
            for number in range(names.index(place), busy if is_busy else pods, len(names)):
                labels = line.labels | {"netns": f"{place}-{HOST}-{number}"}
                if labels.get("pod"):
                    labels["pod"] += f"-{HOST}-{number}"
                yield Line(line.name, labels, line.value, line.grows)

    def labels(self, host):
        return {"cluster": CLUSTERS[host % len(CLUSTERS)], "environment": "production"}

    def exposition(self, host, when, of_target=False):
        """What the host answers at that time; as a history, with the labels that its target has."""
        kind = Kind.of_host(host)
        key = (kind, host % len(CLUSTERS) if of_target else None)
        if key not in self._templates:
            more = (*self.labels(host).items(), ("job", "socket-exporter"), ("instance", f"host-{HOST}:10077")) if of_target else ()
            made = [line.template(kind, more) for line in self.lines]
            self._templates[key] = "\n".join(text for text, _ in made) + "\n", [rate for _, rate in made if rate is not None]
        text, rates = self._templates[key]
        elapsed = when - self.began + 86400  # they have been counting for a day
        return (text % tuple([int(rate * elapsed) for rate in rates])).replace(HOST, f"{host:04}")

    def history(self, file, hosts, since, until, step):
        """OpenMetrics of the past."""
        when = since
        while when < until:
            for host in hosts:
                file.write(self.exposition(host, when, of_target=True).replace("\n", f" {when:.3f}\n"))
            when += step
        file.write("# EOF\n")

    def total(self, metric, labels, matchers):
        """{values of these labels: the sum over all hosts}; of what grows, a second."""
        sums = {}
        for line in self.lines:
            if line.name != metric or any(line.labels.get(label) != value for label, value in matchers.items()):
                continue
            for host in range(self.hosts):
                every = line.labels | self.labels(host) | {"job": "socket-exporter", "instance": self.names[host]}
                key = frozenset((label, every[label]) for label in labels if every.get(label))
                sums[key] = sums.get(key, 0) + line.of(Kind.of_host(host))
        return sums

    def of_shard(self, shard, shards):
        """Hosts that Prometheus's hashmod gives to that shard."""
        return [host for host, name in enumerate(self.names)
                if int.from_bytes(hashlib.md5(name.encode()).digest()[8:], "big") % shards == shard]


class Proxy(http.server.ThreadingHTTPServer):
    """Answers for all hosts, as the proxy that they are said to be behind."""
    request_queue_size = 1024

    def __init__(self, fleet):
        super().__init__(("127.0.0.1", 0), Proxy.Handler)
        self.fleet = fleet
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            host = int(re.match(r"http://host-(\d+):", self.path)[1])
            body = self.server.fleet.exposition(host, time.time()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused):
            pass
