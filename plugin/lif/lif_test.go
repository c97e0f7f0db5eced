package lif

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"understudy/plugin/population"
)

// TestPSP: one event makes the difference of exponentials that solves the
// equations, V - Rest = w J tauS/(tauM-tauS) (exp(-t/tauM) - exp(-t/tauS)).
func TestPSP(t *testing.T) {
	prm := Default()
	p, err := New(1, prm)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float32, 80)
	if err := p.Step(80, []population.Event{{TimeMS: 5, Weight: 2}}, population.Output{VSoma: v}); err != nil {
		t.Fatal(err)
	}
	for k, got := range v {
		want := prm.Rest
		if s := float64(k) - 5; s > 0 {
			want += 2 * prm.JumpExc * prm.TauSyn / (prm.TauM - prm.TauSyn) * (math.Exp(-s/prm.TauM) - math.Exp(-s/prm.TauSyn))
		}
		if math.Abs(float64(got)-want) > 1e-5 {
			t.Fatalf("at %d ms: %g mV, want %g", k, got, want)
		}
	}
}

func TestSpikeResetsAndStateRoundTrips(t *testing.T) {
	p, err := New(3, Default())
	if err != nil {
		t.Fatal(err)
	}
	events := []population.Event{{TimeMS: 2.5, Neuron: 1, Weight: 30}, {TimeMS: 9.99, Neuron: 2, Channel: 81, Weight: 3}}
	out := population.Output{Spike: make([]bool, 30), VSoma: make([]float32, 30), PSpike: make([]float32, 30)}
	if err := p.Step(10, events, out); err != nil {
		t.Fatal(err)
	}
	peaks := p.PeaksMS(1)
	if len(peaks) == 0 || len(p.PeaksMS(0)) != 0 {
		t.Fatalf("spikes at %v and %v", peaks, p.PeaksMS(0))
	}
	k := population.LabelStep(peaks[0])
	if !out.Spike[k*3+1] || out.PSpike[k*3+1] != 1 {
		t.Errorf("no spike in step %d", k)
	}
	var saved bytes.Buffer
	if err := p.Save(&saved); err != nil {
		t.Fatal(err)
	}
	rest := func(p *Population) []float32 {
		v := make([]float32, 60)
		if err := p.Step(20, nil, population.Output{VSoma: v}); err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := rest(p)
	q, _ := New(3, Default())
	if err := q.Load(bytes.NewReader(saved.Bytes())); err != nil {
		t.Fatal(err)
	}
	if got := rest(q); !slices.Equal(got, want) {
		t.Error("a loaded population goes on differently")
	}
	for i := range saved.Len() {
		bad := slices.Clone(saved.Bytes())
		bad[i] ^= 1
		if err := q.Load(bytes.NewReader(bad)); !errors.Is(err, population.ErrFormat) {
			t.Fatalf("state with byte %d changed: %v", i, err)
		}
		if err := q.Load(bytes.NewReader(saved.Bytes()[:i])); !errors.Is(err, population.ErrFormat) {
			t.Fatalf("state cut to %d bytes: %v", i, err)
		}
	}
}

func TestBadParameters(t *testing.T) {
	for name, change := range map[string]func(*Params){
		"equal time constants": func(p *Params) { p.TauSyn = p.TauM },
		"threshold below rest": func(p *Params) { p.Threshold = p.Rest - 1 },
		"reset above":          func(p *Params) { p.Reset = p.Threshold },
		"NaN":                  func(p *Params) { p.TauM = math.NaN() },
	} {
		prm := Default()
		change(&prm)
		if _, err := New(1, prm); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
