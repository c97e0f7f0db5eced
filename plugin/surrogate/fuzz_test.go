package surrogate_test

import (
	"bytes"
	"errors"
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// FuzzModelRuns: whatever model file is accepted also runs.
func FuzzModelRuns(f *testing.F) {
	for _, m := range modeltest.Zoo() {
		b, err := m.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := model.Decode("fuzz", b)
		if err != nil || m.Info().StateBytes > 1<<20 {
			return
		}
		p, err := surrogate.New(m, 2, surrogate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		out := population.Output{PSpike: make([]float32, 40), VSoma: make([]float32, 40), Spike: make([]bool, 40)}
		events := []population.Event{{Channel: int32(m.Inputs.Channels - 1), Neuron: 1, Weight: 1}, {TimeMS: 5, Weight: -2}}
		if err := p.Step(20, events, out); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzLoad: a damaged state is refused and leaves the population as it was; one
// that is accepted can be saved again as the same bytes.
func FuzzLoad(f *testing.F) {
	m := modeltest.Random(modeltest.Spec{Channels: 3, Embed: 2, Smooth: 2, Blocks: 1, Kernel: 2}, 1)
	fresh := func(t testing.TB) *surrogate.Population { return newPop(t, m, 2, surrogate.Options{}) }
	p := fresh(f)
	play(f, p, 9, stimulus(1, m, 2, 9, 2), 3)
	var state bytes.Buffer
	if err := p.Save(&state); err != nil {
		f.Fatal(err)
	}
	f.Add(state.Bytes())
	f.Add(state.Bytes()[:70])
	f.Add([]byte("UNDSTATE"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := fresh(t)
		var before, after bytes.Buffer
		p.Save(&before)
		err := p.Load(bytes.NewReader(b))
		p.Save(&after)
		switch {
		case err == nil && !bytes.HasPrefix(b, after.Bytes()):
			t.Fatal("accepted, but saved as other bytes")
		case err != nil && (!errors.Is(err, population.ErrFormat) || !bytes.Equal(before.Bytes(), after.Bytes())):
			t.Fatalf("error %v; changed: %v", err, !bytes.Equal(before.Bytes(), after.Bytes()))
		}
	})
}
