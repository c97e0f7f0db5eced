package kernels

import "understudy/wasm/module"

// shape is how many rows and vectors of 4 outputs a block of Gemm has: its sums stay in registers,
// of which there are 16.
type shape struct{ rows, vectors int }

var (
	tall = shape{2, 4} // where there are several rows
	flat = shape{1, 8}
)

// depth is how many inputs Gemm takes at a time: so many of a block's rows find room in ScratchSize.
const depth = 512

// ScratchSize is how many bytes Gemm may use at scratch.
const ScratchSize = 2 * depth * 16

// Gemm writes native.Set's Gemm.
//
// Each input of a block of rows is stored four times side by side in scratch before the
// block's sums are taken: a vector of it is then one load, where runtimes make two
// instructions of a splat, over and over for each block of outputs.
func Gemm(f *module.Func, y, x, w, rows, in, out, ldx, ldy, scratch module.Local) {
	e := emitter{f}
	ldx, ldy, out4 := e.times4(ldx), e.times4(ldy), e.times4(out)
	in = e.copyOf(in)
	x, w = e.copyOf(x), e.copyOf(w)
	k := e.Local(module.I32)
	left, xr, yr := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	e.count(in, 1, func() { // by k in fact
		e.set(k, func() {
			e.I32(depth)
			e.Get(in)
			e.Get(in)
			e.I32(depth)
			e.Op("i32.gt_s", "select")
		})
		e.set(left, func() { e.Get(rows) })
		e.set(xr, func() { e.Get(x) })
		e.set(yr, func() { e.Get(y) })
		for _, s := range []shape{tall, flat} {
			e.count(left, s.rows, func() {
				xs, ys := e.rowsOf(s, xr, ldx), e.rowsOf(s, yr, ldy)
				e.spread(s, scratch, xs, k)
				e.rowBlock(s, ys, w, out, out4, scratch, k)
				for range s.rows {
					e.advanceBy(xr, ldx)
					e.advanceBy(yr, ldy)
				}
			})
		}
		e.set(x, func() { e.Get(x, k); e.I32(2); e.Op("i32.shl", "i32.add") })
		e.set(w, func() { e.Get(w, k, out4); e.Op("i32.mul", "i32.add") })
		e.set(in, func() { e.Get(in, k); e.Op("i32.sub"); e.I32(1); e.Op("i32.add") })
	})
}

// rowsOf are the addresses of a block's rows, the first of which is at first.
func (e emitter) rowsOf(s shape, first, stride module.Local) []module.Local {
	all := make([]module.Local, s.rows)
	for r := range all {
		all[r] = e.Local(module.I32)
		if r == 0 {
			e.set(all[r], func() { e.Get(first) })
		} else {
			e.set(all[r], func() { e.Get(all[r-1], stride); e.Op("i32.add") })
		}
	}
	return all
}

// spread stores k inputs of the rows xs, which it advances: input by input, row by row.
func (e emitter) spread(s shape, scratch module.Local, xs []module.Local, k module.Local) {
	to, n := e.copyOf(scratch), e.copyOf(k)
	e.count(n, 1, func() {
		for r := s.rows - 1; r >= 0; r-- {
			e.Get(to, xs[r])
			e.Mem("v128.load32_splat", 0)
			e.Mem("v128.store", uint32(16*r))
			e.advance(xs[r], 4)
		}
		e.advance(to, 16*s.rows)
	})
}

// rowBlock adds to the rows ys, which it advances, the products of the k inputs in scratch.
func (e emitter) rowBlock(s shape, ys []module.Local, w, out, out4, scratch, k module.Local) {
	w, left := e.copyOf(w), e.copyOf(out)
	for v := s.vectors; v > 0; v /= 2 {
		e.count(left, 4*v, func() { e.block(shape{s.rows, v}, 4, ys, w, out4, scratch, k) })
	}
	for _, p := range []part{2, 1} {
		e.count(left, int(p), func() { e.block(shape{s.rows, 1}, p, ys, w, out4, scratch, k) })
	}
}

// block computes one block of outputs, and advances ys and w past it.
func (e emitter) block(s shape, p part, ys []module.Local, w, out4, scratch, k module.Local) {
	sums, x := make([]module.Local, s.rows*s.vectors), make([]module.Local, s.rows)
	for r := range x {
		x[r] = e.Local(module.V128)
		for v := s.vectors - 1; v >= 0; v-- {
			sums[r*s.vectors+v] = e.local(module.V128, func() { e.load(p, ys[r], 16*v) })
		}
	}
	from, wk, n, wv := e.copyOf(scratch), e.copyOf(w), e.copyOf(k), e.Local(module.V128)
	e.count(n, 1, func() {
		for r := s.rows - 1; r >= 0; r-- {
			e.set(x[r], func() { e.load(4, from, 16*r) })
		}
		for v := s.vectors - 1; v >= 0; v-- {
			e.set(wv, func() { e.load(p, wk, 16*v) })
			for r := range x {
				sum := sums[r*s.vectors+v]
				e.set(sum, func() {
					e.Get(sum, wv, x[r])
					e.Op("f32x4.mul", "f32x4.add")
				})
			}
		}
		e.advance(from, 16*s.rows)
		e.advanceBy(wk, out4)
	})
	for r := range x {
		for v := s.vectors - 1; v >= 0; v-- {
			e.store(p, ys[r], 16*v, sums[r*s.vectors+v])
		}
		e.advance(ys[r], 4*int(p)*s.vectors)
	}
	e.advance(w, 4*int(p)*s.vectors)
}
