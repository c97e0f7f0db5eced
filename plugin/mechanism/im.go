package mechanism

import "math"

// Im is the muscarinic (M) potassium current.
var Im = &Mechanism{
	Name:   "Im",
	Source: haySource + "kinetics of Adams, Brown & Constanti 1982",
	Params: []Param{gbar("gImbar")},
	Gates: []Gate{
		{Name: "m", Rates: func(v float64) (float64, float64) {
			return alphaBeta(3.3e-3*math.Exp(0.1*(v+35)), 3.3e-3*math.Exp(-0.1*(v+35)), q10At34)
		}},
	},
	Currents: []Current{{Ion: Potassium, Factors: []Factor{{0, 1}}}},
}
