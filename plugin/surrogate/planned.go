package surrogate

import (
	"fmt"
	"slices"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/population"
)

// Planned describes a model as the engine runs it, for code that is generated from it: batch norms
// folded, integers made, weights in the layout of package native's kernels.
type Planned struct {
	Hash         [32]byte // of the model
	Channels     int
	Threshold    float32
	RefractoryMS int
	Spike        PlannedHead
	VSoma        PlannedHead // Layer is -1 where the model has none
	Layers       []PlannedLayer
}

// PlannedHead is one output, Offset + Scale*z of channel Index of a layer.
type PlannedHead struct {
	Layer, Index  int
	Scale, Offset float64
}

// OnEvents stands for the synaptic events in PlannedLayer.In.
const OnEvents = onEvents

// PlannedLayer is one layer. A batch norm is left only in f32, where it could not be folded.
type PlannedLayer struct {
	Name, Op   string
	In         []int // indices of earlier layers, or OnEvents
	Width      int
	InWidth    int
	Activation string
	Alpha      float32
	Lookback   int // steps of this layer's output that later layers look back on

	// conv1d: group g takes inputs [g*InGroup, (g+1)*InGroup) to outputs [g*OutGroup, (g+1)*OutGroup).
	// Weight is [channel][kernel, present first][OutGroup] on events, else
	// [kernel, oldest first][group][InGroup][OutGroup]; in integers it is Int8.Weight.
	Kernel, Dilation, Groups, InGroup, OutGroup int
	Weight                                      []float32
	// Bias is one row [Width], or Kernel rows, of which row v is for steps of which v older taps lie
	// within the sequence.
	Bias []float32

	Scale, Shift []float32   // batchnorm
	ELM          *PlannedELM // elm in f32
	Int8         *PlannedInt8
}

// Reach is how many steps into the past the layer looks.
func (l *PlannedLayer) Reach() int { return (l.Kernel - 1) * l.Dilation }

// PlannedELM is an ELM neuron in f32: the traces [Branches] and the memory [Memory] decay, the mlp sees both,
// and the memory gains Gain times what it gives.
type PlannedELM struct {
	Branches, Memory          int
	SynapseDecay, MemoryDecay []float32
	Gain                      []float32
	MLP                       []PlannedDense
}

// PlannedDense is a fully connected layer, Weight [In][Out].
type PlannedDense struct {
	In, Out      int
	Weight, Bias []float32
	Activation   string
	Alpha        float32
}

// PlannedScaling takes sums to another unit, (sum*Mult) >> Shift, with a factor per channel.
type PlannedScaling struct {
	Mult  []int32
	Shift uint
}

// PlannedInt8 is the integer form of a layer; QUANTIZE.md gives the formulas.
type PlannedInt8 struct {
	Stride     int     // activations of a neuron, with padding
	Silent     bool    // no activation is kept, only heads read the sums
	KeepSums   bool    // a head or an elm layer reads the sums
	Scale      float64 // of the output
	Zero       uint8   // of the output
	BeforeZero uint8   // before the activation
	Low        uint8   // least value before the activation
	In4, Out16 int     // InGroup and OutGroup with padding
	Depthwise  bool
	Weight     []int8    // [tap][group] packed for GemmInt8; depthwise [tap][Width]; on events [channel][tap, present first][OutGroup]
	Bias       []int32   // rows as PlannedLayer.Bias
	Unit       []float64 // [Width] of the sums
	Requant    PlannedScaling
	Table      []*[256]uint8 // [input] concat and activation
	Factor     []int32       // [input] add: (sum of factor*q + Offset) >> Shift
	Offset     int32
	Shift      uint
	Activate   *[256]uint8 // after the requantisation or the sum; nil for none
	ELM        *PlannedELM8
}

// PlannedELM8 is an ELM neuron in integers.
type PlannedELM8 struct {
	Branches, Memory                     int
	SynapseDecay, MemoryDecay            []int32
	Inputs, Traces, Recall, Gain, Output PlannedScaling
	MLP                                  []PlannedDense8
	Change                               [256]int32 // what the mlp's last activations stand for
	Midpoint                             uint8      // zero point of the mlp's input
}

// PlannedDense8 is a fully connected layer in integers, its weights packed for GemmInt8.
type PlannedDense8 struct {
	In4, Out, Out16, Stride int
	Weight                  []int8
	Bias                    []int32
	Requant                 PlannedScaling
	Low, BeforeZero         uint8
	Activate                *[256]uint8 // nil for none, relu and the last layer
}

// Units of the events of a convolution in integers: a channel's summed weight w becomes
// round(EventUnit*w), at most MaxEventUnits in size.
const (
	EventUnit     = eventUnit
	MaxEventUnits = maxEventUnits
)

// ELMRows is how many neurons of an elm layer a caller does well to take together.
const ELMRows = elmRows

// Plan describes a model in Float32 or Int8. It validates the model; errors are those of New.
func Plan(m *model.Model, precision string) (*Planned, error) {
	if m == nil {
		return nil, fmt.Errorf("%w: no model", population.ErrInput)
	}
	if precision != Float32 && precision != Int8 {
		return nil, fmt.Errorf("%w: precision %q, want %s or %s", population.ErrInput, precision, Float32, Int8)
	}
	hash, err := m.Hash() // validates
	if err != nil {
		return nil, err
	}
	kernel, err := native.Select("reference")
	if err != nil {
		return nil, err
	}
	p, err := newPlan(m, 1, kernel, Options{Precision: precision})
	if err != nil {
		return nil, err
	}
	out := &Planned{Hash: hash, Channels: p.channels, Threshold: p.threshold, RefractoryMS: int(p.refractory), Spike: p.spike.planned(), VSoma: p.vsoma.planned()}
	for i := range p.layers {
		l := &p.layers[i]
		d := l.node.planned()
		d.Weight = l.packed
		if e := l.cell; e != nil {
			d.ELM = &PlannedELM{Branches: e.branches, Memory: e.memory, SynapseDecay: e.synapseDecay, MemoryDecay: e.memoryDecay, Gain: e.gain}
			for _, x := range e.mlp {
				d.ELM.MLP = append(d.ELM.MLP, PlannedDense{In: x.in, Out: x.out, Weight: x.weight, Bias: x.bias, Activation: x.act.name, Alpha: x.act.alpha})
			}
		}
		out.Layers = append(out.Layers, d)
	}
	for i := range p.layers8 {
		out.Layers = append(out.Layers, p.layers8[i].planned())
	}
	return out, nil
}

func (h *head) planned() PlannedHead {
	return PlannedHead{Layer: h.layer, Index: h.index, Scale: h.scale, Offset: h.offset}
}

func (l *node) planned() PlannedLayer {
	return PlannedLayer{Name: l.name, Op: l.op.String(), In: slices.Clone(l.in), Width: l.width, InWidth: l.inWidth, Activation: l.act.name, Alpha: l.act.alpha, Lookback: l.lookback,
		Kernel: l.kernel, Dilation: l.dilation, Groups: l.groups, InGroup: l.inGroup, OutGroup: l.outGroup, Bias: l.bias, Scale: l.scale, Shift: l.shift}
}

func (s *scaling) planned() PlannedScaling { return PlannedScaling{s.mult, s.shift} }

func (l *layer8) planned() PlannedLayer {
	d := l.node.planned()
	d.Int8 = &PlannedInt8{Stride: l.stride, Silent: l.silent, KeepSums: l.keepSums, Scale: l.out.scale, Zero: l.out.zero, BeforeZero: l.before.zero, Low: l.low(),
		In4: l.in4, Out16: l.out16, Depthwise: l.depthwise(), Weight: l.w, Bias: l.biases, Unit: l.unit, Requant: l.requant.planned(), Table: l.table,
		Factor: l.factor, Offset: l.offset, Shift: l.shift, Activate: l.activate}
	if e := l.cell; e != nil {
		c := &PlannedELM8{Branches: e.branches, Memory: e.memory, SynapseDecay: e.synapseDecay, MemoryDecay: e.memoryDecay, Inputs: e.inputs.planned(), Traces: e.traces.planned(),
			Recall: e.recall.planned(), Gain: e.gain.planned(), Output: e.output.planned(), Change: e.change, Midpoint: midpoint}
		for i := range e.mlp {
			x := &e.mlp[i]
			c.MLP = append(c.MLP, PlannedDense8{In4: x.in4, Out: x.out, Out16: x.out16, Stride: x.stride(), Weight: x.w, Bias: x.biases,
				Requant: x.requant.planned(), Low: x.low, BeforeZero: x.before.zero, Activate: x.activate})
		}
		d.Int8.ELM = c
	}
	return d
}
