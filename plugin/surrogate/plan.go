package surrogate

import (
	"understudy/native"
	"understudy/plugin/model"
)

// plan is a model made ready to run: weights in the kernels' layout, inputs as
// indices. Shards share it; it never changes.
type plan struct {
	kernel   *native.Set
	channels int
	bytes    int64 // state of one neuron
	layers   []layer
	// denseEvents: a layer other than conv1d takes events, so shards also hold each
	// step's summed events as vectors.
	denseEvents bool

	spike, vsoma head // vsoma.layer is -1 when the model has no such head
	threshold    float32

	rates, weights span // training range, for counting what lies outside
	rangeKnown     bool
}

// head is one output: channel index of a layer, offset + scale*z.
type head struct {
	layer, index  int
	scale, offset float64
}

// onEvents is the index that stands for the synaptic events in layer.in.
const onEvents = -1

// layer is one layer of a plan.
type layer struct {
	op       string
	in       []int // indices of earlier layers, or onEvents
	width    int
	inWidth  int
	relu     bool
	lookback int // steps of this layer's output that later layers look back on

	// conv1d: kernel taps, oldest first, dilation steps apart. Group g takes inputs
	// [g*inGroup, (g+1)*inGroup) to outputs [g*outGroup, (g+1)*outGroup).
	kernel, dilation, groups, inGroup, outGroup int
	// weight of a conv1d on events is [channel][kernel][outGroup]: an event reads one
	// contiguous block. Otherwise [kernel][group][inGroup][outGroup]: the inner loop
	// of a matrix product runs over outputs.
	weight []float32
	bias   []float32 // [width], zeros where the model has none
	// batchnorm [width]
	scale, shift []float32
}

func (l *layer) reach() int { return (l.kernel - 1) * l.dilation }

// sparse is true for a convolution that is driven by single events.
func (l *layer) sparse() bool { return l.op == model.OpConv1D && l.in[0] == onEvents }

// newPlan packs a validated model.
func newPlan(m *model.Model, kernel *native.Set) *plan {
	info := m.Info()
	p := &plan{kernel: kernel, channels: m.Inputs.Channels, bytes: info.StateBytes, threshold: float32(m.SpikeThreshold), layers: make([]layer, len(m.Layers))}
	p.rates, p.weights, p.rangeKnown = spans(m)
	index := map[string]int{model.Events: onEvents}
	for i := range m.Layers {
		ml, li, l := &m.Layers[i], &info.Layers[i], &p.layers[i]
		*l = layer{op: ml.Op, width: li.Width, inWidth: li.InWidth, relu: ml.Activation == model.ActReLU, lookback: li.Lookback, kernel: 1}
		for _, name := range ml.In {
			l.in = append(l.in, index[name])
			if name == model.Events && ml.Op != model.OpConv1D {
				p.denseEvents = true
			}
		}
		switch ml.Op {
		case model.OpConv1D:
			l.packConv(ml, m.Tensors)
		case model.OpBatchNorm:
			l.scale, l.shift = m.Tensors[ml.Scale].Data, m.Tensors[ml.Shift].Data
		}
		index[ml.Name] = i
	}
	p.spike = newHead(m.Heads[model.HeadSpike], index)
	p.vsoma.layer = -1
	if h, ok := m.Heads[model.HeadVSoma]; ok {
		p.vsoma = newHead(h, index)
	}
	return p
}

func newHead(h model.Head, index map[string]int) head {
	out := head{layer: index[h.Layer], index: h.Index, scale: 1}
	if h.Scale != nil {
		out.scale = *h.Scale
	}
	if h.Offset != nil {
		out.offset = *h.Offset
	}
	return out
}

// packConv copies [out][in/groups][kernel] into the layout that layer.weight
// describes.
func (l *layer) packConv(ml *model.Layer, tensors map[string]model.Tensor) {
	l.kernel, l.dilation, l.groups = ml.Kernel, ml.Dilation, ml.Groups
	l.inGroup, l.outGroup = l.inWidth/l.groups, l.width/l.groups
	src := tensors[ml.Weight].Data
	l.weight = make([]float32, len(src))
	at := 0
	for g := range l.groups {
		for o := range l.outGroup {
			for i := range l.inGroup {
				for j := range l.kernel {
					var to int
					if l.sparse() {
						to = ((g*l.inGroup+i)*l.kernel+j)*l.outGroup + o
					} else {
						to = ((j*l.groups+g)*l.inGroup+i)*l.outGroup + o
					}
					l.weight[to] = src[at]
					at++
				}
			}
		}
	}
	l.bias = make([]float32, l.width)
	if ml.Bias != "" {
		for o, b := range tensors[ml.Bias].Data {
			// Adding +0 turns -0 into +0: a sum that starts at +0 never becomes -0, so
			// that leaving out terms which are zero does not change a bit.
			l.bias[o] = b + 0
		}
	}
}
