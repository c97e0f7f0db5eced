package native

// The reference kernels: plain Go, every platform, and the definition of what
// each kernel computes. float32(x*y)+z keeps the compiler from fusing the two
// operations, which it may on arm64 and some others, so that all platforms give
// the same bits.

func init() {
	register(&Set{
		name:       "reference",
		doc:        "plain Go, on every platform",
		priority:   0,
		sameBits:   true,
		axpy:       refAxpy,
		gemm:       refGemm,
		mulAdd:     refMulAdd,
		add:        refAdd,
		relu:       refReLU,
		scaleShift: refScaleShift,
		columns:    refColumns,

		gemmInt8:    refGemmInt8,
		mulAddInt8:  refMulAddInt8,
		columnsInt8: refColumnsInt8,
		requant:     refRequant,
		leak:        refLeak,
		addInt8:     refAddInt8,
	})
}

func refAxpy(y, x []float32, a float32) {
	x = x[:len(y)]
	for j := range y {
		y[j] += float32(a * x[j])
	}
}

// refGemm is
//
//	for r := range rows {
//		for i := range in {
//			for o := range out {
//				y[r*ldy+o] += float32(x[r*ldx+i] * w[i*out+o])
//			}
//		}
//	}
//
// with the inputs of a row taken four at a time, so that y is loaded and stored
// once for four terms, and inputs that are zero left out (after a ReLU many are):
// a sum that began at anything but -0 is never -0, so adding zero would not change
// it. Sharing a loaded weight among rows was tried and gains
// nothing: scalar arithmetic is the limit, not memory.
func refGemm(y, x, w []float32, rows, in, out, ldx, ldy int) {
	for r := range rows {
		refGemmRow(y[r*ldy:][:out], x[r*ldx:][:in], w)
	}
}

func refGemmRow(y, x, w []float32) {
	out := len(y)
	var row [4]int // where the weights of the inputs in hand begin
	var v [4]float32
	n := 0
	for i, a := range x {
		if a == 0 {
			continue
		}
		row[n], v[n] = i*out, a
		if n++; n < 4 {
			continue
		}
		n = 0
		v0, v1, v2, v3 := v[0], v[1], v[2], v[3]
		w0, w1, w2, w3 := w[row[0]:][:len(y)], w[row[1]:][:len(y)], w[row[2]:][:len(y)], w[row[3]:][:len(y)]
		for o, s := range y {
			s += float32(v0 * w0[o])
			s += float32(v1 * w1[o])
			s += float32(v2 * w2[o])
			s += float32(v3 * w3[o])
			y[o] = s
		}
	}
	for k := range n {
		refAxpy(y, w[row[k]:][:len(y)], v[k])
	}
}

func refMulAdd(y, x, w []float32, rows, n int) {
	w = w[:n]
	for r := range rows {
		yr, xr := y[r*n:][:n], x[r*n:][:n]
		for j, v := range w {
			yr[j] += float32(xr[j] * v)
		}
	}
}

func refAdd(y, x []float32) {
	x = x[:len(y)]
	for j := range y {
		y[j] += x[j]
	}
}

func refReLU(y []float32) {
	for j, v := range y {
		y[j] = max(v, 0)
	}
}

func refScaleShift(y, scale, shift []float32, rows, n int) {
	scale, shift = scale[:n], shift[:n]
	for r := range rows {
		yr := y[r*n:][:n]
		for j, s := range scale {
			yr[j] = float32(yr[j]*s) + shift[j]
		}
	}
}

// refColumns takes four columns at a time, so that y is loaded and stored once for them.
func refColumns(y, w []float32, at []int32, a []float32) {
	for ; len(at) >= 4; at, a = at[4:], a[4:] {
		a0, a1, a2, a3 := a[0], a[1], a[2], a[3]
		w0, w1, w2, w3 := w[at[0]:][:len(y)], w[at[1]:][:len(y)], w[at[2]:][:len(y)], w[at[3]:][:len(y)]
		for j, s := range y {
			s += float32(a0 * w0[j])
			s += float32(a1 * w1[j])
			s += float32(a2 * w2[j])
			s += float32(a3 * w3[j])
			y[j] = s
		}
	}
	for e, from := range at {
		refAxpy(y, w[from:][:len(y)], a[e])
	}
}
