package surrogate

import (
	"understudy/native"
	"understudy/plugin/model"
)

// plan is a model made ready to run. Shards share it; it never changes.
type plan struct {
	kernel   *native.Set
	channels int
	bytes    int64 // state of one neuron

	spike, vsoma head // vsoma.layer is -1 when the model has no such head
	heads        map[string]head
	threshold    float32
	refractory   int32 // steps
	sample       bool
	seed         uint64

	rates, weights span   // training range, for counting what lies outside
	perSecond      uint16 // most events of a channel in a second
	rangeKnown     bool

	layers  []layer  // of a plan in float32
	layers8 []layer8 // of a plan in integers
	bf16    bool
	// denseEvents: a layer other than conv1d takes events, so shards also hold each
	// step's summed events as vectors.
	denseEvents bool
}

// head is one output: count channels of a layer from index on, offset + scale*z.
type head struct {
	layer, index, count int
	scale, offset       float64
}

// layer is a node with its weights in the kernels' layout.
type layer struct {
	node
	// packed weights of a conv1d on events are [channel][kernel, present first][outGroup]:
	// an event's column lies beside its neuron's sums of this and the coming steps; or, if it
	// defers them, [kernel, present first][channel][outGroup].
	// Otherwise [kernel, oldest first][group][inGroup][outGroup]: the inner loop of a
	// matrix product runs over outputs.
	packed   []float32
	deferred bool
	cell     *elm // of an elm layer

	// In bf16, in place of packed: [kernel, oldest first][group].
	halves []native.BF16
	// stride is how many bfloat16 a neuron's outputs take for the convolutions that multiply in
	// bf16; 0 if none reads them.
	stride int
}

// newPlan packs a validated model for n neurons.
func newPlan(m *model.Model, n int, kernel *native.Set, opt Options) (*plan, error) {
	p := &plan{kernel: kernel, channels: m.Inputs.Channels, bytes: m.Info().StateBytes, threshold: float32(m.SpikeThreshold), refractory: int32(m.RefractoryMS),
		sample: opt.Sample, seed: opt.Seed, heads: map[string]head{}, bf16: opt.Precision == BF16}
	p.rates, p.weights, p.perSecond, p.rangeKnown = spans(m)
	nodes, index := newGraph(m)
	for name, h := range m.Heads {
		p.heads[name] = newHead(h, index)
	}
	p.spike = p.heads[model.HeadSpike]
	p.vsoma = head{layer: -1}
	if h, ok := p.heads[model.HeadVSoma]; ok {
		p.vsoma = h
	}
	if opt.Precision == Int8 {
		p.threshold = float32(m.ThresholdInt8())
		var err error
		p.layers8, err = newLayers8(m, nodes, p.heads)
		return p, err
	}
	for i := range nodes {
		l := layer{node: nodes[i]}
		switch l.op {
		case opConv1D:
			l.deferred = l.deferrable() && n/max(1, opt.Threads) >= deferNeurons
			l.pack()
		case opELM:
			l.cell = newELM(l.elm, m.Tensors)
		}
		for _, in := range l.in {
			if in == onEvents && l.op != opConv1D {
				p.denseEvents = true
			}
		}
		p.layers = append(p.layers, l)
		if p.bf16 {
			p.roundBF16(i)
		}
	}
	return p, nil
}

func newHead(h model.Head, index map[string]int) head {
	out := head{layer: index[h.Layer], index: h.Index, count: h.Channels(), scale: 1}
	if h.Scale != nil {
		out.scale = *h.Scale
	}
	if h.Offset != nil {
		out.offset = *h.Offset
	}
	return out
}

// value is the head's output for z.
func (h *head) value(z float32) float32 { return float32(h.offset + float64(h.scale*float64(z))) }

// pack copies the weights into the layout that layer.packed describes.
func (l *layer) pack() {
	l.packed = make([]float32, len(l.weight))
	at := 0
	for g := range l.groups {
		for o := range l.outGroup {
			for i := range l.inGroup {
				for j := range l.kernel {
					var to int
					if l.deferred {
						to = ((l.kernel-1-j)*l.inGroup+i)*l.outGroup + o
					} else if l.sparse() {
						to = ((g*l.inGroup+i)*l.kernel+l.kernel-1-j)*l.outGroup + o
					} else {
						to = ((j*l.groups+g)*l.inGroup+i)*l.outGroup + o
					}
					l.packed[to] = l.weight[at]
					at++
				}
			}
		}
	}
	l.weight = nil
}
