#!/usr/bin/env python3
"""dashboards/render draws a dashboard as Grafana would: every panel has data, and the browser does not complain."""
import json
import subprocess
import unittest

import browser
import harness

RENDER = harness.ROOT / "dashboards/render"
PNG = b"\x89PNG\r\n\x1a\n"


def run(*command, **how):
    return subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)


class RenderTest(unittest.TestCase):
    def setUp(self):
        self.directory = harness.scratch(self)

    def test_a_dashboard_is_drawn(self):
        drawn = run(RENDER / "draw", "brief", "dark", self.directory, "socket-ports")
        self.assertEqual((drawn.returncode, drawn.stdout), (0, ""))
        picture = (self.directory / "socket-ports-brief-dark.png").read_bytes()
        self.assertTrue(picture.startswith(PNG))
        rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in
                   json.loads((harness.ROOT / "dashboards/json/socket-ports.json").read_text())["panels"])
        width, height = (int.from_bytes(picture[at:at + 4], "big") for at in (16, 20))
        self.assertEqual(width, 1600)
        self.assertGreater(height, 30 * rows)  # the whole of it
        self.assertGreater(len(picture), 100_000)  # and not blank

    def test_empty_panels_are_an_error(self):
        (self.directory / "prometheus.yml").write_text("")
        prometheus = self.enterContext(harness.Server(
            harness.program("prometheus"), f"--config.file={self.directory}/prometheus.yml",
            f"--storage.tsdb.path={self.directory}/data", "--web.listen-address=127.0.0.1:0",
            listening=r'msg="Listening on" address=127\.0\.0\.1:(\d+)'))
        harness.eventually(lambda: prometheus.get("/-/ready").status == 200, "Prometheus is ready")
        drawn = run("node", RENDER / "draw.mjs", f"http://127.0.0.1:{prometheus.port}", 1700000000, 1700001800, "light", 0, "{}",
                    f"{harness.ROOT}/dashboards/json/socket-limits.json={self.directory}/empty.png")
        self.assertEqual(drawn.returncode, 1)
        self.assertIn("File descriptors of the fullest processes A is empty", drawn.stdout)


if __name__ == "__main__":
    browser.require()
    for needed in ("prometheus", "promtool"):
        harness.program(needed)
    harness.main()
