"""Makes sockets in every state that one host can reach, and keeps the books on them."""
import collections
import contextlib
import ipaddress
import socket

from harness import Metrics, eventually

SO_SNDBUFFORCE = 32
IP_BIND_ADDRESS_NO_PORT = 24
SS_STATES = {"ESTAB": "established", "SYN-SENT": "syn_sent", "SYN-RECV": "new_syn_recv", "FIN-WAIT-1": "fin_wait1",
             "FIN-WAIT-2": "fin_wait2", "TIME-WAIT": "time_wait", "CLOSE-WAIT": "close_wait",
             "LAST-ACK": "last_ack", "LISTEN": "listen", "CLOSING": "closing", "UNCONN": "close"}

# `bound`: it has its port from bind(), so connect() never takes that.
Entry = collections.namedtuple(
    "Entry", "protocol family state local local_port remote remote_port inbound bound", defaults=(False,))


def normal(address):
    """As text, IPv4 also where an IPv6 socket has it v4-mapped."""
    ip = ipaddress.ip_address(address)
    return str(getattr(ip, "ipv4_mapped", None) or ip)


def family_name(sock):
    return "ipv6" if sock.family == socket.AF_INET6 else "ipv4"


def entry(sock, state, protocol="tcp", inbound=False):
    local = sock.getsockname()
    try:
        remote = sock.getpeername()
    except OSError:
        remote = ("0.0.0.0", 0)
    return Entry(protocol, family_name(sock), state, normal(local[0]), local[1],
                 normal(remote[0]), remote[1], inbound)


def scrape_and_own(exporter):
    """A scrape, and the sockets of exporter and client that are in it."""
    connection = exporter.connect()
    client_port = connection.sock.getsockname()[1]
    connection.request("GET", "/metrics")
    metrics = Metrics(connection.getresponse().read().decode())
    connection.close()
    one, local = ("tcp", "ipv4"), "127.0.0.1"
    return metrics, [Entry(*one, "listen", local, exporter.port, "0.0.0.0", 0, False),
                     Entry(*one, "established", local, client_port, local, exporter.port, False),
                     Entry(*one, "established", local, exporter.port, local, client_port, True)]


def fill(sock, peer):
    """Writes more than the peer has room for, so that a FIN has to wait behind the data."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 512 * 1024)
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.send(bytes(65536))


class Pair:
    """Both ends of a connection, and what becomes of them: (client's state, server's state)."""

    def __init__(self, client, server):
        self.client, self.server = client, server

    def established(self):
        return "established", "established"

    def fin_wait2(self):
        self.client.shutdown(socket.SHUT_WR)
        return "fin_wait2", "close_wait"

    def orphaned_fin_wait2(self):
        self.client.close()
        return "fin_wait2", "close_wait"

    def close_wait(self):
        self.server.shutdown(socket.SHUT_WR)
        return "close_wait", "fin_wait2"

    def fin_wait1(self):
        fill(self.client, self.server)
        self.client.shutdown(socket.SHUT_WR)
        return "fin_wait1", "established"

    def last_ack(self):
        self.server.shutdown(socket.SHUT_WR)
        fill(self.client, self.server)
        self.client.shutdown(socket.SHUT_WR)
        return "last_ack", "fin_wait2"

    def closing(self):
        fill(self.client, self.server)
        self.client.shutdown(socket.SHUT_WR)
        self.server.shutdown(socket.SHUT_WR)
        return "closing", "fin_wait2"

    def time_wait(self):
        self.client.close()
        self.server.close()
        return "time_wait", None

    def inbound_time_wait(self):
        self.server.close()
        self.client.close()
        return None, "time_wait"


class Sockets:
    def __init__(self, namespace):
        self.namespace = namespace
        self.entries = []
        self.pairs = []
        self.queues = {}  # of listeners, by address and port: connections that wait, and the backlog
        self._open = []
        self._listeners = {}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for sock in self._open:
            sock.close()

    def _socket(self, address, kind=socket.SOCK_STREAM):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        self._open.append(sock)
        return sock

    def listen(self, address, port, backlog=512, defer_accept=False):
        with self.namespace.entered():
            sock = self._socket(address)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
        if defer_accept:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
        sock.bind((address, port))
        sock.listen(backlog)
        self._listeners[port] = sock
        self.queues[normal(address), port] = [0, backlog]
        self.entries.append(entry(sock, "listen"))

    def bound(self, address, port, kind=socket.SOCK_STREAM):
        with self.namespace.entered():
            sock = self._socket(address, kind)
        sock.bind((address, port))
        self.entries.append(entry(sock, "close", "tcp" if kind == socket.SOCK_STREAM else "udp"))

    def udp_connected(self, address, port):
        with self.namespace.entered():
            sock = self._socket(address, socket.SOCK_DGRAM)
        sock.connect((address, port))
        self.entries.append(entry(sock, "established", "udp"))

    def stop_listening(self, port):
        """Its connections stay."""
        sock = self._listeners.pop(port)
        self.entries.remove(entry(sock, "listen"))
        del self.queues[normal(sock.getsockname()[0]), port]
        sock.close()

    def connect(self, address, port, fate=Pair.established, source=None, port_at_connect=False):
        """A connection to a listener of ours, taken to the states that `fate` leads to. With a
        source, address and port, bind() comes first."""
        with self.namespace.entered():
            client = self._socket(address)
        if port_at_connect:
            client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        if source:
            client.bind(source)
        client.connect((address, port))
        server, _ = self._listeners[port].accept()
        self._open.append(server)
        pair = Pair(client, server)
        ends = (entry(client, "")._replace(bound=bool(source) and not port_at_connect), entry(server, "", inbound=True))
        self.entries += [end._replace(state=state) for end, state in zip(ends, fate(pair)) if state]
        self.pairs.append(pair)

    def connect_unaccepted(self, address, port):
        """Established on both sides, but waiting in the listener's queue."""
        with self.namespace.entered():
            client = self._socket(address)
        client.connect((address, port))
        self.queues[normal(address), port][0] += 1
        self._record_without_server(client, "established", "established")

    def connect_deferred(self, address, port):
        """Established for the client; the server waits for data (TCP_DEFER_ACCEPT)."""
        with self.namespace.entered():
            client = self._socket(address)
        client.connect((address, port))
        self._record_without_server(client, "established", "new_syn_recv")

    def connect_unanswered(self, address, port):
        """Towards a full accept queue, which drops the SYN."""
        with self.namespace.entered():
            client = self._socket(address)
        client.setblocking(False)
        client.connect_ex((address, port))
        local = client.getsockname()
        self.entries.append(Entry("tcp", family_name(client), "syn_sent", normal(local[0]), local[1],
                                  normal(address), port, False))

    def _record_without_server(self, client, client_state, server_state):
        end = entry(client, client_state)
        self.entries += [end, end._replace(state=server_state, local=end.remote, local_port=end.remote_port,
                                           remote=end.local, remote_port=end.local_port, inbound=True)]

    def counts(self, protocol="tcp"):
        return collections.Counter((e.family, e.state) for e in self.entries if e.protocol == protocol)

    def wait_until_ss_agrees(self):
        """ss counts what we made, except sockets that are only bound: it does not list those."""
        def agrees():
            tcp = {key: n for key, n in self.counts().items() if key[1] != "close"}
            return ss_counts(self.namespace, "t") == tcp and ss_counts(self.namespace, "u") == self.counts("udp")
        eventually(agrees, "the same counts from ss")


def ss_counts(namespace, protocol):
    counts = collections.Counter()
    for flag, family in (("4", "ipv4"), ("6", "ipv6")):
        for line in namespace.run("ss", f"-{flag}{protocol}anH").splitlines():
            counts[family, SS_STATES[line.split()[0]]] += 1
    return counts
