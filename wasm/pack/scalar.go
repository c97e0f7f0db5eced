package pack

import "understudy/wasm/module"

// Placeholders for package kernels: scalar code.

func words(at module.Local, i value) value { return add(local(at), times(i, 4)) }

var scalar = map[string]func(g *generator) *module.Func{
	"MulAdd": func(g *generator) *module.Func {
		f := g.function(i32s(5))
		y, x, w, rows, n := f.Param(0), f.Param(1), f.Param(2), f.Param(3), f.Param(4)
		f.each(local(rows), func(r module.Local) {
			f.each(local(n), func(j module.Local) {
				at := f.let(add(mul(local(r), local(n)), local(j)))
				f.store("f32.store", words(y, local(at)), 0, op("f32.add", loadAs("f32.load", words(y, local(at)), 0), op("f32.mul", loadAs("f32.load", words(x, local(at)), 0), loadAs("f32.load", words(w, local(j)), 0))))
			})
		})
		return f.Func
	},
	"ScaleShift": func(g *generator) *module.Func {
		f := g.function(i32s(5))
		y, scale, shift, rows, n := f.Param(0), f.Param(1), f.Param(2), f.Param(3), f.Param(4)
		f.each(local(rows), func(r module.Local) {
			f.each(local(n), func(j module.Local) {
				at := f.let(words(y, add(mul(local(r), local(n)), local(j))))
				f.store("f32.store", local(at), 0, op("f32.add", op("f32.mul", loadAs("f32.load", local(at), 0), loadAs("f32.load", words(scale, local(j)), 0)), loadAs("f32.load", words(shift, local(j)), 0)))
			})
		})
		return f.Func
	},
	"Add": func(g *generator) *module.Func {
		f := g.function(i32s(3))
		f.each(f.param(2), func(j module.Local) {
			at := f.let(words(f.Param(0), local(j)))
			f.store("f32.store", local(at), 0, op("f32.add", loadAs("f32.load", local(at), 0), loadAs("f32.load", words(f.Param(1), local(j)), 0)))
		})
		return f.Func
	},
	"ReLU": func(g *generator) *module.Func {
		f := g.function(i32s(2))
		f.each(f.param(1), func(j module.Local) {
			at := f.let(words(f.Param(0), local(j)))
			f.store("f32.store", local(at), 0, op("f32.max", loadAs("f32.load", local(at), 0), single(0)))
		})
		return f.Func
	},
	"Columns": func(g *generator) *module.Func {
		f := g.function(i32s(6))
		y, n, w, at, a := f.Param(0), f.Param(1), f.Param(2), f.Param(3), f.Param(4)
		f.each(f.param(5), func(e module.Local) {
			from := f.let(words(w, load(words(at, local(e)), 0)))
			f.each(local(n), func(j module.Local) {
				to := f.let(words(y, local(j)))
				f.store("f32.store", local(to), 0, op("f32.add", loadAs("f32.load", local(to), 0), op("f32.mul", loadAs("f32.load", words(a, local(e)), 0), loadAs("f32.load", words(from, local(j)), 0))))
			})
		})
		return f.Func
	},
	"silu": func(g *generator) *module.Func {
		exp := scalarExp(g)
		return scalarMap(g, func(f code, x module.Local) value {
			f.set(x, op("f32.max", local(x), single(-89)))
			return op("f32.add", op("f32.div", local(x), op("f32.add", single(1), result(exp, op("f32.max", op("f32.sub", single(0), local(x)), single(-88))))), single(0))
		})
	},
	"tanh":        func(g *generator) *module.Func { return scalarTanh(g, 2.88539008, 1) },
	"scaled_tanh": func(g *generator) *module.Func { return scalarTanh(g, 1.92359339, 1.7159) },

	"GemmInt8": func(g *generator) *module.Func {
		f := g.function(i32s(8))
		y, x, w, rows, in, out, ldx, ldy := f.Param(0), f.Param(1), f.Param(2), f.Param(3), f.Param(4), f.Param(5), f.Param(6), f.Param(7)
		f.each(local(rows), func(r module.Local) {
			f.each(local(in), func(i module.Local) {
				v := f.let(loadAs("i32.load8_u", add(local(x), add(mul(local(r), local(ldx)), local(i))), 0))
				f.each(local(out), func(o module.Local) {
					to := f.let(words(y, add(mul(local(r), local(ldy)), local(o))))
					at := add(times(add(mul(op("i32.shr_u", local(i), num(2)), local(out)), local(o)), 4), op("i32.and", local(i), num(3)))
					f.store("i32.store", local(to), 0, add(load(local(to), 0), mul(local(v), loadAs("i32.load8_s", add(local(w), at), 0))))
				})
			})
		})
		return f.Func
	},
	"MulAddInt8": func(g *generator) *module.Func {
		f := g.function(i32s(7))
		y, x, w, rows, n, ldx, ldy := f.Param(0), f.Param(1), f.Param(2), f.Param(3), f.Param(4), f.Param(5), f.Param(6)
		f.each(local(rows), func(r module.Local) {
			f.each(local(n), func(j module.Local) {
				to := f.let(words(y, add(mul(local(r), local(ldy)), local(j))))
				f.store("i32.store", local(to), 0, add(load(local(to), 0), mul(loadAs("i32.load8_u", add(local(x), add(mul(local(r), local(ldx)), local(j))), 0), loadAs("i32.load8_s", add(local(w), local(j)), 0))))
			})
		})
		return f.Func
	},
	"ColumnsInt8": func(g *generator) *module.Func {
		f := g.function(i32s(6))
		y, n, w, at, a := f.Param(0), f.Param(1), f.Param(2), f.Param(3), f.Param(4)
		f.each(f.param(5), func(e module.Local) {
			from := f.let(add(local(w), load(words(at, local(e)), 0)))
			f.each(local(n), func(j module.Local) {
				to := f.let(words(y, local(j)))
				f.store("i32.store", local(to), 0, add(load(local(to), 0), mul(load(words(a, local(e)), 0), loadAs("i32.load8_s", add(local(from), local(j)), 0))))
			})
		})
		return f.Func
	},
	"Requant": func(g *generator) *module.Func {
		f := g.function(i32s(11))
		y, x, bias, mult, shift, low, zero, rows, n, ldx, ldy := f.Param(0), f.Param(1), f.Param(2), f.Param(3), f.Param(4), f.Param(5), f.Param(6), f.Param(7), f.Param(8), f.Param(9), f.Param(10)
		s := f.letAs(module.I64, op("i64.extend_i32_u", local(shift)))
		v := f.Local(module.I64)
		f.each(local(rows), func(r module.Local) {
			f.each(local(n), func(j module.Local) {
				f.set(v, op("i64.extend_i32_s", add(load(words(x, add(mul(local(r), local(ldx)), local(j))), 0), load(words(bias, local(j)), 0))))
				f.set(v, op("i64.add", op("i64.mul", local(v), loadAs("i64.load32_s", words(mult, local(j)), 0)), op("i64.shl", long(1), op("i64.sub", local(s), long(1)))))
				f.set(v, op("i64.add", op("i64.extend_i32_u", local(zero)), op("i64.shr_s", local(v), local(s))))
				lo := op("i64.extend_i32_u", local(low))
				f.set(v, choose(local(v), lo, op("i64.gt_s", local(v), lo)))
				f.set(v, choose(local(v), long(255), op("i64.lt_s", local(v), long(255))))
				f.store("i64.store8", add(local(y), add(mul(local(r), local(ldy)), local(j))), 0, local(v))
			})
		})
		return f.Func
	},
	"Leak": func(g *generator) *module.Func {
		f := g.function(i32s(7))
		y, x, decay, mult, shift, rows, n := f.Param(0), f.Param(1), f.Param(2), f.Param(3), f.Param(4), f.Param(5), f.Param(6)
		s := f.letAs(module.I64, op("i64.extend_i32_u", local(shift)))
		v := f.Local(module.I64)
		wide := func(at value) value { return loadAs("i64.load32_s", at, 0) }
		f.each(local(rows), func(r module.Local) {
			f.each(local(n), func(j module.Local) {
				at := f.let(add(mul(local(r), local(n)), local(j)))
				a := op("i64.shr_s", op("i64.add", op("i64.mul", wide(words(y, local(at))), wide(words(decay, local(j)))), long(1<<30)), long(31))
				b := op("i64.shr_s", op("i64.add", op("i64.mul", wide(words(x, local(at))), wide(words(mult, local(j)))), op("i64.shl", long(1), op("i64.sub", local(s), long(1)))), local(s))
				f.set(v, op("i64.add", a, b))
				f.set(v, choose(local(v), long(-1<<31), op("i64.gt_s", local(v), long(-1<<31))))
				f.set(v, choose(local(v), long(1<<31-1), op("i64.lt_s", local(v), long(1<<31-1))))
				f.store("i64.store32", words(y, local(at)), 0, local(v))
			})
		})
		return f.Func
	},
	"AddInt8": func(g *generator) *module.Func {
		f := g.function(i32s(9))
		y, a, b, n, ma, mb, c, shift, low := f.Param(0), f.Param(1), f.Param(2), f.Param(3), f.Param(4), f.Param(5), f.Param(6), f.Param(7), f.Param(8)
		v := f.Local(i32)
		f.each(local(n), func(j module.Local) {
			f.set(v, op("i32.shr_s", add(add(mul(loadAs("i32.load8_u", add(local(a), local(j)), 0), local(ma)), mul(loadAs("i32.load8_u", add(local(b), local(j)), 0), local(mb))), local(c)), local(shift)))
			f.set(v, choose(local(v), local(low), op("i32.gt_s", local(v), local(low))))
			f.store("i32.store8", add(local(y), local(j)), 0, choose(local(v), num(255), op("i32.lt_s", local(v), num(255))))
		})
		return f.Func
	},
	"LUTInt8": func(g *generator) *module.Func {
		f := g.function(i32s(4))
		f.each(f.param(2), func(j module.Local) {
			f.store("i32.store8", add(f.param(0), local(j)), 0, loadAs("i32.load8_u", add(f.param(3), loadAs("i32.load8_u", add(f.param(1), local(j)), 0)), 0))
		})
		return f.Func
	},
}

func scalarMap(g *generator, body func(f code, x module.Local) value) *module.Func {
	f := g.function(i32s(2))
	x := f.Local(module.F32)
	f.each(f.param(1), func(j module.Local) {
		at := f.let(words(f.Param(0), local(j)))
		f.set(x, loadAs("f32.load", local(at), 0))
		f.store("f32.store", local(at), 0, body(f, x))
	})
	return f.Func
}

func fmul(a, b value) value { return op("f32.mul", a, b) }
func fadd(a, b value) value { return op("f32.add", a, b) }
func fsub(a, b value) value { return op("f32.sub", a, b) }

func scalarExponent(f code, t module.Local) (k, power module.Local) {
	sum := f.letAs(module.F32, fadd(local(t), single(1<<23+1<<22+127)))
	k = f.letAs(module.F32, fsub(local(sum), single(1<<23+1<<22+127)))
	power = f.letAs(module.F32, op("f32.reinterpret_i32", op("i32.shl", op("i32.reinterpret_f32", local(sum)), num(23))))
	return k, power
}

func scalarExp(g *generator) *module.Func {
	f := g.function([]module.Type{module.F32}, module.F32)
	x := f.Param(0)
	t := f.letAs(module.F32, fmul(local(x), single(1.44269504)))
	k, power := scalarExponent(f, t)
	r := f.letAs(module.F32, fsub(fsub(local(x), fmul(local(k), single(0.693359375))), fmul(local(k), single(-2.12194440e-4))))
	const c2, c3, c4, c5 = 0x1.fffdfcp-2, 0x1.5557aep-3, 0x1.572a06p-5, 0x1.10627ap-7
	sq := f.letAs(module.F32, fmul(local(r), local(r)))
	q := fadd(fmul(fadd(fmul(single(c5), local(r)), single(c4)), local(sq)), fadd(fmul(single(c3), local(r)), single(c2)))
	e := fadd(fmul(q, local(sq)), local(r))
	fmul(fadd(e, single(1)), local(power))(f)
	return f.Func
}

func scalarTanh(g *generator, rate, size float32) *module.Func {
	const c1, c2, c3, c4, c5, c6 = 0x1.62e43p-1, 0x1.ebfbdcp-3, 0x1.c6aee8p-5, 0x1.3b2d4ep-7, 0x1.5f3ec2p-10, 0x1.41fb74p-13
	return scalarMap(g, func(f code, x module.Local) value {
		t := f.letAs(module.F32, op("f32.min", fmul(op("f32.abs", local(x)), single(rate)), single(30)))
		k, power := scalarExponent(f, t)
		v := f.letAs(module.F32, fsub(local(t), local(k)))
		sq := f.letAs(module.F32, fmul(local(v), local(v)))
		p := fadd(fmul(fadd(fmul(fadd(fmul(single(c6), local(v)), single(c5)), local(sq)), fadd(fmul(single(c4), local(v)), single(c3))), local(sq)), fadd(fmul(single(c2), local(v)), single(c1)))
		gg := f.letAs(module.F32, fmul(p, local(v)))
		y := fsub(single(size), op("f32.div", single(size+size), fadd(fadd(local(power), single(1)), fmul(local(power), local(gg)))))
		return fadd(op("f32.copysign", y, local(x)), single(0))
	})
}
