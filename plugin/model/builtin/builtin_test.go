package builtin

import (
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/surrogate"
)

// TestDefaultFitsItsCell: the default surrogate decodes and has the channels of
// the built-in cell, in its order.
func TestDefaultFitsItsCell(t *testing.T) {
	m, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	channels, err := cell.Channels("l5pc", cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := m.Inputs
	if in.Channels != len(channels) || len(in.Section) != len(channels) || len(in.ChannelKind) != len(channels) {
		t.Fatalf("%d channels, %d sections, %d kinds; the cell has %d channels", in.Channels, len(in.Section), len(in.ChannelKind), len(channels))
	}
	for i, c := range channels {
		if in.Section[i] != c.Section || in.ChannelKind[i] != string(c.Kind) {
			t.Fatalf("channel %d is %s on %s, the cell's %s on %s", i, in.ChannelKind[i], in.Section[i], c.Kind, c.Section)
		}
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
