// Asks for the report every two seconds, as long as somebody looks.

import { element, keyed, setAttribute, setText } from "./dom.js";
import { View } from "./view.js";
import { STATUS, span } from "./words.js";

const INTERVAL = 2000;
const PATIENCE = 15000;
const ALL = "all";

const by = (id) => document.getElementById(id);
const view = new View(by("page"), choose);

let netns = chosenByAddress();
let paused = false;
let timer;
let request; // the AbortController of the one under way
let shown; // { time, at, age } of the last report
let spoken;

function chosenByAddress() {
  return new URLSearchParams(location.search).get("netns") || ALL;
}

function choose(name, event) {
  if (event && (event.ctrlKey || event.metaKey || event.shiftKey)) return;
  event?.preventDefault();
  const next = name.trim() || ALL;
  if (next === netns) return;
  history.pushState(null, "", next === ALL ? location.pathname : `?netns=${encodeURIComponent(next)}`);
  look();
}

// At once, at what the address names.
function look() {
  netns = chosenByAddress();
  by("netns").value = netns === ALL ? "" : netns;
  by("all").hidden = netns === ALL;
  request?.abort();
  poll();
}

async function poll() {
  clearTimeout(timer);
  const mine = new AbortController();
  request = mine;
  const patience = setTimeout(() => mine.abort(new Error(`no answer within ${PATIENCE / 1000} s`)), PATIENCE);
  try {
    const response = await fetch(`api/v1/report?netns=${encodeURIComponent(netns)}`, { signal: mine.signal });
    if (!response.ok) throw new Error(`${response.status}: ${(await response.text()).trim()}`);
    const report = await response.json();
    if (request === mine) show(report, Date.parse(response.headers.get("Date")) / 1000);
  } catch (error) {
    if (request === mine) showTrouble(mine.signal.reason?.message ?? error.message);
  } finally {
    clearTimeout(patience);
    if (request === mine) next();
  }
}

function next() {
  request = undefined;
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(poll, INTERVAL);
}

function show(report, now) {
  by("trouble").hidden = true;
  by("page").hidden = false;
  shown = { at: performance.now(), age: Math.max(0, now - report.time || 0) };
  view.show(report);
  if (report.reports) {
    keyed(by("names"), report.reports.map((one) => one.netns.name), (name) => name, () => element("option"),
      (option, name) => setAttribute(option, "value", name));
  }
  const { sign, word } = STATUS[report.status];
  document.title = `${sign} ${word} · ${location.host}`;
  // Said aloud when it changes, not every two seconds.
  const say = `${word}${netns === ALL ? "" : ` in ${netns}`}`;
  if (say !== spoken) setText(by("spoken"), `State: ${say}. ${report.headline}`);
  spoken = say;
  showAge();
}

function showTrouble(what) {
  setText(by("trouble"), `No report: ${what}${shown ? " What is below is the last one." : ""}`);
  by("trouble").hidden = false;
  document.title = `? No answer · ${location.host}`;
  showAge();
}

function showAge() {
  const live = by("live");
  const trouble = !by("trouble").hidden;
  setAttribute(live, "data-live", paused ? "paused" : trouble ? "trouble" : shown ? "live" : "waiting");
  const word = paused ? "Paused" : trouble ? "No answer" : "Live";
  if (shown) setText(live, `${word} · ${span(Math.max(1, Math.round(shown.age + (performance.now() - shown.at) / 1000)))} old`);
  else if (trouble) setText(live, word);
}

function setPaused(value) {
  paused = value;
  setAttribute(by("pause"), "aria-pressed", String(paused));
  if (paused) clearTimeout(timer);
  else if (!request) poll();
  showAge();
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

// Storage may be forbidden: the page works without.
function stored(key, value) {
  try {
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

setText(by("host"), location.host);
by("theme").value = stored("theme") ?? "";
setTheme(by("theme").value);
by("theme").addEventListener("change", ({ target }) => {
  setTheme(target.value);
  stored("theme", target.value);
});
by("filter").addEventListener("submit", (event) => choose(by("netns").value, event));
by("netns").addEventListener("change", () => choose(by("netns").value));
by("all").addEventListener("click", () => {
  choose(ALL);
  by("netns").focus();
});
by("pause").addEventListener("click", () => setPaused(!paused));
addEventListener("popstate", look);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !paused && !request) poll();
});
setInterval(showAge, 1000);
look();
