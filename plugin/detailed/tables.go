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

// voltageTable returns rows (inf, fac) for a voltage gate.
func voltageTable(g mechanism.Gate, dt float64) []float64 {
	t := make([]float64, 2*(vRows+1))
	for i := 0; i <= vRows; i++ {
		inf, tau := g.Rates(vLow + float64(i)/vPerMV)
		t[2*i], t[2*i+1] = inf, -math.Expm1(-dt/tau)
	}
	return t
}

// calciumTable returns rows (inf, fac) for a calcium gate on calciumGrid.
func calciumTable(g mechanism.Gate, dt float64) []float64 {
	rows := calciumGrid.Rows()
	t := make([]float64, 2*(rows+1))
	for i := 0; i <= rows; i++ {
		inf, tau := g.Rates(calciumGrid.At(i))
		t[2*i], t[2*i+1] = inf, -math.Expm1(-dt/tau)
	}
	return t
}

// nernstTable returns rows (e, next row's e - e) of the reversal potential of
// calcium [mV] on calciumGrid.
func nernstTable(c *Cell) []float64 {
	rows := calciumGrid.Rows()
	t := make([]float64, 2*rows)
	for i := range rows {
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
