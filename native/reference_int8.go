package native

import "math"

// The reference's int8 kernels.

// refGemmInt8 leaves out quads of inputs that are all zero, and takes four outputs at a time
// (there are always sixteen), for a check of bounds less often.
func refGemmInt8(y []int32, x []uint8, w []int8, rows, in, out, ldx, ldy int) {
	for r := range rows {
		yr, xr := y[r*ldy:][:out], x[r*ldx:][:in]
		for i := 0; i < in; i += quad {
			x0, x1, x2, x3 := int32(xr[i]), int32(xr[i+1]), int32(xr[i+2]), int32(xr[i+3])
			if x0|x1|x2|x3 == 0 {
				continue
			}
			wi := w[i*out:][:out*quad]
			for o := 0; len(wi) >= 4*quad; o += 4 {
				s, v := (*[4]int32)(yr[o:]), (*[4 * quad]int8)(wi)
				s[0] += x0*int32(v[0]) + x1*int32(v[1]) + x2*int32(v[2]) + x3*int32(v[3])
				s[1] += x0*int32(v[4]) + x1*int32(v[5]) + x2*int32(v[6]) + x3*int32(v[7])
				s[2] += x0*int32(v[8]) + x1*int32(v[9]) + x2*int32(v[10]) + x3*int32(v[11])
				s[3] += x0*int32(v[12]) + x1*int32(v[13]) + x2*int32(v[14]) + x3*int32(v[15])
				wi = wi[4*quad:]
			}
		}
	}
}

func refMulAddInt8(y []int32, x []uint8, w []int8, rows, n, ldx, ldy int) {
	w = w[:n]
	for r := range rows {
		yr, xr := y[r*ldy:][:n], x[r*ldx:][:n]
		for j, v := range w {
			yr[j] += int32(xr[j]) * int32(v)
		}
	}
}

// refColumnsInt8 takes four columns at a time, so that y is loaded and stored once for them.
func refColumnsInt8(y []int32, w []int8, at []int32, a []int32) {
	for ; len(at) >= 4; at, a = at[4:], a[4:] {
		a0, a1, a2, a3 := a[0], a[1], a[2], a[3]
		w0, w1, w2, w3 := w[at[0]:][:len(y)], w[at[1]:][:len(y)], w[at[2]:][:len(y)], w[at[3]:][:len(y)]
		for j := range y {
			y[j] += a0*int32(w0[j]) + a1*int32(w1[j]) + a2*int32(w2[j]) + a3*int32(w3[j])
		}
	}
	for e, from := range at {
		we := w[from:][:len(y)]
		for j := range y {
			y[j] += a[e] * int32(we[j])
		}
	}
}

func refRequant(y []uint8, x, bias, mult []int32, shift uint, low, zero uint8, rows, n, ldx, ldy int) {
	bias, mult = bias[:n], mult[:n]
	half := int64(1) << (shift - 1)
	for r := range rows {
		yr, xr := y[r*ldy:][:n], x[r*ldx:][:n]
		for j, b := range bias {
			v := int64(zero) + (int64(xr[j]+b)*int64(mult[j])+half)>>shift
			yr[j] = uint8(min(max(v, int64(low)), 255))
		}
	}
}

func refLeak(y, x, decay, mult []int32, shift uint, rows, n int) {
	decay, mult = decay[:n], mult[:n]
	half := int64(1) << (shift - 1)
	for r := range rows {
		yr, xr := y[r*n:][:n], x[r*n:][:n]
		for j, d := range decay {
			v := (int64(yr[j])*int64(d)+1<<30)>>31 + (int64(xr[j])*int64(mult[j])+half)>>shift
			yr[j] = int32(min(max(v, math.MinInt32), math.MaxInt32))
		}
	}
}

func refAddInt8(y, a, b []uint8, ma, mb, c int32, shift uint, low uint8) {
	a, b = a[:len(y)], b[:len(y)]
	for j := range y {
		v := (int32(a[j])*ma + int32(b[j])*mb + c) >> shift
		y[j] = uint8(min(max(v, int32(low)), 255))
	}
}
