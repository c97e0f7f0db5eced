// Package morphology holds the geometry of a neuron: reconstructions become
// sections, sections become segments, segments become the nodes of the cable
// equation. Files are read as NEURON's Import3D reads them, so that section
// names, segment counts, areas and axial resistances are those of NEURON.
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

// Point is one 3-D point of a section: position and diameter [um]. Geometry is
// computed from the values rounded to float32, as NEURON keeps them.
type Point struct{ X, Y, Z, Diam float64 }

// Section is an unbranched cable.
type Section struct {
	Name   string // as NEURON's Import3D names it: soma[0], dend[3], apic[17]
	Region Region
	// Parent is an index into Morphology.Sections, -1 for the root. Parents come
	// first, except in files where one type of neurite grows from another: the
	// order by region comes before that. Use Morphology.Order to go down the tree.
	Parent  int
	ParentX float64 // where on the parent it is connected, 0 (its start) to 1 (its end)
	Points  []Point // at least two, from the end near the soma outwards
	NSeg    int     // number of segments, odd; 1 after import
}

// Morphology is a tree of sections: the soma (index 0, the root) first, then
// axon, basal (dend) and apical (apic) sections in NEURON's order of names.
type Morphology struct {
	Name     string
	Sections []Section
}

// Segment is one compartment, in section order and, inside a section, from the
// end near the soma outwards.
type Segment struct {
	Section  int     // index into Morphology.Sections
	Index    int     // 0 .. NSeg-1 within the section
	X        float64 // centre, 0..1 along the section: (Index+0.5)/NSeg
	LengthUM float64
	AreaUM2  float64 // membrane area: lateral areas of the frusta inside the segment
	DiamUM   float64 // mean diameter along the segment, NEURON's diam; AreaUM2/(pi*LengthUM) but for taper
	// Axial resistance from the centre to the near and to the far end, for a
	// resistivity of 1 ohm cm [Mohm]: multiply by Ra. How segments connect is told by Nodes.
	RNear, RFar float64
	// DistanceUM is the path distance from the middle of the soma, soma[0](0.5), to the centre.
	DistanceUM float64
	// DistanceFromSoma0UM is the path distance from the start of the soma,
	// soma[0](0), to the centre: NEURON's distance() with its origin there.
	DistanceFromSoma0UM float64
}

// Node is one unknown of the cable equation.
type Node struct {
	// Parent is the index of the node nearer to the root, less than this node's
	// own index; -1 for the root.
	Parent int
	// Resistance is the axial resistance to Parent for a resistivity of 1 ohm cm
	// [Mohm]: multiply by Ra. 0 for the root.
	Resistance float64
	// Segment is the segment whose centre this is, an index into Segments;
	// -1 for a point without membrane where section ends meet.
	Segment int
}
