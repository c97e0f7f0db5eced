// Package mechanism is the catalogue of membrane mechanisms and synapses: one
// file each, with its parameters, rates and source. Engines read these
// descriptions; nothing here holds state.
//
// To add a mechanism write one file that defines a *[Mechanism] and add a row to [Catalogue].
package mechanism

import "fmt"

// Ion is the ion that carries a current. It decides the reversal potential.
type Ion uint8

// Ions.
const (
	NonSpecific Ion = iota // reversal is a parameter of the mechanism
	Sodium                 // reversal is the cell's ENa
	Potassium              // reversal is the cell's EK
	Calcium                // reversal follows Nernst from the segment's cai
)

// Param describes one parameter; a segment carries a value for each.
type Param struct {
	Name     string
	Unit     string
	Default  float64
	Min, Max float64 // accepted range, inclusive
}

// Variable is what the rates of a gate depend on.
type Variable uint8

// Variables.
const (
	OnVoltage Variable = iota // [mV]
	OnCalcium                 // intracellular calcium [mM]
)

// Gate is a first-order gating variable x' = (inf - x) / tau.
type Gate struct {
	Name string
	On   Variable
	// Rates returns the steady state (0..1) and the time constant [ms] at the
	// voltage [mV] or calcium concentration [mM] u. Finite for every finite u > -200 mV.
	Rates func(u float64) (inf, tau float64)
}

// Factor is a gate raised to a small power.
type Factor struct {
	Gate  int // index into Mechanism.Gates
	Power int // 1..4
}

// Current is i = gbar * product of factors * (v - reversal) [mA/cm2].
type Current struct {
	Ion      Ion
	GBar     int // index into Params of the maximal conductance [S/cm2]
	Reversal int // index into Params of the reversal [mV]; used by NonSpecific only
	Factors  []Factor
}

// Pool is the intracellular calcium of a segment, a shell under the membrane:
// cai' = -10000 ica gamma / (2 F depth) - (cai - minCai) / decay. The fields
// are indices into Params.
type Pool struct{ Gamma, Decay, Depth, MinCai int }

// Mechanism is a density mechanism.
type Mechanism struct {
	Name     string // NEURON's suffix
	Source   string
	Params   []Param
	Gates    []Gate
	Currents []Current
	Pool     *Pool // nil unless the mechanism is a calcium pool
}

// Values returns parameter values: the defaults, overridden by name. An unknown
// name or a value outside its range is an error.
func (m *Mechanism) Values(set map[string]float64) ([]float64, error) {
	vals := make([]float64, len(m.Params))
	known := 0
	for i, p := range m.Params {
		vals[i] = p.Default
		if v, ok := set[p.Name]; ok {
			known++
			if !(v >= p.Min && v <= p.Max) {
				return nil, fmt.Errorf("mechanism %s: %s = %g %s is outside [%g, %g]", m.Name, p.Name, v, p.Unit, p.Min, p.Max)
			}
			vals[i] = v
		}
	}
	if known != len(set) {
		for name := range set {
			if m.param(name) < 0 {
				return nil, fmt.Errorf("mechanism %s has no parameter %q", m.Name, name)
			}
		}
	}
	return vals, nil
}

func (m *Mechanism) param(name string) int {
	for i, p := range m.Params {
		if p.Name == name {
			return i
		}
	}
	return -1
}

// Catalogue returns every density mechanism, in alphabetical order.
func Catalogue() []*Mechanism {
	return []*Mechanism{
		CaHVA, CaLVAst, CaDynamicsE2, HH, Ih, Im, KPst, KTst, NaTaT, NaTs2T, NapEt2, Pas, SKE2, SKv31,
	}
}

// gbar is the usual first parameter: a maximal conductance density.
func gbar(name string) Param {
	return Param{Name: name, Unit: "S/cm2", Default: 1e-5, Min: 0, Max: 100}
}

// q10At34 is the temperature factor 2.3^((34-21)/10) that Hay et al. apply to
// kinetics measured at 21 degC, fixed whatever the simulation's temperature.
const q10At34 = 2.952882641412121

// haySource is cited by the mechanisms of that model.
const haySource = "Hay, Hill, Schürmann, Markram & Segev 2011, PLoS Comput Biol 7:e1002107, Methods; "
