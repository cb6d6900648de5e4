// Small helpers over the DOM. All text goes in as text, never as HTML.

const kept = new WeakMap(); // parent → children by key

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

// Leaves a text alone that stays the same, so that it can be selected.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function setStyle(node, name, value) {
  if (node.style[name] !== value) node.style[name] = value;
}

// Makes the children of `parent` those of `items`; a child keeps its node, its focus and what is
// open in it for as long as its key is there.
export function keyed(parent, items, keyOf, make, update) {
  const before = kept.get(parent) ?? new Map();
  const now = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    if (now.has(key)) continue;
    const node = before.get(key) ?? make(item);
    now.set(key, node);
    update(node, item);
    if (node === place) {
      place = place.nextSibling;
    } else {
      parent.insertBefore(node, place);
    }
  }
  for (const [key, node] of before) if (!now.has(key)) node.remove();
  kept.set(parent, now);
}

// A table whose columns are {head, number, fill(cell, row)}. On a phone each row becomes a card:
// the roles say that it is a table all the same.
export function table(caption, columns) {
  const head = element("tr", { role: "row" }, ...columns.map(({ head, number }) =>
    element("th", { scope: "col", role: "columnheader", class: number ? "number" : undefined }, head)));
  const body = element("tbody", { role: "rowgroup" });
  const whole = element("table", { role: "table", "aria-label": caption },
    element("thead", { role: "rowgroup" }, head), body);
  const makeRow = () => element("tr", { role: "row" }, ...columns.map(({ head, number }) =>
    element("td", { role: "cell", "data-label": head, class: number ? "number" : undefined })));
  const fillRow = (row, item) => {
    columns.forEach(({ fill }, i) => fill(row.children[i], item));
  };
  return {
    node: whole,
    show: (items, keyOf) => keyed(body, items, keyOf, makeRow, fillRow),
  };
}

// The child of a cell that is made once and then filled.
export function once(parent, make) {
  if (!parent.firstChild) parent.append(make());
  return parent.firstChild;
}

const SVG = "http://www.w3.org/2000/svg";

export function sparkline() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 24");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "spark");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "path"));
  return svg;
}

// `samples` are [time, value]; the right edge is now, the left one `seconds` before.
export function drawSparkline(svg, samples, seconds, top) {
  const last = samples.at(-1)?.[0] ?? 0;
  const most = Math.max(top ?? 0, ...samples.map(([, value]) => value), 1e-9);
  const points = samples.map(([time, value]) => {
    const x = 100 - ((last - time) / seconds) * 100;
    return `${x.toFixed(1)} ${(23 - (value / most) * 22).toFixed(1)}`;
  });
  svg.firstChild.setAttribute("d", points.length > 1 ? `M${points.join("L")}` : "");
}
