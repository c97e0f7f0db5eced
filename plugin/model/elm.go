package model

import (
	"fmt"
	"math"
)

// MaxMemory is the largest number of memory units of an elm layer, and of units of a
// layer of its mlp; the published models have 100 and 200.
const MaxMemory = 1 << 14

// ELM is what an elm layer is made of: the dynamics of the Expressive Leaky Memory
// neuron (Spieler et al. 2023, equations 1-4) with the synapses of a branch summed.
// With x [branches] its input, per step
//
//	s = SynapseDecay*s + x
//	d = mlp(s, MemoryDecay*m)
//	m = MemoryDecay*m + Lambda*(1-MemoryDecay)*d
//
// and m [memory] its output. s and m are 0 at t = 0.
type ELM struct {
	SynapseDecay string  `json:"synapse_decay"` // tensor [branches]
	MemoryDecay  string  `json:"memory_decay"`  // tensor [memory]
	Lambda       float64 `json:"lambda"`
	// MLP: the first takes branches+memory values, the last gives memory values.
	MLP []Dense `json:"mlp"`
}

// Dense is a fully connected layer.
type Dense struct {
	Weight     string   `json:"weight"` // tensor [out][in]
	Bias       string   `json:"bias"`   // tensor [out]
	Activation string   `json:"activation,omitempty"`
	Alpha      *float64 `json:"alpha,omitzero"`
}

// elm checks an elm layer on an input of branches channels and returns the number of
// its memory units.
func (v *validator) elm(at string, l *Layer, branches int) (int, error) {
	e := l.ELM
	if e == nil {
		return 0, badf("%s: no elm", at)
	}
	if !(e.Lambda > 0 && e.Lambda <= math.MaxFloat32) {
		return 0, badf("%s: elm.lambda is %v, want a number above 0", at, e.Lambda)
	}
	if err := v.tensor(at, "elm.synapse_decay", e.SynapseDecay, l.Name, branches); err != nil {
		return 0, err
	}
	t, ok := v.m.Tensors[e.MemoryDecay]
	if !ok || len(t.Shape) != 1 {
		return 0, badf("%s: elm.memory_decay: no tensor %q of shape [memory]", at, e.MemoryDecay)
	}
	memory := t.Shape[0]
	if memory > MaxMemory {
		return 0, limitf("%s: %d memory units, at most %d are accepted", at, memory, MaxMemory)
	}
	if err := v.tensor(at, "elm.memory_decay", e.MemoryDecay, l.Name, memory); err != nil {
		return 0, err
	}
	for _, d := range []struct{ key, name string }{{"synapse_decay", e.SynapseDecay}, {"memory_decay", e.MemoryDecay}} {
		for i, k := range v.m.Tensors[d.name].Data {
			if !(k >= 0 && k <= 1) {
				return 0, badf("%s: elm.%s: tensor %q: value %d is %v, want 0 to 1", at, d.key, d.name, i, k)
			}
		}
	}
	if len(e.MLP) == 0 || len(e.MLP) > MaxLayers {
		return 0, badf("%s: elm.mlp has %d layers, want 1 to %d", at, len(e.MLP), MaxLayers)
	}
	in := branches + memory
	for i := range e.MLP {
		d := &e.MLP[i]
		key := fmt.Sprintf("elm.mlp[%d]", i)
		if err := checkActivation(at+": "+key, &d.Activation, d.Alpha); err != nil {
			return 0, err
		}
		t, ok := v.m.Tensors[d.Weight]
		if !ok || len(t.Shape) != 2 {
			return 0, badf("%s: %s.weight: no tensor %q of shape [out][in]", at, key, d.Weight)
		}
		out := t.Shape[0]
		if out > MaxMemory {
			return 0, limitf("%s: %s has %d units, at most %d are accepted", at, key, out, MaxMemory)
		}
		if err := v.tensor(at, key+".weight", d.Weight, l.Name, out, in); err != nil {
			return 0, err
		}
		if err := v.tensor(at, key+".bias", d.Bias, l.Name, out); err != nil {
			return 0, err
		}
		in = out
	}
	if in != memory {
		return 0, badf("%s: elm.mlp gives %d values for %d memory units", at, in, memory)
	}
	return memory, nil
}
