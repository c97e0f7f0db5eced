package mechanism

import (
	"math"
	"slices"
	"testing"
)

// TestRatesAreSound: steady states stay in 0..1, time constants are positive
// and finite, and removable singularities leave no kink.
func TestRatesAreSound(t *testing.T) {
	for _, m := range Catalogue() {
		for _, g := range m.Gates {
			if g.On == OnCalcium {
				for ca := 1e-8; ca < 10; ca *= 1.1 {
					checkRates(t, m.Name+"."+g.Name, g, ca)
				}
				continue
			}
			before, _ := g.Rates(-150)
			for v := -150.0; v <= 100; v += 1.0 / 128 {
				inf, _ := checkRates(t, m.Name+"."+g.Name, g, v)
				if math.Abs(inf-before) > 0.003 {
					t.Fatalf("%s.%s: steady state jumps by %g at %g mV", m.Name, g.Name, inf-before, v)
				}
				before = inf
			}
		}
	}
}

func checkRates(t *testing.T, name string, g Gate, u float64) (inf, tau float64) {
	t.Helper()
	inf, tau = g.Rates(u)
	if !(inf >= 0 && inf <= 1) || !(tau > 0) || math.IsInf(tau, 0) {
		t.Fatalf("%s at %g: steady state %g, time constant %g ms", name, u, inf, tau)
	}
	return inf, tau
}

// TestHodgkinHuxleyAtRest: the textbook values at -65 mV.
func TestHodgkinHuxleyAtRest(t *testing.T) {
	for i, want := range []float64{0.0529, 0.5961, 0.3177} {
		if inf, _ := HH.Gates[i].Rates(-65); math.Abs(inf-want) > 1e-4 {
			t.Errorf("%s at rest %.4f, want %.4f", HH.Gates[i].Name, inf, want)
		}
	}
}

func TestSynapses(t *testing.T) {
	for _, s := range Synapses() {
		// The peak of the normalised time course is 1.
		peak := 0.0
		for x := 0.0; x < 400; x += 0.001 {
			peak = max(peak, s.Norm()*(math.Exp(-x/s.TauDecay)-math.Exp(-x/s.TauRise)))
		}
		if math.Abs(peak-1) > 1e-6 {
			t.Errorf("%s peaks at %g", s.Name, peak)
		}
		for v := -100.0; v < 50; v += 7 {
			open, slope := s.Block(v)
			a, _ := s.Block(v - 1e-4)
			b, _ := s.Block(v + 1e-4)
			if math.Abs((b-a)/2e-4-slope) > 1e-7 || open < 0 || open > 1 {
				t.Errorf("%s at %g mV: open %g, slope %g", s.Name, v, open, slope)
			}
		}
	}
	// Jahr & Stevens with 0.08/mV: half open where exp(-0.08 v) = 3.57.
	if open, _ := NMDA.Block(-math.Log(3.57) / 0.08); math.Abs(open-0.5) > 1e-12 {
		t.Errorf("NMDA open fraction %g, want 0.5", open)
	}
}

func TestCatalogue(t *testing.T) {
	var names []string
	for _, m := range Catalogue() {
		names = append(names, m.Name)
		if m.Source == "" {
			t.Errorf("%s has no source", m.Name)
		}
		for _, p := range m.Params {
			if p.Unit == "" || p.Default < p.Min || p.Default > p.Max {
				t.Errorf("%s: parameter %+v", m.Name, p)
			}
		}
		for _, c := range m.Currents {
			for _, f := range c.Factors {
				if f.Gate >= len(m.Gates) || f.Power < 1 || f.Power > 4 {
					t.Errorf("%s: factor %+v", m.Name, f)
				}
			}
		}
	}
	if sorted := slices.Compact(slices.Sorted(slices.Values(names))); len(sorted) != len(names) {
		t.Errorf("a name is there twice: %v", names)
	}
	if _, err := Ih.Values(map[string]float64{"gIh": 1}); err == nil {
		t.Error("an unknown parameter is accepted")
	}
	if _, err := Ih.Values(map[string]float64{"gIhbar": -1}); err == nil {
		t.Error("a negative conductance is accepted")
	}
	if v, err := Ih.Values(map[string]float64{"gIhbar": 2e-4}); err != nil || v[0] != 2e-4 || v[1] != -45 {
		t.Errorf("values %v, %v", v, err)
	}
}
