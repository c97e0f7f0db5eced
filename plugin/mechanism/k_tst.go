package mechanism

import "math"

// KTst is the transient (fast inactivating) potassium current. Voltages are
// shifted by 10 mV for the junction potential.
var KTst = &Mechanism{
	Name:   "K_Tst",
	Source: haySource + "kinetics of Korngreen & Sakmann 2000",
	Params: []Param{gbar("gK_Tstbar")},
	Gates: []Gate{
		{Name: "m", Rates: func(v float64) (float64, float64) {
			u := v + 10
			s := (u + 71) / 59
			return boltzmann(u, 0, -19), (0.34 + 0.92*math.Exp(-s*s)) / q10At34
		}},
		{Name: "h", Rates: func(v float64) (float64, float64) {
			u := v + 10
			s := (u + 73) / 23
			return boltzmann(u, -66, 10), (8 + 49*math.Exp(-s*s)) / q10At34
		}},
	},
	Currents: []Current{{Ion: Potassium, Factors: []Factor{{0, 4}, {1, 1}}}},
}
