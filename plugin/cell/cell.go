// Package cell holds the built-in cells: which mechanisms, at which density,
// on which morphology, with which synapses.
//
// To add a cell write one file with its builder and add a row to builders.
package cell

import (
	"fmt"
	"math"
	"slices"

	"understudy/plugin/detailed"
	"understudy/plugin/mechanism"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
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

// Options of a cell; the zero value is the default of each.
type Options struct {
	// Morphology replaces the built-in one; its axon is replaced by two stubs.
	// Sections are cut into 1 + 2*int(L/40) segments.
	Morphology *morphology.Morphology
	// Synapses is what excitatory channels open: "nmda" (AMPA and NMDA, the
	// default) or "ampa" (AMPA alone).
	Synapses string
	// Dendrites is "active" (the default) or "passive": basal and apical segments keep
	// capacitance, leak and synapses, and lose every voltage-gated and
	// calcium-dependent conductance, Ih too. The soma and the axon stay as they are.
	Dendrites string
	// Scheme is the integration scheme of compartmental cells; empty means
	// detailed.BackwardEuler, NEURON's.
	Scheme detailed.Scheme
	// DtMS is the time step [ms], 0 for 0.025.
	DtMS float64
	// Threads steps the population on so many goroutines; 0 means 1.
	Threads int
}

type builder struct {
	name, summary string
	new           func(n int, o Options) (population.Population, error)
	channels      func(o Options) ([]Channel, error)
}

// builders is the list of built-in cells.
var builders = []builder{
	{"l5pc", "layer-5 pyramidal cell: our own morphology, channels and densities of Hay et al. 2011", compartmental(l5pc), compartmentalChannels(l5pc)},
	{"lif", "leaky integrate-and-fire point neuron with 80 excitatory and 20 inhibitory inputs", newLIF, lifChannels},
	{"passive", "the layer-5 pyramidal cell without active conductances", compartmental(passive), compartmentalChannels(passive)},
}

// Names returns the built-in cells, in alphabetical order.
func Names() []string {
	var names []string
	for _, b := range builders {
		names = append(names, b.name)
	}
	return names
}

// Summary says in one line what a built-in cell is.
func Summary(name string) string {
	if b, err := lookup(name); err == nil {
		return b.summary
	}
	return ""
}

func lookup(name string) (builder, error) {
	i := slices.IndexFunc(builders, func(b builder) bool { return b.name == name })
	if i < 0 {
		return builder{}, fmt.Errorf("%w: no cell %q; there are %v", population.ErrInput, name, Names())
	}
	return builders[i], nil
}

// New makes a population of n neurons of a built-in cell.
func New(name string, n int, o Options) (population.Population, error) {
	b, err := lookup(name)
	if err != nil {
		return nil, err
	}
	return b.new(n, o)
}

// Channels describes the inputs of a built-in cell, by channel: the excitatory
// synapses in segment order, then the inhibitory ones.
func Channels(name string, o Options) ([]Channel, error) {
	b, err := lookup(name)
	if err != nil {
		return nil, err
	}
	return b.channels(o)
}

// Build returns the full description of a compartmental built-in cell and its
// morphology, for inspection or for a population with detailed.Options.
func Build(name string, o Options) (*detailed.Cell, *morphology.Morphology, error) {
	switch name {
	case "l5pc":
		return assemble(name, o, l5pc)
	case "passive":
		return assemble(name, o, passive)
	}
	return nil, nil, fmt.Errorf("%w: cell %q has no compartments", population.ErrInput, name)
}

func compartmental(bio biophysics) func(int, Options) (population.Population, error) {
	return func(n int, o Options) (population.Population, error) {
		c, _, err := assemble(bio.name, o, bio)
		if err != nil {
			return nil, err
		}
		return detailed.New(c, n, detailed.Options{DtMS: o.DtMS, Scheme: o.Scheme, Threads: o.Threads})
	}
}

func compartmentalChannels(bio biophysics) func(Options) ([]Channel, error) {
	return func(o Options) ([]Channel, error) {
		m, err := o.morphology()
		if err != nil {
			return nil, err
		}
		segs, err := m.Segments()
		if err != nil {
			return nil, err
		}
		return dendriticChannels(m, segs), nil
	}
}

// morphology is the option's, prepared, or the built-in one.
func (o Options) morphology() (*morphology.Morphology, error) {
	if o.Morphology == nil {
		return morphology.GenerateL5PC(), nil
	}
	m := *o.Morphology
	m.Sections = slices.Clone(m.Sections)
	if err := m.ReplaceAxon(); err != nil {
		return nil, err
	}
	if err := m.SetNSeg(40); err != nil {
		return nil, err
	}
	return &m, nil
}

// dendriticChannels puts one excitatory and one inhibitory channel on every dendritic segment.
func dendriticChannels(m *morphology.Morphology, segs []morphology.Segment) []Channel {
	var chs []Channel
	for _, kind := range []Kind{Excitatory, Inhibitory} {
		i := 0
		for _, s := range segs {
			sec := &m.Sections[s.Section]
			if sec.Region != morphology.Basal && sec.Region != morphology.Apical {
				continue
			}
			chs = append(chs, Channel{kind, i, sec.Name, s.X, sec.Region, s.LengthUM, s.DistanceUM})
			i++
		}
	}
	return chs
}

// region is the electrical description of one region.
type region struct {
	cm         float64 // [uF/cm2]
	mechanisms []density
}

// density is a mechanism with its parameters; at, where there is one, scales
// the maximal conductance with the path distance to the middle of the soma,
// given the distance of the farthest apical tip.
type density struct {
	mechanism *mechanism.Mechanism
	set       map[string]float64
	at        func(distanceUM, farthestUM float64) float64
}

// distributionDistance is where a segment reads a distance-dependent density.
// The published model's loop over a section ends at its far end, so the last
// segment takes the value there, the others the value at their centre.
func distributionDistance(m *morphology.Morphology, s morphology.Segment) float64 {
	if s.Index == m.Sections[s.Section].NSeg-1 {
		return s.DistanceUM + s.LengthUM/2
	}
	return s.DistanceUM
}

// biophysics is a cell without its morphology.
type biophysics struct {
	name    string
	regions map[morphology.Region]region
	ra      float64 // [ohm cm]
	vInit   float64 // [mV]
}

// assemble puts biophysics on a morphology.
func assemble(name string, o Options, bio biophysics) (*detailed.Cell, *morphology.Morphology, error) {
	m, err := o.morphology()
	if err != nil {
		return nil, nil, err
	}
	segs, err := m.Segments()
	if err != nil {
		return nil, nil, err
	}
	nodes, err := m.Nodes()
	if err != nil {
		return nil, nil, err
	}
	excitatory := []*mechanism.Synapse{mechanism.AMPA, mechanism.NMDA}
	switch o.Synapses {
	case "", "nmda":
	case "ampa":
		excitatory = excitatory[:1]
	default:
		return nil, nil, fmt.Errorf("%w: synapses %q, want nmda or ampa", population.ErrInput, o.Synapses)
	}
	passiveDendrites := false
	switch o.Dendrites {
	case "", "active":
	case "passive":
		passiveDendrites = true
	default:
		return nil, nil, fmt.Errorf("%w: dendrites %q, want active or passive", population.ErrInput, o.Dendrites)
	}
	c := &detailed.Cell{Name: name, Nodes: nodes, Soma: -1, ENa: 50, EK: -85, CaOut: 2, CaInit: 5e-5, Celsius: 6.3, VInit: bio.vInit}
	farthest := farthestApical(m, segs)
	var dendritic []int
	for i, s := range segs {
		r := m.Sections[s.Section].Region
		if r == morphology.Soma && c.Soma < 0 {
			c.Soma = i + (m.Sections[s.Section].NSeg-1)/2
		}
		dendrite := r == morphology.Basal || r == morphology.Apical
		if dendrite {
			dendritic = append(dendritic, i)
		}
		spec := detailed.SegmentSpec{Cm: bio.regions[r].cm, Ra: bio.ra}
		for _, d := range bio.regions[r].mechanisms {
			if dendrite && passiveDendrites && d.mechanism != mechanism.Pas {
				continue
			}
			v, err := d.mechanism.Values(d.set)
			if err != nil {
				return nil, nil, fmt.Errorf("%w: cell %s, %s: %w", population.ErrInput, name, r, err)
			}
			if d.at != nil {
				// The published model keeps ten decimals.
				v[0] = math.Round(v[0]*d.at(distributionDistance(m, s), farthest)*1e10) / 1e10
			}
			spec.Inserted = append(spec.Inserted, detailed.Insertion{Mechanism: d.mechanism, Values: v})
		}
		c.Area = append(c.Area, s.AreaUM2)
		c.Segments = append(c.Segments, spec)
	}
	if c.Soma < 0 {
		return nil, nil, fmt.Errorf("%w: morphology %s has no soma", population.ErrInput, m.Name)
	}
	if len(dendritic) == 0 {
		return nil, nil, fmt.Errorf("%w: morphology %s has no dendrites to put synapses on", population.ErrInput, m.Name)
	}
	for _, synapses := range [][]*mechanism.Synapse{excitatory, {mechanism.GABAA}} {
		for _, s := range dendritic {
			var contacts []detailed.Contact
			for _, syn := range synapses {
				contacts = append(contacts, detailed.Contact{Synapse: syn, Segment: s})
			}
			c.Channels = append(c.Channels, contacts)
		}
	}
	return c, m, nil
}

// farthestApical is the path distance from the middle of the soma to the
// farthest end of an apical section [um].
func farthestApical(m *morphology.Morphology, segs []morphology.Segment) float64 {
	far := 0.0
	for _, s := range segs {
		if m.Sections[s.Section].Region == morphology.Apical {
			far = max(far, s.DistanceUM+s.LengthUM/2)
		}
	}
	return far
}
