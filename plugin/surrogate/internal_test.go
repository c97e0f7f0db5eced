package surrogate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
)

// keras is a network as fit_CNN.py of Beniaguev et al. (2021) makes it: every
// convolution with its ReLU is followed by a batch norm.
func keras(depth int) *model.Model {
	width := map[string]int{"head": 2}
	var layers []model.Layer
	last := model.Events
	for i := range depth {
		c, n := fmt.Sprint("c", i), fmt.Sprint("n", i)
		width[c] = 8
		layers = append(layers,
			model.Layer{Name: c, Op: model.OpConv1D, In: []string{last}, Weight: c + ".w", Bias: c + ".b", Kernel: 5, Activation: model.ActReLU},
			model.Layer{Name: n, Op: model.OpBatchNorm, In: []string{c}, Scale: n + ".scale", Shift: n + ".shift"})
		last = n
	}
	layers = append(layers, model.Layer{Name: "head", Op: model.OpConv1D, In: []string{last}, Weight: "head.w", Bias: "head.b", Kernel: 1})
	return modeltest.Build(modeltest.Document("keras", 6, layers), width, 1)
}

// arrange against the library's sort and a plain sum: few and many events for a place, many
// places for an event, equal keys, weights that cancel, and more channels than a merger has.
func TestArrange(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	again := 0
	for trial := range 1200 {
		channels := []int{1, 20, 1278, mostMerged, mostMerged + 1}[rng.IntN(5)]
		weights := [][]float32{{1}, {1, 1, 1, 1, 0.5}, {0, 1, 2, 3, -3, 1e8, -1e8, 1e-3}}[rng.IntN(3)]
		p := &plan{channels: channels, perSecond: anyNumber}
		s := &shard{p: p, n: 1 + rng.IntN(9)}
		if channels <= mostMerged {
			s.merger = new(merger)
		}
		steps := 1 + rng.IntN(9)
		events := make([]event, []int{0, 1, 3, 40, 500, 4000}[trial%6])
		for i := range events {
			step, neuron, channel := rng.IntN(steps), rng.IntN(s.n), rng.IntN(channels)
			events[i] = event{(uint64(step)<<neuronBits|uint64(neuron))<<channelBits | uint64(channel), weights[rng.IntN(len(weights))]}
		}
		if trial%2 == 0 {
			slices.SortFunc(events, comparePlaces)
		}
		for range 2 { // what is left of the first would show in the second
			s.events = append(s.events[:0], events...)
			s.arrange(&job{steps: steps})
			want := slices.Clone(events)
			slices.SortFunc(want, compareEvents)
			merged := want[:0]
			for i := 0; i < len(want); {
				e := want[i]
				for i++; i < len(want) && want[i].key == e.key; i++ {
					e.weight += want[i].weight
					again++
				}
				if e.weight != 0 {
					merged = append(merged, e)
				}
			}
			if !slices.Equal(s.events, merged) {
				t.Fatalf("%d events on %d channels, %d neurons, %d steps, weights %v: got %v, want %v", len(events), channels, s.n, steps, weights, s.events, merged)
			}
		}
		if int(s.seen.events) != 2*len(events) {
			t.Fatalf("%d events counted, want %d", s.seen.events, 2*len(events))
		}
	}
	if again == 0 {
		t.Error("no channel with two events: the test shows little")
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

// eventUnits against rounding by the library: random bits, and where a half is near.
func TestEventUnits(t *testing.T) {
	check := func(w float32) {
		t.Helper()
		if want := int32(math.Round(min(maxEventUnits, max(-maxEventUnits, float64(w)*eventUnit)))); eventUnits(w) != want {
			t.Fatalf("%v: %d, want %d", w, eventUnits(w), want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100000 {
		if w := math.Float32frombits(rng.Uint32()); w-w == 0 {
			check(w)
		}
	}
	for i := range 4 * maxEventUnits {
		half := (float32(i) + 0.5) / eventUnit
		for _, w := range []float32{half, math.Nextafter32(half, 0), math.Nextafter32(half, 1e9)} {
			check(w)
			check(-w)
		}
	}
}

// The known answers of Random123's kat_vectors for philox4x32-10.
func TestPhilox(t *testing.T) {
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{1<<32 - 1, 1<<32 - 1, 1<<32 - 1, 1<<32 - 1}, [2]uint32{1<<32 - 1, 1<<32 - 1}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.counter, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.counter, c.key, got, c.want)
		}
	}
}

// What is folded away: without this a batch norm that is not folded at all would pass
// the test against the oracle.
func TestFold(t *testing.T) {
	m := keras(3)
	nodes, index := newGraph(m)
	if len(nodes) != 4 { // three convolutions and the head
		t.Fatalf("%d nodes of %d layers", len(nodes), len(m.Layers))
	}
	if i := index["n2"]; nodes[i].name != "c2" || len(nodes[3].bias) != nodes[3].width {
		t.Errorf("the last batch norm is in %s, its reader has %d biases", nodes[i].name, len(nodes[3].bias))
	}
	if len(nodes[1].bias) != nodes[1].kernel*nodes[1].width {
		t.Errorf("a reader of kernel %d has %d biases of %d", nodes[1].kernel, len(nodes[1].bias), nodes[1].width)
	}
}
