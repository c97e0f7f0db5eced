package reference_test

import (
	"path/filepath"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/detailed"
	"understudy/plugin/mechanism"
	"understudy/plugin/morphology"
	"understudy/tests/nrncell"
	"understudy/tests/require"
)

// protocol is one run of one neuron, by NEURON and here.
type protocol struct {
	Name     string       `json:"name"`
	MS       int          `json:"ms"`
	NA       float64      `json:"na"` // current into the soma
	FromMS   int          `json:"from_ms"`
	ToMS     int          `json:"to_ms"`
	Events   [][2]float64 `json:"events,omitempty"` // time [ms], channel
	DtMS     float64      `json:"dt_ms"`
	Variable bool         `json:"variable"` // NEURON's variable step
	// SpikesOnly leaves voltages out of the comparison.
	SpikesOnly bool            `json:"spikes_only"`
	Record     []nrncell.Place `json:"record"`

	segments []int   // of Record
	exact    bool    // also compare with rates by their formulas, which is slow
	slow     bool    // NEURON runs it with -all or -update only; what it gave is kept
	tol      float64 // of spike times [ms]
}

// neuronCell is a cell as NEURON and we run it.
type neuronCell struct {
	*nrncell.Description
	Protocols []protocol `json:"protocols"`

	cell *detailed.Cell
}

func describe(t *testing.T, name string, c *detailed.Cell, m *morphology.Morphology) *neuronCell {
	t.Helper()
	d, err := nrncell.Describe(name, c, m)
	if err != nil {
		t.Fatal(err)
	}
	return &neuronCell{Description: d, cell: c}
}

// builtIn is a built-in cell; protocols are recorded in its soma and at its
// farthest tip.
func builtIn(t *testing.T, name string, o cell.Options, protocols ...protocol) *neuronCell {
	t.Helper()
	c, m, err := cell.Build(name, o)
	if err != nil {
		t.Fatal(err)
	}
	segs, err := m.Segments()
	if err != nil {
		t.Fatal(err)
	}
	far := 0
	for i, s := range segs {
		if m.Sections[s.Section].Region == morphology.Apical && s.DistanceUM > segs[far].DistanceUM {
			far = i
		}
	}
	d := describe(t, name, c, m)
	for _, p := range protocols {
		p.Record, p.segments = []nrncell.Place{nrncell.At(segs, c.Soma), nrncell.At(segs, far)}, []int{c.Soma, far}
		d.Protocols = append(d.Protocols, p)
	}
	return d
}

// randomInput is a protocol of input with the paper's statistics for the cell's
// synapses: the first ms of a trial of so many whole.
func randomInput(t *testing.T, name string, o cell.Options, ms, whole int, trial uint64) protocol {
	t.Helper()
	channels, err := cell.Channels("l5pc", o)
	if err != nil {
		t.Fatal(err)
	}
	in, err := dataset.Paper(o.Synapses != "ampa").Trial(channels, whole, 20210818, trial)
	if err != nil {
		t.Fatal(err)
	}
	p := protocol{Name: name, MS: ms, DtMS: 0.025, tol: tableTolMS}
	for i, ch := range in.Channel {
		if in.TimeMS[i] < float64(ms) {
			p.Events = append(p.Events, [2]float64{in.TimeMS[i], float64(ch)})
		}
	}
	return p
}

// long is 6 s of input, of which spikes are compared.
func long(t *testing.T, name string, o cell.Options, trial uint64, slow bool) protocol {
	t.Helper()
	p := randomInput(t, name, o, 6000, 6000, trial)
	p.SpikesOnly, p.slow, p.tol = true, slow, longTolMS
	return p
}

var currentStep = protocol{Name: "step", MS: 600, NA: 0.8, FromMS: 100, ToMS: 400, DtMS: 0.025, exact: true, tol: tableTolMS}

// l5pc is the built-in cell, with all protocols and with AMPA synapses only.
func l5pc(t *testing.T) []*neuronCell {
	t.Helper()
	variable := protocol{Name: "step, variable", MS: 600, NA: 0.8, FromMS: 100, ToMS: 400, DtMS: 0.0125, Variable: true, SpikesOnly: true, tol: variableTolMS}
	var o cell.Options
	input := randomInput(t, "input", o, 1350, 1500, 6)
	input.slow = true
	nmda := builtIn(t, "l5pc", o, currentStep, variable, input,
		long(t, "6 s, first", o, 3, true), long(t, "6 s, second", o, 5, true))
	o.Synapses = "ampa"
	ampa := builtIn(t, "l5pc", o, long(t, "6 s", o, 3, true))
	ampa.Name = "l5pc, ampa"
	return []*neuronCell{nmda, ampa}
}

// reconstruction is the same on BluePyOpt's cell.
func reconstruction(t *testing.T) []*neuronCell {
	t.Helper()
	m, err := morphology.ReadFile(filepath.Join(require.BluePyOpt(t), "examples/l5pc/morphology/C060114A7.asc"))
	if err != nil {
		t.Fatal(err)
	}
	o := cell.Options{Morphology: m}
	input := randomInput(t, "input", o, 520, 1500, 6)
	input.exact = true
	nmda := builtIn(t, "l5pc", o, currentStep, input, long(t, "6 s, first", o, 3, false), long(t, "6 s, second", o, 5, true))
	nmda.Name = "reconstruction"
	o.Synapses = "ampa"
	ampa := builtIn(t, "l5pc", o, long(t, "6 s", o, 3, true))
	ampa.Name = "reconstruction, ampa"
	return []*neuronCell{nmda, ampa}
}

// controls are cells without active conductances, everywhere or in the dendrites.
func controls(t *testing.T) []*neuronCell {
	t.Helper()
	passive := builtIn(t, "passive", cell.Options{}, protocol{Name: "step", MS: 150, NA: 0.2, FromMS: 20, ToMS: 100, DtMS: 0.025, exact: true})
	dendrites := builtIn(t, "l5pc", cell.Options{Dendrites: "passive"},
		protocol{Name: "step", MS: 150, NA: 1.5, FromMS: 20, ToMS: 120, DtMS: 0.025, exact: true, tol: tableTolMS})
	dendrites.Name = "passive dendrites"
	return []*neuronCell{passive, dendrites}
}

// singleCompartment is a cylinder of 20 by 20 um with one mechanism.
func singleCompartment(t *testing.T, name string, m *mechanism.Mechanism, channels [][]detailed.Contact, p protocol) *neuronCell {
	t.Helper()
	shape := &morphology.Morphology{Name: name, Sections: []morphology.Section{
		{Name: "soma[0]", Parent: -1, NSeg: 1, Points: []morphology.Point{{Diam: 20}, {X: 20, Diam: 20}}}}}
	segs, err := shape.Segments()
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := shape.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	values, err := m.Values(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &detailed.Cell{Name: name, Nodes: nodes, Area: []float64{segs[0].AreaUM2}, Channels: channels,
		Segments: []detailed.SegmentSpec{{Cm: 1, Ra: 100, Inserted: []detailed.Insertion{{Mechanism: m, Values: values}}}},
		ENa:      50, EK: -77, CaOut: 2, CaInit: 5e-5, Celsius: 6.3, VInit: -65}
	d := describe(t, name, c, shape)
	p.Record, p.segments = []nrncell.Place{nrncell.At(segs, 0)}, []int{0}
	d.Protocols = []protocol{p}
	return d
}

// squid is a single compartment with Hodgkin-Huxley channels.
func squid(t *testing.T) *neuronCell {
	return singleCompartment(t, "hh", mechanism.HH, nil,
		protocol{Name: "step", MS: 200, NA: 0.2, FromMS: 20, ToMS: 150, DtMS: 0.025, exact: true, tol: tableTolMS})
}

// synapses is a single passive compartment with every synapse of the catalogue, one
// a channel: each alone, then all together.
func synapses(t *testing.T) *neuronCell {
	var channels [][]detailed.Contact
	p := protocol{Name: "each, then all", DtMS: 0.025, exact: true}
	for i, s := range mechanism.Synapses() {
		channels = append(channels, []detailed.Contact{{Synapse: s}})
		p.Events = append(p.Events, [2]float64{float64(10 + 400*i), float64(i)})
		p.MS = 400 * (i + 1)
	}
	for i := range channels {
		p.Events = append(p.Events, [2]float64{float64(p.MS), float64(i)}, [2]float64{float64(p.MS + 7*i), float64(i)})
	}
	p.MS += 400
	return singleCompartment(t, "synapses", mechanism.Pas, channels, p)
}
