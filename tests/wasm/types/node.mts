// A project for Node without the types of browsers. It uses every exported name, and misuses them where @ts-expect-error says so.
// When it runs, what is declared must be what is there: node node.mjs neuron.wasm
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import * as all from "@understudy/neuron";
import { NeuronError, Population, type Event, type EventLists, type Info, type Output, type Source } from "@understudy/neuron";

const file = process.argv[2]!;
const bytes: Source = await readFile(file);
const pop: Population = await Population.load(bytes, 2);
await Population.load(readFile(file));
const view = await readFile(file);
await Population.load(Uint8Array.from(view).buffer);
await Population.load(new Response(view), 1);

const info: Readonly<Info> = pop.info;
const event: Event = { tMS: 0.5, channel: info.channels - 1, neuron: 1, weight: 2 };
const out: Output = pop.step(3, [event, { tMS: 2, channel: 0 }]);
const lists: EventLists = { tMS: Float64Array.of(3.5), channel: [1], neuron: Int32Array.of(1), weight: [0.5] };
pop.step(1, lists);
pop.step();
const frozen: readonly Event[] = Object.freeze([]);
pop.step(1, frozen);
const state: Uint8Array = pop.save();
pop.load(state);
pop.load(await Promise.resolve(Buffer.from(state)));
pop.reset();
assert.equal(pop.now satisfies number, 0);
assert.equal(out.pSpike.length + out.vSomaMV.length + out.spike.length, 18);
assert.equal(out.vSomaMV[0]! > 0, false);

let refusal: unknown;
try {
  pop.step(1, [{ tMS: 7, channel: 0 }]);
} catch (e) {
  refusal = e;
}
assert.ok(refusal instanceof NeuronError);
assert.ok(info.status[refusal.status]!.startsWith("time of an event"), refusal.message);

// Each of these is wrong. Never called.
export async function wrong() {
  // @ts-expect-error a path is not the bytes
  await Population.load("neuron.wasm");
  // @ts-expect-error
  await Population.load();
  // @ts-expect-error
  await Population.load(view, "2");
  // @ts-expect-error it is made by load
  new Population();
  // @ts-expect-error
  new Population({ exports: {} }, 1);
  // @ts-expect-error it is thrown
  new NeuronError("", 1);
  // @ts-expect-error
  refusal.status = 0;
  // @ts-expect-error a promise
  Population.load(view).step();
  // @ts-expect-error no channel
  pop.step(1, [{ tMS: 1 }]);
  // @ts-expect-error no time
  pop.step(1, [{ channel: 1 }]);
  // @ts-expect-error spelt wrong
  pop.step(1, [{ tMs: 1, channel: 1 }]);
  // @ts-expect-error
  pop.step(1, [{ tMS: 1, channel: 1, weight: "1" }]);
  // @ts-expect-error lists, but of single numbers
  pop.step(1, { tMS: 1, channel: 1 });
  // @ts-expect-error
  pop.step("1");
  // @ts-expect-error
  pop.now = 3;
  // @ts-expect-error
  pop.info.n = 3;
  // @ts-expect-error
  pop.info = info;
  // @ts-expect-error not text
  pop.load("state");
  // @ts-expect-error
  pop.save(1);
  // @ts-expect-error
  out.vSomaMv;
  // @ts-expect-error numbers, not booleans
  const spike: boolean = out.spike[0]!;
  // @ts-expect-error may be missing
  info.segment[0];
  // @ts-expect-error
  info.kind === "lstm";
  return spike;
}

// Types are gone when this runs, so each list is checked twice: the compiler wants all names that are declared and no others, and
// below they are held against those that are there.
type Names<T> = Record<keyof T, true>;
const names: Names<typeof all> = { NeuronError: true, Population: true };
const statics: Names<Omit<typeof Population, "prototype">> = { load: true };
const members: Names<Population> = { info: true, now: true, step: true, reset: true, save: true, load: true };
const ofError: Names<Omit<NeuronError, keyof Error>> = { status: true };
const outputs: Names<Output> = { pSpike: true, vSomaMV: true, spike: true };

const own = (x: object) => Object.getOwnPropertyNames(x);
const same = (declared: object, there: string[], but: string[] = []) =>
  assert.deepEqual(own(declared).sort(), there.filter((name) => !but.includes(name)).sort());
same(names, Object.keys(all));
same(statics, own(Population), ["length", "name", "prototype"]);
same(members, [...own(Population.prototype), ...own(pop)], ["constructor"]);
same(ofError, own(refusal), own(new Error("")).concat("name"));
same(outputs, own(out));
console.log("declared is what is there");
