package detailed

import "math"

// The loops below are where the time goes. Each works element by element on
// flat arrays, so the number of cells side by side does not change a result.

// locateVoltage finds row and fraction in the voltage tables for each v.
func locateVoltage(row []int32, frac, v []float64) {
	row, frac = row[:len(v)], frac[:len(v)]
	for i, x := range v {
		row[i], frac[i] = voltageCell(x)
	}
}

// locateCalcium is locateVoltage for concentrations.
func locateCalcium(row []int32, frac, ca []float64) {
	row, frac = row[:len(ca)], frac[:len(ca)]
	for i, x := range ca {
		row[i], frac[i] = calciumCell(x)
	}
}

// lookup interpolates a table of single values.
func lookup(out []float64, row []int32, frac []float64, table []float64) {
	row, frac = row[:len(out)], frac[:len(out)]
	for i := range out {
		t := table[row[i] : row[i]+2]
		out[i] = t[0] + frac[i]*(t[1]-t[0])
	}
}

// relax advances gates by one step: x += fac * (inf - x), rows (inf, fac).
func relax(x []float64, row []int32, frac []float64, table []float64) {
	row, frac = row[:len(x)], frac[:len(x)]
	for i := range x {
		t := (*[4]float64)(table[2*row[i]:])
		f := frac[i]
		inf := t[0] + f*(t[2]-t[0])
		fac := t[1] + f*(t[3]-t[1])
		x[i] += fac * (inf - x[i])
	}
}

// relaxExact is relax with the rates evaluated by their formulas.
func relaxExact(x, u []float64, rates func(float64) (float64, float64), dt float64) {
	for i := range x {
		inf, tau := rates(u[i])
		x[i] += -math.Expm1(-dt/tau) * (inf - x[i])
	}
}

// relaxPool advances calcium over one step with the influx held constant.
func relaxPool(cai, ica, perNA, decay, relax, minCai []float64) {
	n := len(cai)
	ica, perNA, decay, relax, minCai = ica[:n], perNA[:n], decay[:n], relax[:n], minCai[:n]
	for i := range cai {
		cai[i] += relax[i] * (perNA[i]*ica[i]*decay[i] + minCai[i] - cai[i])
	}
}

func scale(x []float64, f float64) {
	for i := range x {
		x[i] *= f
	}
}

// conductance is g * x0^p0 * x1^p1.
func conductance(g, x0, x1 float64, p0, p1 int) float64 {
	for range p0 {
		g *= x0
	}
	for range p1 {
		g *= x1
	}
	return g
}

// ohmicCurrent adds conductances to the diagonal and their currents at zero
// volts to the right-hand side.
func ohmicCurrent(d, rhs, g []float64, e float64, x0, x1 []float64, p0, p1 int) {
	n := len(d)
	rhs, g, x0, x1 = rhs[:n], g[:n], x0[:n], x1[:n]
	switch {
	case p0 == 1 && p1 == 0:
		for i := range d {
			c := g[i] * x0[i]
			d[i] += c
			rhs[i] += c * e
		}
	case p0 == 3 && p1 == 1:
		for i := range d {
			x := x0[i]
			c := g[i] * x * x * x * x1[i]
			d[i] += c
			rhs[i] += c * e
		}
	default:
		for i := range d {
			c := conductance(g[i], x0[i], x1[i], p0, p1)
			d[i] += c
			rhs[i] += c * e
		}
	}
}

// calciumCurrent is ohmicCurrent with a reversal per element; it adds the
// current itself [nA] to ica.
func calciumCurrent(d, rhs, ica, v, eca, g, x0, x1 []float64, p0, p1 int) {
	n := len(d)
	rhs, ica, v, eca, g, x0, x1 = rhs[:n], ica[:n], v[:n], eca[:n], g[:n], x0[:n], x1[:n]
	for i := range d {
		var c float64
		if p0 == 2 && p1 == 1 {
			x := x0[i]
			c = g[i] * x * x * x1[i]
		} else {
			c = conductance(g[i], x0[i], x1[i], p0, p1)
		}
		d[i] += c
		rhs[i] += c * eca[i]
		ica[i] += c * (v[i] - eca[i])
	}
}
