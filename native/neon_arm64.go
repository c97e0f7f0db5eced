//go:build !purego

package native

func init() {
	s := neon
	register(&s)
}

var neon = Set{
	name:       "neon",
	doc:        "four values at a time, multiplied and added in one",
	features:   []string{"ASIMD"},
	priority:   10,
	axpy:       neonAxpy,
	gemm:       neonGemm,
	mulAdd:     neonMulAdd,
	add:        neonAdd,
	relu:       neonReLU,
	scaleShift: neonScaleShift,
	columns:    neonColumns,

	gemmInt8:    neonGemmInt8,
	mulAddInt8:  neonMulAddInt8,
	columnsInt8: neonColumnsInt8,
	requant:     neonRequant,
	leak:        refLeak, // 145 products a neuron and step
	addInt8:     neonAddInt8,
}

//go:noescape
func addNEON(n int, y, x *float32)

//go:noescape
func reluNEON(n int, y *float32)

//go:noescape
func axpyNEON(n int, y, x *float32, a float32)

//go:noescape
func mulAddNEON(n int, y, x, w *float32)

//go:noescape
func scaleShiftNEON(n int, y, scale, shift *float32)

//go:noescape
func columnsNEON(n, events int, y, w *float32, at *int32, a *float32)

//go:noescape
func gemm4x16NEON(count, in int, y, x, w *float32, out, ldx, ldy int)

//go:noescape
func gemmRowNEON(in, columns, out int, y, x, w *float32)

//go:noescape
func gemmInt8NEON(count, in int, y *int32, x *uint8, w *int8, out, ldx, ldy int)

//go:noescape
func mulAddInt8NEON(n int, y *int32, x *uint8, w *int8)

//go:noescape
func columnsInt8NEON(n, events int, y *int32, w *int8, at *int32, a int32)

//go:noescape
func requantNEON(n int, y *uint8, x, bias, mult *int32, shift, low, zero int)

//go:noescape
func addInt8NEON(n int, y, a, b *uint8, ma, mb, c int32, shift int, low int32)

func neonAxpy(y, x []float32, a float32) {
	if len(y) > 0 {
		axpyNEON(len(y), &y[0], &x[0], a)
	}
}

func neonAdd(y, x []float32) {
	if len(y) > 0 {
		addNEON(len(y), &y[0], &x[0])
	}
}

func neonReLU(y []float32) {
	if len(y) > 0 {
		reluNEON(len(y), &y[0])
	}
}

func neonMulAdd(y, x, w []float32, rows, n int) {
	for r := range rows {
		if n > 0 {
			mulAddNEON(n, &y[r*n], &x[r*n], &w[0])
		}
	}
}

func neonScaleShift(y, scale, shift []float32, rows, n int) {
	for r := range rows {
		if n > 0 {
			scaleShiftNEON(n, &y[r*n], &scale[0], &shift[0])
		}
	}
}

func neonColumns(y, w []float32, at []int32, a []float32) {
	if len(y) > 0 && len(at) > 0 {
		columnsNEON(len(y), len(at), &y[0], &w[0], &at[0], &a[0])
	}
}

// neonGemm takes four rows at a time; what is left over beside fours of rows and sixteens of
// outputs row by row, with the same bits (see Set.Gemm).
func neonGemm(y, x, w []float32, rows, in, out, ldx, ldy int) {
	const tall, wide = 4, 16
	groups, o := rows/tall, 0
	if groups > 0 {
		for ; o+wide <= out; o += wide {
			gemm4x16NEON(groups, in, &y[o], &x[0], &w[o], out, ldx, ldy)
		}
	}
	for r := range rows {
		first := o
		if r >= groups*tall {
			first = 0
		}
		if first < out {
			gemmRowNEON(in, out-first, out, &y[r*ldy+first], &x[r*ldx], &w[first])
		}
	}
}

func neonGemmInt8(y []int32, x []uint8, w []int8, rows, in, out, ldx, ldy int) {
	for o := 0; o < out; o += group {
		gemmInt8NEON(rows, in/quad, &y[o], &x[0], &w[o*quad], out, ldx, ldy)
	}
}

func neonMulAddInt8(y []int32, x []uint8, w []int8, rows, n, ldx, ldy int) {
	whole := n &^ 7
	if whole > 0 {
		for r := range rows {
			mulAddInt8NEON(whole, &y[r*ldy], &x[r*ldx], &w[0])
		}
	}
	if whole < n {
		refMulAddInt8(y[whole:], x[whole:], w[whole:], rows, n-whole, ldx, ldy)
	}
}

func neonColumnsInt8(y []int32, w []int8, at []int32, a []int32) {
	whole := len(y) &^ 15
	eachFactor(at, a, func(at, a []int32) {
		if whole > 0 {
			columnsInt8NEON(whole, len(at), &y[0], &w[0], &at[0], a[0])
		}
		refColumnsInt8(y[whole:], w[whole:], at, a)
	})
}

func neonRequant(y []uint8, x, bias, mult []int32, shift uint, low, zero uint8, rows, n, ldx, ldy int) {
	whole := n &^ 7
	if whole > 0 {
		for r := range rows {
			requantNEON(whole, &y[r*ldy], &x[r*ldx], &bias[0], &mult[0], int(shift), int(low), int(zero))
		}
	}
	if whole < n {
		refRequant(y[whole:], x[whole:], bias[whole:], mult[whole:], shift, low, zero, rows, n-whole, ldx, ldy)
	}
}

func neonAddInt8(y, a, b []uint8, ma, mb, c int32, shift uint, low uint8) {
	whole := len(y) &^ 7
	if whole > 0 {
		addInt8NEON(whole, &y[0], &a[0], &b[0], ma, mb, c, int(shift), int32(low))
	}
	refAddInt8(y[whole:], a[whole:], b[whole:], ma, mb, c, shift, low)
}
