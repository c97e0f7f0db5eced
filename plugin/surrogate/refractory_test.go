package surrogate_test

import (
	"bytes"
	"slices"
	"testing"

	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// After a spike by threshold there is none for the refractory time, whatever the blocks
// and whether outputs are asked for; the time goes on where a state is restored. Drawn
// spikes are not refractory.
func TestRefractory(t *testing.T) {
	const steps, n, refractory = 300, 4, 3
	m := quantised(t, modeltest.Random(modeltest.Small, 1))
	events := stimulus(6, m, n, steps, 2)
	for _, precision := range []string{surrogate.Float32, surrogate.Int8} {
		m.RefractoryMS = 0
		opt := surrogate.Options{Precision: precision}
		free := play(t, newPop(t, m, n, opt), steps, events, 1)
		sorted := slices.Sorted(slices.Values(free.p))
		m.SpikeThreshold = float64(sorted[len(sorted)*2/3]) // a third of the steps
		m.Int8.SpikeThreshold = nil
		m.RefractoryMS = refractory
		want := make([]bool, steps*n)
		spikes := 0
		for i := range n {
			for s, next := 0, 0; s < steps; s++ {
				if s >= next && free.p[s*n+i] >= float32(m.SpikeThreshold) {
					want[s*n+i], next = true, s+refractory+1
					spikes++
				}
			}
		}
		if spikes < 50 {
			t.Fatalf("%d spikes: the test shows nothing", spikes)
		}
		p := newPop(t, m, n, opt)
		got := play(t, p, steps, events, 1, 7, 20)
		if !slices.Equal(got.spike, want) {
			t.Fatalf("%s: other spikes", precision)
		}
		opt.Threads = 2
		half := newPop(t, m, n, opt)
		const cut = 151
		var first, rest []population.Event
		for _, e := range events {
			if e.TimeMS < cut {
				first = append(first, e)
			} else {
				rest = append(rest, e)
			}
		}
		if err := half.Step(cut, first, population.Output{}); err != nil {
			t.Fatal(err)
		}
		var state bytes.Buffer
		if err := half.Save(&state); err != nil {
			t.Fatal(err)
		}
		if err := p.Load(&state); err != nil {
			t.Fatal(err)
		}
		spike := make([]bool, (steps-cut)*n)
		if err := p.Step(steps-cut, rest, population.Output{Spike: spike}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(spike, want[cut*n:]) {
			t.Errorf("%s: other spikes after a saved state", precision)
		}
		opt.Sample, opt.Seed = true, 4
		drawn := play(t, newPop(t, m, n, opt), steps, events, 1)
		m.RefractoryMS = 0
		if err := drawn.same(play(t, newPop(t, m, n, opt), steps, events, 1)); err != nil {
			t.Errorf("%s, drawn: %v", precision, err)
		}
	}
}
