package mechanism

// CaDynamicsE2 is the calcium concentration under the membrane: influx through
// calcium currents, linear removal.
var CaDynamicsE2 = &Mechanism{
	Name:   "CaDynamics_E2",
	Source: haySource + "after Destexhe, Mainen & Sejnowski 1994",
	Params: []Param{
		{Name: "gamma", Unit: "1", Default: 0.05, Min: 0, Max: 1},
		{Name: "decay", Unit: "ms", Default: 80, Min: 0.1, Max: 1e5},
		{Name: "depth", Unit: "um", Default: 0.1, Min: 1e-3, Max: 10},
		{Name: "minCai", Unit: "mM", Default: 1e-4, Min: 1e-6, Max: 1},
	},
	Pool: &Pool{Gamma: 0, Decay: 1, Depth: 2, MinCai: 3},
}
