package model

import "fmt"

// MaxMemory is the largest number of memory units of an elm layer, and of units of a
// layer of its mlp; the published models have 100 and 200.
const MaxMemory = 1 << 14

// elm checks an elm layer on an input of branches channels and returns the number of
// its memory units.
func (v *validator) elm(at string, l *Layer, branches int) (int, error) {
	e := l.ELM
	if e == nil {
		return 0, badf("%s: no elm", at)
	}
	if !finite(e.Lambda) {
		return 0, badf("%s: lambda is %v", at, e.Lambda)
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
