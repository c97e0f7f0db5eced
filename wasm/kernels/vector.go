package kernels

import "understudy/wasm/module"

// chunk is how many vectors of 4 values the loops of the vector kernels take at once.
const chunk = 8

// each has body compute n values of 4 bytes of every operand: vectors of 4, chunk of them as long as
// there are so many, and then what is left. It advances the operands past them.
func (e emitter) each(n module.Local, body func(p part, offset int), operands ...module.Local) {
	advance := func(bytes int) {
		for _, o := range operands {
			e.advance(o, bytes)
		}
	}
	e.count(n, 4*chunk, func() {
		for _, o := range operands {
			e.reach(o, 16*chunk)
		}
		for i := range chunk {
			body(4, 16*i)
		}
		advance(16 * chunk)
	})
	e.parts(n, func(p part) {
		body(p, 0)
		advance(4 * int(p))
	})
}

// update stores at y+offset what expr leaves on the stack.
func (e emitter) update(p part, y module.Local, offset int, expr func()) {
	if p == 4 {
		e.Get(y)
		expr()
		e.Mem("v128.store", uint32(offset))
		return
	}
	v := e.local(module.V128, expr)
	e.store(p, y, offset, v)
}

// Axpy writes native.Set.Axpy of n values.
func Axpy(f *module.Func, y, x, n, a module.Local) {
	e := emitter{f}
	y, x, n = e.copyOf(y), e.copyOf(x), e.copyOf(n)
	av := e.local(module.V128, func() { e.Get(a); e.Op("f32x4.splat") })
	e.each(n, func(p part, offset int) {
		e.update(p, y, offset, func() {
			e.load(p, y, offset)
			e.load(p, x, offset)
			e.Get(av)
			e.Op("f32x4.mul", "f32x4.add")
		})
	}, y, x)
}

// Add writes native.Set.Add of n values.
func Add(f *module.Func, y, x, n module.Local) {
	e := emitter{f}
	y, x, n = e.copyOf(y), e.copyOf(x), e.copyOf(n)
	e.each(n, func(p part, offset int) {
		e.update(p, y, offset, func() {
			e.load(p, y, offset)
			e.load(p, x, offset)
			e.Op("f32x4.add")
		})
	}, y, x)
}

// ReLU writes native.Set.ReLU of n values.
func ReLU(f *module.Func, y, n module.Local) {
	e := emitter{f}
	y, n = e.copyOf(y), e.copyOf(n)
	zero := e.Local(module.V128)
	e.each(n, func(p part, offset int) {
		e.update(p, y, offset, func() {
			e.load(p, y, offset)
			e.Get(zero)
			e.Op("f32x4.pmax") // keeps a NaN, and -0
			e.Get(zero)
			e.Op("f32x4.add")
		})
	}, y)
}

// MulAdd writes native.Set.MulAdd.
func MulAdd(f *module.Func, y, x, w, rows, n module.Local) {
	e := emitter{f}
	y, x = e.copyOf(y), e.copyOf(x)
	left, wr := e.Local(module.I32), e.Local(module.I32)
	e.repeat(e.copyOf(rows), func() {
		e.set(left, func() { e.Get(n) })
		e.set(wr, func() { e.Get(w) })
		e.each(left, func(p part, offset int) {
			e.update(p, y, offset, func() {
				e.load(p, y, offset)
				e.load(p, x, offset)
				e.load(p, wr, offset)
				e.Op("f32x4.mul", "f32x4.add")
			})
		}, y, x, wr)
	})
}

// ScaleShift writes native.Set.ScaleShift.
func ScaleShift(f *module.Func, y, scale, shift, rows, n module.Local) {
	e := emitter{f}
	y = e.copyOf(y)
	left, a, b := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	e.repeat(e.copyOf(rows), func() {
		e.set(left, func() { e.Get(n) })
		e.set(a, func() { e.Get(scale) })
		e.set(b, func() { e.Get(shift) })
		e.each(left, func(p part, offset int) {
			e.update(p, y, offset, func() {
				e.load(p, y, offset)
				e.load(p, a, offset)
				e.Op("f32x4.mul")
				e.load(p, b, offset)
				e.Op("f32x4.add")
			})
		}, y, a, b)
	})
}

// columnVectors is how many vectors of 4 sums Columns keeps in registers.
const columnVectors = 12

// Columns writes native.Set.Columns of n values and as many columns as events.
func Columns(f *module.Func, y, w, at, a, n, events module.Local) {
	e := emitter{f}
	e.columns(e.copyOf(y), e.copyOf(w), at, a, e.copyOf(n), events)
}

// Bags writes native.Set.Bags of as many rows as there are in ends.
func Bags(f *module.Func, y, w, at, a, ends, rows, n module.Local) {
	e := emitter{f}
	y, at, a, ends = e.copyOf(y), e.copyOf(at), e.copyOf(a), e.copyOf(ends)
	from, to, events := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	yr, wr, left := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	n4 := e.times4(n)
	e.repeat(e.copyOf(rows), func() {
		e.set(to, func() { e.Get(ends); e.Mem("i32.load", 0) })
		e.set(events, func() { e.Get(to, from); e.Op("i32.sub") })
		e.Get(events)
		e.If(func() {
			e.set(yr, func() { e.Get(y) })
			e.set(wr, func() { e.Get(w) })
			e.set(left, func() { e.Get(n) })
			e.columns(yr, wr, at, a, left, events)
			for _, l := range []module.Local{at, a} {
				e.set(l, func() { e.Get(l, events); e.I32(2); e.Op("i32.shl", "i32.add") })
			}
		})
		e.set(from, func() { e.Get(to) })
		e.advance(ends, 4)
		e.advanceBy(y, n4)
	})
}

// columns adds columns to the n values at y. It advances y and w and takes n down to 0.
func (e emitter) columns(y, w, at, a, n, events module.Local) {
	sums := make([]module.Local, columnVectors)
	for v := range sums {
		sums[v] = e.Local(module.V128)
	}
	atE, aE, wE, left, av := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32), e.Local(module.I32), e.Local(module.V128)
	block := func(vectors int, p part) {
		size := 4 * int(p) * vectors // of a block's values
		e.count(n, vectors*int(p), func() {
			e.reach(y, size)
			for v := range vectors {
				e.set(sums[v], func() { e.load(p, y, 16*v) })
			}
			e.set(atE, func() { e.Get(at) })
			e.set(aE, func() { e.Get(a) })
			e.turns(left, events, []int{4, 1}, func(columns int) {
				e.reach(atE, 4*columns)
				e.reach(aE, 4*columns)
				for c := range columns {
					e.set(wE, func() {
						e.Get(w, atE)
						e.Mem("i32.load", uint32(4*c))
						e.I32(2)
						e.Op("i32.shl", "i32.add")
					})
					e.set(av, func() { e.Get(aE); e.Mem("f32.load", uint32(4*c)); e.Op("f32x4.splat") })
					e.reach(wE, size)
					for v := range vectors {
						e.set(sums[v], func() {
							e.Get(sums[v])
							e.load(p, wE, 16*v)
							e.Get(av)
							e.Op("f32x4.mul", "f32x4.add")
						})
					}
				}
				e.advance(atE, 4*columns)
				e.advance(aE, 4*columns)
			})
			e.reach(y, size)
			for v := range vectors {
				e.store(p, y, 16*v, sums[v])
			}
			e.advance(y, size)
			e.advance(w, size)
		})
	}
	for _, vectors := range []int{columnVectors, 8, 4, 2, 1} {
		block(vectors, 4)
	}
	block(1, 2)
	block(1, 1)
}
