package network

import (
	"fmt"
	"math"

	"understudy/plugin/population"
)

// Limits that keep a hostile or mistaken graph from taking all memory.
const (
	MaxDelayMS     = 10000
	MaxConnections = 1 << 30
)

// Connection is one contact: a spike of neuron Pre becomes an event on channel
// Channel of neuron Post. Several contacts between two neurons are several
// connections.
type Connection struct {
	Pre, Post int32 // neurons, counted over all populations
	Channel   int32
	Weight    float32 // finite; 1 is one presynaptic spike
	// DelayMS is 0 < DelayMS <= MaxDelayMS; float64, as simulators have it, so that a spike
	// arrives in the same step as there.
	DelayMS float64
}

// Graph holds the connections of a network of N neurons in compressed rows: the
// connections of neuron i are entries row[i] to row[i+1], 20 bytes each. It
// does not change after it is made; several networks may share it.
type Graph struct {
	n                  int
	row                []int
	post               []int32
	channel            []int32
	weight             []float32
	delay              []float64
	minDelay, maxDelay float64
}

// NewGraph makes a graph of n neurons. The order of conns does not matter for
// the spikes of a network. Errors wrap population.ErrInput or ErrLimit and
// name the connection.
func NewGraph(n int, conns []Connection) (*Graph, error) {
	if n < 1 || n > math.MaxInt32 {
		return nil, fmt.Errorf("%w: graph of %d neurons", population.ErrInput, n)
	}
	if len(conns) > MaxConnections {
		return nil, fmt.Errorf("%w: %d connections, at most %d", population.ErrLimit, len(conns), MaxConnections)
	}
	g := &Graph{
		n: n, row: make([]int, n+1),
		post: make([]int32, len(conns)), channel: make([]int32, len(conns)),
		weight: make([]float32, len(conns)), delay: make([]float64, len(conns)),
	}
	for i, c := range conns {
		if err := c.Check(n, math.MaxInt); err != nil {
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
		g.row[c.Pre+1]++
		if i == 0 || c.DelayMS < g.minDelay {
			g.minDelay = c.DelayMS
		}
		g.maxDelay = max(g.maxDelay, c.DelayMS)
	}
	for i := range n {
		g.row[i+1] += g.row[i]
	}
	next := append([]int(nil), g.row[:n]...)
	for _, c := range conns {
		k := next[c.Pre]
		next[c.Pre]++
		g.post[k], g.channel[k], g.weight[k], g.delay[k] = c.Post, c.Channel, c.Weight, c.DelayMS
	}
	return g, nil
}

// Check returns an error, which wraps population.ErrInput, unless the connection is
// between two of n neurons and onto one of so many channels, and its numbers are in range.
func (c Connection) Check(n, channels int) error {
	switch {
	case c.Pre < 0 || int(c.Pre) >= n || c.Post < 0 || int(c.Post) >= n:
		return fmt.Errorf("%w: from neuron %d to %d, there are %d", population.ErrInput, c.Pre, c.Post, n)
	case c.Channel < 0:
		return fmt.Errorf("%w: channel %d", population.ErrInput, c.Channel)
	case int(c.Channel) >= channels:
		return fmt.Errorf("%w: channel %d, there are %d", population.ErrInput, c.Channel, channels)
	case math.IsNaN(float64(c.Weight)) || math.IsInf(float64(c.Weight), 0):
		return fmt.Errorf("%w: weight %g", population.ErrInput, c.Weight)
	case !(c.DelayMS > 0 && c.DelayMS <= MaxDelayMS):
		return fmt.Errorf("%w: delay %g ms, expected more than 0, at most %d", population.ErrInput, c.DelayMS, MaxDelayMS)
	}
	return nil
}

// Neurons is the number of neurons.
func (g *Graph) Neurons() int { return g.n }

// Connections is the number of connections.
func (g *Graph) Connections() int { return len(g.post) }

// From returns a copy of the connections that leave a neuron.
func (g *Graph) From(pre int) []Connection {
	var out []Connection
	for k := g.row[pre]; k < g.row[pre+1]; k++ {
		out = append(out, Connection{int32(pre), g.post[k], g.channel[k], g.weight[k], g.delay[k]})
	}
	return out
}
