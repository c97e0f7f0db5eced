package detailed

import (
	"math"

	"understudy/native/cable"
	"understudy/plugin/mechanism"
)

// Rate tables: a gate's steady state and its relaxation in one step,
// 1 - exp(-dt/tau), tabulated against voltage with linear interpolation.
// The spacing 1/32 mV keeps the error of the steepest gate of the catalogue below
// 1e-6 (TestTableError); outside [vLow, vHigh] the end rows hold.
const (
	vLow   = -150.0
	vHigh  = 106.0
	vPerMV = 32
	vRows  = int((vHigh - vLow) * vPerMV) // cells; the table has one row more
)

var (
	voltageGrid = cable.Grid{Low: vLow, PerMV: vPerMV, Rows: vRows}
	calciumGrid = cable.OctaveGrid{Low: -20, High: 4} // 1e-6 to 16 mM
)

// tabulate returns rows (p, q, dp, dq) for interpolation between the values of f
// at 0..rows.
func tabulate(rows int, f func(row int) (p, q float64)) []float64 {
	t := make([]float64, 4*rows)
	p, q := f(0)
	for i := range rows {
		nextP, nextQ := f(i + 1)
		copy(t[4*i:], []float64{p, q, nextP - p, nextQ - q})
		p, q = nextP, nextQ
	}
	return t
}

// voltageTable tabulates inf and fac of a voltage gate.
func voltageTable(g mechanism.Gate, dt float64) []float64 {
	return tabulate(vRows, func(row int) (float64, float64) { return atVoltage(g, row, dt) })
}

// atVoltage is inf and fac of a voltage gate at a row.
func atVoltage(g mechanism.Gate, row int, dt float64) (inf, fac float64) {
	inf, tau := g.Rates(vLow + float64(row)/vPerMV)
	return inf, -math.Expm1(-dt / tau)
}

// fourTable tabulates four voltage gates: rows (inf of each, fac of each) and what the next
// row has more.
func fourTable(g [4]mechanism.Gate, dt float64) []float64 {
	const n = 8
	t := make([]float64, 2*n*vRows)
	var here, next [n]float64
	for row := range vRows + 1 {
		for k := range g {
			next[k], next[4+k] = atVoltage(g[k], row, dt)
		}
		if row > 0 {
			t := t[2*n*(row-1):]
			copy(t, here[:])
			for k := range n {
				t[n+k] = next[k] - here[k]
			}
		}
		here = next
	}
	return t
}

// calciumTable tabulates inf and fac of a calcium gate.
func calciumTable(g mechanism.Gate, dt float64) []float64 {
	return tabulate(calciumGrid.Rows(), func(row int) (float64, float64) {
		inf, tau := g.Rates(calciumGrid.At(row))
		return inf, -math.Expm1(-dt / tau)
	})
}

// blockTable tabulates the magnesium block: open at v, its slope at v + 0.0005 mV, so
// that the secant which NEURON takes over 0.001 mV is met.
func blockTable(s *mechanism.Synapse) []float64 {
	return tabulate(vRows, func(row int) (float64, float64) {
		v := vLow + float64(row)/vPerMV
		open, _ := s.Block(v)
		_, slope := s.Block(v + secant/2)
		return open, slope
	})
}

// secant is the step over which NEURON differentiates a current [mV].
const secant = 0.001

// nernstTable returns rows (e, de) of the reversal potential of calcium [mV].
func nernstTable(c *Cell) []float64 {
	t := make([]float64, 2*calciumGrid.Rows())
	for i := range len(t) / 2 {
		e := c.nernst(calciumGrid.At(i))
		t[2*i], t[2*i+1] = e, c.nernst(calciumGrid.At(i+1))-e
	}
	return t
}

// nernst is the reversal potential of calcium [mV] at a concentration [mM].
func (c *Cell) nernst(ca float64) float64 {
	return gasOverFaraday * (c.Celsius + 273.15) / 2 * math.Log(c.CaOut/ca)
}

// gasOverFaraday is R/F [mV/K], CODATA 2018.
const gasOverFaraday = 1000 * 8.31446261815324 / faraday

const faraday = 96485.33212331001 // [C/mol]
