package dataset

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/population"
)

// Weights leave the events where they are, lie in their range, evenly by logarithm, and a
// part of the events comes twice.
func TestWeights(t *testing.T) {
	channels, err := cell.Channels("l5pc", cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := Paper(true)
	plain, err := in.Trial(channels, 3000, 5, 7)
	if err != nil {
		t.Fatal(err)
	}
	in.Weights = &Weights{Trials: 1, Range: [2]float64{0.5, 4}, Repeats: [2]float64{0.25, 0.25}}
	e, err := in.Trial(channels, 3000, 5, 7)
	if err != nil {
		t.Fatal(err)
	}
	var channel []int32
	var at []float64
	twice, small := 0, 0
	for i := range e.Channel {
		if w := e.Weight[i]; w < 0.5 || w > 4 {
			t.Fatalf("weight %v", w)
		} else if w < float32(math.Sqrt(2)) {
			small++
		}
		if i > 0 && e.Channel[i] == e.Channel[i-1] && e.TimeMS[i] == e.TimeMS[i-1] {
			twice++
			continue
		}
		channel, at = append(channel, e.Channel[i]), append(at, e.TimeMS[i])
	}
	if !slices.Equal(channel, plain.Channel) || !slices.Equal(at, plain.TimeMS) {
		t.Error("other events than without weights")
	}
	// Standard deviations are below 0.003 with the 40,000 events that there are.
	if share := float64(twice) / float64(len(channel)); math.Abs(share-0.25) > 0.015 {
		t.Errorf("%.3f of the events come twice, want 0.25", share)
	}
	if share := float64(small) / float64(len(e.Weight)); math.Abs(share-0.5) > 0.015 {
		t.Errorf("%.3f of the weights are below their range's middle, want half", share)
	}
	in.Weights.Trials = 0
	if none, err := in.Trial(channels, 3000, 5, 7); err != nil || !reflect.DeepEqual(none, plain) {
		t.Errorf("a trial without weights differs (%v)", err)
	}
	for _, w := range []Weights{{Trials: 2, Range: [2]float64{1, 1}}, {Range: [2]float64{0, 1}}, {Range: [2]float64{2, 1}}, {Range: [2]float64{1, 1}, Repeats: [2]float64{0, 1.5}}} {
		in.Weights = &w
		if _, err := in.Trial(channels, 100, 1, 1); !errors.Is(err, population.ErrInput) {
			t.Errorf("%+v: %v", w, err)
		}
	}
}

// A data set keeps the weights, and the cell feels them.
func TestTrialWithWeights(t *testing.T) {
	c := lifConfig(t, t.TempDir())
	var err error
	if c.Manifest.Inputs, err = Variant("weighted", true); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	plain := lifConfig(t, t.TempDir())
	if _, err := Run(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	read := func(dir string) *Trial {
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		trial, err := d.Trial(1)
		if err != nil {
			t.Fatal(err)
		}
		return trial
	}
	a, b := read(c.Dir), read(plain.Dir)
	if len(a.Input.Weight) != len(a.Input.Channel) || slices.Max(a.Input.Weight) == slices.Min(a.Input.Weight) || b.Input.Weight != nil {
		t.Errorf("%d weights of %d events, %d without", len(a.Input.Weight), len(a.Input.Channel), len(b.Input.Weight))
	}
	if slices.Equal(a.VSomaMV, b.VSomaMV) {
		t.Error("the weights change nothing")
	}
}
