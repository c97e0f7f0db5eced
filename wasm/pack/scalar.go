package pack

import "understudy/wasm/module"

// Placeholders for package kernels: scalar code.

func words(at module.Local, i value) value { return add(local(at), times(i, 4)) }

var scalar = map[string]func(g *generator) *module.Func{
	"silu": func(g *generator) *module.Func {
		exp := scalarExp(g)
		return scalarMap(g, func(f code, x module.Local) value {
			f.set(x, op("f32.max", local(x), single(-89)))
			return op("f32.add", op("f32.div", local(x), op("f32.add", single(1), result(exp, op("f32.max", op("f32.sub", single(0), local(x)), single(-88))))), single(0))
		})
	},
	"tanh":        func(g *generator) *module.Func { return scalarTanh(g, 2.88539008, 1) },
	"scaled_tanh": func(g *generator) *module.Func { return scalarTanh(g, 1.92359339, 1.7159) },
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
