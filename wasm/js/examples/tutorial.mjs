// A packed neuron under random input: node tutorial.mjs neuron.wasm
//
// Make the file with: understudy wasm pack l5pc -o neuron.wasm
import { readFile } from "node:fs/promises";
import { Population } from "../index.js"; // "@understudy/neuron" where the package is installed

const n = 4, seconds = 2;
const pop = await Population.load(await readFile(process.argv[2] ?? "neuron.wasm"), n);
const { name, kind, precision, channels, channel_kind } = pop.info;
console.log(`${name}: ${kind}, ${precision}, ${channels} channels`);

// Poisson input: each neuron's excitation is a little stronger than that of the one before.
let seed = 1;
const random = () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) + 0.5) / 2 ** 32;
const isExcitatory = (c) => !channel_kind || channel_kind[c] === "exc";
function poisson(t, neuron) {
  const events = [];
  const perMS = channels * 0.012 * (1 + neuron / 3);
  for (let at = t - Math.log(random()) / perMS; at < t + 1; at -= Math.log(random()) / perMS) {
    const channel = Math.floor(random() * channels);
    if (isExcitatory(channel) || random() < 0.5) events.push({ tMS: at, channel, neuron });
  }
  return events;
}

const spikes = new Array(n).fill(0), voltage = new Array(n).fill(0);
const begin = performance.now();
for (let t = 0; t < 1000 * seconds; t++) {
  const events = [];
  for (let i = 0; i < n; i++) events.push(...poisson(t, i));
  const { vSomaMV, spike } = pop.step(1, events);
  for (let i = 0; i < n; i++) {
    spikes[i] += spike[i];
    voltage[i] += vSomaMV[i] / (1000 * seconds);
  }
}
const ms = (performance.now() - begin) / (1000 * seconds);
for (let i = 0; i < n; i++) console.log(`neuron ${i}: ${(spikes[i] / seconds).toFixed(1)} spikes/s, mean voltage ${voltage[i].toFixed(1)} mV`);
console.log(`${ms.toFixed(3)} ms of computing per ms, input included`);

// A state goes on as it would have.
const state = pop.save();
const volley = Array.from({ length: 40 }, (_, i) => ({ tMS: pop.now + 0.1 * i, channel: i }));
const once = pop.step(20, volley);
pop.load(state);
const again = pop.step(20, volley);
console.log(`after a volley: ${once.vSomaMV[5 * n].toFixed(2)} mV; loaded and run again: ${again.vSomaMV[5 * n].toFixed(2)} mV`);
