package surrogate

import "understudy/native"

// In bf16 a network is one in float32 but for the matrix products of convolutions on other layers
// and of the mlp of elm layers: their weights and inputs are rounded to bfloat16, their products
// and sums are float32. Convolutions on events, depthwise ones, and output layers, which are
// convolutions without activation that a head reads, stay as they are: they cost little, and a
// head shows each rounding.

// productBF16 is true for a convolution that multiplies in bf16; i is its index.
func (p *plan) productBF16(l *node, i int) bool {
	if l.op != opConv1D || l.sparse() || l.inGroup == 1 && l.outGroup == 1 {
		return false
	}
	if l.act.kind == actNone {
		for _, h := range p.heads {
			if h.layer == i {
				return false
			}
		}
	}
	return true
}

// roundBF16 makes layer i, packed in float32, and what it reads ready for bf16.
func (p *plan) roundBF16(i int) {
	l := &p.layers[i]
	switch {
	case l.cell != nil:
		l.cell.roundBF16(p.kernel)
	case p.productBF16(&l.node, i):
		size := l.inGroup * l.outGroup
		for at := 0; at < len(l.packed); at += size {
			l.halves = append(l.halves, p.kernel.PackBF16(l.packed[at:], l.inGroup, l.outGroup))
		}
		l.packed = nil
		in := &p.layers[l.in[0]]
		in.stride = max(in.stride, in.width+l.inGroup%2)
	}
}

// roundBF16 makes an ELM neuron ready for bf16.
func (e *elm) roundBF16(k *native.Set) {
	for i := range e.mlp {
		d := &e.mlp[i]
		if i > 0 {
			d.halves = []native.BF16{k.PackBF16(d.weight, d.in, d.out)}
			continue
		}
		s := k.PackBF16(d.weight, e.branches, d.out)
		d.halves = []native.BF16{s, k.PackBF16(d.weight[e.branches*d.out:], e.memory, d.out)}
	}
}

// roundRows rounds rows of x, width long, to y, whose rows are stride long and end with zeros.
func roundRows(k *native.Set, y []uint16, x []float32, width, stride int) {
	if width == stride {
		k.RoundBF16(y[:len(x)], x)
		return
	}
	for ; len(x) > 0; x, y = x[width:], y[stride:] {
		k.RoundBF16(y[:width], x[:width])
		clear(y[width:stride])
	}
}

// tapsBF16 adds the taps of a convolution to y, oldest first.
func (s *floatNetwork) tapsBF16(l, in *floatLayer, y []float32, t int64, k int) {
	stride := in.stride
	for j := range l.kernel {
		a, b := in.rounded.back(t, (l.kernel-1-j)*l.dilation, k)
		rest := y[len(a)/stride*l.width:]
		for g := range l.groups {
			w := &l.halves[j*l.groups+g]
			s.kernel.GemmBF16(y[g*l.outGroup:], a[g*l.inGroup:], w, len(a)/stride, stride, l.width)
			if len(b) > 0 {
				s.kernel.GemmBF16(rest[g*l.outGroup:], b[g*l.inGroup:], w, len(b)/stride, stride, l.width)
			}
		}
	}
}
