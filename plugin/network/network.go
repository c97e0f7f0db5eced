// Package network connects populations: a router with delays, background drive
// and a recorder. It knows populations by their interface only, so that
// detailed cells and surrogates are interchangeable.
//
// Time: a spike of step k leaves at t = k+1 ms; over a connection of delay d it
// arrives at k+1+d and belongs to step int(k+1+d). An arrival less than 1e-6 ms before
// a whole ms counts as at that ms, so that the rounding of a delay such as 0.1 ms
// does not cost a step; NEURON's and NEST's adapters do the same.
package network

import (
	"context"
	"fmt"
	"math"

	"understudy/plugin/population"
)

// maxBlock bounds the steps done at once, for memory and so that a cancelled
// context is noticed.
const maxBlock = 32

// Options of a network.
type Options struct {
	// MaxBlock bounds the steps a population does at once; 0: what the smallest
	// delay allows. The result does not depend on it.
	MaxBlock int
}

// Network is one or more populations, the connections between them and their
// background input. It is used from one goroutine at a time and does not own
// the populations: the caller closes them.
type Network struct {
	pops  []population.Population
	first []int // first neuron of each population; last entry: all neurons
	// owner and local address a neuron: its population and its index there.
	owner []int32
	local []int32
	graph *Graph
	drive *driver
	// recorded are the drive's recorded events, by population, in the order of their steps.
	recorded [][]population.Event
	block    int
	now      int64
	bad      error // a step failed halfway: only Reset helps

	ring [][]population.Event // [step mod slots][population]
	// Scratch, reused by every block.
	events []population.Event
	outs   []population.Output
}

// New makes a network. graph nil: no connections; drive nil: no background.
// All populations must stand at t = 0. Errors wrap population.ErrInput and
// name the population or connection.
func New(pops []population.Population, graph *Graph, drive *Drive, opt Options) (*Network, error) {
	if len(pops) == 0 {
		return nil, fmt.Errorf("%w: network without populations", population.ErrInput)
	}
	if opt.MaxBlock < 0 {
		return nil, fmt.Errorf("%w: block of %d steps", population.ErrInput, opt.MaxBlock)
	}
	n := &Network{pops: append([]population.Population(nil), pops...), first: []int{0}}
	for i, p := range pops {
		info := p.Info()
		if info.N < 1 {
			return nil, fmt.Errorf("%w: population %d has %d neurons", population.ErrInput, i, info.N)
		}
		if p.Now() != 0 {
			return nil, fmt.Errorf("%w: population %d stands at %d ms, expected 0", population.ErrState, i, p.Now())
		}
		for j := range info.N {
			n.owner = append(n.owner, int32(i))
			n.local = append(n.local, int32(j))
		}
		n.first = append(n.first, len(n.owner))
	}
	if graph == nil {
		var err error
		if graph, err = NewGraph(len(n.owner), nil); err != nil {
			return nil, err
		}
	}
	n.graph = graph
	if err := n.checkGraph(); err != nil {
		return nil, err
	}
	if err := n.checkDrive(drive); err != nil {
		return nil, err
	}
	var err error
	if n.drive, err = newDriver(drive, len(n.owner)); err != nil {
		return nil, err
	}
	if n.recorded, err = n.sortRecorded(drive); err != nil {
		return nil, err
	}
	n.block = maxBlock
	if graph.Connections() > 0 {
		// A spike of a block's first step arrives 1+delay later; until then the
		// populations need nothing from each other. With delays below 1 ms that is
		// one step.
		n.block = min(n.block, 1+int(graph.minDelay))
	}
	if opt.MaxBlock > 0 {
		n.block = min(n.block, opt.MaxBlock)
	}
	// One slot more than the longest way, in case the arrival counts as the next ms.
	n.ring = make([][]population.Event, (n.block+int(graph.maxDelay)+2)*len(pops))
	n.outs = make([]population.Output, len(pops))
	for i, p := range pops {
		n.outs[i].Spike = make([]bool, n.block*p.Info().N)
	}
	return n, nil
}

func (n *Network) checkGraph() error {
	g := n.graph
	if g.Neurons() != n.Neurons() {
		return fmt.Errorf("%w: graph of %d neurons for %d", population.ErrInput, g.Neurons(), n.Neurons())
	}
	channels := make([]int32, len(n.pops))
	for i, p := range n.pops {
		channels[i] = int32(min(p.Info().Channels, math.MaxInt32))
	}
	for k, post := range g.post {
		if p := n.owner[post]; g.channel[k] >= channels[p] {
			return fmt.Errorf("%w: connection onto channel %d of neuron %d, population %d has %d channels",
				population.ErrInput, g.channel[k], post, p, channels[p])
		}
	}
	return nil
}

func (n *Network) checkDrive(d *Drive) error {
	if d == nil {
		return nil
	}
	for _, s := range d.Sources {
		for i, p := range n.pops {
			if s.Channels != nil && int(s.Channels.max()) >= p.Info().Channels {
				return fmt.Errorf("%w: source %q has channel %d, population %d has %d channels",
					population.ErrInput, s.Name, s.Channels.max(), i, p.Info().Channels)
			}
		}
	}
	return nil
}

// Neurons is the number of neurons of all populations.
func (n *Network) Neurons() int { return len(n.owner) }

// Now is the number of steps (ms) done since the last Reset.
func (n *Network) Now() int64 { return n.now }

// Reset returns the network and its populations to t = 0.
func (n *Network) Reset() {
	for _, p := range n.pops {
		p.Reset()
	}
	for i := range n.ring {
		n.ring[i] = n.ring[i][:0]
	}
	n.now, n.bad = 0, nil
}

// Run advances by steps ms and records into rec (nil: nothing). When ctx ends
// it stops between two blocks and returns ctx.Err(); Run may be called again.
// After any other error only Reset makes the network usable.
func (n *Network) Run(ctx context.Context, steps int, rec *Recorder) error {
	if n.bad != nil {
		return fmt.Errorf("%w: network stopped at %d ms by: %w", population.ErrState, n.now, n.bad)
	}
	if steps < 0 {
		return fmt.Errorf("%w: %d steps", population.ErrInput, steps)
	}
	if err := rec.prepare(n); err != nil {
		return err
	}
	for steps > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := min(steps, n.block)
		for p := range n.pops {
			if err := n.stepPopulation(p, b, rec); err != nil {
				n.bad = fmt.Errorf("population %d at %d ms: %w", p, n.now, err)
				return n.bad
			}
		}
		n.route(b, rec)
		n.now += int64(b)
		steps -= b
	}
	return nil
}

// stepPopulation gathers what reaches population p in the next b steps and steps it.
func (n *Network) stepPopulation(p, b int, rec *Recorder) error {
	n.events = n.events[:0]
	for s := range b {
		n.events = append(n.events, n.recordedIn(p, n.now+int64(s))...)
		slot := &n.ring[n.slot(n.now+int64(s), p)]
		n.events = append(n.events, *slot...)
		*slot = (*slot)[:0]
		for i := n.first[p]; i < n.first[p+1]; i++ {
			n.events = n.drive.events(n.events, i, n.local[i], n.now+int64(s))
		}
	}
	size := b * (n.first[p+1] - n.first[p])
	out := population.Output{Spike: n.outs[p].Spike[:size]}
	if rec.wantsVoltage(p) {
		n.outs[p].VSoma, n.outs[p].PSpike = grow(n.outs[p].VSoma, size), grow(n.outs[p].PSpike, size)
		out.VSoma, out.PSpike = n.outs[p].VSoma, n.outs[p].PSpike
	}
	if err := n.pops[p].Step(b, n.events, out); err != nil {
		return err
	}
	rec.inputs(n.first[p], n.events)
	rec.outputs(p, b, out)
	return nil
}

// route turns the spikes of the last b steps into events.
func (n *Network) route(b int, rec *Recorder) {
	g := n.graph
	for s := range b {
		step := n.now + int64(s)
		for p := range n.pops {
			size := n.first[p+1] - n.first[p]
			for i, spike := range n.outs[p].Spike[s*size : (s+1)*size] {
				if !spike {
					continue
				}
				pre := n.first[p] + i
				rec.spike(step, pre)
				for k := g.row[pre]; k < g.row[pre+1]; k++ {
					t := Arrival(float64(step+1) + g.delay[k])
					post := g.post[k]
					slot := &n.ring[n.slot(int64(t), int(n.owner[post]))]
					*slot = append(*slot, population.Event{TimeMS: t, Neuron: n.local[post], Channel: g.channel[k], Weight: g.weight[k]})
				}
			}
		}
	}
}

// Arrival is the time [ms] that an event counts as when it arrives at t: t itself, or the whole
// ms that comes less than 1e-6 ms later.
func Arrival(t float64) float64 { return max(t, math.Floor(t+1e-6)) }

// slot is the index in the ring of a step's events for population p.
func (n *Network) slot(step int64, p int) int {
	slots := int64(len(n.ring) / len(n.pops))
	return int(step%slots)*len(n.pops) + p
}

func grow(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}
