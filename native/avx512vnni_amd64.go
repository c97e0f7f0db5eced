//go:build !purego

package native

import "slices"

func init() {
	s := Set{
		name:     "avx512vnni",
		doc:      "avx512 with four int8 products in one",
		features: append(slices.Clone(avx512Features), "AVX512VNNI"),
		priority: 40,
	}
	register(floatsAVX512.fill(bytesVNNI.fill(&s)))
}

var bytesVNNI = bytes{
	wide: 16, mulAddInt8: mulAddInt8AVX512, columnsInt8: columnsInt8AVX512, requant: requantAVX512, leak: leakAVX512, addInt8: addInt8AVX512,
	gemmInt8: gemmInt8{
		rows: 6, wide: 64, narrow: 16, tile: gemmInt86x4VNNI, tileNarrow: gemmInt86x1VNNI,
		rowWide: 128, row: gemmInt81x8VNNI, rowNarrow: gemmInt81x1VNNI,
	},
}
