package mechanism

// The two transient sodium currents share their shape; NaTs2_t is NaTa_t with
// both gates shifted by +6 mV.

// NaTaT is the transient sodium current of the axon.
var NaTaT = transientSodium("NaTa_t", "gNaTa_tbar", -38, -66)

// NaTs2T is the transient sodium current of soma and apical dendrites.
var NaTs2T = transientSodium("NaTs2_t", "gNaTs2_tbar", -32, -60)

func transientSodium(name, g string, mHalf, hHalf float64) *Mechanism {
	return &Mechanism{
		Name:   name,
		Source: haySource + "kinetics of Colbert & Pan 2002",
		Params: []Param{gbar(g)},
		Gates: []Gate{
			{Name: "m", Rates: func(v float64) (float64, float64) {
				return alphaBeta(0.182*linoid(-(v-mHalf), 6), 0.124*linoid(v-mHalf, 6), q10At34)
			}},
			{Name: "h", Rates: func(v float64) (float64, float64) {
				return alphaBeta(0.015*linoid(v-hHalf, 6), 0.015*linoid(-(v-hHalf), 6), q10At34)
			}},
		},
		Currents: []Current{{Ion: Sodium, Factors: []Factor{{0, 3}, {1, 1}}}},
	}
}
