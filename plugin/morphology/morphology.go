// Package morphology holds the geometry of a neuron: reconstructions become
// sections, sections become segments.
package morphology

// Region is the part of the neuron that a section belongs to.
type Region uint8

// Regions, named as NEURON's Import3D names sections of that type.
const (
	Soma Region = iota
	Axon
	Basal
	Apical
)

// String returns the NEURON section name of the region: soma, axon, dend, apic.
func (r Region) String() string {
	switch r {
	case Soma:
		return "soma"
	case Axon:
		return "axon"
	case Basal:
		return "dend"
	case Apical:
		return "apic"
	}
	return "unknown"
}

// Point is one 3-D point of a section: position and diameter [um].
type Point struct{ X, Y, Z, Diam float64 }

// Section is an unbranched cable.
type Section struct {
	Name    string  // as NEURON's Import3D names it: soma[0], dend[3], apic[17]
	Region  Region
	Parent  int     // index into Morphology.Sections, -1 for the root; parents come first
	ParentX float64 // where on the parent it is connected, 0 (its start) to 1 (its end)
	Points  []Point // at least two, from the end near the soma outwards
	NSeg    int     // number of segments, odd
}

// Morphology is a tree of sections: the soma first, then axon, basal (dend)
// and apical (apic) sections in NEURON's order of names.
type Morphology struct {
	Name     string
	Sections []Section
}

// Segment is one compartment, in section order and, inside a section, from the end near
// the soma outwards.
type Segment struct {
	Section    int     // index into Morphology.Sections
	Index      int     // 0 .. NSeg-1 within the section
	X          float64 // centre, 0..1 along the section: (Index+0.5)/NSeg
	LengthUM   float64
	AreaUM2    float64 // membrane area, frusta integrated as NEURON does
	DiamUM     float64 // AreaUM2 / (pi * LengthUM)
	// Axial resistance from the centre to the near and to the far end, for a
	// resistivity of 1 ohm cm [Mohm]: multiply by Ra.
	RNear, RFar float64
	Parent      int     // parent segment, -1 for the root; a section attached at 0.5 of an odd-nseg parent has the middle segment
	// ParentAtFar is true when the axial path passes through the parent segment's
	// far end (adds the parent's RFar), false when it starts at the parent's centre.
	ParentAtFar bool
	// DistanceUM is the path distance from the middle of the soma (0.5) to the centre.
	DistanceUM float64
}
