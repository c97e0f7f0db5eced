package pack

import (
	"math"

	"understudy/plugin/surrogate"
	"understudy/wasm/module"
)

// writeExpNeg writes portable.ExpNeg.
func (g *generator) writeExpNeg() *module.Func {
	f := g.function([]module.Type{module.F64}, module.F64)
	const ln2Hi, ln2Lo = 0x1.62e42fefa38p-1, 0x1.ef35793c7673p-45
	x := f.Param(0)
	f.when(op("f64.gt", local(x), double(700)), func() { f.F64(0); f.Op("return") })
	k := f.letAs(module.F64, op("f64.floor", op("f64.add", op("f64.div", local(x), double(math.Ln2)), double(0.5))))
	y := f.letAs(module.F64, op("f64.add", op("f64.sub", op("f64.mul", local(k), double(ln2Hi)), local(x)), op("f64.mul", local(k), double(ln2Lo))))
	sum := f.letAs(module.F64, double(1))
	for n := 14.0; n >= 1; n-- {
		f.set(sum, op("f64.add", double(1), op("f64.div", op("f64.mul", local(sum), local(y)), double(n))))
	}
	// 2^-k, k up to 1010, is a normal number: only its exponent has bits.
	power := op("f64.reinterpret_i64", op("i64.shl", op("i64.sub", long(1023), op("i64.trunc_sat_f64_s", local(k))), long(52)))
	op("f64.mul", local(sum), power)(f)
	return f.Func
}

// writeSigmoid writes plugin/surrogate's sigmoid.
func (g *generator) writeSigmoid() *module.Func {
	expNeg := g.writeExpNeg()
	f := g.function([]module.Type{module.F32}, module.F32)
	z := f.Param(0)
	f.when(op("f32.ne", local(z), local(z)), func() { f.Get(z); f.Op("return") })
	x := f.letAs(module.F64, op("f64.promote_f32", local(z)))
	e := f.letAs(module.F64, result(expNeg, op("f64.abs", local(x))))
	top := choose(double(1), local(e), op("f64.ge", local(x), double(0)))
	op("f32.demote_f64", op("f64.div", top, op("f64.add", double(1), local(e))))(f)
	return f.Func
}

// writeEmit writes a function (row) that writes the outputs of step now, which is step row of the call.
func (g *generator) writeEmit() *module.Func {
	sigmoid := g.writeSigmoid()
	w := forward{generator: g, code: g.function(i32s(1)), slot: make([]module.Local, len(g.layers))}
	f := w.code
	for _, h := range []surrogate.PlannedHead{g.plan.Spike, g.plan.VSoma} {
		if h.Layer >= 0 && g.layers[h.Layer].slots > 1 {
			w.slot[h.Layer] = f.let(g.modulo(g.layers[h.Layer].slots))
		}
	}
	place := f.let(mul(f.param(0), global(g.n)))
	p := f.Local(module.F32)
	f.each(global(g.n), func(i module.Local) {
		at4 := func(to module.Global) value { return add(global(to), times(local(place), 4)) }
		f.set(p, result(sigmoid, w.logit(&g.plan.Spike, i)))
		f.store("f32.store", at4(g.pSpike), 0, local(p))
		f.store("i32.store8", add(global(g.spike), local(place)), 0, g.spikes(f, p, i))
		v := single(float32(math.NaN()))
		if h := &g.plan.VSoma; h.Layer >= 0 {
			v = op("f32.demote_f64", op("f64.add", double(h.Offset), op("f64.mul", double(h.Scale), op("f64.promote_f32", w.logit(h, i)))))
		}
		f.store("f32.store", at4(g.vSoma), 0, v)
		f.advance(place, num(1))
	})
	return f.Func
}

func (f code) param(i int) value { return local(f.Param(i)) }

// logit is a head's value of neuron i before scale and offset.
func (f *forward) logit(h *surrogate.PlannedHead, i module.Local) value {
	l := &f.layers[h.Layer]
	if l.int8 != nil {
		return f.logit8(l, h, i)
	}
	return loadAs("f32.load", add(f.at(h.Layer), times(local(i), l.rowBytes)), 4*h.Index)
}

// spikes is whether neuron i emits a spike with probability p: by threshold, and none in the refractory
// time after one.
func (g *generator) spikes(f code, p, i module.Local) value {
	if g.silent == nil {
		return op("f32.ge", local(p), single(g.plan.Threshold))
	}
	s, left, yes := f.let(add(global(g.silent.at), times(local(i), 4))), f.Local(i32), f.Local(i32)
	f.set(left, load(local(s), 0))
	f.set(yes, num(0))
	op("i32.gt_s", local(left), num(0))(f)
	f.IfElse(func() {
		f.store("i32.store", local(s), 0, sub(local(left), num(1)))
	}, func() {
		// p < threshold is false for NaN: that is a spike, as in plugin/surrogate.
		f.set(yes, op("i32.eqz", op("f32.lt", local(p), single(g.plan.Threshold))))
		f.store("i32.store", local(s), 0, times(local(yes), g.plan.RefractoryMS))
	})
	return local(yes)
}
