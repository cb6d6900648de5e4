"""What the metrics have to say, from the sockets that a test has made."""
import collections
import itertools

TCP_STATES = ("established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close",
              "close_wait", "last_ack", "listen", "closing", "new_syn_recv")
OUTGOING_STATES = ("established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close_wait",
                   "last_ack", "closing")
INBOUND_STATES = ("established", "syn_recv", "new_syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close_wait",
                  "last_ack", "closing")
FAMILIES = ("ipv4", "ipv6")
PROTOCOLS = ("tcp", "udp")

# Series of a namespace, each with the labels that tell its series apart. Others, such as the owner's
# `comm`, only divide them.
LABELS = {
    "socket_netns_info": ("inode", "namespace", "pod", "container", "pod_uid"),
    "socket_tcp_sockets": ("family", "state"),
    "socket_udp_sockets": ("family",),
    "socket_ephemeral_port_range_ports": (),
    "socket_ephemeral_reserved_ports": (),
    "socket_ephemeral_ports_usable": ("protocol",),
    "socket_ephemeral_ports_used": ("protocol",),
    "socket_ephemeral_tuple_ports_used_max": ("protocol",),
    "socket_ephemeral_tuple_ports_used": ("protocol", "source", "destination", "destination_port"),
    "socket_destination_sockets": ("destination", "destination_port", "state"),
    "socket_inbound_sockets": ("port", "state"),
    "socket_listen_queue_length": ("address", "port"),
    "socket_listen_queue_limit": ("address", "port"),
    "socket_sysctl_value": ("name",),
    "socket_tcp_time_wait_limit": (),
}
# So that no row is left out.
SHOW_ALL = ("--collector.ephemeral_ports.top=10000", "--collector.destinations.top=10000")


def by_namespace(metrics, names=tuple(LABELS)):
    """{netns: {(metric, labels...): value}} of a scrape."""
    found = collections.defaultdict(dict)
    for name in names:
        for key, value in metrics.samples.get(name, {}).items():
            labels = dict(key)
            series = found[labels["netns"]]
            key = (name, *(labels[label] for label in LABELS[name]))
            series[key] = series.get(key, 0) + value
    return found


def differences(shown, truth):
    """{series: (what is shown, what is true)} where these are not the same; None is no such series."""
    return {key: (shown.get(key), truth.get(key)) for key in {*shown, *truth} if shown.get(key) != truth.get(key)}


def shown_destinations(destinations):
    """`other` beside some only: a namespace without any has no rows."""
    shown = {key[:2] for key in destinations}
    return shown | {("other", "")} if shown else shown


def by_state(counts, keys, states):
    """The same with a zero for each state that no socket is in."""
    return {(*key, state): counts[*key, state] for key in keys for state in states}


class Books:
    """One namespace: its sockets, and the ports that connect() may choose."""

    def __init__(self, entries, ports, reserved=(), gives_back=lambda entry: False):
        self.entries = entries
        self.tcp = [e for e in entries if e.protocol == "tcp"]
        self.bound = {e.local_port for e in self.tcp if e.bound or e.state in ("listen", "close")}
        self.ports = ports
        self.candidates = set(ports) - set(reserved)
        self.gives_back = gives_back  # whether the port of this socket is free for its tuple again

    def used(self, protocol):
        return len(self.candidates & {e.local_port for e in self.entries if e.protocol == protocol})

    def usable(self):
        return len(self.candidates - self.bound)

    def tuples(self):
        tuples = collections.defaultdict(set)
        for e in self.tcp:
            if e.local_port in self.candidates - self.bound:
                tuples[e.local, e.remote, str(e.remote_port)] |= set() if self.gives_back(e) else {e.local_port}
        return {key: len(ports) for key, ports in tuples.items()}

    def destinations(self):
        return collections.Counter((e.remote, str(e.remote_port), e.state) for e in self.tcp
                                   if not e.inbound and e.state not in ("listen", "close"))

    def inbound(self):
        return collections.Counter((str(e.local_port), e.state) for e in self.tcp if e.inbound)

    def series(self):
        """All that the sockets decide, as by_namespace() has it."""
        reserved = len(self.ports) - len(self.candidates)
        tuples, destinations = self.tuples(), self.destinations()
        listening = {(str(e.local_port),) for e in self.tcp if e.state == "listen"}
        tcp = collections.Counter((e.family, e.state) for e in self.tcp)
        udp = collections.Counter((e.family,) for e in self.entries if e.protocol == "udp")
        used = {protocol: self.used(protocol) for protocol in PROTOCOLS}
        rows = {
            "socket_tcp_sockets": {key: tcp[key] for key in itertools.product(FAMILIES, TCP_STATES)},
            "socket_udp_sockets": {(family,): udp[family,] for family in FAMILIES},
            "socket_ephemeral_port_range_ports": {(): len(self.ports)},
            "socket_ephemeral_reserved_ports": {(): reserved},
            "socket_ephemeral_ports_usable": {("tcp",): self.usable(), ("udp",): len(self.candidates)},
            "socket_ephemeral_ports_used": {("tcp",): used["tcp"], ("udp",): used["udp"]},
            "socket_ephemeral_tuple_ports_used_max":
                {("tcp",): max(tuples.values(), default=0), ("udp",): used["udp"]},
            "socket_ephemeral_tuple_ports_used":
                {("udp", "*", "*", "*"): used["udp"], **{("tcp", *key): n for key, n in tuples.items()}},
            "socket_destination_sockets":
                by_state(destinations, shown_destinations(destinations), OUTGOING_STATES),
            "socket_inbound_sockets": by_state(self.inbound(), listening, INBOUND_STATES),
        }
        return {(name, *labels): value for name, found in rows.items() for labels, value in found.items()}
