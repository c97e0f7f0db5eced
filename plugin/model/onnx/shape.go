package onnx

import (
	"math"
	"slices"

	"understudy/plugin/model"
)

// Ops that move, cut or join arrays.

func (r *run) identity(n *node, in []value) ([]value, error) {
	s := in[0].signal
	if s == nil {
		return nil, badf("the first input must depend on the events")
	}
	if n.op == "Dropout" && len(in) > 2 && in[2].array != nil {
		if v, ok := in[2].array.numbers(); !ok || !slices.Equal(v, []int64{0}) {
			return nil, badf("exported in training mode: call eval() before the export")
		}
	}
	if to := n.attr["to"].i; n.op == "Cast" && to != typeFloat && to != typeDouble {
		return nil, badf("a cast to element type %d changes values; only float and double are supported", to)
	}
	return []value{{signal: s}, {}}, nil
}

func (r *run) transpose(n *node, in []value) ([]value, error) {
	s, err := one(in)
	if err != nil {
		return nil, err
	}
	perm, err := n.perm(len(s.axes))
	if err != nil {
		return nil, err
	}
	out := s.like(n)
	axes := make([]byte, len(perm))
	for k, p := range perm {
		axes[k] = s.axes[p]
	}
	out.axes = string(axes)
	return results(out), nil
}

func (r *run) reshape(n *node, in []value) ([]value, error) {
	s, to := in[0].signal, arg(in, 1)
	if s == nil || to == nil || to.floats != nil {
		return nil, badf("to a shape that is not known")
	}
	axes, ok := r.reshaped(s, to.ints, n.attr["allowzero"].i == 0)
	if !ok {
		return nil, badf("from the axes %s to the shape %v: only axes of length 1 may come and go, or batch and steps be merged", s.axes, to.ints)
	}
	out := s.like(n)
	out.axes = axes
	return results(out), nil
}

func (r *run) squeeze(n *node, in []value) ([]value, error) {
	s := in[0].signal
	if s == nil {
		return nil, badf("the first input must depend on the events")
	}
	list, err := n.list("axes", arg(in, 1))
	if err != nil {
		return nil, err
	}
	places, err := axesOf(list, len(s.axes))
	if err != nil {
		return nil, err
	}
	out := s.like(n)
	out.axes = ""
	for k, axis := range []byte(s.axes) {
		isOne := r.dim(s, k) == dim{n: 1}
		switch wanted := slices.Contains(places, k); {
		case wanted && !isOne:
			return nil, badf("axis %d, which is not of length 1", k)
		case wanted || len(list) == 0 && isOne:
		default:
			out.axes += string(axis)
		}
	}
	return results(out), nil
}

func (r *run) unsqueeze(n *node, in []value) ([]value, error) {
	s := in[0].signal
	if s == nil {
		return nil, badf("the first input must depend on the events")
	}
	list, err := n.list("axes", arg(in, 1))
	if err != nil {
		return nil, err
	}
	rank := len(s.axes) + len(list)
	places, err := axesOf(list, rank)
	if err != nil {
		return nil, err
	}
	if rank > maxDims {
		return nil, limitf("more than %d dimensions", maxDims)
	}
	out := s.like(n)
	out.axes = ""
	for k, next := 0, 0; k < rank; k++ {
		if slices.Contains(places, k) {
			out.axes += "1"
		} else {
			out.axes += s.axes[next : next+1]
			next++
		}
	}
	return results(out), nil
}

func (r *run) shapeOf(n *node, in []value) ([]value, error) {
	s, err := one(in)
	if err != nil {
		return nil, err
	}
	rank := int64(len(s.axes))
	start, end := n.attr["start"].i, rank
	if e, ok := n.attr["end"]; ok {
		end = e.i
	}
	clamp := func(x int64) int64 {
		if x < 0 {
			x += rank
		}
		return min(max(x, 0), rank)
	}
	a := &array{ints: []dim{}}
	for k := clamp(start); k < clamp(end); k++ {
		a.ints = append(a.ints, r.dim(s, int(k)))
	}
	a.shape = []int{len(a.ints)}
	return []value{{array: a}}, nil
}

func (r *run) concat(n *node, in []value) ([]value, error) {
	first := in[0].signal
	for _, v := range in {
		if v.signal == nil {
			return nil, badf("a constant among its inputs")
		}
	}
	axis, err := axisOf(n.attr["axis"].i, len(first.axes))
	if err != nil {
		return nil, err
	}
	l := &layer{op: model.OpConcat, name: n.label()}
	zero := true
	for _, v := range in {
		s := v.signal
		if axis >= len(s.axes) || !s.channelsAt(axis) {
			return nil, badf("along axis %d of %s; only channels can be joined", axis, s.axes)
		}
		if err := r.whole(s); err != nil {
			return nil, err
		}
		if s.axes != first.axes || s.lead != first.lead || s.tail != first.tail {
			return nil, badf("its inputs differ in time or in their axes (%s and %s; %d and %d steps before the first one, %d and %d after the last)",
				first.axes, s.axes, first.lead, s.lead, first.tail, s.tail)
		}
		l.from = append(l.from, s.layer)
		if l.width += s.width; l.width > model.MaxChannels {
			return nil, limitf("%d channels", l.width)
		}
		zero = zero && s.zero
	}
	out := first.of(n, r.emit(l))
	out.zero = zero
	return results(out), nil
}

// part returns some channels of a signal.
func (s *signal) part(n *node, first, width int) *signal {
	out := s.like(n)
	out.first, out.width = s.first+first, width
	return out
}

func (r *run) split(n *node, in []value) ([]value, error) {
	s := in[0].signal
	if s == nil {
		return nil, badf("the first input must depend on the events")
	}
	sizes, err := n.list("split", arg(in, 1))
	if err != nil {
		return nil, err
	}
	axis, err := axisOf(n.attr["axis"].i, len(s.axes))
	if err != nil {
		return nil, err
	}
	if !s.channelsAt(axis) {
		return nil, badf("along axis %d of %s; only channels can be split", axis, s.axes)
	}
	if sizes == nil {
		count := len(n.out)
		each := (s.width + count - 1) / max(count, 1)
		for i := range count {
			sizes = append(sizes, int64(min(each, s.width-i*each)))
		}
	}
	if len(sizes) < len(n.out) {
		return nil, badf("%d sizes for %d outputs", len(sizes), len(n.out))
	}
	var out []value
	at := int64(0)
	for _, w := range sizes {
		if w < 1 || w > int64(s.width)-at {
			return nil, badf("%d channels into %v", s.width, sizes)
		}
		out = append(out, value{signal: s.part(n, int(at), int(w))})
		at += w
	}
	return out, nil
}

// gather picks a channel, or drops an axis of length 1.
func (r *run) gather(n *node, in []value) ([]value, error) {
	s, index := in[0].signal, arg(in, 1)
	if s == nil || index == nil {
		return nil, badf("by an index that is not a constant")
	}
	axis, err := axisOf(n.attr["axis"].i, len(s.axes))
	if err != nil {
		return nil, err
	}
	list, ok := index.numbers()
	if !ok || len(list) != 1 || len(index.shape) > 1 {
		return nil, badf("of more than one index")
	}
	if s.axes[axis] == 'T' {
		return nil, badf("it picks one step: export a network that answers every step")
	}
	length := r.dim(s, axis)
	at := list[0]
	if at < 0 {
		at += length.n
	}
	if length.of != 0 || at < 0 || at >= length.n || s.axes[axis] != 'C' && length.n != 1 {
		return nil, badf("index %d of axis %d of %s", list[0], axis, s.axes)
	}
	out := s.like(n)
	if s.axes[axis] == 'C' {
		out = s.part(n, int(at), 1)
	}
	if len(index.shape) == 0 {
		out.axes = s.axes[:axis] + s.axes[axis+1:]
	}
	return results(out), nil
}

func (r *run) slice(n *node, in []value) ([]value, error) {
	s, err := one(in)
	if err != nil {
		return nil, err
	}
	arrays := make([]*array, len(in))
	for i, v := range in {
		arrays[i] = v.array
	}
	cuts, err := n.cuts(arrays, len(s.axes))
	if err != nil {
		return nil, err
	}
	out := s.like(n)
	for _, c := range cuts {
		if c.step != 1 {
			return nil, badf("step %d", c.step)
		}
		if s.axes[c.axis] == 'T' {
			if err := r.cutTime(out, c); err != nil {
				return nil, err
			}
			continue
		}
		length := r.dim(s, c.axis)
		start, end := c.start.n, c.end.n
		if length.of != 0 { // all of a batch of any size, say
			if start != 0 || c.start.of != 0 || c.end != length && c.end.n < math.MaxInt32 {
				return nil, badf("axis %d of %s", c.axis, s.axes)
			}
			continue
		}
		if c.start.of != 0 || c.end.of != 0 {
			return nil, badf("a place that is not known")
		}
		if start < 0 {
			start += length.n
		}
		if end < 0 {
			end += length.n
		}
		start, end = min(max(start, 0), length.n), min(max(end, 0), length.n)
		switch {
		case end <= start:
			return nil, badf("nothing is left of axis %d of %s", c.axis, s.axes)
		case s.axes[c.axis] == 'C':
			cut := out.part(n, int(start), int(end-start))
			*out = *cut
		}
	}
	return results(out), nil
}

// cutTime takes steps off the start or the end: the chomp after symmetric padding.
func (r *run) cutTime(s *signal, c cut) error {
	if c.start.of != 0 || c.start.n < 0 || c.start.n > s.lead {
		return badf("it drops the first steps")
	}
	tail := s.tail
	switch e := c.end; {
	case e.of == 'T':
		tail = min(tail, e.n-s.lead)
	case e.of != 0:
		return badf("an end that is not known")
	case e.n < 0:
		tail = s.tail + e.n
	case e.n >= math.MaxInt32:
	case r.steps > 0:
		tail = min(tail, e.n-s.lead-r.steps)
	default:
		return badf("it keeps %d steps of a number that is not known", e.n)
	}
	if tail < 0 {
		return badf("it drops %d steps at the end that are no padding", -tail)
	}
	s.lead -= c.start.n
	s.tail = tail
	return nil
}

func (r *run) pad(n *node, in []value) ([]value, error) {
	s, err := one(in)
	if err != nil {
		return nil, err
	}
	if mode := n.attr["mode"].s; mode != "" && mode != "constant" {
		return nil, badf("mode %q; only zeros are supported", mode)
	}
	pads, err := n.list("pads", arg(in, 1))
	if err != nil {
		return nil, err
	}
	value := float64(n.attr["value"].f)
	if v := arg(in, 2); v != nil {
		var ok bool
		if value, ok = v.number(); !ok {
			value = math.NaN()
		}
	}
	if value != 0 {
		return nil, badf("padding of %v; only zeros are supported", value)
	}
	axes := make([]int, len(s.axes))
	for k := range axes {
		axes[k] = k
	}
	if a := arg(in, 3); a != nil {
		list, err := n.list("axes", a)
		if err != nil {
			return nil, err
		}
		if axes, err = axesOf(list, len(s.axes)); err != nil {
			return nil, err
		}
	}
	if len(pads) != 2*len(axes) {
		return nil, badf("pads %v for %d axes", pads, len(axes))
	}
	if err := r.real(s); err != nil {
		return nil, err
	}
	out := s.like(n)
	for i, k := range axes {
		left, right := pads[i], pads[i+len(axes)]
		switch {
		case left == 0 && right == 0:
		case s.axes[k] != 'T':
			return nil, badf("of axis %d of %s; only time may be padded", k, s.axes)
		case left < 0 || left > model.MaxReceptiveField || right > model.MaxReceptiveField || s.tail+right < 0:
			return nil, badf("%d steps on the left and %d on the right", left, right)
		case left > 0 && s.lead > 0 && !s.zero:
			return nil, badf("the %d steps before the first one are not zeros, as padding must be", s.lead)
		default:
			if s.lead == 0 {
				out.zero = true
			}
			out.lead, out.tail = s.lead+left, s.tail+right
		}
	}
	if out.lead > model.MaxReceptiveField || out.tail > model.MaxReceptiveField {
		return nil, limitf("%d and %d steps of padding", out.lead, out.tail)
	}
	return results(out), nil
}
