// The page of `understudy wasm web` in headless Firefox, by hand: Debian's firefox-esr, over WebDriver BiDi. Needs Node 22.
//   build/understudy wasm web site && python3 -m http.server -d site &
//   node tests/wasm/firefox.mjs http://localhost:8000 [FOLDER for screenshots]
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [url, folder] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "understudy-firefox-"));
const firefox = spawn("firefox-esr", ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"], { stdio: ["ignore", "ignore", "pipe"] });
const socket = await new Promise((done) => {
  firefox.stderr.on("data", (text) => {
    const at = /BiDi listening on (ws:\S+)/.exec(text);
    if (at) done(new WebSocket(at[1] + "/session"));
  });
});
await new Promise((done) => socket.addEventListener("open", done));

const waiting = new Map(), log = [];
socket.addEventListener("message", ({ data }) => {
  const m = JSON.parse(data);
  if (m.method === "log.entryAdded") log.push(m.params.text);
  if (!waiting.has(m.id)) return;
  const [done, failed] = waiting.get(m.id);
  m.type === "error" ? failed(new Error(m.message)) : done(m.result);
});
let last = 0;
const call = (method, params = {}) => new Promise((done, failed) => {
  waiting.set(++last, [done, failed]);
  socket.send(JSON.stringify({ id: last, method, params }));
});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

try {
  await call("session.new", { capabilities: {} });
  await call("session.subscribe", { events: ["log.entryAdded"] });
  const { context } = await call("browsingContext.create", { type: "window" }); // a first window has no focus
  const inPage = { context };
  const size = (width, height) => call("browsingContext.setViewport", { ...inPage, viewport: { width, height } });
  const value = async (expression) => {
    const r = await call("script.evaluate", { expression, target: inPage, awaitPromise: true });
    assert.equal(r.type, "success", r.exceptionDetails?.text);
    return r.result.value;
  };
  const wait = async (expression) => {
    for (const end = Date.now() + 60_000; !(await value(expression)); await pause(50)) assert.ok(Date.now() < end, `in vain: ${expression}`);
  };
  const text = (id) => value(`document.getElementById("${id}").textContent`);
  const set = (id, to) => value(`(() => { const s = document.getElementById("${id}"); s.value = ${to}; s.dispatchEvent(new Event("input", { bubbles: true })); })()`);
  const act = async (type, actions) => {
    await call("input.performActions", { ...inPage, actions: [{ type, id: type, actions }] });
    await pause(200);
  };
  const key = (name) => act("key", [{ type: "keyDown", value: name }, { type: "keyUp", value: name }]);
  const picture = async (name) => {
    const { data } = await call("browsingContext.captureScreenshot", { ...inPage, origin: "document" });
    if (folder) writeFileSync(join(folder, name), Buffer.from(data, "base64"));
  };
  const past = (ms) => wait(`parseInt(document.getElementById("now").textContent) > ${ms}`);

  await call("browsingContext.activate", inPage);
  await size(1200, 1000);
  await call("browsingContext.navigate", { ...inPage, url, wait: "complete" });
  await past(100);
  console.log(await value("navigator.userAgent"));
  for (const tree of ["basal", "oblique", "tuft"]) await set(`${tree}-exc`, 40);
  await past(2100);
  console.log("input:", await text("mv"), await text("rate"), await text("cost"));
  assert.ok(parseFloat(await text("rate")) > 1);
  assert.ok(parseFloat(await text("cost")) > 0);
  await picture("page.png");
  for (const tree of ["basal", "oblique", "tuft"]) await set(`${tree}-exc`, 0).then(() => set(`${tree}-inh`, 0));
  await value(`document.getElementById("reset").click()`);
  await past(500);
  console.log("silence:", await text("mv"), await text("rate"));
  assert.equal(await text("rate"), "0.0 Hz");

  const order = [];
  for (let i = 0; i < 12; i++) {
    await key("\uE004");
    order.push(await value("document.activeElement.id"));
    assert.equal(await value("getComputedStyle(document.activeElement).outlineStyle"), "solid", order.at(-1));
  }
  assert.equal(order.join(" "), "branch volley run reset neurons measure basal-exc basal-inh oblique-exc oblique-inh tuft-exc tuft-inh");
  await value(`document.getElementById("volley").focus()`);
  await key("\uE006");
  assert.match(await text("status"), /^Volley to dend/);
  await value(`document.getElementById("run").focus()`);
  await key(" ");
  assert.equal(await text("run"), "Run");
  await key(" ");
  await value("scrollTo(0, 0)");
  const middle = JSON.parse(await value(`(() => { const r = document.getElementById("cell").getBoundingClientRect(); return JSON.stringify([r.left + r.width / 2, r.top + r.height / 3]); })()`));
  await act("pointer", [{ type: "pointerMove", x: Math.round(middle[0]), y: Math.round(middle[1]) }, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }]);
  assert.match(await text("status"), /^Volley to apic/);

  await size(360, 740);
  await call("browsingContext.reload", { ...inPage, wait: "complete" });
  await past(100);
  assert.ok((await value("document.documentElement.scrollWidth")) <= 360);
  await value(`document.getElementById("measure").click()`);
  await wait(`/real time/.test(document.getElementById("status").textContent)`);
  console.log(await text("status"));
  await picture("phone.png");
  assert.deepEqual(log, []);
  console.log("as in Chromium");
} finally {
  await call("browser.close").catch(() => {});
  firefox.kill();
  await new Promise((done) => (firefox.exitCode === null && firefox.signalCode === null ? firefox.on("exit", done) : done()));
  rmSync(profile, { recursive: true, force: true });
  socket.close();
}
