// Package cell holds the built-in cells: which mechanisms, at which density,
// on which morphology, with which synapses.
package cell

import (
	"understudy/plugin/morphology"
)

// Kind says what a channel does to its segment.
type Kind string

// Kinds of channel.
const (
	Excitatory Kind = "exc"
	Inhibitory Kind = "inh"
)

// Channel describes one synaptic input of a cell.
type Channel struct {
	Kind       Kind
	Segment    int               // index of the segment among those that carry synapses: dend, then apic
	Section    string            // name of the section
	X          float64           // centre of the segment along its section, 0..1
	Region     morphology.Region // Basal or Apical
	LengthUM   float64           // length of the segment
	DistanceUM float64           // path distance to the middle of the soma
}
