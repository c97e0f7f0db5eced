// Package builtin carries the surrogates that are built into every program.
package builtin

import (
	"embed"
	"fmt"

	"understudy/plugin/model"
	"understudy/plugin/population"
)

//go:embed *.safetensors
var files embed.FS

// DefaultName is the file of the default surrogate: that of the built-in layer-5
// pyramidal cell.
const DefaultName = "l5pc.safetensors"

// DefaultFile returns the bytes of the default surrogate's model file. The error
// wraps population.ErrState when this program was built without it.
func DefaultFile() ([]byte, error) {
	b, err := files.ReadFile(DefaultName)
	if err != nil {
		return nil, fmt.Errorf("%w: the built-in surrogate %s is not part of this build", population.ErrState, DefaultName)
	}
	return b, nil
}

// Default returns the default surrogate. See [DefaultFile].
func Default() (*model.Model, error) {
	b, err := DefaultFile()
	if err != nil {
		return nil, err
	}
	return model.Decode("built-in "+DefaultName, b)
}
