// Package detailed simulates compartmental neurons: branched cables with
// voltage-gated channels, calcium and synapses, in float64, with the implicit
// fixed-step scheme that NEURON uses by default.
package detailed

import (
	"fmt"

	"understudy/plugin/mechanism"
	"understudy/plugin/morphology"
)

// Insertion is one mechanism in one segment with its parameter values, in the
// order of Mechanism.Params.
type Insertion struct {
	Mechanism *mechanism.Mechanism
	Values    []float64
}

// SegmentSpec is everything electrical about one segment.
type SegmentSpec struct {
	Cm       float64 // membrane capacitance [uF/cm2]
	Ra       float64 // axial resistivity [ohm cm]
	Inserted []Insertion
}

// Contact is a synapse on a segment that an input channel drives.
type Contact struct {
	Synapse *mechanism.Synapse
	Segment int // index into Nodes' segments
}

// Cell describes a neuron completely; engines compile it.
type Cell struct {
	Name     string
	Nodes    []morphology.Node // parents first; NEURON's nodes
	Area     []float64         // [um2] of each segment
	Segments []SegmentSpec
	// Channels lists, for each input channel, the contacts that an event drives.
	Channels [][]Contact
	Soma     int     // segment whose voltage is the output
	ENa, EK  float64 // reversal potentials [mV]
	CaOut    float64 // extracellular calcium [mM]
	CaInit   float64 // intracellular calcium at t = 0 [mM]
	Celsius  float64 // temperature [degC]; enters the Nernst potential of calcium only
	VInit    float64 // voltage of every segment at t = 0 [mV]
}

// validate checks what the compiler of a cell relies on.
func (c *Cell) validate() error {
	n := len(c.Segments)
	if n == 0 || len(c.Area) != n {
		return fmt.Errorf("cell %s: %d segments with %d areas", c.Name, n, len(c.Area))
	}
	if c.Soma < 0 || c.Soma >= n {
		return fmt.Errorf("cell %s: soma segment %d of %d", c.Name, c.Soma, n)
	}
	seen := 0
	for i, nd := range c.Nodes {
		if nd.Parent >= i || (nd.Parent < 0) != (i == 0) {
			return fmt.Errorf("cell %s: node %d has parent %d", c.Name, i, nd.Parent)
		}
		if nd.Parent >= 0 && !(nd.Resistance > 0) {
			return fmt.Errorf("cell %s: node %d has axial resistance %g", c.Name, i, nd.Resistance)
		}
		if nd.Segment >= n {
			return fmt.Errorf("cell %s: node %d names segment %d of %d", c.Name, i, nd.Segment, n)
		}
		if nd.Segment >= 0 {
			seen++
		}
	}
	if seen != n {
		return fmt.Errorf("cell %s: %d nodes for %d segments", c.Name, seen, n)
	}
	for ch, contacts := range c.Channels {
		for _, k := range contacts {
			if k.Segment < 0 || k.Segment >= n {
				return fmt.Errorf("cell %s: channel %d is on segment %d of %d", c.Name, ch, k.Segment, n)
			}
		}
	}
	for i, s := range c.Segments {
		if !(s.Cm > 0) || !(s.Ra > 0) || !(c.Area[i] > 0) {
			return fmt.Errorf("cell %s: segment %d has cm %g, Ra %g, area %g", c.Name, i, s.Cm, s.Ra, c.Area[i])
		}
	}
	return nil
}
