#!/usr/bin/env python3
"""The status page in a real browser, over real sockets."""
import contextlib
import json
import socket
import unittest

import browser
import harness
from clients import ADDRESS, PORT, Client, Server
from websocket_case import PORT as WEBSOCKET_PORT
from websocket_peers import Books, Connection, close_payload

PORTS = 200
MOST_BYTES = 40_000  # of the first view, on the wire
PHONE = {"width": 360, "height": 740}
TUPLES = 10_000
READY = "!document.getElementById('page').hidden"
GOING_AWAY = 1001


class PageCase(unittest.TestCase):
    """A namespace with few ports, a client and a server in it, an exporter and a browser."""

    @classmethod
    def setUpClass(cls):
        browser.require()
        cls.browser = cls.enterClassContext(browser.Browser())

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.netns = f"net:[{self.namespace.inode}]"
        self.namespace.sysctl("ipv4.tcp_tw_reuse", 0)
        self.namespace.sysctl("ipv4.ip_local_port_range", f"40000 {40000 + PORTS - 1}")
        self.enterContext(Server(self.namespace))
        config = harness.scratch(self) / "socket_exporter.yml"
        config.write_text(f"websocket: {{ports: [{WEBSOCKET_PORT}]}}\n")
        self.exporter = self.enterContext(harness.Exporter(f"--config.file={config}"))
        self.url = f"http://127.0.0.1:{self.exporter.port}/"

    def client(self, name="checkout"):
        return self.enterContext(Client(self.namespace, name))

    def open(self, netns=None, **how):
        """The page, once it shows something; of the test's namespace unless told."""
        self.browser.do("open", url=f"{self.url}?netns={netns or self.netns}", **how)
        self.eventually(READY, "the page")

    def eventually(self, script, what):
        return self.browser.eventually(script, what)

    def shows(self, selector, text):
        """Waits until that text is somewhere in such an element."""
        self.eventually(f"[...document.querySelectorAll({json.dumps(selector)})]"
                        f".some((one) => one.innerText.includes({json.dumps(text)}))", f"{text} in {selector}")

    def rows(self, table):
        """Lines of each row of the table of that name."""
        return [text.split("\n") for text in self.browser.texts(f'table[aria-label="{table}"] tbody tr')]

    def unfold(self):
        self.browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    def tearDown(self):
        if self._outcome.success:
            self.assertEqual(self.browser.do("log")["complaints"], [])


class ContentTest(PageCase):
    def test_it_is_small_and_asks_nobody_else(self):
        self.client().keep(30)
        self.open("all")
        log = self.browser.do("log")
        self.assertLess(log["bytes"], MOST_BYTES)
        self.assertGreater(len(log["requests"]), 5)
        self.assertEqual([url for url in log["requests"] if not url.startswith(self.url)], [])

    def test_its_numbers_are_those_of_the_metrics(self):
        client = self.client()
        client.keep(41)
        client.request(30)
        self.open()
        self.shows(".verdict", "OK")
        metrics = self.exporter.scrape()
        used = metrics.value("socket_ephemeral_tuple_ports_used", netns=self.netns, protocol="tcp",
                             destination=ADDRESS, destination_port=str(PORT))
        usable = metrics.value("socket_ephemeral_ports_usable", netns=self.netns, protocol="tcp")
        self.assertEqual((used, usable), (71, PORTS))
        tuple_row, = self.rows("Fullest tuples")
        self.assertIn("35 % calm · 71 of 200", tuple_row)
        self.assertIn(f"127.0.0.1 → {ADDRESS}:{PORT}", tuple_row)
        self.assertIn(f"checkout (pid {client.child.pid})", tuple_row)
        harness.eventually(lambda: self.states_shown() == self.states_counted(), "the states of the metrics")

    def states_shown(self):
        return dict(row[0].split("\t")[:2] for row in self.rows("TCP sockets by state"))

    def states_counted(self):
        counted = self.exporter.scrape().by("state", "socket_tcp_sockets", netns=self.netns, family="ipv4")
        return {state: f"{count:.0f}" for state, count in counted.items() if count}

    def test_it_says_what_runs_out_who_does_it_and_what_to_do(self):
        client = self.client()
        client.keep(20)
        client.request(160)
        self.open()
        self.shows(".verdict .state", "CRITICAL")
        self.shows(".verdict h2", f"{ADDRESS}:{PORT} has 180 of 200 ports in use (90")
        self.shows(".cause", "Connection churn: 160 of 180")
        self.shows(".cause li", "reuse connections")
        self.shows(".cause .note", "nsenter --target")
        level = self.browser.evaluate("document.querySelector('.bar').dataset.level")
        self.assertEqual(level, "red")
        self.assertIn("■ Critical", self.browser.evaluate("document.title"))

    def test_it_shows_web_sockets_and_how_they_end(self):
        books, listener = Books(), self.listener()
        pairs = [self.websocket(listener, books) for _ in range(3)]
        self.open()
        self.shows("table[aria-label='WebSocket connections'] td:nth-child(2)", "3")
        pairs[0].send("client", 8, close_payload(GOING_AWAY))
        pairs[0].client.close()
        pairs[0].server.close()
        self.shows("table[aria-label='WebSocket connections'] td:nth-child(2)", "2")
        self.shows("table[aria-label='WebSocket connections'] td:nth-child(4)", "1 going_away by client")
        self.assertEqual(self.exporter.scrape().value("websocket_connections_active", netns=self.netns), 2)

    def listener(self):
        with self.namespace.entered():
            sock = self.enterContext(contextlib.closing(socket.create_server(("127.0.0.1", WEBSOCKET_PORT))))
        return sock

    def websocket(self, listener, books):
        with self.namespace.entered():
            connection = Connection(listener, books).upgrade()
        self.addCleanup(connection.client.close)
        self.addCleanup(connection.server.close)
        return connection

    def test_hostile_names_are_text(self):
        names = "<script>a()", "<img onerror=b>"
        for i, name in enumerate(names):
            self.client(name).keep(10 + i)
        for netns in (self.netns, "all"):
            self.open(netns)
            for name in names:
                self.shows("table[aria-label='Processes'] td", name)
        made = self.browser.evaluate("document.querySelectorAll('main img, main script, main [onerror]').length")
        self.assertEqual(made, 0)


class LiveTest(PageCase):
    def test_it_changes_without_being_loaded_again(self):
        client = self.client()
        client.keep(20)
        self.open()
        self.browser.evaluate("globalThis.kept = true")
        self.shows("table[aria-label='Fullest tuples'] td", "10 % calm · 20 of 200")
        client.keep(40)
        self.shows("table[aria-label='Fullest tuples'] td", "30 % calm · 60 of 200")
        self.assertTrue(self.browser.evaluate("globalThis.kept"))
        self.eventually("document.querySelector('.tile .spark path').getAttribute('d').includes('L')", "a graph")

    def test_it_can_be_paused(self):
        client = self.client()
        client.keep(20)
        self.open()
        self.browser.do("click", selector="#pause")
        self.shows("#live", "Paused")
        before = len(self.browser.do("log")["requests"])
        client.keep(20)
        self.shows("#live", "4 s")
        self.assertLessEqual(len(self.browser.do("log")["requests"]), before + 1)  # one may have been under way
        self.browser.do("click", selector="#pause")
        self.shows("table[aria-label='Fullest tuples'] td", "40 of 200")

    def test_it_shows_one_namespace_or_all(self):
        self.client().keep(20)
        self.open("all")
        self.shows("table[aria-label='Namespaces and pods'] td", self.netns)
        self.browser.do("fill", selector="#netns", text=self.netns)
        self.browser.do("press", key="Enter")
        self.eventually("document.querySelector('table[aria-label=\"Namespaces and pods\"]').closest('details').hidden",
                        "one namespace only")
        self.assertEqual({row[1] for row in self.rows("Fullest tuples")}, {self.netns})
        self.assertIn("netns=", self.browser.evaluate("location.search"))
        self.browser.do("click", selector="#all")
        self.shows("table[aria-label='Namespaces and pods'] td", "host")
        self.browser.do("click", selector=f'table[aria-label="Namespaces and pods"] a[href$="{self.namespace.inode}%5D"]')
        self.eventually("document.getElementById('netns').value !== ''", "the namespace that was clicked")

    def test_it_says_which_namespaces_there_are_and_that_the_exporter_is_gone(self):
        self.open()
        self.browser.do("fill", selector="#netns", text="hots")
        self.browser.do("press", key="Enter")
        self.shows("#trouble", 'There is no network namespace "hots"; did you mean "host"?')
        self.exporter.stop()
        self.shows("#trouble", "Failed to fetch")
        self.shows("#live", "No answer")
        self.assertTrue(self.browser.evaluate(READY))
        self.browser.do("open", url="about:blank")  # what the browser says of the exporter is not the page's fault

    def test_ten_thousand_tuples_do_not_freeze_it(self):
        self.namespace.sysctl("ipv4.tcp_max_tw_buckets", 2 * TUPLES)
        with self.namespace.entered(), socket.create_server(("0.0.0.0", 6000), backlog=128) as listener:
            for i in range(TUPLES):
                with socket.socket() as client:
                    client.connect((f"127.1.{i >> 8}.{i & 255}", 6000))
                    client.close()
                    listener.accept()[0].close()
        self.open()
        self.browser.evaluate("""globalThis.longest = 0; new PerformanceObserver((list) => {
            for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration);
        }).observe({ type: "longtask", buffered: true })""")
        self.shows(".tile", "10,000 tuples in all")
        time = self.browser.evaluate("performance.getEntriesByType('resource').filter(({name}) => name.includes('report')).length")
        self.eventually("performance.getEntriesByType('resource').filter(({name}) => name.includes('report')).length"
                        f" > {time}", "another report")
        self.assertLess(self.browser.evaluate("globalThis.longest"), 1000)
        self.assertLess(self.browser.evaluate("document.querySelectorAll('*').length"), 2000)
        report = self.exporter.get(f"/api/v1/report?netns={self.netns}")
        self.assertEqual(json.loads(report.body)["tupleCount"], TUPLES)
        self.assertLess(len(report.body), 50_000)


class LookTest(PageCase):
    def setUp(self):
        super().setUp()
        self.client().keep(150)

    def background(self):
        return self.browser.evaluate("getComputedStyle(document.body).backgroundColor")

    def test_light_and_dark_follow_the_system_until_somebody_chooses(self):
        self.open(scheme="light")
        light = self.background()
        self.open(scheme="dark")
        dark = self.background()
        self.assertNotEqual(light, dark)
        self.browser.evaluate("""const theme = document.getElementById("theme");
            theme.value = "light"; theme.dispatchEvent(new Event("change"))""")
        self.assertEqual(self.background(), light)
        self.browser.evaluate("globalThis.old = true; location.reload()")
        self.eventually("!globalThis.old && document.readyState === 'complete' && theme.value === 'light'", "the choice again")
        self.assertEqual(self.background(), light)

    def test_axe_has_nothing_against_it(self):
        for scheme in ("light", "dark"):
            with self.subTest(scheme=scheme):
                self.open("all", scheme=scheme)
                self.unfold()
                self.assertEqual(self.browser.do("axe"), [])

    def test_a_phone_has_room_for_it(self):
        for netns in (self.netns, "all"):
            self.open(netns, **PHONE)
            self.shows(".verdict .state", "WARNING")
            self.unfold()
            self.assertEqual(self.browser.evaluate("document.documentElement.scrollWidth"), PHONE["width"])
            self.assertEqual(self.browser.evaluate("""[...document.querySelectorAll("main *")].filter((one) =>
                !one.closest("thead") && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML)"""), [])
        self.assertEqual(self.browser.do("axe"), [])

    def test_a_keyboard_is_enough(self):
        self.open("all")
        self.browser.do("press", key="Home")
        visited = []
        while len(visited) < 20:
            self.browser.do("press", key="Tab")
            visited.append(self.browser.evaluate("""(({ id, className, tagName }) => id || className || tagName)
                (document.activeElement)"""))
            outline = self.browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            self.assertEqual(outline, "solid", visited)
        self.assertEqual(visited[:4], ["skip", "netns", "pause", "theme"])
        self.assertIn("SUMMARY", visited)
        self.assertIn("A", visited)
        cause = "document.querySelector('.cause')"
        self.browser.evaluate(f"{cause}.firstChild.focus()")
        self.assertTrue(self.browser.evaluate(f"{cause}.open"))
        self.browser.do("press", key="Enter")
        self.assertFalse(self.browser.evaluate(f"{cause}.open"))


if __name__ == "__main__":
    harness.main()
