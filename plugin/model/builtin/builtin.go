// Package builtin carries the surrogates that are built into every program.
package builtin

import (
	_ "embed" // for l5pc

	"understudy/plugin/model"
)

// l5pc is the surrogate of the built-in layer-5 pyramidal cell; L5PC.md says how it was
// made and how good it is.
//
//go:embed l5pc.safetensors
var l5pc []byte

// DefaultName is the file of the default surrogate.
const DefaultName = "l5pc.safetensors"

// DefaultFile returns a copy of the default surrogate's model file.
func DefaultFile() []byte { return append([]byte(nil), l5pc...) }

// Default returns the default surrogate: that of the built-in layer-5 pyramidal cell.
func Default() (*model.Model, error) { return model.Decode("built-in "+DefaultName, l5pc) }
