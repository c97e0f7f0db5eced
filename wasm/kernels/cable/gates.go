package cable

import (
	"math"

	"understudy/wasm/module"
)

// splat is a vector filled with a parameter.
func (e emitter) splat(p module.Local) module.Local { return e.vector("f64x2.splat", p) }

// storeRows stores the lower halves of the vectors' 64-bit lanes one after the other.
func (e emitter) storeRows(row module.Local, vectors []module.Local) {
	for k := 0; k < len(vectors); k += 2 {
		e.Get(row, vectors[k])
		if e.single {
			e.MemLane("v128.store32_lane", 0, 0)
			return
		}
		e.Get(vectors[min(k+1, len(vectors)-1)])
		e.Shuffle([16]byte{0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27})
		if k+1 < len(vectors) {
			e.Mem("v128.store", uint32(8*k))
		} else {
			e.MemLane("v128.store64_lane", uint32(8*k), 0)
		}
	}
}

// locate(n, row, frac, v, low, per, last)
func locate(e emitter, p []module.Local) {
	n, row, s := e.CopyOf(p[0]), e.rows(p[1]), e.states(p[2], p[3])
	frac, v := s[0], s[1]
	low, per, last := e.splat(p[4]), e.splat(p[5]), e.splat(p[6])
	zero, one := e.constant(0), e.constant(math.Float64bits(1))
	eighths := e.constant(math.Float64bits(1 << 49)) // whose last bit is 1/8
	e.each(n, 1, []operand{row, frac, v}, func(e emitter, vectors int) {
		rows := make([]module.Local, vectors)
		for k := range rows {
			u := e.vector("f64x2.pmax", zero, e.mul(e.sub(e.load(v.at, 16*k), low), per)) // zero where it is NaN
			whole := e.vector("f64x2.trunc", e.vector("f64x2.pmin", u, last))
			e.store(frac.at, 16*k, e.vector("f64x2.pmin", e.sub(u, whole), one))
			rows[k] = e.add(whole, eighths)
		}
		e.storeRows(row.at, rows)
	})
}

// Bits of a float64 below those that number a row of an OctaveGrid.
const fractionBits = 42

// locateOctave(n, row, frac, x, low, high, below, first)
func locateOctave(e emitter, p []module.Local) {
	n, row, s := e.CopyOf(p[0]), e.rows(p[1]), e.states(p[2], p[3])
	frac, x := s[0], s[1]
	low, high, below := e.splat(p[4]), e.splat(p[5]), e.splat(p[6])
	e.Get(p[7])
	e.I32(3)
	e.Op("i32.shl", "i64.extend_i32_u", "i64x2.splat")
	first := e.put(module.V128)
	eights, fraction := e.constant(^uint64(7)), e.constant(1<<fractionBits-1)
	integers := e.constant(math.Float64bits(1 << 52)) // whose last bit is 1
	scale, one := e.constant(math.Float64bits(1.0/(1<<fractionBits))), e.constant(math.Float64bits(1))
	e.each(n, 1, []operand{row, frac, x}, func(e emitter, vectors int) {
		rows := make([]module.Local, vectors)
		for k := range rows {
			u := e.vector("f64x2.pmax", low, e.load(x.at, 16*k)) // low where it is NaN
			within := e.vector("f64x2.pmin", u, below)
			e.Get(within)
			e.I32(fractionBits - 3)
			e.Op("i64x2.shr_u")
			rows[k] = e.vector("i64x2.sub", e.vector("v128.and", e.put(module.V128), eights), first)
			f := e.vector("v128.or", e.vector("v128.and", within, fraction), integers)
			f = e.mul(e.sub(f, integers), scale)
			e.store(frac.at, 16*k, e.vector("v128.bitselect", one, f, e.vector("f64x2.ge", u, high)))
		}
		e.storeRows(row.at, rows)
	})
}

// lookup(n, out, row, frac, table)
func lookup(e emitter, p []module.Local) {
	n, row, s := e.CopyOf(p[0]), e.rows(p[2]), e.states(p[1], p[3])
	out, frac := s[0], s[1]
	e.each(n, 1, []operand{out, row, frac}, func(e emitter, vectors int) {
		for k := range vectors {
			t := e.ofTwo(func(i int) module.Local { return e.pair(e.place(p[4], row.at, 8*k+4*i, 1), 0) })
			y, dy := e.transposed(t[0], t[1])
			e.store(out.at, 16*k, e.add(y, e.mul(e.load(frac.at, 16*k), dy)))
		}
	})
}

// interpolate takes the row (p, q, dp, dq) of each element of vector k and returns p + f*dp and q + f*dq.
func (e emitter) interpolate(row, frac operand, table module.Local, k int) (p, q module.Local) {
	y := e.ofTwo(func(i int) module.Local {
		t := e.place(table, row.at, 8*k+4*i, 2)
		dy := e.pair(t, 16) // first: the other is then not checked
		return e.add(e.pair(t, 0), e.mul(e.spread(frac.at, 16*k+8*i), dy))
	})
	return e.transposed(y[0], y[1])
}

// follow is x + fac*(inf-x), stored at x.
func (e emitter) follow(x operand, k int, inf, fac module.Local) {
	old := e.load(x.at, 16*k)
	e.store(x.at, 16*k, e.add(old, e.mul(fac, e.sub(inf, old))))
}

// relax(n, x, row, frac, table)
func relax(e emitter, p []module.Local) {
	n, row, s := e.CopyOf(p[0]), e.rows(p[2]), e.states(p[1], p[3])
	x, frac := s[0], s[1]
	e.each(n, 1, []operand{x, row, frac}, func(e emitter, vectors int) {
		for k := range vectors {
			inf, fac := e.interpolate(row, frac, p[4], k)
			e.follow(x, k, inf, fac)
		}
	})
}

// relaxFour(n, stride, x, row, frac, table)
func relaxFour(e emitter, p []module.Local) {
	n, row, frac := e.CopyOf(p[0]), e.rows(p[3]), e.states(p[4])[0]
	x := e.states(p[2], p[2], p[2], p[2])
	for k := 1; k < 4; k++ {
		e.Get(x[k-1].at, p[1])
		e.I32(3)
		e.Op("i32.shl", "i32.add")
		e.Set(x[k].at)
	}
	e.each(n, 1, append([]operand{row, frac}, x...), func(e emitter, vectors int) {
		for k := range vectors {
			t := e.ofTwo(func(i int) module.Local {
				t := e.place(p[5], row.at, 8*k+4*i, 4)
				e.Reach(t, 128)
				return t
			})
			f := e.ofTwo(func(i int) module.Local { return e.spread(frac.at, 16*k+8*i) })
			// gates is what two gates have of inf (offset 0) or fac (32).
			gates := func(offset int) (first, second module.Local) {
				y := e.ofTwo(func(i int) module.Local {
					return e.add(e.pair(t[i], offset), e.mul(f[i], e.pair(t[i], offset+64)))
				})
				return e.transposed(y[0], y[1])
			}
			for g := 0; g < 4; g += 2 {
				inf0, inf1 := gates(8 * g)
				fac0, fac1 := gates(32 + 8*g)
				e.follow(x[g], k, inf0, fac0)
				e.follow(x[g+1], k, inf1, fac1)
			}
		}
	})
}
