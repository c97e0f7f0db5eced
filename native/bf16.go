package native

import (
	"fmt"
	"math"
	"sync"
)

// The bf16 kernels multiply numbers rounded to bfloat16: float32 without the lower 16 bits of its
// significand, eight of 24 left. The product of two has at most 16, so it is exact in float32, and
// what is left to differ is in which order the sums are made: see GemmBF16.

// pair is how many inputs lie side by side in BF16.
const pair = 2

// RoundBF16 rounds every x[j] to the nearest bfloat16, halves to even, and writes its bits to y[j].
// What is too large becomes infinite; a NaN stays one.
func (s *Set) RoundBF16(y []uint16, x []float32) {
	if len(x) != len(y) {
		panic(fmt.Sprintf("native: RoundBF16 of %d and %d values", len(y), len(x)))
	}
	if s.roundBF16 != nil {
		s.roundBF16(y, x)
		return
	}
	refRoundBF16(y, x)
}

func refRoundBF16(y []uint16, x []float32) {
	y = y[:len(x)]
	for j, v := range x {
		y[j] = toBF16(v)
	}
}

func toBF16(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16 | 0x40) // the bits that say NaN may all be lower ones
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func fromBF16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// BF16 is a matrix of weights, rounded to bfloat16, as GemmBF16 of one set reads it.
type BF16 struct {
	in, out int // in is rounded up to a multiple of 2; what is added is 0
	// pairs is [in/2][out][2]: the two inputs that a dot product instruction (AMX's) takes at once lie
	// side by side. Sets that have none use wide, [in][out].
	pairs []uint16
	wide  []float32
}

// PackBF16 rounds weights [in][out].
func (s *Set) PackBF16(w []float32, in, out int) BF16 {
	if in < 0 || out < 0 || len(w) < in*out {
		panic(fmt.Sprintf("native: PackBF16 of %d in, %d out: %d weights", in, out, len(w)))
	}
	p := BF16{in: roundUp(in, pair), out: out}
	if s.gemmBF16 != nil {
		p.pairs = make([]uint16, p.in*out)
	} else {
		p.wide = make([]float32, p.in*out)
	}
	for i := range in {
		for o := range out {
			v := toBF16(w[i*out+o])
			if s.gemmBF16 != nil {
				p.pairs[(i/pair*out+o)*pair+i%pair] = v
			} else {
				p.wide[i*out+o] = fromBF16(v)
			}
		}
	}
	return p
}

// GemmBF16 computes y[r*ldy+o] += sum over i of x[r*ldx+i] * w(i, o) for r < rows, every input i and
// every output o of w, in float32, where x and w are bfloat16. w is packed by a set of the same
// name. If the number of inputs is odd, a row of x has one more, which must be finite and counts nothing.
// The weights must be finite and y must hold no -0, as for Gemm.
//
// Every row's sum is the same whatever the other rows are. A set without products of bfloat16
// (Info.BF16) adds i = 0, 1 ... one after the other to what y holds, and all such sets
// give the same bits. One that has them adds in an order of its own, for AMX see amx_amd64.go.
// In any order of n additions the error is at most n 2^-24 (|y| + sum |x w|), to first order; n is
// at most one more than there are inputs, so sets differ by at most twice that. Below 2^-126 this
// does not hold: AMX takes such an operand, and gives such a sum, as 0.
func (s *Set) GemmBF16(y []float32, x []uint16, w *BF16, rows, ldx, ldy int) {
	if rows == 0 || w.in == 0 || w.out == 0 {
		return
	}
	if rows < 0 || ldx < w.in || ldy < w.out || len(x) < (rows-1)*ldx+w.in || len(y) < (rows-1)*ldy+w.out || (w.pairs != nil) != (s.gemmBF16 != nil) {
		panic(fmt.Sprintf("native: GemmBF16 of %d rows, %d in (stride %d, %d values), %d out (stride %d, %d values), weights in pairs: %v",
			rows, w.in, ldx, len(x), w.out, ldy, len(y), w.pairs != nil))
	}
	if s.gemmBF16 != nil {
		s.gemmBF16(y, x, w.pairs, rows, w.in, w.out, ldx, ldy)
		return
	}
	wide := widened.Get().(*[widenRows * widenIn]float32)
	for i := 0; i < w.in; i += widenIn {
		n := min(widenIn, w.in-i)
		for first := 0; first < rows; first += widenRows {
			some := min(widenRows, rows-first)
			for r := range some {
				to := wide[r*n:][:n]
				for j, v := range x[(first+r)*ldx+i:][:n] {
					to[j] = fromBF16(v)
				}
			}
			s.gemm(y[first*ldy:], wide[:], w.wide[i*w.out:], some, n, w.out, n, ldy)
		}
	}
	widened.Put(wide)
}

// widened has room for some rows of x as float32. Their product is exact, so it does not matter
// whether a set fuses it with the addition.
var widened = sync.Pool{New: func() any { return new([widenRows * widenIn]float32) }}

const widenRows, widenIn = 96, 128
