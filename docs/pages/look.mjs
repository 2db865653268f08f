// Looks at every page of the showcase in Chromium: makes screenshots at the widths of a phone and of a desk, light
// and dark, says how much each page weighs with all it loads, and checks it with axe.
//
//   cargo build -p procura-server --example showcase
//   node --experimental-websocket docs/pages/look.mjs OUTPUT [PAGE…]
//
// PAGES_LANGUAGE=de shows them in German. OUTPUT is a folder for the screenshots. The exit code is 1 if axe finds something or a page is too heavy. Node 22
// needs no flag.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const WIDTHS = [390, 1280];
const SCHEMES = ["light", "dark"];
const MAX_BYTES = 100 * 1024;
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
// An answer that was put in place of a page has its style sheet a moment later.
const LOADED = "document.readyState === 'complete' || new Promise((done) => { onload = done; })";

const AXE = new URL("../../crates/server/tests/browser/axe/axe.min.js", import.meta.url);

const [output, ...only] = process.argv.slice(2);
const axe = readFileSync(AXE, "utf8");
const target = process.env.CARGO_TARGET_DIR ?? "target";

mkdirSync(output, { recursive: true });
const showcase = spawn(join(target, "debug/examples/showcase"), { stdio: ["pipe", "pipe", "inherit"] });
const { address, cookies, pages } = JSON.parse(await firstLine(showcase.stdout, () => true));
const profile = mkdtempSync(join(tmpdir(), "look-"));
const chromium = spawn("chromium", ["--headless", "--no-sandbox", "--hide-scrollbars", "--remote-debugging-port=0",
  `--user-data-dir=${profile}`, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
let failures = 0;
try {
  const line = await firstLine(chromium.stderr, (line) => line.startsWith("DevTools listening on "));
  const browser = await connect(line.slice("DevTools listening on ".length));
  for (const shown of pages.filter(({ name }) => only.length === 0 || only.includes(name))) {
    await look(browser, shown);
  }
} finally {
  showcase.stdin.end();
  chromium.kill();
  await new Promise((done) => chromium.once("exit", done));
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
process.exitCode = failures > 0 ? 1 : 0;

async function look(browser, { name, who, path, html, opened }) {
  const { browserContextId } = await browser.send("Target.createBrowserContext");
  const { targetId } = await browser.send("Target.createTarget", { url: "about:blank", browserContextId });
  const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
  const page = { send: (method, parameters) => browser.send(method, parameters, sessionId) };
  await page.send("Page.enable");
  await page.send("Network.enable");
  const language = process.env.PAGES_LANGUAGE ?? "en";
  await page.send("Network.setCookie", { url: address, name: "procura_language", value: language });
  if (who) {
    const at = cookies[who].indexOf("=");
    await page.send("Network.setCookie", {
      url: address, name: cookies[who].slice(0, at), value: cookies[who].slice(at + 1), httpOnly: true,
    });
  }
  for (const width of WIDTHS) {
    for (const scheme of SCHEMES) {
      await page.send("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
      await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      let weight = await open(browser, page, sessionId, address + path);
      if (html) {
        weight += html.length;
        const { frameTree } = await page.send("Page.getFrameTree");
        await page.send("Page.setDocumentContent", { frameId: frameTree.frame.id, html });
        await evaluate(page, LOADED);
      }
      if (opened) {
        await evaluate(page, "document.querySelectorAll('details').forEach((one) => { one.open = true; })");
      }
      const { data } = await page.send("Page.captureScreenshot", { captureBeyondViewport: true, format: "png" });
      writeFileSync(join(output, `${name}-${width}-${scheme}.png`), Buffer.from(data, "base64"));
      await judge(page, `${name} ${width} ${scheme}`, weight);
    }
  }
  await browser.send("Target.disposeBrowserContext", { browserContextId });
}

// Loads a page and returns how many bytes came over the wire for it.
async function open(browser, page, sessionId, url) {
  let weight = 0;
  const count = (event) => {
    if (event.sessionId === sessionId && event.method === "Network.loadingFinished") {
      weight += event.params.encodedDataLength;
    }
  };
  browser.listeners.add(count);
  await page.send("Network.setCacheDisabled", { cacheDisabled: true });
  const loaded = browser.once("Page.loadEventFired", sessionId);
  await page.send("Page.navigate", { url });
  await loaded;
  browser.listeners.delete(count);
  return weight;
}

async function judge(page, name, weight) {
  const wide = await evaluate(page, "document.documentElement.scrollWidth - innerWidth");
  complain(wide > 0, `${name}: ${wide} pixels wider than the window`);
  complain(weight > MAX_BYTES, `${name}: ${weight} bytes`);
  await page.send("Runtime.evaluate", { expression: axe });
  const found = await evaluate(page, `axe.run({ runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) =>
    violations.map(({ id, help, nodes }) => id + ": " + help + "\\n" + nodes.map(({ html, failureSummary }) =>
      "    " + html.slice(0, 160) + "\\n      " + failureSummary.replace(/\\n/g, "\\n      ")).join("\\n")))`);
  for (const violation of found) {
    complain(true, `${name}: ${violation}`);
  }
  console.log(`${name}: ${weight} bytes, ${found.length} violations`);
}

async function evaluate(page, expression) {
  const parameters = { expression, awaitPromise: true, returnByValue: true };
  const { result, exceptionDetails } = await page.send("Runtime.evaluate", parameters);
  if (exceptionDetails) {
    throw new Error(JSON.stringify(exceptionDetails));
  }
  return result.value;
}

function complain(isWrong, what) {
  if (isWrong) {
    failures += 1;
    console.error(what);
  }
}

function firstLine(stream, isWanted) {
  return new Promise((found) => {
    createInterface({ input: stream }).on("line", (line) => isWanted(line) && found(line));
  });
}

// A connection to the browser's own protocol.
async function connect(url) {
  const socket = new WebSocket(url);
  await new Promise((opened, failed) => {
    socket.onopen = opened;
    socket.onerror = failed;
  });
  const waiting = new Map();
  const listeners = new Set();
  let last = 0;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    const answer = waiting.get(message.id);
    waiting.delete(message.id);
    if (answer) {
      message.error ? answer.failed(new Error(message.error.message)) : answer.done(message.result);
    } else {
      listeners.forEach((listener) => listener(message));
    }
  };
  return {
    listeners,
    send: (method, params = {}, sessionId = undefined) => new Promise((done, failed) => {
      last += 1;
      waiting.set(last, { done, failed });
      socket.send(JSON.stringify({ id: last, method, params, sessionId }));
    }),
    once: (method, sessionId) => new Promise((happened) => {
      const listener = (event) => {
        if (event.method === method && event.sessionId === sessionId) {
          listeners.delete(listener);
          happened(event.params);
        }
      };
      listeners.add(listener);
    }),
  };
}
