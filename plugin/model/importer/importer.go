// Package importer turns files of other frameworks into models: one row a format
// (IMPORT.md).
package importer

import (
	"fmt"
	"strings"

	"understudy/plugin/model"
	"understudy/plugin/model/onnx"
	"understudy/plugin/population"
)

// Importer turns files of one format into models.
type Importer struct {
	Name string // short name, for listings
	Doc  string // one line: what it reads
	// Sniff says from the first bytes whether the file is of this format.
	Sniff func(data []byte) bool
	// Decode parses and validates; name is for messages.
	Decode func(name string, data []byte, o Options) (*model.Model, error)
}

// Options says what a file of another framework does not.
type Options = onnx.Options

// Importers lists the formats that can be imported, one row per format. The
// first whose Sniff accepts a file decodes it.
func Importers() []Importer {
	return []Importer{
		{"safetensors", "understudy's own model file (FORMAT.md)", sniffSafetensors, decodeOwn},
		{"onnx", "a causal convolutional network in ONNX (IMPORT.md)", onnx.Sniff, onnx.Decode},
	}
}

// decodeOwn refuses options: a file of ours says all that they say.
func decodeOwn(name string, data []byte, o Options) (*model.Model, error) {
	o.Files = nil
	if o != (Options{}) {
		return nil, fmt.Errorf("%w: %s: a model of ours has its own name, heads and threshold; options for them are for other formats", population.ErrInput, name)
	}
	return model.Decode(name, data)
}

// sniffSafetensors: the ninth byte of the format is the brace that opens its header.
func sniffSafetensors(data []byte) bool { return len(data) > 8 && data[8] == '{' }

// Import decodes a file of any known format. The error names the formats that
// there are when none fits.
func Import(name string, data []byte, o Options) (*model.Model, error) {
	var known []string
	for _, i := range Importers() {
		if i.Sniff(data) {
			return i.Decode(name, data, o)
		}
		known = append(known, i.Name)
	}
	return nil, fmt.Errorf("%w: %s: not a model of a known format (%s)", population.ErrFormat, name, strings.Join(known, ", "))
}
