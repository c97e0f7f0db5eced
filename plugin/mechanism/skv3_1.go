package mechanism

// SKv31 is the fast non-inactivating (Kv3.1) potassium current.
var SKv31 = &Mechanism{
	Name:   "SKv3_1",
	Source: haySource + "kinetics of Rettig et al. 1992",
	Params: []Param{gbar("gSKv3_1bar")},
	Gates: []Gate{
		{Name: "m", Rates: func(v float64) (float64, float64) {
			return boltzmann(v, 18.7, -9.7), 4 * boltzmann(v, -46.56, -44.14)
		}},
	},
	Currents: []Current{{Ion: Potassium, Factors: []Factor{{0, 1}}}},
}
