// A project for browsers: only compiled.
import { Population, type Source } from "@understudy/neuron";

const compiled = await WebAssembly.compileStreaming(fetch("neuron.wasm"));
const pops = await Promise.all([Population.load(fetch("neuron.wasm")), Population.load(compiled, 100), Population.load(new Uint8Array(8))]);
const source: Source = compiled;
export const all: Promise<Population>[] = [...pops.map((p) => Promise.resolve(p)), Population.load(source)];

const { vSomaMV, spike } = pops[0].step();
export const saved = new Blob([pops[0].save(), vSomaMV, spike]);
export const hash = await crypto.subtle.digest("SHA-256", pops[1].save());

// @ts-expect-error an address is not what it holds
Population.load("neuron.wasm");
// @ts-expect-error
Population.load(3);
// @ts-expect-error nor is a request
Population.load(null);
