package modeltest

import (
	"math"

	"understudy/plugin/model"
)

// ELMSpec describes an ELM neuron: synapses on Branches branches, Memory units, and
// an MLP with one hidden layer of that activation.
type ELMSpec struct {
	Channels, Branches, Memory, Hidden int
	Activation                         string
}

// BestELM is the shape of the most accurate model of Spieler et al. (2023), which has
// 54,002 parameters besides those that are fixed.
var BestELM = ELMSpec{Channels: 1278, Branches: 45, Memory: 100, Hidden: 200, Activation: model.ActSiLU}

// ELM returns a validated model of that shape; equal arguments give equal models on
// every platform.
func ELM(s ELMSpec, seed uint64) *model.Model {
	layers := []model.Layer{
		{Name: "synapses", Op: model.OpConv1D, In: []string{model.Events}, Weight: "synapses.weight", Kernel: 1},
		{Name: "elm", Op: model.OpELM, In: []string{"synapses"}, ELM: &model.ELM{
			SynapseDecay: "elm.synapse_decay", MemoryDecay: "elm.memory_decay", Lambda: 5,
			MLP: []model.Dense{
				{Weight: "elm.hidden.weight", Bias: "elm.hidden.bias", Activation: s.Activation},
				{Weight: "elm.out.weight", Bias: "elm.out.bias", Activation: model.ActScaledTanh},
			}}},
		{Name: "head", Op: model.OpConv1D, In: []string{"elm"}, Weight: "head.weight", Bias: "head.bias", Kernel: 1},
	}
	doc := Document("random elm", s.Channels, layers)
	doc.Kind = model.KindELM
	return Build(doc, map[string]int{"synapses": s.Branches, "elm": s.Memory, "elm.hidden.weight": s.Hidden, "elm.out.weight": s.Memory, "head": 2}, seed)
}

// buildELM adds an elm layer's tensors; width has the outputs of the MLP's layers by
// their weights. Synapses forget in 5 ms, memory units in 1 to 150 ms.
func buildELM(m *model.Model, e *model.ELM, branches, memory int, width map[string]int, random func(size float64, shape ...int) model.Tensor) {
	s := model.Tensor{Shape: []int{branches}, Data: make([]float32, branches)}
	for i := range s.Data {
		s.Data[i] = float32(math.Exp(-1. / 5))
	}
	k := model.Tensor{Shape: []int{memory}, Data: make([]float32, memory)}
	for i := range k.Data {
		k.Data[i] = float32(math.Exp(-math.Pow(150, -float64(i)/float64(max(1, memory-1)))))
	}
	m.Tensors[e.SynapseDecay], m.Tensors[e.MemoryDecay] = s, k
	in := branches + memory
	for _, d := range e.MLP {
		out := width[d.Weight]
		m.Tensors[d.Weight] = random(0.5*math.Sqrt(3/float64(in)), out, in)
		m.Tensors[d.Bias] = random(0.3, out)
		in = out
	}
}
