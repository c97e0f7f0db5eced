// A population of packed neurons: a module that `understudy wasm pack` writes. index.d.ts has the types,
// INTERFACE.md beside package pack what the module's functions do.

const EVENT_BYTES = 24;

/** A call that was refused; nothing has changed. `status` is the module's. */
export class NeuronError extends Error {
  constructor(message, status) {
    super(message);
    this.name = "NeuronError";
    this.status = status;
  }
}

export class Population {
  #x; // the module's functions
  #status; // texts
  #n;
  #steps; // room for so many steps and events in one call
  #events;

  /** Compiles a packed module and makes a population of n neurons at t = 0. */
  static async load(source, n = 1) {
    source = await source;
    const compiled =
      source instanceof WebAssembly.Module ? source
      : typeof Response !== "undefined" && source instanceof Response ? await compileResponse(source)
      : await WebAssembly.compile(source);
    return new Population(await WebAssembly.instantiate(compiled, {}), n);
  }

  /** Use Population.load. */
  constructor(instance, n) {
    this.#x = instance.exports;
    if (!(this.#x.memory instanceof WebAssembly.Memory) || typeof this.#x.describe !== "function") {
      throw new TypeError("not a module of `understudy wasm pack`");
    }
    const text = new Uint8Array(this.#x.memory.buffer, this.#x.describe(), this.#x.describe_size());
    const info = JSON.parse(new TextDecoder().decode(text));
    if (info.interface !== 1) throw new TypeError(`module has interface ${info.interface}, this package knows 1`);
    this.#status = info.status;
    if (!integer(n)) throw new RangeError(`${n} neurons`);
    this.#create(n, 16, 1024);
    this.info = Object.freeze({ ...info, n });
  }

  /** Steps done since the last reset [ms]. */
  get now() {
    return this.#x.now();
  }

  /** Advances by k steps of 1 ms. */
  step(k = 1, events = []) {
    if (!integer(k)) throw new RangeError(`${k} steps`);
    const list = columns(events);
    if (k > this.#steps || list.count > this.#events) this.#grow(k, list.count);
    this.#put(list);
    this.#check(this.#x.step(k, list.count), "step", list);
    const values = k * this.#n;
    const { buffer } = this.#x.memory;
    return {
      pSpike: new Float32Array(buffer, this.#x.p_spike(), values).slice(),
      vSomaMV: new Float32Array(buffer, this.#x.v_soma(), values).slice(),
      spike: new Uint8Array(buffer, this.#x.spike(), values).slice(),
    };
  }

  /** Returns to t = 0. */
  reset() {
    this.#check(this.#x.reset(), "reset");
  }

  /** The whole state, for load of a population of the same module and size. */
  save() {
    this.#check(this.#x.save(), "save");
    return new Uint8Array(this.#x.memory.buffer, this.#x.state(), this.#x.state_size()).slice();
  }

  /** Restores a saved state. */
  load(state) {
    const size = this.#x.state_size();
    if (state.length !== size) throw new NeuronError(`load: ${state.length} bytes, a state of this model and size has ${size}`, this.#status.length - 1);
    const at = this.#x.state();
    if (at === 0) throw new NeuronError("load: not enough memory", 3);
    new Uint8Array(this.#x.memory.buffer).set(state, at);
    this.#check(this.#x.load(), "load");
  }

  #create(n, steps, events) {
    this.#check(this.#x.create(n, steps, events), "create");
    [this.#n, this.#steps, this.#events] = [n, steps, events];
  }

  /** Makes room for more steps or events; a state does not depend on it. */
  #grow(steps, events) {
    const room = (have, want) => (want > have ? Math.max(want, 2 * have) : have);
    const state = this.save();
    this.#create(this.#n, Math.min(room(this.#steps, steps), Math.max(steps, 1 << 20)), Math.min(room(this.#events, events), Math.max(events, 1 << 24)));
    this.load(state);
  }

  #put({ count, time, neuron, channel, weight }) {
    const view = new DataView(this.#x.memory.buffer, this.#x.events(), count * EVENT_BYTES);
    for (let i = 0, at = 0; i < count; i++, at += EVENT_BYTES) {
      const [n, c, w] = [neuron(i), channel(i), weight(i)];
      if (!integer(n) || !integer(c)) throw new RangeError(`event ${i}: neuron ${n}, channel ${c}`);
      if (typeof w !== "number") throw new TypeError(`event ${i}: weight ${w}`);
      view.setFloat64(at, time(i), true);
      view.setInt32(at + 8, n, true);
      view.setInt32(at + 12, c, true);
      view.setFloat32(at + 16, w, true);
    }
  }

  #check(status, call, list) {
    if (status === 0) return;
    let what = `${call}: ${this.#status[status] ?? `status ${status}`}`;
    const i = this.#x.wrong_event();
    if (list && status >= 4 && i >= 0 && i < list.count) {
      what += `: event ${i}, at ${list.time(i)} ms, neuron ${list.neuron(i)}, channel ${list.channel(i)}, weight ${list.weight(i)}`;
    }
    throw new NeuronError(what, status);
  }
}

/** A number that i32 holds. */
const integer = (x) => typeof x === "number" && (x | 0) === x;

/** Events as functions of their index: from a list of events, or from lists of their times, channels ... */
function columns(events) {
  if (Array.isArray(events)) {
    return {
      count: events.length,
      time: (i) => events[i].tMS,
      neuron: (i) => events[i].neuron ?? 0,
      channel: (i) => events[i].channel,
      weight: (i) => events[i].weight ?? 1,
    };
  }
  const { tMS, neuron, channel, weight } = events;
  for (const other of [neuron, channel, weight]) {
    if (other && other.length !== tMS.length) throw new RangeError("lists of events differ in length");
  }
  return {
    count: tMS.length,
    time: (i) => tMS[i],
    neuron: neuron ? (i) => neuron[i] : () => 0,
    channel: (i) => channel[i],
    weight: weight ? (i) => weight[i] : () => 1,
  };
}

async function compileResponse(response) {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${response.statusText}`);
  const type = response.headers.get("content-type") ?? "";
  // A server that does not know .wasm sends another type, which compileStreaming refuses.
  return type.startsWith("application/wasm") ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
