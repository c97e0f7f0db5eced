package detailed

import "math"

// Options.ExactRates runs the loops below instead of those of native/cable.

// relaxExact advances gates by one step with the rates evaluated by their formulas.
func relaxExact(x, u []float64, rates func(float64) (float64, float64), dt float64) {
	for i := range x {
		inf, tau := rates(u[i])
		x[i] += float64(-math.Expm1(-dt/tau) * (inf - x[i]))
	}
}

// blockedSynapseExact is cable.Kernel.BlockedSynapse with the magnesium block evaluated by its
// formula.
func blockedSynapseExact(d, rhs, v, sa, sb []float64, a *synapseArray) {
	s := a.constants
	for i := range d {
		g := s.Gmax * (sb[i] - sa[i])
		open, _ := a.syn.Block(v[i])
		up, _ := a.syn.Block(v[i] + secant)
		drive := v[i] - s.E
		di := g * (open + (drive+secant)*(up-open)/secant)
		d[i] += di
		rhs[i] += di*v[i] - g*open*drive
		sa[i] *= s.DecA
		sb[i] *= s.DecB
	}
}
