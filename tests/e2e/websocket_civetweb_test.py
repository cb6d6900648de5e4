#!/usr/bin/env python3
"""WebSocket connections of civetweb's own server: what it counts for itself is what is shown."""
import json
import os
import subprocess
import sys

import harness
from websocket_case import PORT, WebsocketCase
from websocket_faults_test import LIBRARY, REASONS

CONNECTIONS, MESSAGES = 20, 20


class CivetwebTest(WebsocketCase):
    def start(self, *command):
        return self.enterContext(subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True,
                                                  preexec_fn=self.namespace.join))

    def talk(self):
        """What the server counted."""
        server = self.start(os.environ["CIVETWEB_SERVER"], PORT)
        self.assertEqual(server.stdout.readline(), "ready\n")
        client = self.start(sys.executable, LIBRARY, "client", PORT, CONNECTIONS, MESSAGES)
        client.communicate(timeout=harness.LIMIT)
        self.assertEqual(client.returncode, 0)
        server.terminate()
        return json.loads(server.communicate(timeout=harness.LIMIT)[0])

    def test_server(self):
        count = self.talk()
        self.assertEqual((count["connections"], count.pop("closed")), (CONNECTIONS, CONNECTIONS))
        self.books.connections = count.pop("connections")
        self.books.latencies.update(ping=count["in ping"], request=count["in text"] + count["in binary"])
        for name, number in count.items():
            what, kind = name.split()
            if what == "closed":
                self.books.closed[REASONS.get(int(kind)) or f"application_{kind[0]}xxx", "client"] += number
            elif kind == "bytes":
                self.books.bytes[what] = number
            else:
                self.books.messages[what, kind] = number
        self.check()


if __name__ == "__main__":
    harness.main()
