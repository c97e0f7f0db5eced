package conformance

import "understudy/plugin/population"

// CellCase is a population of a built-in detailed cell and a stimulus. Doors
// other than the Go package must give the Go package's bits; whether those are
// right is the business of the detailed engine's own tests.
type CellCase struct {
	Name  string
	Cell  string
	N     int
	Steps int
	Heavy bool // hundreds of compartments
}

// CellCases lists cells that are small enough to run on every door.
func CellCases() []CellCase {
	return []CellCase{
		{"cell/lif/n=1", "lif", 1, 40, false},
		{"cell/lif/n=3", "lif", 3, 40, false},
		{"cell/passive/n=1", "passive", 1, 9, true},
		{"cell/l5pc/n=2", "l5pc", 2, 6, true},
	}
}

// Events is the case's stimulus for a cell of so many channels.
func (c CellCase) Events(channels int) []population.Event {
	return stimulus(7, c.N, channels, c.Steps)
}
