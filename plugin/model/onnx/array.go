package onnx

import (
	"math"
	"slices"
)

// dim is a size as a graph computes with it: a number or, where of is 'B' or 'T', the
// batch size, or the number of steps plus n.
type dim struct {
	n  int64
	of byte
}

// array is a constant: either floats (weights) or ints (shapes, axes, pads).
// Arrays are never changed once made.
type array struct {
	shape  []int
	floats []float32
	ints   []dim
}

func (a *array) size() int { return len(a.floats) + len(a.ints) }

// number is the value of a float array of one element.
func (a *array) number() (float64, bool) {
	if len(a.floats) != 1 {
		return 0, false
	}
	return float64(a.floats[0]), true
}

// numbers returns integers that are not symbolic.
func (a *array) numbers() ([]int64, bool) {
	if a.floats != nil {
		return nil, false
	}
	out := make([]int64, len(a.ints))
	for i, d := range a.ints {
		if d.of != 0 {
			return nil, false
		}
		out[i] = d.n
	}
	return out, true
}

func intArray(v ...int64) *array {
	a := &array{shape: []int{len(v)}, ints: make([]dim, len(v))}
	for i, x := range v {
		a.ints[i].n = x
	}
	return a
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// pick makes an array of another shape from elements of a.
func (a *array) pick(shape []int, from []int) *array {
	out := &array{shape: shape}
	if a.floats != nil {
		out.floats = make([]float32, len(from))
		for i, j := range from {
			out.floats[i] = a.floats[j]
		}
		return out
	}
	out.ints = make([]dim, len(from))
	for i, j := range from {
		out.ints[i] = a.ints[j]
	}
	return out
}

// walk lists the places of the elements of a box: for each axis a start, a stride
// in elements and a length.
func walk(start, stride, length []int) []int {
	at := 0
	for _, s := range start {
		at += s
	}
	out := make([]int, 0, product(length))
	if product(length) == 0 {
		return out
	}
	index := make([]int, len(length))
	for {
		out = append(out, at)
		k := len(length) - 1
		for ; k >= 0; k-- {
			index[k]++
			at += stride[k]
			if index[k] < length[k] {
				break
			}
			at -= stride[k] * length[k]
			index[k] = 0
		}
		if k < 0 {
			return out
		}
	}
}

// strides of a row-major array.
func strides(shape []int) []int {
	s, n := make([]int, len(shape)), 1
	for k := len(shape) - 1; k >= 0; k-- {
		s[k] = n
		n *= shape[k]
	}
	return s
}

func (a *array) transpose(perm []int) *array {
	st := strides(a.shape)
	shape, stride := make([]int, len(perm)), make([]int, len(perm))
	for k, p := range perm {
		shape[k], stride[k] = a.shape[p], st[p]
	}
	return a.pick(shape, walk(nil, stride, shape))
}

// combineFloats applies f to two arrays of floats, broadcast as in numpy.
func combineFloats(a, b *array, f func(x, y float64) float64) (*array, error) {
	rank := max(len(a.shape), len(b.shape))
	shape, sa, sb := make([]int, rank), make([]int, rank), make([]int, rank)
	ta, tb := strides(a.shape), strides(b.shape)
	count := 1
	for k := range rank {
		da, db := 1, 1
		if i := k - rank + len(a.shape); i >= 0 {
			da, sa[k] = a.shape[i], ta[i]
		}
		if i := k - rank + len(b.shape); i >= 0 {
			db, sb[k] = b.shape[i], tb[i]
		}
		if da != db && da != 1 && db != 1 {
			return nil, badf("constants of shapes %v and %v", a.shape, b.shape)
		}
		if da == 1 {
			sa[k] = 0
		}
		if db == 1 {
			sb[k] = 0
		}
		shape[k] = max(da, db)
		if da == 0 || db == 0 {
			shape[k] = 0
		}
		// Broadcasting must not make much of little.
		if count *= shape[k]; count > 4*max(a.size(), b.size(), maxInts) {
			return nil, limitf("constants of shapes %v and %v make too large a one", a.shape, b.shape)
		}
	}
	out := &array{shape: shape, floats: make([]float32, 0, count)}
	ib := walk(nil, sb, shape)
	for i, j := range walk(nil, sa, shape) {
		x := float32(f(float64(a.floats[j]), float64(b.floats[ib[i]])))
		if !finite(float64(x)) {
			return nil, badf("a constant becomes %v", x)
		}
		out.floats = append(out.floats, x)
	}
	return out, nil
}

// combineInts does arithmetic on sizes of one shape, or one of which is a single number.
func combineInts(op string, a, b *array) (*array, error) {
	shape := a.shape
	if len(a.ints) == 1 && len(b.ints) != 1 || len(b.shape) > len(shape) {
		shape = b.shape
	}
	n := product(shape)
	if len(a.ints) != n && len(a.ints) != 1 || len(b.ints) != n && len(b.ints) != 1 {
		return nil, badf("shapes %v and %v", a.shape, b.shape)
	}
	out := &array{shape: shape, ints: make([]dim, n)}
	for i := range out.ints {
		x, y := a.ints[min(i, len(a.ints)-1)], b.ints[min(i, len(b.ints)-1)]
		// Far from overflow: Slice's "to the end" is no operand.
		const huge = math.MaxInt64 / 2
		if max(x.n, y.n) > huge || min(x.n, y.n) < -huge {
			return nil, badf("%s of sizes that are not known", op)
		}
		plain := x.of == 0 && y.of == 0
		one := dim{n: 1}
		switch {
		case op == "Add" && y.of == 0:
			out.ints[i] = dim{x.n + y.n, x.of}
		case op == "Add" && x.of == 0:
			out.ints[i] = dim{x.n + y.n, y.of}
		case op == "Sub" && y.of == 0:
			out.ints[i] = dim{x.n - y.n, x.of}
		case op == "Sub" && x.of == y.of:
			out.ints[i] = dim{n: x.n - y.n}
		case op == "Mul" && plain && max(x.n, y.n, -x.n, -y.n) < 1<<31:
			out.ints[i] = dim{n: x.n * y.n}
		case (op == "Mul" || op == "Div") && y == one:
			out.ints[i] = x
		case op == "Mul" && x == one:
			out.ints[i] = y
		case op == "Div" && plain && y.n > 0 && x.n >= 0:
			out.ints[i] = dim{n: x.n / y.n}
		case op == "Equal" && x.of == y.of:
			if x.n == y.n {
				out.ints[i].n = 1
			}
		default:
			return nil, badf("%s of sizes that are not known", op)
		}
	}
	return out, nil
}

// norm2 is ReduceL2 over axes.
func (a *array) norm2(axes []int, keep bool) *array {
	shape, stride := slices.Clone(a.shape), strides(a.shape)
	var start, over, length []int
	for _, k := range axes {
		over, length = append(over, stride[k]), append(length, a.shape[k])
		shape[k] = 1
	}
	inner := walk(start, over, length)
	out := &array{floats: make([]float32, 0, product(shape))}
	for _, at := range walk(nil, stride, shape) {
		sum := 0.0
		for _, i := range inner {
			sum += float64(a.floats[at+i]) * float64(a.floats[at+i])
		}
		out.floats = append(out.floats, float32(math.Sqrt(sum)))
	}
	for k, d := range shape {
		if keep || !slices.Contains(axes, k) {
			out.shape = append(out.shape, d)
		}
	}
	return out
}
