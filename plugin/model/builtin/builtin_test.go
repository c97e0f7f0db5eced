package builtin

import (
	"errors"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

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

// The default surrogate is quantised.
func TestDefaultInIntegers(t *testing.T) {
	m, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	p, err := surrogate.New(m, 1, surrogate.Options{Precision: surrogate.Int8})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}
