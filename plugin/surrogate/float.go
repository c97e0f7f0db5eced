package surrogate

import "slices"

// floatNetwork is a network in float32 or bf16.
//
// Every layer's output is kept in a ring of slots [slot][neuron][channel], where
// the step t has slot t mod slots. Later layers read it there as far back as they
// look; nothing is shifted. A ring is all zero at t = 0, which is what stands
// before every layer's input. Ring lengths are multiples of block and a run of
// steps is cut at multiples of block, so the steps of one run are adjacent.
type floatNetwork struct {
	p   *plan
	n   int
	out []ring[float32]
	// rounded, in bf16, are those of out that products read; else without data.
	rounded []ring[uint16]
	sums    []coming[float32] // of each convolution on events
	later   []*deferred       // of those that defer events
	elm     []*elmState       // of each elm layer
	dense   ring[float32]     // events as vectors, if the plan wants them
	// room for the events of one neuron and step
	at      []int32
	a       []float32
	taps    []float32 // room for the inputs of a convolution of one neuron
	observe observer  // nil but in Calibrate
}

// observer sees the values of each layer, and of the parts of an elm layer, before and
// after the activation (the former only where it is neither none nor relu).
type observer func(name string, activated bool, y []float32)

func (s *floatNetwork) watch(by observer) {
	s.observe = by
	for i, e := range s.elm {
		if e != nil {
			e.observe = func(part string, activated bool, y []float32) { by(elmPart(s.p.layers[i].name, part), activated, y) }
		}
	}
}

func newFloatNetwork(p *plan, n, block int) *floatNetwork {
	s := &floatNetwork{p: p, n: n, out: make([]ring[float32], len(p.layers)), rounded: make([]ring[uint16], len(p.layers)), sums: make([]coming[float32], len(p.layers)), elm: make([]*elmState, len(p.layers)), later: make([]*deferred, len(p.layers))}
	for i := range p.layers {
		l := &p.layers[i]
		s.out[i] = newRing[float32](l.lookback+block, block, n*l.width)
		if l.stride > 0 {
			s.rounded[i] = newRing[uint16](l.lookback+block, block, n*l.stride)
		}
		if l.deferred {
			s.later[i] = newDeferred(l, n)
		} else if l.sparse() {
			s.sums[i] = newComing[float32](&l.node, n, block)
		}
		if l.cell != nil {
			s.elm[i] = newELMState(l.cell, n)
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
	for i := range s.p.layers {
		clear(s.out[i].data)
		clear(s.rounded[i].data)
		if s.later[i] != nil {
			s.later[i].reset(s.p.layers[i].bias)
		}
		fillRows(s.sums[i].data, s.p.layers[i].bias)
		if s.elm[i] != nil {
			s.elm[i].reset()
		}
	}
}

func (s *floatNetwork) forward(t int64, k, done int, events []event) {
	if s.p.denseEvents {
		x := s.dense.at(t, k)
		clear(x)
		for _, e := range events {
			x[(e.step()-done)*s.dense.size+e.neuron()*s.p.channels+e.channel()] = e.weight
		}
	}
	for i := range s.p.layers {
		l := &s.p.layers[i]
		y := s.out[i].at(t, k)
		switch l.op {
		case opConv1D:
			if s.later[i] != nil {
				s.later[i].step(s.p.kernel, l, y, t, events)
			} else if l.sparse() {
				s.scatter(l, &s.sums[i], t-int64(done), events)
				s.collect(l, &s.sums[i], y, t, k)
			} else {
				s.convolve(l, y, &s.out[l.in[0]], t, k)
			}
		case opBatchNorm:
			copy(y, s.input(l.in[0], t, k))
			s.p.kernel.ScaleShift(y, l.scale, l.shift, k*s.n, l.width)
		case opConcat:
			s.concat(l, y, t, k)
		case opELM:
			x := s.input(l.in[0], t, k)
			for r := range k {
				s.elm[i].step(s.p.kernel, x[r*s.n*l.inWidth:][:s.n*l.inWidth], y[r*s.n*l.width:][:s.n*l.width])
			}
		default: // add, activation
			copy(y, s.input(l.in[0], t, k))
			for _, in := range l.in[1:] {
				s.p.kernel.Add(y, s.input(in, t, k))
			}
		}
		if s.observe != nil && !l.act.limits() {
			s.observe(l.name, false, y)
		}
		l.act.activate(s.p.kernel, y)
		if l.stride > 0 {
			roundRows(s.p.kernel, s.rounded[i].at(t, k), y, l.width, l.stride)
		}
		if s.observe != nil {
			s.observe(l.name, true, y)
		}
	}
}

func (s *floatNetwork) input(in int, t int64, k int) []float32 {
	if in == onEvents {
		return s.dense.at(t, k)
	}
	return s.out[in].at(t, k)
}

func (s *floatNetwork) concat(l *layer, y []float32, t int64, k int) {
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
func (s *floatNetwork) scatter(l *layer, to *coming[float32], t0 int64, events []event) {
	for len(events) > 0 {
		step, neuron, n := events[0].step(), events[0].neuron(), samePlace(events)
		s.at = columnsOf(s.at, events[:n], l.kernel*l.outGroup)
		s.a = s.a[:0]
		for i := range n {
			s.a = append(s.a, events[i].weight)
		}
		events = events[n:]
		y := to.data[neuron*to.slots*l.width:][:to.slots*l.width]
		slot := int((t0 + int64(step)) % int64(to.slots))
		if l.dilation == 1 && l.groups == 1 {
			first := min(l.kernel, to.slots-slot) * l.width
			s.p.kernel.Columns(y[slot*l.width:][:first], l.packed, s.at, s.a)
			if rest := l.kernel*l.width - first; rest > 0 {
				for i := range s.at {
					s.at[i] += int32(first)
				}
				s.p.kernel.Columns(y[:rest], l.packed, s.at, s.a)
			}
			continue
		}
		for lag := range l.kernel {
			for i, at := range s.at {
				c := int(at) / (l.kernel * l.outGroup)
				s.p.kernel.Axpy(y[slot*l.width+c/l.inGroup*l.outGroup:][:l.outGroup], l.packed[int(at)+lag*l.outGroup:][:l.outGroup], s.a[i])
			}
			slot = (slot + l.dilation) % to.slots
		}
	}
}

// collect moves the sums of steps t to t+k-1 to y, [step][neuron][channel], and begins
// new ones in their place.
func (s *floatNetwork) collect(l *layer, from *coming[float32], y []float32, t int64, k int) {
	for r := range k {
		for i := range s.n {
			x := from.row(t+int64(r), i, l.width)
			copy(y[(r*s.n+i)*l.width:], x)
			copy(x, l.bias)
		}
	}
}

// convolve computes y = bias + taps, oldest first.
func (s *floatNetwork) convolve(l *layer, y []float32, in *ring[float32], t int64, k int) {
	for r := range k {
		fillRows(y[r*s.n*l.width:(r+1)*s.n*l.width], l.biasAt(t+int64(r)))
	}
	if l.halves != nil {
		s.tapsBF16(l, y, t, k)
		return
	}
	if s.n == 1 && k == 1 && l.groups == 1 {
		s.convolveOne(l, y, in, t)
		return
	}
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

// convolveOne adds the taps of one neuron and step as one product: they lie side by side, or are put there.
func (s *floatNetwork) convolveOne(l *layer, y []float32, in *ring[float32], t int64) {
	k := s.p.kernel
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
func (s *floatNetwork) matmul(l *layer, y, x, w []float32, rows int) {
	if l.inGroup == 1 && l.outGroup == 1 {
		s.p.kernel.MulAdd(y, x, w, rows, l.width)
		return
	}
	for g := range l.groups {
		s.p.kernel.Gemm(y[g*l.outGroup:], x[g*l.inGroup:], w[g*l.inGroup*l.outGroup:], rows, l.inGroup, l.outGroup, l.inWidth, l.width)
	}
}

func (s *floatNetwork) logit(h *head, c int, t int64, i int) float32 {
	return s.out[h.layer].at(t, 1)[i*s.p.layers[h.layer].width+h.index+c]
}

func (s *floatNetwork) visit(now int64, i int, v visitor) {
	for j := range s.p.layers {
		l := &s.p.layers[j]
		for b := l.lookback; b > 0; b-- {
			x := s.out[j].past(now, b)[i*l.width:][:l.width]
			v.floats(x)
			if l.stride > 0 { // v may have changed x
				s.p.kernel.RoundBF16(s.rounded[j].past(now, b)[i*l.stride:][:l.width], x)
			}
		}
		if d := s.later[j]; d != nil {
			d.flush(s.p.kernel, l, now)
			for a := range l.reach() {
				v.floats(d.row(now+int64(a), l.width)[i*l.width:][:l.width])
			}
		} else if l.sparse() {
			for a := range l.reach() {
				v.floats(s.sums[j].row(now+int64(a), i, l.width))
			}
		}
		if s.elm[j] != nil {
			s.elm[j].visit(i, v)
		}
	}
}
