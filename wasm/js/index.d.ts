/** A synaptic event. */
export interface Event {
  /** Time since the last reset [ms]: now <= tMS < now + k. */
  tMS: number;
  /** Synaptic input, 0 <= channel < info.channels. */
  channel: number;
  /** Target, 0 <= neuron < info.n; default 0. */
  neuron?: number;
  /** 1, the default, is one presynaptic spike. Finite. Weights of one channel in one step add up. */
  weight?: number;
}

/** Events as lists of one length: cheaper than objects where there are many. */
export interface EventLists {
  tMS: ArrayLike<number>;
  channel: ArrayLike<number>;
  neuron?: ArrayLike<number>;
  weight?: ArrayLike<number>;
}

/** What comes out of k steps: value of step s and neuron i at [s * n + i]. The caller owns the arrays. */
export interface Output {
  /** Probability of a spike in the step. */
  pSpike: Floats;
  /** Soma voltage at the beginning of the step [mV]; NaN where the model has none. */
  vSomaMV: Floats;
  /** 1 where the neuron emits a spike, which leaves it at the end of the step. */
  spike: Bytes;
}

// Since TypeScript 5.7 these are arrays on an ArrayBuffer, which a Blob and crypto.subtle insist on; before, there is one type for all.
type Floats = ReturnType<Float32Array["slice"]>;
type Bytes = ReturnType<Uint8Array["slice"]>;

/** What a module says of itself. */
export interface Info {
  interface: number;
  name: string;
  kind: "tcn" | "elm";
  precision: "f32" | "int8";
  step_ms: number;
  channels: number;
  outputs: { name: string; type: string; unit?: string }[];
  spike_threshold: number;
  refractory_ms: number;
  /** Bytes of a saved state per neuron. */
  state_bytes: number;
  macs_per_ms: number;
  macs_per_event: number;
  training_range?: {
    events_per_ms?: [number, number];
    events_per_channel_per_s?: [number, number];
    weight?: [number, number];
  };
  model_sha256: string;
  status: string[];
  /** Of each channel: index of its segment among those that carry synapses. */
  segment?: number[];
  channel_kind?: ("exc" | "inh")[];
  /** Neurons of this population. */
  n: number;
}

/** A call that was refused; nothing has changed. */
export class NeuronError extends Error {
  private constructor();
  /** The module's status, an index of info.status. */
  readonly status: number;
}

/** A packed module: its bytes, what WebAssembly.compile made of them, or what fetch got. */
export type Source = ArrayBuffer | ArrayBufferView | Compiled | Response;

// WebAssembly.Module where the project has it: one for Node only need not have the types of browsers. As that type is empty, any
// object would do for it; but no text.
type Compiled = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M & object : never;

/** N neurons of one model with shared parameters. */
export class Population {
  private constructor();
  /**
   * Compiles a packed module and makes a population of n neurons at t = 0.
   * Each population has a memory of its own; compile once (WebAssembly.compile) to make many.
   */
  static load(source: Source | PromiseLike<Source>, n?: number): Promise<Population>;
  readonly info: Readonly<Info>;
  /** Steps done since the last reset [ms]. */
  readonly now: number;
  /**
   * Advances by k steps of 1 ms, default 1. Events may come in any order, and the result does not
   * depend on it. Throws a NeuronError, a RangeError or a TypeError that names a wrong event; then nothing has changed.
   */
  step(k?: number, events?: readonly Event[] | EventLists): Output;
  /** Returns to t = 0. */
  reset(): void;
  /** The whole state, for load of a population of the same module and size. */
  save(): Bytes;
  /** Restores a saved state. Throws a NeuronError for any other bytes; then nothing has changed. */
  load(state: Uint8Array): void;
}
