package onnx

import (
	"slices"
	"strings"

	"understudy/plugin/model"
)

// signal is a value of the graph that varies in time: fn of some channels of a layer.
// It runs from lead steps before the input's first step to tail steps after its last.
type signal struct {
	layer        *layer
	first, width int // channels of the layer
	fn           expr
	// axes says what each axis of the graph's array is: B batch, C channels, T steps, 1 an
	// axis of length 1, M batch and steps in one.
	axes       string
	lead, tail int64
	// zero: at the lead steps the layer's value is 0; otherwise it is something that
	// no layer of ours has before the first step.
	zero bool
	node string // that made it, for errors
}

// like returns a copy, made by n, to be changed.
func (s *signal) like(n *node) *signal {
	c := *s
	c.node = n.label()
	return &c
}

// of returns a copy that is all channels of another layer.
func (s *signal) of(n *node, l *layer) *signal {
	c := s.like(n)
	c.layer, c.first, c.width, c.fn = l, 0, l.width, exprX
	return c
}

// sameBase: both are functions of the same values.
func (s *signal) sameBase(o *signal) bool {
	return s.layer == o.layer && s.first == o.first && s.width == o.width && s.axes == o.axes && s.lead == o.lead && s.tail == o.tail
}

// real makes fn a layer, so that the signal is channels of a layer.
func (r *run) real(s *signal) error {
	if s.fn.isX() {
		return nil
	}
	key := made{s.layer, s.fn, 0, 0}
	l := r.made[key]
	if l == nil {
		if s.fn.isAffine() {
			l = r.scaled(s.layer, s.node, exprList(s.fn.p[1], s.layer.width), exprList(s.fn.p[0], s.layer.width))
		} else if act, ok := s.fn.activation(); ok {
			l = r.emit(&layer{op: model.OpActivation, act: act, from: []*layer{s.layer}, width: s.layer.width, name: s.node})
		} else {
			return badf("node %q makes a function that is none of the activations that there are (%s)", s.node, strings.Join(model.Activations(), ", "))
		}
		r.made[key] = l
	}
	s.zero = s.zero && s.fn.zeroStaysZero()
	s.layer, s.fn = l, exprX
	return nil
}

// finish makes fn a layer if it is a whole activation, so that what follows is a
// function of its result.
func (r *run) finish(s *signal) error {
	if _, whole := s.fn.activation(); whole {
		return r.real(s)
	}
	return nil
}

// settle makes fn a layer where nothing more can become of it: a whole activation, but
// for a sigmoid that is read once, which may be a part of SiLU; and an affine function that is
// read more than once, as the argument of GELU is.
func (r *run) settle(s *signal, name string) error {
	act, whole := s.fn.activation()
	if whole && act != model.ActSigmoid || (whole || s.fn.isAffine()) && r.reads[name] > 1 {
		return r.real(s)
	}
	return nil
}

// whole makes the signal all channels of a layer.
func (r *run) whole(s *signal) error {
	if err := r.real(s); err != nil {
		return err
	}
	if s.first == 0 && s.width == s.layer.width {
		return nil
	}
	key := made{s.layer, exprX, s.first, s.width}
	l := r.made[key]
	if l == nil {
		// A convolution whose weights are 0 and 1 picks channels exactly.
		if err := r.budget.spend(s.width * s.layer.width); err != nil {
			return err
		}
		w := make([]float32, s.width*s.layer.width)
		for i := range s.width {
			w[i*s.layer.width+s.first+i] = 1
		}
		l = r.emit(&layer{op: model.OpConv1D, from: []*layer{s.layer}, width: s.width, name: s.node,
			weight: w, shape: []int{s.width, s.layer.width, 1}, dilation: 1, groups: 1})
		r.made[key] = l
	}
	s.layer, s.first = l, 0
	return nil
}

func exprList(x float64, n int) []float64 { return slices.Repeat([]float64{x}, n) }

// scaled emits y = scale*x + shift.
func (r *run) scaled(l *layer, name string, scale, shift []float64) *layer {
	return r.emit(&layer{op: model.OpBatchNorm, from: []*layer{l}, width: l.width, scale: scale, shift: shift, name: name})
}

// channels finds the axis of the channels; where they were squeezed away, being one,
// an axis of length 1 at the wanted place is it.
func (s *signal) channelsAt(k int) bool {
	if k < 0 || k >= len(s.axes) {
		return false
	}
	if s.axes[k] == '1' && !strings.Contains(s.axes, "C") && s.width == 1 {
		s.axes = s.axes[:k] + "C" + s.axes[k+1:]
	}
	return s.axes[k] == 'C'
}

// dim is the length of an axis.
func (r *run) dim(s *signal, k int) dim {
	switch s.axes[k] {
	case 'C':
		return dim{n: int64(s.width)}
	case '1':
		return dim{n: 1}
	case 'T':
		return dim{s.lead + s.tail, 'T'}
	case 'B':
		if r.batch > 0 {
			return dim{n: r.batch}
		}
	}
	return dim{of: s.axes[k]}
}

// fits: a target of Reshape can be this kind of axis.
func (r *run) fits(s *signal, axis byte, d dim) bool {
	steps := func() bool {
		return d == dim{s.lead + s.tail, 'T'} || r.steps > 0 && d == dim{n: r.steps + s.lead + s.tail}
	}
	switch axis {
	case 'C':
		return d == dim{n: int64(s.width)}
	case '1':
		return d == dim{n: 1}
	case 'B':
		return d.of == 'B' || r.batch > 0 && d == dim{n: r.batch}
	case 'T':
		return steps()
	case 'M':
		return d.of == 'M' || r.batch == 1 && steps() || r.batch > 0 && r.steps > 0 && d == dim{n: r.batch * (r.steps + s.lead + s.tail)}
	}
	return false
}

// reshaped finds what axes a target shape has: the same as before with axes of length
// 1 more or fewer, or with batch and steps merged or split.
func (r *run) reshaped(s *signal, target []dim, zeroCopies bool) (string, bool) {
	core := strings.ReplaceAll(s.axes, "1", "")
	cores := []string{core, strings.Replace(core, "BT", "M", 1), strings.Replace(core, "M", "BT", 1)}
	if s.width == 1 {
		cores = append(cores, strings.Replace(core, "C", "", 1))
	}
	if r.batch == 1 {
		cores = append(cores, strings.Replace(core, "B", "", 1), strings.Replace(core, "M", "T", 1))
	}
	var try func(core, done string) (string, bool)
	try = func(core, done string) (string, bool) {
		k := len(done)
		if k == len(target) {
			return done, core == ""
		}
		matches := func(axis byte) bool {
			d := target[k]
			return d == dim{n: -1} || d == dim{} && zeroCopies && k < len(s.axes) && s.axes[k] == axis || r.fits(s, axis, d)
		}
		if core != "" && matches(core[0]) {
			if a, ok := try(core[1:], done+core[:1]); ok {
				return a, true
			}
		}
		if len(target)-k > len(core) && matches('1') {
			return try(core, done+"1")
		}
		return "", false
	}
	if len(target) > maxDims {
		return "", false
	}
	for _, c := range cores {
		if a, ok := try(c, ""); ok {
			return a, true
		}
	}
	return "", false
}

// list is a node's list of integers: an attribute in older operator sets, an input in
// newer ones, empty if neither is there.
func (n *node) list(name string, input *array) ([]int64, error) {
	if input == nil {
		return n.attr[name].ints, nil
	}
	v, ok := input.numbers()
	if !ok {
		return nil, badf("%s is not a list of known integers", name)
	}
	return v, nil
}

// axisOf makes an axis that may count from the end one that counts from the start.
func axisOf(axis int64, rank int) (int, error) {
	if axis < 0 {
		axis += int64(rank)
	}
	if axis < 0 || axis >= int64(rank) {
		return 0, badf("axis %d of %d", axis, rank)
	}
	return int(axis), nil
}

func axesOf(axes []int64, rank int) ([]int, error) {
	var out []int
	for _, a := range axes {
		k, err := axisOf(a, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, k) {
			return nil, badf("axis %d twice", a)
		}
		out = append(out, k)
	}
	return out, nil
}

// perm is the permutation of a Transpose; by default the axes in reverse.
func (n *node) perm(rank int) ([]int, error) {
	list := n.attr["perm"].ints
	if list == nil {
		for k := range rank {
			list = append(list, int64(rank-1-k))
		}
	}
	perm, err := axesOf(list, rank)
	if err != nil || len(perm) != rank {
		return nil, badf("perm %v of %d axes", list, rank)
	}
	return perm, nil
}

// cut is what Slice does to one axis.
type cut struct {
	axis       int
	start, end dim
	step       int64
}

// cuts reads the operands of a Slice of an array of that rank.
func (n *node) cuts(in []*array, rank int) ([]cut, error) {
	arg := func(i int, name string) *array {
		if i < len(in) && in[i] != nil {
			return in[i]
		}
		if a, ok := n.attr[name]; ok {
			return intArray(a.ints...)
		}
		return nil
	}
	starts, ends, axes, steps := arg(1, "starts"), arg(2, "ends"), arg(3, "axes"), arg(4, "")
	if starts == nil || ends == nil || starts.floats != nil || ends.floats != nil || len(starts.ints) != len(ends.ints) {
		return nil, badf("starts and ends do not fit each other")
	}
	list := make([]int64, len(starts.ints))
	for i := range list {
		list[i] = int64(i)
	}
	if axes != nil {
		var err error
		if list, err = n.list("axes", axes); err != nil {
			return nil, err
		}
	}
	places, err := axesOf(list, rank)
	if err != nil {
		return nil, err
	}
	step := slices.Repeat([]int64{1}, len(places))
	if steps != nil {
		if step, err = n.list("steps", steps); err != nil {
			return nil, err
		}
	}
	if len(places) != len(starts.ints) || len(step) != len(places) {
		return nil, badf("starts, ends, axes and steps differ in length")
	}
	var out []cut
	for i, k := range places {
		if step[i] == 0 || step[i] > 1<<30 || step[i] < -1<<30 {
			return nil, badf("step %d", step[i])
		}
		out = append(out, cut{k, starts.ints[i], ends.ints[i], step[i]})
	}
	return out, nil
}
