package kernels

import "understudy/wasm/module"

// chunk is how many vectors of 4 values the loops of the vector kernels take at once.
const chunk = 8

// each has body compute n values of 4 bytes of every operand: vectors of 4, chunk of them as long as
// there are so many, and then what is left. It advances the operands past them.
func (e emitter) each(n number, body func(p part, offset int), operands ...module.Local) {
	if n.known > 0 {
		for _, o := range operands {
			e.Reach(o, 4*n.known)
		}
		for _, p := range pieces(n.known) {
			body(p.part, p.offset)
		}
		for _, o := range operands {
			e.Advance(o, 4*n.known)
		}
		return
	}
	advance := func(bytes int) {
		for _, o := range operands {
			e.Advance(o, bytes)
		}
	}
	e.Count(n.local, 4*chunk, func() {
		for _, o := range operands {
			e.Reach(o, 16*chunk)
		}
		for i := range chunk {
			body(4, 16*i)
		}
		advance(16 * chunk)
	})
	e.parts(n.local, func(p part) {
		body(p, 0)
		advance(4 * int(p))
	})
}

// eachRow repeats body for each of rows. Its n is the number of a row's values, and may be changed.
func (e emitter) eachRow(rows module.Local, n number, body func(n number)) {
	left := number{e.Local(module.I32), n.known}
	e.repeat(e.CopyOf(rows), func() {
		if n.known == 0 {
			e.set(left.local, func() { e.Get(n.local) })
		}
		body(left)
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
	y, x, n = e.CopyOf(y), e.CopyOf(x), e.CopyOf(n)
	av := e.local(module.V128, func() { e.Get(a); e.Op("f32x4.splat") })
	e.each(number{local: n}, func(p part, offset int) {
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
	y, x, n = e.CopyOf(y), e.CopyOf(x), e.CopyOf(n)
	e.each(number{local: n}, func(p part, offset int) {
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
	y, n = e.CopyOf(y), e.CopyOf(n)
	zero := e.zero()
	e.each(number{local: n}, func(p part, offset int) {
		e.update(p, y, offset, func() {
			e.load(p, y, offset)
			e.Get(zero)
			e.Op("f32x4.pmax") // keeps a NaN, and -0
			e.Get(zero)
			e.Op("f32x4.add")
		})
	}, y)
}

// MulAdd writes native.Set.MulAdd. Rows of known sizes have code of their own.
func MulAdd(f *module.Func, y, x, w, rows, n module.Local, known ...int) {
	e := emitter{f}
	y, x = e.CopyOf(y), e.CopyOf(x)
	wr := e.Local(module.I32)
	e.forSizes(n, known, func(n number) {
		e.eachRow(rows, n, func(n number) {
			e.set(wr, func() { e.Get(w) })
			e.each(n, func(p part, offset int) {
				e.update(p, y, offset, func() {
					e.load(p, y, offset)
					e.load(p, x, offset)
					e.load(p, wr, offset)
					e.Op("f32x4.mul", "f32x4.add")
				})
			}, y, x, wr)
		})
	})
}

// ScaleShift writes native.Set.ScaleShift. Rows of known sizes have code of their own.
func ScaleShift(f *module.Func, y, scale, shift, rows, n module.Local, known ...int) {
	e := emitter{f}
	y = e.CopyOf(y)
	a, b := e.Local(module.I32), e.Local(module.I32)
	e.forSizes(n, known, func(n number) {
		e.eachRow(rows, n, func(n number) {
			e.set(a, func() { e.Get(scale) })
			e.set(b, func() { e.Get(shift) })
			e.each(n, func(p part, offset int) {
				e.update(p, y, offset, func() {
					e.load(p, y, offset)
					e.load(p, a, offset)
					e.Op("f32x4.mul")
					e.load(p, b, offset)
					e.Op("f32x4.add")
				})
			}, y, a, b)
		})
	})
}

// columnVectors is how many vectors of 4 sums Columns keeps in registers.
const columnVectors = 14

// Columns writes native.Set.Columns of n values and as many columns as events. Columns of known sizes have code of
// their own.
func Columns(f *module.Func, y, w, at, a, n, events module.Local, known ...int) {
	e := emitter{f}
	e.forSizes(n, known, func(n number) {
		e.columns(e.CopyOf(y), e.CopyOf(w), at, a, number{e.CopyOf(n.local), n.known}, events)
	})
}

// Bags writes native.Set.Bags of as many rows as there are in ends. Rows of known sizes have code of their own.
func Bags(f *module.Func, y, w, at, a, ends, rows, n module.Local, known ...int) {
	e := emitter{f}
	y, at, a, ends = e.CopyOf(y), e.CopyOf(at), e.CopyOf(a), e.CopyOf(ends)
	from, to, events := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	yr, wr, n4 := e.Local(module.I32), e.Local(module.I32), e.times4(n)
	e.set(from, func() { e.I32(0) })
	e.forSizes(n, known, func(n number) {
		e.eachRow(rows, n, func(n number) {
			e.set(to, func() { e.Get(ends); e.Mem("i32.load", 0) })
			e.set(events, func() { e.Get(to, from); e.Op("i32.sub") })
			e.Get(events)
			e.If(func() {
				e.set(yr, func() { e.Get(y) })
				e.set(wr, func() { e.Get(w) })
				e.columns(yr, wr, at, a, n, events)
				for _, l := range []module.Local{at, a} {
					e.set(l, func() { e.Get(l, events); e.I32(2); e.Op("i32.shl", "i32.add") })
				}
			})
			e.set(from, func() { e.Get(to) })
			e.Advance(ends, 4)
			e.advanceBy(y, n4)
		})
	})
}

// columns adds columns to the n values at y. It changes y, w and n.
func (e emitter) columns(y, w, at, a module.Local, n number, events module.Local) {
	sums := make([]module.Local, columnVectors)
	for v := range sums {
		sums[v] = e.Local(module.V128)
	}
	atE, aE, wE, left, av := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32), e.Local(module.I32), e.Local(module.V128)
	// block adds to so many values.
	block := func(values int) {
		parts := pieces(values)
		e.Reach(y, 4*values)
		for v, p := range parts {
			e.set(sums[v], func() { e.load(p.part, y, p.offset) })
		}
		e.set(atE, func() { e.Get(at) })
		e.set(aE, func() { e.Get(a) })
		unroll := []int{4, 1}
		if values == 4*columnVectors {
			unroll = []int{8, 4, 2, 1}
		}
		e.turns(left, number{local: events}, unroll, func(columns int) {
			e.Reach(atE, 4*columns)
			e.Reach(aE, 4*columns)
			for c := range columns {
				e.set(wE, func() {
					e.Get(w, atE)
					e.Mem("i32.load", uint32(4*c))
					e.I32(2)
					e.Op("i32.shl", "i32.add")
				})
				e.set(av, func() { e.Get(aE); e.Mem("f32.load", uint32(4*c)); e.Op("f32x4.splat") })
				e.Reach(wE, 4*values)
				for v, p := range parts {
					e.set(sums[v], func() {
						e.Get(sums[v])
						e.load(p.part, wE, p.offset)
						e.Get(av)
						e.Op("f32x4.mul", "f32x4.add")
					})
				}
			}
			e.Advance(atE, 4*columns)
			e.Advance(aE, 4*columns)
		})
		e.Reach(y, 4*values)
		for v, p := range parts {
			e.store(p.part, y, p.offset, sums[v])
		}
		e.Advance(y, 4*values)
		e.Advance(w, 4*values)
	}
	if n.known > 0 {
		vectors := (n.known + 3) / 4
		blocks := (vectors + columnVectors - 1) / columnVectors
		size := (vectors + blocks - 1) / blocks * 4
		for left := n.known; left > 0; left -= size {
			block(min(left, size))
		}
		return
	}
	for _, values := range []int{4 * columnVectors, 32, 16, 8, 4, 2, 1} {
		e.Count(n.local, values, func() { block(values) })
	}
}
