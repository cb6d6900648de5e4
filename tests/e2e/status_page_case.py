"""What tests of the status page share: a namespace with few ports, an exporter and a real browser."""
import contextlib
import json
import unittest

import browser
import harness
from clients import Client, Server
from websocket_case import PORT as WEBSOCKET_PORT

PORTS = 200
READY = "!document.getElementById('page').hidden"


# Keeps each report that the page is about to show.
KEEP_REPORTS = """(() => {
    const ask = globalThis.fetch;
    globalThis.fetch = async (...how) => {
        const response = await ask(...how);
        const read = response.json.bind(response);
        response.json = async () => { globalThis.report = await read(); return globalThis.report; };
        return response;
    };
})()"""


class PageCase(unittest.TestCase):
    """A namespace with few ports, a client and a server in it, an exporter and a browser."""
    config = f"websocket: {{ports: [{WEBSOCKET_PORT}]}}\n"

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
        config.write_text(self.config)
        self.exporter = self.enterContext(harness.Exporter(f"--config.file={config}"))
        self.url = f"http://127.0.0.1:{self.exporter.port}/"

    def client(self, name="checkout"):
        return self.enterContext(Client(self.namespace, name))

    def open(self, netns=None, **how):
        """The page, once it shows something; of the test's namespace unless told."""
        self.browser.do("open", url=f"{self.url}?netns={netns or self.netns}", **how)
        self.eventually(READY, "the page")

    def open_still(self, netns=None, **how):
        """The page, which shows a new report when `look` says so."""
        self.open(netns, **how)
        self.browser.evaluate(KEEP_REPORTS)
        self.browser.do("click", selector="#pause")

    def look(self):
        """The next report that the page gets, and shows until the next look."""
        self.browser.evaluate("globalThis.report = null")
        for _ in range(2):
            self.browser.do("click", selector="#pause")
        return self.eventually("globalThis.report", "a report")

    def look_anew(self, before):
        """One made after `before`."""
        def later():
            report = self.look()
            return report["time"] > before["time"] and report
        return harness.eventually(later, "a report made later")

    def held(self, sock):
        return self.enterContext(contextlib.closing(sock))

    def eventually(self, script, what):
        return self.browser.eventually(script, what)

    def shows(self, selector, text):
        """Waits until that text is somewhere in such an element."""
        self.eventually(f"[...document.querySelectorAll({json.dumps(selector)})]"
                        f".some((one) => one.innerText.includes({json.dumps(text)}))", f"{text} in {selector}")

    def rows(self, table):
        """Lines of each row of the table of that name."""
        return [text.split("\n") for text in self.browser.texts(f'table[aria-label="{table}"] tbody tr')]

    def tile(self, title):
        """Value, note and level of the tile with that title."""
        return self.browser.evaluate(f"""(([tile]) => ({{ value: tile.children[1].innerText,
            note: tile.children[2].innerText, level: tile.dataset.level }}))
            ([...document.querySelectorAll(".tile")].filter((one) => one.firstChild.innerText === {json.dumps(title)}))""")

    def unfold(self):
        self.browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    def tearDown(self):
        if self._outcome.success:
            self.assertEqual(self.browser.do("log")["complaints"], [])
