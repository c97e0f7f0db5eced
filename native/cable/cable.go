// Package cable holds the arithmetic kernels of the compartmental engine: the
// loops over segments and cells side by side, and the tree solver. reference.go
// is the documentation of each; every kernel gives the reference's bits.
package cable

import (
	"fmt"
	"math"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// Kernel is a way to compute, with loops for several numbers of cells side by side.
type Kernel struct {
	// Name is what Select takes.
	Name string

	features []cpuid.FeatureID
	loops    []*Loops // ascending Lanes, the first with one
}

// For returns the loops to step n cells with: those with the fewest lanes that hold them all,
// or else with the most lanes there are.
func (k *Kernel) For(n int) *Loops {
	for _, l := range k.loops {
		if l.Lanes >= n {
			return l
		}
	}
	return k.loops[len(k.loops)-1]
}

// Loops is a set of loops over the state of Lanes cells side by side, [segment][Lanes]. All state
// slices of a call have the length of the first one; what belongs to a segment
// (called a parameter here) comes once for all cells, [segment]. The caller guarantees lengths, since they are
// the engine's own.
type Loops struct {
	Lanes int

	// Base starts the equations: the diagonal d = c.D, the right-hand side rhs = c.Rhs + c.Cdt*v.
	Base func(d, rhs, v []float64, c *Constant)
	// Locate finds for each voltage v its row in tables of the grid and the
	// fraction of the way to the next row, 0 <= frac <= 1. A voltage outside the
	// grid is taken to be at its end, a NaN at its start. Tables have rows (p, q, dp, dq): two
	// values and what the next row has more. The numbers of rows are multiplied by 8.
	Locate func(row []int32, frac, v []float64, grid Grid)
	// LocateOctave is Locate on a grid that is linear within octaves.
	LocateOctave func(row []int32, frac, x []float64, grid OctaveGrid)
	// Lookup interpolates in a table of a single value, rows (p, dp): out = p + frac*dp.
	Lookup func(out []float64, row []int32, frac, table []float64)
	// Relax advances gates by one step: x += fac * (inf - x), with inf and fac
	// interpolated in a table with p = inf, q = fac.
	Relax func(x []float64, row []int32, frac, table []float64)
	// RelaxFour is Relax of four gates at the same voltages: that of gate k and element i is
	// x[k*stride+i], for as many elements as there are rows. A row of their table is (p of each, q of each, dp of
	// each, dq of each).
	RelaxFour func(x []float64, stride int, row []int32, frac, table []float64)
	// Currents is Base, unless c is nil, and then adds to d and rhs what each current of the list brings,
	// in its order. eca is the reversal of calcium, and ica becomes the sum of calcium's
	// currents; both may be nil where the list has none. The list's conductances are parameters in g, its gates
	// are in x.
	Currents func(d, rhs, v []float64, c *Constant, eca, ica, g, x []float64, list []Current)
	// Pool advances calcium over one step with the current ica held constant; the rest are parameters.
	Pool func(cai, ica []float64, s Shell)
	// Extrapolate computes v = 2*half - v.
	Extrapolate func(v, half []float64)
	// Flush zeroes what lies between -tiny and tiny.
	Flush func(x []float64, tiny float64)
	// Synapses adds to d and rhs what each kind of synapse of the list brings, in its order, and then lets
	// its states decay. They are in states; row and frac are those of v.
	Synapses func(d, rhs, v []float64, row []int32, frac, states []float64, list []Synapse)
	// Solve replaces rhs by the solution of the tree's linear system for all
	// cells; d is used up. Branches come children first, the last
	// one is the root with parent -1; d and rhs are [row][Lanes].
	Solve func(branches []Branch, d, rhs []float64)
}

// Grid is an even spacing of voltages: row i is at Low + i/PerMV, i <= Rows.
type Grid struct {
	Low   float64 // [mV]
	PerMV float64
	Rows  int
}

// OctaveGrid spaces 1024 rows evenly in each octave from 2^Low to 2^High, so that a
// float64's own bits are its row and its fraction.
type OctaveGrid struct{ Low, High int }

// octaveBits is the logarithm of the number of rows in an octave.
const octaveBits = 10

// Rows is the number of intervals; a table has one row more.
func (g OctaveGrid) Rows() int { return (g.High - g.Low) << octaveBits }

// At is the value at row i.
func (g OctaveGrid) At(i int) float64 {
	octave, row := i>>octaveBits, i&(1<<octaveBits-1)
	return math.Ldexp(1+float64(row)/(1<<octaveBits), g.Low+octave)
}

// Constant is the part of the equations that stays the same over a run, parameters all.
type Constant struct {
	D   []float64 // [uS]
	Rhs []float64 // [nA]
	Cdt []float64 // capacitance over the implicit step [uS]
}

// Part is that of segments lo to hi-1.
func (c Constant) Part(lo, hi int) *Constant {
	return &Constant{c.D[lo:hi], c.Rhs[lo:hi], c.Cdt[lo:hi]}
}

// Current is a conductance c = g * x0^P0 * x1^P1: it adds c to the diagonal and c*E to the
// right-hand side. With Calcium the reversal is that of each element, and c*(v-e) adds to the calcium current.
type Current struct {
	E       float64 // reversal [mV]
	G       int     // of the first segment in g
	X0, X1  int     // of the first element in x
	P0, P1  int     // powers; 0 for no factor
	Calcium bool
}

// Shell holds the parameters of calcium under the membrane.
type Shell struct {
	PerNA  []float64 // d cai/dt per calcium current [mM/ms/nA], negative
	Decay  []float64 // [ms]
	Relax  []float64 // 1 - exp(-dt/decay)
	MinCai []float64 // [mM]
}

// Part is the shell of segments lo to hi-1.
func (s Shell) Part(lo, hi int) *Shell {
	return &Shell{s.PerNA[lo:hi], s.Decay[lo:hi], s.Relax[lo:hi], s.MinCai[lo:hi]}
}

// Synapse is one kind of synapse, a conductance c = Gmax*(b-a): it adds c to the diagonal and c*E to the
// right-hand side. With a Table c is multiplied by the open fraction p, whose slope is q [1/mV], and the
// current is linearised with its secant.
type Synapse struct {
	Gmax       float64 // [uS]
	E          float64 // reversal [mV]
	Secant     float64 // [mV]
	DecA, DecB float64 // factors of one step
	A, B       int     // of the first element in states
	Table      []float64
}

// Branch is a row of the matrix, its parent's row and the conductance between them [uS].
type Branch struct {
	Row, Parent int32
	G           float64
}

// kernels lists what is built in, the preferred first; files with assembly
// prepend theirs.
func kernels() []*Kernel {
	return append(assembled(), &Kernel{Name: "reference", loops: []*Loops{reference(1), reference(4)}})
}

// Names lists the kernels in this build, the preferred first.
func Names() []string {
	var names []string
	for _, k := range kernels() {
		names = append(names, k.Name)
	}
	return names
}

// Info describes a kernel of this build.
type Info struct {
	Name      string   `json:"name"`
	Features  []string `json:"features"` // CPU features needed, as package cpuid names them
	Available bool     `json:"available"`
}

// Kernels describes the kernels in this build, the preferred first.
func Kernels() []Info {
	var all []Info
	for _, k := range kernels() {
		all = append(all, Info{k.Name, k.needs(), cpuid.CPU.Supports(k.features...)})
	}
	return all
}

// Select returns the kernel of that name, or with an empty name the first that
// this CPU can run.
func Select(name string) (*Kernel, error) {
	for _, k := range kernels() {
		have := cpuid.CPU.Supports(k.features...)
		if name == k.Name && !have {
			return nil, fmt.Errorf("cable kernel %q needs a CPU feature that is missing: %s", name, strings.Join(k.needs(), ", "))
		}
		if have && (name == "" || name == k.Name) {
			return k, nil
		}
	}
	return nil, fmt.Errorf("no cable kernel %q; there are %s", name, strings.Join(Names(), ", "))
}

func (k *Kernel) needs() []string {
	f := []string{}
	for _, id := range k.features {
		f = append(f, id.String())
	}
	return f
}
