package kernels

import "understudy/wasm/module"

// MulAddInt8 writes native.Set.MulAddInt8.
func MulAddInt8(f *module.Func, y, x, w, rows, n, ldx, ldy module.Local) {
	e := emitter{f}
	y, x, ldy = e.CopyOf(y), e.CopyOf(x), e.times4(ldy)
	yj, xj, wj, left := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	p := e.Local(module.V128)
	advance := func(n int) {
		e.Advance(yj, 4*n)
		e.Advance(xj, n)
		e.Advance(wj, n)
	}
	e.repeat(e.CopyOf(rows), func() {
		e.set(left, func() { e.Get(n) })
		e.set(yj, func() { e.Get(y) })
		e.set(xj, func() { e.Get(x) })
		e.set(wj, func() { e.Get(w) })
		e.Count(left, 8, func() {
			e.set(p, func() { // 255*127 is within 16 bits
				e.Get(xj)
				e.Mem("v128.load8x8_u", 0)
				e.Get(wj)
				e.Mem("v128.load8x8_s", 0)
				e.Op("i16x8.mul")
			})
			e.Reach(yj, 32)
			e.addWide(yj, 0, p, "low")
			e.addWide(yj, 16, p, "high")
			advance(8)
		})
		e.Count(left, 1, func() {
			e.Get(yj, yj)
			e.Mem("i32.load", 0)
			e.Get(xj)
			e.Mem("i32.load8_u", 0)
			e.Get(wj)
			e.Mem("i32.load8_s", 0)
			e.Op("i32.mul", "i32.add")
			e.Mem("i32.store", 0)
			advance(1)
		})
		e.advanceBy(y, ldy)
		e.advanceBy(x, ldx)
	})
}

// addWide adds to four sums the low or high half of eight 16-bit integers, times a factor where there is one.
func (e emitter) addWide(y module.Local, offset int, v module.Local, half string, factor ...module.Local) {
	e.update(4, y, offset, func() {
		e.Get(v)
		e.Op("i32x4.extend_" + half + "_i16x8_s")
		for _, l := range factor {
			e.Get(l)
			e.Op("i32x4.mul")
		}
		e.load(4, y, offset)
		e.Op("i32x4.add")
	})
}

// ColumnsInt8 writes native.Set.ColumnsInt8 of n values and as many columns as events.
//
// Columns that follow one another with the same factor are first summed in 16 bits, at most 256 of
// them: 256*127 < 1<<15. Columns of known sizes, from 8 to 64, have code of their own.
func ColumnsInt8(f *module.Func, y, w, at, a, n, events module.Local, known ...int) {
	e := emitter{f}
	e.forSizes(n, known, func(n number) { e.runsInt8(y, w, at, a, n, events) })
}

// runsInt8 goes through runs of columns that have a factor in common.
func (e emitter) runsInt8(y, w, at, a module.Local, n number, events module.Local) {
	at, a, events = e.CopyOf(at), e.CopyOf(a), e.CopyOf(events)
	run, most, factor := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	e.while(events, func() {
		e.set(factor, func() { e.Get(a); e.Mem("i32.load", 0) })
		e.set(most, func() { e.smaller(events, 256) })
		e.set(run, func() { e.I32(0) })
		e.Block(func() {
			e.Loop(func() {
				e.Advance(run, 1)
				e.Advance(a, 4)
				e.Get(run, most)
				e.Op("i32.eq")
				e.BrIf(1)
				e.Get(a)
				e.Mem("i32.load", 0)
				e.Get(factor)
				e.Op("i32.eq")
				e.BrIf(0)
			})
		})
		e.columnsInt8(y, w, at, n, run, factor)
		e.set(at, func() { e.Get(at, run); e.I32(2); e.Op("i32.shl", "i32.add") })
		e.set(events, func() { e.Get(events, run); e.Op("i32.sub") })
	})
}

// columnsInt8 adds columns that have a factor in common.
func (e emitter) columnsInt8(y, w, at module.Local, n number, columns, factor module.Local) {
	y, w, left := e.CopyOf(y), e.CopyOf(w), e.CopyOf(n.local)
	av := e.local(module.V128, func() { e.Get(factor); e.Op("i32x4.splat") })
	sums := make([]module.Local, 8)
	for v := range sums {
		sums[v] = e.Local(module.V128)
	}
	atE, wE, turn, sum := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	zero := e.zero()
	// each has body add the part of a column at wE.
	each := func(size int, body func()) {
		e.set(atE, func() { e.Get(at) })
		unroll := []int{4, 1}
		if size == 64 {
			unroll = []int{8, 4, 2, 1}
		}
		e.turns(turn, number{local: columns}, unroll, func(columns int) {
			e.Reach(atE, 4*columns)
			for c := range columns {
				e.set(wE, func() { e.Get(w, atE); e.Mem("i32.load", uint32(4*c)); e.Op("i32.add") })
				e.Reach(wE, size)
				body()
			}
			e.Advance(atE, 4*columns)
		})
	}
	// block adds to so many values. The last 8 may begin within those before.
	block := func(values int) {
		vectors := (values + 7) / 8
		first := func(v int) int { return min(8*v, values-8) }
		for v := range vectors {
			e.set(sums[v], func() { e.Get(zero) })
		}
		each(values, func() {
			for v := range vectors {
				e.set(sums[v], func() { e.Get(sums[v], wE); e.Mem("v128.load8x8_s", uint32(first(v))); e.Op("i16x8.add") })
			}
		})
		if again := values % 8; again > 0 {
			var mask [4]uint32
			for i := 8 - again; i < 8; i++ {
				mask[i/2] |= 0xffff << (i % 2 * 16)
			}
			last := sums[vectors-1]
			e.set(last, func() { e.Get(last); e.V128(mask); e.Op("v128.and") })
		}
		e.Reach(y, 4*values)
		for v := range vectors {
			e.addWide(y, 4*first(v), sums[v], "low", av)
			e.addWide(y, 4*first(v)+16, sums[v], "high", av)
		}
		e.Advance(y, 4*values)
		e.Advance(w, values)
	}
	if n.known > 0 {
		block(n.known)
		return
	}
	for _, values := range []int{64, 32, 16, 8} {
		e.Count(left, values, func() { block(values) })
	}
	e.Count(left, 4, func() {
		e.set(sums[0], func() { e.Get(zero) })
		each(4, func() {
			e.set(sums[0], func() {
				e.Get(wE)
				e.Mem("v128.load32_zero", 0)
				e.Op("i16x8.extend_low_i8x16_s")
				e.Get(sums[0])
				e.Op("i16x8.add")
			})
		})
		e.addWide(y, 0, sums[0], "low", av)
		e.Advance(y, 16)
		e.Advance(w, 4)
	})
	e.Count(left, 1, func() {
		e.set(sum, func() { e.I32(0) })
		each(1, func() {
			e.set(sum, func() { e.Get(sum, wE); e.Mem("i32.load8_s", 0); e.Op("i32.add") })
		})
		e.Get(y, y)
		e.Mem("i32.load", 0)
		e.Get(sum, factor)
		e.Op("i32.mul", "i32.add")
		e.Mem("i32.store", 0)
		e.Advance(y, 4)
		e.Advance(w, 1)
	})
}

// AddInt8 writes native.Set.AddInt8 of n values.
func AddInt8(f *module.Func, y, a, b, ma, mb, c, shift, low, n module.Local) {
	e := emitter{f}
	y, a, b, n = e.CopyOf(y), e.CopyOf(a), e.CopyOf(b), e.CopyOf(n)
	splat := func(l module.Local, op string) module.Local {
		return e.local(module.V128, func() { e.Get(l); e.Op(op) })
	}
	mav, mbv, cv, lowv := splat(ma, "i32x4.splat"), splat(mb, "i32x4.splat"), splat(c, "i32x4.splat"), splat(low, "i8x16.splat")
	av, bv, v := e.Local(module.V128), e.Local(module.V128), e.Local(module.V128)
	eight := func(offset uint32) {
		e.set(av, func() { e.Get(a); e.Mem("v128.load8x8_u", offset) })
		e.set(bv, func() { e.Get(b); e.Mem("v128.load8x8_u", offset) })
		e.set(v, func() {
			for _, half := range []string{"low", "high"} {
				e.Get(av)
				e.Op("i32x4.extend_" + half + "_i16x8_u")
				e.Get(mav)
				e.Op("i32x4.mul")
				e.Get(bv)
				e.Op("i32x4.extend_" + half + "_i16x8_u")
				e.Get(mbv)
				e.Op("i32x4.mul", "i32x4.add")
				e.Get(cv)
				e.Op("i32x4.add")
				e.Get(shift)
				e.Op("i32x4.shr_s")
			}
			e.Op("i16x8.narrow_i32x4_s")
			e.Get(lowv) // the other eight are not used
			e.Op("i8x16.narrow_i16x8_u")
			e.Get(lowv)
			e.Op("i8x16.max_u")
		})
		e.Get(y, v)
		e.MemLane("v128.store64_lane", offset, 0)
	}
	for _, values := range []int{32, 8} {
		e.Count(n, values, func() {
			for _, l := range []module.Local{y, a, b} {
				e.Reach(l, values)
			}
			for i := 0; i < values; i += 8 {
				eight(uint32(i))
			}
			for _, l := range []module.Local{y, a, b} {
				e.Advance(l, values)
			}
		})
	}
	s := e.Local(module.I32)
	e.Count(n, 1, func() {
		e.set(s, func() {
			e.Get(a)
			e.Mem("i32.load8_u", 0)
			e.Get(ma)
			e.Op("i32.mul")
			e.Get(b)
			e.Mem("i32.load8_u", 0)
			e.Get(mb)
			e.Op("i32.mul", "i32.add")
			e.Get(c)
			e.Op("i32.add")
			e.Get(shift)
			e.Op("i32.shr_s")
		})
		e.set(s, func() { e.Get(s, low, s, low); e.Op("i32.gt_s", "select") })
		e.set(s, func() { e.smaller(s, 255) })
		e.Get(y, s)
		e.Mem("i32.store8", 0)
		for _, l := range []module.Local{y, a, b} {
			e.Advance(l, 1)
		}
	})
}
