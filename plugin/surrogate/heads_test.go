package surrogate_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Further heads have the voltage's formula and any number of channels.
func TestHeads(t *testing.T) {
	const steps, n = 40, 3
	m := modeltest.Random(modeltest.Small, 4)
	scale, offset := 2.0, -1.0
	m.Heads["again"] = model.Head{Layer: "head", Index: 1, Scale: m.Heads[model.HeadVSoma].Scale, Offset: m.Heads[model.HeadVSoma].Offset, Unit: "mV"}
	m.Heads["pc"] = model.Head{Layer: "r1", Index: 2, Count: 5, Scale: &scale, Offset: &offset}
	m.Heads["pc_raw"] = model.Head{Layer: "r1", Index: 2, Count: 5}
	p := newPop(t, m, n, surrogate.Options{Threads: 2})
	if h := p.Heads(); h["pc"] != 5 || h["again"] != 1 || len(h) != 5 {
		t.Errorf("heads %v", h)
	}
	out := population.Output{VSoma: make([]float32, steps*n)}
	heads := map[string][]float32{"pc": make([]float32, steps*n*5), "pc_raw": make([]float32, steps*n*5), "again": make([]float32, steps*n)}
	if err := p.StepHeads(steps, stimulus(3, m, n, steps, 2), out, heads); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out.VSoma, heads["again"]) {
		t.Error("a head with v_soma's formula has other values")
	}
	for i, z := range heads["pc_raw"] {
		if want := 2*z - 1; heads["pc"][i] != want {
			t.Fatalf("value %d: %v, want %v", i, heads["pc"][i], want)
		}
	}
	if slices.Max(heads["pc_raw"]) == 0 {
		t.Error("the layer is silent: the test shows nothing")
	}
	now := p.Now()
	for name, heads := range map[string]map[string][]float32{"no such head": {"nowhere": make([]float32, steps*n)}, "too short": {"pc": make([]float32, steps*n*5-1)}} {
		if err := p.StepHeads(steps, nil, out, heads); !errors.Is(err, population.ErrInput) || p.Now() != now {
			t.Errorf("%s: error %v, now %d", name, err, p.Now())
		}
	}
}

// Drawn spikes are as frequent as the probability says and depend on seed, neuron and
// step alone.
func TestSample(t *testing.T) {
	const steps, n = 4000, 4
	m := modeltest.Random(modeltest.Small, 5)
	events := stimulus(3, m, n, steps, 2)
	run := func(seed uint64, threads int, blocks ...int) trace {
		return play(t, newPop(t, m, n, surrogate.Options{Sample: true, Seed: seed, Threads: threads}), steps, events, blocks...)
	}
	a := run(1, 1, 1)
	if err := a.same(run(1, 3, 7, 200)); err != nil {
		t.Errorf("another number of threads and length of step: %v", err)
	}
	if b := run(2, 1, 200); slices.Equal(a.spike, b.spike) {
		t.Error("two seeds give the same spikes")
	}
	spikes, want, variance := 0.0, 0.0, 0.0
	for i, p := range a.p {
		want += float64(p)
		variance += float64(p * (1 - p))
		if a.spike[i] {
			spikes++
		}
	}
	if math.Abs(spikes-want) > 4*math.Sqrt(variance) {
		t.Errorf("%v spikes, the probabilities sum to %v +- %v", spikes, want, math.Sqrt(variance))
	}
}

func TestNoVoltageHead(t *testing.T) {
	m := modeltest.Random(modeltest.Small, 1)
	delete(m.Heads, model.HeadVSoma)
	p := newPop(t, m, 2, surrogate.Options{})
	v := make([]float32, 6)
	if err := p.Step(3, nil, population.Output{VSoma: v}); err != nil {
		t.Fatal(err)
	}
	for i, x := range v {
		if x == x {
			t.Errorf("voltage %d is %v, want NaN", i, x)
		}
	}
}

// A part of a population, told which part, draws the spikes that the whole draws.
func TestNumbers(t *testing.T) {
	const steps, n = 400, 5
	m := modeltest.Random(modeltest.Small, 5)
	events := stimulus(3, m, n, steps, 2)
	whole := play(t, newPop(t, m, n, surrogate.Options{Sample: true, Seed: 9}), steps, events, 100)
	part := []int64{4, 1, 2}
	var theirs []population.Event
	for _, e := range events {
		if i := slices.Index(part, int64(e.Neuron)); i >= 0 {
			e.Neuron = int32(i)
			theirs = append(theirs, e)
		}
	}
	for _, threads := range []int{1, 2} {
		p := newPop(t, m, len(part), surrogate.Options{Sample: true, Seed: 9, Threads: threads})
		if err := p.SetNumbers(part); err != nil {
			t.Fatal(err)
		}
		p.Reset()
		got := play(t, p, steps, theirs, 100)
		spikes := 0
		for s := range steps {
			for i, number := range part {
				if got.spike[s*len(part)+i] != whole.spike[s*n+int(number)] {
					t.Fatalf("%d threads: step %d, neuron %d differs", threads, s, number)
				}
				if got.spike[s*len(part)+i] {
					spikes++
				}
			}
		}
		if spikes == 0 {
			t.Fatal("no spikes: the test shows nothing")
		}
		for _, bad := range [][]int64{nil, {1, 2}, {1, 2, -3}} {
			if err := p.SetNumbers(bad); !errors.Is(err, population.ErrInput) {
				t.Errorf("%v: error %v", bad, err)
			}
		}
	}
}
