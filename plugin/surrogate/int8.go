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
	layers []int8Layer
	shared []int32 // sums that nothing reads later
	// room for the events of one neuron and step, and for the inputs of a convolution of one neuron
	at, a []int32
	taps  []uint8
	one   [1]int32
}

// int8Layer is a layer of the plan with its state.
type int8Layer struct {
	layer8
	out    ring[uint8]   // unless it is silent
	coming coming[int32] // of a convolution on events
	sums   []int32       // of a convolution, if they are kept
	elm    *elmState8    // of an elm layer
}

func newInt8Network(p *plan, n, block int) *int8Network {
	s := &int8Network{p: p, kernel: p.kernel, n: n, layers: make([]int8Layer, len(p.layers8))}
	width := 0
	for i := range s.layers {
		l := &s.layers[i]
		l.layer8 = p.layers8[i]
		if !l.silent {
			l.out = newRing[uint8](l.lookback+block, block, n*l.stride)
		}
		if l.op == opConv1D {
			if l.keepSums {
				l.sums = make([]int32, block*n*l.groups*l.ldy())
			}
			width = max(width, l.groups*l.ldy())
		}
		if l.sparse() {
			l.coming = newComing[int32](&l.node, n, block)
		}
		if l.cell != nil {
			l.elm = newELMState8(l.cell, n)
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
	for i := range s.layers {
		l := &s.layers[i]
		fillRows(l.out.data, []uint8{l.layer8.out.zero})
		clear(l.coming.data)
		if l.elm != nil {
			l.elm.reset()
		}
	}
}

func (s *int8Network) forward(t int64, k, done int, events []event) {
	s.first = t
	for i := range s.layers {
		l := &s.layers[i]
		switch l.op {
		case opConv1D:
			s.convolve(l, t, k, done, events)
		case opELM:
			s.remember(l, t, k)
		case opAdd:
			s.add(l, l.out.at(t, k), t, k)
		default: // concat, activation
			s.concat(l, l.out.at(t, k), t, k)
		}
		if l.activate != nil {
			y := l.out.at(t, k)
			s.kernel.LUTInt8(y, y, l.activate)
		}
	}
}

// remember steps an elm layer.
func (s *int8Network) remember(l *int8Layer, t int64, k int) {
	y := l.out.at(t, k)
	for r := range k {
		s.whole(l.elm.input, &s.layers[l.in[0]], t+int64(r), r)
		l.elm.step(s.kernel, &l.layer8, y[r*l.out.size:])
	}
}

func (s *int8Network) convolve(l *int8Layer, t int64, k, done int, events []event) {
	sums := l.sums
	if sums == nil {
		sums = s.shared
	}
	sums = sums[:k*s.n*l.groups*l.ldy()]
	switch {
	case l.sparse():
		s.scatter(l, t-int64(done), events)
		s.collect(l, sums, t, k)
	case s.n == 1 && l.groups == 1:
		clear(sums)
		s.atOnce(l, &s.layers[l.in[0]].out, sums, t, k)
	default:
		clear(sums)
		s.tapByTap(l, &s.layers[l.in[0]], sums, t, k)
	}
	if !l.silent {
		s.requant(l, sums, t, k)
	}
}

// atOnce adds for each step all taps of one neuron as one product: their inputs lie side by side, or are put there.
func (s *int8Network) atOnce(l *int8Layer, in *ring[uint8], sums []int32, t int64, k int) {
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
			s.kernel.GemmInt8(y, b, l.w[len(a)*l.out16:], 1, len(b), l.out16, len(b), l.out16)
		}
	}
}

// tapByTap adds each tap as a product of its own.
func (s *int8Network) tapByTap(l, in *int8Layer, sums []int32, t int64, k int) {
	stride := in.stride
	for j := range l.kernel {
		a, b := in.out.back(t, (l.kernel-1-j)*l.dilation, k)
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
func (s *int8Network) requant(l *int8Layer, sums []int32, t int64, k int) {
	y, r := l.out.at(t, k), 0
	if len(l.biases) > l.width { // the first steps of a sequence have biases of their own
		for ; r < k && t+int64(r) < int64(l.reach()); r++ {
			s.requantSteps(l, y, sums, t, r, 1)
		}
	}
	if r < k {
		s.requantSteps(l, y, sums, t, r, k-r)
	}
}

// requantSteps does it for k steps from step r on, which share a bias.
func (s *int8Network) requantSteps(l *int8Layer, y []uint8, sums []int32, t int64, r, k int) {
	bias, ld := l.biasesAt(t+int64(r)), l.groups*l.ldy()
	y, sums = y[r*s.n*l.stride:], sums[r*s.n*ld:]
	if l.groups == 1 || ld == l.width { // no padding between groups
		s.kernel.Requant(y, sums, bias, l.requant.mult, l.requant.shift, l.low(), l.before.zero, k*s.n, l.width, ld, l.stride)
		return
	}
	for g := range l.groups {
		o := g * l.outGroup
		s.kernel.Requant(y[o:], sums[g*l.out16:], bias[o:], l.requant.mult[o:], l.requant.shift, l.low(), l.before.zero, k*s.n, l.outGroup, ld, l.stride)
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
func (s *int8Network) tap(l *int8Layer, sums []int32, x []uint8, stride, rows, j int) {
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
func (s *int8Network) scatter(l *int8Layer, t0 int64, events []event) {
	for len(events) > 0 {
		n := samePlace(events)
		s.columns(events[:n], l.kernel*l.outGroup)
		slot := int(uint64(t0+int64(events[0].step())) % uint64(l.coming.slots))
		y := l.coming.data[events[0].neuron()*l.coming.slots*l.width:][:l.coming.slots*l.width]
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
func (s *int8Network) columns(events []event, size int) {
	s.at, s.a = s.at[:0], s.a[:0]
	for i := range events {
		s.at = append(s.at, int32(events[i].channel()*size))
		s.a = append(s.a, eventUnits(events[i].weight))
	}
}

// addColumns adds what is in at and a to y, a neuron's sums, from a slot on.
func (s *int8Network) addColumns(l *int8Layer, y []int32, slot int) {
	first := min(l.kernel, l.coming.slots-slot) * l.width
	s.kernel.ColumnsInt8(y[slot*l.width:][:first], l.w, s.at, s.a)
	if rest := l.kernel*l.width - first; rest > 0 {
		for i := range s.at {
			s.at[i] += int32(first)
		}
		s.kernel.ColumnsInt8(y[:rest], l.w, s.at, s.a)
	}
}

// addTaps is addColumns with dilation or groups.
func (s *int8Network) addTaps(l *int8Layer, y []int32, slot int) {
	for lag := range l.kernel {
		for i, at := range s.at {
			c := int(at) / (l.kernel * l.outGroup)
			s.one[0] = at + int32(lag*l.outGroup)
			s.kernel.ColumnsInt8(y[slot*l.width+c/l.inGroup*l.outGroup:][:l.outGroup], l.w, s.one[:], s.a[i:i+1])
		}
		slot = (slot + l.dilation) % l.coming.slots
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
func (s *int8Network) collect(l *int8Layer, y []int32, t int64, k int) {
	for r := range k {
		for i := range s.n {
			x := l.coming.row(t+int64(r), i, l.width)
			copy(y[(r*s.n+i)*l.width:], x)
			clear(x)
		}
	}
}

func (s *int8Network) add(l *int8Layer, y []uint8, t int64, k int) {
	if len(l.in) == 2 {
		a, b := &s.layers[l.in[0]].out, &s.layers[l.in[1]].out
		if a.size == b.size && len(y) == k*a.size {
			s.kernel.AddInt8(y, a.at(t, k), b.at(t, k), l.factor[0], l.factor[1], l.offset, l.shift, l.low())
			return
		}
	}
	for r := range k * s.n {
		for c := range l.width {
			sum := l.offset
			for i, in := range l.in {
				from := &s.layers[in]
				sum += int32(from.out.at(t, k)[r*from.stride+c]) * l.factor[i]
			}
			y[r*l.stride+c] = uint8(min(255, max(int32(l.low()), sum>>l.shift)))
		}
	}
}

func (s *int8Network) concat(l *int8Layer, y []uint8, t int64, k int) {
	first := 0
	for i, in := range l.in {
		from := &s.layers[in]
		x := from.out.at(t, k)
		for r := range k * s.n {
			s.kernel.LUTInt8(y[r*l.stride+first:][:from.width], x[r*from.stride:][:from.width], l.table[i])
		}
		first += from.width
	}
}

// whole writes to y what an elm layer reads of step t, which is step r of the last forward, of layer
// l, [neuron][channel] in units(): its sums, where they are kept, or its activations.
func (s *int8Network) whole(y []int32, l *int8Layer, t int64, r int) {
	if !l.keepSums {
		x := l.out.at(t, 1)
		for i := range s.n {
			for j, q := range x[i*l.stride:][:l.width] {
				y[i*l.width+j] = int32(q) - int32(l.layer8.out.zero)
			}
		}
		return
	}
	sums, bias := l.sums[r*s.n*l.groups*l.ldy():], l.biasesAt(t)
	for i := range s.n * l.groups {
		addBias(y[i*l.outGroup:][:l.outGroup], sums[i*l.ldy():], bias[i%l.groups*l.outGroup:])
	}
}

// addBias computes y[j] = x[j] + bias[j] for every j < len(y), four at a time, see native.Set.LUTInt8.
func addBias(y, x, bias []int32) {
	for ; len(y) >= 4; y, x, bias = y[4:], x[4:], bias[4:] {
		y, x, b := (*[4]int32)(y), (*[4]int32)(x), (*[4]int32)(bias)
		y[0], y[1], y[2], y[3] = x[0]+b[0], x[1]+b[1], x[2]+b[2], x[3]+b[3]
	}
	for j := range y {
		y[j] = x[j] + bias[j]
	}
}

func (s *int8Network) logit(h *head, c int, t int64, i int) float32 {
	l := &s.layers[h.layer]
	o, r := h.index+c, int(t-s.first)
	if !l.keepSums {
		return float32(l.layer8.out.value(l.out.at(t, 1)[i*l.stride+o]))
	}
	at := (r*s.n+i)*l.groups*l.ldy() + o
	if l.groups > 1 { // with padding between
		at += o / l.outGroup * (l.ldy() - l.outGroup)
	}
	return float32(l.unit[o] * float64(l.sums[at]+l.biasesAt(t)[o]))
}

func (s *int8Network) visit(now int64, i int, v visitor) {
	for j := range s.layers {
		l := &s.layers[j]
		for b := l.lookback; b > 0; b-- {
			v.bytes(l.out.past(now, b)[i*l.stride:][:l.width])
		}
		if l.sparse() {
			for a := range l.reach() {
				v.ints(l.coming.row(now+int64(a), i, l.width))
			}
		}
		if l.elm != nil {
			l.elm.visit(i, v)
		}
	}
}
