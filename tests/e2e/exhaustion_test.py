#!/usr/bin/env python3
"""A client that opens a connection per request until the ports run out: the curve in /metrics, the culprit in
`report`. And what else runs out of ports: a leak, and a pool that is too large."""
import json
import os
import subprocess
import sys
import unittest

import harness
from clients import ADDRESS, PORT, Client, Server
from connections import Caller, require

PORTS = 512
STEP = 64


class Staged(unittest.TestCase):
    """A server, and 512 ports to reach it from."""

    def setUp(self):
        self.namespace = self.enterContext(harness.Namespace())
        self.netns = f"net:[{self.namespace.inode}]"
        self.namespace.sysctl("ipv4.tcp_tw_reuse", 0)
        self.give_ports(PORTS)
        self.enterContext(Server(self.namespace))

    def give_ports(self, number):
        self.namespace.sysctl("ipv4.ip_local_port_range", f"40000 {40000 + number - 1}")

    def client(self, name):
        return self.enterContext(Client(self.namespace, name))


class CurveTest(Staged):
    def setUp(self):
        super().setUp()
        self.exporter = self.enterContext(harness.Exporter())
        require(self.exporter, "connect_tracking")

    def total(self, metrics, name, **labels):
        found = metrics.all(name, netns=self.netns, destination=ADDRESS, destination_port=str(PORT), **labels)
        return sum(found.values())

    def settled(self, time_wait):
        """A scrape after the last connection has gone to TIME_WAIT."""
        def scrape():
            metrics = self.exporter.scrape()
            seen = self.total(metrics, "socket_destination_sockets", state="time_wait")
            return metrics if seen == time_wait else None
        return harness.eventually(scrape, f"{time_wait} TIME_WAIT")

    def openers(self, metrics):
        return metrics.by("comm", "socket_destination_opener_ratio", netns=self.netns, destination=ADDRESS,
                          destination_port=str(PORT))

    def time_wait_of(self, metrics, name):
        return metrics.value("socket_process_sockets", netns=self.netns, comm=name, state="time_wait")

    def assert_books(self, metrics, client):
        """What the client counted itself is what the metrics say."""
        tuple_ports, = metrics.all("socket_ephemeral_tuple_ports_used", netns=self.netns, protocol="tcp").items()
        self.assertEqual((dict(tuple_ports[0])["comm"], tuple_ports[1]), (client.name, client.opened))
        self.assertEqual(self.total(metrics, "socket_connect_attempts_total"), client.opened + client.refused)
        self.assertEqual(self.total(metrics, "socket_connect_failures_total", reason="no_port"), client.refused)
        self.assertEqual(self.total(metrics, "socket_connect_failures_total"), client.refused)
        self.assertEqual(self.total(metrics, "socket_connections_short_lived_total"), client.opened)
        self.assertEqual(self.time_wait_of(metrics, client.name), client.opened)
        self.assertEqual(self.openers(metrics), {client.name: 1})

    def test_the_curve_up_to_exhaustion(self):
        client = self.client("checkout")
        curve = []
        while client.refused < 2 * STEP:
            client.request(STEP)
            metrics = self.settled(min(client.opened, PORTS))
            usable = metrics.value("socket_ephemeral_ports_usable", netns=self.netns, protocol="tcp")
            self.assertEqual(usable, PORTS)
            self.assert_books(metrics, client)
            curve.append((client.opened, client.refused))
        self.assertEqual(curve, [(min(made, PORTS), max(made - PORTS, 0))
                                 for made in range(STEP, PORTS + 2 * STEP + 1, STEP)])
        print("opened and refused:", *curve)

    def test_shares_of_two_and_of_one_that_is_gone(self):
        with Client(self.namespace, "checkout") as checkout:
            checkout.request(300)
            self.settled(300)
        worker = self.client("worker")
        worker.request(100)
        metrics = self.settled(400)
        shares = self.openers(metrics)
        self.assertEqual(shares, {"checkout": 0.75, "worker": 0.25})
        self.assertEqual(self.time_wait_of(metrics, "checkout"), 300)
        self.assertEqual(self.time_wait_of(metrics, "worker"), 100)
        worker.request(200)
        metrics = self.settled(PORTS)
        shares = self.openers(metrics)
        self.assertAlmostEqual(shares["checkout"], 300 / (300 + worker.opened))
        self.assertAlmostEqual(sum(shares.values()), 1)
        self.assertEqual(worker.opened, PORTS - 300)
        self.assertEqual(self.total(metrics, "socket_connect_failures_total", reason="no_port"), worker.refused)

    def test_who_keeps_its_connection_opens_none(self):
        keeper = self.client("keeper")
        keeper.keep(1)
        checkout = self.client("checkout")
        checkout.request(99)
        keeper.reuse(200)
        metrics = self.settled(99)
        self.assertEqual(self.openers(metrics), {"checkout": 0.99, "keeper": 0.01})
        self.assertEqual(self.time_wait_of(metrics, "keeper"), 0)


class ReportTest(Staged):
    def report(self, *flags, observe="1s"):
        done = subprocess.run([harness.BINARY, "report", f"--netns={self.netns}", f"--observe={observe}", *flags],
                              capture_output=True, text=True, timeout=harness.LIMIT)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def both(self):
        """The page as one line, and the same as JSON."""
        answer = json.loads(self.report("--format=json"))
        if answer["watched"] is None:
            print(answer["unread"])
            sys.exit(harness.SKIPPED)
        return " ".join(self.report().split()), answer

    def assert_rate(self, seen, client):
        """As the client counted over a longer time."""
        own = (client.opened + client.refused) / client.seconds
        self.assertGreater(seen, own * 0.6)
        self.assertLess(seen, own * 1.4)

    def test_churn_is_named_with_its_rate_lifetime_and_fix(self):
        keeper, client = self.client("keeper"), self.client("python3-cart")
        keeper.keep(1)
        client.request(280)
        client.run(0.02)
        text, answer = self.both()
        keeper.reuse(10)
        client.stop()

        self.assertIn(f"127.0.0.1 -> {ADDRESS}:{PORT} has", text)
        who = rf"python3-cart \(pid {client.child.pid}\)"
        self.assertRegex(text, rf"Cause Connection churn: .* {who} opens \d+ connections/s to it; each lives "
                               r"\d+ ms \(median\), 100 % under a second\. At this rate TIME_WAIT, 60 s each, needs ")
        self.assertRegex(text, "Do .* one client with keep-alive .* requests.Session or httpx.Client")
        self.assertRegex(text, rf"Opened {ADDRESS}:{PORT} \d+/s by {who}; live \d+ ms")
        finding, = answer["findings"]
        self.assertEqual(finding["cause"], "churn")
        self.assertNotIn("keeper", finding["headline"] + finding["explanation"])
        opened, = answer["watched"]["destinations"]
        self.assertEqual((opened["destination"], opened["destinationPort"]), (ADDRESS, PORT))
        self.assert_rate(opened["opensPerSecond"], client)
        self.assert_rate(opened["timeWaitPerSecond"], client)
        self.assertGreater(2 * opened["lifetimeSeconds"], client.shortest_life)  # a median of powers of two
        self.assertLess(opened["lifetimeSeconds"], 2 * client.longest_life)
        opener, = opened["openers"]
        self.assertEqual((opener["process"], opener["pid"], opener["share"]), (client.name, client.child.pid, 1))
        print(f"{client.opened / client.seconds:.0f} connections/s by the client's own count,",
              f"{opened['opensPerSecond']:.0f} by the report")

    def test_exhaustion_is_named_with_what_fails(self):
        client = self.client("checkout")
        client.request(PORTS)
        client.run(0.02)
        text, answer = self.both()
        client.stop()
        self.assertEqual(client.opened, 0)
        self.assertRegex(text, r"^CRITICAL .* has 512 of 512 ports in use \(100 %\): \d+ connect\(\) a second fail with "
                               "EADDRNOTAVAIL")
        self.assertRegex(text, rf"checkout \(pid {client.child.pid}\) tries to open \d+ connections/s to it, in vain")
        opened, = answer["watched"]["destinations"]
        self.assert_rate(opened["failuresPerSecond"]["no_port"], client)
        self.assertEqual(opened["opensPerSecond"], 0)

    def test_two_clients_have_shares(self):
        self.give_ports(2 * PORTS)
        checkout, worker = self.client("checkout"), self.client("worker")
        checkout.request(PORTS)
        checkout.run(0.02)
        worker.run(0.06)
        text, answer = self.both()
        checkout.stop()
        worker.stop()
        opened, = answer["watched"]["destinations"]
        shares = {opener["process"]: opener["share"] for opener in opened["openers"]}
        own = checkout.opened / (checkout.opened + worker.opened)
        self.assertAlmostEqual(shares["checkout"], own, delta=0.12)
        self.assertAlmostEqual(sum(shares.values()), 1)
        self.assertRegex(text, rf"checkout \(pid {checkout.child.pid}\) \d+ %, worker \(pid {worker.child.pid}\) \d+ % "
                               r"open \d+ connections/s to it")

    def test_a_leak_and_its_numbers(self):
        client = self.client("leaker")
        client.leak(400)
        text, answer = self.both()
        self.assertEqual([finding["cause"] for finding in answer["findings"]], ["close_wait_leak"])
        self.assertRegex(text, r"CLOSE_WAIT leak: 400 of 400 \(100 %\) of its ports .* "
                               rf"leaker \(pid {client.child.pid}\)")
        self.assertIn("Close on EOF", text)

    def test_a_pool_and_its_numbers(self):
        client = self.client("pool")
        client.keep(400)
        text, answer = self.both()
        self.assertEqual([finding["cause"] for finding in answer["findings"]], ["pool_too_large"])
        self.assertRegex(text, r"Connection pool too large: 400 of 400 \(100 %\) of its ports .* kept, not churned\. "
                               rf"pool \(pid {client.child.pid}\) talks to it")
        self.assertIn("Cap the pool", text)
        self.assertEqual(answer["watched"]["destinations"], [])

    def test_bind_before_connect_and_what_leaves_the_port_to_connect(self):
        caller = self.enterContext(Caller(self.namespace))
        for _ in range(400):
            sock = caller.socket(ADDRESS)
            sock.bind((ADDRESS, 0))
            self.assertEqual(sock.connect_ex((ADDRESS, PORT)), 0)
        text, answer = self.both()
        self.assertEqual([finding["cause"] for finding in answer["findings"]], ["ports_bound"])
        self.assertIn("400 of 512 ephemeral ports are held by bind() or listen()", text)
        self.assertRegex(text, rf"\(pid {os.getpid()}\) holds 400 ports")
        self.assertRegex(text, "Do .*IP_BIND_ADDRESS_NO_PORT")

    def test_nobody_is_watched_for_no_time(self):
        answer = json.loads(self.report("--format=json", observe="0s"))
        self.assertIsNone(answer["watched"])
        self.assertIsNone(answer["unread"])


if __name__ == "__main__":
    harness.main()
