//go:build !purego

package native

// The AVX2 kernels of float32 multiply and add separately and in the reference's order:
// they give the reference's bits.

func init() {
	s := Set{
		name:     "avx2",
		doc:      "eight values at a time; the reference's bits",
		features: []string{"AVX2", "BMI2"},
		priority: 10,
		sameBits: true,
	}
	register(floatsAVX2.fill(bytesAVX2.fill(&s)))
}

var floatsAVX2 = floats{
	wide: 8, axpy: axpyAVX2, add: addAVX2, relu: reluAVX2, mulAdd: mulAddAVX2, scaleShift: scaleShiftAVX2, columns: columnsAVX2, bags: bagsAVX2,
	tileRows: 6, tileColumns: 2, gemmTile: gemm6x2AVX2, gemmMasked: []func(count, in int, y, x, w *float32, out, ldx, ldy, tail int){gemm6x1MaskedAVX2}, gemmRow: gemmRowAVX2, gemmSparse: gemmSparseAVX2,
}

var bytesAVX2 = bytes{
	wide: 8, mulAddInt8: mulAddInt8AVX2, columnsInt8: columnsInt8AVX2, requant: requantAVX2, leak: leakAVX2, addInt8: addInt8AVX2,
	gemmInt8: gemmInt8{
		rows: 4, wide: 16, narrow: 16, tile: gemmInt84x2AVX2, tileNarrow: gemmInt84x2AVX2,
		rowWide: 64, row: gemmInt81x8AVX2, rowNarrow: gemmInt81x2AVX2,
	},
}
