package builtin

import (
	"errors"
	"strings"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// paper is true for surrogates of the reconstruction of Beniaguev et al. (2021), which has as many
// channels as the built-in cell.
func paper(name string) bool { return strings.HasPrefix(name, "l5pc-paper") }

// TestTheyFitTheirCell: every surrogate decodes, runs, and has the channels of the
// built-in cell, in its order.
func TestTheyFitTheirCell(t *testing.T) {
	channels, err := cell.Channels("l5pc", cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if names := Names(); names[0] != DefaultName || len(names) < 2 {
		t.Errorf("names %v", names)
	}
	for _, name := range Names() {
		m, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != name {
			t.Errorf("the file of %s holds %s", name, m.Name)
		}
		in := m.Inputs
		if in.Channels != len(channels) || len(in.Section) != len(channels) || len(in.ChannelKind) != len(channels) {
			t.Fatalf("%s: %d channels, %d sections, %d kinds; the cell has %d channels", name, in.Channels, len(in.Section), len(in.ChannelKind), len(channels))
		}
		for i, c := range channels {
			if paper(name) {
				break // its reconstruction is not ours to ship
			}
			if in.Section[i] != c.Section || in.ChannelKind[i] != string(c.Kind) {
				t.Fatalf("%s: channel %d is %s on %s, the cell's %s on %s", name, i, in.ChannelKind[i], in.Section[i], c.Kind, c.Section)
			}
		}
		p, err := surrogate.New(m, 2, surrogate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Step(10, nil, population.Output{}); err != nil {
			t.Error(err)
		}
		p.Close()
	}
	if _, err := Open("l6pc"); !errors.Is(err, population.ErrInput) {
		t.Errorf("an unknown name: %v", err)
	}
}

// All are quantised.
func TestTheyRunInIntegers(t *testing.T) {
	for _, name := range Names() {
		m, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := surrogate.New(m, 1, surrogate.Options{Precision: surrogate.Int8})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p.Close()
	}
}
