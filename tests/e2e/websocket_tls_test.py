#!/usr/bin/env python3
"""WebSocket connections inside of TLS, counted by the exporter at OpenSSL's functions, and by the peers themselves."""
import ctypes
import errno
import os
import pathlib
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import unittest

import harness
import tls
import websocket_faults_test
import websockets_test
from websocket_case import CONFIG, PORT, WebsocketCase, exporter_with, tracking
from websocket_peers import CLOSE, GRANT, REQUEST, RESET_AT_CLOSE, TEXT, close_payload, counted, frame, transfer

WITH_TLS = CONFIG.replace("}", ", tls: true}")
PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}[os.uname().machine]
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2


GRANT_OF_PROGRAM = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
WORD_OF_PROGRAM = b"\x81\x05hello"


def without_perf_events():
    """This process, and what it starts, may not call perf_event_open()."""
    rules = ((0x20, 0, 0, 0), (0x15, 0, 1, PERF_EVENT_OPEN), (0x06, 0, 0, 0x00050000 | errno.EACCES),
             (0x06, 0, 0, 0x7fff0000))  # load the number; is it that? refuse; allow
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = struct.pack("H6xQ", len(rules), ctypes.addressof(code))
    if ctypes.CDLL(None).prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0:
        raise AssertionError("no seccomp")


class Module:
    """What takes part in all tests goes after the last."""
    addCleanup = staticmethod(unittest.addModuleCleanup)
    enterContext = staticmethod(unittest.enterModuleContext)


class TlsCase(WebsocketCase):
    config = WITH_TLS
    feature = "websocket_tls"
    version = ssl.TLSVersion.TLSv1_3
    exporter_of_all = None  # the kernel takes its time to let go of each function

    def start_exporter(self):
        if not TlsCase.exporter_of_all:
            TlsCase.exporter_of_all = exporter_with(Module, WITH_TLS)
        return TlsCase.exporter_of_all

    def setUp(self):
        super().setUp()
        self.certificate = tls.certificate(harness.scratch(self))

    def labels(self):
        return super().labels() | {"tls": "true"}

    def connect(self, listener=None, **how):
        connection = tls.wrap(super().connect(listener, **how), tls.contexts(self.certificate, self.version, tickets=0))
        self.keep(connection.client)
        self.keep(connection.server)
        return connection

    def check(self, *arguments, **how):
        super().check(*arguments, **how)
        everything = counted(self.metrics, **WebsocketCase.labels(self))
        self.assertEqual(everything, counted(self.metrics, **self.labels()), "of packets alone nothing is known")


class MessagesTest(TlsCase, websockets_test.MessagesTest):
    test_heads_and_frames_in_one_segment = None  # below

    def test_grant_and_frame_in_one_record(self):
        connection = self.connect()
        transfer(connection.client, connection.server, REQUEST)
        transfer(connection.server, connection.client, GRANT + frame(TEXT, b"hello", False))
        connection.books.connections += 1
        connection.books.active += 1
        connection.note("server", TEXT, 5)
        connection.send("client", TEXT, b"more")
        self.check()

    def test_client_that_does_not_wait(self):
        connection = self.connect()
        transfer(connection.client, connection.server, REQUEST + frame(TEXT, b"lost", True))
        transfer(connection.server, connection.client, GRANT)
        connection.books.connections += 1
        connection.books.active += 1
        connection.send("client", TEXT, b"more")
        self.check(desync=1)


class EndsTest(TlsCase, websockets_test.EndsTest):
    """A connection ends when its process here is done with it: what it has not read may be a close frame."""

    def test_reset(self):
        listener = self.listener()
        for by, reason in (("client", "abnormal_reset"), ("server", "abnormal_local")):
            connection = self.connect(listener).upgrade()
            first, last = connection.ends(by)
            first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            first.close()
            last.close()
            connection.over(reason, by)
        self.check()

    def test_close_frame_before_reset(self):
        connection = self.connect().upgrade()
        data = frame(CLOSE, close_payload(1001), True)
        connection.client.sendall(data)
        connection.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        connection.client.close()
        self.assertEqual(connection.server.recv(len(data)), data)
        connection.server.close()
        self.books.messages["in", "close"] += 1
        connection.over("going_away", "client")
        self.check()

    def test_close_frame_that_is_read_after_the_fin(self):
        connection = self.connect().upgrade()
        data = frame(CLOSE, close_payload(1001), True)
        connection.client.sendall(data)
        connection.client.close()
        harness.eventually(lambda: self.namespace.run("ss", "-Htn", "state", "close-wait"), "CLOSE_WAIT")
        self.assertEqual(connection.server.recv(len(data)), data)
        connection.server.close()
        self.books.messages["in", "close"] += 1
        connection.over("going_away", "client")
        self.check()


class HandshakesTest(TlsCase, websockets_test.HandshakesTest):
    version = ssl.TLSVersion.TLSv1_2
    test_request_before_the_socket_is_accepted = None  # TLS comes first

    def test_messages(self):
        connection = self.connect().upgrade(step=1)
        for by in ("client", "server"):
            connection.send(by, TEXT, bytes(70000))
        connection.close("server", close_payload(1000), "normal")
        self.check()


class RolesTest(TlsCase, websockets_test.RolesTest):
    test_a_client_whose_address_ends_as_the_servers = test_refused = None  # without TLS


class LibraryTest(TlsCase, websocket_faults_test.LibraryTest):
    """OpenSSL has no socket there: asyncio carries what it encrypts."""
    command = ()

    def start(self, *arguments):
        command = [*self.command, sys.executable, websocket_faults_test.LIBRARY, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=self.namespace.join,
                                env=os.environ | {"CERTIFICATE": str(self.certificate)})


class CopyTest(LibraryTest):
    """As in a container: the library is a file of its own, in a mount namespace that begins later."""
    test_websockets_with_compression = None

    def setUp(self):
        super().setUp()
        maps = pathlib.Path("/proc/self/maps").read_text()
        library = re.search(r" (/\S*libssl\S*\.so\S*)$", maps, re.M).group(1)
        copy = harness.scratch(self) / "libssl.so"
        shutil.copy(library, copy)
        self.command = ("unshare", "--mount", "sh", "-c", f"mount --bind {copy} {library} && exec \"$@\"", "sh")

    def server_is_ready(self):
        self.exporter.scrape()  # which looks at processes that listen


class ProgramTest(TlsCase):
    """OpenSSL is inside of the program."""

    def client(self):
        with self.namespace.entered():
            raw = self.keep(socket.create_connection(("127.0.0.1", PORT)))
        context, _ = tls.contexts(self.certificate, self.version)
        return self.keep(context.wrap_socket(raw, server_hostname="localhost"))

    def talk(self):
        client = self.client()
        client.sendall(REQUEST)
        for data in (GRANT_OF_PROGRAM, WORD_OF_PROGRAM):
            self.assertEqual(client.recv(len(data)), data)
        for size in (0, 5, 1000, 70000):
            client.sendall(frame(TEXT, bytes(size), True))
            self.books.bytes["in"] += size
        client.sendall(frame(CLOSE, close_payload(1000), True))
        client.close()
        self.books.connections += 1
        self.books.bytes["out"] += 5
        self.books.messages.update({("in", "text"): 4, ("in", "close"): 1, ("out", "text"): 1})
        self.books.closed["normal", "client"] += 1

    def test_one_session_object_for_all(self):
        server = self.enterContext(harness.Process(os.environ["OPENSSL_SERVER"], str(PORT), str(self.certificate),
                                                   namespace=self.namespace))
        server.wait_for_line("ready")
        self.exporter.scrape()  # which looks at processes that listen
        for _ in range(3):
            self.talk()
        self.check()


class StartTest(TlsCase):
    def test_found_open(self):
        self.exporter = exporter_with(self, WITH_TLS)
        connection = self.connect().upgrade()
        self.exporter.stop()
        self.exporter = exporter_with(self, WITH_TLS)
        self.before = self.exporter.scrape()
        connection.books.connections = 0
        for by in ("client", "server"):
            for _ in range(2):
                connection.send(by, TEXT, b"x")
        connection.close("client", close_payload(1001), "going_away")
        self.check(adopted=1)

    def test_of_others_is_off_and_says_why(self):
        exporter = exporter_with(self, CONFIG)
        self.assertEqual(tracking(exporter, "websocket_tls"), ("off", "no websocket.tls in the configuration"))
        self.assertEqual(counted(exporter.scrape(), tls="true")["connections"], 0)

    def test_host_that_does_not_let_programs_be_followed(self):
        exporter = exporter_with(self, WITH_TLS, prepare=without_perf_events)
        state, reason = tracking(exporter, "websocket_tls")
        self.assertEqual(state, "off")
        self.assertRegex(reason, "^uprobe attach: .*: refused in spite of CAP_SYS_ADMIN ")
        self.assertEqual(tracking(exporter)[0], "on")


if __name__ == "__main__":
    harness.main()
