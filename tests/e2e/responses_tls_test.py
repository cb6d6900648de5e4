#!/usr/bin/env python3
"""How long peers take to answer that talk TLS: handshakes and session tickets are no answers."""
import contextlib
import ssl
import time

import harness
import tls
from turns import LONG, THINKING, ResponsesCase, Turns

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


class TlsTest(ResponsesCase):
    def setUp(self):
        super().setUp()
        self.certificate = tls.certificate(harness.scratch(self))

    def each_kind(self):
        """Both versions, with session tickets and without."""
        for version in (TLS_1_2, TLS_1_3):
            for tickets in (0, 2):
                self.turns = Turns()
                yield {"version": version, "tickets": tickets}

    def shake_hands(self, **how):
        return tls.shake_hands(*self.pair(), tls.contexts(self.certificate, **how))

    def tls_turn(self, client, server, thinking=THINKING):
        with self.turns.one() as turn:
            client.tls.write(b"request")
            tls.carry(client, server)
            turn.asked()
            self.assertEqual(server.read(), b"request")
            self.answer(client, server, turn, thinking)

    def answer(self, client, server, turn, thinking=THINKING):
        tls.carry(server, client)  # tickets that wait
        turn.think(thinking)
        server.tls.write(b"answer")
        tls.carry(server, client)
        self.assertEqual(client.read(), b"answer")

    def finish(self, client, server):
        for end in (client, server):
            end.sock.close()
        self.check()

    def test_one_request_on_a_connection(self):
        for thinking in (0, THINKING, LONG):
            for kind in self.each_kind():
                with self.subTest(thinking=thinking, **kind):
                    client, server = self.shake_hands(**kind)
                    self.tls_turn(client, server, thinking)
                    self.finish(client, server)

    def test_many_requests_on_a_connection(self):
        for kind in self.each_kind():
            with self.subTest(**kind):
                client, server = self.shake_hands(**kind)
                for number in range(5):
                    self.tls_turn(client, server, THINKING * number)
                self.finish(client, server)

    def test_answer_is_known_at_once_when_it_comes_late(self):
        client, server = self.shake_hands(version=TLS_1_3)
        self.tls_turn(client, server, harness.LIMIT / 10)
        self.check()

    def test_large_answer_is_known_at_once(self):
        client, server = self.shake_hands(version=TLS_1_3)
        with self.turns.one() as turn:
            client.tls.write(b"request")
            tls.carry(client, server)
            turn.asked()
            tls.carry(server, client)
            turn.think(0)
            server.tls.write(b"x" * 10_000)
            tls.carry(server, client)
        self.check()

    def test_handshake_alone(self):
        for kind in self.each_kind():
            with self.subTest(**kind):
                client, server = self.shake_hands(**kind)
                tls.carry(server, client)
                self.finish(client, server)

    def test_handshake_with_client_certificate_alone(self):
        for kind in self.each_kind():
            with self.subTest(**kind):
                client, server = self.shake_hands(client_certificate=True, **kind)
                tls.carry(server, client)
                self.check()
                self.tls_turn(client, server)
                self.finish(client, server)

    def test_client_that_waits(self):
        for waiting in (0, LONG):
            for kind in self.each_kind():
                with self.subTest(waiting=waiting, **kind):
                    client, server = self.shake_hands(**kind)
                    tls.carry(server, client)
                    self.assertEqual(client.read(), b"")
                    time.sleep(waiting)
                    self.check()
                    for _ in range(2):
                        self.tls_turn(client, server)
                    self.finish(client, server)

    def test_request_in_one_segment_with_the_end_of_the_handshake(self):
        client, server = (tls.End(sock, context, **how) for sock, context, how in zip(
            self.pair(), tls.contexts(self.certificate, TLS_1_3), ({"server_hostname": "localhost"},
                                                                  {"server_side": True})))
        tls.say_hello(client, server)
        client.shake_hands()
        with self.turns.one() as turn:
            client.tls.write(b"request")
            tls.carry(client, server)
            turn.asked()
            server.shake_hands()
            self.answer(client, server, turn)
        self.finish(client, server)

    def test_banner_is_no_answer(self):
        for kind in self.each_kind():
            with self.subTest(**kind):
                client, server = self.shake_hands(**kind)
                tls.carry(server, client)
                time.sleep(LONG)
                server.tls.write(b"welcome")
                tls.carry(server, client)
                self.assertEqual(client.read(), b"welcome")
                self.check()
                self.tls_turn(client, server)
                self.finish(client, server)

    def test_old_session(self):
        for kind in self.each_kind():
            with self.subTest(**kind):
                contexts = tls.contexts(self.certificate, **kind)
                first, server = tls.shake_hands(*self.pair(), contexts)
                tls.carry(server, first)
                first.read()
                client, server = tls.shake_hands(*self.pair(), contexts, first.tls.session)
                for _ in range(3):
                    self.tls_turn(client, server)
                self.finish(client, server)

    def test_second_hello(self):
        client, server = self.shake_hands(version=TLS_1_3, curve="secp384r1")
        for _ in range(3):
            self.tls_turn(client, server, LONG)
        self.finish(client, server)

    def test_goodbye_is_no_request(self):
        for kind in self.each_kind():
            with self.subTest(**kind):
                client, server = self.shake_hands(**kind)
                self.tls_turn(client, server)
                for end, other in ((client, server), (server, client)):
                    with contextlib.suppress(ssl.SSLWantReadError):
                        end.tls.unwrap()
                    tls.carry(end, other)
                self.finish(client, server)

    def test_plain_turn_before(self):
        for kind in self.each_kind():
            with self.subTest(**kind):
                ends = self.pair()
                self.turn(*ends)
                client, server = tls.shake_hands(*ends, tls.contexts(self.certificate, **kind))
                self.tls_turn(client, server)
                self.finish(client, server)


if __name__ == "__main__":
    harness.main()
