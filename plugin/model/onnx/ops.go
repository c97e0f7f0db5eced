package onnx

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"understudy/plugin/model"
)

// op turns a node with at least one signal among its inputs into layers. An input
// is nil where it is left out; results belong to the node's outputs in order.
type op func(r *run, n *node, in []value) ([]value, error)

// opOf finds the op of that name, nil if it is not understood on signals. It is no
// table, which would be filled at start, and be linked, where nothing is imported.
func opOf(name string) op {
	switch name {
	case "Conv":
		return (*run).conv
	case "MatMul":
		return (*run).matMul
	case "Gemm":
		return (*run).gemm
	case "BatchNormalization":
		return (*run).batchNorm
	case "Relu", "LeakyRelu", "PRelu", "Elu", "Gelu", "Tanh", "Sigmoid", "Erf":
		return (*run).activation
	case "Add", "Sub", "Mul", "Div", "Pow", "Neg":
		return (*run).arithmetic
	case "Concat":
		return (*run).concat
	case "Split":
		return (*run).split
	case "Slice":
		return (*run).slice
	case "Gather":
		return (*run).gather
	case "Pad":
		return (*run).pad
	case "Transpose":
		return (*run).transpose
	case "Reshape":
		return (*run).reshape
	case "Squeeze":
		return (*run).squeeze
	case "Unsqueeze":
		return (*run).unsqueeze
	case "Identity", "Dropout", "Cast":
		return (*run).identity
	case "Shape":
		return (*run).shapeOf
	}
	return nil
}

// one returns a node's only signal.
func one(in []value) (*signal, error) {
	for i, v := range in {
		if (v.signal != nil) != (i == 0) {
			return nil, badf("the first input, and no other, must depend on the events")
		}
	}
	return in[0].signal, nil
}

// arg returns a constant input, nil if it is left out.
func arg(in []value, i int) *array {
	if i < len(in) {
		return in[i].array
	}
	return nil
}

// floatsOf returns a constant vector of n values, or nil.
func floatsOf(a *array, n int) []float32 {
	if a == nil || len(a.floats) != n {
		return nil
	}
	return a.floats
}

func results(s *signal) []value { return []value{{signal: s}} }

// convolved emits a causal convolution of s, whose output begins lead steps early.
func (r *run) convolved(n *node, s *signal, name string, w, bias []float32, shape []int, dilation, groups int, lead, tail int64) ([]value, error) {
	if err := r.whole(s); err != nil {
		return nil, err
	}
	reach := int64(shape[2]-1) * int64(dilation)
	if s.lead > 0 && reach > 0 && !s.zero {
		return nil, badf("the %d steps before the first one are not zeros, as padding must be", s.lead)
	}
	out := s.of(n, r.emit(&layer{op: model.OpConv1D, from: []*layer{s.layer}, width: shape[0], name: name, weight: w, bias: bias,
		shape: shape, dilation: dilation, groups: groups}))
	out.lead, out.tail = lead, tail
	out.zero = (s.zero || s.lead == 0) && bias == nil
	return results(out), nil
}

func (r *run) conv(n *node, in []value) ([]value, error) {
	s, err := one(in)
	if err != nil {
		return nil, err
	}
	w := arg(in, 1)
	if w == nil || w.floats == nil || len(w.shape) != len(s.axes) || len(w.shape) < 3 {
		return nil, badf("its weight is not a constant of %d dimensions", len(s.axes))
	}
	if !s.channelsAt(1) || s.axes[0] != 'B' && s.axes[0] != '1' {
		return nil, badf("its input has the axes %s, want batch, channels, steps", s.axes)
	}
	rank := len(w.shape) - 2
	ints := func(name string, otherwise int64, count int) ([]int64, error) {
		v := n.attr[name].ints
		if v == nil {
			v = slices.Repeat([]int64{otherwise}, count)
		}
		if len(v) != count {
			return nil, badf("%s %v, want %d numbers", name, v, count)
		}
		return v, nil
	}
	var lists [3][]int64
	for i, a := range []struct {
		name      string
		otherwise int64
		count     int
	}{{"strides", 1, rank}, {"dilations", 1, rank}, {"pads", 0, 2 * rank}} {
		if lists[i], err = ints(a.name, a.otherwise, a.count); err != nil {
			return nil, err
		}
	}
	stride, dilations, pads := lists[0], lists[1], lists[2]
	time := strings.IndexByte(s.axes, 'T') - 2
	if time < 0 {
		return nil, badf("its input has the axes %s, of which none is time", s.axes)
	}
	for k := range rank {
		if stride[k] != 1 {
			return nil, badf("stride %v, only 1 is supported", stride)
		}
		if k != time && (s.axes[2+k] != '1' || w.shape[2+k] != 1 || pads[k] != 0 || pads[k+rank] != 0) {
			return nil, badf("a kernel of shape %v over the axes %s: only time may be convolved", w.shape, s.axes)
		}
	}
	kernel, dilation := int64(w.shape[2+time]), dilations[time]
	if dilation < 1 || dilation > model.MaxReceptiveField || kernel < 1 || kernel > model.MaxReceptiveField {
		return nil, badf("kernel %d, dilation %d", kernel, dilation)
	}
	reach := (kernel - 1) * dilation
	left, right := pads[time], pads[time+rank]
	switch n.attr["auto_pad"].s {
	case "", "NOTSET":
	case "VALID":
		left, right = 0, 0
	case "SAME_UPPER":
		left, right = reach/2, reach-reach/2
	case "SAME_LOWER":
		left, right = reach-reach/2, reach/2
	default:
		return nil, badf("auto_pad %q", n.attr["auto_pad"].s)
	}
	if left < 0 || right < 0 || left > model.MaxReceptiveField || right > model.MaxReceptiveField {
		return nil, badf("pads %v", pads)
	}
	groups := int64(1)
	if g, ok := n.attr["group"]; ok {
		groups = g.i
	}
	out := w.shape[0]
	if groups < 1 || groups > int64(s.width) || int64(s.width)%groups != 0 || int64(w.shape[1]) != int64(s.width)/groups {
		return nil, badf("weight of shape %v and %d groups on %d channels", w.shape, groups, s.width)
	}
	lead := s.lead + left - reach
	if lead < 0 {
		return nil, badf("not causal: %d steps of padding on the left, but a kernel of %d with dilation %d needs %d", s.lead+left, kernel, dilation, reach)
	}
	bias := floatsOf(arg(in, 2), out)
	if len(in) > 2 && in[2].array != nil && bias == nil {
		return nil, badf("bias of shape %v for %d channels", in[2].array.shape, out)
	}
	return r.convolved(n, s, n.weightName(n.in[1]), w.floats, bias, []int{out, w.shape[1], int(kernel)}, int(dilation), int(groups), lead, s.tail+right)
}

// dense emits a layer that mixes the channels of one step; w is [out][in].
func (r *run) dense(n *node, s *signal, name string, w *array, bias []float32) ([]value, error) {
	return r.convolved(n, s, name, w.floats, bias, []int{w.shape[0], w.shape[1], 1}, 1, 1, s.lead, s.tail)
}

func (r *run) matMul(n *node, in []value) ([]value, error) {
	if len(in) != 2 {
		return nil, badf("%d inputs", len(in))
	}
	s, w, axis := in[0].signal, in[1].array, 1
	name := n.in[1]
	if s == nil {
		s, w, axis, name = in[1].signal, in[0].array, 2, n.in[0]
	}
	if w == nil || w.floats == nil || len(w.shape) != 2 {
		return nil, badf("one input must be a constant matrix")
	}
	if axis == 1 {
		if err := r.budget.spend(w.size()); err != nil {
			return nil, err
		}
		w = w.transpose([]int{1, 0})
	}
	if !s.channelsAt(len(s.axes)-axis) || w.shape[1] != s.width {
		return nil, badf("a matrix of %d inputs on %d channels with the axes %s", w.shape[1], s.width, s.axes)
	}
	return r.dense(n, s, n.weightName(name), w, nil)
}

func (r *run) gemm(n *node, in []value) ([]value, error) {
	s, err := one(in)
	if err != nil {
		return nil, err
	}
	w := arg(in, 1)
	if w == nil || w.floats == nil || len(w.shape) != 2 || len(s.axes) != 2 || n.attr["transA"].i != 0 {
		return nil, badf("its input has the axes %s, want steps and channels, and a constant matrix", s.axes)
	}
	if err := r.budget.spend(w.size()); err != nil {
		return nil, err
	}
	if n.attr["transB"].i == 0 {
		w = w.transpose([]int{1, 0})
	}
	if !s.channelsAt(1) || w.shape[1] != s.width {
		return nil, badf("a matrix of %d inputs on %d channels with the axes %s", w.shape[1], s.width, s.axes)
	}
	times := func(name string, v *array) (*array, error) {
		if a, ok := n.attr[name]; ok && a.f != 1 {
			return combineFloats(v, &array{floats: []float32{a.f}}, func(x, y float64) float64 { return x * y })
		}
		return v, nil
	}
	if w, err = times("alpha", w); err != nil {
		return nil, err
	}
	var bias []float32
	if b := arg(in, 2); b != nil {
		if b.floats == nil || len(b.floats) != w.shape[0] {
			return nil, badf("bias of shape %v for %d channels", b.shape, w.shape[0])
		}
		if b, err = times("beta", b); err != nil {
			return nil, err
		}
		bias = b.floats
	}
	return r.dense(n, s, n.weightName(n.in[1]), w, bias)
}

func (r *run) batchNorm(n *node, in []value) ([]value, error) {
	s, err := one(in)
	if err != nil {
		return nil, err
	}
	if n.attr["training_mode"].i != 0 || len(n.out) > 1 && n.out[1] != "" {
		return nil, badf("exported in training mode: call eval() before the export")
	}
	if !s.channelsAt(1) {
		return nil, badf("its input has the axes %s, want channels second", s.axes)
	}
	epsilon := 1e-5
	if e, ok := n.attr["epsilon"]; ok {
		epsilon = shortest(e.f)
	}
	gain, shift, mean, variance := floatsOf(arg(in, 1), s.width), floatsOf(arg(in, 2), s.width), floatsOf(arg(in, 3), s.width), floatsOf(arg(in, 4), s.width)
	if gain == nil || shift == nil || mean == nil || variance == nil {
		return nil, badf("scale, bias, mean or variance is no constant of %d values", s.width)
	}
	a, b := make([]float64, s.width), make([]float64, s.width)
	for i := range a {
		a[i] = float64(gain[i]) / math.Sqrt(float64(variance[i])+epsilon)
		b[i] = float64(shift[i]) - a[i]*float64(mean[i])
	}
	return r.perChannel(n, s, n.weightName(n.in[1]), a, b)
}

// perChannel emits a*x + b.
func (r *run) perChannel(n *node, s *signal, name string, a, b []float64) ([]value, error) {
	if err := r.whole(s); err != nil {
		return nil, err
	}
	out := s.of(n, r.scaled(s.layer, name, a, b))
	out.zero = s.zero && !slices.ContainsFunc(b, func(x float64) bool { return x != 0 })
	return results(out), nil
}

// shortest is the decimal number that a float32 was written as: 0.01, not
// 0.0099999998.
func shortest(x float32) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(float64(x), 'g', -1, 32), 64)
	return v
}

func (r *run) activation(n *node, in []value) ([]value, error) {
	s, err := one(in)
	if err != nil {
		return nil, err
	}
	l := &layer{op: model.OpActivation}
	otherwise := float32(0)
	switch n.op {
	case "Relu":
		l.act = model.ActReLU
	case "LeakyRelu":
		l.act, otherwise = model.ActLeakyReLU, 0.01
	case "Elu":
		l.act, otherwise = model.ActELU, 1
	case "PRelu":
		slope, ok := 0.0, false
		if w := arg(in, 1); w != nil {
			slope, ok = w.number()
		}
		if !ok {
			return nil, badf("a slope for each channel; only one for all is supported")
		}
		l.act, otherwise = model.ActLeakyReLU, float32(slope)
	case "Gelu":
		l.act = model.ActGELU
		if n.attr["approximate"].s == "tanh" {
			l.act = model.ActGELUTanh
		}
	case "Sigmoid":
		if err := r.real(s); err != nil {
			return nil, err
		}
		out := s.like(n)
		out.fn = expr{g: exprSigmoid, q: [4]float64{1}}
		return results(out), nil
	case "Tanh", "Erf":
		if fn, ok := s.fn.apply(n.op); ok {
			out := s.like(n)
			out.fn = fn
			return results(out), nil
		}
		if n.op == "Erf" {
			return nil, badf("only as a part of GELU")
		}
		l.act = model.ActTanh
	}
	if model.HasAlpha(l.act) {
		a, ok := n.attr["alpha"]
		if !ok {
			a.f = otherwise
		}
		alpha := shortest(a.f)
		l.alpha = &alpha
	}
	if err := r.real(s); err != nil {
		return nil, err
	}
	l.from, l.width, l.name = []*layer{s.layer}, s.layer.width, n.label()
	out := s.like(n)
	out.layer = r.emit(l)
	return results(out), nil
}

// arithmetic: with a number or with values of its own base a function of the same
// values; with a number per channel a batch normalisation; two signals may be added.
func (r *run) arithmetic(n *node, in []value) ([]value, error) {
	if n.op == "Neg" {
		in = []value{in[0], {array: &array{floats: []float32{-1}}}}
	}
	if len(in) != 2 || in[0] == (value{}) || in[1] == (value{}) {
		return nil, badf("want two inputs")
	}
	a, b := in[0].signal, in[1].signal
	if a != nil && b != nil {
		return r.twoSignals(n, a, b)
	}
	s, c := a, in[1].array
	if s == nil {
		s, c = b, in[0].array
		if n.op == "Div" || n.op == "Pow" {
			return nil, badf("of a constant by a signal")
		}
	}
	if c.floats == nil || len(c.shape) > len(s.axes) && len(c.floats) != 1 {
		return nil, badf("a constant of shape %v with a signal of axes %s", c.shape, s.axes)
	}
	if x, ok := c.number(); ok {
		if err := r.finish(s); err != nil {
			return nil, err
		}
		fn, ok := s.fn, true
		switch {
		case n.op == "Add":
			fn, ok = fn.add(exprNumber(x))
		case n.op == "Sub" && a != nil:
			fn, ok = fn.add(exprNumber(-x))
		case n.op == "Sub":
			if fn, ok = fn.mul(exprNumber(-1)); ok {
				fn, ok = fn.add(exprNumber(x))
			}
		case n.op == "Mul" || n.op == "Neg":
			fn, ok = fn.mul(exprNumber(x))
		case n.op == "Div" && x != 0:
			fn, ok = fn.mul(exprNumber(1 / x))
		case n.op == "Pow" && (x == 2 || x == 3):
			if fn, ok = fn.mul(s.fn); ok && x == 3 {
				fn, ok = fn.mul(s.fn)
			}
		default:
			ok = false
		}
		if !ok {
			return nil, badf("by %v of a function that cannot be followed", x)
		}
		out := s.like(n)
		out.fn = fn
		return results(out), nil
	}
	// One number per channel: the only axis of the constant that is longer than 1.
	for i, d := range c.shape {
		if k := len(s.axes) - len(c.shape) + i; d != 1 && (d != s.width || !s.channelsAt(k)) {
			return nil, badf("a constant of shape %v with %d channels and the axes %s", c.shape, s.width, s.axes)
		}
	}
	scale, shift := exprList(1, s.width), exprList(0, s.width)
	for i, x := range c.floats {
		switch x := float64(x); n.op {
		case "Add":
			shift[i] = x
		case "Sub":
			if shift[i] = -x; a == nil {
				scale[i], shift[i] = -1, x
			}
		case "Mul":
			scale[i] = x
		case "Div":
			scale[i] = 1 / x
		default:
			return nil, badf("with a number per channel")
		}
	}
	return r.perChannel(n, s, n.label(), scale, shift)
}

func (r *run) twoSignals(n *node, a, b *signal) ([]value, error) {
	if n.op == "Sub" {
		if err := r.finish(b); err != nil {
			return nil, err
		}
		minus := b.like(n)
		fn, ok := b.fn.mul(exprNumber(-1))
		if !ok {
			return nil, badf("of functions that cannot be followed")
		}
		minus.fn = fn
		b = minus
	} else if n.op != "Add" && n.op != "Mul" {
		return nil, badf("of two signals")
	}
	if a.sameBase(b) {
		combine := expr.add
		if n.op == "Mul" {
			combine = expr.mul
		}
		if fn, ok := combine(a.fn, b.fn); ok {
			_, known := fn.activation()
			alone := func(e expr) bool { _, ok := e.activation(); return ok || e.isAffine() }
			if n.op == "Mul" || known || fn.isAffine() || !alone(a.fn) || !alone(b.fn) {
				out := a.like(n)
				out.fn = fn
				return results(out), nil
			}
		}
	}
	if n.op == "Mul" {
		return nil, badf("the product of two signals; only x*sigmoid(x) and the parts of GELU are understood")
	}
	for _, s := range []*signal{a, b} {
		if err := r.whole(s); err != nil {
			return nil, err
		}
	}
	switch {
	case a.axes != b.axes || a.width != b.width:
		return nil, badf("%d channels with the axes %s and %d with %s", a.width, a.axes, b.width, b.axes)
	case a.lead != b.lead || a.tail != b.tail:
		return nil, badf("its inputs differ in time: %d and %d steps before the first one, %d and %d after the last", a.lead, b.lead, a.tail, b.tail)
	}
	out := a.of(n, r.emit(&layer{op: model.OpAdd, from: []*layer{a.layer, b.layer}, width: a.width, name: n.label()}))
	out.zero = a.zero && b.zero
	return results(out), nil
}
