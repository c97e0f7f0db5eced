package surrogate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sortEvents against the library's sort: few and many events for a place, many
// places for an event, equal keys.
func TestSortEvents(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := &shard{}
	for trial := range 400 {
		s.n = 1 + rng.IntN(9)
		steps := 1 + rng.IntN(9)
		events := make([]event, []int{0, 1, 3, 40, 500, 4000}[trial%6])
		for i := range events {
			step, neuron, channel := rng.IntN(steps), rng.IntN(s.n), rng.IntN(20)
			events[i] = event{(uint64(step)<<neuronBits|uint64(neuron))<<channelBits | uint64(channel), float32(rng.IntN(4))}
		}
		s.events = append(s.events[:0], events...)
		s.sortEvents(steps)
		slices.SortFunc(events, compareEvents)
		if !slices.Equal(s.events, events) {
			t.Fatalf("%d events, %d neurons, %d steps: wrong order", len(events), s.n, steps)
		}
	}
}

// sigmoid against math.Exp in float64: at most one unit in the last place of
// float32, over the whole range and at its ends.
func TestSigmoid(t *testing.T) {
	check := func(z float32) {
		t.Helper()
		want := float32(1 / (1 + math.Exp(-float64(z))))
		got := sigmoid(z)
		if d := int64(math.Float32bits(got)) - int64(math.Float32bits(want)); d < -1 || d > 1 {
			t.Fatalf("sigmoid(%v) = %v, want %v", z, got, want)
		}
	}
	for z := float32(-103); z < 40; z += 0.00731 {
		check(z)
	}
	for _, z := range []float32{0, 1e-45, -1e-45, 1e-8, -1e-8, 88, 89, 103.9, 104.1, math.MaxFloat32} {
		check(z)
	}
	inf := float32(math.Inf(1))
	for z, want := range map[float32]float32{inf: 1, -inf: 0, -200: 0, -math.MaxFloat32: 0} {
		if got := sigmoid(z); got != want {
			t.Errorf("sigmoid(%v) = %v, want %v", z, got, want)
		}
	}
	if got := sigmoid(float32(math.NaN())); got == got {
		t.Errorf("sigmoid(NaN) = %v", got)
	}
}
