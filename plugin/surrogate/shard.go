package surrogate

import (
	"slices"

	"understudy/plugin/model"
	"understudy/plugin/population"
)

// blockRows is how many rows (neurons times steps) a shard gives the matrix
// kernels at once: with few neurons it runs several steps of a layer together,
// so that a loaded weight serves several steps.
const blockRows = 16

// blockBytes bounds what a block may add to a shard's memory.
const blockBytes = 16 << 20

// shard is a contiguous range of a population's neurons. One goroutine runs a shard;
// shards share nothing but the plan.
type shard struct {
	p        *plan
	first, n int
	block    int
	net      network
	silent   []int32 // [neuron] for how many steps none is emitted; nil in a model that is never refractory
	numbers  []int64 // [neuron] see Population.SetNumbers; nil: first and up

	events []event // of the current Step
	seen   counts
	merger *merger // nil with more channels than it may have
	dealt  []event // room for sortPlaces
	ends   []int32
}

// network is the state and the arithmetic of a shard's neurons: in float32 or in
// integers. A run of steps is cut at multiples of the shard's block, so that the
// steps t to t+k-1 of one call lie within one block.
type network interface {
	reset()
	// forward computes all layers for steps t to t+k-1, which are steps done to
	// done+k-1 of the call, with the events of these steps, sorted and merged.
	forward(t int64, k, done int, events []event)
	// logit returns channel c (counted from h.index) of a head's layer before its
	// scale and offset, of neuron i in step t, one of the last forward.
	logit(h *head, c int, t int64, i int) float32
	// visit shows v all state of neuron i when step now is the next.
	visit(now int64, i int, v visitor)
}

func newShard(p *plan, first, n int) *shard {
	s := &shard{p: p, first: first, n: n, block: max(1, min(blockRows, int(blockBytes/p.bytes))/n), seen: p.newCounts(n)}
	if p.layers8 != nil {
		s.net = newInt8Network(p, n, s.block)
	} else {
		s.net = newFloatNetwork(p, n, s.block)
	}
	if p.channels <= mostMerged {
		s.merger = new(merger)
	}
	if p.refractory > 0 {
		s.silent = make([]int32, n)
	}
	return s
}

func (s *shard) reset() {
	s.net.reset()
	s.seen.reset()
	clear(s.silent)
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

// event is an event of a step from now on as the shard sees it.
func (s *shard) event(now int64, e *population.Event) event {
	step := uint64(int64(e.TimeMS) - now) // TimeMS >= now >= 0: truncating is flooring
	return event{
		key:    (step<<neuronBits|uint64(int(e.Neuron)-s.first))<<channelBits | uint64(e.Channel),
		weight: e.Weight,
	}
}

// takeAll takes all events of a Step.
func (s *shard) takeAll(now int64, events []population.Event) {
	s.events = slices.Grow(s.events[:0], len(events))[:len(events)]
	for i := range events {
		s.events[i] = s.event(now, &events[i])
	}
}

// run does job j with the events in s.events, and writes the shard's columns of the outputs.
func (s *shard) run(j *job) {
	s.arrange(j)
	events := s.events
	for done := 0; done < j.steps; {
		t := j.now + int64(done)
		k := min(j.steps-done, s.block-int(t%int64(s.block)))
		take := len(events)
		if done+k < j.steps {
			for take = 0; take < len(events) && events[take].step() < done+k; {
				take++
			}
		}
		s.net.forward(t, k, done, events[:take])
		for r := range k {
			s.emit(j, t+int64(r), done+r)
		}
		events = events[take:]
		done += k
	}
	s.events = s.events[:0]
}

// arrange puts the events into the canonical order and merges those of each channel in a step, and
// counts them as they came.
func (s *shard) arrange(j *job) {
	s.sortPlaces(j.steps)
	events, to, quiet := s.events, 0, j.steps*s.n
	for i := 0; i < len(events); quiet-- {
		next := len(events)
		if j.steps*s.n > 1 {
			next = i + samePlace(events[i:])
		}
		mixed := s.count(j.now, events[i:next])
		if s.merger != nil {
			to += s.merger.merge(events[to:], events[i:next], mixed)
		} else {
			to += mergeSorted(events[to:], events[i:next])
		}
		i = next
	}
	s.events = events[:to]
	s.seen.steps += int64(j.steps) * int64(s.n)
	if !s.p.rates.has(0) {
		s.seen.stepsOutside += int64(quiet)
	}
}

// emit writes the outputs of step t, which is step row of the call.
func (s *shard) emit(j *job, t int64, row int) {
	to := row*j.n + s.first
	if j.out.PSpike != nil || j.out.Spike != nil || s.silent != nil {
		for i := range s.n {
			p := sigmoid(s.net.logit(&s.p.spike, 0, t, i))
			if j.out.PSpike != nil {
				j.out.PSpike[to+i] = p
			}
			if j.out.Spike != nil {
				j.out.Spike[to+i] = s.spikes(p, t, i)
			} else if s.silent != nil {
				s.spikes(p, t, i) // the refractory time goes on, whoever looks
			}
		}
	}
	if j.out.VSoma != nil {
		h := &s.p.vsoma
		for i := range s.n {
			v := nan
			if h.layer >= 0 {
				v = h.value(s.net.logit(h, 0, t, i))
			}
			j.out.VSoma[to+i] = v
		}
	}
	for _, x := range j.heads {
		for i := range s.n {
			for c := range x.head.count {
				x.data[(to+i)*x.head.count+c] = x.head.value(s.net.logit(x.head, c, t, i))
			}
		}
	}
}

// spikes says whether neuron i of the shard emits a spike with probability p in step t.
func (s *shard) spikes(p float32, t int64, i int) bool {
	if s.p.sample {
		number := int64(s.first + i)
		if s.numbers != nil {
			number = s.numbers[i]
		}
		return uniform(s.p.seed, uint64(number), uint64(t)) < p
	}
	if s.silent == nil {
		return p >= s.p.threshold
	}
	if s.silent[i] > 0 {
		s.silent[i]--
		return false
	}
	if p < s.p.threshold {
		return false
	}
	s.silent[i] = s.p.refractory
	return true
}
