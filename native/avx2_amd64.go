//go:build !purego

package native

//go:generate sh -c "cd _asm && go run . -out ../avx2_amd64.s -stubs ../avx2_stub_amd64.go -pkg native"

// The AVX2 kernels work on eight outputs at a time, multiply and add separately
// and in the reference's order: they give the reference's bits. What is left
// over beside eights goes through masks (gemm) or the reference.

func init() {
	register(&Set{
		name:       "avx2",
		doc:        "eight values at a time; the reference's bits",
		features:   []string{"AVX2"},
		priority:   10,
		sameBits:   true,
		axpy:       avx2Axpy,
		gemm:       avx2Gemm,
		mulAdd:     avx2MulAdd,
		add:        avx2Add,
		relu:       avx2ReLU,
		scaleShift: avx2ScaleShift,
		columns:    refColumns,

		gemmInt8:    refGemmInt8,
		mulAddInt8:  refMulAddInt8,
		columnsInt8: refColumnsInt8,
		requant:     refRequant,
		addInt8:     refAddInt8,
	})
}

func avx2Axpy(y, x []float32, a float32) {
	n := len(y) &^ 7
	if n > 0 {
		axpyAVX2(n, &y[0], &x[0], a)
	}
	refAxpy(y[n:], x[n:], a)
}

// masks[k] lets k of eight values through.
var masks = func() (m [9][8]int32) {
	for k := range m {
		for i := range k {
			m[k][i] = -1
		}
	}
	return m
}()

// avx2Gemm takes two rows at a time and leaves out inputs that are zero only in a
// row that stands alone: the bits are the same (see Set.Gemm), and to leave out
// what is zero in one of two rows is not possible. Measured on Zen 3 at 64 inputs
// and 64 outputs, with more weights than the L1 cache holds: 3.5 ns per input for a
// row alone, bound by the L2 cache; 1.5 ns per input and row for 64 rows, 1.1 ns
// being the limit of two multipliers and two adders.
func avx2Gemm(y, x, w []float32, rows, in, out, ldx, ldy int) {
	even := rows &^ 1
	o := 0
	for ; o+32 <= out && even > 0; o += 32 {
		gemm2x32AVX2(even/2, in, &y[o], &x[0], &w[o], out, ldx, ldy)
	}
	if even < rows {
		yr, xr := y[even*ldy:], x[even*ldx:]
		o = 0
		for ; o+64 <= out; o += 64 {
			gemm1x64AVX2(1, in, &yr[o], &xr[0], &w[o], out, ldx, ldy)
		}
		if o+32 <= out {
			gemm1x32AVX2(1, in, &yr[o], &xr[0], &w[o], out, ldx, ldy)
			o += 32
		}
	}
	fours := rows &^ 3
	for ; o < out; o += 8 {
		mask := &masks[min(8, out-o)]
		if fours > 0 {
			gemm4x8AVX2(fours/4, in, &y[o], &x[0], &w[o], out, ldx, ldy, mask)
		}
		if fours < rows {
			gemm1x8AVX2(rows-fours, in, &y[fours*ldy+o], &x[fours*ldx], &w[o], out, ldx, ldy, mask)
		}
	}
}

func avx2MulAdd(y, x, w []float32, rows, n int) {
	eights := n &^ 7
	if rows > 0 && eights > 0 {
		mulAddAVX2(rows, eights, n, &y[0], &x[0], &w[0])
	}
	if eights < n {
		for r := range rows {
			refMulAdd(y[r*n+eights:], x[r*n+eights:], w[eights:], 1, n-eights)
		}
	}
}

func avx2Add(y, x []float32) {
	n := len(y) &^ 7
	if n > 0 {
		addAVX2(n, &y[0], &x[0])
	}
	refAdd(y[n:], x[n:])
}

func avx2ReLU(y []float32) {
	n := len(y) &^ 7
	if n > 0 {
		reluAVX2(n, &y[0])
	}
	refReLU(y[n:])
}

func avx2ScaleShift(y, scale, shift []float32, rows, n int) {
	eights := n &^ 7
	if rows > 0 && eights > 0 {
		scaleShiftAVX2(rows, eights, n, &y[0], &scale[0], &shift[0])
	}
	if eights < n {
		for r := range rows {
			refScaleShift(y[r*n+eights:], scale[eights:], shift[eights:], 1, n-eights)
		}
	}
}
