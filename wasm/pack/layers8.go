package pack

import (
	"understudy/plugin/model"
	"understudy/plugin/surrogate"
	"understudy/wasm/module"
)

// layer8 is the integer form of a layer with its place in memory.
type layer8 struct {
	ldy      int     // sums of a group of a convolution
	sums     *region // [neuron][group][ldy] int32
	mult     int     // addresses, as are all below
	table    []int
	activate int
	elm      *elm8
}

func (g *generator) newLayer8(p *surrogate.PlannedLayer) *layer8 {
	x := &layer8{ldy: p.Int8.Out16}
	if p.Int8.Depthwise || p.Op == model.OpConv1D && p.In[0] == surrogate.OnEvents {
		x.ldy = p.OutGroup
	}
	if p.Int8.ELM != nil {
		x.elm = g.newELM8(p.Int8.ELM)
	}
	return x
}

// place8 makes room for what is not state.
func (g *generator) place8(l *layer) {
	q, x := l.Int8, l.int8
	if l.out == nil && !q.Silent {
		l.out = g.region(l.rowBytes, false)
	}
	if l.Op == model.OpConv1D {
		x.sums = g.region(4*l.Groups*x.ldy, false)
	}
	l.weight, l.bias, x.mult = g.bytes(q.Weight), g.ints(q.Bias), g.ints(q.Requant.Mult)
	for _, t := range q.Table {
		x.table = append(x.table, g.data(t[:]))
	}
	if q.Activate != nil {
		x.activate = g.data(q.Activate[:])
	}
	if x.elm != nil {
		x.elm.input = g.region(4*x.elm.Branches, false)
	}
}

func (f *forward) layer8(i int) {
	l := &f.layers[i]
	q, n := l.Int8, global(f.n)
	if l.Op == model.OpConv1D {
		f.convolve8(i)
	} else {
		y := f.let(f.at(i))
		switch l.Op {
		case model.OpELM:
			f.whole(l, &f.layers[l.In[0]], l.In[0])
			f.stepELM8(l, y)
		case model.OpAdd:
			f.add8(l, y)
		default: // concat, activation
			first := 0
			for k, in := range l.In {
				from := &f.layers[in]
				x, to := f.let(f.at(in)), f.let(add(local(y), num(first)))
				f.each(n, func(module.Local) {
					f.call(f.lookUp, local(to), local(x), num(from.Width), num(l.int8.table[k]))
					f.advance(x, num(from.rowBytes))
					f.advance(to, num(l.rowBytes))
				})
				first += from.Width
			}
		}
	}
	if q.Activate != nil {
		y := f.let(f.at(i))
		f.call(f.lookUp, local(y), local(y), times(n, l.rowBytes), num(l.int8.activate))
	}
}

func (f *forward) convolve8(i int) {
	l := &f.layers[i]
	q, x, n := l.Int8, l.int8, global(f.n)
	sums := f.let(global(x.sums.at))
	ld := l.Groups * x.ldy
	if l.sparse() {
		f.onEvents(l, sums, f.unitsOf, "ColumnsInt8", l.weight, 1, 0)
	} else {
		f.fill(local(sums), 0, times(n, 4*ld))
		stride := f.layers[l.In[0]].rowBytes
		f.eachTap(l, func(from, tap module.Local) {
			if q.Depthwise {
				f.call(f.kernel("MulAddInt8"), local(sums), local(from), add(num(l.weight), times(local(tap), l.Width)), n, num(l.Width), num(stride), num(l.Width))
				return
			}
			size := q.In4 * q.Out16
			w := f.let(add(num(l.weight), times(local(tap), l.Groups*size)))
			f.eachGroup(l, func(group value) {
				f.call(f.gemm(q.Out16), add(local(sums), times(group, 4*q.Out16)), add(local(from), times(group, l.InGroup)), add(local(w), times(group, size)),
					n, num(q.In4), num(q.Out16), num(stride), num(ld), num(f.scratch))
			})
		})
	}
	if q.Silent {
		return
	}
	y, bias := f.let(f.at(i)), f.let(f.biasOf(l, l.bias, len(q.Bias)))
	requant := func(group value, width, ld int) {
		first := times(group, l.OutGroup)
		f.call(f.kernel("Requant"), add(local(y), first), add(local(sums), times(group, 4*x.ldy)), add(local(bias), times(first, 4)), add(num(x.mult), times(first, 4)),
			num(int(q.Requant.Shift)), num(int(q.Low)), num(int(q.BeforeZero)), n, num(width), num(ld), num(l.rowBytes))
	}
	if x.ldy == l.OutGroup { // no padding between groups
		requant(num(0), l.Width, l.Width)
		return
	}
	f.eachGroup(l, func(group value) { requant(group, l.OutGroup, ld) })
}

// unitsOf pushes what a convolution in integers takes of an event: its weight in units, rounded to
// nearest, halves away from 0.
func (f *forward) unitsOf(e module.Local) (store string, v value) {
	x := op("f64.mul", op("f64.promote_f32", eventWeight(e)), double(surrogate.EventUnit))
	limited := op("f64.min", double(surrogate.MaxEventUnits), op("f64.max", double(-surrogate.MaxEventUnits), x))
	rounded := op("f64.copysign", op("f64.floor", op("f64.add", op("f64.abs", limited), double(0.5))), limited)
	return "i32.store", op("i32.trunc_sat_f64_s", rounded)
}

func (f *forward) add8(l *layer, y module.Local) {
	q, n := l.Int8, global(f.n)
	if len(l.In) == 2 && f.layers[l.In[0]].rowBytes == l.rowBytes && f.layers[l.In[1]].rowBytes == l.rowBytes {
		f.call(f.kernel("AddInt8"), local(y), f.at(l.In[0]), f.at(l.In[1]),
			num(int(q.Factor[0])), num(int(q.Factor[1])), num(int(q.Offset)), num(int(q.Shift)), num(int(q.Low)), times(n, l.rowBytes))
		return
	}
	to, v := f.let(local(y)), f.Local(i32)
	var from []module.Local
	for _, in := range l.In {
		from = append(from, f.let(f.at(in)))
	}
	f.each(n, func(module.Local) {
		f.each(num(l.Width), func(c module.Local) {
			sum := num(int(q.Offset))
			for k := range l.In {
				sum = add(sum, times(loadAs("i32.load8_u", add(local(from[k]), local(c)), 0), int(q.Factor[k])))
			}
			f.set(v, op("i32.shr_s", sum, num(int(q.Shift))))
			f.set(v, choose(local(v), num(int(q.Low)), op("i32.gt_s", local(v), num(int(q.Low)))))
			f.store("i32.store8", add(local(to), local(c)), 0, choose(local(v), num(255), op("i32.lt_s", local(v), num(255))))
		})
		for k, in := range l.In {
			f.advance(from[k], num(f.layers[in].rowBytes))
		}
		f.advance(to, num(l.rowBytes))
	})
}

// whole writes what an elm layer l reads of a layer, [neuron][channel]: its sums, where they are kept, or its
// activations less their zero point.
func (f *forward) whole(l, in *layer, index int) {
	to, n := f.let(global(l.int8.elm.input.at)), global(f.n)
	if !in.Int8.KeepSums {
		from := f.let(f.at(index))
		f.each(n, func(module.Local) {
			f.each(num(in.Width), func(c module.Local) {
				f.store("i32.store", local(to), 0, sub(loadAs("i32.load8_u", add(local(from), local(c)), 0), num(int(in.Int8.Zero))))
				f.advance(to, num(4))
			})
			f.advance(from, num(in.rowBytes))
		})
		return
	}
	from, bias := f.let(global(in.int8.sums.at)), f.let(f.biasOf(in, in.bias, len(in.Int8.Bias)))
	f.each(n, func(module.Local) {
		f.eachGroup(in, func(group value) {
			b := f.let(add(local(bias), times(group, 4*in.OutGroup)))
			f.each(num(in.OutGroup), func(o module.Local) {
				at := times(local(o), 4)
				f.store("i32.store", local(to), 0, add(load(add(local(from), at), 0), load(add(local(b), at), 0)))
				f.advance(to, num(4))
			})
			f.advance(from, num(4*in.int8.ldy))
		})
	})
}

// logit8 is a head's value of neuron i before scale and offset.
func (f *forward) logit8(l *layer, h *surrogate.PlannedHead, i module.Local) value {
	q, o := l.Int8, h.Index
	if !q.KeepSums {
		x := loadAs("i32.load8_u", add(f.at(h.Layer), times(local(i), l.rowBytes)), o)
		return op("f32.demote_f64", op("f64.mul", double(q.Scale), op("f64.convert_i32_s", sub(x, num(int(q.Zero))))))
	}
	ld := l.Groups * l.int8.ldy
	sum := load(add(global(l.int8.sums.at), times(local(i), 4*ld)), 4*(o/l.OutGroup*l.int8.ldy+o%l.OutGroup))
	sum = add(sum, load(f.biasOf(l, l.bias, len(q.Bias)), 4*o))
	return op("f32.demote_f64", op("f64.mul", double(q.Unit[o]), op("f64.convert_i32_s", sum)))
}

// writeLookUp writes a function (y, x, values, table), as native.Set's LUTInt8.
func (g *generator) writeLookUp() *module.Func {
	f := g.function(i32s(4))
	y, x, values, table := f.Param(0), f.Param(1), f.Param(2), f.Param(3)
	f.each(local(values), func(j module.Local) {
		f.store("i32.store8", add(local(y), local(j)), 0, loadAs("i32.load8_u", add(local(table), loadAs("i32.load8_u", add(local(x), local(j)), 0)), 0))
	})
	return f.Func
}
