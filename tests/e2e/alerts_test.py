#!/usr/bin/env python3
"""Ports run out and WebSockets break in a namespace, and the right people hear of both: the real exporter, Prometheus
and Alertmanager."""
import concurrent.futures
import datetime
import errno
import http.server
import json
import pathlib
import shutil
import socket
import threading
import time
import unittest
import urllib.parse

import disconnect_storm
import harness

ALERTS = harness.ROOT / "alerts"
LISTENING = r'msg="Listening on" address=127\.0\.0\.1:(\d+)'
PORTS = 200
DESTINATION = ("127.0.0.2", 5432)
FAILING_SECONDS = 40  # then nobody connects any more
IN_TIME = 120
RULES = ("socket_exporter.rules.yml", "websocket.rules.yml")
PROMETHEUS = """
global: {{scrape_interval: 5s, scrape_timeout: 5s, evaluation_interval: 5s}}
rule_files: [{rules}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
  - {{job_name: socket-exporter, honor_labels: true, static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]}}
"""


class Receiver(http.server.ThreadingHTTPServer):
    """What Alertmanager sends to a pager's webhook and to Slack."""

    def __init__(self, namespace):
        self.received = []  # (path, body)
        with namespace.entered():
            super().__init__(("127.0.0.1", 0), Receiver.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *unused):
        self.shutdown()
        self.server_close()

    def bodies(self, path):
        return [body for where, body in list(self.received) if where == path]

    def paged(self, name, status):
        """The first such alert that the pager got."""
        return next((alert for body in self.bodies("/pager") for alert in body["alerts"]
                     if alert["labels"]["alertname"] == name and alert["status"] == status), None)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.received.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *unused):
            pass


class Alertmanager(harness.Server):
    """With the example configuration; only where it sends to is ours."""

    def __init__(self, directory, receiver, namespace):
        config = (ALERTS / "alertmanager/alertmanager.yml").read_text()
        ours = f"http://127.0.0.1:{receiver.server_port}"
        for theirs, mine in (("api_url_file: /etc/alertmanager/slack-url", f"api_url: {ours}/slack"),
                             ("https://pager.example.com/hook", f"{ours}/pager")):
            if theirs not in config:
                raise AssertionError(f"the example has no {theirs}")
            config = config.replace(theirs, mine)
        (directory / "alertmanager.yml").write_text(config)
        shutil.copy(ALERTS / "alertmanager/socket_exporter.tmpl", directory)
        program = pathlib.Path(harness.program("prometheus-alertmanager")).resolve()
        # Debian's has its own templates in /usr/share, and is unpacked, not installed.
        super().__init__("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /usr/share && exec "$@"',
                         program.parents[1] / "share", program, f"--config.file={directory}/alertmanager.yml",
                         f"--storage.path={directory}/alertmanager", "--web.listen-address=127.0.0.1:0",
                         "--cluster.listen-address=", listening=LISTENING, namespace=namespace)
        harness.eventually(lambda: self.get("/-/ready").status == 200, "Alertmanager is ready")

    def post(self, alerts):
        connection = self.connect()
        connection.request("POST", "/api/v2/alerts", json.dumps(alerts), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise AssertionError(response.read())
        connection.close()

    def inhibited(self, **labels):
        """Whether the alert with these labels is; None where there is none yet."""
        for alert in json.loads(self.get("/api/v2/alerts").body):
            if labels.items() <= alert["labels"].items():
                return bool(alert["status"]["inhibitedBy"])
        return None


class Prometheus(harness.Server):
    """Each `for` is as it ships; what keeps an alert firing is 15 s instead of 10 minutes."""

    def __init__(self, directory, exporter, alertmanager):
        for name in RULES:
            rules = (ALERTS / name).read_text()
            (directory / name).write_text(rules.replace("keep_firing_for: 10m", "keep_firing_for: 15s"))
        disconnect_storm.write_quiet_hour(directory)
        (directory / "prometheus.yml").write_text(
            PROMETHEUS.format(exporter=exporter.port, alertmanager=alertmanager.port, rules=", ".join(RULES)))
        super().__init__(harness.program("prometheus"), f"--config.file={directory}/prometheus.yml",
                         f"--storage.tsdb.path={directory}/data", "--web.listen-address=127.0.0.1:0",
                         listening=LISTENING, namespace=exporter.namespace)

    def value(self, expression):
        response = self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        result = json.loads(response.body)["data"]["result"] if response.status == 200 else []
        return float(result[0]["value"][1]) if result else None


class Client:
    """Connects to one destination until no port is left, and goes on trying."""

    def __init__(self, namespace):
        self.namespace, self.sockets, self.failed_at = namespace, [], None
        with namespace.entered():
            self.listener = socket.create_server(DESTINATION, backlog=4 * PORTS)

    def connect(self):
        """Whether it found a port."""
        with self.namespace.entered():
            sock = socket.socket()
        code = sock.connect_ex(DESTINATION)
        if code not in (0, errno.EADDRNOTAVAIL):
            raise OSError(code, "connect")
        self.sockets.append(sock)
        return code == 0

    def __enter__(self):
        while self.connect():
            pass
        self.failed_at = time.monotonic()
        return self

    def __exit__(self, *unused):
        for sock in [*self.sockets, self.listener]:
            sock.close()

    def seconds(self):
        """Since the first failure."""
        return time.monotonic() - self.failed_at

    def keep_trying(self):
        if self.seconds() < FAILING_SECONDS:
            self.connect()
            self.sockets.pop().close()


class IncidentsTest(unittest.TestCase):
    def test_who_hears_of_it_and_when(self):
        directory = harness.scratch(self)
        namespace = self.enterContext(harness.Namespace())
        receiver = self.enterContext(Receiver(namespace))
        (directory / "socket_exporter.yml").write_text(disconnect_storm.CONFIG)
        exporter = self.enterContext(harness.Exporter(f"--config.file={directory}/socket_exporter.yml",
                                                      namespace=namespace))
        alertmanager = self.enterContext(Alertmanager(directory, receiver, namespace))
        prometheus = self.enterContext(Prometheus(directory, exporter, alertmanager))
        namespace.sysctl("ipv4.ip_local_port_range", f"20000 {20000 + PORTS - 1}")
        with disconnect_storm.Storm(namespace) as storm, concurrent.futures.ThreadPoolExecutor() as pool:
            harness.eventually(lambda: prometheus.value(disconnect_storm.OPEN) == disconnect_storm.MANY, "connections")
            told = pool.submit(self.check_storm, storm, receiver, alertmanager)
            self.check_exhaustion(namespace, receiver, alertmanager)
            told.result()
        told = {alert["labels"]["alertname"] for body in receiver.bodies("/pager") for alert in body["alerts"]}
        self.assertEqual(told, {"EphemeralPortsExhausted", "WebSocketDisconnectStorm"})
        for name in ("EphemeralPortsHigh", "WebSocketReconnectSurge"):
            self.assertFalse([body for body in receiver.bodies("/slack") if name in json.dumps(body)])

    def check_storm(self, storm, receiver, alertmanager):
        storm.rage()
        alert = harness.eventually(lambda: receiver.paged("WebSocketDisconnectStorm", "firing"),
                                   "the pager hears of the storm", limit=IN_TIME)
        self.assertLess(storm.seconds(), IN_TIME)
        self.say("notified", storm)
        labels = alert["labels"]
        self.assertEqual((labels["port"], labels["severity"]), (str(disconnect_storm.PORT), "critical"))
        self.assertIn("end without a close frame", alert["annotations"]["description"])
        harness.eventually(lambda: alertmanager.inhibited(alertname="WebSocketReconnectSurge"),
                           "that clients come back is not told besides", limit=IN_TIME)
        self.say("WebSocketReconnectSurge inhibited", storm)
        harness.eventually(lambda: receiver.paged("WebSocketDisconnectStorm", "resolved"), "its end", limit=2 * IN_TIME)
        self.say("resolution notified", storm)

    def check_exhaustion(self, namespace, receiver, alertmanager):
        with Client(namespace) as client:
            def paged():
                client.keep_trying()
                return receiver.paged("EphemeralPortsExhausted", "firing")
            alert = harness.eventually(paged, "the pager hears of it", limit=IN_TIME)
            self.say("notified", client)
            harness.eventually(lambda: alertmanager.inhibited(alertname="EphemeralPortsHigh", severity="critical"),
                               "that ports are few is not told besides", limit=IN_TIME)
            self.say("EphemeralPortsHigh inhibited", client)
            slack = harness.eventually(lambda: self.told_team(receiver), "Slack hears of it")
        harness.eventually(lambda: receiver.paged("EphemeralPortsExhausted", "resolved"), "the pager hears of the end",
                           limit=IN_TIME)
        self.say("resolution notified", client)

        self.check_alert(alert)
        self.check_text(slack)

    @staticmethod
    def told_team(receiver):
        attachments = [body["attachments"][0] for body in receiver.bodies("/slack")]
        return next((one for one in attachments if "EphemeralPortsExhausted" in one["title"]), None)

    @staticmethod
    def say(what, incident):
        print(f"{type(incident).__name__}: {what} after {incident.seconds():.0f} s", flush=True)

    def check_alert(self, alert):
        labels = alert["labels"]
        self.assertEqual((labels["destination"], labels["destination_port"], labels["severity"]),
                         (*map(str, DESTINATION), "critical"))
        self.assertEqual(labels["comm"], pathlib.Path("/proc/self/comm").read_text().strip())
        self.assertIn("EADDRNOTAVAIL", alert["annotations"]["description"])

    def check_text(self, attachment):
        lines = attachment["text"].splitlines()
        self.assertTrue(lines[0].startswith("Runbook: "), lines)
        self.assertTrue(lines[0].endswith("/EphemeralPortsExhausted.md"), lines)
        self.assertIn("Destination: 127.0.0.2:5432", lines)
        self.assertTrue([line for line in lines if line.startswith("Process: python")], lines)
        self.assertIn("[FIRING 1] EphemeralPortsExhausted -> 127.0.0.2:5432", attachment["title"])


HOST = {"job": "socket-exporter", "instance": "web-1:10077"}
TO = {"netns": "host", "destination": "10.0.3.17", "destination_port": "5432"}
TUPLE = TO | {"protocol": "tcp", "source": "10.0.0.5"}
EXHAUSTED = {"alertname": "EphemeralPortsExhausted", "severity": "critical", "comm": "checkout"} | TO
STORM = {"alertname": "WebSocketDisconnectStorm", "severity": "critical", "namespace": "shop", "port": "443"}


def high(severity):
    return {"alertname": "EphemeralPortsHigh", "severity": severity} | TUPLE


# An alert, another, and whether the first leaves the second unheard.
PAIRS = (
    (EXHAUSTED, high("critical"), True),
    (EXHAUSTED, high("critical") | {"destination": "10.0.3.18"}, False),
    (EXHAUSTED, high("critical") | {"instance": "web-2:10077"}, False),
    (EXHAUSTED, {"alertname": "EphemeralPortsFillingUp", "severity": "warning"} | TUPLE, True),
    (EXHAUSTED, {"alertname": "TcpEstablishedHigh", "severity": "critical"}, True),
    (EXHAUSTED | {"netns": "shop/cart"}, {"alertname": "TcpEstablishedHigh", "severity": "critical"}, False),
    (EXHAUSTED, {"alertname": "DestinationFailing", "severity": "warning"}, False),
    (high("critical"), high("warning"), True),
    (high("warning"), high("critical"), False),
    (high("warning"), {"alertname": "EphemeralPortSearchSlow", "severity": "info"} | TUPLE, True),
    ({"alertname": "ListenQueueFull", "severity": "warning"}, {"alertname": "ListenQueueOverflow"}, True),
    (STORM, {"alertname": "WebSocketReconnectSurge", "namespace": "shop", "port": "443"}, True),
    (STORM, {"alertname": "WebSocketReconnectSurge", "namespace": "shop", "port": "444"}, False),
    ({"alertname": "SocketExporterDown", "severity": "warning"}, EXHAUSTED, True),
    ({"alertname": "SocketExporterDown", "severity": "warning"}, EXHAUSTED | {"instance": "web-2:10077"}, False),
)


class InhibitionTest(unittest.TestCase):
    def test_what_leaves_what_unheard(self):
        namespace = self.enterContext(harness.Namespace())
        receiver = self.enterContext(Receiver(namespace))
        alertmanager = self.enterContext(Alertmanager(harness.scratch(self), receiver, namespace))
        for number, (source, target, expected) in enumerate(PAIRS):
            with self.subTest(source=source, target=target):
                pair = [HOST | alert | {"cluster": str(number)} for alert in (source, target)]
                now = datetime.datetime.now(datetime.timezone.utc).isoformat()
                alertmanager.post([{"labels": labels, "startsAt": now} for labels in pair])
                harness.eventually(lambda: None not in [alertmanager.inhibited(**one) for one in pair], "both")
                inhibits = harness.eventually if expected else self.check_once
                inhibits(lambda: alertmanager.inhibited(**pair[1]) == expected, f"inhibited: {expected}")

    def check_once(self, condition, what):
        self.assertTrue(condition(), what)


if __name__ == "__main__":
    harness.main()
