package detailed

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"understudy/native/cable"
	"understudy/plugin/population"
)

// Options of a population of detailed neurons.
type Options struct {
	// DtMS is the time step [ms]; it must divide 1 ms. 0 means 0.025.
	DtMS float64
	// Scheme is the integration scheme; empty means BackwardEuler.
	Scheme Scheme
	// Threads is the number of goroutines that step blocks of cells; 0 means 1.
	// Results are the same bits whatever it is.
	Threads int
	// Kernel names the loops to use (see native/cable); empty means the best that
	// this CPU runs. Every kernel gives the same bits.
	Kernel string
	// ExactRates evaluates rates by their formulas instead of interpolating
	// tables: slow, to check the tables with.
	ExactRates bool
}

// Scheme is how voltage is integrated.
type Scheme string

// Schemes.
const (
	// BackwardEuler is NEURON's default fixed step: first order in dt.
	BackwardEuler Scheme = "backward-euler"
	// CrankNicolson is second order in dt: more accurate at twice the step.
	CrankNicolson Scheme = "crank-nicolson"
)

// DefaultDtMS is the time step where an option leaves it out [ms].
const DefaultDtMS = 0.025

// Population is n detailed neurons of one cell; it implements
// population.Population and population.Labelled.
type Population struct {
	cell   *Cell
	opt    Options
	n      int
	blocks []*block
	lanes  int // neurons in every block but the last, which may have fewer
	now    int64
	closed bool

	inject  []float64 // current into the soma [nA], by neuron; nil for none
	pending []event   // sorted by block, then time; those left belong to the next step
	record  []recorder
	probes  []probe
}

// event is a population.Event resolved to a time step.
type event struct {
	tick    int64 // time steps since reset
	neuron  int32
	channel int32
	weight  float32
}

// Check tells whether New accepts the time step and the scheme.
func (o Options) Check() error {
	if per := 1 / o.DtMS; o.DtMS != 0 && (!(o.DtMS > 0 && o.DtMS <= 1) || math.Abs(per-math.Round(per)) > 1e-9 || per > 10000) {
		return fmt.Errorf("%w: dt = %g ms does not divide 1 ms into 1 to 10000 steps", population.ErrInput, o.DtMS)
	}
	switch o.Scheme {
	case "", BackwardEuler, CrankNicolson:
		return nil
	}
	return fmt.Errorf("%w: scheme %q, want %s or %s", population.ErrInput, o.Scheme, BackwardEuler, CrankNicolson)
}

// New makes n neurons of a cell at rest.
func New(c *Cell, n int, opt Options) (*Population, error) {
	if err := opt.Check(); err != nil {
		return nil, err
	}
	if opt.DtMS == 0 {
		opt.DtMS = DefaultDtMS
	}
	if opt.Scheme == "" {
		opt.Scheme = BackwardEuler
	}
	if n < 1 || n > maxNeurons {
		return nil, fmt.Errorf("%w: %d neurons, want 1 to %d", population.ErrInput, n, maxNeurons)
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", population.ErrInput, err)
	}
	opt.Threads = max(opt.Threads, 1)
	kernel, err := cable.Select(opt.Kernel)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", population.ErrKernel, err)
	}
	p := &Population{cell: c, opt: opt, n: n, record: make([]recorder, n)}
	k := newCompiler(c, opt.DtMS, opt.Scheme)
	programs := map[int]*program{}
	p.lanes = kernel.For((n + opt.Threads - 1) / opt.Threads).Lanes
	for at := 0; at < n; at += p.lanes {
		cells := min(p.lanes, n-at)
		loops := kernel.For(cells)
		if programs[loops.Lanes] == nil {
			prog, err := k.compile(loops.Lanes)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", population.ErrInput, err)
			}
			programs[loops.Lanes] = prog
		}
		p.blocks = append(p.blocks, newBlock(programs[loops.Lanes], loops, cells, opt.ExactRates))
	}
	p.Reset()
	return p, nil
}

// maxNeurons bounds one population; a cell of 640 segments takes some 150 kB.
const maxNeurons = 1 << 20

// Info implements population.Population.
func (p *Population) Info() population.Info {
	return population.Info{Kind: "detailed", Model: p.cell.Name, N: p.n, Channels: len(p.cell.Channels), StateBytes: p.blocks[0].p.stateLen() * 8}
}

// Now implements population.Population.
func (p *Population) Now() int64 { return p.now }

// Reset implements population.Population. Injected currents stay.
func (p *Population) Reset() {
	if p.closed {
		return
	}
	for _, b := range p.blocks {
		b.reset()
	}
	for i := range p.record {
		p.record[i].reset(p.voltage(i, p.cell.Soma))
	}
	for i := range p.probes {
		p.probes[i].reset(p)
	}
	p.now = 0
	p.pending = p.pending[:0]
}

// Close implements population.Population.
func (p *Population) Close() error {
	p.closed = true
	p.blocks, p.pending = nil, nil
	return nil
}

// Inject sets a constant current [nA] into the soma of a neuron from the next step on.
func (p *Population) Inject(neuron int, nA float64) error {
	if neuron < 0 || neuron >= p.n || math.IsNaN(nA) || math.IsInf(nA, 0) {
		return fmt.Errorf("%w: current %g nA into neuron %d of %d", population.ErrInput, nA, neuron, p.n)
	}
	if p.inject == nil {
		p.inject = make([]float64, p.n)
	}
	p.inject[neuron] = nA
	return nil
}

// voltage is the present voltage of a segment [mV].
func (p *Population) voltage(neuron, segment int) float64 {
	b := p.blocks[neuron/p.lanes]
	return b.v[segment*b.p.width+neuron%p.lanes]
}

// Step implements population.Population. An event takes effect at the start of the
// time step nearest to its time, as in NEURON. VSoma is the voltage at the start
// of each ms; Spike marks an upward crossing of -20 mV within the ms, which precedes the
// peak that the paper's label uses by about half a millisecond, so that the
// emitted step and the label step (population.LabelStep) mostly agree.
func (p *Population) Step(steps int, events []population.Event, out population.Output) error {
	if p.closed {
		return fmt.Errorf("detailed population: %w", population.ErrClosed)
	}
	if err := population.CheckStep(p.Info(), p.now, steps, events, out); err != nil {
		return err
	}
	p.enqueue(events)
	if p.opt.Threads == 1 || len(p.blocks) == 1 {
		for i := range p.blocks {
			p.stepBlock(i, steps, out)
		}
	} else {
		p.stepParallel(steps, out)
	}
	p.now += int64(steps)
	p.retire()
	return nil
}

func (p *Population) stepParallel(steps int, out population.Output) {
	var wg sync.WaitGroup
	for t := range min(p.opt.Threads, len(p.blocks)) {
		wg.Go(func() {
			for i := t; i < len(p.blocks); i += p.opt.Threads {
				p.stepBlock(i, steps, out)
			}
		})
	}
	wg.Wait()
}

// enqueue merges new events with those left over, in an order that does not
// depend on the order of arrival.
func (p *Population) enqueue(events []population.Event) {
	per, lanes := float64(p.blocks[0].p.stepsPerMS), int32(p.lanes)
	for _, e := range events {
		// NEURON delivers at a step's start what is due up to half a step later.
		tick := int64(math.Ceil(e.TimeMS*per - 0.5 - 1e-9))
		p.pending = append(p.pending, event{max(tick, p.now*int64(per)), e.Neuron, e.Channel, e.Weight})
	}
	slices.SortFunc(p.pending, func(a, b event) int {
		switch {
		case a.neuron/lanes != b.neuron/lanes:
			return int(a.neuron/lanes - b.neuron/lanes)
		case a.tick != b.tick:
			return int(a.tick - b.tick)
		case a.neuron != b.neuron:
			return int(a.neuron - b.neuron)
		case a.channel != b.channel:
			return int(a.channel - b.channel)
		case a.weight < b.weight:
			return -1
		case a.weight > b.weight:
			return 1
		}
		return 0
	})
}

// retire drops delivered events.
func (p *Population) retire() {
	end := p.now * int64(p.blocks[0].p.stepsPerMS)
	p.pending = slices.DeleteFunc(p.pending, func(e event) bool { return e.tick < end })
}

// due returns the pending events of a block.
func (p *Population) due(i int) []event {
	lanes := int32(p.lanes)
	lo, _ := slices.BinarySearchFunc(p.pending, int32(i), func(e event, t int32) int { return int(e.neuron/lanes - t) })
	hi := lo
	for hi < len(p.pending) && p.pending[hi].neuron/lanes == int32(i) {
		hi++
	}
	return p.pending[lo:hi]
}

// stepBlock advances one block by steps ms.
func (p *Population) stepBlock(i, steps int, out population.Output) {
	b, first := p.blocks[i], i*p.lanes
	defer b.settle()
	events := p.due(i)
	var inject []float64
	if p.inject != nil {
		inject = p.inject[first : first+b.cells]
	}
	dt := p.opt.DtMS
	for k := range steps {
		ms := p.now + int64(k)
		row := k*p.n + first
		if out.VSoma != nil {
			for l, v := range b.soma() {
				out.VSoma[row+l] = float32(v)
			}
		}
		for l := range b.cells {
			p.record[first+l].crossed = false
		}
		tick := ms * int64(b.p.stepsPerMS)
		for s := range int64(b.p.stepsPerMS) {
			for len(events) > 0 && events[0].tick <= tick+s {
				e := events[0]
				b.deliver(int(e.neuron)-first, e.channel, float64(e.weight))
				events = events[1:]
			}
			b.step(inject)
			t1 := float64(ms) + float64(s+1)*dt
			for l, v := range b.soma() {
				p.record[first+l].sample(t1, dt, v)
			}
			for q := range p.probes {
				p.probes[q].sample(p, first, b.cells)
			}
		}
		b.flush()
		for l := range b.cells {
			spike := p.record[first+l].crossed
			if out.Spike != nil {
				out.Spike[row+l] = spike
			}
			if out.PSpike != nil {
				out.PSpike[row+l] = 0
				if spike {
					out.PSpike[row+l] = 1
				}
			}
		}
	}
}
