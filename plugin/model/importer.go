package model

import (
	"fmt"
	"io/fs"
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
	Decode func(name string, data []byte, o ImportOptions) (*Model, error)
}

// ImportOptions says what a file of another framework does not: which outputs are the
// heads and how to read them. The zero value goes by the names of the outputs.
type ImportOptions struct {
	Name string // of the model; empty: as the file is called
	// SpikeOutput and VSomaOutput are NAME or NAME:CHANNEL of an output of the graph.
	// Empty: the output named spike, spikes or p_spike; v_soma, v_soma_mv, somatic, soma or
	// voltage.
	SpikeOutput, VSomaOutput string
	VScale, VOffset          *float64 // soma voltage [mV] = VOffset + VScale*output; nil: 0 and 1
	Threshold                *float64 // spike threshold; nil: 0.5
	// Files is the folder of the file, for weights that are kept beside it. nil: none are
	// read. Names in it come from the file, so it must not lead out of the folder.
	Files fs.FS
}

// Importers lists the formats that can be imported, one row per format. The
// first whose Sniff accepts a file decodes it.
func Importers() []Importer {
	return []Importer{
		{"safetensors", "understudy's own model file (FORMAT.md)", sniffSafetensors, decodeOwn},
		{"onnx", "a causal convolutional network in ONNX (IMPORT.md)", sniffONNX, decodeONNX},
	}
}

// decodeOwn refuses options: a file of ours says all that they say.
func decodeOwn(name string, data []byte, o ImportOptions) (*Model, error) {
	o.Files = nil
	if o != (ImportOptions{}) {
		return nil, fmt.Errorf("%w: %s: a model of ours has its own name, heads and threshold; options for them are for other formats", population.ErrInput, name)
	}
	return Decode(name, data)
}

// sniffSafetensors: the ninth byte of the format is the brace that opens its header.
func sniffSafetensors(data []byte) bool { return len(data) > 8 && data[8] == '{' }

// Import decodes a file of any known format. The error names the formats that
// there are when none fits.
func Import(name string, data []byte, o ImportOptions) (*Model, error) {
	var known []string
	for _, i := range Importers() {
		if i.Sniff(data) {
			return i.Decode(name, data, o)
		}
		known = append(known, i.Name)
	}
	return nil, fmt.Errorf("%w: %s: not a model of a known format (%s)", population.ErrFormat, name, strings.Join(known, ", "))
}
