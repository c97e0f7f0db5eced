package pack_test

import (
	"bytes"
	"fmt"
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/model/builtin"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/surrogate"
	"understudy/wasm/pack"
)

// overhead is what a module has beyond the model's weights.
func overhead(t *testing.T, m *model.Model, precision string) int {
	t.Helper()
	b, err := pack.Pack(m, precision)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := pack.WeightBytes(m, precision)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d more than the weights", len(b), len(b)-weights)
	return len(b) - weights
}

// TestSize holds modules against the size of what they store: at most 64 KB more, for the built-in models, larger ones of their
// kinds, and one that has everything.
func TestSize(t *testing.T) {
	models := map[string]*model.Model{}
	for _, name := range builtin.Names() {
		m, err := builtin.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		models[name] = m
	}
	for name, m := range generated() {
		models[name] = quantised(t, named(m))
	}
	for name, m := range models {
		for _, precision := range precisions {
			t.Run(name+"/"+precision, func(t *testing.T) {
				if _, err := surrogate.Plan(m, precision); err != nil {
					t.Skip(err) // no integer form
				}
				if more := overhead(t, m, precision); more > 64<<10 || more < 15<<10 { // there is no less code
					t.Errorf("%d bytes", more)
				}
				a, _ := pack.Pack(m, precision)
				if b, err := pack.Pack(m, precision); err != nil || !bytes.Equal(a, b) {
					t.Errorf("packed twice, two results; %v", err)
				}
			})
		}
	}
}

// TestWeightBytes counts the built-in model's numbers by hand.
func TestWeightBytes(t *testing.T) {
	m, err := builtin.Open("l5pc")
	if err != nil {
		t.Fatal(err)
	}
	const weights, others = 1278*45 + 145*200 + 200*100 + 100*2, 45 + 200 + 100 + 2 + 45 + 100 + 100
	if n, err := pack.WeightBytes(m, surrogate.Float32); err != nil || n != 4*(weights+others) {
		t.Errorf("%d bytes in f32, want %d; %v", n, 4*(weights+others), err)
	}
	// In integers there are factors for each output and state.
	if n, err := pack.WeightBytes(m, surrogate.Int8); err != nil || n < weights+4*others || n > weights+12*others {
		t.Errorf("%d bytes in int8, want some more than %d; %v", n, weights+4*others, err)
	}
}

// A model whose layers have one width holds no multiplication for others.
func TestOneWidth(t *testing.T) {
	m, err := builtin.Open("l5pc-tcn")
	if err != nil {
		t.Fatal(err)
	}
	if more := overhead(t, m, surrogate.Float32); more > 42<<10 {
		t.Errorf("%d bytes", more)
	}
}

// generated are models that are larger or more mixed than the built-in ones.
func generated() map[string]*model.Model {
	models := map[string]*model.Model{"every kind of layer": everything(), "paper": modeltest.Paper(1)}
	for _, blocks := range []int{8, 12} { // and twice as many layers, with additions
		models[fmt.Sprintf("%d blocks", blocks)] = modeltest.Random(modeltest.Spec{Channels: 1278, Embed: 64, Smooth: 9, Blocks: blocks, Kernel: 2}, 1)
	}
	for _, act := range model.Activations() {
		if model.HasAlpha(act) {
			continue // ELM makes none of these
		}
		models["elm, "+act] = modeltest.ELM(modeltest.ELMSpec{Channels: 1278, Branches: 200, Memory: 300, Hidden: 500, Activation: act}, 1)
	}
	return models
}

// everything is a model with layers of every kind and all activations.
func everything() *model.Model {
	conv := func(name, in string, kernel, dilation, groups int, act string) model.Layer {
		return model.Layer{Name: name, Op: model.OpConv1D, In: []string{in}, Weight: name + ".w", Bias: name + ".b", Kernel: kernel, Dilation: dilation, Groups: groups, Activation: act}
	}
	layers := []model.Layer{
		conv("a", "events", 5, 1, 1, "relu"), conv("grouped", "events", 3, 2, 2, ""),
		{Name: "wide", Op: model.OpConcat, In: []string{"a", "grouped", "a"}},
		{Name: "norm", Op: model.OpBatchNorm, In: []string{"wide"}, Scale: "norm.scale", Shift: "norm.shift", Activation: "relu"},
		conv("depth", "norm", 4, 3, 24, ""), conv("apart", "depth", 2, 5, 4, "relu"),
		{Name: "sum", Op: model.OpAdd, In: []string{"depth", "norm", "apart"}},
		{Name: "elm", Op: model.OpELM, In: []string{"sum"}, ELM: &model.ELM{SynapseDecay: "elm.s", MemoryDecay: "elm.m", Lambda: 5,
			MLP: []model.Dense{{Weight: "w0", Bias: "b0", Activation: model.ActSiLU}, {Weight: "w1", Bias: "b1", Activation: model.ActScaledTanh}}}},
	}
	last := "elm"
	for _, act := range model.Activations() {
		l := conv("act "+act, last, 2, 1, 1, act)
		if model.HasAlpha(act) {
			alpha := 0.7
			l.Alpha = &alpha
		}
		layers, last = append(layers, l), l.Name
	}
	width := map[string]int{"a": 8, "grouped": 8, "depth": 24, "apart": 24, "w0": 40, "w1": 16, "elm": 16, "head": 2}
	for _, act := range model.Activations() {
		width["act "+act] = 16
	}
	doc := modeltest.Document("everything", 600, append(layers, conv("head", last, 1, 1, 1, "")))
	doc.Kind, doc.RefractoryMS = model.KindELM, 3
	return modeltest.Build(doc, width, 5)
}

// named gives a model's channels segments and kinds, which are in the description.
func named(m *model.Model) *model.Model {
	half := m.Inputs.Channels / 2
	for c := range m.Inputs.Channels {
		m.Inputs.Segment = append(m.Inputs.Segment, c%half)
		m.Inputs.ChannelKind = append(m.Inputs.ChannelKind, map[bool]string{true: "exc", false: "inh"}[c < half])
	}
	return m
}

// TestGrowth bounds what a layer and a channel add: INTERFACE.md says for which models the whole is more than 64 KB.
func TestGrowth(t *testing.T) {
	for _, precision := range precisions {
		t.Run(precision, func(t *testing.T) {
			of := func(channels, blocks int) int {
				return overhead(t, quantised(t, named(modeltest.Random(modeltest.Spec{Channels: channels, Embed: 16, Smooth: 3, Blocks: blocks, Kernel: 2}, 1))), precision)
			}
			if n := (of(200, 12) - of(200, 4)) / 16; n > 250 {
				t.Errorf("%d bytes a layer", n)
			}
			if n := (of(4200, 4) - of(200, 4)) / 4000; n > 12 {
				t.Errorf("%d bytes a channel", n)
			}
		})
	}
}
