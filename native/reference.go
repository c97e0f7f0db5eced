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
		axpy:       refAxpy,
		gemm:       refGemm,
		mulAdd:     refMulAdd,
		add:        refAdd,
		relu:       refReLU,
		scaleShift: refScaleShift,
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
// done in tiles of two rows by four outputs, or one row by eight, whose sums stay
// in registers. A sum's terms are added in the same order in either.
func refGemm(y, x, w []float32, rows, in, out, ldx, ldy int) {
	r := 0
	for ; r+2 <= rows; r += 2 {
		refGemm2(y[r*ldy:], y[(r+1)*ldy:], x[r*ldx:][:in], x[(r+1)*ldx:][:in], w, out)
	}
	if r < rows {
		refGemm1(y[r*ldy:], x[r*ldx:][:in], w, out)
	}
}

// refGemm2 does two rows: each weight is loaded once for both.
func refGemm2(ya, yb, xa, xb, w []float32, out int) {
	xb = xb[:len(xa)]
	o := 0
	for ; o+4 <= out; o += 4 {
		p, q := (*[4]float32)(ya[o:]), (*[4]float32)(yb[o:])
		a0, a1, a2, a3 := p[0], p[1], p[2], p[3]
		b0, b1, b2, b3 := q[0], q[1], q[2], q[3]
		at := o
		for i, a := range xa {
			b := xb[i]
			v := (*[4]float32)(w[at:])
			at += out
			a0 += float32(a * v[0])
			b0 += float32(b * v[0])
			a1 += float32(a * v[1])
			b1 += float32(b * v[1])
			a2 += float32(a * v[2])
			b2 += float32(b * v[2])
			a3 += float32(a * v[3])
			b3 += float32(b * v[3])
		}
		p[0], p[1], p[2], p[3] = a0, a1, a2, a3
		q[0], q[1], q[2], q[3] = b0, b1, b2, b3
	}
	for ; o < out; o++ {
		a0, b0 := ya[o], yb[o]
		at := o
		for i, a := range xa {
			v := w[at]
			at += out
			a0 += float32(a * v)
			b0 += float32(xb[i] * v)
		}
		ya[o], yb[o] = a0, b0
	}
}

// refGemm1 does one row.
func refGemm1(y, x, w []float32, out int) {
	o := 0
	for ; o+8 <= out; o += 8 {
		p := (*[8]float32)(y[o:])
		s0, s1, s2, s3, s4, s5, s6, s7 := p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
		at := o
		for _, a := range x {
			v := (*[8]float32)(w[at:])
			at += out
			s0 += float32(a * v[0])
			s1 += float32(a * v[1])
			s2 += float32(a * v[2])
			s3 += float32(a * v[3])
			s4 += float32(a * v[4])
			s5 += float32(a * v[5])
			s6 += float32(a * v[6])
			s7 += float32(a * v[7])
		}
		p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7] = s0, s1, s2, s3, s4, s5, s6, s7
	}
	for ; o < out; o++ {
		s := y[o]
		at := o
		for _, a := range x {
			s += float32(a * w[at])
			at += out
		}
		y[o] = s
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
