"""TLS between two ends of one thread: the test decides what goes over the wire, and when."""
import contextlib
import ssl
import subprocess
import threading
import time

import harness

FAR_AWAY = 0.05  # seconds that a server takes to say hello, so that the next steps are quick beside it


def certificate(directory):
    """The path of a new certificate, its key in the same file."""
    path = directory / "certificate.pem"
    subprocess.run([harness.program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", "/CN=localhost", "-days", "2", "-keyout", path, "-out", directory / "public.pem"],
                   check=True, capture_output=True, timeout=harness.LIMIT)
    with path.open("a") as file:
        file.write((directory / "public.pem").read_text())
    return path


def contexts(certificate_path, version, tickets=2, client_certificate=False, curve=None):
    """Of a client and its server."""
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.load_verify_locations(certificate_path)
    server.load_cert_chain(certificate_path)
    server.num_tickets = tickets
    for context in (client, server):
        context.minimum_version = context.maximum_version = version
    if client_certificate:
        client.load_cert_chain(certificate_path)
        server.load_verify_locations(certificate_path)
        server.verify_mode = ssl.CERT_REQUIRED
    if curve:
        server.set_ecdh_curve(curve)
    return client, server


def wrap(connection, contexts_of_both):
    """Its client and its server talk TLS from now on."""
    client, server = contexts_of_both

    def accept():
        connection.server = server.wrap_socket(connection.server, server_side=True)
    accepting = threading.Thread(target=accept)
    accepting.start()
    connection.client = client.wrap_socket(connection.client, server_hostname="localhost")
    accepting.join(harness.LIMIT)
    return connection


class End:
    """What it has to send waits until it is carried."""

    def __init__(self, sock, context, **how):
        self.sock, self.incoming, self.outgoing = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, **how)
        self.is_through = False

    def shake_hands(self):
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
            self.is_through = True

    def read(self):
        """What has come; empty: nothing but session tickets and the like."""
        try:
            return self.tls.read(65536)
        except ssl.SSLWantReadError:
            return b""


def carry(source, target):
    """In one piece, and received as a whole."""
    data = source.outgoing.read()
    source.sock.sendall(data)
    left = len(data)
    while left:
        part = target.sock.recv(left)
        if not part:
            raise AssertionError("closed")
        target.incoming.write(part)
        left -= len(part)


def shake_hands(client_socket, server_socket, contexts_of_both, session=None):
    """Client and server; the tickets of TLS 1.3 wait at the server."""
    client = End(client_socket, contexts_of_both[0], server_hostname="localhost", session=session)
    server = End(server_socket, contexts_of_both[1], server_side=True)
    while not client.is_through:
        say_hello(client, server)
        client.shake_hands()
    carry(client, server)
    server.shake_hands()
    return client, server


def say_hello(client, server):
    """Or what else the server has to answer."""
    client.shake_hands()
    carry(client, server)
    time.sleep(FAR_AWAY)
    server.shake_hands()
    carry(server, client)
