// The lists of the page, one function each: makes its table and returns what fills it.

import { element, once, setAttribute, setStyle, setText, sparkline, drawSparkline, table } from "./dom.js";
import { SECONDS } from "./history.js";
import {
  STATUS, address, failureLevel, level, marksOf, number, percentOf, processName, rate, span, statesText, sumOf, workload,
} from "./words.js";

export const tupleKey = (row) =>
  `tuple|${row.netns}|${row.source}|${row.destination}|${row.destinationPort}`;
export const websocketKey = (row) => `ws|${row.netns}|${row.namespace}|${row.pod}|${row.port}|${row.tls}`;

const text = (head, of, number) => ({ head, number, fill: (cell, row) => setText(cell, of(row)) });

// Two lines: what it is, and what else is known of it.
function twoLines(head, first, second) {
  return {
    head,
    fill(cell, row) {
      const [one, two] = once(cell, () =>
        element("div", {}, element("span"), element("span", { class: "more" }))).children;
      setText(one, first(row));
      setText(two, second(row));
    },
  };
}

const makeBar = () => element("div", { class: "bar", "aria-hidden": "true" }, element("div", { class: "fill" }),
  element("i"), element("i"), element("i"));

function fillBar(bar, percent, scale) {
  const [fill, ...marks] = bar.children;
  setAttribute(bar, "data-level", level(percent, scale).name);
  setStyle(fill, "width", `${Math.min(percent, 100).toFixed(1)}%`);
  const places = marksOf(scale);
  marks.forEach((mark, i) => {
    mark.hidden = places[i] === undefined;
    if (!mark.hidden) setStyle(mark, "left", `${places[i]}%`);
  });
}

// A bar with its numbers, by the row's scale; nothing where there is no limit.
function barColumn(head, percentOfRow, wordsOf) {
  return {
    head,
    fill(cell, row) {
      const box = once(cell, () => element("div", { class: "used" }, element("span"), makeBar()));
      const percent = percentOfRow(row);
      setText(box.firstChild, wordsOf(row));
      box.lastChild.hidden = percent === null;
      if (percent !== null) fillBar(box.lastChild, percent, row.scale);
    },
  };
}

const portsPercent = (tuple) => percentOf(tuple.usedPorts, tuple.usablePorts);
// Nothing where all rows are of the one namespace that was chosen.
const place = (row) => row.place;
const within = (row) => [workload(row), place(row)].filter(Boolean).join(" · ");

// When the last port goes, if it went on as in the last minute.
function outlook(row, history) {
  const left = row.usablePorts - row.usedPorts;
  const growth = history.rate(tupleKey(row));
  if (left <= 0) return "full: connect() fails";
  if (growth === undefined) return "";
  if (growth * 3600 < left) return Math.abs(growth) < 0.5 ? "steady" : `${growth < 0 ? "falling" : "rising"} ${rate(Math.abs(growth))}`;
  return `rising ${rate(growth)}: full in ${span(left / growth)} at this rate`;
}

export function tuples(history) {
  const one = table("Fullest tuples", [
    twoLines("Source → destination", (row) => `${row.source} → ${address(row.destination, row.destinationPort)}`,
      (row) => [row.service, place(row)].filter(Boolean).join(" · ")),
    twoLines("Process", (row) => processName(row) || "not known", workload),
    barColumn("Ports used", portsPercent,
      (row) => `${row.usedPercent} % ${level(portsPercent(row), row.scale).word} · ${number(row.usedPorts)} of ${number(row.usablePorts)}`),
    twoLines("States", (row) => statesText(row.states), (row) => outlook(row, history)),
    {
      head: "Last minutes",
      fill(cell, row) {
        drawSparkline(once(cell, sparkline), history.samples(tupleKey(row)), SECONDS, row.usablePorts);
      },
    },
  ]);
  return { node: one.node, show: (rows) => one.show(rows, tupleKey) };
}

export function processes() {
  const one = table("Processes", [
    twoLines("Process", processName, within),
    text("Sockets", (row) => number(row.sockets), true),
    text("Established", (row) => number(row.tcp.established), true),
    text("CLOSE_WAIT", (row) => number(row.tcp.close_wait), true),
    text("SYN_SENT", (row) => number(row.tcp.syn_sent), true),
    barColumn("File descriptors", (row) => (row.fdsLimit ? percentOf(row.openFds, row.fdsLimit) : null),
      (row) => `${number(row.openFds)} of ${row.fdsLimit === null ? "no limit" : number(row.fdsLimit)}`),
  ]);
  return { node: one.node, show: (rows) => one.show(rows, (row) => `${row.netns}|${row.pid}|${row.process}`) };
}

export function namespaces(choose) {
  const one = table("Namespaces and pods", [
    {
      head: "State",
      fill(cell, { status }) {
        const { name, sign, word } = STATUS[status];
        setAttribute(cell, "data-level", name);
        setText(once(cell, () => element("span", { class: "chip" })), `${sign} ${word}`);
      },
    },
    {
      head: "Namespace",
      fill(cell, { netns }) {
        const link = once(cell, () => {
          const made = element("a");
          made.addEventListener("click", (event) => choose(made.textContent, event));
          return made;
        });
        setText(link, netns.name);
        setAttribute(link, "href", `?netns=${encodeURIComponent(netns.name)}`);
      },
    },
    text("Pod", ({ netns }) => (workload(netns) === netns.name ? "" : workload(netns))),
    barColumn("Fullest tuple", ({ tuples: [top] = [] }) => (top ? portsPercent(top) : null),
      ({ ports, tuples: [top] = [] }) => (top ? `${top.usedPercent} %` : ports ? "none" : "not readable")),
    text("Ports used", ({ ports }) => (ports ? number(ports.usedPorts) : ""), true),
    text("Sockets", ({ tcpStates, udpSockets }) => (tcpStates ? number(sumOf(tcpStates) + udpSockets) : ""), true),
    text("Top process", ({ processes: [top] = [] }) => (top ? processName(top) : "")),
  ]);
  return { node: one.node, show: (rows) => one.show(rows, ({ netns }) => netns.inode) };
}

export function listeners() {
  const one = table("Accept queues", [
    twoLines("Listener", (row) => address(row.address, row.port), place),
    text("Process", processName),
    barColumn("Waiting for accept()", (row) => (row.limit === null ? null : percentOf(row.waiting, row.limit + 1)),
      (row) => `${number(row.waiting)} of ${row.limit === null ? "?" : number(row.limit)}`),
  ]);
  return { node: one.node, show: (rows) => one.show(rows, (row) => `${row.netns}|${row.address}|${row.port}`) };
}

export function openings() {
  const failures = (row) => Object.entries(row.failuresPerSecond).filter(([, count]) => count > 0);
  const one = table("Connections opened", [
    twoLines("Destination", (row) => address(row.destination, row.destinationPort),
      (row) => [row.service, place(row)].filter(Boolean).join(" · ")),
    text("Opened", (row) => rate(row.opensPerSecond), true),
    {
      head: "Failed",
      fill(cell, row) {
        const failed = failures(row).map(([reason, count]) => `${rate(count)} ${reason}`).join(", ");
        const chip = once(cell, () => element("span"));
        setAttribute(cell, "data-level", failureLevel(row.failuresPerSecond));
        setAttribute(chip, "class", failed ? "chip wraps" : "");
        setText(chip, failed ? `✗ ${failed}` : "none");
      },
    },
    text("Lifetime", (row) => (row.lifetimeSeconds === null ? "not known" : `${span(row.lifetimeSeconds)} median`)),
    text("Opened by", (row) => row.openers.slice(0, 3).map((opener) =>
      `${processName(opener)}${opener.share < 1 ? ` ${Math.round(opener.share * 100)} %` : ""}`).join(", ")),
  ]);
  return { node: one.node, show: (rows) => one.show(rows, (row) => `${row.netns}|${row.destination}|${row.destinationPort}`) };
}

const ending = ({ reason, initiator }) => (initiator === "none" ? reason : `${reason} by ${initiator}`);
export const endingKey = (row, closed) => `${websocketKey(row)}|${ending(closed)}`;

function list(parts) {
  return parts.sort((a, b) => b[0] - a[0]).map(([count, name]) => `${number(count)} ${name}`).join(", ");
}

export function websockets(history) {
  const recent = (row) => list(row.closed.map((closed) => [history.growth(endingKey(row, closed)).count, ending(closed)])
    .filter(([count]) => count > 0));
  const before = (row) => {
    const { seconds } = history.growth(websocketKey(row));
    return seconds > 0 ? `in the last ${span(seconds)}` : "this page was just opened";
  };
  const one = table("WebSocket connections", [
    twoLines("Server port", (row) => (row.tls ? `${row.port} (TLS)` : row.port), within),
    text("Open", (row) => number(row.active), true),
    text("Opened", (row) => number(row.opened), true),
    twoLines("Recent disconnects", (row) => recent(row) || "none", before),
    twoLines("Since the exporter's start", (row) =>
      list(row.closed.map((closed) => [closed.connections, ending(closed)])) || "no disconnects",
    (row) => {
      const failed = list(Object.entries(row.failedHandshakes).map(([type, count]) => [count, type]));
      return failed && `failed handshakes: ${failed}`;
    }),
  ]);
  return { node: one.node, show: (rows) => one.show(rows, websocketKey) };
}

export function states() {
  const one = table("TCP sockets by state", [
    text("State", (row) => row.state),
    text("Sockets", (row) => number(row.count), true),
    {
      head: "Share",
      fill(cell, row) {
        const bar = once(cell, () => element("div", { class: "plain", "aria-hidden": "true" }, element("div", { class: "fill" })));
        setStyle(bar.firstChild, "width", `${(row.share * 100).toFixed(1)}%`);
      },
    },
  ]);
  return {
    node: one.node,
    show(counts) {
      const most = Math.max(1, ...Object.values(counts));
      const rows = Object.entries(counts).filter(([, count]) => count > 0).map(([state, count]) => ({ state, count, share: count / most }));
      one.show(rows, (row) => row.state);
    },
  };
}

export function features() {
  const one = table("Features of this host", [
    text("Feature", (row) => row.feature),
    {
      head: "State",
      fill(cell, row) {
        setAttribute(cell, "data-level", row.on ? "green" : "unknown");
        setText(once(cell, () => element("span", { class: "chip" })), row.on ? "✓ on" : "– off");
      },
    },
    text("Why", (row) => row.reason),
  ]);
  return { node: one.node, show: (rows) => one.show(rows, (row) => row.feature) };
}
