package native

import "fmt"

// The int8 kernels compute with integers alone: activations are uint8, weights int8
// from -127 to 127, sums int32, which wrap around. Every set gives the same bits.

// The packed layout of GemmInt8's weights: quads of inputs, outputs in groups that
// fill the widest vector.
const (
	quad  = 4
	group = 16
)

// roundUp returns the multiple of unit that is n or next above.
func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// PackInt8 returns weights [in][out] in the layout that GemmInt8 reads:
// [in4/4][out16][4], where in4 and out16 are in and out rounded up to multiples of 4
// and 16. What is added is 0. The four inputs that a dot product instruction
// (VNNI's, AMX's) takes at once lie side by side.
func PackInt8(w []int8, in, out int) []int8 {
	if in < 0 || out < 0 || len(w) < in*out {
		panic(fmt.Sprintf("native: PackInt8 of %d in, %d out: %d weights", in, out, len(w)))
	}
	out16 := roundUp(out, group)
	packed := make([]int8, roundUp(in, quad)*out16)
	for i := range in {
		for o := range out {
			packed[(i/quad*out16+o)*quad+i%quad] = w[i*out+o]
		}
	}
	return packed
}

// GemmInt8 computes y[r*ldy+o] += sum over i of x[r*ldx+i] * w(i, o) for r < rows and
// o < out. w is packed by PackInt8; in, a multiple of 4, and out, one of 16, count
// its padding, too: there x may hold anything, and y gets nothing.
func (s *Set) GemmInt8(y []int32, x []uint8, w []int8, rows, in, out, ldx, ldy int) {
	if rows == 0 || in == 0 || out == 0 {
		return
	}
	if in%quad != 0 || out%group != 0 ||
		rows|in|out|(ldx-in)|(ldy-out)|(len(x)-(rows-1)*ldx-in)|(len(y)-(rows-1)*ldy-out)|(len(w)-in*out) < 0 {
		panic(fmt.Sprintf("native: GemmInt8 of %d rows, %d in (stride %d, %d values), %d out (stride %d, %d values), %d weights",
			rows, in, ldx, len(x), out, ldy, len(y), len(w)))
	}
	s.gemmInt8(y, x, w, rows, in, out, ldx, ldy)
}

// MulAddInt8 computes y[r*ldy+j] += x[r*ldx+j] * w[j] for r < rows and j < n: one tap
// of a depthwise convolution.
func (s *Set) MulAddInt8(y []int32, x []uint8, w []int8, rows, n, ldx, ldy int) {
	if rows == 0 || n == 0 {
		return
	}
	if rows < 0 || n < 0 || ldx < n || ldy < n || len(x) < (rows-1)*ldx+n || len(y) < (rows-1)*ldy+n || len(w) < n {
		panic(fmt.Sprintf("native: MulAddInt8 of %d rows of %d: x %d (stride %d), y %d (stride %d), %d weights",
			rows, n, len(x), ldx, len(y), ldy, len(w)))
	}
	s.mulAddInt8(y, x, w, rows, n, ldx, ldy)
}

// ColumnsInt8 computes y[j] += a[e]*w[at[e]+j] for every e and every j < len(y).
// It is fastest where neighbours in a are equal.
func (s *Set) ColumnsInt8(y []int32, w []int8, at []int32, a []int32) {
	checkColumns("ColumnsInt8", len(y), len(w), at, len(a))
	s.columnsInt8(y, w, at, a)
}

// eachFactor runs f for runs of columns that have a factor in common, of as many as 16 bits
// can sum: 256*127 < 1<<15.
func eachFactor(at, a []int32, f func(at, a []int32)) {
	for len(at) > 0 {
		n := 1
		for n < min(len(at), 256) && a[n] == a[0] {
			n++
		}
		f(at[:n], a[:n])
		at, a = at[n:], a[n:]
	}
}

// Requant makes activations of sums, for r < rows and j < n:
//
//	y[r*ldy+j] = clamp(zero + ((x[r*ldx+j]+bias[j])*mult[j] + 1<<(shift-1)) >> shift, low, 255)
//
// The sum of x and bias is an int32 and wraps around, from the product on all are
// int64, and the shift is arithmetic: it rounds to nearest, halves up. mult must be
// above 0, shift from 1 to 62. A ReLU is low = zero.
func (s *Set) Requant(y []uint8, x, bias, mult []int32, shift uint, low, zero uint8, rows, n, ldx, ldy int) {
	if rows == 0 || n == 0 {
		return
	}
	if shift < 1 || shift > 62 ||
		rows|n|(ldx-n)|(ldy-n)|(len(x)-(rows-1)*ldx-n)|(len(y)-(rows-1)*ldy-n)|(len(bias)-n)|(len(mult)-n) < 0 {
		panic(fmt.Sprintf("native: Requant of %d rows of %d: x %d (stride %d), y %d (stride %d), %d biases, %d factors, shift %d",
			rows, n, len(x), ldx, len(y), ldy, len(bias), len(mult), shift))
	}
	s.requant(y, x, bias, mult, shift, low, zero, rows, n, ldx, ldy)
}

// Leak computes, for r < rows and j < n,
//
//	y[r*n+j] = limited((y[r*n+j]*decay[j] + 1<<30) >> 31 + (x[r*n+j]*mult[j] + 1<<(shift-1)) >> shift)
//
// in int64 with arithmetic shifts, and limits the sum to what an int32 holds: a leaky sum,
// whose decay has the unit 2^-31. shift is from 1 to 62. y may not be x.
func (s *Set) Leak(y, x, decay, mult []int32, shift uint, rows, n int) {
	if rows == 0 || n == 0 {
		return
	}
	if rows < 0 || n < 0 || len(y) < rows*n || len(x) < rows*n || len(decay) < n || len(mult) < n || shift < 1 || shift > 62 {
		panic(fmt.Sprintf("native: Leak of %d rows of %d: y %d, x %d, %d decays, %d factors, shift %d", rows, n, len(y), len(x), len(decay), len(mult), shift))
	}
	s.leak(y, x, decay, mult, shift, rows, n)
}

// AddInt8 adds activations of two scales: y[j] = clamp((a[j]*ma + b[j]*mb + c) >> shift, low, 255)
// for every j < len(y), in int32, where nothing may overflow; the shift, up to 31, is arithmetic.
// c holds the zero points and what rounds. y may be a or b.
func (s *Set) AddInt8(y, a, b []uint8, ma, mb, c int32, shift uint, low uint8) {
	if len(a) != len(y) || len(b) != len(y) || shift > 31 {
		panic(fmt.Sprintf("native: AddInt8 of %d, %d and %d values, shift %d", len(y), len(a), len(b), shift))
	}
	s.addInt8(y, a, b, ma, mb, c, shift, low)
}

// LUTInt8 computes y[j] = table[x[j]] for every j < len(y): any activation. y may be x.
func (s *Set) LUTInt8(y, x []uint8, table *[256]uint8) {
	if len(x) != len(y) {
		panic(fmt.Sprintf("native: LUTInt8 of %d and %d values", len(y), len(x)))
	}
	lookUp(y, x, table)
}

// LUTInt32 computes y[j] = table[x[j]] for every j < len(y): what activations stand for.
func (s *Set) LUTInt32(y []int32, x []uint8, table *[256]int32) {
	if len(x) != len(y) {
		panic(fmt.Sprintf("native: LUTInt32 of %d and %d values", len(y), len(x)))
	}
	lookUp(y, x, table)
}

// lookUp goes through eight values at a time: in Go's WebAssembly a turn of a loop costs as much as several of them.
func lookUp[T any](y []T, x []uint8, table *[256]T) {
	for ; len(y) >= 8 && len(x) >= 8; y, x = y[8:], x[8:] {
		y, x := (*[8]T)(y), (*[8]uint8)(x)
		y[0], y[1], y[2], y[3] = table[x[0]], table[x[1]], table[x[2]], table[x[3]]
		y[4], y[5], y[6], y[7] = table[x[4]], table[x[5]], table[x[6]], table[x[7]]
	}
	for j, v := range x {
		y[j] = table[v]
	}
}
