// Draws a report; the same for one namespace and for all.

import { drawSparkline, element, keyed, setAttribute, setText, sparkline } from "./dom.js";
import { History, SECONDS } from "./history.js";
import * as tables from "./tables.js";
import {
  STATUS, causeName, counted, failureLevel, level, marksText, number, percentOf, portScaleOf, prose, rate, scaleOf, span, sumOf,
} from "./words.js";

const MOST_CAUSES = 6;

// A part of the page that can be folded; on a phone all but the first is, at first. It is hidden
// where there is nothing to say.
function section(title, open, list) {
  const about = element("p", { class: "note" });
  const node = element("details", { class: "card", open },
    element("summary", {}, element("h2", {}, title)), about, list);
  return { node, about };
}

// Findings of all namespaces, each with where it is.
function findingsOf(report) {
  if (!report.reports) return report.findings.map((finding) => ({ ...finding, netns: report.netns.name }));
  return report.reports.flatMap(({ netns, findings }) =>
    findings.map((finding) => ({ ...finding, netns: netns.name })));
}

function makeCause(finding) {
  return element("details", { class: "cause" },
    element("summary", {}, element("span", { class: "chip" }), " ", element("span")),
    element("div", {},
      element("div", {}, element("h3", {}, "Why"), element("p")),
      element("div", {}, element("h3", {}, "What to do"), element("ul"), element("p", { class: "note" }))));
}

// The headline of the first is that of the page.
function fillCause(node, { cause, status, headline, explanation, steps, where, netns }, isFirst) {
  const [summary, body] = node.children;
  const [, why] = body.firstChild.children;
  const [, todo, place] = body.lastChild.children;
  const { name, sign, word } = STATUS[status];
  setAttribute(node, "data-level", name);
  setText(summary.children[0], `${sign} ${word}: ${causeName(cause)}, ${netns}`);
  setText(summary.children[1], isFirst ? "Why, and what to do" : prose(headline));
  setText(why, prose(explanation));
  keyed(todo, steps, (step) => step, () => element("li"), (item, step) => setText(item, prose(step)));
  setText(place, where ?? "");
}

function tile(title) {
  const node = element("div", { class: "tile" }, element("h3", {}, title), element("p", { class: "value" }),
    element("p", { class: "note" }), sparkline());
  const [, value, note, graph] = node.children;
  return {
    node,
    show(history, name, words, more, levelName, top) {
      setText(value, words);
      setText(note, more);
      setAttribute(node, "data-level", levelName ?? "plain");
      drawSparkline(graph, history.samples(name), SECONDS, top);
    },
  };
}

// What the page needs of a report: rows with the scale of their bars.
function digest(report) {
  const scales = {
    ports: portScaleOf(report.thresholds["system-ports"]), queues: scaleOf(report.thresholds["listen-queues"]),
    descriptors: scaleOf(report.thresholds["file-descriptors"]),
  };
  const rows = (list, scale) => (list ?? []).map((row) =>
    ({ netns: report.netns.name, place: report.reports ? row.netns : "", scale, ...row }));
  const [top] = report.tuples ?? [];
  return {
    scales, top,
    tuples: rows(report.tuples, scales.ports), processes: rows(report.processes, scales.descriptors),
    listeners: rows(report.listeners, scales.queues), websockets: report.websockets && rows(report.websockets),
    destinations: rows(report.watched?.destinations), namespaces: rows(report.reports, scales.ports),
    failures: report.watched && sumOf(report.watched.failuresPerSecond),
  };
}

export class View {
  #history = new History();
  #parts;

  constructor(page, choose) {
    this.#parts = this.#make(choose);
    page.append(...this.#order());
  }

  #make(choose) {
    const verdict = element("section", { class: "card verdict" }, element("p", { class: "state" }),
      element("h2"), element("div"), element("p", { class: "note" }));
    const tiles = {
      tuple: tile("Fullest tuple"), sockets: tile("TCP sockets"), opens: tile("Connections opened"),
      failures: tile("connect() failures"), websockets: tile("WebSockets open"),
    };
    const lists = {
      tuples: tables.tuples(this.#history), namespaces: tables.namespaces(choose),
      openings: tables.openings(), processes: tables.processes(), states: tables.states(),
      websockets: tables.websockets(this.#history), listeners: tables.listeners(), features: tables.features(),
    };
    const titles = {
      tuples: "Fullest tuples", namespaces: "Namespaces and pods", openings: "Who opens connections",
      processes: "Processes", states: "TCP sockets by state", websockets: "WebSocket connections",
      listeners: "Accept queues", features: "Features of this host",
    };
    const roomy = !matchMedia("(max-width: 46rem)").matches;
    const sections = {};
    for (const [name, list] of Object.entries(lists)) {
      sections[name] = section(titles[name], roomy || name === "tuples", list.node);
    }
    return { verdict, tiles, lists, sections };
  }

  #order() {
    const { verdict, tiles, sections } = this.#parts;
    const row = element("section", { class: "tiles", "aria-label": "At a glance" },
      ...Object.values(tiles).map(({ node }) => node));
    const { tuples, namespaces, openings, processes, states, websockets, listeners, features } = sections;
    const pair = element("div", { class: "pair" }, states.node, listeners.node);
    return [verdict, row, tuples.node, openings.node, namespaces.node, processes.node, websockets.node, pair,
      features.node];
  }

  show(report) {
    const seen = digest(report);
    const scope = report.reports ? "all" : report.netns.name;
    this.#remember(report, seen, scope);
    this.#showVerdict(report);
    this.#showTiles(report, seen, scope);
    this.#showLists(report, seen);
  }

  #remember({ time, tcpStates, activeWebsockets, watched }, seen, scope) {
    const values = [
      [`${scope}|percent`, seen.top?.usedPercent ?? 0], [`${scope}|sockets`, tcpStates && sumOf(tcpStates)],
      [`${scope}|opens`, watched?.opensPerSecond], [`${scope}|failures`, seen.failures],
      [`${scope}|websockets`, activeWebsockets],
    ];
    for (const row of seen.tuples) values.push([tables.tupleKey(row), row.usedPorts]);
    for (const row of seen.websockets ?? []) {
      const before = this.#history.samples(tables.websocketKey(row)).at(-1);
      for (const closed of row.closed) {
        const name = tables.endingKey(row, closed);
        // What the report did not name before was zero.
        if (before && this.#history.samples(name).length === 0) this.#history.add(before[0], [[name, 0]]);
        values.push([name, closed.connections]);
      }
      values.push([tables.websocketKey(row), row.active]);
    }
    this.#history.add(time, values);
  }

  #showVerdict(report) {
    const { verdict } = this.#parts;
    const [state, headline, causes, more] = verdict.children;
    const { name, sign, word } = STATUS[report.status];
    setAttribute(verdict, "data-level", name);
    setText(state, `${sign} ${word}`);
    setText(headline, prose(report.headline));
    const findings = findingsOf(report);
    const key = ({ netns, cause, steps }) => `${netns}|${cause}|${steps[0]}`;
    const [first] = findings;
    keyed(causes, findings.slice(0, MOST_CAUSES), key, (finding) => {
      const node = makeCause(finding);
      node.open = finding === first;
      return node;
    }, (node, finding) => fillCause(node, finding, finding === first));
    const left = findings.length - MOST_CAUSES;
    const unread = report.unread ? `Could not be read: ${report.unread.parts.join(", ")} (${report.unread.reason}).` : "";
    setText(more, [left > 0 ? `and ${number(left)} more findings.` : "", unread].filter(Boolean).join(" "));
  }

  #showTiles({ tcpStates, udpSockets, tupleCount, watched, activeWebsockets }, { top, scales, failures }, scope) {
    const { tiles } = this.#parts;
    const show = (tile, series, ...rest) => tile.show(this.#history, `${scope}|${series}`, ...rest);
    const { name, word } = level(top ? percentOf(top.usedPorts, top.usablePorts) : 0, scales.ports);
    show(tiles.tuple, "percent", `${top?.usedPercent ?? 0} %`,
      top ? `${word}: ${number(top.usedPorts)} of ${number(top.usablePorts)} ports; ${counted(tupleCount, "tuple")} in all` : "no outgoing connections",
      name, 100);
    const states = tcpStates ?? {};
    show(tiles.sockets, "sockets", number(sumOf(states)),
      `${number(states.established ?? 0)} established, ${number(states.time_wait ?? 0)} time_wait; ${number(udpSockets ?? 0)} UDP`);
    tiles.opens.node.hidden = tiles.failures.node.hidden = !watched;
    if (watched) {
      const reasons = Object.entries(watched.failuresPerSecond).sort((a, b) => b[1] - a[1]);
      show(tiles.opens, "opens", rate(watched.opensPerSecond), `in the last ${span(watched.seconds)}`);
      show(tiles.failures, "failures", rate(failures), failures > 0 ? `✗ mostly ${reasons[0][0]}` : "none",
        failureLevel(watched.failuresPerSecond));
    }
    tiles.websockets.node.hidden = activeWebsockets === null || activeWebsockets === undefined;
    if (!tiles.websockets.node.hidden) show(tiles.websockets, "websockets", number(activeWebsockets), "connections now");
  }

  #showLists(report, seen) {
    const { lists, sections } = this.#parts;
    const show = (name, rows, note) => {
      sections[name].node.hidden = rows.length === 0;
      lists[name].show(rows);
      setText(sections[name].about, note ?? "");
    };
    show("tuples", seen.tuples.filter(({ usedPercent }, i) => i < 3 || usedPercent > 0), `The fullest of ${number(report.tupleCount ?? 0)}: `
      + `ports that connect() cannot take again towards one destination. ${marksText(seen.scales.ports)}`);
    show("namespaces", seen.namespaces, this.#namespacesNote(report));
    show("openings", seen.destinations,
      "Destinations that most connections were opened to since the last look, and those that failed most.");
    const hidden = report.unreadableProcesses > 0
      ? ` ${number(report.unreadableProcesses)} more could not be looked into, for lack of permission.` : "";
    show("processes", seen.processes, `${marksText(seen.scales.descriptors)}${hidden}`);
    show("websockets", seen.websockets ?? [], "");
    show("listeners", seen.listeners, marksText(seen.scales.queues));
    show("features", report.features, "");
    sections.states.node.hidden = !report.tcpStates;
    if (report.tcpStates) lists.states.show(report.tcpStates);
  }

  #namespacesNote({ statuses, reports }) {
    if (!statuses) return "";
    const total = sumOf(statuses);
    const parts = Object.entries(statuses).filter(([, count]) => count > 0).map(([status, count]) => `${number(count)} ${status}`);
    return `${number(total)} in all: ${parts.join(", ")}.${total > reports.length ? ` The worst ${number(reports.length)} are listed; any other can be named above.` : ""}`;
  }
}
