package kernels

import "understudy/wasm/module"

// Requant writes native.Set.Requant.
func Requant(f *module.Func, y, x, bias, mult, shift, low, zero, rows, n, ldx, ldy module.Local) {
	e := emitter{f}
	r := newRequant(e, y, x, bias, mult, shift, low, zero)
	y, x, ldx = e.copyOf(y), e.copyOf(x), e.times4(ldx)
	left := e.Local(module.I32)
	e.repeat(e.copyOf(rows), func() {
		e.set(r.y, func() { e.Get(y) })
		e.set(r.x, func() { e.Get(x) })
		e.set(r.bias, func() { e.Get(bias) })
		e.set(r.mult, func() { e.Get(mult) })
		e.set(left, func() { e.Get(n) })
		e.count(left, 1, func() {
			r.scalar()
			r.advance(1)
		})
		e.advanceBy(y, ldy)
		e.advanceBy(x, ldx)
	})
}

// requant is what Requant has at hand in a row.
type requant struct {
	emitter
	y, x, bias, mult module.Local // addresses of the next values
	shift, half      module.Local // i64
	low, zero        module.Local // i64
	v                module.Local
}

func newRequant(e emitter, y, x, bias, mult, shift, low, zero module.Local) *requant {
	r := &requant{emitter: e, y: e.Local(module.I32), x: e.Local(module.I32), bias: e.Local(module.I32), mult: e.Local(module.I32), v: e.Local(module.I64)}
	wide := func(l module.Local) module.Local {
		return e.local(module.I64, func() { e.Get(l); e.Op("i64.extend_i32_u") })
	}
	r.shift, r.low, r.zero = wide(shift), wide(low), wide(zero)
	r.half = e.half(r.shift)
	return r
}

// half is 1<<(shift-1).
func (e emitter) half(shift module.Local) module.Local {
	return e.local(module.I64, func() {
		e.I64(1)
		e.Get(shift)
		e.I64(1)
		e.Op("i64.sub", "i64.shl")
	})
}

func (r *requant) advance(n int) {
	r.emitter.advance(r.y, n)
	for _, l := range []module.Local{r.x, r.bias, r.mult} {
		r.emitter.advance(l, 4*n)
	}
}

// scalar computes one value.
func (r *requant) scalar() {
	r.set(r.v, func() {
		r.Get(r.x)
		r.Mem("i32.load", 0)
		r.Get(r.bias)
		r.Mem("i32.load", 0)
		r.Op("i32.add", "i64.extend_i32_s")
		r.Get(r.mult)
		r.Mem("i64.load32_s", 0)
		r.Op("i64.mul")
		r.Get(r.half)
		r.Op("i64.add")
		r.Get(r.shift)
		r.Op("i64.shr_s")
		r.Get(r.zero)
		r.Op("i64.add")
	})
	r.set(r.v, func() { r.Get(r.v, r.low, r.v, r.low); r.Op("i64.gt_s", "select") })
	r.Get(r.y, r.v)
	r.I64(255)
	r.Get(r.v)
	r.I64(255)
	r.Op("i64.lt_s", "select")
	r.Mem("i64.store8", 0)
}

// Leak writes native.Set.Leak. Its sums need 64 bits, of which WebAssembly's vectors multiply and
// shift two with more instructions than twice one.
func Leak(f *module.Func, y, x, decay, mult, shift, rows, n module.Local) {
	e := emitter{f}
	y, x, shift = e.copyOf(y), e.copyOf(x), e.local(module.I64, func() { e.Get(shift); e.Op("i64.extend_i32_u") })
	half := e.half(shift)
	left, decayJ, multJ, v := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32), e.Local(module.I64)
	product := func(a, b module.Local, offset uint32) {
		e.Get(a)
		e.Mem("i64.load32_s", offset)
		e.Get(b)
		e.Mem("i64.load32_s", offset)
		e.Op("i64.mul")
	}
	const low, high = -1 << 31, 1<<31 - 1
	limit := func(bound int64, op string) {
		e.set(v, func() { e.Get(v); e.I64(bound); e.Get(v); e.I64(bound); e.Op(op, "select") })
	}
	each := func(values int) {
		for _, l := range []module.Local{y, x, decayJ, multJ} {
			e.reach(l, 4*values)
		}
		for i := range uint32(values) {
			e.set(v, func() {
				product(y, decayJ, 4*i)
				e.I64(1 << 30)
				e.Op("i64.add")
				e.I64(31)
				e.Op("i64.shr_s")
				product(x, multJ, 4*i)
				e.Get(half)
				e.Op("i64.add")
				e.Get(shift)
				e.Op("i64.shr_s", "i64.add")
			})
			limit(low, "i64.gt_s")
			limit(high, "i64.lt_s")
			e.Get(y, v)
			e.Mem("i64.store32", 4*i)
		}
		for _, l := range []module.Local{y, x, decayJ, multJ} {
			e.advance(l, 4*values)
		}
	}
	e.repeat(e.copyOf(rows), func() {
		e.set(decayJ, func() { e.Get(decay) })
		e.set(multJ, func() { e.Get(mult) })
		e.turns(left, n, 4, each)
	})
}
