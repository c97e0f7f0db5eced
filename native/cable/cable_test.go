package cable

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestKernelsMatchReference runs every kernel of this build that the CPU can
// run, at lengths around the vector width, and wants the reference's bits.
func TestKernelsMatchReference(t *testing.T) {
	table := guarded(rand.New(rand.NewPCG(1, 1)), 4*octaves.Rows(), 0, 1)
	for _, name := range Names() {
		k, err := Select(name)
		if err != nil {
			t.Logf("skipped: %v", err)
			continue
		}
		for _, loops := range k.loops {
			ref := reference(loops.Lanes)
			t.Run(fmt.Sprintf("%s/lanes=%d", name, loops.Lanes), func(t *testing.T) {
				for segments := range 35 {
					for seed := range uint64(4) {
						compareLoops(t, loops, ref, table, segments, rand.New(rand.NewPCG(seed, uint64(segments))))
					}
				}
				compareSolve(t, loops, ref)
			})
		}
	}
}

// guarded returns n random values with NaN behind them.
func guarded(r *rand.Rand, n int, lo, hi float64) []float64 {
	x := make([]float64, n+4)
	for i := range x {
		x[i] = lo + (hi-lo)*r.Float64()
		if i >= n {
			x[i] = math.NaN()
		}
	}
	return x[:n]
}

func sameBits(t *testing.T, what string, n int, got, want []float64) {
	t.Helper()
	for i := range got[:cap(got)] {
		g, w := got[:cap(got)][i], want[:cap(want)][i]
		if math.Float64bits(g) != math.Float64bits(w) && !(math.IsNaN(g) && math.IsNaN(w)) {
			t.Fatalf("%s, length %d, element %d: %v, want %v", what, n, i, g, w)
		}
	}
}

func clone(x []float64) []float64 { return slices.Clone(x[:cap(x)])[:len(x)] }

var octaves = OctaveGrid{Low: -20, High: 4}

func compareLoops(t *testing.T, k, ref *Loops, table []float64, segments int, r *rand.Rand) {
	n := segments * k.Lanes
	grid := Grid{Low: -100, PerMV: 4, Rows: 600}
	v := guarded(r, n, -140, 90)
	if n > 6 {
		v[1], v[2], v[3], v[4], v[5] = math.NaN(), math.Inf(1), math.Inf(-1), -100, 50
	}
	row, row2 := make([]int32, n), make([]int32, n)
	frac := guarded(r, n, 0, 0)
	frac2 := clone(frac)
	k.Locate(row, frac, v, grid)
	ref.Locate(row2, frac2, v, grid)
	if !slices.Equal(row, row2) {
		t.Fatalf("Locate, length %d: rows %v, want %v", n, row, row2)
	}
	sameBits(t, "Locate", n, frac, frac2)

	ca := guarded(r, n, -22, 6)
	for i := range ca {
		ca[i] = math.Exp2(ca[i])
	}
	if n > 9 {
		copy(ca, []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, -1, 16, octaves.At(0), octaves.At(1), math.Nextafter(16, 0), 1e-300})
	}
	k.LocateOctave(row, frac, ca, octaves)
	ref.LocateOctave(row2, frac2, ca, octaves)
	if !slices.Equal(row, row2) {
		t.Fatalf("LocateOctave, length %d: rows %v, want %v", n, row, row2)
	}
	sameBits(t, "LocateOctave", n, frac, frac2)

	out, out2 := guarded(r, n, 0, 0), guarded(r, n, 0, 0)
	k.Lookup(out, row, frac, table)
	ref.Lookup(out2, row, frac, table)
	sameBits(t, "Lookup", n, out, out2)

	k.Locate(row, frac, v, grid)
	x := guarded(r, n, 0, 1)
	y := clone(x)
	k.Relax(x, row, frac, table)
	ref.Relax(y, row, frac, table)
	sameBits(t, "Relax", n, x, y)
	four := guarded(r, 4*n+3, 0, 1)
	four2 := clone(four)
	k.RelaxFour(four, n+1, row, frac, table)
	ref.RelaxFour(four2, n+1, row, frac, table)
	sameBits(t, "RelaxFour", n, four, four2)

	d, rhs, ica := guarded(r, n, 1, 2), guarded(r, n, -2, 2), guarded(r, n, -2, 2)
	d2, rhs2, ica2 := clone(d), clone(rhs), clone(ica)
	g, d0, rhs0 := guarded(r, segments, 0, 1), guarded(r, segments, 0, 1), guarded(r, segments, 0, 1)
	e := guarded(r, n, 90, 140)
	start := &Constant{d0, rhs0, g}
	k.Base(d, rhs, v, start)
	ref.Base(d2, rhs2, v, start)
	shell := Shell{guarded(r, segments, -1, 0), guarded(r, segments, 20, 300), guarded(r, segments, 0, 1), guarded(r, segments, 0, 1)}
	cai, cai2 := clone(x), clone(x)
	k.Pool(cai, ica, shell)
	ref.Pool(cai2, ica, shell)
	sameBits(t, "Pool", n, cai, cai2)
	gates := guarded(r, 3*n, 0, 1)
	gbar := guarded(r, 2*segments, 0, 1)
	for _, powers := range [][][2]int{{{1, 0}, {3, 1}, {4, 1}, {2, 1}, {1, 1}, {4, 0}, {2, 0}, {3, 0}}, {{1, 0}}, {}, {{2, 1}, {2, 3}}} {
		for _, every := range []int{1, 2, 100} { // calcium
			var list []Current
			calcium := false
			for i, p := range powers {
				c := Current{E: -85, G: i % 2 * segments, X0: i % 3 * n, X1: 2 * n, P0: p[0], P1: p[1], Calcium: i%every == every-1}
				list, calcium = append(list, c), calcium || c.Calcium
			}
			if !calcium {
				k.Currents(d, rhs, v, start, nil, nil, gbar, gates, list)
				ref.Currents(d2, rhs2, v, start, nil, nil, gbar, gates, list)
			}
			k.Currents(d, rhs, v, nil, e, ica, gbar, gates, list)
			ref.Currents(d2, rhs2, v, nil, e, ica2, gbar, gates, list)
			sameBits(t, "calcium current", n, ica, ica2)
		}
	}
	states := guarded(r, 6*n, 0, 1)
	states2 := clone(states)
	ohmic := Synapse{Gmax: 4e-4, E: 1, DecA: 0.9, DecB: 0.99, A: 0, B: n}
	blocked := Synapse{Gmax: 3e-4, E: -2, Secant: 0.001, DecA: 0.8, DecB: 0.98, A: 2 * n, B: 3 * n, Table: table}
	last := Synapse{Gmax: 5e-4, E: -80, DecA: 0.7, DecB: 0.97, A: 5 * n, B: 4 * n}
	for _, list := range [][]Synapse{{ohmic}, {blocked}, {}, {ohmic, blocked, last}} {
		k.Synapses(d, rhs, v, row, frac, states, list)
		ref.Synapses(d2, rhs2, v, row, frac, states2, list)
	}
	a := guarded(r, n, 0, 1)
	a2 := clone(a)
	if n > 6 {
		copy(a, []float64{1e-18, -1e-19, 1e-19, 0, math.Inf(-1), math.NaN(), -1})
		copy(a2, a)
	}
	k.Flush(a, 1e-18)
	ref.Flush(a2, 1e-18)
	half := guarded(r, n, -90, 40)
	k.Extrapolate(d, half)
	ref.Extrapolate(d2, half)
	sameBits(t, "diagonal", n, d, d2)
	sameBits(t, "right-hand side", n, rhs, rhs2)
	sameBits(t, "synaptic states", n, states, states2)
	sameBits(t, "Flush", n, a, a2)
}

// randomTree returns branches, children first, and the matrix diagonal.
func randomTree(r *rand.Rand, rows, width int) ([]Branch, []float64) {
	branches := make([]Branch, rows)
	d := make([]float64, rows*width)
	for i := range d {
		d[i] = 0.5 + r.Float64()
	}
	for i := 1; i < rows; i++ {
		p := r.IntN(i)
		g := 0.1 + r.Float64()
		branches[rows-1-i] = Branch{int32(i), int32(p), g}
		for l := range width {
			d[i*width+l] += g
			d[p*width+l] += g
		}
	}
	branches[rows-1] = Branch{0, -1, 0}
	return branches, d
}

func compareSolve(t *testing.T, k, ref *Loops) {
	width := k.Lanes
	r := rand.New(rand.NewPCG(7, uint64(width)))
	const rows = 60
	branches, d := randomTree(r, rows, width)
	rhs := guarded(r, rows*width, -3, 3)
	d0, b0 := clone(d), clone(rhs)
	d2, rhs2 := clone(d), clone(rhs)
	k.Solve(branches, d, rhs)
	ref.Solve(branches, d2, rhs2)
	sameBits(t, "Solve", width, rhs, rhs2)
	// The solution must satisfy the equations.
	for l := range width {
		res := make([]float64, rows)
		for i := range rows {
			res[i] = d0[i*width+l]*rhs[i*width+l] - b0[i*width+l]
		}
		for _, e := range branches[:rows-1] {
			res[e.Row] -= e.G * rhs[int(e.Parent)*width+l]
			res[e.Parent] -= e.G * rhs[int(e.Row)*width+l]
		}
		for i, x := range res {
			if math.Abs(x) > 1e-12 {
				t.Fatalf("Solve, width %d: equation %d is off by %g", width, i, x)
			}
		}
	}
}
