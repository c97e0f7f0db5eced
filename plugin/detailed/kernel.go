package detailed

import "math"

// The loops below have no vector form yet; those that do are in native/cable.

// locateCalcium finds row and fraction in the calcium tables for each
// concentration.
func locateCalcium(row []int32, frac, ca []float64) {
	row, frac = row[:len(ca)], frac[:len(ca)]
	for i, x := range ca {
		row[i], frac[i] = calciumCell(x)
	}
}

// lookup interpolates a table of single values.
func lookup(out []float64, row []int32, frac, table []float64) {
	row, frac = row[:len(out)], frac[:len(out)]
	for i := range out {
		t := table[row[i] : row[i]+2]
		out[i] = t[0] + float64(frac[i]*(t[1]-t[0]))
	}
}

// relaxExact advances gates by one step with the rates evaluated by their formulas.
func relaxExact(x, u []float64, rates func(float64) (float64, float64), dt float64) {
	for i := range x {
		inf, tau := rates(u[i])
		x[i] += float64(-math.Expm1(-dt/tau) * (inf - x[i]))
	}
}

// relaxPool advances calcium over one step with the influx held constant.
func relaxPool(cai, ica, perNA, decay, relax, minCai []float64) {
	n := len(cai)
	ica, perNA, decay, relax, minCai = ica[:n], perNA[:n], decay[:n], relax[:n], minCai[:n]
	for i := range cai {
		target := float64(perNA[i]*ica[i]*decay[i]) + minCai[i]
		cai[i] += float64(relax[i] * (target - cai[i]))
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
