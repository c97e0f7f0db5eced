package reference_test

import (
	"math"
	"testing"

	"understudy/plugin/mechanism"
	"understudy/tests/require"
)

// ratesTol bounds the relative differences of a rate: one formula, rounded differently.
const ratesTol = 1e-10

type gateRequest struct {
	Mechanism string    `json:"mechanism"`
	Gate      string    `json:"gate"`
	On        string    `json:"on"`
	Values    []float64 `json:"values"`

	rates func(float64) (float64, float64)
}

// TestRatesAgainstNEURON: every gate of the catalogue has the steady state and the time
// constant of NEURON's mechanism of that name, from -120 to 60 mV or over six
// decades of calcium. Those of Hay et al. are BluePyOpt's MOD files, hh is NEURON's own.
func TestRatesAgainstNEURON(t *testing.T) {
	python := require.Python(t)
	const dt = 0.025
	var mV, mM []float64
	for i := range 500 {
		mV = append(mV, -120+0.3607*float64(i)) // misses the removable singularities, at round numbers
		mM = append(mM, 1e-6*math.Pow(10, float64(i)*6/499))
	}
	var gates []gateRequest
	for _, m := range mechanism.Catalogue() {
		for _, g := range m.Gates {
			r := gateRequest{m.Name, g.Name, "v", mV, g.Rates}
			if g.On == mechanism.OnCalcium {
				r.On, r.Values = "cai", mM
			}
			gates = append(gates, r)
		}
	}
	var got []struct{ Inf, Fac []float64 }
	runPython(t, python, "rates_neuron.py", map[string]any{"dt_ms": dt, "gates": gates}, &got, mechanisms(t))
	if len(got) != len(gates) {
		t.Fatalf("NEURON has %d gates, want %d", len(got), len(gates))
	}
	for k, g := range gates {
		worst := 0.0
		for i, x := range g.Values {
			inf, tau := g.rates(x)
			for _, pair := range [][2]float64{{inf, got[k].Inf[i]}, {-math.Expm1(-dt / tau), got[k].Fac[i]}} {
				if d := math.Abs(pair[0]/pair[1] - 1); !(d <= worst) {
					worst = d
				}
			}
		}
		t.Logf("%s.%s: largest relative difference %.2g", g.Mechanism, g.Gate, worst)
		if !(worst <= ratesTol) {
			t.Errorf("%s.%s differs by %g, want at most %g", g.Mechanism, g.Gate, worst, ratesTol)
		}
	}
}
