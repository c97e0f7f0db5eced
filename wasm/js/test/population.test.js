// Run by tests/wasm, which sets UNDERSTUDY_NEURONS to a folder with packed modules, NAME.wasm, and what they must
// put out, NAME.json, from plugin/surrogate. By hand: understudy wasm pack, and see tests/wasm.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { NeuronError, Population } from "../index.js";

const folder = process.env.UNDERSTUDY_NEURONS;
assert.ok(folder, "UNDERSTUDY_NEURONS is not set; `go test ./tests/wasm` sets it");
const names = readdirSync(folder).filter((f) => f.endsWith(".wasm")).map((f) => f.slice(0, -5));
const wasm = (name) => readFileSync(join(folder, name + ".wasm"));

// JSON has no float32: bits.
const bits = (x) => Array.from(new Uint32Array(x.buffer, x.byteOffset, x.length));

for (const name of names) {
  const want = JSON.parse(readFileSync(join(folder, name + ".json")));

  test(`${name}: the bits of plugin/surrogate`, async () => {
    const pop = await Population.load(wasm(name), want.n);
    for (const { steps, events, pSpike, vSoma, spike } of want.blocks) {
      const out = pop.step(steps, events);
      assert.deepEqual(bits(out.pSpike), pSpike);
      assert.deepEqual(bits(out.vSomaMV), vSoma);
      assert.deepEqual(Array.from(out.spike), spike);
    }
    assert.equal(pop.now, want.blocks.reduce((sum, b) => sum + b.steps, 0));
  });

  test(`${name}: lists, reset, save and load, room that grows`, async () => {
    const pop = await Population.load(Promise.resolve(await WebAssembly.compile(wasm(name))), want.n);
    const lists = (events) => ({
      tMS: Float64Array.from(events, (e) => e.tMS),
      neuron: Int32Array.from(events, (e) => e.neuron),
      channel: events.map((e) => e.channel),
      weight: Float32Array.from(events, (e) => e.weight),
    });
    let state;
    for (const { steps, events, vSoma } of want.blocks) {
      state = pop.save();
      assert.deepEqual(bits(pop.step(steps, lists(events)).vSomaMV), vSoma);
    }
    pop.load(state);
    const last = want.blocks.at(-1);
    assert.deepEqual(bits(pop.step(last.steps, last.events).vSomaMV), last.vSoma);
    pop.reset();
    assert.equal(pop.now, 0);
    assert.deepEqual(bits(pop.step(want.blocks[0].steps, want.blocks[0].events).vSomaMV), want.blocks[0].vSoma);
    // One call of all blocks: more steps and events than there was room for.
    pop.reset();
    const steps = pop.info.n * 1000;
    assert.equal(pop.step(steps, []).spike.length, steps * pop.info.n);
  });

  test(`${name}: misuse names what is wrong and changes nothing`, async () => {
    const pop = await Population.load(wasm(name), want.n);
    pop.step(3, [{ tMS: 1, channel: 0 }]);
    const before = pop.save();
    const good = { tMS: 3.5, channel: 0 };
    const refused = (event, what) => assert.throws(() => pop.step(1, [good, { ...good, ...event }]), what);
    refused({ tMS: 2.9 }, /event 1, at 2.9 ms/);
    refused({ tMS: 4 }, NeuronError);
    refused({ tMS: undefined }, NeuronError);
    refused({ channel: pop.info.channels }, /channel/);
    refused({ channel: 2 ** 32 }, RangeError);
    refused({ channel: 0.5 }, RangeError);
    refused({ channel: undefined }, RangeError);
    refused({ neuron: want.n }, /neuron/);
    refused({ neuron: -1 }, NeuronError);
    refused({ weight: NaN }, /weight/);
    refused({ weight: 1e39 }, /weight/);
    refused({ weight: "1" }, TypeError);
    for (const k of [0, -1, 1.5, NaN, 2 ** 31, 2 ** 20 + 1, "1"]) assert.throws(() => pop.step(k, []));
    assert.throws(() => pop.step(1, { tMS: [3.5], channel: [] }), RangeError);
    assert.throws(() => pop.load(before.slice(1)), NeuronError);
    assert.throws(() => pop.load(before.map((b, i) => (i === 100 ? b ^ 1 : b))), NeuronError);
    assert.deepEqual(pop.save(), before);
    for (const n of [0, -1, 1.5, 2 ** 21]) await assert.rejects(Population.load(wasm(name), n));
  });
}

test("other modules are refused", async () => {
  await assert.rejects(Population.load(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])), TypeError);
  await assert.rejects(Population.load(new Uint8Array([1, 2, 3])), WebAssembly.CompileError);
});

test("a Response", async () => {
  for (const type of ["application/wasm", "application/octet-stream"]) {
    const pop = await Population.load(new Response(wasm(names[0]), { headers: { "content-type": type } }));
    assert.equal(pop.info.n, 1);
  }
  await assert.rejects(Population.load(new Response("", { status: 404, statusText: "Not Found" })), /404/);
});
