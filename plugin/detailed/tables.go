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
	vLow    = -150.0
	vHigh   = 106.0
	vPerMV  = 32
	vRows   = int((vHigh - vLow) * vPerMV) // cells; the table has one row more
	caBits  = 10                           // cells per octave of calcium: 2^caBits
	caLowE  = -20                          // 2^-20 mM
	caHighE = 4                            // 16 mM
	caRows  = (caHighE - caLowE) << caBits
)

var voltageGrid = cable.Grid{Low: vLow, PerMV: vPerMV, Rows: vRows}

// voltageTable returns rows (inf, fac) for a voltage gate.
func voltageTable(g mechanism.Gate, dt float64) []float64 {
	t := make([]float64, 2*(vRows+1))
	for i := 0; i <= vRows; i++ {
		inf, tau := g.Rates(vLow + float64(i)/vPerMV)
		t[2*i], t[2*i+1] = inf, -math.Expm1(-dt/tau)
	}
	return t
}

// calciumTable returns rows (inf, fac) for a calcium gate, on a grid that is
// linear inside each octave, so that a float64's own bits index it.
func calciumTable(g mechanism.Gate, dt float64) []float64 {
	t := make([]float64, 2*(caRows+1))
	for i := 0; i <= caRows; i++ {
		inf, tau := g.Rates(caAt(i))
		t[2*i], t[2*i+1] = inf, -math.Expm1(-dt/tau)
	}
	return t
}

// nernstTable returns the reversal potential of calcium [mV] on the same grid.
func nernstTable(c *Cell) []float64 {
	t := make([]float64, caRows+1)
	for i := range t {
		t[i] = c.nernst(caAt(i))
	}
	return t
}

// caAt is the concentration [mM] at row i of a calcium table.
func caAt(i int) float64 {
	e, m := i>>caBits, i&(1<<caBits-1)
	return math.Ldexp(1+float64(m)/(1<<caBits), caLowE+e)
}

// calciumCell finds the table row below ca [mM] and the fraction of the way to
// the next.
func calciumCell(ca float64) (int32, float64) {
	const low, high = 1.0 / (1 << -caLowE), 1 << caHighE
	if !(ca > low) {
		return 0, 0
	}
	if ca >= high {
		return caRows - 1, 1
	}
	const shift = 52 - caBits
	b := math.Float64bits(ca)
	i := int32(b>>shift) - int32((1023+caLowE)<<caBits)
	return i, float64(b&(1<<shift-1)) * (1.0 / (1 << shift))
}

// nernst is the reversal potential of calcium [mV] at a concentration [mM].
func (c *Cell) nernst(ca float64) float64 {
	return gasOverFaraday * (c.Celsius + 273.15) / 2 * math.Log(c.CaOut/ca)
}

// gasOverFaraday is R/F [mV/K], CODATA 2018.
const gasOverFaraday = 1000 * 8.31446261815324 / faraday

const faraday = 96485.33212331001 // [C/mol]
