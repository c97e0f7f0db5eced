// Package model holds surrogates as data: the layers of a causal temporal
// convolutional network, its tensors and what is known of its training. It
// reads, checks, writes and imports model files; it does not run them (package
// surrogate does). FORMAT.md describes the file.
package model

import (
	"crypto/sha256"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of what is accepted. They bound what a hostile file can cost and are
// far above any surrogate that makes sense.
const (
	// MaxLayers: the paper's deepest networks have 20.
	MaxLayers = 1024
	// MaxChannels is the largest number of synaptic inputs: a cell of 1 cm of
	// dendrite has about 1,300; 20 bits leave room to sort events by one word.
	MaxChannels = 1 << 20
	// MaxReceptiveField [steps] is a bit over a minute: nothing in a neuron model
	// without plasticity remembers longer.
	MaxReceptiveField = 1 << 16
	// MaxStateBytes is the largest state of one neuron [bytes] in f32: every
	// layer's output over the steps that later layers look back on.
	MaxStateBytes = 64 << 20
)

// Schema is the version of the JSON document that this package reads and writes.
const Schema = 1

// Kinds of model.
const (
	KindTCN = "tcn" // a causal temporal convolutional network
	KindELM = "elm" // a network with an [OpELM] layer
)

// Events is the name by which a layer takes the synaptic events as its input.
const Events = "events"

// Ops of a layer.
const (
	OpConv1D     = "conv1d"     // causal convolution over time, stride 1
	OpAdd        = "add"        // sum of its inputs
	OpActivation = "activation" // only the layer's activation
	OpBatchNorm  = "batchnorm"  // y = scale*x + shift per channel
	OpConcat     = "concat"     // the channels of its inputs, one after the other
	OpELM        = "elm"        // the recurrent part of an ELM neuron, see [ELM]
)

// Activations of a layer; a head has none, but for the spike head's sigmoid.
const (
	ActNone       = "none"
	ActReLU       = "relu"
	ActLeakyReLU  = "leaky_relu" // x above 0, alpha*x below
	ActELU        = "elu"        // x above 0, alpha*(exp(x)-1) below
	ActSiLU       = "silu"       // x*sigmoid(x)
	ActGELU       = "gelu"       // x/2*(1+erf(x/sqrt(2)))
	ActGELUTanh   = "gelu_tanh"  // its approximation by tanh
	ActTanh       = "tanh"
	ActSigmoid    = "sigmoid"
	ActScaledTanh = "scaled_tanh" // 1.7159*tanh(2x/3) (LeCun et al. 1998)
)

// Activations lists the activations in the order of the documentation.
func Activations() []string {
	return []string{ActNone, ActReLU, ActLeakyReLU, ActELU, ActSiLU, ActGELU, ActGELUTanh, ActTanh, ActSigmoid, ActScaledTanh}
}

// HasAlpha is true for activations with a parameter, which they then must have.
func HasAlpha(activation string) bool { return activation == ActLeakyReLU || activation == ActELU }

// Heads that engines read. A model may have others, of any name: dendritic
// voltages or their principal components, for instance.
const (
	HeadSpike = "spike"  // required
	HeadVSoma = "v_soma" // [mV]
)

// Model is a whole surrogate. Treat it as read-only once it is decoded or
// validated: engines share it.
type Model struct {
	Document
	// Tensors by name; each belongs to exactly one layer.
	Tensors map[string]Tensor
}

// Tensor is a dense row-major array of finite numbers.
type Tensor struct {
	Shape []int
	Data  []float32
}

// MaxRefractoryMS bounds Document.RefractoryMS.
const MaxRefractoryMS = 1000

// Document is the JSON document of a model file.
type Document struct {
	Schema         int             `json:"schema"`
	Name           string          `json:"name"`
	Kind           string          `json:"kind"`
	StepMS         float64         `json:"step_ms"`
	Inputs         Inputs          `json:"inputs"`
	Layers         []Layer         `json:"layers"`
	Heads          map[string]Head `json:"heads"`
	SpikeThreshold float64         `json:"spike_threshold"`
	// RefractoryMS is for how many steps after a spike by threshold none is emitted. The
	// probability stays above the threshold for some ms where the time of a spike is
	// uncertain: without, one spike of the cell becomes several.
	RefractoryMS  int            `json:"refractory_ms,omitzero"`
	TrainingRange *TrainingRange `json:"training_range,omitzero"`
	Int8          *Int8          `json:"int8,omitzero"`
	// Provenance says where the model comes from: any JSON object; keys in use
	// are cell, data, command, seed and figures.
	Provenance jsontext.Value `json:"provenance,omitzero"`
}

// Inputs describes the synaptic inputs. The slices are empty or have one entry
// per channel.
type Inputs struct {
	Channels    int       `json:"channels"`
	Segment     []int     `json:"segment,omitempty"`      // index of the segment among those that carry synapses
	Section     []string  `json:"section,omitempty"`      // name of the section
	X           []float64 `json:"x,omitempty"`            // place along the section, 0..1
	ChannelKind []string  `json:"channel_kind,omitempty"` // exc or inh
}

// Layer is one step of the evaluation. Kernel, Dilation and Groups are at least
// 1 in a validated model's conv1d and 0 in every other op.
type Layer struct {
	Name       string   `json:"name"`
	Op         string   `json:"op"`
	In         []string `json:"in"`
	Weight     string   `json:"weight,omitempty"` // conv1d: [out][in/groups][kernel]
	Bias       string   `json:"bias,omitempty"`   // conv1d: [out], optional
	Kernel     int      `json:"kernel,omitzero"`
	Dilation   int      `json:"dilation,omitzero"`
	Groups     int      `json:"groups,omitzero"`
	Scale      string   `json:"scale,omitempty"` // batchnorm: [width]
	Shift      string   `json:"shift,omitempty"` // batchnorm: [width]
	ELM        *ELM     `json:"elm,omitzero"`
	Activation string   `json:"activation,omitempty"`
	Alpha      *float64 `json:"alpha,omitzero"` // of leaky_relu and elu
}

// PartSeparator stands between the name of an elm layer and that of one of its parts where
// Int8 has their ranges: "elm:synapses" (the traces), "elm:memory", "elm:mlp.0" ...
const PartSeparator = ":"

// Int8 is what calibration found; engines derive weights, scales and zero points of
// their integer form from it and from the float tensors, all in the same way.
type Int8 struct {
	// Ranges [layer] is the span [low, high] of the layer's output on the calibration
	// data.
	Ranges map[string][2]float64 `json:"ranges"`
	// BeforeActivation [layer] is that of the values that the activation is applied to;
	// for layers with an activation other than none and relu.
	BeforeActivation map[string][2]float64 `json:"before_activation,omitempty"`
	// SpikeThreshold is the model's for integers, where it is another: rounding shifts
	// the probability a little, and this one gives as many spikes on the calibration data.
	SpikeThreshold *float64 `json:"spike_threshold,omitzero"`
}

// ThresholdInt8 is the spike threshold of the model in integers.
func (m *Model) ThresholdInt8() float64 {
	if m.Int8 != nil && m.Int8.SpikeThreshold != nil {
		return *m.Int8.SpikeThreshold
	}
	return m.SpikeThreshold
}

// tensorNames lists the tensors of a layer in the order of the file.
func (l *Layer) tensorNames() []string {
	names := []string{l.Weight, l.Bias, l.Scale, l.Shift}
	if l.ELM != nil {
		names = append(names, l.ELM.SynapseDecay, l.ELM.MemoryDecay)
		for _, d := range l.ELM.MLP {
			names = append(names, d.Weight, d.Bias)
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// Reach is how many steps into the past the layer looks: (kernel-1)*dilation.
func (l *Layer) Reach() int {
	if l.Op != OpConv1D {
		return 0
	}
	return (l.Kernel - 1) * l.Dilation
}

// Head is one output: Count channels of a layer from Index on and how to read them.
// The spike head is sigmoid(z); others are offset + scale*z in unit.
type Head struct {
	Layer      string   `json:"layer"`
	Index      int      `json:"index"`
	Count      int      `json:"count,omitzero"` // default 1
	Activation string   `json:"activation,omitempty"`
	Scale      *float64 `json:"scale,omitzero"`  // default 1
	Offset     *float64 `json:"offset,omitzero"` // default 0
	Unit       string   `json:"unit,omitempty"`
}

// Channels is the number of channels that the head reads.
func (h Head) Channels() int { return max(1, h.Count) }

// TrainingRange is the span of inputs seen in training, each as [low, high].
type TrainingRange struct {
	EventsPerMS         *[2]float64 `json:"events_per_ms,omitzero"`            // events per step on all channels of a neuron
	EventsPerChannelPer *[2]float64 `json:"events_per_channel_per_s,omitzero"` // mean rate of one channel
	Weight              *[2]float64 `json:"weight,omitzero"`                   // weight of one event
}

// Hash is the SHA-256 of the model's canonical file ([Model.Encode]). Two files
// that differ only in the order of keys or tensors have one hash.
func (m *Model) Hash() ([32]byte, error) {
	b, err := m.Encode()
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(b), nil
}

// LayerIndex returns the index of the layer of that name, or -1. Events is not
// a layer.
func (m *Model) LayerIndex(name string) int {
	for i := range m.Layers {
		if m.Layers[i].Name == name {
			return i
		}
	}
	return -1
}
