package surrogate

import (
	"understudy/native"
	"understudy/plugin/model"
)

// activation is what a layer applies to each of its values, looked up once.
type activation struct {
	name  string
	kind  native.Activation
	alpha float32
}

// The kinds that package native does not count among its own.
const (
	actNone native.Activation = -1 - iota
	actReLU
)

var activations = map[string]native.Activation{
	model.ActNone: actNone, model.ActReLU: actReLU,
	model.ActLeakyReLU: native.LeakyReLU, model.ActELU: native.ELU, model.ActSiLU: native.SiLU, model.ActGELU: native.GELU,
	model.ActGELUTanh: native.GELUTanh, model.ActTanh: native.Tanh, model.ActSigmoid: native.Sigmoid, model.ActScaledTanh: native.ScaledTanh,
}

// newActivation is the activation of a layer in a model; alpha is nil where it has none.
func newActivation(name string, alpha *float64) activation {
	a := activation{name: name, kind: activations[name]}
	if alpha != nil {
		a.alpha = float32(*alpha)
	}
	return a
}

// limits is true for none and relu: in integers they are no more than a limit.
func (a activation) limits() bool { return a.kind == actNone || a.kind == actReLU }

// activate applies an activation in place.
func (a *activation) activate(kernel *native.Set, y []float32) {
	switch a.kind {
	case actNone:
	case actReLU:
		kernel.ReLU(y)
	default:
		native.Activate(a.kind, y, a.alpha)
	}
}
