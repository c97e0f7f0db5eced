package surrogate

import (
	"understudy/native"
	"understudy/plugin/model"
)

// activations has the kernels of the activations beside none and relu.
var activations = map[string]native.Activation{
	model.ActLeakyReLU: native.LeakyReLU, model.ActELU: native.ELU, model.ActSiLU: native.SiLU, model.ActGELU: native.GELU,
	model.ActGELUTanh: native.GELUTanh, model.ActTanh: native.Tanh, model.ActSigmoid: native.Sigmoid, model.ActScaledTanh: native.ScaledTanh,
}

// activate applies an activation in place.
func activate(kernel *native.Set, act string, alpha float32, y []float32) {
	switch act {
	case model.ActNone:
	case model.ActReLU:
		kernel.ReLU(y)
	default:
		native.Activate(activations[act], y, alpha)
	}
}
