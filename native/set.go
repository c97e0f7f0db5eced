package native

import (
	"fmt"
	"slices"

	"github.com/klauspost/cpuid/v2"
)

// Set is a complete set of kernels. Its methods check lengths and panic on a
// wrong one, as an index out of range would: a length is the engine's business,
// never the input's. The functions behind them may assume the lengths. (Of numbers of which none may be
// negative, a | b | c < 0 says in one branch that one is.) A Set is
// safe for concurrent use. y must not overlap another operand unless a method says so.
type Set struct {
	name, doc string
	features  []string
	granted   func() error // where the system has a say, too: nil if it lets the set run
	priority  int
	sameBits  bool // as the reference

	axpy       func(y, x []float32, a float32)
	gemm       func(y, x, w []float32, rows, in, out, ldx, ldy int)
	mulAdd     func(y, x, w []float32, rows, n int)
	add        func(y, x []float32)
	relu       func(y []float32)
	scaleShift func(y, scale, shift []float32, rows, n int)
	columns    func(y, w []float32, at []int32, a []float32)
	bags       func(y, w []float32, at []int32, a []float32, ends []int32, n int) // nil: columns, row by row

	roundBF16 func(y []uint16, x []float32)                                 // nil: in plain Go
	gemmBF16  func(y []float32, x, w []uint16, rows, in, out, ldx, ldy int) // w is BF16.pairs; nil: gemm

	gemmInt8    func(y []int32, x []uint8, w []int8, rows, in, out, ldx, ldy int)
	mulAddInt8  func(y []int32, x []uint8, w []int8, rows, n, ldx, ldy int)
	columnsInt8 func(y []int32, w []int8, at []int32, a []int32)
	requant     func(y []uint8, x, bias, mult []int32, shift uint, low, zero uint8, rows, n, ldx, ldy int)
	leak        func(y, x, decay, mult []int32, shift uint, rows, n int)
	addInt8     func(y, a, b []uint8, ma, mb, c int32, shift uint, low uint8)
}

// Info describes the set.
func (s *Set) Info() Info {
	i := Info{Name: s.name, Doc: s.doc, Features: s.features, Priority: s.priority, SameBits: s.sameBits, BF16: s.gemmBF16 != nil}
	if len(i.Features) > 0 {
		have := cpuid.CPU.FeatureSet()
		for _, f := range i.Features {
			if !slices.Contains(have, f) {
				i.Missing = append(i.Missing, f)
			}
		}
	}
	if len(i.Missing) == 0 && s.granted != nil {
		if err := s.granted(); err != nil {
			i.Missing = append(i.Missing, err.Error())
		}
	}
	return i
}

// Axpy computes y[j] += a*x[j] for every j < len(y).
func (s *Set) Axpy(y, x []float32, a float32) {
	if len(x) != len(y) {
		panic(fmt.Sprintf("native: Axpy of %d and %d values", len(y), len(x)))
	}
	s.axpy(y, x, a)
}

// Gemm computes y[r*ldy+o] += sum over i of x[r*ldx+i] * w[i*out+o] for r < rows
// and o < out, adding i = 0, 1 ... in-1 one after the other to what y holds.
// Every row's sum is the same whatever the other rows are. The weights must be
// finite and y must hold no -0: then a term whose input is zero changes nothing, and
// a kernel may add it or leave it out. (With FMA a sum whose exact value is below the
// smallest float32 may become -0: the sign of a zero is the one bit not promised.)
func (s *Set) Gemm(y, x, w []float32, rows, in, out, ldx, ldy int) {
	if rows == 0 || in == 0 || out == 0 {
		return
	}
	if rows|in|out|(ldx-in)|(ldy-out)|(len(x)-(rows-1)*ldx-in)|(len(y)-(rows-1)*ldy-out)|(len(w)-in*out) < 0 {
		panic(fmt.Sprintf("native: Gemm of %d rows, %d in (stride %d, %d values), %d out (stride %d, %d values), %d weights",
			rows, in, ldx, len(x), out, ldy, len(y), len(w)))
	}
	s.gemm(y, x, w, rows, in, out, ldx, ldy)
}

// MulAdd computes y[r*n+j] += x[r*n+j] * w[j] for r < rows and j < n: one tap of a
// depthwise convolution.
func (s *Set) MulAdd(y, x, w []float32, rows, n int) {
	if rows|n|(len(y)-rows*n)|(len(x)-rows*n)|(len(w)-n) < 0 {
		panic(fmt.Sprintf("native: MulAdd of %d rows of %d: %d, %d and %d values", rows, n, len(y), len(x), len(w)))
	}
	s.mulAdd(y, x, w, rows, n)
}

// Add computes y[j] += x[j] for every j < len(y).
func (s *Set) Add(y, x []float32) {
	if len(x) != len(y) {
		panic(fmt.Sprintf("native: Add of %d and %d values", len(y), len(x)))
	}
	s.add(y, x)
}

// ReLU sets y[j] to y[j] where that is above 0 or NaN, else to +0.
func (s *Set) ReLU(y []float32) { s.relu(y) }

// ScaleShift computes y[r*n+j] = y[r*n+j]*scale[j] + shift[j] for r < rows and j < n.
func (s *Set) ScaleShift(y, scale, shift []float32, rows, n int) {
	if rows|n|(len(y)-rows*n)|(len(scale)-n)|(len(shift)-n) < 0 {
		panic(fmt.Sprintf("native: ScaleShift of %d rows of %d: %d, %d and %d values", rows, n, len(y), len(scale), len(shift)))
	}
	s.scaleShift(y, scale, shift, rows, n)
}

// Columns computes y[j] += a[e]*w[at[e]+j] for e = 0, 1 ... one after the other and
// every j < len(y): the events of one neuron and step, each adding its column of an
// event-driven convolution to the sums of the steps to come. y must hold no -0, as
// for Gemm.
func (s *Set) Columns(y, w []float32, at []int32, a []float32) {
	checkColumns("Columns", len(y), len(w), at, len(a))
	s.columns(y, w, at, a)
}

// Bags computes, for every row r < len(ends) of y, y[r*n+j] += a[e]*w[at[e]+j] for e =
// ends[r-1] ... ends[r]-1 (from 0 in the first row), one after the other, and every j < n: the
// events of many neurons in one step, each adding one tap of its column. y must hold no
// -0, as for Gemm.
func (s *Set) Bags(y, w []float32, at []int32, a []float32, ends []int32, n int) {
	checkColumns("Bags", n, len(w), at, len(a))
	from := int32(0)
	for r, to := range ends {
		if to < from || int(to) > len(at) || n < 0 || len(y) < (r+1)*n {
			panic(fmt.Sprintf("native: Bags: row %d of %d values out of %d, columns %d to %d out of %d", r, n, len(y), from, to, len(at)))
		}
		from = to
	}
	if s.bags != nil {
		s.bags(y, w, at, a, ends, n)
		return
	}
	from = 0
	for r, to := range ends {
		s.columns(y[r*n:][:n], w, at[from:to], a[from:to])
		from = to
	}
}

func checkColumns(name string, n, weights int, at []int32, factors int) {
	if len(at) != factors {
		panic(fmt.Sprintf("native: %s of %d columns and %d factors", name, len(at), factors))
	}
	for e, from := range at {
		if from < 0 || int(from) > weights-n {
			panic(fmt.Sprintf("native: %s: column %d, %d values from %d, is not in %d weights", name, e, n, from, weights))
		}
	}
}
