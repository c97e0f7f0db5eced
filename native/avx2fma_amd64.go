//go:build !purego

package native

func init() {
	s := Set{
		name:     "avx2fma",
		doc:      "avx2 that multiplies and adds in one",
		features: []string{"AVX2", "BMI2", "FMA3"},
		priority: 20,
	}
	register(floatsAVX2FMA.fill(bytesAVX2.fill(&s)))
}

var floatsAVX2FMA = floats{
	wide: 8, axpy: axpyAVX2FMA, add: addAVX2, relu: reluAVX2, mulAdd: mulAddAVX2FMA, scaleShift: scaleShiftAVX2FMA, columns: columnsAVX2FMA, bags: bagsAVX2FMA,
	tileRows: 6, tileColumns: 2, gemmTile: gemm6x2AVX2FMA, gemmMasked: []func(count, in int, y, x, w *float32, out, ldx, ldy, tail int){gemm6x1MaskedAVX2FMA}, gemmRow: gemmRowAVX2FMA, gemmSparse: gemmSparseAVX2FMA,
}
