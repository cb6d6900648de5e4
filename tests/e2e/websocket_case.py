"""What tests of WebSocket connections share: an exporter, a namespace, and books that both have to agree on."""
import contextlib
import socket
import sys
import unittest

import harness
from websocket_peers import Books, Connection, counted

ONLY = ("--collector.disable-defaults", "--collector.websockets")
PORT, CLIENT_PORT, OTHER_PORT = 8003, 8004, 8005  # in namespaces of the tests
CONFIG = f"websocket: {{ports: [{PORT}], client_ports: [{CLIENT_PORT}]}}\n"
FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
DIFFERS_FOR = 5.0  # seconds at most, after the peers are done


def exporter_with(test, config=CONFIG, **how):
    file = harness.scratch(test) / "socket_exporter.yml"
    file.write_text(config)
    return test.enterContext(harness.Exporter(*ONLY, f"--config.file={file}", **how))


def tracking(exporter, feature="websocket_tracking"):
    """The state and the reason of the feature."""
    feature, = exporter.scrape().all("socket_exporter_feature_info", feature=feature)
    return dict(feature)["state"], dict(feature)["reason"]


class WebsocketCase(unittest.TestCase):
    maxDiff = None
    config = CONFIG
    feature = "websocket_tracking"

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.exporter = self.start_exporter()
        state, reason = tracking(self.exporter, self.feature)
        if state != "on":
            print(reason)
            sys.exit(harness.SKIPPED)
        self.before = self.exporter.scrape()
        self.books = Books()

    def start_exporter(self):
        return exporter_with(self, self.config)

    def labels(self):
        """Of the series that have to agree with the books."""
        return {"netns": f"net:[{self.namespace.inode}]"}

    def keep(self, sock):
        return self.enterContext(contextlib.closing(sock))

    def listener(self, address="127.0.0.1", port=PORT):
        with self.namespace.entered():
            sock = self.keep(socket.socket(FAMILIES[address]))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            sock.listen(64)
            return sock

    def connect(self, listener=None, **how):
        with self.namespace.entered():
            connection = Connection(listener or self.listener(), self.books, **how)
        self.addCleanup(connection.client.close)
        self.addCleanup(connection.server.close)
        return connection

    def check(self, **tracker):
        """What the exporter counted equals the books; `tracker` is what its own counters may say."""
        expected = self.books.expected()

        def differs():
            self.metrics = self.exporter.scrape()
            found = counted(self.metrics, **self.labels())
            if not self.books.latencies:
                found["latencies"] = {}
            return found == expected or (self.__dict__.update(found=found) or False)
        try:
            harness.eventually(differs, "the numbers of the peers", DIFFERS_FOR)
        except AssertionError:
            own = {name: value for name, (value,) in ((name, series.values()) for name, series in
                   self.metrics.samples.items() if name.startswith("websocket_tracker_"))}
            self.assertEqual(self.found, expected, own)
        for name in ("adopted", "desync", "resync", "pool_exhausted", "ports_refused", "missed"):
            before, after = (m.value(f"websocket_tracker_{name}_total") for m in (self.before, self.metrics))
            self.assertEqual(after - before, tracker.get(name, 0), name)
