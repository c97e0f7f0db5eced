package kernels

import "understudy/wasm/module"

// Requant writes native.Set.Requant.
//
// WebAssembly's vectors multiply integers to 64 bits as slowly as its scalars, so the products are float64. Only
// results of 9 bits count, others are limited: up to a shift of exactShift their products have at
// most 52 bits and are exact, and beyond a product so close to the middle between two results
// that its rounding could matter has its eight values computed by scalars.
func Requant(f *module.Func, y, x, bias, mult, shift, low, zero, rows, n, ldx, ldy module.Local) {
	e := emitter{f}
	r := newRequant(e, y, x, bias, mult, shift, low, zero)
	y, x, ldx = e.copyOf(y), e.copyOf(x), e.times4(ldx)
	left, back := e.Local(module.I32), e.Local(module.I32)
	// eights computes the row by eights, the last of which may begin within the one before.
	eights := func(exact bool) {
		e.while(left, func() {
			e.Get(left)
			e.I32(8)
			e.Op("i32.lt_s")
			e.If(func() {
				e.set(back, func() { e.Get(left); e.I32(8); e.Op("i32.sub") })
				e.advanceBy(r.y, back)
				e.set(back, func() { e.Get(back); e.I32(2); e.Op("i32.shl") })
				for _, l := range []module.Local{r.x, r.bias, r.mult} {
					e.advanceBy(l, back)
				}
				e.set(left, func() { e.I32(8) })
			})
			r.eight(exact)
			e.advance(left, -8)
		})
	}
	e.repeat(e.copyOf(rows), func() {
		e.set(r.y, func() { e.Get(y) })
		e.set(r.x, func() { e.Get(x) })
		e.set(r.bias, func() { e.Get(bias) })
		e.set(r.mult, func() { e.Get(mult) })
		e.set(left, func() { e.Get(n) })
		e.atLeast(n, 8)
		e.atLeast(shift, leastShift)
		e.Op("i32.and")
		e.IfElse(func() {
			e.atLeast(shift, exactShift+1)
			e.IfElse(func() { eights(false) }, func() { eights(true) })
		}, func() {
			e.repeat(left, r.scalar)
		})
		e.advanceBy(y, ldy)
		e.advanceBy(x, ldx)
	})
}

// Shifts of the vectors: from leastShift on every result is within 32 bits.
const (
	leastShift = 31
	exactShift = 43
)

// requant is what Requant has at hand in a row.
type requant struct {
	emitter
	y, x, bias, mult module.Local // addresses of the next values
	shift, half      module.Local // i64
	low, zero        module.Local // i64
	v                module.Local

	round                        module.Local // f64: added to a product, leaves its multiple of 1<<shift in the low bits
	bound                        module.Local // f64: further from its multiple than this, a product may belong to another
	zeros, lows, even            module.Local // of 16 bits, in even lanes
	sums, product, result, worst module.Local
	results                      [2]module.Local
}

func newRequant(e emitter, y, x, bias, mult, shift, low, zero module.Local) *requant {
	r := &requant{emitter: e, y: e.Local(module.I32), x: e.Local(module.I32), bias: e.Local(module.I32), mult: e.Local(module.I32), v: e.Local(module.I64)}
	wide := func(l module.Local) module.Local {
		return e.local(module.I64, func() { e.Get(l); e.Op("i64.extend_i32_u") })
	}
	r.shift, r.low, r.zero = wide(shift), wide(low), wide(zero)
	r.half = e.half(r.shift)
	// 1.5 * 2^(52+shift) and 2^(shift-1) - 2^10: a product's rounding error is below 2^9.
	r.round = e.local(module.V128, func() {
		e.I64(1023 + 52)
		e.Get(r.shift)
		e.Op("i64.add")
		e.I64(52)
		e.Op("i64.shl")
		e.I64(1 << 51)
		e.Op("i64.or", "i64x2.splat")
	})
	r.bound = e.local(module.V128, func() {
		e.Get(r.half)
		e.I64(1 << 10)
		e.Op("i64.sub", "f64.convert_i64_s", "f64x2.splat")
	})
	r.zeros = e.local(module.V128, func() { e.Get(zero); e.Op("i32x4.splat") })
	r.lows = e.local(module.V128, func() { e.Get(low); e.Op("i32x4.splat") })
	r.even = e.local(module.V128, func() { e.I32(0xffff); e.Op("i32x4.splat") })
	for _, l := range []*module.Local{&r.sums, &r.product, &r.result, &r.worst, &r.results[0], &r.results[1]} {
		*l = e.Local(module.V128)
	}
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

// eight computes eight values, two at a time.
func (r *requant) eight(exact bool) {
	for _, l := range []module.Local{r.x, r.bias, r.mult} {
		r.reach(l, 32)
	}
	for i := range 4 {
		offset := uint32(8 * i)
		r.set(r.product, func() {
			for _, l := range []module.Local{r.x, r.bias} {
				r.Get(l)
				r.Mem("v128.load64_zero", offset)
			}
			r.Op("i32x4.add", "f64x2.convert_low_i32x4_s")
			r.Get(r.mult)
			r.Mem("v128.load64_zero", offset)
			r.Op("f64x2.convert_low_i32x4_s", "f64x2.mul")
			if exact { // the middle between two multiples goes up
				r.V128([4]uint32{0, 0x3fe00000, 0, 0x3fe00000}) // 0.5
				r.Op("f64x2.add")
			}
		})
		r.set(r.result, func() { r.Get(r.product, r.round); r.Op("f64x2.add") })
		if !exact {
			r.set(r.product, func() {
				r.Get(r.product, r.result, r.round)
				r.Op("f64x2.sub", "f64x2.sub", "f64x2.abs")
			})
			if i == 0 {
				r.set(r.worst, func() { r.Get(r.product) })
			} else {
				r.set(r.worst, func() { r.Get(r.worst, r.product); r.Op("f64x2.pmax") })
			}
		}
		if i%2 == 0 {
			r.set(r.results[i/2], func() { r.Get(r.result) })
			continue
		}
		// The low halves are results, limited to 16 bits; the others are not used.
		r.set(r.results[i/2], func() {
			r.Get(r.results[i/2], r.result)
			r.Op("i16x8.narrow_i32x4_s")
			r.Get(r.zeros)
			r.Op("i16x8.add_sat_s")
			r.Get(r.lows)
			r.Op("i16x8.max_s")
			r.Get(r.even)
			r.Op("v128.and")
		})
	}
	store := func() {
		r.set(r.result, func() {
			r.Get(r.results[0], r.results[1])
			r.Op("i16x8.narrow_i32x4_s")
			r.Get(r.result) // not used
			r.Op("i8x16.narrow_i16x8_u")
		})
		r.Get(r.y, r.result)
		r.MemLane("v128.store64_lane", 0, 0)
		r.advance(8)
	}
	if exact {
		store()
		return
	}
	r.Get(r.worst, r.bound)
	r.Op("f64x2.gt", "v128.any_true")
	r.IfElse(func() {
		for range 8 {
			r.scalar()
		}
	}, store)
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
	r.advance(1)
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
		e.turns(left, n, []int{4, 1}, each)
	})
}
