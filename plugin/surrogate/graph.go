package surrogate

import (
	"math"
	"slices"

	"understudy/plugin/model"
)

// onEvents is the index that stands for the synaptic events in node.in.
const onEvents = -1

// op is what a node computes.
type op uint8

const (
	opConv1D op = iota
	opBatchNorm
	opAdd
	opConcat
	opActivation
	opELM
)

var opNames = [...]string{opConv1D: model.OpConv1D, opBatchNorm: model.OpBatchNorm, opAdd: model.OpAdd, opConcat: model.OpConcat,
	opActivation: model.OpActivation, opELM: model.OpELM}

func (o op) String() string { return opNames[o] }

// node is one layer of a model as the engines evaluate it, after batch norms have
// been folded into convolutions.
type node struct {
	name     string
	op       op
	in       []int // indices of earlier nodes, or onEvents
	width    int
	inWidth  int
	act      activation
	lookback int // steps of this node's output that later nodes look back on

	// conv1d: kernel taps, oldest first, dilation steps apart. Group g takes inputs
	// [g*inGroup, (g+1)*inGroup) to outputs [g*outGroup, (g+1)*outGroup).
	kernel, dilation, groups, inGroup, outGroup int
	weight                                      []float32 // [width][inGroup][kernel]
	// bias of a conv1d is one row [width], or kernel rows where a batch norm before it
	// has been folded: row v is for steps of which v older taps lie within the sequence.
	bias []float32

	scale, shift []float32  // batchnorm [width]
	elm          *model.ELM // elm
}

func (l *node) reach() int { return (l.kernel - 1) * l.dilation }

// sparse is true for a convolution that is driven by single events.
func (l *node) sparse() bool { return l.op == opConv1D && l.in[0] == onEvents }

// biasAt is the bias of step t.
func (l *node) biasAt(t int64) []float32 {
	v := 0
	if len(l.bias) > l.width {
		v = int(min(t/int64(l.dilation), int64(l.kernel-1)))
	}
	return l.bias[v*l.width:][:l.width]
}

// newGraph returns a validated model's layers as nodes. index [layer] is the node
// that has the layer's output.
//
// Two kinds of batch norm vanish, because they cost time and, between a ReLU and a
// convolution, hide the zeros that kernels skip. One that follows a convolution
// scales its weights. One that only convolutions read scales theirs, and its shift,
// seen through the weights, is a bias; but the steps before t = 0 are zeros behind
// the batch norm, not before it, so that the bias grows with the taps that lie within
// the sequence. Both are exact but for rounding, from the first step on.
func newGraph(m *model.Model) (nodes []node, index map[string]int) {
	info := m.Info()
	layers := slices.Clone(m.Layers)
	conv := map[string]*folded{}
	readers := map[string][]string{} // of a layer: layers, and "" for a head
	layer := map[string]*model.Layer{}
	for i := range layers {
		l := &layers[i]
		layer[l.Name] = l
		for _, in := range l.In {
			readers[in] = append(readers[in], l.Name)
		}
		if l.Op == model.OpConv1D {
			conv[l.Name] = newFolded(l, m.Tensors)
		}
	}
	for _, h := range m.Heads {
		readers[h.Layer] = append(readers[h.Layer], "")
	}
	alias := map[string]string{} // name of a layer that is gone -> of the one that has its output
	for i := range layers {
		l := &layers[i]
		if l.Op != model.OpBatchNorm || l.In[0] == model.Events {
			continue
		}
		scale, shift := m.Tensors[l.Scale].Data, m.Tensors[l.Shift].Data
		before := layer[l.In[0]]
		switch {
		case before.Op == model.OpConv1D && before.Activation == model.ActNone && len(readers[before.Name]) == 1 && conv[before.Name].after(scale, shift):
			// The convolution takes the batch norm's name and activation.
			alias[l.Name] = before.Name
			before.Activation, before.Alpha = l.Activation, l.Alpha
			readers[before.Name] = readers[l.Name]
		case l.Activation == model.ActNone && !slices.ContainsFunc(readers[l.Name], func(r string) bool { return r == "" || layer[r].Op != model.OpConv1D }):
			if foldBefore(conv, readers[l.Name], scale, shift) {
				alias[l.Name] = l.In[0]
				readers[l.In[0]] = append(slices.DeleteFunc(readers[l.In[0]], func(r string) bool { return r == l.Name }), readers[l.Name]...)
			}
		}
	}

	index = map[string]int{model.Events: onEvents}
	for i := range layers {
		ml, li := &layers[i], &info.Layers[i]
		if to, gone := alias[ml.Name]; gone {
			index[ml.Name] = index[to]
			continue
		}
		l := node{name: ml.Name, op: op(slices.Index(opNames[:], ml.Op)), width: li.Width, inWidth: li.InWidth, act: newActivation(ml.Activation, ml.Alpha), kernel: 1, dilation: 1, groups: 1, elm: ml.ELM}
		for _, in := range ml.In {
			l.in = append(l.in, index[in])
		}
		switch ml.Op {
		case model.OpConv1D:
			l.kernel, l.dilation, l.groups = ml.Kernel, ml.Dilation, ml.Groups
			l.inGroup, l.outGroup = l.inWidth/l.groups, l.width/l.groups
			l.weight, l.bias = conv[ml.Name].rounded()
			if j := l.in[0]; j != onEvents {
				nodes[j].lookback = max(nodes[j].lookback, l.reach())
			}
		case model.OpBatchNorm:
			l.scale, l.shift = m.Tensors[ml.Scale].Data, m.Tensors[ml.Shift].Data
		}
		index[ml.Name] = len(nodes)
		nodes = append(nodes, l)
	}
	return nodes, index
}

// folded is a convolution into which batch norms are folded, in float64.
type folded struct {
	out, in, kernel, groups int // in is per group
	weight                  []float64
	bias                    []float64 // [out]
	tap                     []float64 // [kernel][out], what each tap adds to the bias; nil if nothing
}

func newFolded(l *model.Layer, tensors map[string]model.Tensor) *folded {
	t := tensors[l.Weight]
	c := &folded{out: t.Shape[0], in: t.Shape[1], kernel: t.Shape[2], groups: l.Groups, weight: make([]float64, len(t.Data)), bias: make([]float64, t.Shape[0])}
	for i, w := range t.Data {
		c.weight[i] = float64(w)
	}
	if l.Bias != "" {
		for i, b := range tensors[l.Bias].Data {
			c.bias[i] = float64(b)
		}
	}
	return c
}

// after folds scale and shift of the output; false, and no change, if a weight would
// not be finite in float32.
func (c *folded) after(scale, shift []float32) bool {
	n := c.in * c.kernel
	for i, w := range c.weight {
		if !fits(w * float64(scale[i/n])) {
			return false
		}
	}
	for i := range c.weight {
		c.weight[i] *= float64(scale[i/n])
	}
	for o := range c.bias {
		c.bias[o] = float64(c.bias[o]*float64(scale[o])) + float64(shift[o])
	}
	for i := range c.tap {
		c.tap[i] *= float64(scale[i%c.out])
	}
	return true
}

// foldBefore folds scale and shift of the input into all convolutions of those names,
// or into none.
func foldBefore(conv map[string]*folded, names []string, scale, shift []float32) bool {
	input := func(c *folded, i int) int { // channel that weight i is for
		o := i / (c.in * c.kernel)
		return o/(c.out/c.groups)*c.in + i/c.kernel%c.in
	}
	for _, name := range names {
		c := conv[name]
		for i, w := range c.weight {
			if !fits(w*float64(scale[input(c, i)])) || !fits(w*float64(shift[input(c, i)])) {
				return false
			}
		}
	}
	for _, name := range names {
		c := conv[name]
		if c.tap == nil {
			c.tap = make([]float64, c.kernel*c.out)
		}
		for i := range c.weight {
			o, tap := i/(c.in*c.kernel), i%c.kernel
			c.tap[tap*c.out+o] += float64(c.weight[i] * float64(shift[input(c, i)]))
			c.weight[i] *= float64(scale[input(c, i)])
		}
	}
	return true
}

func fits(x float64) bool { return math.Abs(x) <= math.MaxFloat32 }

// rounded returns weight and bias as node has them. Adding +0 turns -0 into +0: a sum
// that starts at +0 never becomes -0, so that leaving out terms which are zero does
// not change a bit.
func (c *folded) rounded() (weight, bias []float32) {
	weight = make([]float32, len(c.weight))
	for i, w := range c.weight {
		weight[i] = float32(w)
	}
	rows := 1
	if c.tap != nil {
		rows = c.kernel
	}
	bias = make([]float32, rows*c.out)
	sum := slices.Clone(c.bias)
	for v := range rows {
		for o := range sum {
			if c.tap != nil {
				sum[o] += c.tap[(c.kernel-1-v)*c.out+o]
			}
			bias[v*c.out+o] = float32(sum[o]) + 0
		}
	}
	return weight, bias
}
