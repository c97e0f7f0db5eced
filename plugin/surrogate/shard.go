package surrogate

import (
	"understudy/plugin/model"
	"understudy/plugin/population"
)

// blockRows is how many rows (neurons times steps) a shard gives the matrix
// kernels at once: with few neurons it runs several steps of a layer together,
// so that a loaded weight serves several steps.
const blockRows = 16

// blockBytes bounds what a block may add to a shard's memory.
const blockBytes = 16 << 20

// shard is a contiguous range of a population's neurons with their state. One
// goroutine runs a shard; shards share nothing but the plan.
//
// Every layer's output is kept in a ring of slots [slot][neuron][channel], where
// the step t has slot t mod slots. Later layers read it there as far back as they
// look; nothing is shifted. A ring is all zero at t = 0, which is what stands
// before every layer's input. Ring lengths are multiples of block and a run of
// steps is cut at multiples of block, so the steps of one run are adjacent.
type shard struct {
	p        *plan
	first, n int
	block    int
	out      []ring
	// pending [slot][neuron][channel] of a convolution on events: the sums of steps
	// to come, each beginning with the bias.
	pending []ring
	dense   ring // events as vectors, if the plan wants them

	events []event // of the current Step, sorted
	seen   counts
	dealt  []event // room for sortEvents
	ends   []int32
}

// ring is a ring buffer of slots of size values.
type ring struct {
	slots, size int
	data        []float32
}

func newRing(steps, block, size int) ring {
	slots := (steps + block - 1) / block * block
	return ring{slots: slots, size: size, data: make([]float32, slots*size)}
}

// at returns the slots of steps t to t+k-1, which must be adjacent.
func (r *ring) at(t int64, k int) []float32 {
	s := int(t % int64(r.slots))
	return r.data[s*r.size : (s+k)*r.size]
}

// back returns the slots of steps t-lag to t-lag+k-1 in two parts, of which the
// second is empty unless the ring's end lies between. lag < slots.
func (r *ring) back(t int64, lag, k int) (a, b []float32) {
	s := int((t - int64(lag) + int64(r.slots)) % int64(r.slots))
	first := min(k, r.slots-s)
	return r.data[s*r.size : (s+first)*r.size], r.data[:(k-first)*r.size]
}

// event is a synaptic event on its way through a shard. key holds, from the high
// bits down, the step within the call, the neuron within the shard and the
// channel, so that its order is the canonical order.
type event struct {
	key    uint64
	weight float32
}

// Bits of event.key.
const (
	channelBits = 20 // model.MaxChannels
	neuronBits  = 20 // MaxNeurons
	stepBits    = 24 // population.MaxSteps and more
)

// The fields must hold their limits: this does not compile otherwise.
const (
	_ = uint(1<<channelBits - model.MaxChannels)
	_ = uint(1<<stepBits - population.MaxSteps)
	_ = uint(64 - channelBits - neuronBits - stepBits)
)

func (e event) channel() int { return int(e.key & (1<<channelBits - 1)) }
func (e event) neuron() int  { return int(e.key >> channelBits & (1<<neuronBits - 1)) }
func (e event) step() int    { return int(e.key >> (channelBits + neuronBits)) }

func newShard(p *plan, first, n int) *shard {
	block := max(1, min(blockRows, int(blockBytes/p.bytes))/n)
	s := &shard{p: p, first: first, n: n, block: block, out: make([]ring, len(p.layers)), pending: make([]ring, len(p.layers))}
	for i := range p.layers {
		l := &p.layers[i]
		s.out[i] = newRing(l.lookback+s.block, s.block, n*l.width)
		if l.sparse() {
			s.pending[i] = newRing(l.reach()+s.block, s.block, n*l.width)
		}
	}
	if p.denseEvents {
		s.dense = newRing(s.block, s.block, n*p.channels)
	}
	s.reset()
	return s
}

func (s *shard) reset() {
	for i := range s.p.layers {
		clear(s.out[i].data)
		fillRows(s.pending[i].data, s.p.layers[i].bias)
	}
	s.seen = counts{}
}

// fillRows sets every row of y to row.
func fillRows(y, row []float32) {
	for len(y) > 0 {
		y = y[copy(y, row):]
	}
}

// run advances from step now by steps with the events in s.events, which it
// sorts, and writes the shard's columns of out, whose rows are stride long.
func (s *shard) run(now int64, steps int, out population.Output, stride int) {
	s.sortEvents(steps)
	s.count(steps)
	s.merge()
	events := s.events
	for done := 0; done < steps; {
		t := now + int64(done)
		k := min(steps-done, s.block-int(t%int64(s.block)))
		take := 0
		for take < len(events) && events[take].step() < done+k {
			take++
		}
		s.forward(t, k, done, events[:take])
		s.emit(t, k, done, out, stride)
		events = events[take:]
		done += k
	}
	s.events = s.events[:0]
}

// merge sums the weights of each channel in a step, in the sorted order, and
// leaves out sums of zero.
func (s *shard) merge() {
	to := 0
	for i := 0; i < len(s.events); {
		e := s.events[i]
		for i++; i < len(s.events) && s.events[i].key == e.key; i++ {
			e.weight += s.events[i].weight
		}
		if e.weight != 0 {
			s.events[to] = e
			to++
		}
	}
	s.events = s.events[:to]
}

// forward computes all layers for steps t to t+k-1, which are steps done to
// done+k-1 of the call.
func (s *shard) forward(t int64, k, done int, events []event) {
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
		case model.OpConv1D:
			if l.sparse() {
				s.scatter(l, &s.pending[i], t-int64(done), events)
				p := s.pending[i].at(t, k)
				copy(y, p)
				fillRows(p, l.bias)
			} else {
				s.convolve(l, y, &s.out[l.in[0]], t, k)
			}
		case model.OpBatchNorm:
			copy(y, s.input(l.in[0], t, k))
			s.p.kernel.ScaleShift(y, l.scale, l.shift, k*s.n, l.width)
		default: // add, activation
			copy(y, s.input(l.in[0], t, k))
			for _, in := range l.in[1:] {
				s.p.kernel.Add(y, s.input(in, t, k))
			}
		}
		if l.relu {
			s.p.kernel.ReLU(y)
		}
	}
}

func (s *shard) input(in int, t int64, k int) []float32 {
	if in == onEvents {
		return s.dense.at(t, k)
	}
	return s.out[in].at(t, k)
}

// scatter adds the events' columns to the steps to come; step 0 of the call is t0.
// An output's terms come in the order of their taps, oldest first, and within a tap
// of their channels: the order in which a dense convolution adds.
func (s *shard) scatter(l *layer, pending *ring, t0 int64, events []event) {
	for _, e := range events {
		c := e.channel()
		to := e.neuron()*l.width + c/l.inGroup*l.outGroup
		w := l.weight[c*l.kernel*l.outGroup:]
		slot := int((t0 + int64(e.step()) + int64(l.reach())) % int64(pending.slots))
		for range l.kernel { // tap 0 is the oldest: it reaches furthest ahead
			s.p.kernel.Axpy(pending.data[slot*pending.size+to:][:l.outGroup], w[:l.outGroup], e.weight)
			w = w[l.outGroup:]
			if slot -= l.dilation; slot < 0 {
				slot += pending.slots
			}
		}
	}
}

// convolve computes y = bias + taps, oldest first.
func (s *shard) convolve(l *layer, y []float32, in *ring, t int64, k int) {
	fillRows(y, l.bias)
	tap := l.groups * l.inGroup * l.outGroup
	for j := range l.kernel {
		w := l.weight[j*tap:][:tap]
		a, b := in.back(t, (l.kernel-1-j)*l.dilation, k)
		s.matmul(l, y, a, w)
		if len(b) > 0 {
			s.matmul(l, y[len(a)/l.inWidth*l.width:], b, w)
		}
	}
}

// matmul adds one tap's product for the rows of x.
func (s *shard) matmul(l *layer, y, x, w []float32) {
	rows := len(x) / l.inWidth
	if l.inGroup == 1 && l.outGroup == 1 {
		s.p.kernel.MulAdd(y, x, w, rows, l.width)
		return
	}
	for g := range l.groups {
		s.p.kernel.Gemm(y[g*l.outGroup:], x[g*l.inGroup:], w[g*l.inGroup*l.outGroup:], rows, l.inGroup, l.outGroup, l.inWidth, l.width)
	}
}

// emit writes the heads of steps t to t+k-1.
func (s *shard) emit(t int64, k, done int, out population.Output, stride int) {
	if out.PSpike != nil || out.Spike != nil {
		h := s.p.spike
		width := s.p.layers[h.layer].width
		z := s.out[h.layer].at(t, k)
		for r := range k {
			to := (done+r)*stride + s.first
			for i := range s.n {
				p := sigmoid(z[(r*s.n+i)*width+h.index])
				if out.PSpike != nil {
					out.PSpike[to+i] = p
				}
				if out.Spike != nil {
					out.Spike[to+i] = p >= s.p.threshold
				}
			}
		}
	}
	if out.VSoma != nil {
		h := s.p.vsoma
		if h.layer < 0 {
			for r := range k {
				fillRows(out.VSoma[(done+r)*stride+s.first:][:s.n], nan)
			}
			return
		}
		width := s.p.layers[h.layer].width
		z := s.out[h.layer].at(t, k)
		for r := range k {
			to := (done+r)*stride + s.first
			for i := range s.n {
				out.VSoma[to+i] = float32(h.offset + float64(h.scale*float64(z[(r*s.n+i)*width+h.index])))
			}
		}
	}
}
