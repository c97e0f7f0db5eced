// Package nrncell describes a compartmental cell to tests/reference/cell_neuron.py, which builds
// it in NEURON: sections, segments, every mechanism's parameters, synapses.
package nrncell

import (
	"understudy/plugin/detailed"
	"understudy/plugin/morphology"
)

// Description is a cell as cell_neuron.py reads it.
type Description struct {
	Name     string                        `json:"name"`
	Sections []Section                     `json:"sections"`
	Synapses map[string]map[string]float64 `json:"synapses"` // parameters by the synapse's name
	Channels [][]Contact                   `json:"channels"`
	ENa      float64                       `json:"e_na"`
	EK       float64                       `json:"e_k"`
	CaOut    float64                       `json:"ca_out"`
	CaIn     float64                       `json:"ca_in"`
	Celsius  float64                       `json:"celsius"`
	VInit    float64                       `json:"v_init"`
}

// Section is a section with what is inserted.
type Section struct {
	Name       string                          `json:"name"`
	Parent     int                             `json:"parent"`
	ParentX    float64                         `json:"parent_x"`
	NSeg       int                             `json:"nseg"`
	Points     [][4]float64                    `json:"points"`
	Cm         float64                         `json:"cm"`
	Ra         float64                         `json:"ra"`
	Mechanisms map[string]map[string][]float64 `json:"mechanisms"` // values per segment
}

// Place is a section and where along it.
type Place [2]any

// Contact is the name of a synapse and where it is.
type Contact [2]any

// At is the place of segment i.
func At(segs []morphology.Segment, i int) Place { return Place{segs[i].Section, segs[i].X} }

// Describe tells NEURON what a cell is.
func Describe(name string, c *detailed.Cell, m *morphology.Morphology) (*Description, error) {
	segs, err := m.Segments()
	if err != nil {
		return nil, err
	}
	d := &Description{Name: name, Synapses: map[string]map[string]float64{}, Channels: [][]Contact{},
		ENa: c.ENa, EK: c.EK, CaOut: c.CaOut, CaIn: c.CaInit, Celsius: c.Celsius, VInit: c.VInit}
	for _, s := range m.Sections {
		n := Section{Name: s.Name, Parent: s.Parent, ParentX: s.ParentX, NSeg: s.NSeg, Mechanisms: map[string]map[string][]float64{}}
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
		var list []Contact
		for _, k := range contacts {
			s := k.Synapse
			d.Synapses[s.Name] = map[string]float64{"tau_rise": s.TauRise, "tau_decay": s.TauDecay, "gmax": s.GMax, "e": s.E, "mg": s.Mg, "mg_mM": s.MgMM}
			list = append(list, Contact{s.Name, At(segs, k.Segment)})
		}
		d.Channels = append(d.Channels, list)
	}
	return d, nil
}
