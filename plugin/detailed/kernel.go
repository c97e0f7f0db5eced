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

// synapsesExact is cable.Loops.Synapses with the magnesium block evaluated by its formula.
func synapsesExact(d, rhs, v, states []float64, st *stretch) {
	for k, s := range st.list {
		kind, sa, sb := st.kinds[k], states[s.A:], states[s.B:]
		for i := range d {
			g := s.Gmax * (sb[i] - sa[i])
			if s.Table == nil {
				d[i] += g
				rhs[i] += g * s.E
			} else {
				open, _ := kind.Block(v[i])
				up, _ := kind.Block(v[i] + secant)
				drive := v[i] - s.E
				di := g * (open + (drive+secant)*(up-open)/secant)
				d[i] += di
				rhs[i] += di*v[i] - g*open*drive
			}
			sa[i] *= s.DecA
			sb[i] *= s.DecB
		}
	}
}
