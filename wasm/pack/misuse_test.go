package pack_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"understudy/plugin/model/builtin"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/wasm/pack"
)

// state saves and returns a copy.
func (x *neuron) state() []byte {
	x.t.Helper()
	if s := x.call("save"); s != pack.OK {
		x.t.Fatalf("save: status %d", s)
	}
	return bytes.Clone(x.bytes(x.raw("state"), x.raw("state_size")))
}

func (x *neuron) load(state []byte) pack.Status {
	x.t.Helper()
	copy(x.bytes(x.raw("state"), x.raw("state_size")), state)
	return x.call("load")
}

func packed(t testing.TB, precision string) []byte {
	t.Helper()
	b, err := pack.Pack(quantised(t, modeltest.Random(modeltest.Small, 1)), precision)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (x *neuron) want(what string, got, want pack.Status) {
	x.t.Helper()
	if got != want {
		x.t.Errorf("%s: status %d, %s; want %d", what, got, pack.StatusText[got], want)
	}
}

func TestMisuse(t *testing.T) {
	for _, precision := range precisions {
		t.Run(precision, func(t *testing.T) {
			x := instantiate(t, packed(t, precision), wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(64))
			for _, f := range []string{"reset", "save", "load"} {
				x.want(f+" without a population", x.call(f), pack.NoPopulation)
			}
			x.want("step without a population", x.call("step", 1, 0), pack.NoPopulation)
			for _, f := range []string{"events", "p_spike", "v_soma", "spike", "state", "state_size"} {
				if x.raw(f) != 0 {
					t.Errorf("%s without a population is not 0", f)
				}
			}
			for _, c := range [][3]int{{0, 1, 1}, {-1, 1, 1}, {pack.MaxNeurons + 1, 1, 1}, {1, 0, 1}, {1, -1, 1}, {1, pack.MaxSteps + 1, 1}, {1, 1, -1}, {1, 1, pack.MaxEvents + 1}} {
				x.want("create", x.create(c[0], c[1], c[2]), pack.BadCount)
			}
			const n, steps = 3, 5
			x.want("create", x.create(n, steps, 10), pack.OK)
			x.step(2, []population.Event{{TimeMS: 0.5, Neuron: 1, Channel: 2, Weight: 1}, {TimeMS: 1, Neuron: 2, Channel: 11, Weight: -2}})
			before := x.state()

			nan, inf := float32(math.NaN()), float32(math.Inf(1))
			good := population.Event{TimeMS: 2.5, Neuron: 1, Channel: 2, Weight: 1}
			for i, c := range []struct {
				change func(e *population.Event)
				want   pack.Status
			}{
				{func(e *population.Event) { e.TimeMS = math.Nextafter(2, 0) }, pack.BadTime},
				{func(e *population.Event) { e.TimeMS = 4 }, pack.BadTime},
				{func(e *population.Event) { e.TimeMS = math.NaN() }, pack.BadTime},
				{func(e *population.Event) { e.TimeMS = math.Inf(1) }, pack.BadTime},
				{func(e *population.Event) { e.TimeMS = -1e300 }, pack.BadTime},
				{func(e *population.Event) { e.Neuron = n }, pack.BadNeuron},
				{func(e *population.Event) { e.Neuron = -1 }, pack.BadNeuron},
				{func(e *population.Event) { e.Channel = 12 }, pack.BadChannel},
				{func(e *population.Event) { e.Channel = math.MinInt32 }, pack.BadChannel},
				{func(e *population.Event) { e.Weight = nan }, pack.BadWeight},
				{func(e *population.Event) { e.Weight = inf }, pack.BadWeight},
				{func(e *population.Event) { e.Weight = -inf }, pack.BadWeight},
			} {
				bad := good
				c.change(&bad)
				x.put([]population.Event{good, good, bad, good})
				x.want("step", x.call("step", 2, 4), c.want)
				if w := int32(x.raw("wrong_event")); w != 2 {
					t.Errorf("case %d: wrong event %d, want 2", i, w)
				}
			}
			for _, c := range [][2]int32{{0, 0}, {-1, 0}, {steps + 1, 0}, {1, 11}, {1, -1}, {math.MaxInt32, 0}, {math.MinInt32, 0}} {
				x.want("step", x.call("step", c[0], c[1]), pack.BadCount)
			}
			for _, c := range [][3]int{{1 << 20, 1, 1}, {1, 1 << 20, 1}, {1, 1, 1 << 24}, {1 << 20, 1 << 20, 1 << 24}} {
				x.want("create too much", x.call("create", int32(c[0]), int32(c[1]), int32(c[2])), pack.NoMemory)
			}

			// Bytes of a state changed, and states of others.
			other := packed(t, map[string]string{surrogate.Float32: surrogate.Int8, surrogate.Int8: surrogate.Float32}[precision])
			y := instantiate(t, other, wazero.NewRuntimeConfigCompiler())
			y.create(n, 1, 1)
			x.want("load of the other precision", x.load(y.state()), pack.BadState)
			z := instantiate(t, packed(t, precision), wazero.NewRuntimeConfigCompiler())
			z.create(n+1, 1, 1)
			x.want("load of another size", x.load(z.state()), pack.BadState)
			for i := range before {
				if i > 70 && i%13 != 0 {
					continue
				}
				damaged := bytes.Clone(before)
				damaged[i] ^= 0x10
				x.want("load of a damaged state", x.load(damaged), pack.BadState)
			}
			if !bytes.Equal(x.state(), before) {
				t.Error("what was refused has changed the state")
			}

			// The last millisecond whose times are exact, and one past it.
			late := bytes.Clone(before)
			binary.LittleEndian.PutUint64(late[48:], 1<<53-1)
			binary.LittleEndian.PutUint64(late[56:], checksum(late[:56], late[64:]))
			x.want("load of a late state", x.load(late), pack.OK)
			x.want("step past the end", x.call("step", 2, 0), pack.BadCount)
			x.want("step to the end", x.call("step", 1, 0), pack.OK)
			if now := math.Float64frombits(x.raw("now")); now != 1<<53 {
				t.Errorf("now is %v", now)
			}
			x.want("step at the end", x.call("step", 1, 0), pack.BadCount)
		})
	}
}

func checksum(parts ...[]byte) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range parts {
		for ; len(b) > 0; b = b[8:] {
			h = (h ^ binary.LittleEndian.Uint64(b)) * 0x100000001b3
		}
	}
	return h
}

// FuzzCalls makes calls with any arguments on a memory that holds anything: no call traps.
func FuzzCalls(f *testing.F) {
	f.Add([]byte{0, 2, 3, 4, 5, 1, 2, 3, 4, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0})
	f.Add([]byte{0, 255, 3, 4, 9, 1, 200, 100, 1, 1, 1, 0, 6, 77, 13, 4, 1, 3, 2, 0, 7, 1, 1, 1})
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(12))
	f.Cleanup(func() { r.Close(ctx) })
	var models []wazero.CompiledModule
	for _, p := range precisions {
		elm, err := pack.Pack(quantised(f, modeltest.ELM(modeltest.ELMSpec{Channels: 9, Branches: 3, Memory: 5, Hidden: 7, Activation: "silu"}, 2)), p)
		if err != nil {
			f.Fatal(err)
		}
		for _, b := range [][]byte{packed(f, p), elm} {
			m, err := r.CompileModule(ctx, b)
			if err != nil {
				f.Fatal(err)
			}
			models = append(models, m)
		}
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 || len(script) > 200 {
			return
		}
		m, err := r.InstantiateModule(ctx, models[int(script[0])%len(models)], wazero.NewModuleConfig().WithName(""))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close(ctx)
		x := &neuron{t: t, m: m}
		number := func(b byte) int32 { // small ones, and those around limits
			if b < 200 {
				return int32(b % 40)
			}
			return []int32{-1, math.MinInt32, math.MaxInt32, 1 << 20, 1<<20 + 1, 1 << 24, 1 << 31 / 9, 100}[b%8] // no number of steps that takes long
		}
		for script = script[1:]; len(script) >= 4; script = script[4:] {
			a, b, c := script[1], script[2], script[3]
			switch script[0] % 10 {
			case 0:
				x.call("create", number(a), number(b), number(c))
			case 1, 2, 3:
				x.call("step", number(a), number(b))
			case 4:
				x.call("reset")
			case 5:
				x.call("save")
			case 6:
				x.call("load")
			case 7: // an event that is right but for a byte or two
				size, n := x.m.Memory().Size(), x.raw("events")
				if at := n + 24*uint64(a%8); at > 0 && at+24 < uint64(size) {
					e := x.bytes(at, 24)
					binary.LittleEndian.PutUint64(e, x.raw("now"))
					clear(e[8:])
					e[b%24] = c
				}
			case 8: // anything, anywhere
				size := uint64(x.m.Memory().Size())
				from := (uint64(a)<<8 | uint64(b)) * 64 % size
				to := x.bytes(from, min(4096, size-from))
				for i := range to {
					to[i] = c * byte(i|1)
				}
			case 9:
				for _, name := range []string{"events", "p_spike", "state", "state_size", "describe", "describe_size", "wrong_event", "now"} {
					x.raw(name)
				}
			}
		}
	})
}

func TestDescribe(t *testing.T) {
	m, err := builtin.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, precision := range precisions {
		b, err := pack.Pack(m, precision)
		if err != nil {
			t.Fatal(err)
		}
		x := instantiate(t, b, wazero.NewRuntimeConfigInterpreter()) // with nothing to import
		var d pack.Description
		if err := json.Unmarshal(x.bytes(x.raw("describe"), x.raw("describe_size")), &d); err != nil {
			t.Fatal(err)
		}
		if d.Name != m.Name || d.Precision != precision || d.Channels != m.Inputs.Channels || d.RefractoryMS != m.RefractoryMS ||
			!slices.Equal(d.Segment, m.Inputs.Segment) || !slices.Equal(d.ChannelKind, m.Inputs.ChannelKind) {
			t.Errorf("description %+v", d)
		}
		x.create(2, 1, 1)
		size := x.raw("state_size")
		x.create(5, 1, 1)
		if more := x.raw("state_size") - size; more != 3*uint64(d.StateBytes) {
			t.Errorf("3 more neurons have %d bytes more of state, described as %d each", more, d.StateBytes)
		}
		if len(x.m.ExportedFunctionDefinitions()) != len(functions) {
			t.Errorf("%d functions are exported", len(x.m.ExportedFunctionDefinitions()))
		}
		for _, name := range functions {
			if x.m.ExportedFunction(name) == nil {
				t.Errorf("no function %s", name)
			}
		}
	}
}

var functions = []string{"create", "events", "step", "p_spike", "v_soma", "spike", "wrong_event", "reset", "now", "state_size", "state", "save", "load", "describe", "describe_size"}
