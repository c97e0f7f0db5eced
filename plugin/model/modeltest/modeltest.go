// Package modeltest makes models with random weights for tests and benchmarks.
package modeltest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"understudy/plugin/model"
)

// Spec describes a residual network on events: an embedding of Embed features, a
// depthwise convolution of Smooth steps (none if 0), Blocks residual convolutions
// of Kernel steps with dilation 1, 2, 4 ..., and a head for spike and voltage.
type Spec struct {
	Channels, Embed, Smooth, Blocks, Kernel int
}

// Small is a Spec whose tests run in milliseconds.
var Small = Spec{Channels: 12, Embed: 8, Smooth: 3, Blocks: 3, Kernel: 2}

// Default is the shape of the built-in surrogate of the layer-5 pyramidal cell.
var Default = Spec{Channels: 1278, Embed: 64, Smooth: 9, Blocks: 8, Kernel: 4}

// Random returns a validated model of that shape; equal arguments give equal
// models on every platform.
func Random(s Spec, seed uint64) *model.Model {
	width := map[string]int{"embed": s.Embed, "head": 2}
	layers := []model.Layer{{Name: "embed", Op: model.OpConv1D, In: []string{model.Events}, Weight: "embed.weight", Kernel: 1}}
	last := "embed"
	if s.Smooth > 0 {
		width["smooth"] = s.Embed
		layers = append(layers, model.Layer{Name: "smooth", Op: model.OpConv1D, In: []string{last}, Weight: "smooth.weight", Bias: "smooth.bias",
			Kernel: s.Smooth, Groups: s.Embed, Activation: model.ActReLU})
		last = "smooth"
	}
	for b := range s.Blocks {
		conv, sum := fmt.Sprintf("b%d", b), fmt.Sprintf("r%d", b)
		width[conv] = s.Embed
		layers = append(layers,
			model.Layer{Name: conv, Op: model.OpConv1D, In: []string{last}, Weight: conv + ".weight", Bias: conv + ".bias",
				Kernel: s.Kernel, Dilation: 1 << b, Activation: model.ActReLU},
			model.Layer{Name: sum, Op: model.OpAdd, In: []string{last, conv}})
		last = sum
	}
	layers = append(layers, model.Layer{Name: "head", Op: model.OpConv1D, In: []string{last}, Weight: "head.weight", Bias: "head.bias", Kernel: 1})
	return Build(Document("random", s.Channels, layers), width, seed)
}

// Paper returns a model of the shape of Beniaguev et al. (2021) for the layer-5
// pyramidal cell with NMDA: seven causal convolutions of 128 filters, the first
// of 54 steps, the others of 12.
func Paper(seed uint64) *model.Model {
	width := map[string]int{"head": 2}
	var layers []model.Layer
	last, kernel := model.Events, 54
	for i := range 7 {
		name := fmt.Sprintf("c%d", i)
		width[name] = 128
		layers = append(layers, model.Layer{Name: name, Op: model.OpConv1D, In: []string{last}, Weight: name + ".weight", Bias: name + ".bias",
			Kernel: kernel, Activation: model.ActReLU})
		last, kernel = name, 12
	}
	layers = append(layers, model.Layer{Name: "head", Op: model.OpConv1D, In: []string{last}, Weight: "head.weight", Bias: "head.bias", Kernel: 1})
	return Build(Document("paper", 1278, layers), width, seed)
}

// Document returns a document with these layers, whose last one must be named
// "head" and have the spike logit and the voltage as its channels 0 and 1.
func Document(name string, channels int, layers []model.Layer) model.Document {
	scale, offset := 10.0, -67.7
	return model.Document{
		Schema: model.Schema, Name: name, Kind: model.KindTCN, StepMS: 1,
		Inputs: model.Inputs{Channels: channels},
		Layers: layers,
		Heads: map[string]model.Head{
			model.HeadSpike: {Layer: "head", Index: 0, Activation: model.ActSigmoid},
			model.HeadVSoma: {Layer: "head", Index: 1, Scale: &scale, Offset: &offset, Unit: "mV"},
		},
		SpikeThreshold: 0.5,
		TrainingRange:  &model.TrainingRange{EventsPerMS: &[2]float64{0, 40}, Weight: &[2]float64{1, 1}},
	}
}

// Build adds random tensors to a document. width gives the output channels of
// each conv1d. It panics if the result is not a valid model: that is a mistake in
// the test.
func Build(doc model.Document, width map[string]int, seed uint64) *model.Model {
	m := &model.Model{Document: doc, Tensors: map[string]model.Tensor{}}
	rng := rand.New(rand.NewPCG(seed, 0x6d6f64656c))
	random := func(size float64, shape ...int) model.Tensor {
		n := 1
		for _, d := range shape {
			n *= d
		}
		t := model.Tensor{Shape: shape, Data: make([]float32, n)}
		for i := range t.Data {
			t.Data[i] = float32(size * (2*rng.Float64() - 1))
		}
		return t
	}
	widths := map[string]int{model.Events: doc.Inputs.Channels}
	for i := range m.Layers {
		l := &m.Layers[i]
		in := widths[l.In[0]]
		out := in
		switch l.Op {
		case model.OpConv1D:
			out = width[l.Name]
			fan := in / max(1, l.Groups) * l.Kernel
			size := math.Sqrt(3 / float64(fan)) // uniform, variance 1/fan
			if l.In[0] == model.Events {
				size = 0.5 // few channels have an event at a time
			}
			m.Tensors[l.Weight] = random(size, out, in/max(1, l.Groups), l.Kernel)
			if l.Bias != "" {
				m.Tensors[l.Bias] = random(0.5, out)
			}
		case model.OpELM:
			out = width[l.Name]
			buildELM(m, l.ELM, in, out, width, random)
		case model.OpConcat:
			out = 0
			for _, name := range l.In {
				out += widths[name]
			}
		case model.OpBatchNorm:
			m.Tensors[l.Scale] = random(1, in)
			m.Tensors[l.Shift] = random(0.5, in)
		}
		widths[l.Name] = out
	}
	if err := m.Validate(); err != nil {
		panic(err)
	}
	return m
}
