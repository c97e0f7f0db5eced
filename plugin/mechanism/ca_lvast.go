package mechanism

// CaLVAst is the low-voltage-activated calcium current. Voltages are shifted
// by 10 mV for the junction potential.
var CaLVAst = &Mechanism{
	Name:   "Ca_LVAst",
	Source: haySource + "kinetics of Avery & Johnston 1996 and Randall 1997",
	Params: []Param{gbar("gCa_LVAstbar")},
	Gates: []Gate{
		{Name: "m", Rates: func(v float64) (float64, float64) {
			u := v + 10
			return boltzmann(u, -30, -6), (5 + 20*boltzmann(u, -25, 5)) / q10At34
		}},
		{Name: "h", Rates: func(v float64) (float64, float64) {
			u := v + 10
			return boltzmann(u, -80, 6.4), (20 + 50*boltzmann(u, -40, 7)) / q10At34
		}},
	},
	Currents: []Current{{Ion: Calcium, Factors: []Factor{{0, 2}, {1, 1}}}},
}
