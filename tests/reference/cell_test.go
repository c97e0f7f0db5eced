package reference_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/detailed"
	"understudy/plugin/mechanism"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
	"understudy/tests/require"
)

var update = flag.Bool("update", false, "write cell_neuron.json from what NEURON makes")

// Tolerances. With rates by their formulas only rounding differs, which a spike
// amplifies. Interpolated rates shift spikes slightly; 0.001 ms is 0.5 mV on a spike's
// flank. Both NEURON's variable step and the second-order scheme approach
// the exact solution: their difference is the error of the latter.
const (
	exactTolMV    = 1e-4
	exactTolMS    = 1e-6
	tableTolMV    = 0.5
	tableTolMS    = 0.002
	variableTolMS = 1.5
	keptTolMS     = 1e-5
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
	Record   []place      `json:"record"`

	segments []int   // of Record
	exact    bool    // also compare with rates by their formulas, which is slow
	tol      float64 // of spike times [ms]
}

// place is a section and where along it.
type place [2]any

// contact is the name of a synapse and where it is.
type contact [2]any

type neuronCell struct {
	Name      string                        `json:"name"`
	Sections  []cableSection                `json:"sections"`
	Synapses  map[string]map[string]float64 `json:"synapses"`
	Channels  [][]contact                   `json:"channels"`
	Protocols []protocol                    `json:"protocols"`
	ENa       float64                       `json:"e_na"`
	EK        float64                       `json:"e_k"`
	CaOut     float64                       `json:"ca_out"`
	CaIn      float64                       `json:"ca_in"`
	Celsius   float64                       `json:"celsius"`
	VInit     float64                       `json:"v_init"`

	cell *detailed.Cell
}

type cableSection struct {
	Name       string                          `json:"name"`
	Parent     int                             `json:"parent"`
	ParentX    float64                         `json:"parent_x"`
	NSeg       int                             `json:"nseg"`
	Points     [][4]float64                    `json:"points"`
	Cm         float64                         `json:"cm"`
	Ra         float64                         `json:"ra"`
	Mechanisms map[string]map[string][]float64 `json:"mechanisms"` // values per segment
}

// describe tells NEURON what a cell is.
func describe(t *testing.T, name string, c *detailed.Cell, m *morphology.Morphology) *neuronCell {
	t.Helper()
	segs, err := m.Segments()
	if err != nil {
		t.Fatal(err)
	}
	d := &neuronCell{Name: name, Synapses: map[string]map[string]float64{}, Channels: [][]contact{},
		ENa: c.ENa, EK: c.EK, CaOut: c.CaOut, CaIn: c.CaInit, Celsius: c.Celsius, VInit: c.VInit, cell: c}
	for _, s := range m.Sections {
		n := cableSection{Name: s.Name, Parent: s.Parent, ParentX: s.ParentX, NSeg: s.NSeg, Mechanisms: map[string]map[string][]float64{}}
		for _, p := range s.Points {
			n.Points = append(n.Points, [4]float64{p.X, p.Y, p.Z, p.Diam})
		}
		d.Sections = append(d.Sections, n)
	}
	for i, s := range segs {
		n, spec := &d.Sections[s.Section], &c.Segments[i]
		n.Cm, n.Ra = spec.Cm, spec.Ra
		for _, ins := range spec.Inserted {
			values := n.Mechanisms[ins.Mechanism.Name]
			if values == nil {
				values = map[string][]float64{}
				n.Mechanisms[ins.Mechanism.Name] = values
			}
			for k, p := range ins.Mechanism.Params {
				values[p.Name] = append(values[p.Name], ins.Values[k])
			}
		}
	}
	for _, contacts := range c.Channels {
		var list []contact
		for _, k := range contacts {
			s := k.Synapse
			d.Synapses[s.Name] = map[string]float64{"tau_rise": s.TauRise, "tau_decay": s.TauDecay, "gmax": s.GMax, "e": s.E, "mg": s.Mg, "mg_mM": s.MgMM}
			list = append(list, contact{s.Name, at(segs, k.Segment)})
		}
		d.Channels = append(d.Channels, list)
	}
	return d
}

func at(segs []morphology.Segment, i int) place { return place{segs[i].Section, segs[i].X} }

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
		p.Record, p.segments = []place{at(segs, c.Soma), at(segs, far)}, []int{c.Soma, far}
		d.Protocols = append(d.Protocols, p)
	}
	return d
}

// randomInput is a protocol of input with the paper's statistics, up to 1.5 s.
func randomInput(t *testing.T, o cell.Options, ms int) protocol {
	t.Helper()
	channels, err := cell.Channels("l5pc", o)
	if err != nil {
		t.Fatal(err)
	}
	const whole, seed, trial = 1500, 20210818, 6 // one in which the cells spike
	in, err := dataset.Paper(true).Trial(channels, whole, seed, trial)
	if err != nil {
		t.Fatal(err)
	}
	p := protocol{Name: "input", MS: ms, DtMS: 0.025, tol: tableTolMS}
	for i, ch := range in.Channel {
		if in.TimeMS[i] < float64(ms) {
			p.Events = append(p.Events, [2]float64{in.TimeMS[i], float64(ch)})
		}
	}
	return p
}

// l5pc is the built-in cell with all protocols.
func l5pc(t *testing.T) *neuronCell {
	return builtIn(t, "l5pc", cell.Options{},
		protocol{Name: "step", MS: 600, NA: 0.8, FromMS: 100, ToMS: 400, DtMS: 0.025, exact: true, tol: tableTolMS},
		protocol{Name: "step, variable", MS: 600, NA: 0.8, FromMS: 100, ToMS: 400, DtMS: 0.0125, Variable: true, tol: variableTolMS},
		randomInput(t, cell.Options{}, 1350))
}

// squid is a single compartment with Hodgkin-Huxley channels.
func squid(t *testing.T) *neuronCell {
	t.Helper()
	m := &morphology.Morphology{Name: "squid", Sections: []morphology.Section{
		{Name: "soma[0]", Parent: -1, NSeg: 1, Points: []morphology.Point{{Diam: 20}, {X: 20, Diam: 20}}}}}
	segs, err := m.Segments()
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := m.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	values, err := mechanism.HH.Values(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &detailed.Cell{Name: "hh", Nodes: nodes, Area: []float64{segs[0].AreaUM2},
		Segments: []detailed.SegmentSpec{{Cm: 1, Ra: 100, Inserted: []detailed.Insertion{{Mechanism: mechanism.HH, Values: values}}}},
		ENa:      50, EK: -77, CaOut: 2, CaInit: 5e-5, Celsius: 6.3, VInit: -65}
	d := describe(t, "hh", c, m)
	d.Protocols = []protocol{{Name: "step", MS: 200, NA: 0.2, FromMS: 20, ToMS: 150, DtMS: 0.025, exact: true, tol: tableTolMS,
		Record: []place{at(segs, 0)}, segments: []int{0}}}
	return d
}

// trace is a protocol's result.
type trace struct {
	V       [][]float64 `json:"v"`
	Upcross []float64   `json:"upcross"`
	Seconds float64     `json:"seconds"`
}

// simulate runs a protocol here.
func simulate(t *testing.T, d *neuronCell, p *protocol, o detailed.Options) trace {
	t.Helper()
	pop, err := detailed.New(d.cell, 1, o)
	if err != nil {
		t.Fatal(err)
	}
	defer pop.Close()
	var voltages []func() []float64
	for _, s := range p.segments {
		f, err := pop.Probe(0, s, o.DtMS)
		if err != nil {
			t.Fatal(err)
		}
		voltages = append(voltages, f)
	}
	var events []population.Event
	for _, e := range p.Events {
		events = append(events, population.Event{TimeMS: e[0], Channel: int32(e[1]), Weight: 1})
	}
	for _, part := range []struct {
		ms int
		nA float64
	}{{p.FromMS, 0}, {p.ToMS - p.FromMS, p.NA}, {p.MS - p.ToMS, 0}} {
		if part.ms == 0 {
			continue
		}
		if err := pop.Inject(0, part.nA); err != nil {
			t.Fatal(err)
		}
		if err := pop.Step(part.ms, events, population.Output{}); err != nil {
			t.Fatal(err)
		}
		events = nil
	}
	r := trace{Upcross: pop.UpcrossMS(0)}
	for _, f := range voltages {
		r.V = append(r.V, f())
	}
	return r
}

// keptSpikes is what cell_neuron.json holds: NEURON's upward crossings [ms], by
// cell and protocol, for cells that need no file from elsewhere.
type keptSpikes struct {
	NEURON string                          `json:"neuron"`
	Spikes map[string]map[string][]float64 `json:"spikes"`
}

func kept(t *testing.T) keptSpikes {
	t.Helper()
	var k keptSpikes
	text, err := os.ReadFile("cell_neuron.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestCellIsNEURONs compares with the spike times that NEURON gave when
// cell_neuron.json was written.
func TestCellIsNEURONs(t *testing.T) {
	k := kept(t)
	for _, d := range []*neuronCell{l5pc(t), squid(t)} {
		if len(k.Spikes[d.Name]) != len(d.Protocols) {
			t.Errorf("%s: %d protocols kept, there are %d: run with -update", d.Name, len(k.Spikes[d.Name]), len(d.Protocols))
		}
		for i := range d.Protocols {
			p := &d.Protocols[i]
			t.Run(d.Name+"/"+p.Name, func(t *testing.T) {
				want := k.Spikes[d.Name][p.Name]
				if len(want) < 2 {
					t.Fatalf("%d spikes kept: too few to compare", len(want))
				}
				compareSpikes(t, simulate(t, d, p, p.options()).Upcross, want, p.tol)
			})
		}
	}
}

// TestCellAgainstNEURON runs NEURON itself on the same cells.
func TestCellAgainstNEURON(t *testing.T) {
	python, bluepyopt := require.Python(t), require.BluePyOpt(t)
	published := filepath.Join(bluepyopt, "examples/l5pc")
	m, err := morphology.ReadFile(filepath.Join(published, "morphology/C060114A7.asc"))
	if err != nil {
		t.Fatal(err)
	}
	o := cell.Options{Morphology: m}
	input := randomInput(t, o, 520)
	input.exact = true
	reconstruction := builtIn(t, "l5pc", o,
		protocol{Name: "step", MS: 450, NA: 0.8, FromMS: 100, ToMS: 400, DtMS: 0.025, tol: tableTolMS}, input)
	reconstruction.Name = "reconstruction"
	passive := builtIn(t, "passive", cell.Options{},
		protocol{Name: "step", MS: 150, NA: 0.2, FromMS: 20, ToMS: 100, DtMS: 0.025, exact: true})
	cells := []*neuronCell{l5pc(t), reconstruction, passive, squid(t)}
	result := runNEURON(t, python, cells, filepath.Join(published, "mechanisms"), "mod")

	if *update {
		k := keptSpikes{NEURON: result.NEURON, Spikes: map[string]map[string][]float64{}}
		for _, name := range []string{"l5pc", "hh"} {
			k.Spikes[name] = map[string][]float64{}
			for protocol, r := range result.Cells[name] {
				for _, ms := range r.Upcross {
					k.Spikes[name][protocol] = append(k.Spikes[name][protocol], math.Round(ms*1e6)/1e6)
				}
			}
		}
		text, err := json.MarshalIndent(k, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("cell_neuron.json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, protocols := range kept(t).Spikes {
		for protocol, spikes := range protocols {
			t.Run("kept/"+name+"/"+protocol, func(t *testing.T) {
				compareSpikes(t, spikes, result.Cells[name][protocol].Upcross, keptTolMS)
			})
		}
	}
	for _, d := range cells {
		for i := range d.Protocols {
			p := &d.Protocols[i]
			ref := result.Cells[d.Name][p.Name]
			t.Logf("%s, %s: NEURON %s took %.3g s for %d ms", d.Name, p.Name, result.NEURON, ref.Seconds, p.MS)
			if len(ref.Upcross) < 2 && d.Name != "passive" {
				t.Errorf("%s, %s: %d spikes, too few to compare", d.Name, p.Name, len(ref.Upcross))
			}
			if p.exact {
				t.Run(d.Name+"/"+p.Name+"/exact", func(t *testing.T) {
					got := simulate(t, d, p, detailed.Options{DtMS: p.DtMS, ExactRates: true})
					compareVoltages(t, got.V, ref.V, exactTolMV)
					compareSpikes(t, got.Upcross, ref.Upcross, exactTolMS)
				})
			}
			t.Run(d.Name+"/"+p.Name+"/tables", func(t *testing.T) {
				got := simulate(t, d, p, p.options())
				if !p.Variable {
					compareVoltages(t, got.V, ref.V, tableTolMV)
				}
				compareSpikes(t, got.Upcross, ref.Upcross, p.tol)
			})
		}
	}
}

// options are those with which a protocol is compared: against the variable
// step, the second-order scheme.
func (p *protocol) options() detailed.Options {
	o := detailed.Options{DtMS: p.DtMS}
	if p.Variable {
		o.Scheme = detailed.CrankNicolson
	}
	return o
}

type neuronCells struct {
	NEURON string                      `json:"neuron"`
	Cells  map[string]map[string]trace `json:"cells"`
}

func runNEURON(t *testing.T, python string, cells []*neuronCell, mod ...string) neuronCells {
	t.Helper()
	dir := t.TempDir()
	request, out := filepath.Join(dir, "request.json"), filepath.Join(dir, "out.json")
	text, err := json.Marshal(map[string]any{"cells": cells})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(request, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if log, err := exec.Command(python, append([]string{"cell_neuron.py", request, out}, mod...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if text, err = os.ReadFile(out); err != nil {
		t.Fatal(err)
	}
	var r neuronCells
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func compareVoltages(t *testing.T, got, want [][]float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d traces, NEURON has %d", len(got), len(want))
	}
	for i := range got {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("trace %d: %d samples, NEURON has %d", i, len(got[i]), len(want[i]))
		}
		worst, where := 0.0, 0
		for k := range got[i] {
			if d := math.Abs(got[i][k] - want[i][k]); !(d <= worst) {
				worst, where = d, k
			}
		}
		t.Logf("trace %d: largest difference %.3g mV, at sample %d of %d", i, worst, where, len(got[i]))
		if !(worst <= tol) {
			t.Errorf("trace %d differs by %g mV, want at most %g", i, worst, tol)
		}
	}
}

func compareSpikes(t *testing.T, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d spikes %v, NEURON has %d %v", len(got), got, len(want), want)
	}
	worst := 0.0
	for i := range got {
		worst = max(worst, math.Abs(got[i]-want[i]))
	}
	t.Logf("%d spikes, largest difference %.3g ms", len(got), worst)
	if !(worst <= tol) {
		t.Errorf("a spike differs by %g ms, want at most %g: %v, NEURON has %v", worst, tol, got, want)
	}
}
