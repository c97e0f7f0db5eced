package surrogate

import (
	"slices"

	"understudy/native"
)

// int8Network is a network in integers: activations of 8 bits, sums of 32. Rings are
// as in floatNetwork; what stands before t = 0 is the zero point.
type int8Network struct {
	p      *plan
	kernel *native.Set
	n      int
	first  int64 // step of the first of the sums
	out    []ring[uint8]
	coming []coming[int32] // of each convolution on events
	sums   [][]int32
	elm    []*elmState8 // of each elm layer
	shared []int32      // sums that nothing reads later
	// room for the events of one neuron and step, and for the inputs of a convolution of one neuron
	at, a []int32
	taps  []uint8
	one   [1]int32
}

func newInt8Network(p *plan, n, block int) *int8Network {
	s := &int8Network{p: p, kernel: p.kernel, n: n, out: make([]ring[uint8], len(p.layers8)), coming: make([]coming[int32], len(p.layers8)), sums: make([][]int32, len(p.layers8)), elm: make([]*elmState8, len(p.layers8))}
	width := 0
	for i := range p.layers8 {
		l := &p.layers8[i]
		if !l.silent {
			s.out[i] = newRing[uint8](l.lookback+block, block, n*l.stride)
		}
		if l.op == opConv1D {
			if l.keepSums {
				s.sums[i] = make([]int32, block*n*l.groups*l.ldy())
			}
			width = max(width, l.groups*l.ldy())
		}
		if l.sparse() {
			s.coming[i] = newComing[int32](&l.node, n, block)
		}
		if l.cell != nil {
			s.elm[i] = newELMState8(l.cell, n)
		}
		if n == 1 && l.op == opConv1D && l.groups == 1 {
			s.taps = slices.Grow(s.taps, l.kernel*l.in4)
		}
	}
	s.shared = make([]int32, block*n*width)
	s.reset()
	return s
}

// ldy is the number of sums that a group of a convolution takes.
func (l *layer8) ldy() int {
	if l.sparse() || l.depthwise() {
		return l.outGroup
	}
	return l.out16
}

func (s *int8Network) reset() {
	for i := range s.p.layers8 {
		fillRows(s.out[i].data, []uint8{s.p.layers8[i].out.zero})
		clear(s.coming[i].data)
		if s.elm[i] != nil {
			s.elm[i].reset()
		}
	}
}

func (s *int8Network) forward(t int64, k, done int, events []event) {
	s.first = t
	for i := range s.p.layers8 {
		l := &s.p.layers8[i]
		switch l.op {
		case opConv1D:
			s.convolve(i, l, t, k, done, events)
		case opELM:
			y := s.out[i].at(t, k)
			for r := range k {
				s.whole(s.elm[i].input, l.in[0], t+int64(r), r)
				s.elm[i].step(s.kernel, l, y[r*s.out[i].size:])
			}
		case opAdd:
			s.add(l, s.out[i].at(t, k), t, k)
		default: // concat, activation
			s.concat(l, s.out[i].at(t, k), t, k)
		}
		if l.activate != nil {
			y := s.out[i].at(t, k)
			s.kernel.LUTInt8(y, y, l.activate)
		}
	}
}

func (s *int8Network) convolve(i int, l *layer8, t int64, k, done int, events []event) {
	sums := s.sums[i]
	if sums == nil {
		sums = s.shared
	}
	sums = sums[:k*s.n*l.groups*l.ldy()]
	if l.sparse() {
		s.scatter(l, &s.coming[i], t-int64(done), events)
		s.collect(l, &s.coming[i], sums, t, k)
	} else {
		clear(sums)
		if s.n == 1 && l.groups == 1 {
			s.atOnce(l, sums, t, k)
		} else {
			s.tapByTap(l, sums, t, k)
		}
	}
	if !l.silent {
		s.requant(i, l, sums, t, k)
	}
}

// atOnce adds for each step all taps of one neuron as one product: their inputs lie side by side, or are put there.
func (s *int8Network) atOnce(l *layer8, sums []int32, t int64, k int) {
	in, tap := &s.out[l.in[0]], l.in4*l.out16
	for r := range k {
		y := sums[r*l.out16:][:l.out16]
		if l.kernel > 1 && l.dilation > 1 || in.size != l.in4 {
			x := s.taps[:l.kernel*l.in4]
			in.gather(x, l.in4, t+int64(r), l.kernel, l.dilation)
			s.kernel.GemmInt8(y, x, l.w, 1, len(x), l.out16, len(x), l.out16)
			continue
		}
		a, b := in.back(t+int64(r), l.kernel-1, l.kernel)
		s.kernel.GemmInt8(y, a, l.w, 1, len(a), l.out16, len(a), l.out16)
		if len(b) > 0 {
			s.kernel.GemmInt8(y, b, l.w[len(a)/l.in4*tap:], 1, len(b), l.out16, len(b), l.out16)
		}
	}
}

// tapByTap adds each tap as a product of its own.
func (s *int8Network) tapByTap(l *layer8, sums []int32, t int64, k int) {
	in, stride := &s.out[l.in[0]], s.p.layers8[l.in[0]].stride
	for j := range l.kernel {
		a, b := in.back(t, (l.kernel-1-j)*l.dilation, k)
		if len(b) == 0 {
			s.tap(l, sums, a, stride, k*s.n, j)
			continue
		}
		rows := len(a) / stride
		s.tap(l, sums, a, stride, rows, j)
		s.tap(l, sums[rows*l.groups*l.ldy():], b, stride, k*s.n-rows, j)
	}
}

// requant makes activations of the sums of a convolution.
func (s *int8Network) requant(i int, l *layer8, sums []int32, t int64, k int) {
	y := s.out[i].at(t, k)
	ld := l.groups * l.ldy()
	for r := 0; r < k; {
		// Steps share a bias but for the first of a sequence.
		bias, same := l.biasesAt(t+int64(r)), r+1
		if len(l.biases) == l.width || t+int64(r) >= int64(l.reach()) {
			same = k
		}
		for g := range l.groups {
			if l.sparse() || l.depthwise() { // no padding between groups
				s.kernel.Requant(y[r*s.n*l.stride:], sums[r*s.n*ld:], bias, l.requant.mult, l.requant.shift, l.low(), l.before.zero, (same-r)*s.n, l.width, l.width, l.stride)
				break
			}
			o := g * l.outGroup
			s.kernel.Requant(y[r*s.n*l.stride+o:], sums[r*s.n*ld+g*l.out16:], bias[o:], l.requant.mult[o:], l.requant.shift, l.low(), l.before.zero,
				(same-r)*s.n, l.outGroup, ld, l.stride)
		}
		r = same
	}
}

// biasesAt is the bias of step t.
func (l *layer8) biasesAt(t int64) []int32 {
	v := 0
	if len(l.biases) > l.width {
		v = int(min(t/int64(l.dilation), int64(l.kernel-1)))
	}
	return l.biases[v*l.width:][:l.width]
}

// tap adds one tap's product for rows of x, each stride long.
func (s *int8Network) tap(l *layer8, sums []int32, x []uint8, stride, rows, j int) {
	if l.depthwise() {
		s.kernel.MulAddInt8(sums, x, l.w[j*l.width:][:l.width], rows, l.width, stride, l.width)
		return
	}
	size := l.in4 * l.out16
	for g := range l.groups {
		s.kernel.GemmInt8(sums[g*l.out16:], x[g*l.inGroup:], l.w[(j*l.groups+g)*size:][:size], rows, l.in4, l.out16, stride, l.groups*l.out16)
	}
}

// scatter adds the events' columns to the sums of the steps to come; step 0 of the
// call is t0.
func (s *int8Network) scatter(l *layer8, to *coming[int32], t0 int64, events []event) {
	for len(events) > 0 {
		n := samePlace(events)
		s.columns(events[:n], l.kernel*l.outGroup)
		slot := int(uint64(t0+int64(events[0].step())) % uint64(to.slots))
		y := to.data[events[0].neuron()*to.slots*l.width:][:to.slots*l.width]
		if l.dilation == 1 && l.groups == 1 {
			s.addColumns(l, y, slot, to.slots)
		} else {
			s.addTaps(l, y, slot, to.slots)
		}
		events = events[n:]
	}
}

// columns fills at and a with the events of one neuron and step: where the weights of their channels begin, size for
// each channel, and the factors.
func (s *int8Network) columns(events []event, size int) {
	s.at, s.a = s.at[:0], s.a[:0]
	for i := range events {
		s.at = append(s.at, int32(events[i].channel()*size))
		s.a = append(s.a, eventUnits(events[i].weight))
	}
}

// addColumns adds what is in at and a to y, a neuron's sums, from a slot on.
func (s *int8Network) addColumns(l *layer8, y []int32, slot, slots int) {
	first := min(l.kernel, slots-slot) * l.width
	s.kernel.ColumnsInt8(y[slot*l.width:][:first], l.w, s.at, s.a)
	if rest := l.kernel*l.width - first; rest > 0 {
		for i := range s.at {
			s.at[i] += int32(first)
		}
		s.kernel.ColumnsInt8(y[:rest], l.w, s.at, s.a)
	}
}

// addTaps is addColumns with dilation or groups.
func (s *int8Network) addTaps(l *layer8, y []int32, slot, slots int) {
	for lag := range l.kernel {
		for i, at := range s.at {
			c := int(at) / (l.kernel * l.outGroup)
			s.one[0] = at + int32(lag*l.outGroup)
			s.kernel.ColumnsInt8(y[slot*l.width+c/l.inGroup*l.outGroup:][:l.outGroup], l.w, s.one[:], s.a[i:i+1])
		}
		slot = (slot + l.dilation) % slots
	}
}

// eventUnits rounds a summed weight to the integers that the first layer takes, halves away from zero: adding a half
// to what was a float32 is exact where it matters.
func eventUnits(weight float32) int32 {
	x := float64(weight) * eventUnit
	switch {
	case x >= maxEventUnits:
		return maxEventUnits
	case x <= -maxEventUnits:
		return -maxEventUnits
	case x < 0:
		return int32(x - 0.5)
	}
	return int32(x + 0.5)
}

// collect moves the sums of steps t to t+k-1 to y, [step][neuron][channel].
func (s *int8Network) collect(l *layer8, from *coming[int32], y []int32, t int64, k int) {
	for r := range k {
		for i := range s.n {
			x := from.row(t+int64(r), i, l.width)
			copy(y[(r*s.n+i)*l.width:], x)
			clear(x)
		}
	}
}

func (s *int8Network) add(l *layer8, y []uint8, t int64, k int) {
	if len(l.in) == 2 && s.out[l.in[0]].size == s.out[l.in[1]].size && len(y) == k*s.out[l.in[0]].size {
		s.kernel.AddInt8(y, s.out[l.in[0]].at(t, k), s.out[l.in[1]].at(t, k), l.factor[0], l.factor[1], l.offset, l.shift, l.low())
		return
	}
	for r := range k * s.n {
		for c := range l.width {
			sum := l.offset
			for i, in := range l.in {
				x := s.out[in].at(t, k)
				sum += int32(x[r*s.p.layers8[in].stride+c]) * l.factor[i]
			}
			y[r*l.stride+c] = uint8(min(255, max(int32(l.low()), sum>>l.shift)))
		}
	}
}

func (s *int8Network) concat(l *layer8, y []uint8, t int64, k int) {
	first := 0
	for i, in := range l.in {
		x, from := s.out[in].at(t, k), &s.p.layers8[in]
		for r := range k * s.n {
			s.kernel.LUTInt8(y[r*l.stride+first:][:from.width], x[r*from.stride:][:from.width], l.table[i])
		}
		first += from.width
	}
}

// whole writes to y what an elm layer reads of step t, which is step r of the last forward, of a
// layer, [neuron][channel] in units(): its sums, where they are kept, or its activations.
func (s *int8Network) whole(y []int32, layer int, t int64, r int) {
	l := &s.p.layers8[layer]
	if !l.keepSums {
		x := s.out[layer].at(t, 1)
		for i := range s.n {
			for j, q := range x[i*l.stride:][:l.width] {
				y[i*l.width+j] = int32(q) - int32(l.out.zero)
			}
		}
		return
	}
	sums, bias := s.sums[layer][r*s.n*l.groups*l.ldy():], l.biasesAt(t)
	for i := range s.n * l.groups {
		b := bias[i%l.groups*l.outGroup:][:l.outGroup]
		for o, v := range sums[i*l.ldy():][:l.outGroup] {
			y[i*l.outGroup+o] = v + b[o]
		}
	}
}

func (s *int8Network) logit(h *head, c int, t int64, i int) float32 {
	l := &s.p.layers8[h.layer]
	o, r := h.index+c, int(t-s.first)
	if !l.keepSums {
		return float32(l.out.value(s.out[h.layer].at(t, 1)[i*l.stride+o]))
	}
	sum := s.sums[h.layer][((r*s.n+i)*l.groups+o/l.outGroup)*l.ldy()+o%l.outGroup] + l.biasesAt(t)[o]
	return float32(l.unit[o] * float64(sum))
}

func (s *int8Network) visit(now int64, i int, v visitor) {
	for j := range s.p.layers8 {
		l := &s.p.layers8[j]
		for b := l.lookback; b > 0; b-- {
			v.bytes(s.out[j].past(now, b)[i*l.stride:][:l.width])
		}
		if l.sparse() {
			for a := range l.reach() {
				v.ints(s.coming[j].row(now+int64(a), i, l.width))
			}
		}
		if s.elm[j] != nil {
			s.elm[j].visit(i, v)
		}
	}
}
