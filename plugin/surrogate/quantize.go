package surrogate

import (
	"fmt"
	"math"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/population"
)

// The integer form of a model; QUANTIZE.md gives the formulas.

// eventUnit is the integer that stands for an event of weight 1.
const eventUnit = 256

// maxEventUnits bounds the weight of one channel's events in a step, in units.
const maxEventUnits = 1 << 16

// quantized is an activation of 8 bits: x = scale*(q-zero).
type quantized struct {
	scale float64
	zero  uint8
}

// spanning returns the quantized that covers [low, high] and 0, which has an exact
// value: it stands before t = 0.
func spanning(r [2]float64) quantized {
	low, high := min(r[0], 0), max(r[1], 0)
	scale := (high - low) / 255
	if !(scale > 1e-30) { // a layer that is always 0
		return quantized{scale: 1}
	}
	return quantized{scale, uint8(math.Round(-low / scale))}
}

// value is x for q.
func (a quantized) value(q uint8) float64 { return a.scale * float64(int(q)-int(a.zero)) }

// nearest is the q of x.
func (a quantized) nearest(x float64) uint8 {
	return uint8(min(255, max(0, math.Round(x/a.scale)+float64(a.zero))))
}

// layer8 is a node in integers. Its output is an activation, or for a convolution
// that only heads read, the sums alone.
type layer8 struct {
	node
	out, before quantized // before is that before the activation
	stride      int       // values of a neuron's row of output, at least width
	silent      bool      // nothing but heads reads it: no activation is kept
	keepSums    bool      // a head or an elm layer reads its sums

	// conv1d. out16 and in4 are outGroup and inGroup with the padding of the kernels.
	in4, out16 int
	w          []int8    // [tap][group] packed for GemmInt8; depthwise [tap][width]; on events [channel][tap, present first][outGroup]
	biases     []int32   // as node.bias, in units of the sums; the zero point of the input is in it
	unit       []float64 // [width] what one unit of the sums stands for
	requant    scaling
	// table [input] takes an input's activation to the output's: concat, activation.
	table []*[256]uint8
	// add: y = (sum of factor*q + offset) >> shift
	factor []int32
	offset int32
	shift  uint
	// activate takes before to out; nil for none and relu.
	activate *[256]uint8
	cell     *elm8 // elm
}

// scaling turns sums into activations: (sum*mult) >> shift, with a factor per channel.
type scaling struct {
	mult  []int32
	shift uint
}

func newScaling(ratio []float64) scaling {
	top := 0.0
	for _, r := range ratio {
		top = max(top, r)
	}
	_, exp := math.Frexp(top)
	s := scaling{mult: make([]int32, len(ratio)), shift: uint(min(62, max(1, 31-exp)))}
	for i, r := range ratio {
		s.mult[i] = int32(min(math.MaxInt32, max(1, math.Round(math.Ldexp(r, int(s.shift))))))
	}
	return s
}

func (l *layer8) depthwise() bool { return l.inGroup == 1 && l.outGroup == 1 && l.groups > 1 }

// low is the least value that requantisation gives: a ReLU is a limit.
func (l *layer8) low() uint8 {
	if l.act.kind == actReLU {
		return l.before.zero
	}
	return 0
}

// newLayers8 quantises a validated model's nodes. The error names the layer that has
// no integer form or no range.
func newLayers8(m *model.Model, nodes []node, heads map[string]head) ([]layer8, error) {
	bad := func(l *layer8, format string, a ...any) error {
		return fmt.Errorf("%w: int8: layer %q: %s", population.ErrFormat, l.name, fmt.Sprintf(format, a...))
	}
	if m.Int8 == nil {
		return nil, fmt.Errorf("%w: the model is not quantised: it has no int8 ranges", population.ErrFormat)
	}
	layers := make([]layer8, len(nodes))
	for i := range nodes {
		l := &layers[i]
		l.node = nodes[i]
		if l.op == opBatchNorm { // a convolution of one tap
			l.op, l.kernel, l.dilation, l.groups, l.inGroup, l.outGroup = opConv1D, 1, 1, l.width, 1, 1
			l.weight, l.bias = l.scale, l.node.shift
		}
		read, sums := false, false
		for j := i + 1; j < len(nodes); j++ {
			for _, in := range nodes[j].in {
				read = read || in == i && nodes[j].op != opELM
				sums = sums || in == i && nodes[j].op == opELM
			}
		}
		for _, h := range heads {
			sums = sums || h.layer == i
		}
		l.keepSums = sums && l.op == opConv1D && l.act.kind == actNone
		l.silent = !read && l.keepSums
		if !l.silent {
			r, ok := m.Int8.Ranges[l.name]
			if !ok {
				return nil, bad(l, "no range: quantise the model again")
			}
			l.out = spanning(r)
			l.before = l.out
			if !l.act.limits() {
				if r, ok = m.Int8.BeforeActivation[l.name]; !ok {
					return nil, bad(l, "no range before its activation: quantise the model again")
				}
				l.before = spanning(r)
				l.activate = newTable(l.before, l.out, l.act)
			}
		}
		l.stride = (l.width + 3) / 4 * 4
		for _, n := range nodes[i+1:] {
			if n.op == opConv1D && n.in[0] == i && n.groups > 1 && n.inGroup%4 != 0 {
				l.stride = (l.width+3)/4*4 + 4 // a group is read with padding
			}
		}
		var in []quantized
		for _, j := range l.in {
			if j == onEvents {
				if l.op != opConv1D {
					return nil, bad(l, "%s on events has no integer form, only conv1d", l.op)
				}
				in = append(in, quantized{scale: 1.0 / eventUnit})
				continue
			}
			in = append(in, layers[j].out)
		}
		switch l.op {
		case opConv1D:
			l.quantizeConv(in[0])
		case opAdd:
			l.quantizeAdd(in)
		case opELM:
			var err error
			if l.cell, err = newELM8(m, l, layers[l.in[0]].units()); err != nil {
				return nil, err
			}
		case opConcat, opActivation:
			l.before = l.out // the table does it all
			for _, a := range in {
				l.table = append(l.table, newTable(a, l.out, l.act))
			}
			l.activate = nil
		default:
			return nil, bad(l, "op %s has no integer form", l.op)
		}
	}
	return layers, nil
}

// units is what one unit of each channel stands for where an elm layer reads it: of the
// sums, where they are kept, or of the activations.
func (l *layer8) units() []float64 {
	if l.keepSums {
		return l.unit
	}
	all := make([]float64, l.width)
	for i := range all {
		all[i] = l.out.scale
	}
	return all
}

// newTable is the function from activation to activation for all 256 values.
func newTable(from, to quantized, act activation) *[256]uint8 {
	var t [256]uint8
	for q, y := range activated(from, act) {
		t[q] = to.nearest(float64(y))
	}
	return &t
}

// activated is an activation function of all 256 values.
func activated(from quantized, act activation) [256]float32 {
	reference, err := native.Select("reference")
	if err != nil {
		panic(err) // it is in every build
	}
	var x [256]float32
	for q := range x {
		x[q] = float32(from.value(uint8(q)))
	}
	act.activate(reference, x[:])
	return x
}

// biasUnits is what a bias is at most, in units of the sums.
const biasUnits = 1 << 24

// quantizeConv rounds the weights, per output channel. The unit of a channel is at
// least so large that its bias fits.
func (l *layer8) quantizeConv(in quantized) {
	n := l.inGroup * l.kernel
	l.unit = make([]float64, l.width)
	q := make([]int8, len(l.weight)) // [width][inGroup][kernel]
	zero := make([]int32, l.width)   // what the input's zero point adds to a sum
	for o := range l.width {
		row := l.weight[o*n:][:n]
		top := 0.0
		for _, w := range row {
			top = max(top, math.Abs(float64(w)))
		}
		scale := top / 127
		for v := o; v < len(l.bias); v += l.width {
			scale = max(scale, math.Abs(float64(l.bias[v]))/in.scale/biasUnits)
		}
		if !(scale > 1e-30) {
			scale = 1
		}
		for i, w := range row {
			q[o*n+i] = int8(math.Round(float64(w) / scale))
			zero[o] += int32(q[o*n+i]) * int32(in.zero)
		}
		l.unit[o] = in.scale * scale
	}
	l.biases = make([]int32, len(l.bias))
	for i, b := range l.bias {
		l.biases[i] = int32(math.Round(float64(b)/l.unit[i%l.width])) - zero[i%l.width]
	}
	if !l.silent {
		ratio := make([]float64, l.width)
		for o, u := range l.unit {
			ratio[o] = u / l.before.scale
		}
		l.requant = newScaling(ratio)
	}
	l.pack8(q)
	l.weight, l.bias = nil, nil
}

// pack8 copies [width][inGroup][kernel] into the layout that layer8.w describes.
func (l *layer8) pack8(q []int8) {
	l.in4, l.out16 = (l.inGroup+3)/4*4, (l.outGroup+15)/16*16
	at := func(o, i, tap int) int8 { return q[(o*l.inGroup+i)*l.kernel+tap] } // i is of o's group
	switch {
	case l.sparse():
		l.w = make([]int8, len(q))
		for o := range l.width {
			for i := range l.inGroup {
				c := o/l.outGroup*l.inGroup + i
				for j := range l.kernel {
					l.w[(c*l.kernel+l.kernel-1-j)*l.outGroup+o%l.outGroup] = at(o, i, j)
				}
			}
		}
	case l.depthwise():
		l.w = make([]int8, len(q))
		for o := range l.width {
			for j := range l.kernel {
				l.w[j*l.width+o] = at(o, 0, j)
			}
		}
	default:
		block := make([]int8, l.inGroup*l.outGroup)
		for j := range l.kernel {
			for g := range l.groups {
				for i := range l.inGroup {
					for o := range l.outGroup {
						block[i*l.outGroup+o] = at(g*l.outGroup+o, i, j)
					}
				}
				l.w = append(l.w, native.PackInt8(block, l.inGroup, l.outGroup)...)
			}
		}
	}
}

// quantizeAdd: each input's factor is its scale over the output's, with so many bits
// that the sum fits an int32.
func (l *layer8) quantizeAdd(in []quantized) {
	top := 0.0
	for _, a := range in {
		top += a.scale / l.before.scale
	}
	_, exp := math.Frexp(top * 256)
	l.shift = uint(min(30, max(1, 30-exp)))
	sum := 0.0
	for _, a := range in {
		f := math.Round(math.Ldexp(a.scale/l.before.scale, int(l.shift)))
		l.factor = append(l.factor, int32(min(1<<22, f)))
		sum += float64(a.zero) * f
	}
	l.offset = int32(float64(l.before.zero)*math.Ldexp(1, int(l.shift))) - int32(sum) + 1<<(l.shift-1)
}
