// Chromium for tests in another language: one JSON command a line on standard input, one JSON answer
// a line on standard output. What the page did meanwhile is in the answer to "log".
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"], // root in a container
});
let page;
let session; // its scripts run whatever the page's policy forbids
let log;

async function evaluate(expression) {
  const { result, exceptionDetails } = await session.send("Runtime.evaluate",
    { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

// Milliseconds that the page kept the browser busy at one go, of at least 50; the longest.
function watchTasks() {
  globalThis.longestTask = 0;
  new PerformanceObserver((list) => {
    globalThis.longestTask = Math.max(globalThis.longestTask, ...list.getEntries().map(({ duration }) => duration));
  }).observe({ type: "longtask" });
}

function listen() {
  log = { complaints: [], requests: [], bytes: 0 };
  const mine = log;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) mine.complaints.push(message.text());
  });
  page.on("pageerror", (error) => mine.complaints.push(String(error)));
  page.on("request", (request) => mine.requests.push(request.url()));
  page.on("requestfinished", async (request) => {
    const sizes = await request.sizes().catch(() => null); // null: the page is gone
    if (sizes) mine.bytes += sizes.responseBodySize + sizes.responseHeadersSize;
  });
}

const commands = {
  // On a machine so many times slower than this one.
  async open({ url, width = 1280, height = 900, scheme = "light", slowness = 1 }) {
    await page?.context().close();
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    page = await context.newPage();
    session = await context.newCDPSession(page);
    await page.addInitScript(watchTasks);
    await session.send("Emulation.setCPUThrottlingRate", { rate: slowness });
    listen();
    await page.goto(url);
  },
  evaluate: ({ script }) => evaluate(script),
  log: () => log,
  click: ({ selector }) => page.click(selector),
  fill: ({ selector, text }) => page.fill(selector, text),
  press: ({ key }) => page.keyboard.press(key),
  screenshot: ({ path, whole = true }) => page.screenshot({ path, fullPage: whole }).then(() => null),
  // What axe-core has against the page, one line each.
  async axe() {
    await evaluate(await readFile(axe, "utf8"));
    const { violations } = await evaluate("axe.run()");
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...how } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[command](how)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
