package mechanism

// Pas is the passive leak.
var Pas = &Mechanism{
	Name:   "pas",
	Source: "ohmic leak",
	Params: []Param{
		{Name: "g", Unit: "S/cm2", Default: 0.001, Min: 0, Max: 100},
		{Name: "e", Unit: "mV", Default: -70, Min: -200, Max: 200},
	},
	Currents: []Current{{Ion: NonSpecific, GBar: 0, Reversal: 1}},
}
