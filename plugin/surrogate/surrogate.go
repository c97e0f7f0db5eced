// Package surrogate runs models: N neurons stepped 1 ms at a time, without
// recomputing the past. The first layer is driven by single events; every other
// layer reads its past inputs from rings.
//
// Results are bit-identical for one kernel set whatever the number of neurons
// beside a neuron, the threads, the length of a Step, and the order in which
// events arrive. Within a step the weights of one channel are summed from the
// smallest up, in float32; a convolution adds to its bias the taps from the oldest
// to the present and within a tap the channels in ascending order; in bf16 the channels of a
// tap as the kernel set has them.
package surrogate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/population"
)

// Limits of a population.
const (
	MaxNeurons = 1 << neuronBits
	// maxTotalBytes bounds the state of all neurons, so that a wrong N is an
	// error rather than a machine that swaps.
	maxTotalBytes = 64 << 30
)

// Precisions of a population's arithmetic.
const (
	Float32 = "f32"  // the default
	BF16    = "bf16" // f32 but for matrix products, of weights and inputs rounded to bfloat16
	Int8    = "int8" // integers throughout: the same bits on every CPU; needs a quantised model
)

// Precisions lists them.
func Precisions() []string { return []string{Float32, BF16, Int8} }

// Options of a population. The zero value is good.
type Options struct {
	Precision string // Float32, BF16 or Int8; empty: Float32
	Kernel    string // name of the kernel set; empty: the best that there is
	Threads   int    // goroutines that share the neurons; 0 is 1
	// Sample draws each spike at random with its probability, from a generator keyed
	// by Seed, neuron and step, so that a draw depends on nothing else. Without it a
	// spike is where the probability reaches the model's threshold, and none in the model's
	// refractory time after it. A draw knows nothing of other steps.
	Sample bool
	Seed   uint64
}

// Population is N surrogate neurons of one model. It implements
// [population.Population].
type Population struct {
	plan   *plan
	info   population.Info
	hash   [32]byte
	shards []*shard
	// owner [neuron] is the index of the neuron's shard.
	owner  []int32
	now    int64
	closed bool
	// work [shard] and done connect the goroutines of shards 1 and up; nil with one.
	work []chan job
	done chan struct{}
}

var _ population.Population = (*Population)(nil)

// job is one Step as a shard's goroutine sees it.
type job struct {
	now   int64
	steps int
	n     int // neurons of the population
	out   population.Output
	heads []headOutput
}

// headOutput is where the values of a head go, [step][neuron][channel].
type headOutput struct {
	head *head
	data []float32
}

// New makes a population of n neurons at t = 0. It validates the model. Errors
// wrap population.ErrInput, ErrLimit, ErrFormat or ErrKernel.
func New(m *model.Model, n int, opt Options) (*Population, error) {
	if m == nil {
		return nil, fmt.Errorf("%w: no model", population.ErrInput)
	}
	if n < 1 {
		return nil, fmt.Errorf("%w: %d neurons, want at least 1", population.ErrInput, n)
	}
	if n > MaxNeurons {
		return nil, fmt.Errorf("%w: %d neurons, at most %d are accepted", population.ErrLimit, n, MaxNeurons)
	}
	if opt.Threads < 0 {
		return nil, fmt.Errorf("%w: %d threads", population.ErrInput, opt.Threads)
	}
	hash, err := m.Hash() // validates
	if err != nil {
		return nil, err
	}
	mi := m.Info()
	if total := (mi.StateBytes + 2*int64(m.Inputs.Channels)) * int64(n); total > maxTotalBytes || total > math.MaxInt/4 {
		return nil, fmt.Errorf("%w: %d neurons of %d bytes of state", population.ErrLimit, n, mi.StateBytes)
	}
	if opt.Precision != "" && !slices.Contains(Precisions(), opt.Precision) {
		return nil, fmt.Errorf("%w: precision %q, want one of %s", population.ErrInput, opt.Precision, strings.Join(Precisions(), ", "))
	}
	kernel, err := native.Select(opt.Kernel)
	if err != nil {
		return nil, kernelError{err}
	}

	plan, err := newPlan(m, n, kernel, opt)
	if err != nil {
		return nil, err
	}

	p := &Population{plan: plan, hash: hash, owner: make([]int32, n), info: population.Info{
		Kind: "surrogate", Model: m.Name, N: n, Channels: m.Inputs.Channels,
		MACsPerMS: mi.MACsPerMS, MACsPerEvt: mi.MACsPerEvent, StateBytes: int(mi.StateBytes),
	}}
	threads := min(max(1, opt.Threads), n)
	for i := range threads {
		first, end := i*n/threads, (i+1)*n/threads
		for j := first; j < end; j++ {
			p.owner[j] = int32(i)
		}
		p.shards = append(p.shards, newShard(p.plan, first, end-first))
	}
	if plan.layers8 != nil {
		p.info.StateBytes = p.payload() / n
	}
	if threads > 1 {
		p.done = make(chan struct{}, threads)
		for _, s := range p.shards[1:] {
			work := make(chan job)
			p.work = append(p.work, work)
			go func() {
				for j := range work {
					s.run(&j)
					p.done <- struct{}{}
				}
			}()
		}
	}
	return p, nil
}

// kernelError makes package native's error one that wraps population.ErrKernel
// without saying so twice.
type kernelError struct{ error }

func (e kernelError) Unwrap() []error { return []error{population.ErrKernel, e.error} }

// Info describes the population.
func (p *Population) Info() population.Info { return p.info }

// Kernel describes the kernel set in use.
func (p *Population) Kernel() native.Info { return p.plan.kernel.Info() }

// Now is the number of steps done since the last Reset.
func (p *Population) Now() int64 { return p.now }

// Reset returns to the state just after New. It does nothing once closed.
func (p *Population) Reset() {
	if p.closed {
		return
	}
	p.now = 0
	for _, s := range p.shards {
		s.reset()
	}
}

// SetNumbers says which neurons of a larger population these are, one number of at
// least 0 for each, instead of 0 to N-1. With [Options.Sample] each draws the spikes
// that it would draw there. The numbers stay when the state is reset or loaded. Errors
// wrap population.ErrInput or ErrClosed.
func (p *Population) SetNumbers(numbers []int64) error {
	if p.closed {
		return fmt.Errorf("%w: SetNumbers of a closed population", population.ErrClosed)
	}
	if len(numbers) != p.info.N {
		return fmt.Errorf("%w: %d numbers for %d neurons", population.ErrInput, len(numbers), p.info.N)
	}
	for i, n := range numbers {
		if n < 0 {
			return fmt.Errorf("%w: number %d of neuron %d, expected 0 or more", population.ErrInput, n, i)
		}
	}
	for _, s := range p.shards {
		s.numbers = slices.Clone(numbers[s.first : s.first+s.n])
	}
	return nil
}

// Close ends the population's goroutines and frees its state.
func (p *Population) Close() error {
	if p.closed {
		return fmt.Errorf("%w: population closed twice", population.ErrClosed)
	}
	p.closed = true
	for _, w := range p.work {
		close(w)
	}
	p.shards, p.work = nil, nil
	return nil
}

// Step advances by steps ms; see [population.Population]. VSoma is NaN when the
// model has no such head. Finite weights so large that a sum overflows give
// outputs that are not finite, for as long as the network remembers.
func (p *Population) Step(steps int, events []population.Event, out population.Output) error {
	return p.step(steps, events, out, nil)
}

// StepHeads is Step, and writes the outputs of heads, by their names in the model:
// [step][neuron][channel of the head], in the head's unit.
func (p *Population) StepHeads(steps int, events []population.Event, out population.Output, heads map[string][]float32) error {
	var outputs []headOutput
	for name, data := range heads {
		h, ok := p.plan.heads[name]
		if !ok {
			return fmt.Errorf("%w: the model has no head %q", population.ErrInput, name)
		}
		if steps > 0 && len(data)/p.info.N/h.count < steps {
			return fmt.Errorf("%w: output of head %s holds %d values, %d steps of %d neurons with %d channels need more",
				population.ErrInput, name, len(data), steps, p.info.N, h.count)
		}
		outputs = append(outputs, headOutput{&h, data})
	}
	return p.step(steps, events, out, outputs)
}

// Heads returns the names of the model's heads with their numbers of channels.
func (p *Population) Heads() map[string]int {
	heads := map[string]int{}
	for name, h := range p.plan.heads {
		heads[name] = h.count
	}
	return heads
}

func (p *Population) step(steps int, events []population.Event, out population.Output, heads []headOutput) error {
	if p.closed {
		return fmt.Errorf("%w: Step of a closed population", population.ErrClosed)
	}
	if err := population.CheckStep(p.info, p.now, steps, events, out); err != nil {
		return err
	}
	if len(p.shards) == 1 {
		p.shards[0].takeAll(p.now, events)
	} else {
		for i := range events {
			s := p.shards[p.owner[events[i].Neuron]]
			s.events = append(s.events, s.event(p.now, &events[i]))
		}
	}
	j := job{p.now, steps, p.info.N, out, heads}
	for _, w := range p.work {
		w <- j
	}
	p.shards[0].run(&j)
	for range p.work {
		<-p.done
	}
	p.now += int64(steps)
	return nil
}
