"""A real Chromium, by way of tests/browser/browser.js."""
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys

import harness

FOLDER = harness.ROOT / "tests/browser"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def require():
    """Ends the test where there is no browser: as skipped, but in CI as failed."""
    missing = {"apt-get install chromium": pathlib.Path(CHROMIUM).exists(),
               "apt-get install nodejs": shutil.which("node"),
               "npm ci --prefix tests/browser": (FOLDER / "node_modules").exists()}
    for remedy, there in missing.items():
        if not there:
            print(f"the browser or what drives it is missing: {remedy}")
            sys.exit(1 if os.environ.get("CI") == "true" else harness.SKIPPED)


class Browser:
    def __init__(self):
        self.child = subprocess.Popen([harness.program("node"), str(FOLDER / "browser.js")], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      env={**os.environ, "CHROMIUM": CHROMIUM})

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.child.stdin.close()
        self.child.wait(harness.LIMIT)
        self.child.stdout.close()

    def do(self, command, **how):
        self.child.stdin.write(json.dumps({"command": command, **how}) + "\n")
        self.child.stdin.flush()
        if not select.select([self.child.stdout], [], [], 2 * harness.LIMIT)[0]:
            raise AssertionError(f"the browser does not answer to {command}")
        line = self.child.stdout.readline()
        if not line:
            raise AssertionError(f"the browser ended during {command}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{command} {how}: {answer['error']}")
        return answer["value"]

    def evaluate(self, script):
        return self.do("evaluate", script=script)

    def text(self, selector):
        """Of the first such element, as it is shown; empty where there is none."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def texts(self, selector):
        return self.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText)")

    def eventually(self, script, what):
        return harness.eventually(lambda: self.evaluate(script), what)
