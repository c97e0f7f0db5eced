package mechanism

import "math"

// HH is the squid axon at 6.3 degC, with NEURON's defaults.
var HH = &Mechanism{
	Name:   "hh",
	Source: "Hodgkin & Huxley 1952, J Physiol 117:500-544, voltages in today's convention (rest -65 mV)",
	Params: []Param{
		{Name: "gnabar", Unit: "S/cm2", Default: 0.12, Min: 0, Max: 100},
		{Name: "gkbar", Unit: "S/cm2", Default: 0.036, Min: 0, Max: 100},
		{Name: "gl", Unit: "S/cm2", Default: 0.0003, Min: 0, Max: 100},
		{Name: "el", Unit: "mV", Default: -54.3, Min: -200, Max: 200},
	},
	Gates: []Gate{
		{Name: "m", Rates: func(v float64) (float64, float64) {
			return alphaBeta(0.1*linoid(-(v+40), 10), 4*math.Exp(-(v+65)/18), 1)
		}},
		{Name: "h", Rates: func(v float64) (float64, float64) {
			return alphaBeta(0.07*math.Exp(-(v+65)/20), boltzmann(v, -35, -10), 1)
		}},
		{Name: "n", Rates: func(v float64) (float64, float64) {
			return alphaBeta(0.01*linoid(-(v+55), 10), 0.125*math.Exp(-(v+65)/80), 1)
		}},
	},
	Currents: []Current{
		{Ion: Sodium, GBar: 0, Factors: []Factor{{0, 3}, {1, 1}}},
		{Ion: Potassium, GBar: 1, Factors: []Factor{{2, 4}}},
		{Ion: NonSpecific, GBar: 2, Reversal: 3},
	},
}
