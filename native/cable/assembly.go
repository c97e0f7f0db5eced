//go:build !purego && (amd64 || wasm)

package cable

import (
	"math"
	"unsafe"
)

// maxPower is the highest power of a conductance's first factor that the assembly has a
// loop for; the second factor's is at most one.
const maxPower = 4

// Sizes that the assembly knows.
const (
	currentSize = 56
	synapseSize = 80
)

var (
	_ [currentSize]struct{} = [unsafe.Sizeof(Current{})]struct{}{}
	_ [synapseSize]struct{} = [unsafe.Sizeof(Synapse{})]struct{}{}
)

// assembly is the functions of an instruction set; n is a multiple of wide. From solve
// on they are for one number of lanes.
type assembly struct {
	wide         int
	locate       func(n int, row *int32, frac, v *float64, low, per, last float64)
	locateOctave func(n int, row *int32, frac, x *float64, low, high, below float64, first int)
	lookup       func(n int, out *float64, row *int32, frac, table *float64)
	relax        func(n int, x *float64, row *int32, frac, table *float64)
	relaxFour    func(n, stride int, x *float64, row *int32, frac, table *float64)
	extrapolate  func(n int, v, half *float64)
	flush        func(n int, x *float64, tiny float64)
	synapses     func(n int, d, rhs, v *float64, row *int32, frac, states *float64, list *byte, size int)

	solve    func(n int, branches *byte, d, rhs *float64, rootRow int)
	base     func(n int, d, rhs, v, d0, rhs0, cdt *float64)
	currents func(n int, d, rhs, v, d0, rhs0, cdt, eca, ica, gbar, x *float64, list *byte, size int)
	pool     func(n int, cai, ica, perNA, decay, relax, minCai *float64)
}

// loops checks lengths, which the assembly assumes, and leaves what does not fill a
// vector to the reference.
func (a assembly) loops(lanes int) *Loops {
	whole := func(x []float64) int { return len(x) &^ (a.wide - 1) }
	ref := reference(lanes)
	return &Loops{
		Lanes: lanes,
		Base: func(d, rhs, v []float64, c *Constant) {
			n := whole(d)
			m := n / lanes
			if n > 0 {
				_, _, _, _, _ = rhs[n-1], v[n-1], c.D[m-1], c.Rhs[m-1], c.Cdt[m-1]
				a.base(n, &d[0], &rhs[0], &v[0], &c.D[0], &c.Rhs[0], &c.Cdt[0])
			}
			if n < len(d) {
				ref.Base(d[n:], rhs[n:], v[n:], c.Part(m, len(c.D)))
			}
		},
		Locate: func(row []int32, frac, v []float64, grid Grid) {
			n := whole(v)
			if n > 0 {
				_, _ = row[n-1], frac[n-1]
				a.locate(n, &row[0], &frac[0], &v[0], grid.Low, grid.PerMV, float64(grid.Rows-1))
			}
			if n < len(v) {
				locate(row[n:], frac[n:], v[n:], grid)
			}
		},
		LocateOctave: func(row []int32, frac, x []float64, grid OctaveGrid) {
			n := whole(x)
			if n > 0 {
				_, _ = row[n-1], frac[n-1]
				high := math.Ldexp(1, grid.High)
				a.locateOctave(n, &row[0], &frac[0], &x[0], math.Ldexp(1, grid.Low), high, math.Nextafter(high, 0), (1023+grid.Low)<<octaveBits)
			}
			if n < len(x) {
				locateOctave(row[n:], frac[n:], x[n:], grid)
			}
		},
		Lookup: func(out []float64, row []int32, frac, table []float64) {
			n := whole(out)
			if n > 0 {
				_, _ = row[n-1], frac[n-1]
				a.lookup(n, &out[0], &row[0], &frac[0], &table[0])
			}
			if n < len(out) {
				lookup(out[n:], row[n:], frac[n:], table)
			}
		},
		Relax: func(x []float64, row []int32, frac, table []float64) {
			n := whole(x)
			if n > 0 {
				_, _ = row[n-1], frac[n-1]
				a.relax(n, &x[0], &row[0], &frac[0], &table[0])
			}
			if n < len(x) {
				relax(x[n:], row[n:], frac[n:], table)
			}
		},
		RelaxFour: func(x []float64, stride int, row []int32, frac, table []float64) {
			n := len(row) &^ (a.wide - 1)
			if n > 0 {
				_, _ = x[3*stride+n-1], frac[n-1]
				a.relaxFour(n, stride, &x[0], &row[0], &frac[0], &table[0])
			}
			if n < len(row) {
				relaxFour(x[n:], stride, row[n:], frac[n:], table)
			}
		},
		Currents: func(d, rhs, v []float64, start *Constant, eca, ica, g, x []float64, list []Current) {
			n := whole(d)
			calcium := ica != nil
			for k := range list {
				c := &list[k]
				if c.P0 < 1 || c.P0 > maxPower || c.P1 < 0 || c.P1 > 1 {
					n = 0
				}
				calcium = calcium || c.Calcium
			}
			if len(list) == 0 {
				n = 0
			}
			m := n / lanes
			if n > 0 {
				for k := range list {
					c := &list[k]
					_, _, _ = x[c.X0:][n-1], x[c.X1:][n-1], g[c.G:][m-1]
				}
				_, _ = rhs[n-1], v[n-1]
				var pe, pi *float64
				if calcium {
					_, _ = eca[n-1], ica[n-1]
					pe, pi = &eca[0], &ica[0]
				}
				var d0, rhs0, cdt *float64
				if start != nil {
					_, _, _ = start.D[m-1], start.Rhs[m-1], start.Cdt[m-1]
					d0, rhs0, cdt = &start.D[0], &start.Rhs[0], &start.Cdt[0]
				}
				a.currents(n, &d[0], &rhs[0], &v[0], d0, rhs0, cdt, pe, pi, &g[0], &x[0], (*byte)(unsafe.Pointer(&list[0])), len(list)*currentSize)
			}
			if n < len(d) {
				if calcium {
					eca, ica = eca[n:], ica[n:]
				}
				if start != nil {
					start = start.Part(m, len(start.D))
				}
				ref.Currents(d[n:], rhs[n:], v[n:], start, eca, ica, g[m:], x[n:], list)
			}
		},
		Pool: func(cai, ica []float64, s Shell) {
			n := whole(cai)
			m := n / lanes
			if n > 0 {
				_, _, _, _, _ = ica[n-1], s.PerNA[m-1], s.Decay[m-1], s.Relax[m-1], s.MinCai[m-1]
				a.pool(n, &cai[0], &ica[0], &s.PerNA[0], &s.Decay[0], &s.Relax[0], &s.MinCai[0])
			}
			if n < len(cai) {
				ref.Pool(cai[n:], ica[n:], *s.Part(m, len(s.PerNA)))
			}
		},
		Extrapolate: func(v, half []float64) {
			n := whole(v)
			if n > 0 {
				_ = half[n-1]
				a.extrapolate(n, &v[0], &half[0])
			}
			if n < len(v) {
				extrapolate(v[n:], half[n:])
			}
		},
		Flush: func(x []float64, tiny float64) {
			n := whole(x)
			if n > 0 {
				a.flush(n, &x[0], tiny)
			}
			if n < len(x) {
				flush(x[n:], tiny)
			}
		},
		Synapses: func(d, rhs, v []float64, row []int32, frac, states []float64, list []Synapse) {
			n := whole(d)
			if n > 0 && len(list) > 0 {
				for k := range list {
					_, _ = states[list[k].A:][n-1], states[list[k].B:][n-1]
				}
				_, _, _, _ = rhs[n-1], v[n-1], row[n-1], frac[n-1]
				a.synapses(n, &d[0], &rhs[0], &v[0], &row[0], &frac[0], &states[0], (*byte)(unsafe.Pointer(&list[0])), len(list)*synapseSize)
			}
			if n < len(d) {
				synapses(d[n:], rhs[n:], v[n:], row[n:], frac[n:], states[n:], list)
			}
		},
		Solve: func(branches []Branch, d, rhs []float64) {
			root := len(branches) - 1
			a.solve(root, (*byte)(unsafe.Pointer(&branches[0])), &d[0], &rhs[0], int(branches[root].Row))
		},
	}
}
