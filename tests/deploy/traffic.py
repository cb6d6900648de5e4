"""What an installed exporter has to see, whatever holds it: connects, WebSockets, and those inside of TLS."""
import contextlib
import socket
import ssl
import threading

import connections
import harness
import tls
from websocket_peers import TEXT, Books, Connection, close_payload, counted

PORT = 8003  # in namespaces of the tests
CONFIGURATION = f"websocket: {{ports: [{PORT}], tls: true}}\n"


def inside_tls(connection, certificate):
    """From here on: both ends of the connection are OpenSSL's."""
    client, server = tls.contexts(certificate, ssl.TLSVersion.TLSv1_3, tickets=0)
    raw = connection.server

    def accept():
        connection.server = server.wrap_socket(raw, server_side=True)
    accepting = threading.Thread(target=accept)
    accepting.start()
    connection.client = client.wrap_socket(connection.client, server_hostname="localhost")
    accepting.join(harness.LIMIT)


def assert_seen(test, exporter, kinds=({}, {"tls": "true"})):
    """By an exporter with that configuration: WebSockets with these labels."""
    certificate = tls.certificate(harness.scratch(test))
    with harness.Namespace() as namespace, contextlib.ExitStack() as stack:
        with namespace.entered():
            listener = stack.enter_context(socket.create_server(("127.0.0.1", PORT)))
        for how in kinds:
            labels = {"netns": f"net:[{namespace.inode}]"} | how
            books = Books()
            with namespace.entered():
                made = Connection(listener, books)
            if how:
                inside_tls(made, certificate)
            made.upgrade()
            made.send("client", TEXT, b"hello")
            made.send("server", TEXT, b"hello yourself")
            wait_until_counted(exporter, books, labels)
            made.close("client", close_payload(1000), "normal")
            wait_until_counted(exporter, books, labels)
        test.assertEqual(connections.total(exporter.scrape(), connections.ATTEMPTS, namespace), len(kinds))


def wait_until_counted(exporter, books, labels):
    expected = books.expected()

    def is_counted():
        found = counted(exporter.scrape(), **labels)
        return found | {"latencies": {}} == expected
    harness.eventually(is_counted, f"{labels}: {expected}", 5.0)
