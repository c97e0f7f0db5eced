package conformance

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Door is one way into the engines.
type Door interface {
	// Surrogate takes precision, sampling and seed from opt.
	Surrogate(modelFile []byte, n int, opt surrogate.Options) (population.Population, error)
	Cell(name string, n int) (population.Population, error)
}

// Check runs a door through the whole table. reference is the Go package with
// the kernel that the door uses: the door must give its bits, and in integers those
// of the reference kernel. light leaves out the cells of hundreds of compartments, for
// doors by which they do nothing new.
func Check(t *testing.T, door, reference Door, light bool) {
	cases, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			reference := reference
			if c.Options.Precision == surrogate.Int8 {
				reference = GoPackage{Kernel: "reference"}
			}
			open := func(d Door) population.Population { return opened(t)(d.Surrogate(c.Model, c.N, c.Options)) }
			var last population.Population // of the door; an interpreter takes 0.2 s to open one
			got := checkPopulation(t, func() population.Population { last = open(door); return last }, c.N, c.Channels, c.Steps, c.Events)
			compare(t, got, &c)
			sameBits(t, "the Go package", got, whole(t, open(reference), c.N, c.Steps, c.Events))
			last.Reset()
			checkHeads(t, last, open(reference), &c)
		})
	}
	for _, c := range CellCases() {
		t.Run(c.Name, func(t *testing.T) {
			if light && c.Heavy {
				t.Skip("too slow on this door")
			}
			open := func(d Door) population.Population { return opened(t)(d.Cell(c.Cell, c.N)) }
			p := open(door)
			channels := p.Info().Channels
			got := checkPopulation(t, func() population.Population { return open(door) }, c.N, channels, c.Steps, c.Events(channels))
			sameBits(t, "the Go package", got, whole(t, open(reference), c.N, c.Steps, c.Events(channels)))
		})
	}
	t.Run("bad models", func(t *testing.T) { checkBadModels(t, door, cases[0].Model) })
}

func opened(t *testing.T) func(population.Population, error) population.Population {
	return func(p population.Population, err error) population.Population {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
}

// checkPopulation checks what holds for every population, and returns its trace.
func checkPopulation(t *testing.T, open func() population.Population, n, channels, steps int, events []population.Event) Trace {
	p := open()
	if i := p.Info(); i.N != n || i.Channels != channels {
		t.Fatalf("Info is %+v, want N %d and %d channels", i, n, channels)
	}
	want := whole(t, p, n, steps, events)
	if p.Now() != int64(steps) {
		t.Errorf("Now is %d after %d steps", p.Now(), steps)
	}

	p.Reset()
	if p.Now() != 0 {
		t.Errorf("Now is %d after Reset", p.Now())
	}
	sameBits(t, "one step a call, after Reset", stream(t, p, n, 0, steps, func() int { return 1 }, events), want)

	p.Reset()
	r := rand.New(rand.NewPCG(1, uint64(steps)))
	sameBits(t, "calls of random length", stream(t, p, n, 0, steps, func() int { return 1 + r.IntN(9) }, events), want)

	p.Reset()
	shuffled := slices.Clone(events)
	slices.Reverse(shuffled)
	got := whole(t, p, n, steps, shuffled)
	sameBits(t, "events in another order", got, want)

	checkSaved(t, p, open(), n, steps, events, want)
	checkMisuse(t, p, n, channels, steps, events, want)

	if err := p.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := p.Step(1, nil, population.Output{}); !errors.Is(err, population.ErrClosed) {
		t.Errorf("Step after Close: %v, want ErrClosed", err)
	}
	return want
}

// whole runs all steps in one call.
func whole(t *testing.T, p population.Population, n, steps int, events []population.Event) Trace {
	return stream(t, p, n, 0, steps, func() int { return steps }, events)
}

// stream runs steps [from, to) in calls of the lengths that length gives, and
// checks that nothing is written past what was asked for.
func stream(t *testing.T, p population.Population, n, from, to int, length func() int, events []population.Event) Trace {
	t.Helper()
	all := newTrace(0)
	for k := from; k < to; {
		steps := min(length(), to-k)
		g := newGuarded(steps * n)
		if err := p.Step(steps, window(events, k, k+steps), g.out()); err != nil {
			t.Fatalf("Step(%d) at %d ms: %v", steps, k, err)
		}
		g.check(t)
		all.PSpike = append(all.PSpike, g.PSpike[:steps*n]...)
		all.VSoma = append(all.VSoma, g.VSoma[:steps*n]...)
		all.Spike = append(all.Spike, g.Spike[:steps*n]...)
		k += steps
	}
	return all
}

// guarded is a trace with canaries behind it.
type guarded struct {
	Trace
	values int
}

const (
	guard  = 16
	canary = float32(-12345.678)
)

func newGuarded(values int) guarded {
	g := guarded{newTrace(values + guard), values}
	for i := range g.PSpike {
		g.PSpike[i], g.VSoma[i], g.Spike[i] = canary, canary, i%2 == 0
	}
	return g
}

func (g guarded) out() population.Output {
	return population.Output{PSpike: g.PSpike, VSoma: g.VSoma, Spike: g.Spike}
}

func (g guarded) check(t *testing.T) {
	t.Helper()
	for i := g.values; i < g.values+guard; i++ {
		if g.PSpike[i] != canary || g.VSoma[i] != canary || g.Spike[i] != (i%2 == 0) {
			t.Fatalf("element %d was written, %d were asked for", i, g.values)
		}
	}
}

// checkSaved saves p in the middle, loads into fresh and into p itself, and
// goes on.
func checkSaved(t *testing.T, p, fresh population.Population, n, steps int, events []population.Event, want Trace) {
	p.Reset()
	half := steps / 2
	blocks := func() int { return 5 }
	stream(t, p, n, 0, half, blocks, events)
	var state bytes.Buffer
	if err := p.Save(&state); err != nil {
		t.Fatalf("Save: %v", err)
	}
	rest := Trace{PSpike: want.PSpike[half*n:], VSoma: want.VSoma[half*n:], Spike: want.Spike[half*n:]}
	sameBits(t, "going on after Save", stream(t, p, n, half, steps, blocks, events), rest)
	for _, q := range []population.Population{fresh, p} {
		if err := q.Load(bytes.NewReader(state.Bytes())); err != nil {
			t.Fatalf("Load: %v", err)
		}
		if q.Now() != int64(half) {
			t.Fatalf("Now is %d after Load, want %d", q.Now(), half)
		}
		for _, bad := range [][]byte{state.Bytes()[:state.Len()/2], []byte("no state")} {
			if err := q.Load(bytes.NewReader(bad)); !errors.Is(err, population.ErrFormat) {
				t.Errorf("Load of a bad state: %v, want ErrFormat", err)
			}
		}
		sameBits(t, "going on after Load", stream(t, q, n, half, steps, blocks, events), rest)
	}
}

// checkMisuse makes calls that must fail, in the middle of a run, and checks
// that they change nothing.
func checkMisuse(t *testing.T, p population.Population, n, channels, steps int, events []population.Event, want Trace) {
	p.Reset()
	half := steps / 2
	blocks := func() int { return 3 }
	stream(t, p, n, 0, half, blocks, events)
	now := float64(half)
	nan, inf := math.NaN(), math.Inf(1)
	for _, bad := range []struct {
		name  string
		event population.Event
	}{
		{"time before now", population.Event{TimeMS: math.Nextafter(now, -1)}},
		{"time after the call", population.Event{TimeMS: now + 2}},
		{"time NaN", population.Event{TimeMS: nan}},
		{"time infinite", population.Event{TimeMS: inf}},
		{"neuron -1", population.Event{TimeMS: now, Neuron: -1}},
		{"neuron N", population.Event{TimeMS: now, Neuron: int32(n)}},
		{"neuron largest", population.Event{TimeMS: now, Neuron: math.MaxInt32}},
		{"channel -1", population.Event{TimeMS: now, Channel: -1}},
		{"channel C", population.Event{TimeMS: now, Channel: int32(channels)}},
		{"channel smallest", population.Event{TimeMS: now, Channel: math.MinInt32}},
		{"weight NaN", population.Event{TimeMS: now, Weight: float32(nan)}},
		{"weight infinite", population.Event{TimeMS: now, Weight: float32(-inf)}},
	} {
		// The bad event comes last, after one that is fine.
		in := []population.Event{{TimeMS: now + 1, Weight: 1}, bad.event}
		mustFail(t, p, bad.name, population.ErrInput, 2, in, newGuarded(2*n), 2*n+guard)
	}
	mustFail(t, p, "no steps", population.ErrInput, 0, nil, newGuarded(2*n), 2*n)
	mustFail(t, p, "negative steps", population.ErrInput, -1, nil, newGuarded(2*n), 2*n)
	mustFail(t, p, "short buffers", population.ErrInput, 2, nil, newGuarded(2*n), 2*n-1)
	if p.Now() != int64(half) {
		t.Errorf("Now is %d after failed calls, want %d", p.Now(), half)
	}

	// One output at a time, then the rest: failures left no trace.
	rest := half
	for _, out := range []func(guarded) population.Output{
		func(g guarded) population.Output { return population.Output{PSpike: g.PSpike} },
		func(g guarded) population.Output { return population.Output{VSoma: g.VSoma} },
		func(g guarded) population.Output { return population.Output{Spike: g.Spike} },
		func(g guarded) population.Output { return population.Output{} },
	} {
		if rest == steps {
			break
		}
		g := newGuarded(n)
		o := out(g)
		if err := p.Step(1, window(events, rest, rest+1), o); err != nil {
			t.Fatalf("Step with some outputs: %v", err)
		}
		g.check(t)
		for i := range n {
			at := rest*n + i
			if o.PSpike != nil && !same(g.PSpike[i], want.PSpike[at]) || o.VSoma != nil && !same(g.VSoma[i], want.VSoma[at]) || o.Spike != nil && g.Spike[i] != want.Spike[at] {
				t.Errorf("some outputs at %d ms, neuron %d: differs from the whole run", rest, i)
			}
			if o.PSpike == nil && g.PSpike[i] != canary || o.VSoma == nil && g.VSoma[i] != canary {
				t.Errorf("an output that was not wanted was written")
			}
		}
		rest++
	}
	sameBits(t, "going on after failed calls", stream(t, p, n, rest, steps, blocks, events),
		Trace{PSpike: want.PSpike[rest*n:], VSoma: want.VSoma[rest*n:], Spike: want.Spike[rest*n:]})
}

// mustFail makes a call with outputs of a length and checks the error, that it
// left them alone, and that time stands still.
func mustFail(t *testing.T, p population.Population, name string, want error, steps int, events []population.Event, g guarded, length int) {
	t.Helper()
	now := p.Now()
	out := population.Output{PSpike: g.PSpike[:length], VSoma: g.VSoma[:length], Spike: g.Spike[:length]}
	if err := p.Step(steps, events, out); !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", name, err, want)
	}
	g.values = 0
	for i := range g.PSpike {
		if g.PSpike[i] != canary || g.VSoma[i] != canary || g.Spike[i] != (i%2 == 0) {
			t.Errorf("%s: the failed call wrote output %d", name, i)
			break
		}
	}
	if p.Now() != now {
		t.Errorf("%s: the failed call advanced from %d to %d", name, now, p.Now())
	}
}

// observed is what a surrogate population tells beside a step's outputs.
type observed interface {
	population.Population
	OutOfRange() surrogate.RangeReport
	StepHeads(steps int, events []population.Event, out population.Output, heads map[string][]float32) error
}

// checkHeads checks a further head and the report of the inputs' range.
func checkHeads(t *testing.T, door, reference population.Population, c *Case) {
	run := func(p observed) ([]float32, surrogate.RangeReport) {
		values := make([]float32, len(c.Want.Inner)+guard)
		for i := range values {
			values[i] = canary
		}
		for name, heads := range map[string]map[string][]float32{
			"unknown head": {"no such head": values},
			"short head":   {HeadInner: values[:len(c.Want.Inner)-1]},
		} {
			if err := p.StepHeads(c.Steps, c.Events, population.Output{}, heads); !errors.Is(err, population.ErrInput) {
				t.Errorf("%s: %v, want ErrInput", name, err)
			}
		}
		if p.Now() != 0 || values[0] != canary {
			t.Errorf("a failed call: now %d, first value %v", p.Now(), values[0])
		}
		out := newTrace(c.Steps * c.N)
		if err := p.StepHeads(c.Steps, c.Events, population.Output{PSpike: out.PSpike}, map[string][]float32{HeadInner: values}); err != nil {
			t.Fatal(err)
		}
		for i, want := range c.Want.PSpike {
			if d := math.Abs(float64(out.PSpike[i] - want)); !(d <= c.tolerance()) {
				t.Fatalf("p_spike %d beside a head is %v, want %v", i, out.PSpike[i], want)
			}
		}
		for i := len(c.Want.Inner); i < len(values); i++ {
			if values[i] != canary {
				t.Fatalf("value %d of the head was written, %d were asked for", i, len(c.Want.Inner))
			}
		}
		return values[:len(c.Want.Inner)], p.OutOfRange()
	}
	got, gotRange := run(door.(observed))
	want, wantRange := run(reference.(observed))
	if gotRange != wantRange || !gotRange.Known || gotRange.Events != int64(len(c.Events)) {
		t.Errorf("range of the inputs is %+v, want %+v of %d events", gotRange, wantRange, len(c.Events))
	}
	for i := range want {
		if !same(got[i], want[i]) {
			t.Fatalf("head %s: value %d is %v, the Go package's is %v", HeadInner, i, got[i], want[i])
		}
		if d := math.Abs(float64(got[i] - c.Want.Inner[i])); !(d <= c.tolerance()*VScale) {
			t.Fatalf("head %s: value %d is %v, want %v", HeadInner, i, got[i], c.Want.Inner[i])
		}
	}
}

func checkBadModels(t *testing.T, door Door, good []byte) {
	for name, b := range map[string][]byte{
		"empty":     {},
		"truncated": good[:len(good)-1],
		"header":    good[:40],
		"text":      []byte("this is not a model file, but long enough to be one"),
		"trailing":  append(bytes.Clone(good), 0),
	} {
		if p, err := door.Surrogate(b, 1, surrogate.Options{}); err == nil {
			p.Close()
			t.Errorf("%s: opened", name)
		} else if !errors.Is(err, population.ErrFormat) && len(b) > 0 {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
	}
	for _, n := range []int{0, -1} {
		if p, err := door.Surrogate(good, n, surrogate.Options{}); err == nil {
			p.Close()
			t.Errorf("%d neurons: opened", n)
		} else if !errors.Is(err, population.ErrInput) {
			t.Errorf("%d neurons: error %v, want ErrInput", n, err)
		}
	}
	if p, err := door.Surrogate(good, 1, surrogate.Options{Precision: surrogate.Int8}); err == nil {
		p.Close()
		t.Error("integers of a model that is not quantised: opened")
	} else if !errors.Is(err, population.ErrFormat) {
		t.Errorf("integers of a model that is not quantised: error %v, want ErrFormat", err)
	}
	if p, err := door.Cell("no such cell", 1); err == nil {
		p.Close()
		t.Error("unknown cell: opened")
	} else if !errors.Is(err, population.ErrInput) {
		t.Errorf("unknown cell: error %v, want ErrInput", err)
	}
}

// compare checks a trace against the expected one within the case's tolerance.
func compare(t *testing.T, got Trace, c *Case) {
	t.Helper()
	want, n, tolerance := c.Want, c.N, c.tolerance()
	for i := range want.PSpike {
		if d := math.Abs(float64(got.PSpike[i] - want.PSpike[i])); !(d <= tolerance) {
			t.Fatalf("step %d, neuron %d: p_spike %v, want %v", i/n, i%n, got.PSpike[i], want.PSpike[i])
		}
		// 70 mV in float32 is exact to 4e-6 mV only.
		if d := math.Abs(float64(got.VSoma[i] - want.VSoma[i])); !(d <= tolerance*VScale) && !same(got.VSoma[i], want.VSoma[i]) {
			t.Fatalf("step %d, neuron %d: v_soma %v mV, want %v", i/n, i%n, got.VSoma[i], want.VSoma[i])
		}
	}
	if c.Options.Sample {
		return
	}
	// A spike near the threshold decides about those after it, so spikes are judged by the
	// probabilities beside them.
	for i, want := range emitted(got.PSpike, n, want.Threshold, want.RefractoryMS) {
		if got.Spike[i] != want {
			t.Fatalf("step %d, neuron %d: spike %v at p %v, threshold %v", i/n, i%n, got.Spike[i], got.PSpike[i], c.Want.Threshold)
		}
	}
}

func same(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

func sameBits(t *testing.T, what string, got, want Trace) {
	t.Helper()
	if len(got.PSpike) != len(want.PSpike) {
		t.Fatalf("%s: %d values, want %d", what, len(got.PSpike), len(want.PSpike))
	}
	for i := range want.PSpike {
		if !same(got.PSpike[i], want.PSpike[i]) || !same(got.VSoma[i], want.VSoma[i]) || got.Spike[i] != want.Spike[i] {
			t.Fatalf("%s: value %d is (%v, %v, %v), want (%v, %v, %v)", what, i,
				got.PSpike[i], got.VSoma[i], got.Spike[i], want.PSpike[i], want.VSoma[i], want.Spike[i])
		}
	}
}
