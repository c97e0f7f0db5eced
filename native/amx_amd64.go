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
		doc:      "avx512vnni that multiplies int8 matrices in tiles",
		features: append(slices.Clone(avx512Features), "AVX512VNNI", "AMXTILE", "AMXINT8"),
		granted:  sync.OnceValue(askForTiles),
		priority: 35, // below avx512vnni until it has been timed on a CPU that has tiles
	}
	register(floatsAVX512.fill(bytesVNNI.fill(&s)))
	s.gemmInt8 = tilesGemmInt8
}

const (
	tileRows  = 16
	tileBytes = 64 // in a row

	// fewRows is where tiles begin to pay. Counted by hand, not measured: a tile of weights, 64
	// by 16, takes 8 cycles to load and multiplies as long as it has rows, at least. VNNI
	// takes 8 cycles a row. Setting up tiles and giving them back takes about 100.
	fewRows = 4
)

// tiles is what LDTILECFG loads (Intel, Software Developer's Manual, volume 1, section 18.3).
type tiles [64]uint8

// tilesFor configures four tiles of sums, those of inputs (bytes in each row) and, as
// the rest, weights. sums and inputs have so many rows.
func tilesFor(bytes int, sums [4]int, inputs ...int) (c tiles) {
	c[0] = 1 // the palette: eight tiles of at most 16 rows
	set := func(t, rows, bytes int) { c[48+t], c[16+2*t] = uint8(rows), uint8(bytes) }
	for t := range 8 {
		switch {
		case t < len(sums):
			set(t, sums[t], 4*group)
		case t < len(sums)+len(inputs):
			set(t, inputs[t-len(sums)], bytes)
		default:
			set(t, bytes/quad, quad*group)
		}
	}
	return c
}

// tilesGemmInt8 takes 32 rows at a time, the rest in one or two tiles, and few ones by VNNI.
func tilesGemmInt8(y []int32, x []uint8, w []int8, rows, in, out, ldx, ldy int) {
	for first, n := 0, 0; first < rows; first += n {
		n = rows - first
		y, x := y[first*ldy:], x[first*ldx:]
		switch {
		case n >= 2*tileRows:
			n -= n % (2 * tileRows)
			tilesInputs(y, x, w, tileRows, tileRows, n/(2*tileRows), in, out, ldx, ldy)
		case n > tileRows:
			tilesInputs(y, x, w, tileRows, n-tileRows, 1, in, out, ldx, ldy)
		case n >= fewRows:
			tilesInputs(y, x, w, n, 0, 1, in, out, ldx, ldy)
		default:
			bytesVNNI.gemm(y, x, w, n, in, out, ldx, ldy)
		}
	}
}

// tilesInputs takes groups of rows of two tiles, or of one if lower is 0. Inputs that do not
// fill a tile are a second pass, with tiles as narrow as these.
func tilesInputs(y []int32, x []uint8, w []int8, upper, lower, groups, in, out, ldx, ldy int) {
	for i, n := 0, 0; i < in; i += n {
		steps, bytes := (in-i)/tileBytes, tileBytes
		if steps == 0 {
			steps, bytes = 1, in-i
		}
		n = steps * bytes
		x, w := x[i:], w[i*out:]
		if lower > 0 {
			c := tilesFor(bytes, [4]int{upper, upper, lower, lower}, upper, lower)
			blocks := out / (2 * group)
			if blocks > 0 {
				gemmInt8Tiles2x2(&c[0], groups, blocks, steps, &y[0], &x[0], &w[0], ldx, 4*ldy, quad*out)
			}
			if o := blocks * 2 * group; o < out {
				gemmInt8Tiles2x1(&c[0], groups, 1, steps, &y[o], &x[0], &w[o*quad], ldx, 4*ldy, quad*out)
			}
			continue
		}
		c := tilesFor(bytes, [4]int{upper, upper, upper, upper}, upper)
		blocks := out / (4 * group)
		if blocks > 0 {
			gemmInt8Tiles1x4(&c[0], groups, blocks, steps, &y[0], &x[0], &w[0], ldx, 4*ldy, quad*out)
		}
		if o := blocks * 4 * group; o < out {
			gemmInt8Tiles1x1(&c[0], groups, (out-o)/group, steps, &y[o], &x[0], &w[o*quad], ldx, 4*ldy, quad*out)
		}
	}
}
