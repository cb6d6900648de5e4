#!/usr/bin/env python3
"""The numbers on the status page are those of /metrics, of ss, and of the test that made them."""
import collections
import errno
import socket

import harness
from clients import ADDRESS, PORT
from sockets import SS_STATES
from status_page_case import PORTS, PageCase
from websocket_case import PORT as WEBSOCKET_PORT
from websocket_peers import Books, Connection, close_payload

GOING_AWAY = 1001
BUSY, OPENS, REFUSED = 15, 20, 30  # destinations, connections to each, and connections to a closed port
BUSY_PORT, CLOSED_PORT = 6000, 6001
UDP_SOCKETS = 7


def rate(value):
    return f"{value:,.0f}/s" if value >= 10 or value == 0 else f"{value:.1f}/s"


def seconds_text(value):
    return f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"


def total(metrics, name, **labels):
    return sum(metrics.all(name, **labels).values())


def growth(before, after, name):
    """Of all series; those of namespaces that are gone do not count."""
    known = before.all(name)
    return sum(max(0, value - known.get(key, 0)) for key, value in after.all(name).items())


class OpeningsTest(PageCase):
    def connect_everywhere(self):
        """To more busy destinations than the page lists, and to one that refuses."""
        with self.namespace.entered():
            listener = self.held(socket.create_server(("0.0.0.0", BUSY_PORT)))
            for number in range(BUSY * OPENS):
                with socket.create_connection((f"127.1.0.{1 + number % BUSY}", BUSY_PORT)):
                    listener.accept()[0].close()
            for _ in range(REFUSED):
                with socket.socket() as sock:
                    self.assertEqual(sock.connect_ex(("127.1.0.99", CLOSED_PORT)), errno.ECONNREFUSED)

    def test_opens_and_failures_are_those_of_all_destinations(self):
        self.open_still()
        before, metrics = self.look(), self.exporter.scrape()
        self.connect_everywhere()
        report, later = self.look_anew(before), self.exporter.scrape()
        attempts, failures = (total(later, name, netns=self.netns) - total(metrics, name, netns=self.netns)
                              for name in ("socket_connect_attempts_total", "socket_connect_failures_total"))
        self.assertEqual((attempts, failures), (BUSY * OPENS + REFUSED, REFUSED))
        seconds = report["watched"]["seconds"]
        opens = self.tile("Connections opened")
        self.assertEqual(opens["value"], rate((attempts - failures) / seconds))
        self.assertEqual(opens["note"], f"in the last {seconds_text(seconds)} s")
        failed = self.tile("connect() failures")
        self.assertEqual(failed, {"value": rate(failures / seconds), "note": "✗ mostly refused", "level": "yellow"})
        row, = (row for row in self.rows("Connections opened") if row[0] == f"127.1.0.99:{CLOSED_PORT}")
        self.assertIn(f"{rate(failures / seconds)} refused", "\n".join(row))

    def test_opens_of_all_namespaces_are_summed(self):
        metrics = self.exporter.scrape()
        self.open_still("all")
        before = self.look()
        self.connect_everywhere()
        report, later = self.look_anew(before), self.exporter.scrape()
        seconds = report["watched"]["seconds"]
        most = growth(metrics, later, "socket_connect_attempts_total")
        shown = float(self.tile("Connections opened")["value"].removesuffix("/s").replace(",", ""))
        self.assertGreaterEqual(shown * seconds, BUSY * OPENS - seconds)  # whole numbers a second
        self.assertLessEqual(shown * seconds, most + seconds)
        self.assertIn(f"127.1.0.99:{CLOSED_PORT}", [row[0] for row in self.rows("Connections opened")])


class SocketsTest(PageCase):
    def make_sockets(self):
        client = self.client()
        client.keep(41)
        client.leak(3)
        client.request(30)
        with self.namespace.entered():
            self.held(socket.create_server(("::1", 6000), family=socket.AF_INET6))
            for _ in range(UDP_SOCKETS):
                self.held(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("127.0.0.1", 0))
        return client

    def test_the_fullest_tuple_is_that_of_the_metrics(self):
        client = self.make_sockets()
        self.open()
        self.shows("table[aria-label='Fullest tuples'] td", f"127.0.0.1 → {ADDRESS}:{PORT}")
        metrics = self.exporter.scrape()
        used = metrics.value("socket_ephemeral_tuple_ports_used", netns=self.netns, protocol="tcp",
                             destination=ADDRESS, destination_port=str(PORT))
        usable = metrics.value("socket_ephemeral_ports_usable", netns=self.netns, protocol="tcp")
        self.assertEqual((used, usable), (74, PORTS))
        tuple_row, = self.rows("Fullest tuples")
        self.assertIn("37 % calm · 74 of 200", tuple_row)
        self.assertIn(f"checkout (pid {client.child.pid})", tuple_row)

    def test_states_are_those_of_the_metrics_and_of_ss(self):
        self.make_sockets()
        self.open_still()
        harness.eventually(self.states_agree, "the same states on the page, in the metrics and by ss")
        metrics = self.exporter.scrape()
        self.assertEqual(total(metrics, "socket_udp_sockets", netns=self.netns), UDP_SOCKETS)
        self.assertIn(f"{UDP_SOCKETS} UDP", self.tile("TCP sockets")["note"])

    def states_agree(self):
        self.look()
        metrics, listed = self.exporter.scrape(), self.namespace.run("ss", "-Htan").splitlines()
        counted = collections.Counter()
        for state in set(SS_STATES.values()):
            counted[state] = int(total(metrics, "socket_tcp_sockets", netns=self.netns, state=state))
        by_ss = collections.Counter(SS_STATES[line.split()[0]] for line in listed)
        shown = collections.Counter({row[0].split("\t")[0]: int(row[0].split("\t")[1].replace(",", ""))
                                     for row in self.rows("TCP sockets by state")})
        whole = self.tile("TCP sockets")["value"].replace(",", "")
        return shown == +counted == by_ss and int(whole) == by_ss.total()

    def test_processes_have_the_sockets_and_descriptors_of_the_metrics(self):
        client = self.make_sockets()
        self.open()
        self.shows("table[aria-label='Processes'] td", f"checkout (pid {client.child.pid})")
        metrics = self.exporter.scrape()
        row, = (row for row in self.rows("Processes") if row[0] == f"checkout (pid {client.child.pid})")
        labels = {"netns": self.netns, "comm": "checkout"}
        established, close_wait = (metrics.value("socket_process_sockets", state=state, **labels)
                                   for state in ("established", "close_wait"))
        fds, limit = (metrics.value(f"socket_process_{name}", **labels) for name in ("open_fds", "fds_limit"))
        self.assertEqual((established, close_wait), (41, 3))
        text = "\t".join(row)
        self.assertIn(f"\t{established:.0f}\t{close_wait:.0f}\t0\t", text.replace("\t\t", "\t"))
        self.assertIn(f"{fds:,.0f} of {limit:,.0f}", text)

    def test_the_view_of_all_namespaces_has_their_sums(self):
        self.make_sockets()
        self.open_still("all")
        harness.eventually(self.sums_agree, "the sums of the metrics")

    # Others come and go meanwhile: what is shown is between what was before and after.
    def sums_agree(self):
        before = self.exporter.scrape()
        report = self.look()
        after = self.exporter.scrape()

        def agrees(shown, name, **labels):
            bounds = sorted(total(metrics, name, **labels) for metrics in (before, after))
            return bounds[0] <= shown <= bounds[1]
        note = self.tile("TCP sockets")["note"].replace(",", "").replace(";", "").split()
        numbers = dict(zip(note[1::2], map(int, note[::2])))
        top = next(iter(self.rows("Fullest tuples")))
        usage = after.all("socket_ephemeral_tuple_ports_used", protocol="tcp")
        self.assertIn(f"{report['tuples'][0]['usedPorts']:,} of", "\n".join(top))
        self.assertIn(report["tuples"][0]["usedPorts"], usage.values())
        return (agrees(numbers["established"], "socket_tcp_sockets", state="established")
                and agrees(numbers["UDP"], "socket_udp_sockets")
                and agrees(report["tcpStates"]["listen"], "socket_tcp_sockets", state="listen")
                and numbers["established"] == report["tcpStates"]["established"])


class WebsocketTest(PageCase):
    def test_web_sockets_are_those_of_the_metrics(self):
        books, listener = Books(), self.listener()
        pairs = [self.websocket(listener, books) for _ in range(3)]
        self.open()
        self.shows("table[aria-label='WebSocket connections'] td:nth-child(2)", "3")
        pairs[0].send("client", 8, close_payload(GOING_AWAY))
        pairs[0].client.close()
        pairs[0].server.close()
        self.shows("table[aria-label='WebSocket connections'] td:nth-child(2)", "2")
        self.shows("table[aria-label='WebSocket connections'] td:nth-child(4)", "1 going_away by client")
        metrics = self.exporter.scrape()
        active, opened = (metrics.value(f"websocket_connections_{name}", netns=self.netns) for name in ("active", "total"))
        ended = metrics.value("websocket_disconnections_total", netns=self.netns, reason="going_away", initiator="client")
        self.assertEqual((active, opened, ended), (2, 3, 1))
        self.assertEqual(self.tile("WebSockets open")["value"], "2")
        self.shows("table[aria-label='WebSocket connections'] td:nth-child(3)", f"{opened:.0f}")
        self.shows("table[aria-label='WebSocket connections'] td:nth-child(5)", "1 going_away by client")
        self.open("all")
        self.assertEqual(self.tile("WebSockets open")["value"],
                         f"{total(self.exporter.scrape(), 'websocket_connections_active'):.0f}")

    def listener(self):
        with self.namespace.entered():
            return self.held(socket.create_server(("127.0.0.1", WEBSOCKET_PORT)))

    def websocket(self, listener, books):
        with self.namespace.entered():
            connection = Connection(listener, books).upgrade()
        self.addCleanup(connection.client.close)
        self.addCleanup(connection.server.close)
        return connection


class ThresholdsTest(PageCase):
    config = """checks:
  system-ports: {warningThreshold: 20, criticalThreshold: 30}
  file-descriptors: {warningThreshold: 0, criticalThreshold: 99}
"""

    def test_colours_words_and_marks_go_by_the_configuration(self):
        self.client().keep(75)
        self.open()
        self.shows(".verdict .state", "CRITICAL")
        self.shows(".verdict h2", "has 75 of 200 ports in use (37\u00a0%): connect() fails with EADDRNOTAVAIL after 125 more")
        self.shows("table[aria-label='Fullest tuples'] td", "37 % critical · 75 of 200")
        self.assertEqual(self.tile("Fullest tuple")["level"], "red")
        self.assertIn("critical: 75 of 200", self.tile("Fullest tuple")["note"])
        self.assertEqual(self.bar("Fullest tuples"), {"level": "red", "marks": ["20%", "30%"]})
        self.assertEqual(self.bar("Processes"), {"level": "orange", "marks": ["0%", "99%"]})
        self.shows("details .note", "Marks are at 20 and 30 %.")
        self.open("all")
        self.assertEqual(self.bar("Namespaces and pods"), {"level": "red", "marks": ["20%", "30%"]})

    def bar(self, table):
        return self.browser.evaluate(f"""(({{ dataset, children }}) => ({{ level: dataset.level,
            marks: [...children].slice(1).filter((mark) => !mark.hidden).map((mark) => mark.style.left) }}))
            (document.querySelector('table[aria-label="{table}"] .bar:not([hidden])'))""")


if __name__ == "__main__":
    harness.main()
