// Package web is a page that shows a live neuron: a packed surrogate on the morphology of its cell.
package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"understudy/plugin/cell"
	"understudy/plugin/model"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
	"understudy/wasm/js"
	"understudy/wasm/pack"
)

//go:embed index.html page.js style.css
var page embed.FS

// ErrCell says that a model's channels are not those of the built-in cell l5pc on the morphology.
var ErrCell = errors.New("not the same cell and morphology")

// IsPage returns whether an index.html is of a page of this package.
func IsPage(index []byte) bool {
	return bytes.Contains(index, []byte(`<meta name="generator" content="understudy wasm web">`))
}

// Files returns the page's files by name. Any server for plain files serves them. The model's
// channels must be those of the built-in cell l5pc on this morphology, nil for its own, or the error wraps
// ErrCell and population.ErrInput; others are those of pack.Pack.
func Files(m *model.Model, precision string, shape *morphology.Morphology) (map[string][]byte, error) {
	neuron, err := pack.Pack(m, precision)
	if err != nil {
		return nil, err
	}
	d, err := drawing(m, shape)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"neuron.wasm": neuron, "morphology.json": text, "index.js": js.Index}
	for _, name := range []string{"index.html", "page.js", "style.css"} {
		if files[name], err = page.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Drawing is morphology.json.
type Drawing struct {
	Sections []Section `json:"sections"`
}

// Section is one section as it is drawn.
type Section struct {
	Name   string       `json:"name"`
	Tree   string       `json:"tree"`   // soma, axon, basal, oblique (and the trunk) or tuft
	Points [][3]float64 `json:"points"` // x, y, diameter [um]
	Exc    []int        `json:"exc"`    // channels, from the end near the soma outwards
	Inh    []int        `json:"inh"`
	X      []float64    `json:"x"` // places of these, 0..1
}

func drawing(m *model.Model, shape *morphology.Morphology) (*Drawing, error) {
	options := cell.Options{Morphology: shape}
	channels, err := cell.Channels("l5pc", options)
	if err != nil {
		return nil, err
	}
	if _, shape, err = cell.Build("l5pc", options); err != nil {
		return nil, err
	}
	if len(m.Inputs.Section) != len(channels) || len(m.Inputs.ChannelKind) != len(channels) {
		return nil, fmt.Errorf("%w: %w: model %q: its %d channels are not the %d of cell l5pc on this morphology", population.ErrInput, ErrCell, m.Name, m.Inputs.Channels, len(channels))
	}
	at := map[string]int{}
	d := &Drawing{}
	order, err := shape.Order()
	if err != nil {
		return nil, err
	}
	tuft := tuftSections(shape, order)
	for i, s := range shape.Sections {
		x := Section{Name: s.Name, Tree: map[morphology.Region]string{morphology.Soma: "soma", morphology.Axon: "axon", morphology.Basal: "basal", morphology.Apical: "oblique"}[s.Region],
			Exc: []int{}, Inh: []int{}, X: []float64{}}
		if tuft[i] {
			x.Tree = "tuft"
		}
		for _, p := range s.Points {
			x.Points = append(x.Points, [3]float64{tenth(p.X), tenth(p.Y), tenth(p.Diam)})
		}
		at[s.Name] = i
		d.Sections = append(d.Sections, x)
	}
	for c, ch := range channels {
		if m.Inputs.Section[c] != ch.Section || m.Inputs.ChannelKind[c] != string(ch.Kind) {
			return nil, fmt.Errorf("%w: %w: model %q: its channel %d is on %s, that of cell l5pc on this morphology on %s", population.ErrInput, ErrCell, m.Name, c, m.Inputs.Section[c], ch.Section)
		}
		s := &d.Sections[at[ch.Section]]
		if ch.Kind == cell.Excitatory {
			s.Exc, s.X = append(s.Exc, c), append(s.X, ch.X)
		} else {
			s.Inh = append(s.Inh, c)
		}
	}
	return d, nil
}

func tenth(x float64) float64 { return math.Round(x*10) / 10 }

// tuftSections are the sections beyond the main bifurcation: the first from the soma on at which more than
// one apical branch goes on almost as far as any does. Parents come first in order.
func tuftSections(m *morphology.Morphology, order []int) []bool {
	const almost = 0.75
	start, reach := make([]float64, len(m.Sections)), make([]float64, len(m.Sections)) // path to a section, and to the farthest tip beyond it
	farthest := 0.0
	for _, i := range order {
		s := &m.Sections[i]
		if s.Region != morphology.Apical {
			continue
		}
		if p := s.Parent; m.Sections[p].Region == morphology.Apical {
			start[i] = start[p] + m.Sections[p].LengthUM()
		}
		end := start[i] + s.LengthUM()
		farthest = max(farthest, end)
		for j := i; m.Sections[j].Region == morphology.Apical; j = m.Sections[j].Parent {
			reach[j] = max(reach[j], end)
		}
	}
	far := make([]int, len(m.Sections)) // children that reach far
	for i, s := range m.Sections {
		if s.Region == morphology.Apical && reach[i] > almost*farthest {
			far[s.Parent]++
		}
	}
	tuft := make([]bool, len(m.Sections))
	for _, i := range order {
		if s := &m.Sections[i]; s.Region == morphology.Apical && m.Sections[s.Parent].Region == morphology.Apical {
			tuft[i] = tuft[s.Parent] || far[s.Parent] > 1
		}
	}
	return tuft
}
