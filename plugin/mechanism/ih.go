package mechanism

import "math"

// Ih is the hyperpolarisation-activated cation current.
var Ih = &Mechanism{
	Name:   "Ih",
	Source: haySource + "kinetics of Kole, Hallermann & Stuart 2006",
	Params: []Param{
		gbar("gIhbar"),
		{Name: "ehcn", Unit: "mV", Default: -45, Min: -200, Max: 200},
	},
	Gates: []Gate{
		{Name: "m", Rates: func(v float64) (float64, float64) {
			return alphaBeta(0.001*6.43*linoid(v+154.9, 11.9), 0.001*193*math.Exp(v/33.1), 1)
		}},
	},
	Currents: []Current{{Ion: NonSpecific, Reversal: 1, Factors: []Factor{{0, 1}}}},
}
