package compare

import (
	"encoding/json"
	"fmt"
	"math"

	"understudy/plugin/cell"
	"understudy/plugin/model"
	"understudy/plugin/population"
)

// Fit says how a surrogate takes a cell's place.
type Fit struct {
	// Map, where not nil, is the model's channel for each channel of the cell.
	Map []int32
	// Caveats are sentences for the reader.
	Caveats []string
}

// FitModel decides whether a model can stand in for a cell: directly where it
// has the cell's channels, else, where the model is of the built-in form of the
// same cell, by matching channels (see MatchChannels). opt are the cell's options.
func FitModel(m *model.Model, cellName string, opt cell.Options) (*Fit, error) {
	channels, err := cell.Channels(cellName, opt)
	if err != nil {
		return nil, err
	}
	trained := trainedOn(m)
	differs := sameChannels(m, channels)
	if differs == nil {
		f := &Fit{}
		switch {
		case trained != "" && trained != cellName:
			f.Caveats = append(f.Caveats, fmt.Sprintf("The surrogate %s was trained on the cell %s and here stands in for %s, which has the same channels.", m.Name, trained, cellName))
		case opt.Morphology != nil && len(m.Inputs.Section) == 0:
			f.Caveats = append(f.Caveats, fmt.Sprintf("The surrogate %s has as many channels as %s, but does not say on which sections.", m.Name, opt.Morphology.Name))
		}
		return f, nil
	}
	if opt.Morphology != nil {
		original, err := cell.Channels(cellName, cell.Options{})
		if err == nil && sameChannels(m, original) == nil {
			to, err := MatchChannels(channels, original)
			if err != nil {
				return nil, err
			}
			return &Fit{Map: to, Caveats: []string{fmt.Sprintf(
				"The surrogate %s was trained on the built-in morphology of %s and here stands in for another, %s (%d channels, the surrogate has %d). "+
					"Each channel of the reconstruction is matched with the built-in channel of the same kind and region at the nearest relative path distance. "+
					"Expect lower fidelity than a surrogate trained on this morphology would have; the costs are comparable.",
				m.Name, cellName, opt.Morphology.Name, len(channels), m.Inputs.Channels)}}, nil
		}
	}
	return nil, fmt.Errorf("%w: model %s does not fit cell %s: %w; --model names one trained on this cell",
		population.ErrInput, m.Name, cellName, differs)
}

// trainedOn is the cell that the model's provenance names, or "".
func trainedOn(m *model.Model) string {
	var p struct {
		Cell string `json:"cell"`
	}
	if json.Unmarshal(m.Provenance, &p) != nil {
		return ""
	}
	return p.Cell
}

// sameChannels compares a model's inputs with a cell's channels, as far as the
// model describes them; nil: they agree.
func sameChannels(m *model.Model, channels []cell.Channel) error {
	in := &m.Inputs
	if in.Channels != len(channels) {
		return fmt.Errorf("it has %d channels, the cell %d", in.Channels, len(channels))
	}
	for i, c := range channels {
		if len(in.ChannelKind) > 0 && in.ChannelKind[i] != string(c.Kind) {
			return fmt.Errorf("its channel %d is %s, the cell's %s", i, in.ChannelKind[i], c.Kind)
		}
		if len(in.Section) > 0 && in.Section[i] != c.Section {
			return fmt.Errorf("its channel %d is on %s, the cell's on %s", i, in.Section[i], c.Section)
		}
		if len(in.X) > 0 && math.Abs(in.X[i]-c.X) > 1e-3 {
			return fmt.Errorf("its channel %d is at %g of %s, the cell's at %g", i, in.X[i], c.Section, c.X)
		}
	}
	return nil
}
