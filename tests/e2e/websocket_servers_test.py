#!/usr/bin/env python3
"""Limits of WebSocket ports, what the processes behind them use, and ports that come and go while the exporter runs."""
import os
import pathlib
import signal
import subprocess
import sys

import harness
from websocket_case import CLIENT_PORT, OTHER_PORT, PORT, WebsocketCase
from websocket_peers import TEXT, close_payload

# Holds the listener that it is given with its children, which work on demand: a byte a tenth of a second.
SERVER = """
import ctypes, os, time
ctypes.CDLL(None).prctl(15, b"chat")
for _ in range(2):
    if os.fork() == 0:
        break
os.write(1, b"%d\\n" % os.getpid())
while os.read(0, 1):
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
"""
TICK = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
FLAGS = ("--collector.disable-defaults", "--collector.websockets", "--collector.websocket_servers")


def stat(pid):
    """CPU seconds and bytes of memory."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * TICK, int(words[21]) * PAGE


def has_ended(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class ServerCase(WebsocketCase):
    def setUp(self):
        super().setUp()
        self.restart(f"websocket: {{ports: [{PORT}], limits: {{{PORT}: 3}}}}\n")
        self.netns = f"net:[{self.namespace.inode}]"

    def restart(self, config):
        self.exporter.stop()
        self.file = harness.scratch(self) / "socket_exporter.yml"
        self.file.write_text(config)
        self.exporter = self.enterContext(harness.Exporter(*FLAGS, f"--config.file={self.file}"))

    def value(self, name):
        return self.exporter.scrape().value(name, netns=self.netns, port=str(PORT))


class ServerTest(ServerCase):
    def start_server(self, listener):
        server = subprocess.Popen([sys.executable, "-c", SERVER], pass_fds=[listener.fileno()], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, preexec_fn=self.namespace.join)
        self.addCleanup(server.communicate)
        return server, [int(server.stdout.readline()) for _ in range(3)]

    def work(self, server, pids, tenths):
        before = sum(stat(pid)[0] for pid in pids)
        server.stdin.write(b"x" * tenths)
        server.stdin.flush()
        harness.eventually(lambda: sum(stat(pid)[0] for pid in pids) >= before + tenths / 10 - 3 * TICK, "work")

    def test_processes_that_share_a_listener(self):
        listener = self.listener()
        server, pids = self.start_server(listener)
        listener.close()
        self.work(server, pids, 5)
        used, memory = map(sum, zip(*map(stat, pids)))
        self.assertGreater(used, 0.4)
        self.assertAlmostEqual(self.value("websocket_server_cpu_seconds_total"), used, delta=0.1)
        self.assertAlmostEqual(self.value("websocket_server_resident_memory_bytes"), memory, delta=0.1 * memory)
        series, = self.exporter.scrape().all("websocket_server_cpu_seconds_total", netns=self.netns)
        self.assertEqual(dict(series)["comm"], "chat")

        last = self.value("websocket_server_cpu_seconds_total")
        busiest = max(pids, key=stat)
        os.kill(busiest, signal.SIGKILL)
        harness.eventually(lambda: has_ended(busiest), "its end")
        left = [pid for pid in pids if pid != busiest]
        if busiest != server.pid:
            self.work(server, left, 3)
            self.assertGreater(self.value("websocket_server_cpu_seconds_total"), last + 0.2)
        self.assertGreaterEqual(self.value("websocket_server_cpu_seconds_total"), last)
        self.assertLess(self.value("websocket_server_resident_memory_bytes"), memory)

    def test_a_limit_is_beside_the_connections(self):
        listener = self.listener()
        connections = [self.connect(listener).upgrade() for _ in range(2)]
        harness.eventually(lambda: self.value("websocket_connections_active") == 2, "two connections")
        self.assertEqual(self.value("websocket_connections_limit"), 3)
        self.assertEqual(len(connections), 2)


class ReloadTest(ServerCase):
    def reload(self, config):
        self.file.write_text(config)
        self.exporter.signal(signal.SIGHUP)
        self.exporter.wait_for_line("reloaded the configuration")
        self.exporter.lines.clear()

    def test_ports_come_and_go(self):
        old = self.connect().upgrade()
        self.check()
        self.reload(f"websocket: {{ports: [{PORT}, {OTHER_PORT}], client_ports: [{CLIENT_PORT}], "
                    f"limits: {{{PORT}: 5}}}}\n")
        self.assertEqual(self.value("websocket_connections_limit"), 5)
        new = self.connect(self.listener(port=OTHER_PORT)).upgrade()
        for connection in (old, new):
            connection.send("client", TEXT, b"hello")
        self.check()
        self.reload(f"websocket: {{ports: [{OTHER_PORT}]}}\n")
        found = self.exporter.scrape().all("websocket_connections_active", netns=self.netns)
        self.assertEqual([dict(key)["port"] for key in found], [str(OTHER_PORT)])
        new.close("client", close_payload(1000), "normal")
        harness.eventually(lambda: self.exporter.scrape().value(
            "websocket_disconnections_total", netns=self.netns, reason="normal", initiator="client") == 1, "closed")

    def test_the_first_port(self):
        self.restart("services: []\n")
        self.assertEqual(self.exporter.scrape().all("websocket_connections_active"), {})
        self.reload(f"websocket: {{ports: [{PORT}]}}\n")
        self.exporter.scrape()
        connection = self.connect().upgrade()
        connection.send("server", TEXT, b"hello")
        self.check()

    def test_a_wrong_file_changes_nothing(self):
        self.file.write_text("websocket: {ports: [0]}\n")
        self.exporter.signal(signal.SIGHUP)
        self.exporter.wait_for_line("cannot reload")
        self.connect().upgrade()
        self.check()
        self.assertEqual(self.value("websocket_connections_limit"), 3)


if __name__ == "__main__":
    harness.main()
