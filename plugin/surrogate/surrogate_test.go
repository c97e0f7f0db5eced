package surrogate_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// stimulus makes about rate events per neuron and ms, with repeats on a channel,
// negative weights and times inside the step.
func stimulus(seed uint64, m *model.Model, n, steps int, rate float64) []population.Event {
	rng := rand.New(rand.NewPCG(seed, 7))
	var events []population.Event
	for range int(rate * float64(n*steps)) {
		events = append(events, population.Event{
			TimeMS: rng.Float64() * float64(steps), Neuron: int32(rng.IntN(n)), Channel: int32(rng.IntN(m.Inputs.Channels)),
			Weight: []float32{1, 1, 1, 0.1, 0.3, -0.7, 0}[rng.IntN(7)],
		})
	}
	return events
}

// trace is what a population has put out, [step][neuron].
type trace struct {
	p, v  []float32
	spike []bool
}

// play steps p through the events in blocks of the given lengths, again and again.
func play(t testing.TB, p population.Population, steps int, events []population.Event, blocks ...int) trace {
	t.Helper()
	n := p.Info().N
	tr := trace{make([]float32, steps*n), make([]float32, steps*n), make([]bool, steps*n)}
	start := p.Now()
	for i, done := 0, 0; done < steps; i++ {
		k := min(blocks[i%len(blocks)], steps-done)
		var now []population.Event
		for _, e := range events {
			if int(e.TimeMS) >= done && int(e.TimeMS) < done+k {
				e.TimeMS += float64(start)
				now = append(now, e)
			}
		}
		out := population.Output{PSpike: tr.p[done*n:], VSoma: tr.v[done*n:], Spike: tr.spike[done*n:]}
		if err := p.Step(k, now, out); err != nil {
			t.Fatal(err)
		}
		done += k
	}
	return tr
}

func (a trace) same(b trace) error {
	for i := range a.p {
		if math.Float32bits(a.p[i]) != math.Float32bits(b.p[i]) || math.Float32bits(a.v[i]) != math.Float32bits(b.v[i]) || a.spike[i] != b.spike[i] {
			return fmt.Errorf("value %d: %v %v %v and %v %v %v", i, a.p[i], a.v[i], a.spike[i], b.p[i], b.v[i], b.spike[i])
		}
	}
	return nil
}

func (a trace) neuron(i, n int) trace {
	var b trace
	for ; i < len(a.p); i += n {
		b.p, b.v, b.spike = append(b.p, a.p[i]), append(b.v, a.v[i]), append(b.spike, a.spike[i])
	}
	return b
}

func newPop(t testing.TB, m *model.Model, n int, opt surrogate.Options) *surrogate.Population {
	t.Helper()
	p, err := surrogate.New(m, n, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// only returns the events of one neuron as those of neuron 0.
func only(events []population.Event, neuron int) []population.Event {
	var out []population.Event
	for _, e := range events {
		if int(e.Neuron) == neuron {
			e.Neuron = 0
			out = append(out, e)
		}
	}
	return out
}

func TestAgainstOracle(t *testing.T) {
	const steps, n = 120, 3
	for _, k := range native.Kernels() {
		for name, m := range modeltest.Zoo() {
			t.Run(k.Name+"/"+name, func(t *testing.T) {
				if !k.Available() {
					t.Skipf("CPU lacks %v", k.Missing)
				}
				events := stimulus(1, m, n, steps, 2)
				got := play(t, newPop(t, m, n, surrogate.Options{Kernel: k.Name}), steps, events, 1)
				spread := 0.0
				for i := range n {
					p, v := oracle(m, steps, only(events, i))
					one := got.neuron(i, n)
					spread = max(spread, slices.Max(p)-slices.Min(p))
					for s := range steps {
						if d := math.Abs(float64(one.p[s]) - p[s]); d > 1e-5 {
							t.Fatalf("neuron %d step %d: p %v, want %v", i, s, one.p[s], p[s])
						}
						if d := math.Abs(float64(one.v[s])-v[s]) / 10; d > 1e-5*max(1, math.Abs(v[s])/10) {
							t.Fatalf("neuron %d step %d: v %v, want %v", i, s, one.v[s], v[s])
						}
						if math.Abs(p[s]-m.SpikeThreshold) > 1e-5 && one.spike[s] != (p[s] >= m.SpikeThreshold) {
							t.Fatalf("neuron %d step %d: spike %v at p %v", i, s, one.spike[s], p[s])
						}
					}
				}
				if spread < 0.05 {
					t.Errorf("p spans only %v: the model does not respond, the test shows nothing", spread)
				}
			})
		}
	}
}

func TestSameBits(t *testing.T) {
	const steps, n = 150, 5
	for name, m := range modeltest.Zoo() {
		t.Run(name, func(t *testing.T) {
			events := stimulus(2, m, n, steps, 2)
			want := play(t, newPop(t, m, n, surrogate.Options{}), steps, events, 1)
			check := func(what string, got trace) {
				t.Helper()
				if err := want.same(got); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			check("one block", play(t, newPop(t, m, n, surrogate.Options{}), steps, events, steps))
			check("blocks of 7, 1, 16, 3", play(t, newPop(t, m, n, surrogate.Options{}), steps, events, 7, 1, 16, 3))
			for _, threads := range []int{2, 3, 64} {
				check(fmt.Sprint("threads ", threads), play(t, newPop(t, m, n, surrogate.Options{Threads: threads}), steps, events, 4))
			}
			reference := play(t, newPop(t, m, n, surrogate.Options{Kernel: "reference"}), steps, events, 1)
			for _, k := range native.Kernels() {
				if !k.Available() {
					continue
				}
				all := play(t, newPop(t, m, n, surrogate.Options{Kernel: k.Name}), steps, events, 1)
				if err := reference.same(all); k.SameBits && err != nil {
					t.Errorf("%s and reference: %v", k.Name, err)
				}
				// Several neurons and one: the kernels differ.
				one := play(t, newPop(t, m, 1, surrogate.Options{Kernel: k.Name}), steps, only(events, 0), 1)
				if err := all.neuron(0, n).same(one); err != nil {
					t.Errorf("%s, one neuron: %v", k.Name, err)
				}
			}
			shuffled := slices.Clone(events)
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			check("events shuffled", play(t, newPop(t, m, n, surrogate.Options{}), steps, shuffled, 10))
			p := newPop(t, m, n, surrogate.Options{})
			play(t, p, 33, stimulus(9, m, n, 33, 3), 5)
			p.Reset()
			check("after Reset", play(t, p, steps, events, 2))
			for i := range n {
				alone := play(t, newPop(t, m, 1, surrogate.Options{}), steps, only(events, i), 13)
				if err := want.neuron(i, n).same(alone); err != nil {
					t.Errorf("neuron %d alone: %v", i, err)
				}
			}
		})
	}
}

func TestStateGoesOnIdentically(t *testing.T) {
	const steps, n = 90, 4
	for name, m := range modeltest.Zoo() {
		t.Run(name, func(t *testing.T) {
			for _, before := range []int{0, 1, 5, 61} {
				first, rest := stimulus(3, m, n, max(before, 1), 2), stimulus(4, m, n, steps, 2)
				a := newPop(t, m, n, surrogate.Options{})
				if before > 0 {
					play(t, a, before, first, 3)
				}
				var state bytes.Buffer
				if err := a.Save(&state); err != nil {
					t.Fatal(err)
				}
				saved := slices.Clone(state.Bytes())
				b := newPop(t, m, n, surrogate.Options{Threads: 2})
				play(t, b, 17, stimulus(5, m, n, 17, 3), 4)
				if err := b.Load(&state); err != nil {
					t.Fatal(err)
				}
				if b.Now() != int64(before) {
					t.Errorf("now %d after Load, want %d", b.Now(), before)
				}
				var again bytes.Buffer
				if err := b.Save(&again); err != nil || !bytes.Equal(saved, again.Bytes()) {
					t.Errorf("saving the loaded state gives other bytes (%v)", err)
				}
				if err := play(t, a, steps, rest, 1).same(play(t, b, steps, rest, 8)); err != nil {
					t.Errorf("after %d steps: %v", before, err)
				}
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	m := modeltest.Random(modeltest.Small, 1)
	const n = 2
	save := func(m *model.Model, n int) []byte {
		p := newPop(t, m, n, surrogate.Options{})
		play(t, p, 20, stimulus(1, m, n, 20, 2), 5)
		var b bytes.Buffer
		if err := p.Save(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	good := save(m, n)
	change := func(at int, b ...byte) []byte {
		c := slices.Clone(good)
		copy(c[at:], b)
		return c
	}
	ones := bytes.Repeat([]byte{255}, 8)
	for name, b := range map[string][]byte{
		"empty": nil, "short header": good[:30], "header only": good[:72], "truncated": good[:len(good)-1],
		"magic": change(0, 'X'), "version": change(8, 9), "model hash": change(20, good[20]^1), "bits": change(44, 8), "neurons": change(48, 3),
		"huge neurons": change(48, ones...), "huge time": change(56, ones...), "time changed": change(56, 99),
		"huge payload": change(64, ones...), "value changed": change(200, good[200]^1),
		"checksum":    change(len(good)-1, good[len(good)-1]^1),
		"other model": save(modeltest.Random(modeltest.Small, 2), n), "other size": save(m, n+1),
	} {
		p := newPop(t, m, n, surrogate.Options{})
		events := stimulus(6, m, n, 40, 2)
		play(t, p, 10, events, 10)
		var before, after bytes.Buffer
		p.Save(&before)
		err := p.Load(bytes.NewReader(b))
		if !errors.Is(err, population.ErrFormat) {
			t.Errorf("%s: error %v, want one that wraps ErrFormat", name, err)
		}
		p.Save(&after)
		if !bytes.Equal(before.Bytes(), after.Bytes()) {
			t.Errorf("%s: the population changed", name)
		}
	}
}

func TestStepRefuses(t *testing.T) {
	m := modeltest.Random(modeltest.Small, 1)
	const n = 2
	ok := population.Event{TimeMS: 3, Weight: 1}
	with := func(f func(*population.Event)) []population.Event {
		e := ok
		f(&e)
		return []population.Event{ok, e}
	}
	nanF, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		steps  int
		events []population.Event
		room   int
		want   error
	}{
		"no steps":         {0, nil, 8, population.ErrInput},
		"negative steps":   {-1, nil, 8, population.ErrInput},
		"too many steps":   {population.MaxSteps + 1, nil, 8, population.ErrInput},
		"short output":     {4, nil, 7, population.ErrInput},
		"past":             {4, with(func(e *population.Event) { e.TimeMS = 2.999 }), 8, population.ErrInput},
		"future":           {4, with(func(e *population.Event) { e.TimeMS = 7 }), 8, population.ErrInput},
		"NaN time":         {4, with(func(e *population.Event) { e.TimeMS = math.NaN() }), 8, population.ErrInput},
		"negative neuron":  {4, with(func(e *population.Event) { e.Neuron = -1 }), 8, population.ErrInput},
		"neuron":           {4, with(func(e *population.Event) { e.Neuron = n }), 8, population.ErrInput},
		"negative channel": {4, with(func(e *population.Event) { e.Channel = -1 }), 8, population.ErrInput},
		"channel":          {4, with(func(e *population.Event) { e.Channel = 12 }), 8, population.ErrInput},
		"NaN weight":       {4, with(func(e *population.Event) { e.Weight = nanF }), 8, population.ErrInput},
		"infinite weight":  {4, with(func(e *population.Event) { e.Weight = -inf }), 8, population.ErrInput},
	} {
		p := newPop(t, m, n, surrogate.Options{})
		play(t, p, 3, nil, 3)
		var before, after bytes.Buffer
		p.Save(&before)
		out := population.Output{PSpike: make([]float32, c.room), VSoma: make([]float32, 8), Spike: make([]bool, 8)}
		for i := range out.VSoma {
			out.VSoma[i] = 42
		}
		if err := p.Step(c.steps, c.events, out); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		p.Save(&after)
		if !bytes.Equal(before.Bytes(), after.Bytes()) || p.Now() != 3 {
			t.Errorf("%s: the population advanced", name)
		}
		if slices.ContainsFunc(out.VSoma, func(v float32) bool { return v != 42 }) {
			t.Errorf("%s: the output was written", name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	m := modeltest.Random(modeltest.Small, 1)
	for name, c := range map[string]struct {
		m    *model.Model
		n    int
		opt  surrogate.Options
		want error
	}{
		"no model":       {nil, 1, surrogate.Options{}, population.ErrInput},
		"invalid model":  {&model.Model{}, 1, surrogate.Options{}, population.ErrFormat},
		"no neurons":     {m, 0, surrogate.Options{}, population.ErrInput},
		"too many":       {m, surrogate.MaxNeurons + 1, surrogate.Options{}, population.ErrLimit},
		"threads":        {m, 1, surrogate.Options{Threads: -1}, population.ErrInput},
		"unknown kernel": {m, 1, surrogate.Options{Kernel: "abacus"}, population.ErrKernel},
	} {
		if _, err := surrogate.New(c.m, c.n, c.opt); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

func TestClosed(t *testing.T) {
	p, err := surrogate.New(modeltest.Random(modeltest.Small, 1), 3, surrogate.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	for name, err := range map[string]error{"Step": p.Step(1, nil, population.Output{}), "Save": p.Save(&bytes.Buffer{}),
		"Load": p.Load(&bytes.Buffer{}), "Close": p.Close()} {
		if !errors.Is(err, population.ErrClosed) {
			t.Errorf("%s: error %v, want ErrClosed", name, err)
		}
	}
}

// allocations is how many a call of Step makes once the buffers of events have grown, in warm calls.
func allocations(t *testing.T, m *model.Model, n, k, warm int, opt surrogate.Options) float64 {
	p := newPop(t, m, n, opt)
	events := stimulus(1, m, n, k, 3)
	now := slices.Clone(events)
	out := population.Output{PSpike: make([]float32, n*k), VSoma: make([]float32, n*k), Spike: make([]bool, n*k)}
	step := func() {
		for i := range now {
			now[i].TimeMS = events[i].TimeMS + float64(p.Now())
		}
		if err := p.Step(k, now, out); err != nil {
			t.Fatal(err)
		}
	}
	for range warm {
		step()
	}
	return testing.AllocsPerRun(100, step)
}

func TestStepDoesNotAllocate(t *testing.T) {
	m := quantised(t, modeltest.Random(modeltest.Small, 1))
	for _, opt := range []surrogate.Options{{}, {Threads: 3}, {Precision: surrogate.BF16}, {Precision: surrogate.BF16, Threads: 3}, {Precision: surrogate.Int8}, {Precision: surrogate.Int8, Threads: 3, Sample: true}} {
		if a := allocations(t, m, 6, 4, 1, opt); a != 0 {
			t.Errorf("%+v: %v allocations per step", opt, a)
		}
	}
}
