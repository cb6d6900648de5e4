"""An exporter that is not the one of the build: some command that serves."""
import re

import harness


class Served(harness.Server):
    def __init__(self, *command, address="127.0.0.1", **how):
        host = f"[{address}]" if ":" in address else address
        self.address = address
        super().__init__(*command, f"--web.listen-address={host}:0", listening=rf"http://{re.escape(host)}:(\d+)", **how)

    def connect(self):
        connection = harness.http.client.HTTPConnection(self.address, self.port, timeout=harness.LIMIT)
        connection.connect()
        return connection

    def features(self):
        return {dict(key)["feature"]: dict(key)["state"] for key in self.scrape().all("socket_exporter_feature_info")}
