package native

import (
	"fmt"
	"math"
	"sync"
)

// The bf16 kernels multiply numbers rounded to bfloat16: float32 without the lower 16 bits of its
// significand, eight of 24 left. The product of two has at most 16, so it is exact in float32, and
// what is left to differ is in which order the sums are made: see GemmBF16.

// pair is how many inputs lie side by side in the packed layout of GemmBF16's weights.
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

// PackBF16 rounds weights [in][out] to bfloat16 and returns them in the layout that GemmBF16
// reads: [in2/2][out][2], where in2 is in rounded up to a multiple of 2. What is added is 0. The two
// inputs that a dot product instruction (AMX's) takes at once lie side by side.
func PackBF16(w []float32, in, out int) []uint16 {
	if in < 0 || out < 0 || len(w) < in*out {
		panic(fmt.Sprintf("native: PackBF16 of %d in, %d out: %d weights", in, out, len(w)))
	}
	packed := make([]uint16, roundUp(in, pair)*out)
	for i := range in {
		for o := range out {
			packed[(i/pair*out+o)*pair+i%pair] = toBF16(w[i*out+o])
		}
	}
	return packed
}

// GemmBF16 computes y[r*ldy+o] += sum over i of x[r*ldx+i] * w(i, o) for r < rows and o < out, in
// float32, where x and w are bfloat16. w is packed by PackBF16; in, a multiple of 2, counts its
// padding, too: there x must be finite. The weights must be finite and y must hold no -0.
//
// Every row's sum is the same whatever the other rows are. A set without products of bfloat16
// (Info.BF16) adds i = 0, 1 ... in-1 one after the other to what y holds, and all such sets
// give the same bits. One that has them adds in an order of its own, for AMX see amx_amd64.go.
// In any order of at most in+1 additions the error is at most (in+1) 2^-24 (|y| + sum |x w|), to
// first order, so sets differ by at most twice that. Below 2^-126 this does not hold: AMX takes
// such an operand, and gives such a sum, as 0.
func (s *Set) GemmBF16(y []float32, x, w []uint16, rows, in, out, ldx, ldy int) {
	if rows == 0 || in == 0 || out == 0 {
		return
	}
	if rows < 0 || in < 0 || out < 0 || in%pair != 0 || ldx < in || ldy < out ||
		len(x) < (rows-1)*ldx+in || len(y) < (rows-1)*ldy+out || len(w) < in*out {
		panic(fmt.Sprintf("native: GemmBF16 of %d rows, %d in (stride %d, %d values), %d out (stride %d, %d values), %d weights",
			rows, in, ldx, len(x), out, ldy, len(y), len(w)))
	}
	if s.gemmBF16 != nil {
		s.gemmBF16(y, x, w, rows, in, out, ldx, ldy)
		return
	}
	s.widened(y, x, w, rows, in, out, ldx, ldy)
}

// widths are operands of widened as float32: some rows of x and some weights.
type widths struct {
	x [widenRows * widenIn]float32
	w [widenIn * widenOut]float32
}

const widenRows, widenIn, widenOut = 96, 64, 128

var widthsPool = sync.Pool{New: func() any { return new(widths) }}

// widened is GemmBF16 by the set's product of float32: the one product is exact, so it does not
// matter whether the other fuses it with the addition.
func (s *Set) widened(y []float32, x, w []uint16, rows, in, out, ldx, ldy int) {
	wide := widthsPool.Get().(*widths)
	for i := 0; i < in; i += widenIn {
		n := min(widenIn, in-i)
		for o := 0; o < out; o += widenOut {
			m := min(widenOut, out-o)
			for k := 0; k < n; k += pair {
				pairs := w[((i+k)/pair*out+o)*pair:][:m*pair]
				even, odd := wide.w[k*m:][:m], wide.w[(k+1)*m:][:m]
				for j := range even {
					even[j], odd[j] = fromBF16(pairs[pair*j]), fromBF16(pairs[pair*j+1])
				}
			}
			for r := 0; r < rows; r += widenRows {
				some := min(widenRows, rows-r)
				for k := range some {
					to := wide.x[k*n:][:n]
					for j, v := range x[(r+k)*ldx+i:][:n] {
						to[j] = fromBF16(v)
					}
				}
				s.gemm(y[r*ldy+o:], wide.x[:], wide.w[:], some, n, m, n, ldy)
			}
		}
	}
	widthsPool.Put(wide)
}
