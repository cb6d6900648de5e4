// Draws dashboards from a Prometheus: node draw.mjs PROMETHEUS FROM TO THEME HEIGHT CHOICE FILE=PICTURE...
// Fails where a panel is empty, or the browser complains.
import {build} from 'esbuild';
import {mkdtempSync, readFileSync, rmSync} from 'fs';
import {createServer} from 'http';
import {tmpdir} from 'os';
import {dirname, join} from 'path';
import puppeteer from 'puppeteer-core';
import {fileURLToPath} from 'url';

const [prometheus, from, to, theme, height, choice, ...pictures] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'dashboards-'));
const FONTS = join(here, 'node_modules/@fontsource/inter/files');
const ICONS = join(here, 'node_modules/@grafana/ui/dist');
const INDEX = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="/app.css"><body style="margin:0;width:1600px"><div id="root"></div><script src="/app.js"></script>';
let dashboard;

// A CommonJS module whose default export is below `default` once more.
const interop = {name: 'interop', setup(on) {
  on.onResolve({filter: /^react-custom-scrollbars-2$/}, ({path, namespace}) => (namespace === 'interop' ? undefined : {path, namespace: 'interop'}));
  on.onLoad({filter: /./, namespace: 'interop'}, ({path}) => ({
    contents: `import * as all from '${path}'; export default all.default.default ?? all.default;`, resolveDir: here,
  }));
}};

await build({
  plugins: [interop],
  entryPoints: [join(here, 'app.jsx')], outfile: join(scratch, 'app.js'), bundle: true, jsx: 'automatic', logLevel: 'error',
  define: {'process.env.NODE_ENV': '"production"', global: 'window'}, loader: {'.ttf': 'empty', '.woff': 'dataurl', '.woff2': 'dataurl', '.svg': 'dataurl', '.png': 'dataurl'},
});
const app = {'/app.js': ['text/javascript', readFileSync(join(scratch, 'app.js'))], '/app.css': ['text/css', readFileSync(join(scratch, 'app.css'))]};

const server = createServer(async (request, response) => {
  const path = request.url.split('?')[0];
  if (request.url.startsWith('/prom/')) {
    const answer = await fetch(prometheus + request.url.slice('/prom'.length));
    response.writeHead(answer.status, {'content-type': 'application/json'}).end(await answer.text());
  } else if (path === '/dashboard.json') {
    response.writeHead(200, {'content-type': 'application/json'}).end(dashboard);
  } else if (path === '/') {
    response.writeHead(200, {'content-type': 'text/html'}).end(INDEX);
  } else if (app[path]) {
    response.writeHead(200, {'content-type': app[path][0]}).end(app[path][1]);
  } else if (path.startsWith('/public/fonts/')) {
    response.writeHead(200, {'content-type': 'font/woff2'}).end(readFileSync(join(FONTS, /Medium/.test(path) ? 'inter-latin-500-normal.woff2' : 'inter-latin-400-normal.woff2')));
  } else if (/^\/public\/build\/img\/icons\/[\w/-]+\.svg$/.test(path)) {
    response.writeHead(200, {'content-type': 'image/svg+xml'}).end(readFileSync(join(ICONS, path.replace('/build', ''))));
  } else {
    response.writeHead(404).end();
  }
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', userDataDir: join(scratch, 'profile'), timeout: 120000,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const complaints = [];
try {
  const step = Math.ceil((to - from) / 360 / 30) * 30;
  const query = new URLSearchParams({from, to, theme, step, rate: `${Math.max(120, step * 2)}s`, choice});
  for (const [file, picture] of pictures.map((one) => one.split('='))) {
    dashboard = readFileSync(file);
    const page = await browser.newPage();
    const note = (what) => complaints.push(`${file}: ${what}`);
    page.on('pageerror', (error) => note(error));
    page.on('console', (message) => message.type() === 'error' && !/Failed to load resource/.test(message.text()) && note(message.text().slice(0, 300)));
    page.on('response', (answer) => answer.status() >= 400 && note(`${answer.status()} for ${answer.url()}`));
    await page.setViewport({width: 1600, height: 1200});
    await page.goto(`http://127.0.0.1:${server.address().port}/?${query}`);
    await page.waitForFunction('window.done', {timeout: 60000});
    await page.waitForNetworkIdle();
    (await page.evaluate('window.complaints')).forEach(note);
    const whole = await page.evaluate('document.getElementById("root").offsetHeight');
    const clip = {x: 0, y: 0, width: 1600, height: +height || whole};
    await page.screenshot({path: picture, clip, captureBeyondViewport: true, ...(picture.endsWith('.webp') && {quality: 72})});
    await page.close();
  }
} finally {
  await browser.close();
  server.close();
  rmSync(scratch, {recursive: true});
}
complaints.forEach((text) => console.log(text));
process.exitCode = complaints.length ? 1 : 0;
