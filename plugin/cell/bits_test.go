package cell

import (
	"slices"
	"testing"

	"understudy/plugin/detailed"
	"understudy/plugin/population"
)

// TestOrderChangesNoBit: a neuron answers with the same bits wherever it stands in a
// population, whichever and however many others stand beside it, and on however many
// threads they run.
func TestOrderChangesNoBit(t *testing.T) {
	const most, ms, perMS = 19, 40, 20
	// Neuron k gets its own volleys, strong enough for spikes.
	volleys := func(k int, channels int) []population.Event {
		var events []population.Event
		for e := range ms * perMS {
			events = append(events, population.Event{TimeMS: float64(e) / perMS, Channel: int32((e*7919 + 31*k*e + k) % channels), Weight: float32(1 + k%5)})
		}
		return events
	}
	for _, scheme := range []detailed.Scheme{detailed.BackwardEuler, detailed.CrankNicolson} {
		// run steps the neurons named in order and returns their voltages by name.
		run := func(order []int, threads int) map[int][]float32 {
			p, err := New("l5pc", len(order), Options{Scheme: scheme, DtMS: 0.05, Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			var events []population.Event
			for at, k := range order {
				for _, e := range volleys(k, p.Info().Channels/2) {
					e.Neuron = int32(at)
					events = append(events, e)
				}
			}
			v := make([]float32, ms*len(order))
			if err := p.Step(ms, events, population.Output{VSoma: v}); err != nil {
				t.Fatal(err)
			}
			trace := map[int][]float32{}
			for at, k := range order {
				for step := range ms {
					trace[k] = append(trace[k], v[step*len(order)+at])
				}
			}
			return trace
		}
		var all []int
		for k := range most {
			all = append(all, k)
		}
		want := run(all, 1)
		if slices.Max(want[4]) < -20 || slices.Equal(want[0], want[5]) {
			t.Fatalf("%s: the volleys make no spike, or the same", scheme)
		}
		reversed := slices.Clone(all)
		slices.Reverse(reversed)
		for _, o := range []struct {
			order   []int
			threads int
		}{{all, 3}, {reversed, 1}, {reversed, 2}, {[]int{17, 2, 11, 0, 5}, 1}, {[]int{4}, 1}} {
			for k, v := range run(o.order, o.threads) {
				if !slices.Equal(v, want[k]) {
					t.Errorf("%s, neurons %v on %d threads: neuron %d differs", scheme, o.order, o.threads, k)
				}
			}
		}
	}
}
