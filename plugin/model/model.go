// Package model holds surrogates as data: the layers of a causal temporal
// convolutional network, its tensors and what is known of its training. It
// reads, checks, writes and imports model files; it does not run them (package
// surrogate does). FORMAT.md describes the file.
package model

import (
	"crypto/sha256"

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

// KindTCN is a causal temporal convolutional network, today's only kind of model.
const KindTCN = "tcn"

// Events is the name by which a layer takes the synaptic events as its input.
const Events = "events"

// Ops of a layer.
const (
	OpConv1D     = "conv1d"     // causal convolution over time, stride 1
	OpAdd        = "add"        // sum of its inputs
	OpActivation = "activation" // only the layer's activation
	OpBatchNorm  = "batchnorm"  // y = scale*x + shift per channel
)

// Activations of a layer or a head.
const (
	ActNone    = "none"
	ActReLU    = "relu"
	ActSigmoid = "sigmoid" // spike head only
)

// Heads that a model may have.
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
	TrainingRange  *TrainingRange  `json:"training_range,omitzero"`
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
	Activation string   `json:"activation,omitempty"`
}

// Reach is how many steps into the past the layer looks: (kernel-1)*dilation.
func (l *Layer) Reach() int {
	if l.Op != OpConv1D {
		return 0
	}
	return (l.Kernel - 1) * l.Dilation
}

// Head is one output: a channel of a layer and how to read it. The spike head is
// sigmoid(z); others are offset + scale*z in unit.
type Head struct {
	Layer      string   `json:"layer"`
	Index      int      `json:"index"`
	Activation string   `json:"activation,omitempty"`
	Scale      *float64 `json:"scale,omitzero"`  // default 1
	Offset     *float64 `json:"offset,omitzero"` // default 0
	Unit       string   `json:"unit,omitempty"`
}

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
