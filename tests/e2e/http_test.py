#!/usr/bin/env python3
"""The rules of HTTP that Prometheus and its users rely on, on the wire."""
import concurrent.futures
import contextlib
import gzip
import http.client
import signal
import socket
import unittest

import harness

MANY = (50_000, 50_000)  # so that a scan takes its time


class HttpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exporter = cls.enterClassContext(harness.Exporter("--no-collector.udp_queues"))

    def test_collect_selects(self):
        metrics = self.exporter.scrape("/metrics?collect[]=tcp_states")
        self.assertIn("socket_tcp_sockets", metrics.samples)
        self.assertNotIn("socket_udp_sockets", metrics.samples)
        self.assertEqual(set(metrics.by("collector", "socket_exporter_collector_success")),
                         {"tcp_states", "process"})

    def test_exclude_leaves_out(self):
        metrics = self.exporter.scrape("/metrics?exclude[]=tcp_states")
        self.assertNotIn("socket_tcp_sockets", metrics.samples)
        self.assertIn("socket_udp_sockets", metrics.samples)

    def test_collect_and_exclude_together_are_refused(self):
        response = self.exporter.get("/metrics?collect[]=tcp_states&exclude[]=netstat")
        self.assertEqual(response.status, 400)

    def test_wrong_collectors_are_refused_in_node_exporters_words(self):
        with harness.NodeExporter(collectors=("netstat",)) as peer:
            theirs = peer.get("/metrics?collect[]=udp_queues"), peer.get("/metrics?collect[]=nonsense")
        ours = self.exporter.get("/metrics?collect[]=udp_queues"), self.exporter.get("/metrics?collect[]=nonsense")
        for our, their in zip(ours, theirs):
            self.assertEqual((our.status, our.body.strip()), (their.status, their.body.strip()))

    def test_paths_and_methods(self):
        for method, path, status in (("GET", "/-/healthy", 200), ("GET", "/-/ready", 200), ("GET", "/", 200),
                                     ("HEAD", "/metrics", 200), ("HEAD", "/-/ready", 200),
                                     ("GET", "/nothing", 404), ("GET", "/metrics/more", 404),
                                     ("POST", "/metrics", 405), ("PUT", "/", 405), ("DELETE", "/-/ready", 405)):
            with self.subTest(method=method, path=path):
                response = self.exporter.get(path, method)
                self.assertEqual(response.status, status)
                self.assertTrue(status != 405 or "GET" in response.headers["Allow"])

    def test_head_is_get_without_body(self):
        get, head = self.exporter.get("/-/healthy"), self.exporter.get("/-/healthy", "HEAD")
        self.assertEqual(head.body, b"")
        self.assertEqual(head.headers["Content-Type"], get.headers["Content-Type"])
        self.assertEqual(head.headers["Content-Length"], get.headers["Content-Length"])

    def test_gzip_by_quality(self):
        zipped = self.exporter.get(headers={"Accept-Encoding": "gzip"})
        self.assertEqual(zipped.headers["Content-Encoding"], "gzip")
        self.assertIn(b"socket_tcp_sockets{", gzip.decompress(zipped.body))
        for encoding in ("identity", "gzip;q=0", "deflate"):
            plain = self.exporter.get(headers={"Accept-Encoding": encoding})
            self.assertIsNone(plain.headers["Content-Encoding"], encoding)
            self.assertIn(b"socket_tcp_sockets{", plain.body)

    def test_a_usual_timeout_is_enough_and_nonsense_is_refused(self):
        for timeout, status in (("10", 200), ("1", 200), ("nonsense", 400)):
            response = self.exporter.get(headers={"X-Prometheus-Scrape-Timeout-Seconds": timeout})
            self.assertEqual(response.status, status, timeout)

    def test_telemetry_path(self):
        with harness.Exporter("--web.telemetry-path=/other") as exporter:
            self.assertIn("socket_tcp_sockets", exporter.scrape("/other").samples)
            self.assertEqual(exporter.get("/metrics").status, 404)

    def test_exporter_metrics_can_be_left_out(self):
        with harness.Exporter("--web.disable-exporter-metrics") as exporter:
            names = exporter.scrape().samples
        self.assertEqual([name for name in names if name.startswith("process_")], [])
        self.assertIn("socket_tcp_sockets", names)

    def test_garbage_is_refused_and_harmless(self):
        for garbage in (b"\0\1\2\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n",
                        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", self.exporter.port), timeout=harness.LIMIT) as connection, \
                    contextlib.suppress(ConnectionError, BrokenPipeError):
                connection.sendall(garbage)
                self.assertNotIn(b" 200 ", connection.recv(64))
        self.assertEqual(self.exporter.get("/-/ready").status, 200)


class SlowClient:
    """Asks for metrics and does not read them: with such small buffers the server has to wait."""

    def __init__(self, exporter):
        with exporter.namespace.entered():
            self.socket = socket.socket()
        self.socket.settimeout(harness.LIMIT)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.connect(("127.0.0.1", exporter.port))
        self.socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.socket.recv(1, socket.MSG_PEEK)

    def read(self):
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        return response.read()


class LoadTest(unittest.TestCase):
    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.namespace.sysctl("ipv4.tcp_wmem", "4096 4096 4096")

    def test_a_slow_client_delays_nobody(self):
        with harness.Exporter(namespace=self.namespace) as exporter:
            slow = [SlowClient(exporter) for _ in range(3)]
            for _ in range(20):
                self.assertEqual(exporter.get().status, 200)
            for client in slow:
                self.assertIn(b"socket_tcp_sockets{", client.read())
                client.socket.close()

    def test_beyond_max_requests_503(self):
        with harness.many_sockets(self.namespace, *MANY), \
                harness.Exporter("--web.max-requests=2", namespace=self.namespace) as exporter:
            statuses = [status for status, _ in scrapes_at_once(exporter, 12)]
            self.assertEqual(set(statuses), {200, 503})
            self.assertGreaterEqual(statuses.count(200), 2)
            self.assertEqual(exporter.get().status, 200)

    def test_a_running_scrape_finishes_on_sigterm(self):
        exporter = harness.Exporter(namespace=self.namespace)
        slow = SlowClient(exporter)
        exporter.signal(signal.SIGTERM)
        exporter.wait_for_line("(?i)stop|shut|signal")
        self.assertIn(b"socket_exporter_build_info", slow.read())
        slow.socket.close()
        self.assertEqual(exporter.stop(), 0)

    def test_forty_scrapes_at_once_cost_one_scan(self):
        with harness.many_sockets(self.namespace, *MANY), harness.Exporter(namespace=self.namespace) as exporter:
            before = exporter.scrape().value("socket_exporter_scans_total")
            answers = scrapes_at_once(exporter, 40)
            after = exporter.scrape().value("socket_exporter_scans_total")
        self.assertTrue(all(b"socket_tcp_sockets{" in body for _, body in answers))
        self.assertEqual(after - before - 1, 1)


def scrapes_at_once(exporter, number):
    """Status and body of requests that all wait when the exporter goes on."""
    exporter.signal(signal.SIGSTOP)
    connections = [exporter.connect() for _ in range(number)]
    for connection in connections:
        connection.request("GET", "/metrics")
    exporter.signal(signal.SIGCONT)

    def read(connection):
        with contextlib.closing(connection):
            response = connection.getresponse()
            return response.status, response.read()

    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        return list(pool.map(read, connections))


if __name__ == "__main__":
    harness.main()
