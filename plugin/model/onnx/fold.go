package onnx

import (
	"math"
	"slices"
)

// fold evaluates a node whose inputs are all constants; done is false for an op that
// does not know constants.
func (r *run) fold(n *node, in []*array) (out *array, done bool, err error) {
	for _, a := range in {
		if a != nil {
			if err := r.budget.spend(a.size()); err != nil {
				return nil, true, err
			}
		}
	}
	arg := func(i int) *array {
		if i < len(in) {
			return in[i]
		}
		return nil
	}
	a := arg(0)
	switch n.op {
	case "Constant":
		out, err = r.constant(n)
		return out, true, err
	case "ConstantOfShape":
		out, err = r.constantOfShape(n, a)
		return out, true, err
	case "Concat":
		out, err = foldConcat(n, in)
		return out, true, err
	}
	if a == nil {
		return nil, false, nil
	}
	switch n.op {
	case "Identity", "Dropout":
		return a, true, nil
	case "Cast":
		to := n.attr["to"].i
		switch isInt := to >= typeUint8 && to <= typeBool; {
		case isInt == (a.floats == nil):
			return a, true, nil
		case isInt:
			return nil, true, badf("a cast of numbers to integers")
		}
		v, ok := a.numbers()
		if !ok {
			return nil, true, badf("a cast of a size that is not known")
		}
		out = &array{shape: a.shape, floats: make([]float32, len(v))}
		for i, x := range v {
			out.floats[i] = float32(x)
		}
	case "Add", "Sub", "Mul", "Div", "Pow", "Equal":
		b := arg(1)
		switch {
		case b == nil:
			return nil, true, badf("one input")
		case a.floats != nil && b.floats != nil && n.op != "Equal":
			out, err = combineFloats(a, b, map[string]func(x, y float64) float64{
				"Add": func(x, y float64) float64 { return x + y }, "Sub": func(x, y float64) float64 { return x - y },
				"Mul": func(x, y float64) float64 { return x * y }, "Div": func(x, y float64) float64 { return x / y },
				"Pow": math.Pow}[n.op])
		case a.floats == nil && b.floats == nil && n.op != "Pow":
			out, err = combineInts(n.op, a, b)
		default:
			return nil, true, badf("numbers and integers")
		}
	case "Sqrt", "Reciprocal", "Neg":
		if a.floats == nil {
			return nil, true, badf("of integers")
		}
		out, err = combineFloats(a, a, map[string]func(x, y float64) float64{
			"Sqrt": func(x, _ float64) float64 { return math.Sqrt(x) }, "Neg": func(x, _ float64) float64 { return -x },
			"Reciprocal": func(x, _ float64) float64 { return 1 / x }}[n.op])
	case "ReduceL2":
		axes, err := n.list("axes", arg(1))
		if err != nil {
			return nil, true, err
		}
		places, err := axesOf(axes, len(a.shape))
		if err != nil || a.floats == nil || len(places) == 0 {
			return nil, true, badf("axes %v of a constant of shape %v", axes, a.shape)
		}
		keep, ok := n.attr["keepdims"]
		out = a.norm2(places, !ok || keep.i != 0)
	case "Transpose":
		perm, err := n.perm(len(a.shape))
		if err != nil {
			return nil, true, err
		}
		out = a.transpose(perm)
	case "Reshape":
		out, err = foldReshape(n, a, arg(1))
	case "Squeeze", "Unsqueeze":
		out, err = foldSqueeze(n, a, arg(1))
	case "Gather":
		out, err = foldGather(n, a, arg(1))
	case "Slice":
		out, err = foldSlice(n, a, in)
	default:
		return nil, false, nil
	}
	return out, true, err
}

func (r *run) constant(n *node) (*array, error) {
	if v, ok := n.attr["value"]; ok && v.t != nil {
		return v.t.read(r.files, r.budget)
	}
	if v, ok := n.attr["value_float"]; ok {
		return &array{floats: []float32{v.f}}, nil
	}
	if v, ok := n.attr["value_floats"]; ok {
		return &array{shape: []int{len(v.floats)}, floats: v.floats}, nil
	}
	if v, ok := n.attr["value_int"]; ok {
		return &array{ints: []dim{{n: v.i}}}, nil
	}
	if v, ok := n.attr["value_ints"]; ok {
		return intArray(v.ints...), nil
	}
	return nil, badf("no value of a type that is supported")
}

func (r *run) constantOfShape(n *node, shape *array) (*array, error) {
	if shape == nil {
		return nil, badf("no shape")
	}
	dims, ok := shape.numbers()
	value := &array{floats: []float32{0}}
	if v, has := n.attr["value"]; has && v.t != nil {
		var err error
		if value, err = v.t.read(r.files, r.budget); err != nil {
			return nil, err
		}
	}
	if !ok || len(dims) > maxDims || value.size() != 1 {
		return nil, badf("a shape that is not known")
	}
	var s []int
	count := int64(1)
	for _, d := range dims {
		if d < 0 || d > maxInts || count*d > maxInts {
			return nil, limitf("a constant of shape %v", dims)
		}
		count *= d
		s = append(s, int(d))
	}
	return value.pick(s, make([]int, count)), nil
}

func foldConcat(n *node, in []*array) (*array, error) {
	if len(in) == 0 || in[0] == nil {
		return nil, badf("no input")
	}
	first := in[0]
	axis, err := axisOf(n.attr["axis"].i, len(first.shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(first.shape)
	shape[axis] = 0
	for _, a := range in {
		if a == nil || len(a.shape) != len(shape) || (a.floats == nil) != (first.floats == nil) {
			return nil, badf("constants that do not fit each other")
		}
		for k := range shape {
			if k != axis && a.shape[k] != shape[k] {
				return nil, badf("constants of shapes %v and %v", first.shape, a.shape)
			}
		}
		shape[axis] += a.shape[axis]
	}
	out := &array{shape: shape}
	for outer := range product(shape[:axis]) {
		for _, a := range in {
			block := product(a.shape[axis:])
			if first.floats != nil {
				out.floats = append(out.floats, a.floats[outer*block:(outer+1)*block]...)
			} else {
				out.ints = append(out.ints, a.ints[outer*block:(outer+1)*block]...)
			}
		}
	}
	return out, nil
}

func foldReshape(n *node, a, to *array) (*array, error) {
	if to == nil {
		return nil, badf("no shape")
	}
	dims, ok := to.numbers()
	if !ok || len(dims) > maxDims {
		return nil, badf("a constant's shape depends on the input's")
	}
	shape, count, free := make([]int, len(dims)), int64(1), -1
	for k, d := range dims {
		if d == 0 && k < len(a.shape) && n.attr["allowzero"].i == 0 {
			d = int64(a.shape[k])
		}
		if d == -1 && free < 0 {
			free, d = k, 1
		}
		if d < 0 || d > int64(a.size())+1 || count*d > int64(a.size()) {
			return nil, badf("a constant of shape %v to %v", a.shape, dims)
		}
		shape[k], count = int(d), count*d
	}
	if free >= 0 && count > 0 {
		shape[free] = a.size() / int(count)
	}
	if product(shape) != a.size() {
		return nil, badf("a constant of shape %v to %v", a.shape, dims)
	}
	return &array{shape: shape, floats: a.floats, ints: a.ints}, nil
}

func foldSqueeze(n *node, a, axes *array) (*array, error) {
	list, err := n.list("axes", axes)
	if err != nil {
		return nil, err
	}
	out := &array{floats: a.floats, ints: a.ints}
	if n.op == "Squeeze" {
		places, err := axesOf(list, len(a.shape))
		if err != nil {
			return nil, err
		}
		for k, d := range a.shape {
			if d != 1 || len(list) > 0 && !slices.Contains(places, k) {
				out.shape = append(out.shape, d)
			}
		}
		return out, nil
	}
	places, err := axesOf(list, len(a.shape)+len(list))
	if err != nil {
		return nil, err
	}
	for k, next := 0, 0; k < len(a.shape)+len(list); k++ {
		if slices.Contains(places, k) {
			out.shape = append(out.shape, 1)
		} else {
			out.shape = append(out.shape, a.shape[next])
			next++
		}
	}
	if len(out.shape) > maxDims {
		return nil, limitf("more than %d dimensions", maxDims)
	}
	return out, nil
}

// foldGather picks entries along the first axis of a list.
func foldGather(n *node, a, index *array) (*array, error) {
	if index == nil || len(a.shape) != 1 {
		return nil, badf("of a constant of shape %v", a.shape)
	}
	list, ok := index.numbers()
	if !ok {
		return nil, badf("an index that is not known")
	}
	from := make([]int, len(list))
	for i, x := range list {
		if x < 0 {
			x += int64(a.size())
		}
		if x < 0 || x >= int64(a.size()) {
			return nil, badf("index %d of %d entries", list[i], a.size())
		}
		from[i] = int(x)
	}
	return a.pick(index.shape, from), nil
}

func foldSlice(n *node, a *array, in []*array) (*array, error) {
	cuts, err := n.cuts(in, len(a.shape))
	if err != nil {
		return nil, err
	}
	stride, length := strides(a.shape), slices.Clone(a.shape)
	start := make([]int, len(a.shape))
	for _, c := range cuts {
		d := int64(a.shape[c.axis])
		if c.start.of != 0 || c.end.of != 0 {
			return nil, badf("a place that is not known")
		}
		from, to := c.start.n, c.end.n
		if from < 0 {
			from += d
		}
		if to < 0 {
			to += d // the least number of all stays below -1: everything
		}
		count := int64(0)
		if c.step > 0 {
			from, to = min(max(from, 0), d), min(max(to, 0), d)
			count = (to - from + c.step - 1) / c.step
		} else if c.step > -1<<31 {
			from, to = min(max(from, -1), d-1), min(max(to, -1), d-1)
			count = (from - to - c.step - 1) / -c.step
		}
		start[c.axis] = int(from) * stride[c.axis]
		length[c.axis] = int(max(count, 0))
		stride[c.axis] *= int(c.step)
	}
	return a.pick(length, walk(start, stride, length)), nil
}
