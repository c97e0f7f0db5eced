// Package conformance is the table that every way into the engines runs: the
// Go package, the C library called from a C program, Python, and the
// WebAssembly guest on wazero's compiler and interpreter. A case is a model, a
// stimulus, and what must come out, computed by [Naive]; [Check] runs one door
// through all of them.
package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Tolerance of p_spike, and of v_soma in units of the head's scale. The engine
// computes in float32 (epsilon 6e-8) sums of at most a few hundred terms of
// order 1 through up to four layers; 1e-5 leaves an order of magnitude.
const Tolerance = 1e-5

// Int8Tolerance is that of integers: eight bits in each of up to five layers. It only
// shows that the right thing is computed; what counts is that all doors give the same bits.
const Int8Tolerance = 0.1

// BF16Tolerance is that of products whose operands have eight bits, too, but floating ones.
const BF16Tolerance = 0.02

// VScale [mV] is the scale of the voltage head of every case.
const VScale = 10

// Trace is what comes out of a run, [steps][n].
type Trace struct {
	PSpike    []float32
	VSoma     []float32 // [mV]
	Spike     []bool
	Threshold float64 // of the spike head; 0 where there is none
	// RefractoryMS: no spike in so many steps after one.
	RefractoryMS int
	Inner        []float32 // head HeadInner [steps][n][channels]; only of Naive
}

// HeadInner is a head of every case that reads all channels of an inner layer.
const HeadInner = "inner"

func newTrace(values int) Trace {
	return Trace{PSpike: make([]float32, values), VSoma: make([]float32, values), Spike: make([]bool, values)}
}

// Case is a surrogate, a stimulus, and what must come out.
type Case struct {
	Name     string
	Model    []byte // a model file
	N        int
	Channels int
	Steps    int
	Events   []population.Event
	Options  surrogate.Options
	Want     Trace // within Tolerance, Int8Tolerance or BF16Tolerance
}

func (c *Case) tolerance() float64 {
	switch c.Options.Precision {
	case surrogate.Int8:
		return Int8Tolerance
	case surrogate.BF16:
		return BF16Tolerance
	}
	return Tolerance
}

// shape is a family of models.
type shape struct {
	name     string
	channels int
	n, steps int
	layers   []layer
}

// layer is a layer of a shape; its name is its index, "0", "1" ...
type layer struct {
	op               string
	in               []int // indices; -1 is the events
	out, kernel      int   // conv1d, elm
	dilation, groups int
	bias             bool
	act              string
}

// shapes cover each feature of the format once, and widths and lengths on both
// sides of the vector lengths 4, 8 and 16.
var shapes = []shape{
	{"linear", 1, 1, 7, []layer{
		{op: "conv1d", in: []int{-1}, out: 2, kernel: 1},
	}},
	{"fcn", 9, 3, 33, []layer{
		{op: "conv1d", in: []int{-1}, out: 8, kernel: 7, bias: true, act: "relu"},
		{op: "conv1d", in: []int{0}, out: 2, kernel: 1, bias: true},
	}},
	{"tcn-dilated", 7, 2, 64, []layer{
		{op: "conv1d", in: []int{-1}, out: 7, kernel: 3, bias: true, act: "relu"},
		{op: "conv1d", in: []int{0}, out: 9, kernel: 3, dilation: 2, bias: true, act: "relu"},
		{op: "conv1d", in: []int{1}, out: 8, kernel: 2, dilation: 8, act: "relu"},
		{op: "conv1d", in: []int{2}, out: 2, kernel: 1, bias: true},
	}},
	{"events-dilated", 5, 2, 20, []layer{
		{op: "conv1d", in: []int{-1}, out: 4, kernel: 3, dilation: 4, bias: true, act: "relu"},
		{op: "conv1d", in: []int{0}, out: 2, kernel: 1},
	}},
	{"depthwise", 8, 9, 31, []layer{
		{op: "conv1d", in: []int{-1}, out: 16, kernel: 1},
		{op: "conv1d", in: []int{0}, out: 16, kernel: 9, groups: 16, bias: true, act: "relu"},
		{op: "conv1d", in: []int{1}, out: 2, kernel: 1, bias: true},
	}},
	{"groups-on-events", 6, 2, 12, []layer{
		{op: "conv1d", in: []int{-1}, out: 9, kernel: 2, groups: 3, act: "relu"},
		{op: "conv1d", in: []int{0}, out: 6, kernel: 2, groups: 3, act: "relu"},
		{op: "conv1d", in: []int{1}, out: 2, kernel: 1, bias: true},
	}},
	{"residual", 17, 4, 40, []layer{
		{op: "conv1d", in: []int{-1}, out: 15, kernel: 1},
		{op: "conv1d", in: []int{0}, out: 15, kernel: 4, bias: true, act: "relu"},
		{op: "conv1d", in: []int{1}, out: 15, kernel: 4, dilation: 3, bias: true},
		{op: "add", in: []int{0, 2}, act: "relu"},
		{op: "conv1d", in: []int{3}, out: 2, kernel: 1, bias: true},
	}},
	{"batchnorm", 8, 1, 25, []layer{
		{op: "conv1d", in: []int{-1}, out: 8, kernel: 2, bias: true},
		{op: "batchnorm", in: []int{0}, act: "relu"},
		{op: "conv1d", in: []int{1}, out: 8, kernel: 3},
		{op: "batchnorm", in: []int{2}},
		{op: "activation", in: []int{3}, act: "relu"},
		{op: "conv1d", in: []int{4}, out: 2, kernel: 3, bias: true},
	}},
	// Batch norms before a convolution of several taps: folded, they give it another
	// bias in the first steps.
	{"batchnorm-folded", 6, 2, 24, []layer{
		{op: "conv1d", in: []int{-1}, out: 7, kernel: 3, bias: true, act: "relu"},
		{op: "batchnorm", in: []int{0}},
		{op: "conv1d", in: []int{1}, out: 6, kernel: 3, dilation: 2, bias: true, act: "relu"},
		{op: "batchnorm", in: []int{2}},
		{op: "conv1d", in: []int{3}, out: 9, kernel: 4, groups: 3, bias: true, act: "relu"},
		{op: "conv1d", in: []int{4}, out: 2, kernel: 1, bias: true},
	}},
	{"concat-silu", 5, 3, 20, []layer{
		{op: "conv1d", in: []int{-1}, out: 5, kernel: 3, bias: true, act: "silu"},
		{op: "conv1d", in: []int{0}, out: 6, kernel: 2, dilation: 3, bias: true, act: "relu"},
		{op: "concat", in: []int{1, 0}},
		{op: "activation", in: []int{2}, act: "silu"},
		{op: "conv1d", in: []int{3}, out: 2, kernel: 2, bias: true},
	}},
	// A long first kernel and many neurons: the engine defers what events mean later.
	{"deferred-events", 6, 26, 50, []layer{
		{op: "conv1d", in: []int{-1}, out: 9, kernel: 35, bias: true, act: "relu"},
		{op: "conv1d", in: []int{0}, out: 2, kernel: 2, bias: true},
	}},
	// out is the memory, kernel the width of the layer between.
	{"elm", 8, 3, 40, []layer{
		{op: "conv1d", in: []int{-1}, out: 5, kernel: 1},
		{op: "elm", in: []int{0}, out: 10, kernel: 17},
		{op: "conv1d", in: []int{1}, out: 2, kernel: 1, bias: true},
	}},
	{"spike-head-only", 3, 2, 15, []layer{
		{op: "conv1d", in: []int{-1}, out: 1, kernel: 5, bias: true},
	}},
}

// Surrogates are the models of the table.
func Surrogates() []*model.Model {
	var all []*model.Model
	for i, s := range shapes {
		all = append(all, s.model(uint64(i)))
	}
	return all
}

// lengths are tried for one shape beside its own.
var lengths = []int{1, 7, 8, 9}

// Cases makes the table: every shape in float32, in bf16 and, quantised, in integers. It is the
// same in every run on one CPU.
func Cases() ([]Case, error) {
	var cases []Case
	for i, s := range shapes {
		m := s.model(uint64(i))
		add := func(name string, steps int, opt surrogate.Options) error {
			file, err := m.Encode()
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			c := Case{Name: fmt.Sprintf("%s/n=%d/steps=%d", name, s.n, steps), Model: file, N: s.n, Channels: s.channels, Steps: steps, Options: opt}
			c.Events = stimulus(uint64(i)<<32|uint64(steps), c.N, c.Channels, c.Steps)
			if c.Want, err = Naive(file, c.N, c.Steps, c.Events); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			cases = append(cases, c)
			return nil
		}
		if err := add(s.name, s.steps, surrogate.Options{}); err != nil {
			return nil, err
		}
		if err := add(s.name+"/bf16", s.steps, surrogate.Options{Precision: surrogate.BF16}); err != nil {
			return nil, err
		}
		if s.name == "tcn-dilated" {
			for _, k := range lengths {
				if err := add(s.name, k, surrogate.Options{Sample: true, Seed: 1<<63 | uint64(k)}); err != nil {
					return nil, err
				}
			}
		}
		var err error
		if m.Int8, err = surrogate.Calibrate(m, s.n, func(p population.Population) error {
			return p.Step(s.steps, stimulus(uint64(i)<<32|uint64(s.steps), s.n, s.channels, s.steps), population.Output{})
		}); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		if err := add(s.name+"/int8", s.steps, surrogate.Options{Precision: surrogate.Int8, Sample: i%2 == 1, Seed: uint64(i)}); err != nil {
			return nil, err
		}
	}
	return cases, nil
}

// stimulus is random events: about one per neuron and step in three of four
// steps, some of them repeated on the same channel and in the same step, with
// weights of either sign, at times with and without a fraction.
func stimulus(seed uint64, n, channels, steps int) []population.Event {
	r := rand.New(rand.NewPCG(seed, 1))
	var events []population.Event
	for t := range steps {
		if t%4 == 2 {
			continue
		}
		for range n {
			e := population.Event{
				TimeMS:  float64(t),
				Neuron:  int32(r.IntN(n)),
				Channel: int32(r.IntN(channels)),
				Weight:  1,
			}
			switch r.IntN(3) {
			case 0:
				e.TimeMS += r.Float64()
			case 1:
				e.TimeMS = math.Nextafter(float64(t+1), 0)
			}
			if r.IntN(2) == 0 {
				e.Weight = float32(r.NormFloat64())
			}
			events = append(events, e)
			for r.IntN(4) == 0 {
				e.TimeMS = float64(t) + r.Float64()
				e.Weight = float32(r.NormFloat64())
				events = append(events, e)
			}
		}
	}
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// model draws the weights of a shape, scaled so that activations are of order 1.
func (s shape) model(seed uint64) *model.Model {
	r := rand.New(rand.NewPCG(seed, 2))
	m := &model.Model{Tensors: map[string]model.Tensor{}}
	m.Schema, m.Name, m.Kind, m.StepMS = model.Schema, s.name, model.KindTCN, 1
	m.Inputs.Channels = s.channels
	m.SpikeThreshold = 0.5
	m.RefractoryMS = int(seed % 3)
	m.TrainingRange = &model.TrainingRange{EventsPerMS: &[2]float64{0, 2}, Weight: &[2]float64{0, 1}}
	tensor := func(name string, scale float64, dims ...int) string {
		size := 1
		for _, d := range dims {
			size *= d
		}
		t := model.Tensor{Shape: dims, Data: make([]float32, size)}
		for i := range t.Data {
			t.Data[i] = float32(r.NormFloat64() * scale)
		}
		m.Tensors[name] = t
		return name
	}
	name := func(i int) string {
		if i < 0 {
			return model.Events
		}
		return fmt.Sprint(i)
	}
	widths := make([]int, len(s.layers))
	for i, l := range s.layers {
		width := s.channels
		if l.in[0] >= 0 {
			width = widths[l.in[0]]
		}
		out := model.Layer{Name: name(i), Op: l.op, Activation: l.act}
		for _, in := range l.in {
			out.In = append(out.In, name(in))
		}
		widths[i] = width
		if l.op == model.OpConcat {
			widths[i] = 0
			for _, in := range l.in {
				widths[i] += widths[in]
			}
		}
		switch l.op {
		case model.OpConv1D:
			groups := max(l.groups, 1)
			out.Kernel, out.Dilation, out.Groups = l.kernel, max(l.dilation, 1), groups
			out.Weight = tensor(out.Name+".weight", 1/math.Sqrt(float64(width/groups*l.kernel)), l.out, width/groups, l.kernel)
			if l.in[0] < 0 {
				// Few channels have an event in a step: no scaling by their number.
				for j := range m.Tensors[out.Weight].Data {
					m.Tensors[out.Weight].Data[j] *= float32(math.Sqrt(float64(width / groups)))
				}
			}
			if l.bias {
				out.Bias = tensor(out.Name+".bias", 0.3, l.out)
			}
			widths[i] = l.out
		case model.OpELM:
			m.Kind = model.KindELM
			widths[i] = l.out
			out.ELM = &model.ELM{Lambda: 1, SynapseDecay: tensor("ks", 0, width), MemoryDecay: tensor("km", 0, l.out), MLP: []model.Dense{
				{Weight: tensor("w0", 1/math.Sqrt(float64(width+l.out)), l.kernel, width+l.out), Bias: tensor("b0", 0.3, l.kernel), Activation: model.ActSiLU},
				{Weight: tensor("w1", 1/math.Sqrt(float64(l.kernel)), l.out, l.kernel), Bias: tensor("b1", 0.3, l.out), Activation: model.ActTanh}}}
			for _, name := range []string{"ks", "km"} {
				for j := range m.Tensors[name].Data {
					m.Tensors[name].Data[j] = float32(math.Exp(-1 / float64(1+3*j)))
				}
			}
		case model.OpBatchNorm:
			out.Scale = tensor(out.Name+".scale", 1, width)
			out.Shift = tensor(out.Name+".shift", 0.3, width)
		}
		m.Layers = append(m.Layers, out)
	}
	last := name(len(s.layers) - 1)
	scale, offset := float64(VScale), -70.0
	inner := max(0, len(s.layers)-2)
	m.Heads = map[string]model.Head{
		model.HeadSpike: {Layer: last, Index: 0, Activation: model.ActSigmoid},
		HeadInner:       {Layer: name(inner), Index: 0, Count: widths[inner], Scale: &scale, Offset: &offset, Unit: "mV"},
	}
	if widths[len(widths)-1] > 1 {
		m.Heads[model.HeadVSoma] = model.Head{Layer: last, Index: 1, Scale: &scale, Offset: &offset, Unit: "mV"}
	}
	return m
}

// window is the events of steps [from, to).
func window(events []population.Event, from, to int) []population.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e population.Event) bool {
		return e.TimeMS < float64(from) || e.TimeMS >= float64(to)
	})
}
