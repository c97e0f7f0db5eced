package mechanism

import "math"

// CaHVA is the high-voltage-activated calcium current.
var CaHVA = &Mechanism{
	Name:   "Ca_HVA",
	Source: haySource + "kinetics of Reuveni et al. 1993",
	Params: []Param{gbar("gCa_HVAbar")},
	Gates: []Gate{
		{Name: "m", Rates: func(v float64) (float64, float64) {
			return alphaBeta(0.055*linoid(-27-v, 3.8), 0.94*math.Exp((-75-v)/17), 1)
		}},
		{Name: "h", Rates: func(v float64) (float64, float64) {
			return alphaBeta(0.000457*math.Exp((-13-v)/50), 0.0065/(math.Exp((-v-15)/28)+1), 1)
		}},
	},
	Currents: []Current{{Ion: Calcium, Factors: []Factor{{0, 2}, {1, 1}}}},
}
