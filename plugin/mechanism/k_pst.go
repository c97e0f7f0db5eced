package mechanism

import "math"

// KPst is the persistent (slow inactivating) potassium current. Voltages are
// shifted by 10 mV for the junction potential.
var KPst = &Mechanism{
	Name:   "K_Pst",
	Source: haySource + "kinetics of Korngreen & Sakmann 2000",
	Params: []Param{gbar("gK_Pstbar")},
	Gates: []Gate{
		{Name: "m", Rates: func(v float64) (float64, float64) {
			u := v + 10
			tau := 1.25 + 13*math.Exp(-u*0.026)
			if u < -50 {
				tau = 1.25 + 175.03*math.Exp(u*0.026)
			}
			return boltzmann(u, -1, -12), tau / q10At34
		}},
		{Name: "h", Rates: func(v float64) (float64, float64) {
			u := v + 10
			s := (u + 75) / 48
			return boltzmann(u, -54, 11), (360 + (1010+24*(u+55))*math.Exp(-s*s)) / q10At34
		}},
	},
	Currents: []Current{{Ion: Potassium, Factors: []Factor{{0, 2}, {1, 1}}}},
}
