package surrogate

import (
	"slices"

	"understudy/native"
)

// floatNetwork is a network in float32 or bf16.
//
// Every layer's output is kept in a ring of slots [slot][neuron][channel], where
// the step t has slot t mod slots. Later layers read it there as far back as they
// look; nothing is shifted. A ring is all zero at t = 0, which is what stands
// before every layer's input. Ring lengths are multiples of block and a run of
// steps is cut at multiples of block, so the steps of one run are adjacent.
type floatNetwork struct {
	p      *plan
	kernel *native.Set
	n      int
	layers []floatLayer
	dense  ring[float32] // events as vectors, if the plan wants them
	// room for the events of one neuron and step, and for the inputs of a convolution of one neuron
	at      []int32
	a, taps []float32
	observe observer // nil but in Calibrate
}

// floatLayer is a layer of the plan with its state.
type floatLayer struct {
	layer
	out     ring[float32]
	rounded ring[uint16]    // in bf16, out as products read it, if any does
	sums    coming[float32] // of a convolution on events
	later   *deferred       // of one that defers events
	elm     *elmState       // of an elm layer
}

// observer sees the values of each layer, and of the parts of an elm layer, before and
// after the activation (the former only where it is neither none nor relu).
type observer func(name string, activated bool, y []float32)

func (s *floatNetwork) watch(by observer) {
	s.observe = by
	for i := range s.layers {
		if l := &s.layers[i]; l.elm != nil {
			l.elm.observe = func(part string, activated bool, y []float32) { by(elmPart(l.name, part), activated, y) }
		}
	}
}

func newFloatNetwork(p *plan, n, block int) *floatNetwork {
	s := &floatNetwork{p: p, kernel: p.kernel, n: n, layers: make([]floatLayer, len(p.layers))}
	for i := range s.layers {
		l := &s.layers[i]
		l.layer = p.layers[i]
		l.out = newRing[float32](l.lookback+block, block, n*l.width)
		if l.stride > 0 {
			l.rounded = newRing[uint16](l.lookback+block, block, n*l.stride)
		}
		if l.deferred {
			l.later = newDeferred(&l.layer, n)
		} else if l.sparse() {
			l.sums = newComing[float32](&l.node, n, block)
		}
		if l.cell != nil {
			l.elm = newELMState(l.cell, n)
		}
		if n == 1 && !l.sparse() && l.groups == 1 {
			s.taps = slices.Grow(s.taps, l.kernel*l.inWidth)
		}
	}
	if p.denseEvents {
		s.dense = newRing[float32](block, block, n*p.channels)
	}
	s.reset()
	return s
}

func (s *floatNetwork) reset() {
	for i := range s.layers {
		l := &s.layers[i]
		clear(l.out.data)
		clear(l.rounded.data)
		if l.later != nil {
			l.later.reset(l.bias)
		}
		fillRows(l.sums.data, l.bias)
		if l.elm != nil {
			l.elm.reset()
		}
	}
}

func (s *floatNetwork) forward(t int64, k, done int, events []event) {
	if s.p.denseEvents {
		s.spread(t, k, done, events)
	}
	for i := range s.layers {
		l := &s.layers[i]
		y := l.out.at(t, k)
		s.compute(l, y, t, k, done, events)
		if s.observe != nil && !l.act.limits() {
			s.observe(l.name, false, y)
		}
		l.act.activate(s.kernel, y)
		if l.stride > 0 {
			roundRows(s.kernel, l.rounded.at(t, k), y, l.width, l.stride)
		}
		if s.observe != nil {
			s.observe(l.name, true, y)
		}
	}
}

// spread makes vectors of the events.
func (s *floatNetwork) spread(t int64, k, done int, events []event) {
	x := s.dense.at(t, k)
	clear(x)
	for _, e := range events {
		x[(e.step()-done)*s.dense.size+e.neuron()*s.p.channels+e.channel()] = e.weight
	}
}

// compute writes to y what a layer puts out before its activation.
func (s *floatNetwork) compute(l *floatLayer, y []float32, t int64, k, done int, events []event) {
	switch {
	case l.later != nil:
		l.later.step(s.kernel, &l.layer, y, t, events)
	case l.sums.slots > 0:
		s.scatter(l, t-int64(done), events)
		s.collect(l, y, t, k)
	case l.op == opConv1D:
		s.convolve(l, y, t, k)
	case l.op == opELM:
		s.elm(l, y, t, k)
	case l.op == opConcat:
		s.concat(l, y, t, k)
	case l.op == opBatchNorm:
		copy(y, s.input(l.in[0], t, k))
		s.kernel.ScaleShift(y, l.scale, l.shift, k*s.n, l.width)
	default: // add, activation
		copy(y, s.input(l.in[0], t, k))
		for _, in := range l.in[1:] {
			s.kernel.Add(y, s.input(in, t, k))
		}
	}
}

func (s *floatNetwork) input(in int, t int64, k int) []float32 {
	if in == onEvents {
		return s.dense.at(t, k)
	}
	return s.layers[in].out.at(t, k)
}

func (s *floatNetwork) elm(l *floatLayer, y []float32, t int64, k int) {
	x := s.input(l.in[0], t, k)
	for r := range k {
		l.elm.step(s.kernel, x[r*s.n*l.inWidth:][:s.n*l.inWidth], y[r*s.n*l.width:][:s.n*l.width])
	}
}

func (s *floatNetwork) concat(l *floatLayer, y []float32, t int64, k int) {
	first := 0
	for _, in := range l.in {
		x := s.input(in, t, k)
		width := len(x) / (k * s.n)
		for r := range k * s.n {
			copy(y[r*l.width+first:], x[r*width:][:width])
		}
		first += width
	}
}

// scatter adds the events' columns to the sums of the steps to come; step 0 of the
// call is t0. An output's terms come in the order of their taps, oldest first, and
// within a tap of their channels: the order in which a dense convolution adds.
func (s *floatNetwork) scatter(l *floatLayer, t0 int64, events []event) {
	for len(events) > 0 {
		n := samePlace(events)
		s.columns(events[:n], l.kernel*l.outGroup)
		slot := int(uint64(t0+int64(events[0].step())) % uint64(l.sums.slots))
		y := l.sums.data[events[0].neuron()*l.sums.slots*l.width:][:l.sums.slots*l.width]
		if l.dilation == 1 && l.groups == 1 {
			s.addColumns(l, y, slot)
		} else {
			s.addTaps(l, y, slot)
		}
		events = events[n:]
	}
}

// columns fills at and a with the events of one neuron and step: where the weights of their channels begin, size for
// each channel, and the factors.
func (s *floatNetwork) columns(events []event, size int) {
	s.at, s.a = s.at[:0], s.a[:0]
	for i := range events {
		s.at = append(s.at, int32(events[i].channel()*size))
		s.a = append(s.a, events[i].weight)
	}
}

// addColumns adds what is in at and a to y, a neuron's sums, from a slot on.
func (s *floatNetwork) addColumns(l *floatLayer, y []float32, slot int) {
	first := min(l.kernel, l.sums.slots-slot) * l.width
	s.kernel.Columns(y[slot*l.width:][:first], l.packed, s.at, s.a)
	if rest := l.kernel*l.width - first; rest > 0 {
		for i := range s.at {
			s.at[i] += int32(first)
		}
		s.kernel.Columns(y[:rest], l.packed, s.at, s.a)
	}
}

// addTaps is addColumns with dilation or groups.
func (s *floatNetwork) addTaps(l *floatLayer, y []float32, slot int) {
	for lag := range l.kernel {
		for i, at := range s.at {
			c := int(at) / (l.kernel * l.outGroup)
			s.kernel.Axpy(y[slot*l.width+c/l.inGroup*l.outGroup:][:l.outGroup], l.packed[int(at)+lag*l.outGroup:][:l.outGroup], s.a[i])
		}
		slot = (slot + l.dilation) % l.sums.slots
	}
}

// collect moves the sums of steps t to t+k-1 to y, [step][neuron][channel], and begins
// new ones in their place.
func (s *floatNetwork) collect(l *floatLayer, y []float32, t int64, k int) {
	for r := range k {
		for i := range s.n {
			x := l.sums.row(t+int64(r), i, l.width)
			copy(y[(r*s.n+i)*l.width:], x)
			copy(x, l.bias)
		}
	}
}

// convolve computes y = bias + taps, oldest first.
func (s *floatNetwork) convolve(l *floatLayer, y []float32, t int64, k int) {
	for r := range k {
		fillRows(y[r*s.n*l.width:(r+1)*s.n*l.width], l.biasAt(t+int64(r)))
	}
	in := &s.layers[l.in[0]]
	switch {
	case l.halves != nil:
		s.tapsBF16(l, in, y, t, k)
	case s.n == 1 && k == 1 && l.groups == 1:
		s.atOnce(l, &in.out, y, t)
	default:
		s.tapByTap(l, &in.out, y, t, k)
	}
}

// tapByTap adds each tap as a product of its own.
func (s *floatNetwork) tapByTap(l *floatLayer, in *ring[float32], y []float32, t int64, k int) {
	tap := l.groups * l.inGroup * l.outGroup
	for j := range l.kernel {
		w := l.packed[j*tap:][:tap]
		a, b := in.back(t, (l.kernel-1-j)*l.dilation, k)
		if len(b) == 0 {
			s.matmul(l, y, a, w, k*s.n)
			continue
		}
		rows := len(a) / l.inWidth
		s.matmul(l, y, a, w, rows)
		s.matmul(l, y[rows*l.width:], b, w, k*s.n-rows)
	}
}

// atOnce adds all taps of one neuron and step as one product: their inputs lie side by side, or are put there.
func (s *floatNetwork) atOnce(l *floatLayer, in *ring[float32], y []float32, t int64) {
	k := s.kernel
	if l.dilation > 1 && l.kernel > 1 {
		x := s.taps[:l.kernel*l.inWidth]
		in.gather(x, l.inWidth, t, l.kernel, l.dilation)
		k.Gemm(y, x, l.packed, 1, len(x), l.width, len(x), l.width)
		return
	}
	a, b := in.back(t, l.kernel-1, l.kernel)
	k.Gemm(y, a, l.packed, 1, len(a), l.width, len(a), l.width)
	if len(b) > 0 {
		k.Gemm(y, b, l.packed[len(a)*l.width:], 1, len(b), l.width, len(b), l.width)
	}
}

// matmul adds one tap's product for rows of x.
func (s *floatNetwork) matmul(l *floatLayer, y, x, w []float32, rows int) {
	if l.inGroup == 1 && l.outGroup == 1 {
		s.kernel.MulAdd(y, x, w, rows, l.width)
		return
	}
	for g := range l.groups {
		s.kernel.Gemm(y[g*l.outGroup:], x[g*l.inGroup:], w[g*l.inGroup*l.outGroup:], rows, l.inGroup, l.outGroup, l.inWidth, l.width)
	}
}

func (s *floatNetwork) logit(h *head, c int, t int64, i int) float32 {
	l := &s.layers[h.layer]
	return l.out.at(t, 1)[i*l.width+h.index+c]
}

func (s *floatNetwork) visit(now int64, i int, v visitor) {
	for j := range s.layers {
		l := &s.layers[j]
		for b := l.lookback; b > 0; b-- {
			x := l.out.past(now, b)[i*l.width:][:l.width]
			v.floats(x)
			if l.stride > 0 { // v may have changed x
				s.kernel.RoundBF16(l.rounded.past(now, b)[i*l.stride:][:l.width], x)
			}
		}
		if d := l.later; d != nil {
			d.flush(s.kernel, &l.layer, now)
			for a := range l.reach() {
				v.floats(d.row(now+int64(a), l.width)[i*l.width:][:l.width])
			}
		} else if l.sparse() {
			for a := range l.reach() {
				v.floats(l.sums.row(now+int64(a), i, l.width))
			}
		}
		if l.elm != nil {
			l.elm.visit(i, v)
		}
	}
}
