// Numbers and names as people read them.

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export const number = (value) => grouped.format(value);

export function counted(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

// No line ends before a "%".
export const prose = (text) => text.replaceAll(" %", "\u00a0%");

export function rate(value) {
  return value >= 10 || value === 0 ? `${number(value)}/s` : `${value.toFixed(1)}/s`;
}

export function span(seconds) {
  if (seconds < 0.0995) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function address(host, port) {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function processName(row) {
  if (!row.process) return "";
  return row.pid ? `${row.process} (pid ${row.pid})` : row.process;
}

export function workload(row) {
  if (row.pod) return `${row.namespace}/${row.pod}${row.container ? ` · ${row.container}` : ""}`;
  return row.container ? `container ${row.container}` : "";
}

const SLOWER = 50; // from here on connect() looks longer for a port

// Where a bar changes its colour: at the thresholds of the check, and before when ports get scarce.
export const scaleOf = ({ warningThreshold, criticalThreshold }) =>
  ({ warning: warningThreshold, critical: criticalThreshold });
export const portScaleOf = (thresholds) =>
  ({ ...scaleOf(thresholds), early: SLOWER < thresholds.warningThreshold ? SLOWER : undefined });

export const marksOf = ({ early, warning, critical }) => [early, warning, critical].filter((mark) => mark !== undefined);

// "Marks are at 50, 70 and 85 %."
export function marksText(scale) {
  const marks = marksOf(scale);
  return `Marks are at ${marks.slice(0, -1).join(", ")} and ${marks.at(-1)} %.`;
}

// As the checks have it: everything of nothing is used.
export const percentOf = (part, whole) => (whole > 0 ? (part * 100) / whole : 100);

// The word says it without the colour.
export function level(percent, { early, warning, critical }) {
  if (percent >= critical) return { name: "red", word: "critical" };
  if (percent >= warning) return { name: "orange", word: "high" };
  if (percent >= early) return { name: "yellow", word: "filling" };
  return { name: "green", word: "calm" };
}

// Without a port nothing can be connected: that is worse than a peer that refuses.
export function failureLevel(failuresPerSecond) {
  if (failuresPerSecond.no_port > 0) return "red";
  return sumOf(failuresPerSecond) > 0 ? "yellow" : "green";
}

export const STATUS = {
  ok: { name: "green", sign: "✓", word: "OK" },
  warning: { name: "orange", sign: "▲", word: "Warning" },
  critical: { name: "red", sign: "■", word: "Critical" },
  unknown: { name: "unknown", sign: "?", word: "Unknown" },
};

const CAUSES = {
  churn: "connection churn",
  close_wait_leak: "CLOSE_WAIT leak",
  pool_too_large: "pool too large",
  unresponsive_peer: "unresponsive peer",
  accept_queue_full: "accept queue",
  descriptors: "file descriptors",
  conntrack: "connection tracking",
  udp_ports: "UDP ports",
  ports_bound: "ports held by bind()",
};

export const causeName = (cause) => CAUSES[cause] ?? cause;

// "14,744 time_wait, 180 established"; largest first.
export function statesText(states) {
  return Object.entries(states).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1])
    .map(([state, count]) => `${number(count)} ${state}`).join(", ");
}

export function sumOf(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
