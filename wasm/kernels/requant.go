package kernels

import (
	"math"

	"understudy/wasm/module"
)

// Requant writes native.Set.Requant.
//
// WebAssembly's vectors multiply integers to 64 bits as slowly as its scalars, so the products are float32. Results
// have 9 bits before they are limited, so a product of 24 bits leaves no doubt about one, unless it lies next to the middle
// between two: then scalars compute the values of the turn.
func Requant(f *module.Func, y, x, bias, mult, shift, low, zero, rows, n, ldx, ldy module.Local) {
	e := emitter{f}
	r := newRequant(e, y, x, bias, mult, shift, low, zero)
	y, x, ldx = e.CopyOf(y), e.CopyOf(x), e.times4(ldx)
	left, back := e.Local(module.I32), e.Local(module.I32)
	e.repeat(e.CopyOf(rows), func() {
		e.set(r.y, func() { e.Get(y) })
		e.set(r.x, func() { e.Get(x) })
		e.set(r.bias, func() { e.Get(bias) })
		e.set(r.mult, func() { e.Get(mult) })
		e.set(left, func() { e.Get(n) })
		e.Block(func() {
			for _, values := range []int{16, 8} {
				e.AtLeast(n, values)
				e.If(func() {
					if values == 16 {
						e.Count(left, 32, func() { r.turn(32) })
					}
					e.while(left, func() {
						// The last turn may begin within the one before.
						e.Get(left)
						e.I32(int32(values))
						e.Op("i32.lt_s")
						e.If(func() {
							e.set(back, func() { e.Get(left); e.I32(int32(values)); e.Op("i32.sub") })
							e.advanceBy(r.y, back)
							e.set(back, func() { e.Get(back); e.I32(2); e.Op("i32.shl") })
							for _, l := range []module.Local{r.x, r.bias, r.mult} {
								e.advanceBy(l, back)
							}
							e.set(left, func() { e.I32(int32(values)) })
						})
						r.turn(values)
						e.Advance(left, -values)
					})
					e.Br(1)
				})
			}
			e.repeat(left, r.scalar)
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
	scalars          module.Local

	most, least, round, bound, size module.Local // f32
	zeros, lows                     module.Local // of 16 and 8 bits
	product, worst                  module.Local
	results                         [8]module.Local
}

func newRequant(e emitter, y, x, bias, mult, shift, low, zero module.Local) *requant {
	r := &requant{emitter: e, y: e.Local(module.I32), x: e.Local(module.I32), bias: e.Local(module.I32), mult: e.Local(module.I32),
		v: e.Local(module.I64), scalars: e.Local(module.I32), product: e.Local(module.V128), worst: e.Local(module.V128)}
	wide := func(l module.Local) module.Local {
		return e.local(module.I64, func() { e.Get(l); e.Op("i64.extend_i32_u") })
	}
	r.shift, r.low, r.zero = wide(shift), wide(low), wide(zero)
	r.half = e.half(r.shift)
	// splat is v * 2^shift.
	splat := func(v float32) module.Local {
		return e.local(module.V128, func() {
			e.I32(int32(math.Float32bits(v)))
			e.Get(shift)
			e.I32(23)
			e.Op("i32.shl", "i32.add", "i32x4.splat")
		})
	}
	// What is beyond the limits gives a result beyond 0 to 255 with every zero point. Within them the error of a product is
	// at most 3*257*2^-24 of 1<<shift: three roundings. One that is further from its multiple of 1<<shift than 0.5 - 2^-14
	// is in doubt.
	r.most, r.least = splat(257), splat(-257)
	r.round = splat(3 << 22) // added to a product, leaves its multiple in the low bits
	r.bound = splat(0.5 - 1./(1<<14))
	r.size = e.local(module.V128, func() { e.I32(math.MaxInt32); e.Op("i32x4.splat") }) // without the sign
	r.zeros = e.local(module.V128, func() { e.Get(zero); e.Op("i16x8.splat") })
	r.lows = e.local(module.V128, func() { e.Get(low); e.Op("i8x16.splat") })
	for i := range r.results {
		r.results[i] = e.Local(module.V128)
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
	r.Advance(r.y, n)
	for _, l := range []module.Local{r.x, r.bias, r.mult} {
		r.Advance(l, 4*n)
	}
}

// turn computes 8, 16 or 32 values, four at a time.
func (r *requant) turn(values int) {
	for _, l := range []module.Local{r.x, r.bias, r.mult} {
		r.Reach(l, 4*values)
	}
	for i := range values / 4 {
		r.set(r.product, func() {
			r.Get(r.most, r.least)
			r.load(4, r.x, 16*i)
			r.load(4, r.bias, 16*i)
			r.Op("i32x4.add", "f32x4.convert_i32x4_s")
			r.load(4, r.mult, 16*i)
			r.Op("f32x4.convert_i32x4_s", "f32x4.mul", "f32x4.pmax", "f32x4.pmin")
		})
		r.set(r.results[i], func() { r.Get(r.product, r.round); r.Op("f32x4.add") })
		r.set(r.product, func() { // its distance from the multiple
			r.Get(r.product, r.results[i], r.round)
			r.Op("f32x4.sub", "f32x4.sub")
			r.Get(r.size)
			r.Op("v128.and")
		})
		if i == 0 {
			r.set(r.worst, func() { r.Get(r.product) })
		} else {
			r.set(r.worst, func() { r.Get(r.worst, r.product); r.Op("f32x4.pmax") })
		}
		r.set(r.results[i], func() { r.Get(r.results[i], r.round); r.Op("i32x4.sub") })
	}
	r.Get(r.worst, r.bound)
	r.Op("f32x4.gt", "v128.any_true")
	r.IfElse(func() {
		r.set(r.scalars, func() { r.I32(int32(values)) })
		r.repeatAtLeastOnce(r.scalars, r.scalar)
	}, func() {
		r.Reach(r.y, values)
		for i := 0; i < values; i += 16 {
			first := r.results[i/4:]
			r.set(first[0], func() {
				for _, at := range []int{0, min(2, values/4-2)} { // of 8 values the upper half is not used
					r.Get(first[at], first[at+1])
					r.Op("i16x8.narrow_i32x4_s")
					r.Get(r.zeros)
					r.Op("i16x8.add_sat_s")
				}
				r.Op("i8x16.narrow_i16x8_u")
				r.Get(r.lows)
				r.Op("i8x16.max_u")
			})
			r.Get(r.y, first[0])
			if values == 8 {
				r.MemLane("v128.store64_lane", 0, 0)
			} else {
				r.Mem("v128.store", uint32(i))
			}
		}
		r.advance(values)
	})
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
	y, x, shift = e.CopyOf(y), e.CopyOf(x), e.local(module.I64, func() { e.Get(shift); e.Op("i64.extend_i32_u") })
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
			e.Reach(l, 4*values)
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
			e.Advance(l, 4*values)
		}
	}
	e.repeat(e.CopyOf(rows), func() {
		e.set(decayJ, func() { e.Get(decay) })
		e.set(multJ, func() { e.Get(mult) })
		e.turns(left, number{local: n}, []int{4, 1}, each)
	})
}
