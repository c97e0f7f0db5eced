package compare

import (
	"errors"
	"strings"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
)

// describe gives a model the channels of a cell.
func describe(m *model.Model, channels []cell.Channel) *model.Model {
	for _, c := range channels {
		m.Inputs.Section = append(m.Inputs.Section, c.Section)
		m.Inputs.X = append(m.Inputs.X, c.X)
		m.Inputs.ChannelKind = append(m.Inputs.ChannelKind, string(c.Kind))
	}
	return m
}

func TestFitModel(t *testing.T) {
	own, err := cell.Channels("l5pc", cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	spec := modeltest.Small
	spec.Channels = len(own)
	m := describe(modeltest.Random(spec, 1), own)
	m.Provenance = []byte(`{"cell": "l5pc"}`)

	f, err := FitModel(m, "l5pc", cell.Options{})
	if err != nil || f.Map != nil || len(f.Caveats) != 0 {
		t.Errorf("its own cell: %+v, %v", f, err)
	}
	f, err = FitModel(m, "passive", cell.Options{})
	if err != nil || f.Map != nil || len(f.Caveats) != 1 || !strings.Contains(f.Caveats[0], "passive") {
		t.Errorf("the passive cell: %+v, %v", f, err)
	}

	// A reconstruction: the built-in morphology without its last section.
	other := morphology.GenerateL5PC()
	other.Name = "mine"
	other.Sections = other.Sections[:len(other.Sections)-1]
	opt := cell.Options{Morphology: other}
	f, err = FitModel(m, "l5pc", opt)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := cell.Channels("l5pc", opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(theirs) >= len(own) || len(f.Map) != len(theirs) || len(f.Caveats) != 1 || !strings.Contains(f.Caveats[0], "mine") {
		t.Fatalf("%d of %d channels, map of %d, caveats %q", len(theirs), len(own), len(f.Map), f.Caveats)
	}
	for i, k := range f.Map {
		if own[k].Kind != theirs[i].Kind || own[k].Region != theirs[i].Region {
			t.Fatalf("channel %d, %+v, is matched with %+v", i, theirs[i], own[k])
		}
	}

	for name, change := range map[string]func(*model.Model){
		"section": func(m *model.Model) { m.Inputs.Section[3] = "apic[99]" },
		"kind":    func(m *model.Model) { m.Inputs.ChannelKind[0] = "inh" },
		"place":   func(m *model.Model) { m.Inputs.X[5] = 0.9 },
		"count":   func(m *model.Model) { m.Inputs.Channels++ },
	} {
		m := describe(modeltest.Random(spec, 1), own)
		change(m)
		if _, err := FitModel(m, "l5pc", cell.Options{}); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := FitModel(m, "lif", cell.Options{}); !errors.Is(err, population.ErrInput) {
		t.Errorf("the point neuron: %v", err)
	}
	if _, err := FitModel(m, "none", cell.Options{}); err == nil {
		t.Error("no such cell, no error")
	}
}
