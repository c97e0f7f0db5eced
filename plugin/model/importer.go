package model

import (
	"fmt"
	"strings"

	"understudy/plugin/population"
)

// Importer turns files of one format into models.
type Importer struct {
	Name string // short name, for listings
	Doc  string // one line: what it reads
	// Sniff says from the first bytes whether the file is of this format.
	Sniff func(data []byte) bool
	// Decode parses and validates; name is for messages.
	Decode func(name string, data []byte) (*Model, error)
}

// Importers lists the formats that can be imported, one row per format. The
// first whose Sniff accepts a file decodes it.
func Importers() []Importer {
	return []Importer{
		{"safetensors", "understudy's own model file (FORMAT.md)", sniffSafetensors, Decode},
	}
}

// sniffSafetensors: the ninth byte of the format is the brace that opens its header.
func sniffSafetensors(data []byte) bool { return len(data) > 8 && data[8] == '{' }

// Import decodes a file of any known format. The error names the formats that
// there are when none fits.
func Import(name string, data []byte) (*Model, error) {
	var known []string
	for _, i := range Importers() {
		if i.Sniff(data) {
			return i.Decode(name, data)
		}
		known = append(known, i.Name)
	}
	return nil, fmt.Errorf("%w: %s: not a model of a known format (%s)", population.ErrFormat, name, strings.Join(known, ", "))
}
