package mechanism

import "math"

// SKE2 is the small-conductance calcium-activated potassium current.
var SKE2 = &Mechanism{
	Name:   "SK_E2",
	Source: haySource + "kinetics of Köhler et al. 1996",
	Params: []Param{gbar("gSK_E2bar")},
	Gates: []Gate{
		{Name: "z", On: OnCalcium, Rates: func(ca float64) (float64, float64) {
			if ca < 1e-7 {
				ca += 1e-7
			}
			return 1 / (1 + math.Pow(0.00043/ca, 4.8)), 1
		}},
	},
	Currents: []Current{{Ion: Potassium, Factors: []Factor{{0, 1}}}},
}
