"""WebSocket connections that break all at once, come back, and break again; and the quiet hour before, for Prometheus."""
import socket
import subprocess
import time

import harness
from websocket_peers import GRANT, REQUEST, RESET_AT_CLOSE, TEXT, frame, receive

PORT = 8090  # of no other test: the exporter sees all namespaces
ADDRESSES = [f"127.0.0.{i}" for i in range(3, 7)]  # one alone may have too few ports for all
MANY = 240
AGAIN_SECONDS = 30  # then the second wave
CONFIG = f"websocket: {{ports: [{PORT}]}}\n"
OPEN = f'websocket_connections_active{{port="{PORT}"}}'
HOUR, STEP = 3600, 15
QUIET = ("service:websocket_disconnections:abnormal_rate2m", "service:websocket_connections:rate2m")


def write_quiet_hour(directory):
    """What the recording rules would have said an hour ago: nothing happened."""
    now = int(time.time())
    lines = []
    for name in QUIET:
        lines.append(f"# TYPE {name} gauge")
        lines += [f'{name}{{job="socket-exporter",port="{PORT}"}} 0 {at}'
                  for at in range(now - HOUR - 600, now - HOUR + 900, STEP)]
    (directory / "quiet.om").write_text("\n".join([*lines, "# EOF", ""]))
    subprocess.run([harness.program("promtool"), "tsdb", "create-blocks-from", "openmetrics", directory / "quiet.om",
                    directory / "data"], check=True, stdout=subprocess.DEVNULL)


class Storm:
    def __init__(self, namespace):
        self.namespace, self.ends, self.began = namespace, [], None
        with namespace.entered():
            self.listener = socket.create_server(("0.0.0.0", PORT), backlog=MANY)
        self.connect()

    def connect(self):
        for number in range(MANY):
            with self.namespace.entered():
                client = socket.socket()
            client.connect((ADDRESSES[number % len(ADDRESSES)], PORT))
            server, _ = self.listener.accept()
            for sender, data in ((client, REQUEST), (server, GRANT), (client, frame(TEXT, b"hello", True))):
                sender.sendall(data)
                receive(client if sender is server else server, len(data))
            self.ends += [client, server]

    def break_all(self):
        self.began = self.began or time.monotonic()
        for client, server in zip(self.ends[::2], self.ends[1::2]):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            client.close()
            server.close()
        self.ends.clear()

    def rage(self):
        """Two waves."""
        self.break_all()
        self.connect()
        harness.eventually(lambda: self.seconds() > AGAIN_SECONDS, "the second wave")
        self.break_all()
        self.connect()

    def seconds(self):
        return time.monotonic() - self.began

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for sock in [*self.ends, self.listener]:
            sock.close()
