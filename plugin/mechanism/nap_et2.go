package mechanism

// NapEt2 is the persistent sodium current.
var NapEt2 = &Mechanism{
	Name:   "Nap_Et2",
	Source: haySource + "kinetics of Magistretti & Alonso 1999",
	Params: []Param{gbar("gNap_Et2bar")},
	Gates: []Gate{
		{Name: "m", Rates: func(v float64) (float64, float64) {
			_, tau := alphaBeta(0.182*linoid(-(v+38), 6), 0.124*linoid(v+38, 6), q10At34)
			return boltzmann(v, -52.6, -4.6), 6 * tau
		}},
		{Name: "h", Rates: func(v float64) (float64, float64) {
			_, tau := alphaBeta(2.88e-6*linoid(v+17, 4.63), 6.94e-6*linoid(-(v+64.4), 2.63), q10At34)
			return boltzmann(v, -48.8, 10), tau
		}},
	},
	Currents: []Current{{Ion: Sodium, Factors: []Factor{{0, 3}, {1, 1}}}},
}
