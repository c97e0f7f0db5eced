package mechanism

import "math"

// Synapse is a conductance with a double-exponential time course. An event of
// weight w at time t0 adds w*GMax*(exp(-(t-t0)/TauDecay) - exp(-(t-t0)/TauRise))/norm,
// whose peak is w*GMax. No delay, no saturation.
type Synapse struct {
	Name     string
	TauRise  float64 // [ms], less than TauDecay
	TauDecay float64 // [ms]
	GMax     float64 // peak conductance of an event of weight 1 [nS]
	E        float64 // reversal [mV]
	// Mg is the steepness of the magnesium block [1/mV] at MgMM [mM], 0 for none:
	// the conductance is multiplied by 1 / (1 + exp(-Mg v) MgMM / 3.57)
	// (Jahr & Stevens 1990).
	Mg, MgMM float64
	Source   string
}

// Norm is the factor that scales the peak of the difference of exponentials to 1.
func (s *Synapse) Norm() float64 {
	tp := s.TauRise * s.TauDecay / (s.TauDecay - s.TauRise) * math.Log(s.TauDecay/s.TauRise)
	return 1 / (math.Exp(-tp/s.TauDecay) - math.Exp(-tp/s.TauRise))
}

// Block is the fraction of the conductance that magnesium leaves open at v [mV],
// and its derivative [1/mV].
func (s *Synapse) Block(v float64) (open, slope float64) {
	if s.Mg == 0 {
		return 1, 0
	}
	e := math.Exp(-s.Mg*v) * s.MgMM / 3.57
	open = 1 / (1 + e)
	return open, s.Mg * e * open * open
}

// The source of AMPA, NMDA and GABA-A, and where GABA-B is from.
const (
	beniaguevSource = "Beniaguev, Segev & London 2021, Neuron 109:2727, Methods"
	blueBrainSource = "defaults of ProbGABAAB_EMS, Blue Brain Project 2011 (Muller, Reimann & Ramaswamy), whose times are placeholders from hippocampal recordings by its own word"
)

// The synapses of the paper's cell, and GABA-B, which the paper's code has too but
// gives no input to.
var (
	AMPA  = &Synapse{Name: "AMPA", TauRise: 0.3, TauDecay: 3, GMax: 0.4, E: 0, Source: beniaguevSource}
	NMDA  = &Synapse{Name: "NMDA", TauRise: 2, TauDecay: 70, GMax: 0.4, E: 0, Mg: 0.08, MgMM: 1, Source: beniaguevSource + "; block of Jahr & Stevens 1990 with 0.08/mV"}
	GABAA = &Synapse{Name: "GABA_A", TauRise: 0.2, TauDecay: 8, GMax: 1, E: -80, Source: beniaguevSource}
	GABAB = &Synapse{Name: "GABA_B", TauRise: 3.5, TauDecay: 260.9, GMax: 1, E: -97, Source: blueBrainSource}
)

// Synapses returns every synapse, in alphabetical order.
func Synapses() []*Synapse { return []*Synapse{AMPA, GABAA, GABAB, NMDA} }
