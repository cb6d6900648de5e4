#!/usr/bin/env python3
"""Alert rules use metrics and labels that exist, can match, say what to do and are tested."""
import pathlib
import re
import sys

import yaml
from metric_reference import TARGET_LABELS, Reference
from promql import FOR_DASHBOARDS, Expression, Metric, Wrong

ROOT = pathlib.Path("alerts")
CENTRAL = ROOT / "optional/central.rules.yml"
SCALE = pathlib.Path("deploy/scale")
SEVERITIES = {"critical", "warning", "info"}
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Prevention", "Escalation"]
JOB = ("job", "=", "socket-exporter")
CAMEL_CASE = re.compile(r"([A-Z][a-z]+)+$")
RECORDED = re.compile(r"[a-z_]+:[a-z_]+:[a-z0-9_]+$")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)")


class Linter:
    def __init__(self):
        self.reference = Reference()
        self.found, self.asked = [], set()

    def complain(self, where, text):
        self.found.append(f"{where}: {text}")

    def expression(self, where, text, any_job=False):
        try:
            expression = Expression(text, self.reference.metric_of, TARGET_LABELS)
        except (Wrong, IndexError) as error:
            return self.complain(where, error)
        if (unfit := expression.functions & FOR_DASHBOARDS) and not any_job:
            self.complain(where, f"is a rule with {sorted(unfit)}")
        for selector in expression.selectors:
            if JOB not in selector.matchers and not any_job:
                self.complain(where, f"{selector.metric} without {JOB[0]}=\"{JOB[2]}\"")
        if not any_job:
            self.asked |= {selector.metric for selector in expression.selectors}
        return expression

    def record(self, rule):
        name = rule["record"]
        if name in self.reference.metrics:
            self.complain(name, "is recorded twice")
        expression = self.expression(name, rule["expr"])
        if expression:
            stems = {re.sub(r"_(total|bucket|pages|max)$", "", selector.metric) for selector in expression.selectors}
            if not RECORDED.match(name) or name.split(":")[1] not in stems:
                self.complain(name, "is not called level:metric:operation after its metric")
            if expression.result.ratio != ("ratio" in name.split(":")[-1]):
                self.complain(name, "says ratio, or does not, against its expression")
            self.reference.metrics[name] = Metric(expression.result.labels - TARGET_LABELS, False, expression.result.ratio)

    def alert(self, rule):
        name = rule["alert"]
        expression = self.expression(name, rule["expr"])
        labels, annotations = rule["labels"], rule["annotations"]
        if not CAMEL_CASE.match(name):
            self.complain(name, "is not CamelCase")
        if labels.get("severity") not in SEVERITIES:
            self.complain(name, "has no known severity")
        if missing := ANNOTATIONS - set(annotations):
            self.complain(name, f"lacks {sorted(missing)}")
        if "{{" in annotations["summary"] or not annotations["summary"].endswith("."):
            self.complain(name, "has a summary that is no sentence, or with a value in it")
        if annotations["runbook_url"].split("/")[-1] != name + ".md":
            self.complain(name, "links to another runbook")
        if expression:
            self.templates(name, annotations, expression.result)

    def templates(self, name, annotations, result):
        text = " ".join(annotations.values())
        used = set(re.findall(r"\$labels\.(\w+)", text))
        if "*" not in result.labels and (missing := used - result.labels - TARGET_LABELS):
            self.complain(name, f"mentions labels that it never has: {sorted(missing)}")
        if ("$value | humanizePercentage" in text) != result.ratio:
            self.complain(name, "shows a share not as a percentage, or something else as one")
        for metric, labels in re.findall(r'printf "(?:sort_desc\()?([\w:]+)\{([^}]*)\}', text):
            known = self.reference.metric_of(metric)
            matchers = set(re.findall(r"(\w+)=", labels))
            if known is None or matchers - known.labels - TARGET_LABELS or "job" not in matchers:
                self.complain(name, f"asks for {metric} with labels that it does not have")

    def rules(self, path):
        groups = yaml.safe_load(path.read_text())["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        for rule in rules:
            self.record(rule) if "record" in rule else self.alert(rule)
        return {rule["alert"] for rule in rules if "alert" in rule}

    def runbook(self, name):
        path = ROOT / "runbooks" / f"{name}.md"
        if not path.exists():
            return self.complain(name, f"has no {path}")
        headings = re.findall(r"^## (.*)$", path.read_text(), re.M)
        if headings != SECTIONS:
            self.complain(path, f"has other sections than {SECTIONS}: {headings}")

    def documents(self):
        for path in [*ROOT.rglob("*.md"), SCALE.with_suffix(".md")]:
            text = path.read_text()
            for link in LINK.findall(text):
                if not (path.parent / link).exists():
                    self.complain(path, f"links to {link}, which does not exist")
            for block in re.findall(r"^```promql\n(.*?)^```", text, re.M | re.S):
                for line in block.splitlines():
                    self.expression(path, line, any_job=True)

    def sent_on(self):
        """Agents keep what rules ask for; servers send on what central rules record."""
        recorded = {rule["record"] for group in yaml.safe_load(CENTRAL.read_text())["groups"] for rule in group["rules"]}
        asked = {name for name in self.asked if ":" not in name and not name.startswith("ALERTS")}
        for path, names in ((SCALE / "agent.yml", asked), (SCALE / "leaf.yml", recorded)):
            steps = yaml.safe_load(path.read_text())["remote_write"][0]["write_relabel_configs"]
            for name in sorted(names):
                if any((step["action"] == "keep") != bool(re.fullmatch(step["regex"], name)) for step in steps):
                    self.complain(path, f"does not send {name}")

    def tests(self, alerts):
        """An alert is seen as it fires, with all that it says, and as it does not."""
        fires, silent = set(), set()
        for path in sorted((ROOT / "tests").glob("*.yml")):
            for test in yaml.safe_load(path.read_text()).get("tests", []):
                for case in test.get("alert_rule_test", []):
                    (fires if case.get("exp_alerts") else silent).add(case["alertname"])
        for name in sorted(alerts):
            if name not in fires or name not in silent:
                self.complain(name, "has no test in which it fires, or none in which it does not")

    def run(self):
        alerts = set()
        for path in [*sorted(ROOT.glob("*.rules.yml")), ROOT / "optional/totals.rules.yml", CENTRAL]:
            alerts |= self.rules(path)
        alerts.add("ApplicationSuccessLow")  # of metrics that are not ours
        for name in sorted(alerts):
            self.runbook(name)
        for path in (ROOT / "runbooks").glob("[A-Z]*.md"):
            if path.stem not in alerts:
                self.complain(path, "is about no alert")
        self.documents()
        self.sent_on()
        self.tests(alerts)
        return self.found


found = Linter().run()
print(*found, sep="\n", end="\n" if found else "")
sys.exit(1 if found else 0)
