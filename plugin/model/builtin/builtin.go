// Package builtin carries the surrogates that are built into every program.
package builtin

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"understudy/plugin/model"
	"understudy/plugin/population"
)

// files holds NAME.safetensors for each surrogate; L5PC.md says how they were made and
// how good they are.
//
//go:embed *.safetensors
var files embed.FS

// DefaultName is the name of the default surrogate: the most faithful of the built-in layer-5
// pyramidal cell.
const DefaultName = "l5pc"

// Names lists the surrogates, the default first.
func Names() []string {
	names := []string{DefaultName}
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // they are in every build
	}
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), ".safetensors"); name != DefaultName {
			names = append(names, name)
		}
	}
	return names
}

// Open returns the surrogate of that name. An error wraps population.ErrInput and lists
// the names that there are.
func Open(name string) (*model.Model, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("%w: no built-in surrogate %q, there are: %s", population.ErrInput, name, strings.Join(Names(), ", "))
	}
	b, err := files.ReadFile(name + ".safetensors")
	if err != nil {
		return nil, err
	}
	return model.Decode("built-in "+name, b)
}

// Default returns the default surrogate.
func Default() (*model.Model, error) { return Open(DefaultName) }
