package conformance

import (
	"understudy/plugin/cell"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// GoPackage is the door that needs none: the engines themselves. Kernel is
// that of the surrogates; empty is the best.
type GoPackage struct{ Kernel string }

// Surrogate implements [Door].
func (g GoPackage) Surrogate(modelFile []byte, n int, opt surrogate.Options) (population.Population, error) {
	m, err := model.Decode("model", modelFile)
	if err != nil {
		return nil, err
	}
	opt.Kernel = g.Kernel
	return surrogate.New(m, n, opt)
}

// Cell implements [Door].
func (g GoPackage) Cell(name string, n int) (population.Population, error) {
	return cell.New(name, n, cell.Options{})
}
