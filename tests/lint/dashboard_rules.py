#!/usr/bin/env python3
"""Dashboards keep the rules of grafana/dashboard-linter, all of them, and ours: their metrics and labels exist,
their thresholds are the alerts', and what they link to is there."""
import json
import math
import pathlib
import re
import subprocess
import sys

import yaml
from metric_reference import OF_SOME_CONNECTIONS, TARGET_LABELS, Reference
from promql import Expression, Wrong

UIDS = {"socket-ports", "socket-connections", "socket-services", "socket-websocket", "socket-limits", "socket-exporter"}
VARIABLES = ["datasource", "environment", "cluster", "job", "instance", "netns"]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"none", "string", "short", "locale", "percentunit", "s", "bytes", "Bps", "cps", "pps", "reqps"}
SEVERITY = {"blue": "info", "orange": "warning", "red": "critical"}
WORST = ["green", "blue", "orange", "red"]
IMPLIED = {"ListenQueueFull": {1.0}}  # longer than its limit
NUMBER = r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])"
RANGE = re.compile(r"(\w+)\(\s*[\w:]+\s*(?:\{[^}]*\})?\s*\[\s*([^\]]+?)\s*\]")
HOST = ("job", "instance", "cluster", "environment")
TYPES = {"row", "stat", "state-timeline", "timeseries", "heatmap", "bargauge", "table"}
# Names of one thing, of which each has the same colour; no other two have.
ALIKE = [{"timeout", "abnormal_timeout"}, {"reset", "abnormal_reset"}, {"aborted", "abnormal_local"},
         {"time_wait", "left in TIME_WAIT"}, {"other", "unknown", "no_status"}, {"none", "abnormal_fin"}]


def alerts():
    """{name: [(severity, numbers of its expression)]}, and the dashboards that alerts point at."""
    found, uids = {}, set()
    for path in [*pathlib.Path("alerts").glob("*.rules.yml"), pathlib.Path("alerts/optional/totals.rules.yml")]:
        for rule in (rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]):
            if "alert" in rule:
                numbers = {float(number) for number in re.findall(NUMBER, rule["expr"])} | IMPLIED.get(rule["alert"], set())
                found.setdefault(rule["alert"], []).append((rule["labels"]["severity"], numbers))
                uids.add(rule["annotations"]["dashboard_url"].rsplit("/", 1)[1])
    return found, uids


class Linter:
    def __init__(self, path, reference, known_alerts):
        self.dashboard, self.reference, self.alerts = json.loads(path.read_text()), reference, known_alerts
        self.where, self.found = path.name, []
        self.panels = [panel for panel in self.dashboard["panels"] if panel["type"] != "row"]
        self.variables = {variable["name"]: variable for variable in self.dashboard["templating"]["list"]}

    def complain(self, text):
        self.found.append(f"{self.where}: {text}")

    def require(self, condition, text):
        if not condition:
            self.complain(text)

    def templates(self):
        """template-datasource, -job, -instance, -label-promql, -on-time-change-reload; uneditable-dashboard."""
        own = ["destination"] if self.dashboard["uid"] == "socket-services" else []
        self.require(list(self.variables) == VARIABLES + own, f"has other variables than {VARIABLES + own}")
        source = self.variables["datasource"]
        self.require((source["type"], source["label"], source["query"]) == ("datasource", "Data source", "prometheus"),
                     "has no templated data source")
        for name, label, everything in (("job", "Job", ".+"), ("instance", "Instance", ".+"), ("netns", None, ".+"),
                                        ("environment", None, ".*"), ("cluster", None, ".*"), *((name, None, ".+") for name in own)):
            variable = self.variables[name]
            self.require(variable["type"] == "query" and variable["multi"] and variable["includeAll"] and
                         variable["allValue"] == everything and variable["label"] == (label or variable["label"]) and
                         variable["datasource"] == DATASOURCE, f"has a variable {name} that is not as it has to be")
            self.require(variable["definition"] == variable["query"], f"shows another query for {name} than it has")
            self.require(variable["refresh"] == 2, f"does not read {name} anew when the time changes")
            query = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            self.require(query and query[2] == name, f"has no label_values() for {name}")
            if query:
                self.expression(query[1], query[2])
        self.require(self.dashboard["editable"] is False, "can be edited")

    def panel(self, panel):
        """panel-datasource, -title-description, -units, -no-targets."""
        self.where = f"{self.dashboard['uid']}: {panel['title']}"
        self.require(panel["datasource"] == DATASOURCE, "does not use the templated data source")
        self.require(panel["title"] and panel["description"].endswith("."), "has no title, or no description")
        self.require(panel["fieldConfig"]["defaults"]["unit"] in UNITS, "has no unit that Grafana knows")
        self.require(panel["targets"], "asks for nothing")
        for target in panel["targets"]:
            self.target(target)
        self.require(len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]), "has a refId twice")
        self.links(panel)
        self.thresholds(panel)
        self.require(panel["type"] != "heatmap" or panel["targets"][0]["format"] == "heatmap", "is no heatmap of buckets")
        self.require("duration" not in panel["title"].lower() or panel["type"] == "heatmap", "shows durations otherwise")

    def target(self, target):
        """target-promql, -rate-interval, -job, -instance, -counter-agg; -logql and -logql-auto: there is no Loki."""
        self.require(target["datasource"] == DATASOURCE, "does not ask the templated data source")
        text = target["expr"]
        for function, window in RANGE.findall(text):
            self.require(function not in ("rate", "irate", "increase") or window == "$__rate_interval",
                         f"has {function}() over {window}")
        for name in re.findall(r"\$(\w+)", text):
            self.require(name in self.variables or name == "__rate_interval", f"has no variable ${name}")
        result = self.expression(text)
        used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        if result and result.labels and "*" not in result.labels:
            self.require(used <= result.labels | TARGET_LABELS, f"names series by what they do not have: {used}")

    def expression(self, text, label=None, chosen=HOST):
        try:
            parsed = Expression(text.replace("$__rate_interval", "5m"), self.reference.metric_of, TARGET_LABELS)
        except (Wrong, IndexError) as error:
            return self.complain(f"{error}: {text}")
        for selector in parsed.selectors:
            metric = self.reference.metric_of(selector.metric)
            for name in () if label else chosen:
                self.require((name, "=~", "$" + name) in selector.matchers, f"asks for {selector.metric} without ${name}")
            if not label and "netns" in metric.labels and not {"*"} & metric.labels:
                self.require(("netns", "=~", "$netns") in selector.matchers, f"does not narrow {selector.metric} by netns")
            if not label and "destination" in self.variables and "destination" in metric.labels:
                self.require(("destination", "=~", "$destination") in selector.matchers, f"does not narrow {selector.metric} by destination")
            self.require(not label or label in metric.labels | TARGET_LABELS, f"asks {selector.metric} for {label}")
        return parsed.result

    def links(self, panel):
        data = panel["fieldConfig"]["defaults"].get("links", [])
        data = data + [link for override in panel["fieldConfig"]["overrides"] for one in override["properties"]
                       if one["id"] == "links" for link in one["value"]]
        self.require(any(link["url"].endswith(".md") for link in panel["links"]), "has no runbook")
        columns = {name for one in panel.get("transformations", []) for name in one["options"].get("indexByName", {})}
        for link in [*panel["links"], *data]:
            self.link(link["url"])
            missing = set(re.findall(r"__data\.fields\.(\w+)", link["url"])) - columns
            self.require(not missing, f"links by columns that it does not have: {missing}")

    def link(self, url):
        if url.endswith(".md"):
            self.require(pathlib.Path("alerts/runbooks", url.rsplit("/", 1)[1]).exists(), f"links to {url}")
        elif uid := re.match(r"/d/([\w-]+)", url):
            self.require(uid[1] in UIDS, f"links to {url}")
            for name in re.findall(r"var-(\w+)=", url) + re.findall(r"\$\{(\w+):queryparam\}", url):
                known = name in (*VARIABLES, "__url_time_range") or (uid[1], name) == ("socket-services", "destination")
                self.require(known, f"links with a variable {name}")

    def thresholds(self, panel):
        """Each step has the value of an alert that the panel has the runbook of, and its severity's colour."""
        linked = [level for link in panel["links"] for level in self.alerts.get(link["title"].split(": ")[-1], [])]
        config = panel["fieldConfig"]
        groups = [config["defaults"]["thresholds"]] if panel["type"] != "state-timeline" else []
        groups += [one["value"] for override in config["overrides"] for one in override["properties"] if one["id"] == "thresholds"]
        counts = all(target["expr"].startswith("count(") for target in panel["targets"])
        for steps in (group["steps"] for group in groups):
            for below, step in zip(steps, steps[1:]):
                severity = SEVERITY[max(below["color"], step["color"], key=WORST.index)]
                value = 0 if step["value"] == 1e-9 else step["value"]
                known = [number for level, numbers in linked for number in numbers if level == severity]
                self.require(any(math.isclose(value, number) for number in known) or counts and value == 1,
                             f"has a threshold of {value} for {severity}, which no alert of its runbooks has")
        every = {number for levels in self.alerts.values() for _, numbers in levels for number in numbers}
        for target in panel["targets"]:
            for value in re.findall(rf"bool ({NUMBER})", target["expr"]):
                self.require(float(value) in every | {0.0}, f"has a condition of {value}, which no alert has")

    def layout(self):
        cells = set()
        for panel in self.dashboard["panels"]:
            at = panel["gridPos"]
            own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.require(not own & cells and max(x for x, _ in own) < 24, f"has {panel['title']} over another panel")
            cells |= own
        titles = [panel["title"] for panel in self.panels if panel["type"] != "heatmap"]
        self.require(len({panel["id"] for panel in self.dashboard["panels"]}) == len(self.dashboard["panels"]), "has an id twice")
        self.require(len(set(titles)) == len(titles), "has a title twice")
        first = [panel["type"] for panel in self.panels if panel["gridPos"]["y"] < 12]
        self.require("state-timeline" in first and "stat" in first, "does not begin with the answer")

    def run(self):
        self.templates()
        self.require(self.dashboard["schemaVersion"] == 41 and self.dashboard["graphTooltip"] == 1, "has another form")
        self.require(self.dashboard["uid"] + ".json" == self.where, "has another uid than its file")
        self.layout()
        self.require({link["url"][3:] for link in self.dashboard["links"][:-1]} == UIDS - {self.dashboard["uid"]}, "has no link to each other dashboard")
        for link in self.dashboard["links"]:
            self.link(link["url"])
        self.require(len(self.dashboard["annotations"]["list"]) == 2, "does not mark critical alerts and warnings")
        for panel in self.dashboard["panels"]:
            self.require(panel["type"] in TYPES and not panel.get("collapsed"), f"has {panel['title']}, which Grafana does not show")
        for annotation in self.dashboard["annotations"]["list"]:
            self.require(annotation["datasource"] == DATASOURCE, "has annotations of another data source")
            self.expression(annotation["expr"], chosen=("job", "cluster", "environment"))
            pattern = re.search(r'alertname=~"([^"]+)"', annotation["expr"])[1]
            for part in pattern.split("|"):
                self.require(any(re.fullmatch(part, name) for name in self.alerts), f"marks {part}, which is no alert")
        for panel in self.panels:
            self.panel(panel)
        return self.found


def colours(paths):
    """Complaints of names with two colours, and of colours with two meanings."""
    names = {}
    for panel in (panel for path in paths for panel in json.loads(path.read_text())["panels"]):
        for override in panel.get("fieldConfig", {}).get("overrides", []):
            for one in override["properties"]:
                if one["id"] == "color" and one["value"]["mode"] == "fixed":
                    names.setdefault(override["matcher"]["options"], set()).add(one["value"]["fixedColor"])
    meaning = {}
    for name, found in sorted(names.items()):
        if len(found) > 1:
            yield f"{name} has the colours {sorted(found)}"
        meaning.setdefault(min(found), set()).add(name)
    for colour, same in meaning.items():
        if len(same) > 1 and not any(same <= alike for alike in ALIKE):
            yield f"{colour} stands for {sorted(same)}"
    for alike in ALIKE:
        if len({min(names[name]) for name in alike}) > 1:
            yield f"{sorted(alike)} have different colours"


def drawn(reference):
    """What pictures are drawn of is what the exporter has."""
    script = "dashboards/render/incidents.py"
    text = "".join(subprocess.run([script, name, "--once"], check=True, stdout=subprocess.PIPE, text=True).stdout
                   for name in ("calm", "exhaustion", "websocket"))
    for name, labels in sorted({(name, frozenset(re.findall(r'(\w+)="', labels))) for name, labels in re.findall(r"^(\w+)\{(.*)\} ", text, re.M)}):
        metric = reference.metric_of(name)
        if not metric or metric.labels - OF_SOME_CONNECTIONS - {"*"} != labels - TARGET_LABELS and name != "ALERTS":
            yield f"{script}: {name} is no metric of ours, or has other labels than {sorted(labels)}"


def main():
    known_alerts, wanted = alerts()
    paths = sorted(pathlib.Path("dashboards/json").glob("*.json"))
    reference = Reference()
    found = [complaint for path in paths for complaint in Linter(path, reference, known_alerts).run()]
    found += [*colours(paths), *drawn(reference)]
    if '"resolved"' in pathlib.Path("dashboards/render/package-lock.json").read_text():
        found.append("dashboards/render/package-lock.json has addresses")
    uids = {json.loads(path.read_text())["uid"] for path in paths}
    if uids != UIDS or not wanted <= uids:
        found.append(f"dashboards are {sorted(uids)}, alerts point at {sorted(wanted)}")
    for link in re.findall(r"\]\((?!https?://)([^)#]+)", pathlib.Path("dashboards/README.md").read_text()):
        if not pathlib.Path("dashboards", link).exists():
            found.append(f"dashboards/README.md links to {link}, which does not exist")
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
