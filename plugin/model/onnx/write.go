package onnx

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"understudy/plugin/model"
)

// layer is a layer of ours while the graph is followed.
type layer struct {
	op, name     string
	from         []*layer
	width        int
	weight, bias []float32 // conv1d
	shape        []int
	dilation     int
	groups       int
	scale, shift []float64 // batchnorm
	act          string
	alpha        *float64
}

func (r *run) emit(l *layer) *layer {
	r.layers = append(r.layers, l)
	return l
}

// output is an output of the graph.
type output struct {
	name   string
	signal *signal
}

// head is some channels of a layer that become a head.
type head struct {
	name         string
	layer        *layer
	first, count int
}

// Names by which an output is known as a head.
var headNames = map[string][]string{
	model.HeadSpike: {"spike", "spikes", "p_spike"},
	model.HeadVSoma: {"v_soma", "v_soma_mv", "somatic", "soma", "voltage"},
}

// heads makes heads of outputs.
type heads struct {
	options Options
	outputs []output
}

// find returns the output that is a head by the user's word or by its name; channel is -1
// for all of it.
func (h *heads) find(head, said string) (out *output, channel int, err error) {
	for i := range h.outputs {
		o := &h.outputs[i]
		if o.name == said || said == "" && slices.Contains(headNames[head], strings.ToLower(o.name)) {
			return o, -1, nil
		}
	}
	if colon := strings.LastIndexByte(said, ':'); colon >= 0 {
		if c, err := strconv.Atoi(said[colon+1:]); err == nil {
			for i := range h.outputs {
				if o := &h.outputs[i]; o.name == said[:colon] && c >= 0 && c < o.signal.width {
					return o, c, nil
				}
			}
		}
	}
	if said == "" && head != model.HeadSpike {
		return nil, 0, nil
	}
	var known []string
	for _, o := range h.outputs {
		known = append(known, fmt.Sprintf("%q with %d channels", o.name, o.signal.width))
	}
	what := fmt.Sprintf("none is named %s", strings.Join(headNames[head], " or "))
	if said != "" {
		what = fmt.Sprintf("%q is none of them, nor a channel of one", said)
	}
	return nil, 0, badf("which output is the head %s? The outputs are %s; %s. Say NAME or NAME:CHANNEL (--%s-output)",
		head, strings.Join(known, ", "), what, strings.ReplaceAll(head, "_", "-"))
}

// assign turns the outputs into heads: the spike's, the voltage's, and all others by
// their own names.
func (h *heads) assign(r *run) ([]head, error) {
	var heads []head
	used := map[*output]bool{}
	for _, a := range []struct{ head, said string }{{model.HeadSpike, h.options.SpikeOutput}, {model.HeadVSoma, h.options.VSomaOutput}} {
		o, channel, err := h.find(a.head, a.said)
		if err != nil {
			return nil, err
		}
		if o == nil {
			continue
		}
		used[o] = true
		if channel < 0 {
			if channel = 0; o.signal.width != 1 {
				return nil, badf("output %q has %d channels; which is the head %s? Say %s:CHANNEL (--%s-output)",
					o.name, o.signal.width, a.head, o.name, strings.ReplaceAll(a.head, "_", "-"))
			}
		}
		l, at := o.signal.layer, o.signal.first+channel
		if a.head == model.HeadSpike {
			l, at = logit(o.signal, channel)
		} else if err := r.real(o.signal); err != nil {
			return nil, err
		} else {
			l = o.signal.layer
		}
		heads = append(heads, head{a.head, l, at, 1})
	}
	taken := map[string]bool{model.HeadSpike: true, model.HeadVSoma: true}
	for i := range h.outputs {
		o := &h.outputs[i]
		if used[o] {
			continue
		}
		if err := r.real(o.signal); err != nil {
			return nil, err
		}
		name := notHeadName.ReplaceAllString(strings.ToLower(o.name), "_")
		for taken[name] || name == "" {
			name += "_"
		}
		taken[name] = true
		heads = append(heads, head{name, o.signal.layer, o.signal.first, o.signal.width})
	}
	return heads, nil
}

var notHeadName = regexp.MustCompile(`[^a-z0-9_]`)

// logit finds what the sigmoid at the end of the spike's output is taken of. An output
// without one is the logit itself.
func logit(s *signal, channel int) (*layer, int) {
	l, c := s.layer, s.first+channel
	if s.fn.g == exprSigmoid {
		return l, c
	}
	for l.op == model.OpConcat {
		for _, f := range l.from {
			if c < f.width {
				l = f
				break
			}
			c -= f.width
		}
	}
	if l.op == model.OpActivation && l.act == model.ActSigmoid {
		l = l.from[0]
	}
	return l, c
}

// write puts the layers that the heads need into the model: biases, normalisations
// and activations that stand alone go into the layer before where nothing else reads it.
func (r *run) write(m *model.Model, heads []head, o Options) error {
	readers := map[*layer]int{}
	for _, h := range heads {
		readers[h.layer]++
	}
	var live []*layer
	for _, l := range slices.Backward(r.layers) {
		if readers[l] == 0 {
			continue
		}
		live = append(live, l)
		for _, f := range l.from {
			readers[f]++
		}
	}
	slices.Reverse(live)
	into := map[*layer]*layer{}
	kept := live[:0:0]
	for _, l := range live {
		for i, f := range l.from {
			if g := into[f]; g != nil {
				l.from[i] = g
			}
		}
		if p := l.from[0]; readers[p] == 1 && l.merge(p) {
			into[l] = p
			readers[p] = readers[l]
			continue
		}
		kept = append(kept, l)
	}
	taken := map[string]bool{model.Events: true}
	for _, l := range kept {
		base := strings.ToValidUTF8(l.name, "_")
		if base == "" {
			base = l.op
		}
		l.name = base
		for i := 2; taken[l.name]; i++ {
			l.name = fmt.Sprintf("%s_%d", base, i)
		}
		taken[l.name] = true
		// The same weights may be read by many layers; each gets its own.
		if err := r.budget.spend(len(l.weight) + len(l.bias) + len(l.scale) + len(l.shift)); err != nil {
			return err
		}
		m.Layers = append(m.Layers, l.layer(m.Tensors))
	}
	m.Heads = map[string]model.Head{}
	for _, h := range heads {
		if g := into[h.layer]; g != nil {
			h.layer = g
		}
		if h.layer.op == model.Events {
			return badf("the head %s is the input itself", h.name)
		}
		d := model.Head{Layer: h.layer.name, Index: h.first}
		if h.count > 1 {
			d.Count = h.count
		}
		switch h.name {
		case model.HeadSpike:
			d.Activation = model.ActSigmoid
		case model.HeadVSoma:
			d.Scale, d.Offset, d.Unit = o.VScale, o.VOffset, "mV"
		}
		m.Heads[h.name] = d
	}
	return nil
}

// merge puts l into the layer before it, which nothing else reads, and says whether
// that can be.
func (l *layer) merge(p *layer) bool {
	if p.op == model.Events || p.act != "" && p.act != model.ActNone {
		return false
	}
	switch {
	case l.op == model.OpActivation:
		p.act, p.alpha = l.act, l.alpha
		return true
	case l.op == model.OpBatchNorm && p.op == model.OpBatchNorm:
		for i := range l.scale {
			p.scale[i] *= l.scale[i]
			p.shift[i] = l.scale[i]*p.shift[i] + l.shift[i]
		}
		return true
	case l.op == model.OpBatchNorm && p.op == model.OpConv1D && p.bias == nil && !slices.ContainsFunc(l.scale, func(x float64) bool { return x != 1 }):
		p.bias = narrow(l.shift)
		return true
	}
	return false
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// layer is l as a document has it; its tensors are added to those.
func (l *layer) layer(tensors map[string]model.Tensor) model.Layer {
	d := model.Layer{Name: l.name, Op: l.op, Activation: l.act, Alpha: l.alpha}
	for _, f := range l.from {
		d.In = append(d.In, f.name)
	}
	add := func(key string, shape []int, data []float32) string {
		name := l.name + "." + key
		tensors[name] = model.Tensor{Shape: shape, Data: data}
		return name
	}
	switch l.op {
	case model.OpConv1D:
		d.Kernel, d.Dilation, d.Groups = l.shape[2], l.dilation, l.groups
		d.Weight = add("weight", l.shape, l.weight)
		if l.bias != nil {
			d.Bias = add("bias", []int{l.width}, l.bias)
		}
	case model.OpBatchNorm:
		d.Scale = add("scale", []int{l.width}, narrow(l.scale))
		d.Shift = add("shift", []int{l.width}, narrow(l.shift))
	}
	return d
}
