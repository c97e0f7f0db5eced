package kernels

import "understudy/wasm/module"

// Blocks of GemmInt8: rows, and vectors of two outputs each. A row of outputs is always a multiple of 16.
var (
	tallInt8 = shape{3, 4}
	flatInt8 = shape{1, 8}
)

// GemmInt8 writes native.Set.GemmInt8, which uses scratch.
//
// A vector multiplies the four inputs of a quad, twice side by side in 16 bits, with the eight weights
// of two outputs, and sums neighbours: two partial sums for each output, which are added at the end.
// The quads are stored in that form in scratch before, and the matrices known have code of their own, as in Gemm; their In is a multiple of 4.
func GemmInt8(f *module.Func, y, x, w, rows, in, out, ldx, ldy, scratch module.Local, known ...Matrix) {
	e := emitter{f}
	e.forMatrices(in, out, known, func(known Matrix) { e.gemmInt8(y, x, w, rows, in, out, ldx, ldy, scratch, known) })
}

// GemmInt8Of is GemmInt8 for nothing but such a matrix.
func GemmInt8Of(m Matrix, f *module.Func, y, x, w, rows, in, out, ldx, ldy, scratch module.Local) {
	emitter{f}.gemmInt8(y, x, w, rows, in, out, ldx, ldy, scratch, m)
}

func (e emitter) gemmInt8(y, x, w, rows, in, out, ldx, ldy, scratch module.Local, known Matrix) {
	ldy = e.times4(ldy)
	out4 := e.times4(out) // bytes of weights of a quad, as well as of sums
	in = e.local(module.I32, func() { e.Get(in); e.I32(2); e.Op("i32.shr_u") })
	x, w = e.CopyOf(x), e.CopyOf(w)
	e.product(y, x, w, rows, in, out4, known.In/4, []shape{tallInt8, flatInt8}, func(s shape, xr, yr module.Local, k number) {
		e.spread(s, scratch, xr, ldx, k, "f32x4.splat", "i16x8.extend_low_i8x16_u")
		e.rowBlockInt8(s, yr, ldy, w, out, out4, scratch, k, known.Out)
	})
}

func (e emitter) rowBlockInt8(s shape, y, ldy, w, out, out4, scratch module.Local, k number, known int) {
	w, left := e.CopyOf(w), e.CopyOf(out)
	rows := make([]module.Local, s.rows)
	for r := range rows {
		rows[r] = e.CopyOf(y)
		e.advanceBy(y, ldy)
	}
	sums, x := make([]module.Local, s.rows*s.vectors), make([]module.Local, s.rows)
	for i := range sums {
		sums[i] = e.Local(module.V128)
	}
	for r := range x {
		x[r] = e.Local(module.V128)
	}
	zero, wv := e.zero(), e.Local(module.V128)
	from, wi, n := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	e.Count(left, 2*s.vectors, func() {
		for _, sum := range sums {
			e.set(sum, func() { e.Get(zero) })
		}
		e.set(from, func() { e.Get(scratch) })
		e.set(wi, func() { e.Get(w) })
		e.turns(n, k, unrolled, func(quads int) {
			e.Reach(from, 16*s.rows*quads)
			for q := range quads {
				for r := range s.held() {
					e.set(x[r], func() { e.load(4, from, 16*(q*s.rows+r)) })
				}
				at := e.weights(wi, 8*s.vectors, 4*known, q, quads)
				for v := range s.vectors {
					e.set(wv, func() { e.Get(wi); e.Mem("v128.load8x8_s", uint32(at+8*v)) })
					for r := range x {
						sum := sums[r*s.vectors+v]
						e.set(sum, func() {
							e.Get(sum)
							e.input(s, x, r, from, q)
							e.Get(wv)
							e.Op("i32x4.dot_i16x8_s", "i32x4.add")
						})
					}
				}
				e.pastWeights(wi, out4, 4*known, q, quads)
			}
			e.Advance(from, 16*s.rows*quads)
		})
		for r := range x {
			e.Reach(rows[r], 8*s.vectors)
			for v := 0; v < s.vectors; v += 2 {
				a, b := sums[r*s.vectors+v], sums[r*s.vectors+v+1]
				e.update(4, rows[r], 8*v, func() {
					e.load(4, rows[r], 8*v)
					e.Get(a, b)
					e.Shuffle([16]byte{0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27})
					e.Get(a, b)
					e.Shuffle([16]byte{4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31})
					e.Op("i32x4.add", "i32x4.add")
				})
			}
			e.Advance(rows[r], 8*s.vectors)
		}
		e.Advance(w, 8*s.vectors)
	})
}
