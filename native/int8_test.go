package native

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

type integer interface{ ~int8 | ~uint8 | ~int32 }

// integers returns n random values from low to high, often an extreme, between
// guards, and a function that tells whether the guards still stand.
func integers[T integer](rng *rand.Rand, n int, low, high T) ([]T, func() bool) {
	const guard = 0x55
	all := make([]T, n+2*margin)
	for i := range all {
		all[i] = guard
	}
	v := all[margin : margin+n : margin+n]
	for i := range v {
		switch rng.IntN(8) {
		case 0:
			v[i] = low
		case 1:
			v[i] = high
		case 2:
			v[i] = 0
		default:
			v[i] = T(int64(low) + rng.Int64N(int64(high)-int64(low)+1))
		}
	}
	return v, func() bool {
		for i, x := range all {
			if (i < margin || i >= margin+n) && x != guard {
				return false
			}
		}
		return true
	}
}

// check compares y with want and asks the guards.
func check[T integer](t *testing.T, what string, got, want []T, guards ...func() bool) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: value %d is %d, want %d", what, i, got[i], want[i])
		}
	}
	for i, ok := range guards {
		if !ok() {
			t.Fatalf("%s: wrote outside operand %d", what, i)
		}
	}
}

func TestPackInt8(t *testing.T) {
	w := []int8{
		1, 2, 3,
		4, 5, 6,
		7, 8, 9,
		10, 11, 12,
		13, 14, 15,
	}
	p := PackInt8(w, 5, 3)
	if len(p) != 2*16*4 {
		t.Fatalf("%d weights", len(p))
	}
	for i := range 8 {
		for o := range 16 {
			want := int8(0)
			if i < 5 && o < 3 {
				want = w[i*3+o]
			}
			if got := p[i/4*64+o*4+i%4]; got != want {
				t.Errorf("input %d, output %d: %d, want %d", i, o, got, want)
			}
		}
	}
}

func TestGemmInt8(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(7, 8))
		for _, in := range []int{1, 4, 5, 8, 12, 13, 64, 100} {
			for _, out := range []int{1, 16, 17, 32, 48, 64, 80, 128, 144, 200} {
				for _, rows := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13} {
					in4, out16 := roundUp(in, 4), roundUp(out, 16)
					ldx, ldy := in4+rng.IntN(3), out16+rng.IntN(3)
					w, _ := integers[int8](rng, in*out, -127, 127)
					packed := PackInt8(w, in, out)
					x, xOK := integers[uint8](rng, max(0, (rows-1)*ldx+in4), 0, 255)
					y, yOK := integers[int32](rng, max(0, (rows-1)*ldy+out16), math.MinInt32, math.MaxInt32)
					want := slices.Clone(y)
					for r := range rows {
						for i := range in {
							for o := range out {
								want[r*ldy+o] += int32(x[r*ldx+i]) * int32(w[i*out+o])
							}
						}
					}
					s.GemmInt8(y, x, packed, rows, in4, out16, ldx, ldy)
					check(t, fmt.Sprintf("%d rows, %d in, %d out", rows, in, out), y, want, yOK, xOK)
				}
			}
		}
	})
}

func TestMulAddInt8(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(9, 10))
		for n := range maxLength + 1 {
			for rows := range 4 {
				ldx, ldy := n+rng.IntN(3), n+rng.IntN(3)
				w, _ := integers[int8](rng, n, -127, 127)
				x, xOK := integers[uint8](rng, max(0, (rows-1)*ldx+n), 0, 255)
				y, yOK := integers[int32](rng, max(0, (rows-1)*ldy+n), math.MinInt32, math.MaxInt32)
				want := slices.Clone(y)
				for r := range rows {
					for j := range n {
						want[r*ldy+j] += int32(x[r*ldx+j]) * int32(w[j])
					}
				}
				s.MulAddInt8(y, x, w, rows, n, ldx, ldy)
				check(t, fmt.Sprintf("%d rows of %d", rows, n), y, want, yOK, xOK)
			}
		}
	})
}

func TestColumnsInt8(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(11, 12))
		for _, n := range append(slices.Clone(lengths), 255, 256, 257, 272, 288, 511, 513, 900) {
			for _, events := range []int{0, 1, 2, 3, 4, 5, 7, 14, 300} {
				for _, factors := range []int{1, 2, 100} {
					w, wOK := integers[int8](rng, n+50, -127, 127)
					if factors == 1 { // as many extremes as there can be
						for i := range w {
							w[i] = 127
						}
					}
					at := make([]int32, events)
					a := make([]int32, events)
					for e := range at {
						at[e] = rng.Int32N(51)
						if a[e] = int32(rng.Uint32()); e > 0 && rng.IntN(factors) < factors/2+1 && (factors == 1 || rng.IntN(3) > 0) {
							a[e] = a[e-1]
						}
					}
					y, yOK := integers[int32](rng, n, math.MinInt32, math.MaxInt32)
					want := slices.Clone(y)
					for e := range at {
						for j := range want {
							want[j] += a[e] * int32(w[int(at[e])+j])
						}
					}
					s.ColumnsInt8(y, w, at, a)
					check(t, fmt.Sprintf("%d columns of %d", events, n), y, want, yOK, wOK)
				}
			}
		}
	})
}

func TestRequant(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(13, 14))
		for n := range maxLength + 1 {
			for rows := range 4 {
				for _, shift := range []uint{1, 8, 31, 32, 33, 40, 61, 62, 1 + rng.UintN(62)} {
					ldx, ldy := n+rng.IntN(3), n+rng.IntN(3)
					// Half of the time results lie around the range of a uint8.
					size := int32(math.MaxInt32)
					if rng.IntN(2) == 0 && shift <= 40 {
						size = int32(1<<min(shift+9, 62)/math.MaxInt32 + 1)
					}
					low, zero := uint8(rng.IntN(256)), uint8(rng.IntN(256))
					if rng.IntN(2) == 0 {
						low = zero * uint8(rng.IntN(2))
					}
					bias, _ := integers[int32](rng, n, -size, size)
					mult, _ := integers[int32](rng, n, 1, math.MaxInt32)
					for j := range mult {
						mult[j] = max(mult[j], 1)
					}
					x, xOK := integers[int32](rng, max(0, (rows-1)*ldx+n), -size, size)
					y, yOK := integers[uint8](rng, max(0, (rows-1)*ldy+n), 0, 255)
					want := slices.Clone(y)
					for r := range rows {
						for j := range n {
							v := int64(zero) + (int64(x[r*ldx+j]+bias[j])*int64(mult[j])+int64(1)<<(shift-1))>>shift
							want[r*ldy+j] = uint8(min(max(v, int64(low)), 255))
						}
					}
					s.Requant(y, x, bias, mult, shift, low, zero, rows, n, ldx, ldy)
					check(t, fmt.Sprintf("%d rows of %d, shift %d, low %d, zero %d", rows, n, shift, low, zero), y, want, yOK, xOK)
				}
			}
		}
	})
}

// TestRequantTies: products in the middle between two results, which go up, and next to it, where a kernel
// that computes with fewer than 64 bits could miss the side.
func TestRequantTies(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		for shift := uint(8); shift <= 62; shift++ {
			var x, mult []int32
			for _, m := range []int64{1 << 30, 1<<30 + 1, 1<<30 - 1, 1 << 29, 1 << 20, 3 << 20, 1<<30 + 63, 1<<30 + 65, math.MaxInt32} {
				for k := int64(-201); k <= 311; k += 2 { // of all results
					middle := k << (shift - 1) / m
					for v := middle - 1; v <= middle+1; v++ {
						if v == int64(int32(v)) {
							x, mult = append(x, int32(v)), append(mult, int32(m))
						}
					}
				}
			}
			n := len(x)
			y, want := make([]uint8, n), make([]uint8, n)
			for j := range want {
				v := 100 + (int64(x[j])*int64(mult[j])+int64(1)<<(shift-1))>>shift
				want[j] = uint8(min(max(v, 0), 255))
			}
			s.Requant(y, x, make([]int32, n), mult, shift, 0, 100, 1, n, n, n)
			check(t, fmt.Sprintf("shift %d", shift), y, want)
		}
	})
}

func TestLeak(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(25, 26))
		for n := range maxLength + 1 {
			for rows := range 4 {
				for _, shift := range []uint{1, 8, 30, 31, 32, 33, 40, 61, 62, 1 + rng.UintN(62)} {
					y, yOK := integers[int32](rng, rows*n, math.MinInt32, math.MaxInt32)
					x, xOK := integers[int32](rng, rows*n, math.MinInt32, math.MaxInt32)
					decay, _ := integers[int32](rng, n, 0, math.MaxInt32)
					mult, _ := integers[int32](rng, n, 1, math.MaxInt32)
					want := slices.Clone(y)
					for i := range want {
						v := (int64(y[i])*int64(decay[i%n])+1<<30)>>31 + (int64(x[i])*int64(mult[i%n])+int64(1)<<(shift-1))>>shift
						want[i] = int32(min(max(v, math.MinInt32), math.MaxInt32))
					}
					s.Leak(y, x, decay, mult, shift, rows, n)
					check(t, fmt.Sprintf("%d rows of %d, shift %d", rows, n, shift), y, want, yOK, xOK)
				}
			}
		}
	})
}

func TestAddInt8(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(15, 16))
		for n := range maxLength + 1 {
			for _, shift := range []uint{0, 1, 8, 14, 20, 31} {
				a, aOK := integers[uint8](rng, n, 0, 255)
				b, bOK := integers[uint8](rng, n, 0, 255)
				y, yOK := integers[uint8](rng, n, 0, 255)
				size := int32(1) << (min(shift, 20) + 1)
				ma, mb := rng.Int32N(2*size)-size, rng.Int32N(2*size)-size
				c := rng.Int32N(256*size) - 128*size
				low := uint8(rng.IntN(256)) * uint8(rng.IntN(2))
				want := make([]uint8, n)
				for j := range want {
					v := (int32(a[j])*ma + int32(b[j])*mb + c) >> shift
					want[j] = uint8(min(max(v, int32(low)), 255))
				}
				s.AddInt8(y, a, b, ma, mb, c, shift, low)
				check(t, fmt.Sprintf("%d values, shift %d", n, shift), y, want, yOK, aOK, bOK)
				s.AddInt8(a, a, b, ma, mb, c, shift, low)
				check(t, "into a", a, want, aOK)
			}
		}
	})
}

func TestLUTInt32(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(17, 18))
		table := new([256]int32)
		for i := range table {
			table[i] = int32(rng.Uint32())
		}
		for _, n := range []int{0, 1, 7, 8, 9, 100} {
			x, xOK := integers[uint8](rng, n, 0, 255)
			y, yOK := integers[int32](rng, n, 0, 255)
			want := make([]int32, n)
			for j, v := range x {
				want[j] = table[v]
			}
			s.LUTInt32(y, x, table)
			check(t, "y", y, want, yOK, xOK)
		}
	})
}

func TestLUTInt8(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(17, 18))
		table := new([256]uint8)
		for i := range table {
			table[i] = uint8(rng.Uint32())
		}
		x, xOK := integers[uint8](rng, 99, 0, 255)
		y, yOK := integers[uint8](rng, 99, 0, 255)
		want := make([]uint8, 99)
		for j, v := range x {
			want[j] = table[v]
		}
		s.LUTInt8(y, x, table)
		check(t, "y", y, want, yOK, xOK)
		s.LUTInt8(x, x, table)
		check(t, "into x", x, want, xOK)
	})
}
