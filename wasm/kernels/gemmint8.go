package kernels

import "understudy/wasm/module"

// Blocks of GemmInt8: rows, and vectors of two outputs each. A row of outputs is always a multiple of 16.
var (
	tallInt8 = shape{3, 4}
	flatInt8 = shape{1, 8}
)

// quads is how many fours of inputs GemmInt8 takes at a time: so many of a block's rows find room in
// ScratchSize.
const quads = depth

// GemmInt8 writes native.Set.GemmInt8, which uses scratch.
//
// A vector multiplies the four inputs of a quad, twice side by side in 16 bits, with the eight weights
// of two outputs, and sums neighbours: two partial sums for each output, which are added at the end.
// The quads are stored in that form in scratch before, and widths have code of their own, as in Gemm.
func GemmInt8(f *module.Func, y, x, w, rows, in, out, ldx, ldy, scratch module.Local, widths ...int) {
	e := emitter{f}
	e.forWidths(out, widths, func(known int) { e.gemmInt8(y, x, w, rows, in, out, ldx, ldy, scratch, known) })
}

func (e emitter) gemmInt8(y, x, w, rows, in, out, ldx, ldy, scratch module.Local, known int) {
	ldy = e.times4(ldy)
	out4 := e.times4(out) // bytes of weights of a quad, as well as of sums
	in = e.local(module.I32, func() { e.Get(in); e.I32(2); e.Op("i32.shr_u") })
	x, w = e.copyOf(x), e.copyOf(w)
	k := e.Local(module.I32)
	left, xr, yr := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	e.while(in, func() {
		e.set(k, func() { e.smaller(in, quads) })
		e.set(left, func() { e.Get(rows) })
		e.set(xr, func() { e.Get(x) })
		e.set(yr, func() { e.Get(y) })
		for _, s := range []shape{tallInt8, flatInt8} {
			e.count(left, s.rows, func() {
				e.spreadQuads(s, scratch, xr, ldx, k)
				e.rowBlockInt8(s, yr, ldy, w, out, out4, scratch, k, known)
			})
		}
		e.set(x, func() { e.Get(x, k); e.I32(2); e.Op("i32.shl", "i32.add") })
		e.set(w, func() { e.Get(w, k, out4); e.Op("i32.mul", "i32.add") })
		e.set(in, func() { e.Get(in, k); e.Op("i32.sub") })
	})
}

// spreadQuads stores k quads of a block's rows, quad by quad and row by row, and advances x past
// the rows.
func (e emitter) spreadQuads(s shape, scratch, x, ldx, k module.Local) {
	n, to, from := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	for r := range s.rows {
		e.set(to, func() { e.Get(scratch) })
		e.set(from, func() { e.Get(x) })
		e.turns(n, k, []int{4, 1}, func(quads int) {
			e.reach(to, 16*s.rows*quads)
			e.reach(from, 4*quads)
			for q := range quads {
				e.Get(to, from)
				e.Mem("f32.load", uint32(4*q))
				e.Op("f32x4.splat", "i16x8.extend_low_i8x16_u")
				e.Mem("v128.store", uint32(16*(q*s.rows+r)))
			}
			e.advance(to, 16*s.rows*quads)
			e.advance(from, 4*quads)
		})
		e.advanceBy(x, ldx)
	}
}

func (e emitter) rowBlockInt8(s shape, y, ldy, w, out, out4, scratch, k module.Local, known int) {
	w, left := e.copyOf(w), e.copyOf(out)
	rows := make([]module.Local, s.rows)
	for r := range rows {
		rows[r] = e.copyOf(y)
		e.advanceBy(y, ldy)
	}
	sums, x := make([]module.Local, s.rows*s.vectors), make([]module.Local, s.rows)
	for i := range sums {
		sums[i] = e.Local(module.V128)
	}
	for r := range x {
		x[r] = e.Local(module.V128)
	}
	zero, wv := e.Local(module.V128), e.Local(module.V128)
	from, wi, n := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	e.count(left, 2*s.vectors, func() {
		for _, sum := range sums {
			e.set(sum, func() { e.Get(zero) })
		}
		e.set(from, func() { e.Get(scratch) })
		e.set(wi, func() { e.Get(w) })
		e.turns(n, k, unrolled, func(quads int) {
			e.reach(from, 16*s.rows*quads)
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
			e.advance(from, 16*s.rows*quads)
		})
		for r := range x {
			e.reach(rows[r], 8*s.vectors)
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
			e.advance(rows[r], 8*s.vectors)
		}
		e.advance(w, 8*s.vectors)
	})
}
