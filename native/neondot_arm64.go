//go:build !purego

package native

func init() {
	s := neon
	s.name = "neondot"
	s.doc = "neon with four int8 products in one"
	s.features = []string{"ASIMD", "ASIMDDP"}
	s.priority = 20
	s.gemmInt8 = dotGemmInt8
	register(&s)
}

//go:noescape
func gemmInt8x4DOT(count, in int, y *int32, x *uint8, w *int8, out, ldx, ldy int)

//go:noescape
func gemmInt8x1DOT(count, in int, y *int32, x *uint8, w *int8, out, ldx, ldy int)

func dotGemmInt8(y []int32, x []uint8, w []int8, rows, in, out, ldx, ldy int) {
	fours := rows &^ 3
	for o := 0; o < out; o += group {
		if fours > 0 {
			gemmInt8x4DOT(fours/4, in/quad, &y[o], &x[0], &w[o*quad], out, ldx, ldy)
		}
		if fours < rows {
			gemmInt8x1DOT(rows-fours, in/quad, &y[fours*ldy+o], &x[fours*ldx], &w[o*quad], out, ldx, ldy)
		}
	}
}
