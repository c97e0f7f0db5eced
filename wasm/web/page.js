import { Population } from "./index.js";

const $ = (id) => document.getElementById(id);
const WINDOW = 2000; // ms shown
const RASTER = 200; // neurons shown
const COLOURS = { soma: "#8a8a8a", axon: "#b9b9b9", basal: "#2a9d8f", oblique: "#c9822b", tuft: "#8f5bbd" };
const TREES = [
  ["basal", "Basal tree"],
  ["oblique", "Apical trunk and oblique branches"],
  ["tuft", "Apical tuft"],
];
const START = { exc: 14, inh: 7 }; // Hz
const DOTS = { exc: "#d1495b", inh: "#3d7dca" };
const SHOWN_EVENTS = 200; // in a frame
const FRAME = 30; // ms of computing in a frame, beyond which the neuron falls behind the clock
const STEP_EVENTS = 1 << 23; // in a step; the module takes 1 << 24
const NEURONS = Number($("neurons").max);

const [compiled, cell] = await Promise.all([
  fetch("neuron.wasm").then((r) => (r.ok ? r.arrayBuffer() : Promise.reject(new Error(`neuron.wasm: ${r.status}`)))).then((b) => WebAssembly.compile(b)),
  fetch("morphology.json").then((r) => (r.ok ? r.json() : Promise.reject(new Error(`morphology.json: ${r.status}`)))),
]).catch((e) => {
  $("model").textContent = `This page cannot start: ${e.message}`;
  throw e;
});

let pop = await Population.load(compiled, 1);
const { name, kind, precision, channels } = pop.info;
$("model").textContent = `${name}: ${kind === "elm" ? "an ELM neuron" : "a temporal convolutional network"} in ${precision}, ${channels} synapses, in one WebAssembly file`;

// Input: channels and rates of each tree and kind.
const sources = [];
for (const [tree, title] of TREES) {
  const box = document.createElement("fieldset");
  box.innerHTML = `<legend><span class="swatch" style="background: ${COLOURS[tree]}"></span> ${title}</legend>`;
  for (const [kind, what] of [["exc", "Excitation"], ["inh", "Inhibition"]]) {
    const source = { kind, rate: START[kind], channels: cell.sections.filter((s) => s.tree === tree).flatMap((s) => s[kind]) };
    const label = document.createElement("label");
    const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 60, step: 0.5, value: source.rate, id: `${tree}-${kind}` });
    const show = () => {
      source.rate = Number(slider.value);
      label.textContent = `${what}: ${source.rate} Hz`;
      slider.setAttribute("aria-valuetext", `${source.rate} hertz`);
    };
    label.htmlFor = slider.id;
    slider.addEventListener("input", show);
    show();
    box.append(label, slider);
    sources.push(source);
  }
  $("input").append(box);
}

/** The number of random spikes where mean are expected. */
function poisson(mean) {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * (Math.random() + Math.random() + Math.random() + Math.random() - 2) * Math.sqrt(3)));
  let n = 0;
  for (let p = Math.random(), end = Math.exp(-mean); p > end; p *= Math.random()) n++;
  return n;
}

/** Random events of the step at t for n neurons. */
function input(t, n) {
  const tMS = [], neuron = [], channel = [];
  const mean = sources.reduce((sum, s) => sum + (n * s.rate * s.channels.length) / 1000, 0);
  if (mean > STEP_EVENTS / 2) throw new Error(`${Math.round(mean)} input spikes in a ms are too many: fewer neurons or less input`);
  for (const s of sources) {
    for (let i = 0; i < n; i++) {
      for (let left = poisson((s.rate * s.channels.length) / 1000); left > 0; left--) {
        tMS.push(t + Math.random());
        neuron.push(i);
        channel.push(s.channels[Math.floor(Math.random() * s.channels.length)]);
      }
    }
  }
  return { tMS, neuron, channel, weight: tMS.map(() => 1) };
}

// Volleys: every excitatory synapse of a branch at once, in all neurons, as strong as training had it.
const VOLLEY = pop.info.training_range?.weight?.[1] ?? 1;
const waiting = [];
function volley(section) {
  waiting.push(section);
  flashes.push({ section, age: 0 });
  $("status").textContent = `Volley to ${section.name}, ${section.exc.length} ${section.exc.length === 1 ? "synapse" : "synapses"}`;
}
function addVolleys(events, t, n) {
  while (waiting.length > 0 && events.tMS.length + n * waiting[0].exc.length <= STEP_EVENTS) { // the others come in the next steps
    const s = waiting.shift();
    for (let i = 0; i < n; i++) {
      for (const c of s.exc) {
        events.tMS.push(t + Math.random());
        events.neuron.push(i);
        events.channel.push(c);
        events.weight.push(VOLLEY);
      }
    }
  }
}

// What is shown, by time modulo WINDOW.
const voltage = new Float32Array(WINDOW).fill(NaN);
const spiked = Array.from({ length: WINDOW }, () => []);
let spikes = 0, running = true, last = performance.now(), owed = 0;
let costs = []; // of the last steps [ms of computing]
let recent = []; // channels of neuron 0's events in the last frame
// A browser's clock may tick once in a millisecond: only sums of many times mean something.
const perMS = (costs) => costs.reduce((sum, c) => sum + c, 0) / costs.length;

/** One step of 1 ms. */
function advance() {
  const n = pop.info.n, t = pop.now, at = t % WINDOW;
  const events = input(t, n);
  addVolleys(events, t, n);
  const begin = performance.now();
  const out = pop.step(1, events);
  const cost = performance.now() - begin;
  costs = [...costs.slice(-500), cost];
  for (let j = 0; j < events.channel.length; j++) if (events.neuron[j] === 0) recent.push(events.channel[j]);
  voltage[at] = out.vSomaMV[0];
  spikes -= spiked[at].length;
  spiked[at] = [];
  for (let i = 0; i < n; i++) if (out.spike[i]) spiked[at].push(i);
  spikes += spiked[at].length;
  return cost;
}

// Drawing.
function context(canvas) {
  const scale = window.devicePixelRatio || 1, { clientWidth: w, clientHeight: h } = canvas;
  if (canvas.width !== Math.round(w * scale) || canvas.height !== Math.round(h * scale)) {
    canvas.width = Math.round(w * scale);
    canvas.height = Math.round(h * scale);
  }
  const c = canvas.getContext("2d");
  c.setTransform(scale, 0, 0, scale, 0, 0);
  c.clearRect(0, 0, w, h);
  return { c, w, h };
}

const all = cell.sections.flatMap((s) => s.points);
const bounds = [0, 1].map((i) => [Math.min(...all.map((p) => p[i])), Math.max(...all.map((p) => p[i]))]);
const flashes = [];
const placeOf = new Map(); // channel -> [x, y]
for (const s of cell.sections) {
  for (const kind of ["exc", "inh"]) s[kind].forEach((c, i) => placeOf.set(c, along(s.points, s.x[i])));
}

function along(points, x) {
  const at = x * (points.length - 1), i = Math.min(points.length - 2, Math.floor(at)), f = at - i;
  return [0, 1].map((j) => points[i][j] + f * (points[i + 1][j] - points[i][j]));
}

/** From um to pixels: up is up. */
function projection(w, h) {
  const [[x0, x1], [y0, y1]] = bounds;
  const scale = Math.min((w - 20) / (x1 - x0), (h - 20) / (y1 - y0));
  return { scale, to: ([x, y]) => [w / 2 + (x - (x0 + x1) / 2) * scale, h / 2 - (y - (y0 + y1) / 2) * scale] };
}

function drawCell() {
  const { c, w, h } = context($("cell"));
  const { scale, to } = projection(w, h);
  c.lineCap = "round";
  const line = (s, colour, wider) => {
    c.strokeStyle = colour;
    for (let i = 1; i < s.points.length; i++) {
      c.lineWidth = Math.max(0.8, s.points[i][2] * scale) + wider;
      c.beginPath();
      c.moveTo(...to(s.points[i - 1]));
      c.lineTo(...to(s.points[i]));
      c.stroke();
    }
  };
  for (const s of cell.sections) line(s, COLOURS[s.tree], 0);
  const chosen = cell.sections[$("branch").value];
  if (chosen) line(chosen, "#e8a200", 1);
  for (const f of flashes) {
    c.globalAlpha = 1 - f.age / 30;
    line(f.section, "#ff5a36", 4);
    f.age++;
  }
  c.globalAlpha = 1;
  while (flashes.length > 0 && flashes[0].age > 29) flashes.shift();
  for (const channel of running ? recent : []) {
    c.fillStyle = DOTS[pop.info.channel_kind[channel]];
    const [x, y] = to(placeOf.get(channel));
    c.fillRect(x - 1.2, y - 1.2, 2.4, 2.4);
  }
}

function drawTraces() {
  const now = pop.now, ink = getComputedStyle(document.body).color;
  const { c, w, h } = context($("voltage"));
  const low = -90, high = -40, y = (v) => h - ((Math.min(high, v) - low) / (high - low)) * h;
  c.font = "12px system-ui";
  c.fillStyle = c.strokeStyle = ink;
  for (const v of [-80, -60]) {
    c.globalAlpha = 0.3;
    c.fillRect(0, y(v), w, 1);
    c.globalAlpha = 1;
  }
  c.beginPath();
  const r = context($("raster")), rows = Math.min(RASTER, pop.info.n), row = r.h / rows;
  r.c.fillStyle = ink;
  for (let i = 0; i < WINDOW; i++) {
    const at = (now + i) % WINDOW, x = (i / WINDOW) * w;
    if (!Number.isNaN(voltage[at])) c.lineTo(x, y(voltage[at]));
    for (const j of spiked[at]) {
      if (j === 0) {
        c.lineTo(x, 2); // a spike reaches the top
        c.lineTo(x, y(voltage[at]));
      }
      if (j < rows) r.c.fillRect((i / WINDOW) * r.w, j * row, 2, Math.max(1.5, row - 1));
    }
  }
  c.lineWidth = 1.3;
  c.stroke();
  for (const v of [-80, -60]) { // readable on top of the trace
    const text = `${v} mV`;
    c.clearRect(2, y(v) - 15, c.measureText(text).width + 4, 14);
    c.fillText(text, 4, y(v) - 4);
  }
}

let shown = 0;
function showNumbers(time) {
  if (time - shown < 250) return;
  shown = Math.min(time, performance.now());
  const seconds = Math.max(0.001, Math.min(WINDOW, pop.now) / 1000);
  $("now").textContent = `${pop.now} ms`;
  $("mv").textContent = pop.now > 0 ? `${voltage[(pop.now - 1) % WINDOW].toFixed(1)} mV` : "–";
  $("rate").textContent = `${(spikes / pop.info.n / seconds).toFixed(1)} Hz`;
  $("cost").textContent = costs.length === 0 ? "–" : `${perMS(costs).toFixed(3)} ms`;
}

function frame(time) {
  requestAnimationFrame(frame); // whatever happens in this one
  try {
    if (running) run(time - last);
    drawCell();
    drawTraces();
    showNumbers(time);
  } catch (e) {
    pause(true);
    $("status").textContent = `Stopped: ${e.message}`;
  }
  last = time;
}

/** What is due after ms more, or as much as a frame has time for. */
function run(ms) {
  owed = Math.min(50, owed + ms); // a tab in the background does not catch up
  if (owed < 1) return;
  recent = [];
  for (const end = performance.now() + FRAME; owed >= 1 && performance.now() < end; owed--) advance();
  const every = Math.ceil(recent.length / SHOWN_EVENTS);
  recent = recent.filter((_, j) => j % every === 0);
}

// Controls.
async function restart(n) {
  pop = await Population.load(compiled, n);
  $("neurons").value = n;
  forget();
}

function forget() {
  voltage.fill(NaN);
  for (const s of spiked) s.length = 0;
  [spikes, costs, owed, recent] = [0, [], 0, []];
  waiting.length = 0;
  showNumbers(Infinity);
}

function pause(stop) {
  running = !stop;
  $("run").textContent = running ? "Pause" : "Run";
  $("run").setAttribute("aria-pressed", String(running));
}

cell.sections.forEach((s, i) => {
  if (s.exc.length > 0) $("branch").append(new Option(`${s.name} (${s.tree})`, i));
});
$("volley").addEventListener("click", () => volley(cell.sections[$("branch").value]));
$("run").addEventListener("click", () => {
  if (!running) $("status").textContent = "";
  pause(running);
});
$("reset").addEventListener("click", () => {
  pop.reset();
  forget();
});
$("neurons").addEventListener("change", async () => {
  const text = $("neurons").value, n = Math.round(Number(text));
  try {
    if (text === "") throw new Error("not a number");
    if (n > NEURONS) throw new Error(`at most ${NEURONS} here`);
    await restart(n);
    $("status").textContent = "";
  } catch (e) {
    $("status").textContent = `${text || "Number of"} neurons: ${e.message}`;
    $("neurons").value = pop.info.n;
  }
});

$("cell").addEventListener("pointerdown", (e) => {
  const { to } = projection($("cell").clientWidth, $("cell").clientHeight);
  let best = null, least = Infinity;
  cell.sections.forEach((s, i) => {
    if (s.exc.length === 0) return;
    for (const p of s.points) {
      const [x, y] = to(p), d = Math.hypot(x - e.offsetX, y - e.offsetY);
      if (d < least) [best, least] = [i, d];
    }
  });
  if (least > 25) return;
  $("branch").value = best;
  volley(cell.sections[best]);
});

// How many neurons run in real time: ever more, until a step of 1 ms takes longer than that.
$("measure").addEventListener("click", async () => {
  const was = running;
  pause(true);
  $("measure").disabled = true;
  let fits = 0, ms = 0;
  try {
    for (let n = 1; n <= NEURONS; n = Math.ceil(n * 1.5)) {
      $("status").textContent = `Measuring: ${n} neurons …`;
      await new Promise((done) => setTimeout(done, 0)); // so that the page goes on
      await restart(n);
      const times = [];
      const end = performance.now() + 250;
      while (times.length < 5 || performance.now() < end) times.push(advance());
      if (perMS(times) > 1) break;
      [fits, ms] = [n, perMS(times)];
    }
    await restart(Math.max(1, fits));
    $("status").textContent = fits > 0 ? `${fits} neurons run in real time: ${ms.toFixed(2)} ms of computing per ms` : "Not even one neuron runs in real time here";
    pause(!was);
  } catch (e) {
    $("status").textContent = `Stopped: ${e.message}`;
  }
  $("measure").disabled = false;
});

requestAnimationFrame(frame);
