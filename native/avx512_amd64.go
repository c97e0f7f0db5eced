//go:build !purego

package native

var avx512Features = []string{"AVX2", "BMI2", "FMA3", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL"}

func init() {
	s := Set{
		name:     "avx512",
		doc:      "sixteen values at a time, multiplied and added in one",
		features: avx512Features,
		priority: 30,
	}
	register(floatsAVX512.fill(bytesAVX512.fill(&s)))
}

var floatsAVX512 = floats{
	wide: 16, axpy: axpyAVX512, add: addAVX512, relu: reluAVX512, mulAdd: mulAddAVX512, scaleShift: scaleShiftAVX512, columns: columnsAVX512, bags: bagsAVX512, roundBF16: roundBF16AVX512,
	tileRows: 6, tileColumns: 4, gemmTile: gemm6x4AVX512, gemmMasked: []func(count, in int, y, x, w *float32, out, ldx, ldy, tail int){
		gemm6x1MaskedAVX512, gemm6x2MaskedAVX512, gemm6x3MaskedAVX512, gemm6x4MaskedAVX512,
	}, gemmRow: gemmRowAVX512, gemmSparse: gemmSparseAVX512,
}

var bytesAVX512 = bytes{
	wide: 16, mulAddInt8: mulAddInt8AVX512, columnsInt8: columnsInt8AVX512, requant: requantAVX512, leak: leakAVX512, addInt8: addInt8AVX512,
	gemmInt8: gemmInt8{
		rows: 6, wide: 32, narrow: 16, tile: gemmInt86x2AVX512, tileNarrow: gemmInt86x1AVX512,
		rowWide: 128, row: gemmInt81x8AVX512, rowNarrow: gemmInt81x1AVX512,
	},
}
