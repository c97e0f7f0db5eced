//go:build !purego

package native

import (
	"slices"
	"sync"
)

//go:generate sh -c "cd _asm && go run ./amx -out ../amx_amd64.s -stubs ../amx_stub_amd64.go -pkg native"

func init() {
	s := Set{
		name:     "amx",
		doc:      "avx512vnni that multiplies int8 and bf16 matrices in tiles",
		features: append(slices.Clone(avx512Features), "AVX512VNNI", "AMXTILE", "AMXINT8", "AMXBF16"),
		granted:  sync.OnceValue(askForTiles),
		priority: 35, // below avx512vnni until it has been timed on a CPU that has tiles
	}
	register(floatsAVX512.fill(bytesVNNI.fill(&s)))
	s.gemmInt8, s.gemmBF16 = tilesGemmInt8, tilesBF16.gemm
}

const (
	tileRows  = 16
	tileBytes = 64 // in a row
	tileUnit  = 4  // bytes of inputs that one element of sums takes at once

	// fewRows is where tiles begin to pay. Counted by hand, not measured: a tile of weights, 64
	// by 16, takes 8 cycles to load and multiplies as long as it has rows, at least. VNNI
	// takes 8 cycles a row. Setting up tiles and giving them back takes about 100.
	fewRows = 4
)

// tiles is what LDTILECFG loads (Intel, Software Developer's Manual, volume 1, section 18.3).
type tiles = [64]uint8

// tilesFor configures four tiles of sums, those of inputs (bytes in each row) and, as
// the rest, weights. sums and inputs have so many rows, sums and weights so many outputs.
func tilesFor(bytes, outputs int, sums [4]int, inputs ...int) (c tiles) {
	c[0] = 1 // the palette: eight tiles of at most 16 rows
	set := func(t, rows, bytes int) { c[48+t], c[16+2*t] = uint8(rows), uint8(bytes) }
	for t := range 8 {
		switch {
		case t < len(sums):
			set(t, sums[t], tileUnit*outputs)
		case t < len(sums)+len(inputs):
			set(t, inputs[t-len(sums)], bytes)
		default:
			set(t, bytes/tileUnit, tileUnit*outputs)
		}
	}
	return c
}

// tileGemm is a matrix product in tiles: by two rows and two columns of them at a time, and so
// on. Every row takes its inputs in the same portions, whatever the other rows are.
type tileGemm[Y, X, W any] struct {
	unit                       int // inputs in tileUnit bytes
	by2x2, by2x1, by1x4, by1x1 func(config tiles, groups, blocks, steps int, y *Y, x *X, w *W, ldx, ldy, ldw int)
}

var tilesInt8 = tileGemm[int32, uint8, int8]{quad, gemmInt8Tiles2x2, gemmInt8Tiles2x1, gemmInt8Tiles1x4, gemmInt8Tiles1x1}

// tilesBF16 adds in the order of TDPBF16PS (the same manual, volume 2). Of up to 32 inputs it sums
// the products of even ones, beginning at 0, and those of odd ones, adds the two sums, and adds
// that to y; then come the next 32. Every product is added without rounding it (FMA), every sum is
// rounded to nearest even; operands below 2^-126 count as 0, and so do sums. (Intel's Intrinsics
// Guide has another order for it. The bound of GemmBF16 holds for both.)
var tilesBF16 = tileGemm[float32, uint16, uint16]{pair, gemmBF16Tiles2x2, gemmBF16Tiles2x1, gemmBF16Tiles1x4, gemmBF16Tiles1x1}

// tilesGemmInt8 leaves few rows to VNNI.
func tilesGemmInt8(y []int32, x []uint8, w []int8, rows, in, out, ldx, ldy int) {
	if few := rows % (2 * tileRows); 0 < few && few < fewRows {
		rows -= few
		bytesVNNI.gemm(y[rows*ldy:], x[rows*ldx:], w, few, in, out, ldx, ldy)
	}
	tilesInt8.gemm(y, x, w, rows, in, out, ldx, ldy)
}

// gemm takes 32 rows at a time, the rest in one or two tiles.
func (k *tileGemm[Y, X, W]) gemm(y []Y, x []X, w []W, rows, in, out, ldx, ldy int) {
	for first, n := 0, 0; first < rows; first += n {
		n = rows - first
		y, x := y[first*ldy:], x[first*ldx:]
		switch {
		case n >= 2*tileRows:
			n -= n % (2 * tileRows)
			k.inputs(y, x, w, tileRows, tileRows, n/(2*tileRows), in, out, ldx, ldy)
		case n > tileRows:
			k.inputs(y, x, w, tileRows, n-tileRows, 1, in, out, ldx, ldy)
		default:
			k.inputs(y, x, w, n, 0, 1, in, out, ldx, ldy)
		}
	}
}

// inputs takes groups of rows of two tiles, or of one if lower is 0. Inputs that do not
// fill a tile are a second pass, with tiles as narrow as these.
func (k *tileGemm[Y, X, W]) inputs(y []Y, x []X, w []W, upper, lower, groups, in, out, ldx, ldy int) {
	size := tileUnit / k.unit // of an input
	for i, n := 0, 0; i < in; i += n {
		steps, bytes := (in-i)*size/tileBytes, tileBytes
		if steps == 0 {
			steps, bytes = 1, (in-i)*size
		}
		n = steps * bytes / size
		k.outputs(y, x[i:], w[i*out:], upper, lower, groups, steps, bytes, out, size*ldx, tileUnit*ldy)
	}
}

// outputs takes steps of as many inputs as fill so many bytes. Outputs that do not fill a tile
// come last, in narrower ones. ldx and ldy are in bytes.
func (k *tileGemm[Y, X, W]) outputs(y []Y, x []X, w []W, upper, lower, groups, steps, bytes, out, ldx, ldy int) {
	ldw := tileUnit * out
	for o := 0; o < out; {
		y, w, wide := &y[o], &w[o*k.unit], min(group, out-o)
		if lower > 0 {
			c := tilesFor(bytes, wide, [4]int{upper, upper, lower, lower}, upper, lower)
			if blocks := (out - o) / (2 * group); blocks > 0 {
				k.by2x2(c, groups, blocks, steps, y, &x[0], w, ldx, ldy, ldw)
				o += blocks * 2 * group
			} else {
				k.by2x1(c, groups, 1, steps, y, &x[0], w, ldx, ldy, ldw)
				o += wide
			}
			continue
		}
		c := tilesFor(bytes, wide, [4]int{upper, upper, upper, upper}, upper)
		if blocks := (out - o) / (4 * group); blocks > 0 {
			k.by1x4(c, groups, blocks, steps, y, &x[0], w, ldx, ldy, ldw)
			o += blocks * 4 * group
		} else {
			blocks = max(1, (out-o)/group)
			k.by1x1(c, groups, blocks, steps, y, &x[0], w, ldx, ldy, ldw)
			o += blocks * wide
		}
	}
}
