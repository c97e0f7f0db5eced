package pack_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"understudy/plugin/model"
	"understudy/plugin/model/builtin"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/tests/conformance"
	"understudy/wasm/pack"
)

var ctx = context.Background()

// neuron is an instance of a packed module.
type neuron struct {
	t testing.TB
	m api.Module
	n int
}

// runtimes are wazero's two.
var runtimes = map[string]func() wazero.RuntimeConfig{"compiler": wazero.NewRuntimeConfigCompiler, "interpreter": wazero.NewRuntimeConfigInterpreter}

func instantiate(t testing.TB, b []byte, c wazero.RuntimeConfig) *neuron {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(ctx, c)
	t.Cleanup(func() { r.Close(ctx) })
	m, err := r.Instantiate(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	return &neuron{t: t, m: m}
}

// raw calls a function; a trap fails the test.
func (x *neuron) raw(name string, args ...int32) uint64 {
	x.t.Helper()
	var a []uint64
	for _, v := range args {
		a = append(a, uint64(uint32(v)))
	}
	out, err := x.m.ExportedFunction(name).Call(ctx, a...)
	if err != nil {
		x.t.Fatalf("%s%v: %v", name, args, err)
	}
	return out[0]
}

func (x *neuron) call(name string, args ...int32) pack.Status {
	x.t.Helper()
	return pack.Status(int32(x.raw(name, args...)))
}

func (x *neuron) create(n, steps, events int) pack.Status {
	x.t.Helper()
	s := x.call("create", int32(n), int32(steps), int32(events))
	if s == pack.OK {
		x.n = n
	}
	return s
}

func (x *neuron) bytes(at, size uint64) []byte {
	x.t.Helper()
	b, ok := x.m.Memory().Read(uint32(at), uint32(size))
	if !ok {
		x.t.Fatalf("%d bytes at %d are outside the memory", size, at)
	}
	return b
}

// put writes events as they come.
func (x *neuron) put(events []population.Event) {
	x.t.Helper()
	b := x.bytes(x.raw("events"), uint64(24*len(events)))
	for i, e := range events {
		to := b[24*i:]
		binary.LittleEndian.PutUint64(to, math.Float64bits(e.TimeMS))
		binary.LittleEndian.PutUint32(to[8:], uint32(e.Neuron))
		binary.LittleEndian.PutUint32(to[12:], uint32(e.Channel))
		binary.LittleEndian.PutUint32(to[16:], math.Float32bits(e.Weight))
	}
}

// trace is what comes out of some steps.
type trace struct {
	p, v  []float32
	spike []bool
}

func (x *neuron) outputs(steps int) trace {
	x.t.Helper()
	values := uint64(steps * x.n)
	floats := func(name string) []float32 {
		b := x.bytes(x.raw(name), 4*values)
		f := make([]float32, values)
		for i := range f {
			f[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		return f
	}
	o := trace{p: floats("p_spike"), v: floats("v_soma")}
	for _, s := range x.bytes(x.raw("spike"), values) {
		o.spike = append(o.spike, s != 0)
	}
	return o
}

func (x *neuron) step(steps int, events []population.Event) trace {
	x.t.Helper()
	x.put(events)
	if s := x.call("step", int32(steps), int32(len(events))); s != pack.OK {
		x.t.Fatalf("step: status %d, %s", s, pack.StatusText[s])
	}
	return x.outputs(steps)
}

// reference steps a population of plugin/surrogate.
func reference(t testing.TB, p *surrogate.Population, steps int, events []population.Event) trace {
	t.Helper()
	values := steps * p.Info().N
	o := trace{make([]float32, values), make([]float32, values), make([]bool, values)}
	if err := p.Step(steps, events, population.Output{PSpike: o.p, VSoma: o.v, Spike: o.spike}); err != nil {
		t.Fatal(err)
	}
	return o
}

func newReference(t testing.TB, m *model.Model, n int, precision string) *surrogate.Population {
	t.Helper()
	p, err := surrogate.New(m, n, surrogate.Options{Precision: precision, Kernel: "reference"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// same compares bits; one NaN is as good as another.
func same(got, want trace) error {
	for i := range want.p {
		if !sameFloat(got.p[i], want.p[i]) || !sameFloat(got.v[i], want.v[i]) || got.spike[i] != want.spike[i] {
			return fmt.Errorf("value %d: p_spike %v, v_soma %v, spike %v; want %v, %v, %v", i, got.p[i], got.v[i], got.spike[i], want.p[i], want.v[i], want.spike[i])
		}
	}
	return nil
}

func sameFloat(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// input draws events of steps from now on: mean per neuron and step, some on one channel in one step.
func input(r *rand.Rand, now, steps, n, channels int, mean float64) []population.Event {
	var events []population.Event
	for range int(mean * float64(steps*n) * 2 * r.Float64()) {
		e := population.Event{TimeMS: float64(now) + float64(steps)*r.Float64(), Neuron: int32(r.IntN(n)), Channel: int32(r.IntN(channels)), Weight: 1}
		if r.IntN(3) == 0 {
			e.Weight = float32(r.NormFloat64())
		}
		events = append(events, e)
		for r.IntN(4) == 0 {
			e.TimeMS = min(math.Floor(e.TimeMS)+r.Float64(), math.Nextafter(float64(now+steps), 0))
			e.Weight = float32(r.NormFloat64())
			events = append(events, e)
		}
	}
	return events
}

// compare runs a packed model beside the engine: blocks of one and many steps, state saved and
// loaded in the middle, reset.
func compare(t *testing.T, m *model.Model, precision, runtime string, populations []int, blocks []int, mean float64) {
	t.Helper()
	b, err := pack.Pack(m, precision)
	if err != nil {
		t.Fatal(err)
	}
	x := instantiate(t, b, runtimes[runtime]())
	for _, n := range populations {
		p := newReference(t, m, n, precision)
		if s := x.create(n, 64, 1<<16); s != pack.OK {
			t.Fatalf("create: status %d", s)
		}
		r := rand.New(rand.NewPCG(uint64(n), 1))
		for round := range 2 {
			now := 0
			for i, steps := range blocks {
				events := input(r, now, steps, n, m.Inputs.Channels, mean)
				if i == len(blocks)/2 { // a state saved, disturbed, and loaded
					if s := x.call("save"); s != pack.OK {
						t.Fatalf("save: status %d", s)
					}
					x.step(steps, events)
					if s := x.call("load"); s != pack.OK {
						t.Fatalf("load: status %d", s)
					}
				}
				want, got := reference(t, p, steps, events), x.step(steps, events)
				if err := same(got, want); err != nil {
					t.Fatalf("%d neurons, round %d, %d steps from %d: %v", n, round, steps, now, err)
				}
				now += steps
			}
			p.Reset()
			if s := x.call("reset"); s != pack.OK {
				t.Fatalf("reset: status %d", s)
			}
		}
	}
}

var precisions = []string{surrogate.Float32, surrogate.Int8}

func TestBuiltin(t *testing.T) {
	for _, name := range builtin.Names() {
		m, err := builtin.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, precision := range precisions {
			t.Run(name+"/"+precision+"/compiler", func(t *testing.T) {
				compare(t, m, precision, "compiler", []int{1, 2, 7, 33}, []int{1, 1, 5, 3, 1}, 3)
			})
			t.Run(name+"/"+precision+"/interpreter", func(t *testing.T) {
				compare(t, m, precision, "interpreter", []int{2}, []int{1, 4, 1}, 3)
			})
		}
	}
}

// quantised adds int8 ranges to a model.
func quantised(t testing.TB, m *model.Model) *model.Model {
	t.Helper()
	const steps, n = 100, 2
	events := input(rand.New(rand.NewPCG(7, 7)), 0, steps, n, m.Inputs.Channels, 2)
	var err error
	if m.Int8, err = surrogate.Calibrate(m, n, func(p population.Population) error { return p.Step(steps, events, population.Output{}) }); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestZoo packs a model for each way in which layers can be put together, and those of
// tests/conformance.
func TestZoo(t *testing.T) {
	models := modeltest.Zoo()
	models["golden"], models["golden elm"] = modeltest.Golden(), modeltest.GoldenELM()
	refractory := modeltest.Random(modeltest.Small, 4)
	refractory.RefractoryMS = 3
	models["refractory"] = refractory
	for _, s := range conformance.Surrogates() {
		models["conformance "+s.Name] = s
	}
	for name, m := range models {
		quantised(t, m)
		for _, precision := range precisions {
			t.Run(name+"/"+precision, func(t *testing.T) {
				if _, err := surrogate.Plan(m, precision); err != nil {
					t.Skip(err) // no integer form
				}
				compare(t, m, precision, "compiler", []int{1, 2, 7, 33}, []int{1, 1, 17, 3, 40, 1}, 1)
				compare(t, m, precision, "interpreter", []int{3}, []int{1, 30, 2}, 1)
			})
		}
	}
}

// TestManyEvents has more channels, neurons and steps in one call than two digits of the order of events hold, and weights of all sizes and
// both signs on one channel, in a step.
func TestManyEvents(t *testing.T) {
	const channels = 20000
	m := modeltest.Random(modeltest.Spec{Channels: channels, Embed: 4, Smooth: 2, Blocks: 1, Kernel: 2}, 6)
	b, err := pack.Pack(m, surrogate.Float32)
	if err != nil {
		t.Fatal(err)
	}
	x := instantiate(t, b, runtimes["compiler"]())
	r := rand.New(rand.NewPCG(6, 6))
	cases := []struct{ n, steps, events int }{{20000, 2, 30000}, {1, 20000, 30000}, {1, 1, 24}, {1, 1, 25}, {3, 2, 5000}}
	for range 20 {
		cases = append(cases, struct{ n, steps, events int }{1, 1, 200})
	}
	for _, c := range cases {
		var events []population.Event
		for range c.events {
			e := population.Event{TimeMS: float64(c.steps) * r.Float64(), Neuron: int32(r.IntN(c.n)), Channel: int32(r.IntN(channels)), Weight: float32(r.NormFloat64() * math.Pow(10, float64(r.IntN(7)-3)))}
			if r.IntN(2) == 0 {
				e.Channel = []int32{0, channels - 1}[r.IntN(2)]
			}
			if c.events == 200 {
				// The sum shows the order of the last bits.
				e.Channel, e.Weight = 0, []float32{1 + r.Float32(), 1 + float32(r.IntN(256))/(1<<23)}[r.IntN(2)]
			}
			if r.IntN(10) == 0 && c.events != 200 {
				e.Weight = float32(math.Copysign(0, r.NormFloat64()))
			}
			events = append(events, e)
		}
		p := newReference(t, m, c.n, surrogate.Float32)
		if s := x.create(c.n, c.steps, len(events)); s != pack.OK {
			t.Fatalf("create: status %d", s)
		}
		if err := same(x.step(c.steps, events), reference(t, p, c.steps, events)); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
