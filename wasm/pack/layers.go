package pack

import (
	"understudy/plugin/model"
	"understudy/plugin/surrogate"
	"understudy/wasm/kernels"
	"understudy/wasm/module"
)

// layer is a planned layer with its place in memory.
type layer struct {
	*surrogate.PlannedLayer
	rowBytes int     // of a neuron's outputs
	slots    int     // steps of outputs that are kept: step t is in slot t mod slots
	out      *region // [slot][neuron], rowBytes each; nil if none is kept

	// coming are the sums that a convolution on events has for its own and the following
	// comingSlots-1 steps, [neuron][slot][Width]; nil if there is only its own: then they are made in place.
	coming      *region
	comingSlots int

	weight, bias int // addresses, as are all below
	scale, shift int
	elm          *elm
	int8         *layer8
}

func (l *layer) sparse() bool { return l.Op == model.OpConv1D && l.In[0] == surrogate.OnEvents }

// place makes room for the layers' weights and state.
func (g *generator) place() {
	// Two passes, so that what is state lies together.
	for i := range g.plan.Layers {
		p := &g.plan.Layers[i]
		l := layer{PlannedLayer: p, rowBytes: 4 * p.Width, slots: p.Lookback + 1, comingSlots: p.Reach() + 1}
		if g.int8 {
			l.rowBytes = p.Int8.Stride
		}
		if p.Lookback > 0 {
			l.out = g.region(l.slots*l.rowBytes, true)
		}
		if l.sparse() && l.comingSlots > 1 {
			l.coming = g.region(l.comingSlots*4*p.Width, true)
		}
		if e := p.ELM; e != nil {
			l.elm = g.newELM(e)
		}
		if p.Int8 != nil {
			l.int8 = g.newLayer8(p)
		}
		g.layers = append(g.layers, l)
	}
	if g.plan.RefractoryMS > 0 {
		g.silent = g.region(4, true)
	}
	for i := range g.layers {
		l := &g.layers[i]
		if l.int8 != nil {
			g.place8(l)
			continue
		}
		if l.out == nil {
			l.out = g.region(l.rowBytes, false)
		}
		l.weight, l.bias, l.scale, l.shift = g.floats(l.Weight), g.floats(l.Bias), g.floats(l.Scale), g.floats(l.Shift)
		for _, in := range l.In {
			if in == surrogate.OnEvents && l.Op != model.OpConv1D && g.dense == nil {
				g.dense = g.region(4*g.plan.Channels, false)
			}
		}
	}
	g.places, g.scratch = g.room(8*g.plan.Channels), g.room(kernels.ScratchSize)
}

// writeFillRows writes a function (y, row, rows, bytes) that sets every row of y to row.
func (g *generator) writeFillRows() *module.Func {
	f := g.function(i32s(4))
	y, row, rows, bytes := f.Param(0), f.Param(1), f.Param(2), f.Param(3)
	f.each(local(rows), func(module.Local) {
		f.copy(local(y), local(row), local(bytes))
		f.advance(y, local(bytes))
	})
	return f.Func
}

// forward is the function that computes all layers for one step.
type forward struct {
	*generator
	code
	from, end module.Local   // addresses of the step's events
	slot      []module.Local // [layer] slot of the step, if there are several
}

// writeForward writes a function (events, their end) that computes step now.
func (g *generator) writeForward() *module.Func {
	f := forward{generator: g, code: g.function(i32s(2)), slot: make([]module.Local, len(g.layers))}
	f.from, f.end = f.Param(0), f.Param(1)
	for i := range g.layers {
		if l := &g.layers[i]; l.slots > 1 {
			f.slot[i] = f.let(f.modulo(l.slots))
		}
	}
	if g.dense != nil {
		f.spreadEvents()
	}
	for i := range g.layers {
		if g.int8 {
			f.layer8(i)
		} else {
			f.layer(i)
		}
	}
	return f.code.Func
}

// modulo is now modulo n.
func (g *generator) modulo(n int) value {
	return op("i32.wrap_i64", op("i64.rem_u", global(g.now), long(int64(n))))
}

// spreadEvents writes the step's events as vectors [neuron][channel].
func (f *forward) spreadEvents() {
	f.fill(global(f.dense.at), 0, times(global(f.n), 4*f.plan.Channels))
	f.eachEvent(func(e module.Local) {
		f.store("f32.store", add(global(f.dense.at), times(add(times(eventNeuron(e), f.plan.Channels), eventChannel(e)), 4)), 0, eventWeight(e))
	})
}

func (f *forward) eachEvent(body func(e module.Local)) {
	e := f.let(local(f.from))
	f.while(op("i32.lt_u", local(e), local(f.end)), func() {
		body(e)
		f.advance(e, num(recordSize))
	})
}

// at is the address of a layer's outputs in this step.
func (f *forward) at(i int) value {
	l := &f.layers[i]
	if l.slots == 1 {
		return global(l.out.at)
	}
	return f.inSlot(l, local(f.slot[i]))
}

func (f *forward) inSlot(l *layer, slot value) value {
	return add(global(l.out.at), mul(slot, times(global(f.n), l.rowBytes)))
}

// input is the address of what a layer reads in this step.
func (f *forward) input(in int) value {
	if in == surrogate.OnEvents {
		return global(f.dense.at)
	}
	return f.at(in)
}

// eachTap runs body for every tap of a convolution, oldest first, with the address of its
// input and its number.
func (f *forward) eachTap(l *layer, body func(x, tap module.Local)) {
	in := &f.layers[l.In[0]]
	if l.Kernel == 1 {
		x, tap := f.let(f.at(l.In[0])), f.let(num(0))
		body(x, tap)
		return
	}
	x, slot := f.Local(i32), f.Local(i32)
	f.each(num(l.Kernel), func(tap module.Local) {
		// slot - lag modulo slots
		f.set(slot, add(sub(local(f.slot[l.In[0]]), num(l.Reach())), times(local(tap), l.Dilation)))
		f.when(op("i32.lt_s", local(slot), num(0)), func() { f.advance(slot, num(in.slots)) })
		f.set(x, f.inSlot(in, local(slot)))
		body(x, tap)
	})
}

// biasOf is the address of the step's row of biases of 4 bytes.
func (g *generator) biasOf(l *layer, at, values int) value {
	if values == l.Width {
		return num(at)
	}
	older := op("i64.div_u", global(g.now), long(int64(l.Dilation)))
	most := long(int64(l.Kernel - 1))
	row := op("i32.wrap_i64", choose(older, most, op("i64.lt_u", older, most)))
	return add(num(at), times(row, 4*l.Width))
}

func (f *forward) layer(i int) {
	l := &f.layers[i]
	y, n := f.let(f.at(i)), global(f.n)
	switch l.Op {
	case model.OpConv1D:
		if l.sparse() {
			f.onEvents(l, y, f.weightOf, "Columns", l.weight, 4, l.bias)
		} else {
			f.convolve(l, y)
		}
	case model.OpBatchNorm:
		f.copy(local(y), f.input(l.In[0]), times(n, l.rowBytes))
		f.call(f.kernel("ScaleShift"), local(y), num(l.scale), num(l.shift), n, num(l.Width))
	case model.OpConcat:
		first := 0
		for _, in := range l.In {
			width := f.plan.Channels
			if in != surrogate.OnEvents {
				width = f.layers[in].Width
			}
			from, to := f.let(f.input(in)), f.let(add(local(y), num(4*first)))
			f.each(n, func(module.Local) {
				f.copy(local(to), local(from), num(4*width))
				f.advance(from, num(4*width))
				f.advance(to, num(l.rowBytes))
			})
			first += width
		}
	case model.OpELM:
		f.stepELM(l, f.input(l.In[0]), y)
	default: // add, activation
		f.copy(local(y), f.input(l.In[0]), times(n, l.rowBytes))
		for _, in := range l.In[1:] {
			f.call(f.kernel("Add"), local(y), f.input(in), times(n, l.Width))
		}
	}
	f.activate(l.Activation, l.Alpha, local(y), times(n, l.Width))
}

// convolve computes y = bias + taps, oldest first.
func (f *forward) convolve(l *layer, y module.Local) {
	n := global(f.n)
	f.call(f.fillRows, local(y), f.biasOf(l, l.bias, len(l.Bias)), n, num(l.rowBytes))
	f.eachTap(l, func(x, tap module.Local) {
		w := f.let(add(num(l.weight), times(local(tap), 4*l.Groups*l.InGroup*l.OutGroup)))
		if l.InGroup == 1 && l.OutGroup == 1 {
			f.call(f.kernel("MulAdd"), local(y), local(x), local(w), n, num(l.Width))
			return
		}
		f.eachGroup(l, func(group value) {
			f.call(f.gemm(l.OutGroup), add(local(y), times(group, 4*l.OutGroup)), add(local(x), times(group, 4*l.InGroup)), add(local(w), times(group, 4*l.InGroup*l.OutGroup)),
				n, num(l.InGroup), num(l.OutGroup), num(l.InWidth), num(l.Width), num(f.scratch))
		})
	})
}

func (f *forward) eachGroup(l *layer, body func(group value)) {
	if l.Groups == 1 {
		body(num(0))
		return
	}
	f.each(num(l.Groups), func(g module.Local) { body(local(g)) })
}

// weightOf pushes what a convolution in f32 takes of an event.
func (f *forward) weightOf(e module.Local) (store string, v value) {
	return "f32.store", eventWeight(e)
}

// onEvents computes the outputs y of a convolution on events: the columns of the step's events are added
// to the sums of this and the coming steps, whose first are moved to y. A weight is size bytes, a sum 4;
// bias is the address of what new sums begin with, 0 for zeros.
func (f *forward) onEvents(l *layer, y module.Local, factor func(e module.Local) (string, value), kernel string, weight, size, bias int) {
	row, n := 4*l.Width, global(f.n)
	begin := func(at, rows value) {
		if bias == 0 {
			f.fill(at, 0, times(rows, row))
		} else {
			f.call(f.fillRows, at, num(bias), rows, num(row))
		}
	}
	slot := f.Local(i32)
	if l.coming == nil {
		begin(local(y), n)
	} else {
		f.set(slot, f.modulo(l.comingSlots))
	}
	columns := f.kernel(kernel)
	at, a := num(f.places), num(f.places+4*f.plan.Channels)
	e, neuron, count, sums := f.let(local(f.from)), f.Local(i32), f.Local(i32), f.Local(i32)
	f.while(op("i32.lt_u", local(e), local(f.end)), func() {
		f.set(neuron, eventNeuron(e))
		f.set(count, num(0))
		more := op("i32.and", op("i32.lt_u", local(e), local(f.end)), op("i32.eq", eventNeuron(e), local(neuron)))
		f.while(more, func() {
			f.store("i32.store", add(at, times(local(count), 4)), 0, times(eventChannel(e), l.Kernel*l.OutGroup))
			how, v := factor(e)
			f.store(how, add(a, times(local(count), 4)), 0, v)
			f.advance(count, num(1))
			f.advance(e, num(recordSize))
		})
		if l.coming == nil {
			f.set(sums, add(local(y), times(local(neuron), row)))
		} else {
			f.set(sums, add(global(l.coming.at), times(local(neuron), l.comingSlots*row)))
		}
		switch {
		case l.Groups == 1 && l.coming == nil:
			f.call(columns, local(sums), num(weight), at, a, num(l.Width), local(count))
		case l.Groups == 1 && l.Dilation == 1: // the sums lie side by side, up to the end of the ring
			first := f.let(sub(num(l.comingSlots), local(slot)))
			f.call(columns, add(local(sums), times(local(slot), row)), num(weight), at, a, times(local(first), l.Width), local(count))
			f.when(local(slot), func() {
				f.call(columns, local(sums), add(num(weight), times(local(first), l.Width*size)), at, a, times(local(slot), l.Width), local(count))
			})
		default:
			to := f.let(local(slot)) // 0 if there is one
			f.each(num(l.Kernel), func(lag module.Local) {
				sum, w := f.let(add(local(sums), times(local(to), row))), f.let(add(num(weight), times(local(lag), l.OutGroup*size)))
				if l.Groups == 1 {
					f.call(columns, local(sum), local(w), at, a, num(l.Width), local(count))
				} else {
					f.each(local(count), func(i module.Local) {
						one := f.let(add(at, times(local(i), 4)))
						group := op("i32.div_u", load(local(one), 0), num(l.Kernel*l.OutGroup*l.InGroup))
						f.call(columns, add(local(sum), times(group, 4*l.OutGroup)), local(w), local(one), add(local(one), num(4*f.plan.Channels)), num(l.OutGroup), num(1))
					})
				}
				if l.coming != nil {
					f.advance(to, num(l.Dilation))
					f.when(op("i32.ge_s", local(to), num(l.comingSlots)), func() { f.advance(to, num(-l.comingSlots)) })
				}
			})
		}
	})
	if l.coming == nil {
		return
	}
	from, to := f.let(add(global(l.coming.at), times(local(slot), row))), f.let(local(y))
	f.each(n, func(module.Local) {
		f.copy(local(to), local(from), num(row))
		begin(local(from), num(1))
		f.advance(from, num(l.comingSlots*row))
		f.advance(to, num(row))
	})
}

// activations has the kernels of the activations beside none and relu.
var activations = map[string]string{
	model.ActLeakyReLU: "LeakyReLU", model.ActELU: "ELU", model.ActSiLU: "SiLU", model.ActGELU: "GELU",
	model.ActGELUTanh: "GELUTanh", model.ActTanh: "Tanh", model.ActSigmoid: "Sigmoid", model.ActScaledTanh: "ScaledTanh",
}

// activate applies an activation to values at y.
func (f *forward) activate(act string, alpha float32, y, values value) {
	switch act {
	case model.ActNone:
	case model.ActReLU:
		f.call(f.kernel("ReLU"), y, values)
	default:
		f.call(f.kernel(activations[act]), y, values, single(alpha))
	}
}
