package native

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// lengths lie around every vector width that a kernel may have, for the matrix
// product; vector kernels are tried at all lengths to maxLength.
var lengths = []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 31, 32, 33, 39, 40, 63, 64, 65, 95, 96, 97, 104, 128, 130}

const maxLength = 130

// guard is what stands around every operand: a kernel that writes past an end
// changes it, one that reads past an end spreads it.
var guard = float32(math.NaN())

const margin = 17

// operand returns n random values, a fifth of them zero, between guards, and a
// function that tells whether the guards still stand.
func operand(rng *rand.Rand, n int) ([]float32, func() bool) {
	all := make([]float32, n+2*margin)
	for i := range all {
		all[i] = guard
	}
	v := all[margin : margin+n : margin+n]
	for i := range v {
		if v[i] = 2*rng.Float32() - 1; rng.IntN(5) == 0 {
			v[i] = 0
		}
	}
	return v, func() bool {
		for i, x := range all {
			if (i < margin || i >= margin+n) && x == x {
				return false
			}
		}
		return true
	}
}

// naive is every f32 kernel's definition, in the plainest loops, for a product that is
// rounded before it is added.
var naive = definition(func(x, w, y float32) float32 { return float32(x*w) + y })

// fused is the same for one that is not (FMA). All sets that fuse have its bits.
var fused = definition(fusedMulAdd)

func fusedMulAdd(x, w, y float32) float32 {
	// The product is exact in float64. The sum is rounded to odd, so that rounding it again
	// gives what rounding once would (Boldo and Melquiond 2008).
	p, q := float64(x)*float64(w), float64(y)
	s := p + q
	part := s - p
	if e := (p - (s - part)) + (q - part); (e > 0 || e < 0) && math.Float64bits(s)&1 == 0 {
		if (e > 0) == (s > 0) {
			s = math.Float64frombits(math.Float64bits(s) + 1)
		} else {
			s = math.Float64frombits(math.Float64bits(s) - 1)
		}
	}
	return float32(s)
}

// definition returns the kernels that use mulAdd for x*w + y.
func definition(mulAdd func(x, w, y float32) float32) *Set {
	return &Set{
		axpy: func(y, x []float32, a float32) {
			for j := range y {
				y[j] = mulAdd(a, x[j], y[j])
			}
		},
		gemm: func(y, x, w []float32, rows, in, out, ldx, ldy int) {
			for r := range rows {
				for i := range in {
					for o := range out {
						y[r*ldy+o] = mulAdd(x[r*ldx+i], w[i*out+o], y[r*ldy+o])
					}
				}
			}
		},
		mulAdd: func(y, x, w []float32, rows, n int) {
			for i := range rows * n {
				y[i] = mulAdd(x[i], w[i%n], y[i])
			}
		},
		add: func(y, x []float32) {
			for j := range y {
				y[j] = y[j] + x[j]
			}
		},
		relu: func(y []float32) {
			for j := range y {
				if y[j] < 0 {
					y[j] = 0
				}
			}
		},
		scaleShift: func(y, scale, shift []float32, rows, n int) {
			for i := range rows * n {
				y[i] = mulAdd(y[i], scale[i%n], shift[i%n])
			}
		},
		columns: func(y, w []float32, at []int32, a []float32) {
			for e := range at {
				for j := range y {
					y[j] = mulAdd(a[e], w[int(at[e])+j], y[j])
				}
			}
		},
	}
}

// defined returns what s must compute.
func defined(s *Set) *Set {
	if s.sameBits {
		return naive
	}
	return fused
}

// forEach runs f for every kernel set of this build. A missing CPU feature skips,
// unless UNDERSTUDY_REQUIRE_KERNELS names the set (as CI does where it must be).
func forEach(t *testing.T, f func(t *testing.T, s *Set)) {
	for _, info := range Kernels() {
		t.Run(info.Name, func(t *testing.T) {
			s, err := Select(info.Name)
			if err != nil {
				if strings.Contains(","+os.Getenv("UNDERSTUDY_REQUIRE_KERNELS")+",", ","+info.Name+",") {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			f(t, s)
		})
	}
}

// compare compares bits, but not those of a NaN nor, where products are fused, the sign of
// a zero (see Set.Gemm).
func compare(t *testing.T, s *Set, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		g := got[i]
		if math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) && (s.sameBits || g != 0 || w != 0) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, g, w)
		}
	}
}

// TestColumns: lengths around every block, and columns that overlap.
func TestColumns(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(19, 20))
		for _, n := range append(slices.Clone(lengths), 255, 256, 257, 271, 273, 320, 511, 512, 700) {
			for _, events := range []int{0, 1, 2, 3, 4, 5, 7, 14, 100} {
				w, wOK := operand(rng, n+50)
				y, yOK := operand(rng, n)
				at, a := make([]int32, events), make([]float32, events)
				for e := range at {
					if at[e], a[e] = rng.Int32N(51), 1; rng.IntN(3) == 0 {
						a[e] = rng.Float32()
					}
				}
				want := slices.Clone(y)
				defined(s).columns(want, w, at, a)
				s.Columns(y, w, at, a)
				compare(t, s, fmt.Sprintf("%d columns of %d", events, n), y, want)
				if !yOK() || !wOK() {
					t.Fatalf("%d columns of %d: wrote outside its operands", events, n)
				}
			}
		}
	})
}

// TestBags: rows with and without events, lengths around every block.
func TestBags(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(23, 24))
		for _, n := range append(slices.Clone(lengths), 127, 128, 129, 200, 256, 300) {
			for _, most := range []int{0, 1, 3, 20} { // events of a row
				for _, rows := range []int{0, 1, 2, 9} {
					w, wOK := operand(rng, n+50)
					y, yOK := operand(rng, rows*n)
					var at, ends []int32
					var a []float32
					for range rows {
						for range rng.IntN(most + 1) {
							at, a = append(at, rng.Int32N(51)), append(a, rng.Float32())
						}
						ends = append(ends, int32(len(at)))
					}
					want, from := slices.Clone(y), int32(0)
					for r, to := range ends {
						defined(s).columns(want[r*n:][:n], w, at[from:to], a[from:to])
						from = to
					}
					s.Bags(y, w, at, a, ends, n)
					compare(t, s, fmt.Sprintf("%d rows of %d, at most %d events", rows, n, most), y, want)
					if !yOK() || !wOK() {
						t.Fatalf("%d rows of %d, at most %d events: wrote outside its operands", rows, n, most)
					}
				}
			}
		}
	})
}

func TestVectorKernels(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(1, 2))
		for n := range maxLength + 1 {
			for rows := range 4 {
				for name, f := range map[string]func(s *Set, y, x, w []float32){
					"axpy":       func(s *Set, y, x, w []float32) { s.Axpy(y, x, 0.3) },
					"mulAdd":     func(s *Set, y, x, w []float32) { s.MulAdd(y, x, w, rows, n) },
					"add":        func(s *Set, y, x, w []float32) { s.Add(y, x) },
					"relu":       func(s *Set, y, x, w []float32) { s.ReLU(y) },
					"scaleShift": func(s *Set, y, x, w []float32) { s.ScaleShift(y, w, w, rows, n) },
				} {
					x, xOK := operand(rng, rows*n)
					w, wOK := operand(rng, n)
					y, yOK := operand(rng, rows*n)
					want := append([]float32(nil), y...)
					f(defined(s), want, x, w)
					f(s, y, x, w)
					compare(t, s, name, y, want)
					if !xOK() || !wOK() || !yOK() {
						t.Fatalf("%s of %d rows of %d: wrote outside its operands", name, rows, n)
					}
				}
			}
		}
	})
}

func TestGemm(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(3, 4))
		inputs := []int{1, 2, 3, 4, 5, 8, 13, 64, 65, 130}
		if testing.Short() {
			inputs = []int{1, 4, 13, 65}
		}
		for trial, in := range inputs {
			for _, out := range append(lengths, 200, 300) {
				for _, rows := range []int{0, 1, 2, 3, 5, 6, 7, 13} {
					ldx, ldy := in+rng.IntN(3), out+rng.IntN(3)
					x, _ := operand(rng, max(0, (rows-1)*ldx+in))
					if trial%2 > 0 { // enough zeros to leave them out
						for i := range x {
							x[i] *= float32(rng.IntN(2))
						}
					}
					w, _ := operand(rng, in*out)
					y, yOK := operand(rng, max(0, (rows-1)*ldy+out))
					before := append([]float32(nil), y...)
					want := append([]float32(nil), y...)
					defined(s).Gemm(want, x, w, rows, in, out, ldx, ldy)
					s.Gemm(y, x, w, rows, in, out, ldx, ldy)
					compare(t, s, fmt.Sprintf("gemm %d x %d x %d", rows, in, out), y, want) // also the gaps between rows
					if !yOK() {
						t.Fatalf("gemm %d x %d x %d wrote outside y", rows, in, out)
					}
					// Every row alone has the same bits.
					for r := range rows {
						one := append([]float32(nil), before[r*ldy:][:out]...)
						s.Gemm(one, x[r*ldx:], w, 1, in, out, in, out)
						compare(t, s, "row alone", one, y[r*ldy:][:out])
					}
				}
			}
		}
	})
}

// Inputs that are zero of either sign, tiny or infinite, where kernels that leave
// out zeros and kernels that add them could part; in one row, in several, in rows of
// which many inputs are zero and few.
func TestGemmSpecialInputs(t *testing.T) {
	inf, negZero := float32(math.Inf(1)), float32(math.Copysign(0, -1))
	special := []float32{0, negZero, 2, -1, 1e-45, -1e-45, 1e-38, math.MaxFloat32, inf, -inf, guard, 0.1}
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(5, 6))
		for trial := range 600 {
			in, out, rows := 1+rng.IntN(12), 1+rng.IntN(maxLength), 1+rng.IntN(8)
			few := special[:5+trial%2*(len(special)-5)] // finite results, too
			x, w, y := make([]float32, rows*in), make([]float32, in*out), make([]float32, rows*out)
			for i := range x {
				x[i] = few[rng.IntN(len(few))]
				if trial%3 == 0 {
					x[i] = 0.1
				}
			}
			for i := range w {
				w[i] = special[rng.IntN(7)]
			}
			for i := range y {
				y[i] = few[rng.IntN(len(few))] + 0 // no -0, see Gemm
			}
			want, alone := slices.Clone(y), slices.Clone(y)
			defined(s).Gemm(want, x, w, rows, in, out, in, out)
			for r := range rows {
				s.Gemm(alone[r*out:], x[r*in:], w, 1, in, out, in, out)
			}
			s.Gemm(y, x, w, rows, in, out, in, out)
			what := fmt.Sprintf("%d rows, %d in, %d out", rows, in, out)
			compare(t, s, what, y, want)
			compare(t, s, what+", alone", alone, want)
		}
	})
}

func TestReLUSpecialValues(t *testing.T) {
	forEach(t, func(t *testing.T, s *Set) {
		inf := float32(math.Inf(1))
		values := []float32{float32(math.Copysign(0, -1)), -inf, inf, guard, 1e-45, -1e-45}
		results := []float32{0, 0, inf, guard, 1e-45, 0}
		var y []float32
		for range 3 { // each value in vectors and in what is left over
			y = append(y, values...)
		}
		s.ReLU(y)
		for i := range y {
			want := results[i%len(results)]
			if math.Float32bits(y[i]) != math.Float32bits(want) && (y[i] == y[i] || want == want) {
				t.Errorf("value %d: %v, want %v", i, y[i], want)
			}
		}
	})
}

// A wrong length panics before anything is read or written.
func TestLengthsAreChecked(t *testing.T) {
	v, h, x, w, y := make([]float32, 8), make([]uint16, 8), make([]uint8, 8), make([]int8, 8), make([]int32, 16)
	forEach(t, func(t *testing.T, s *Set) {
		weights := s.PackBF16(v, 3, 2)
		other := BF16{in: 4, out: 2, pairs: h} // of a set of the other kind
		if weights.pairs != nil {
			other = BF16{in: 4, out: 2, wide: v}
		}
		for name, f := range map[string]func(){
			"axpy":          func() { s.Axpy(v, v[:7], 1) },
			"add":           func() { s.Add(v[:7], v) },
			"mulAdd y":      func() { s.MulAdd(v[:7], v, v, 2, 4) },
			"mulAdd w":      func() { s.MulAdd(v, v, v[:3], 2, 4) },
			"mulAdd neg":    func() { s.MulAdd(v, v, v, -1, 4) },
			"scaleShift":    func() { s.ScaleShift(v, v[:3], v, 2, 4) },
			"gemm y":        func() { s.Gemm(v[:7], v, v, 2, 2, 4, 2, 4) },
			"gemm x":        func() { s.Gemm(v, v[:3], v, 2, 2, 4, 2, 4) },
			"gemm w":        func() { s.Gemm(v, v, v[:7], 2, 2, 4, 2, 4) },
			"gemm ldx":      func() { s.Gemm(v, v, v, 2, 2, 4, 1, 4) },
			"gemm ldy":      func() { s.Gemm(v, v, v, 2, 2, 4, 2, 3) },
			"gemm neg rows": func() { s.Gemm(v, v, v, -2, 2, 4, 2, 4) },
			"bags a":        func() { s.Bags(v, v, []int32{0}, v, []int32{1}, 1) },
			"bags at":       func() { s.Bags(v, v, []int32{1}, v[:1], []int32{1}, len(v)) },
			"bags y":        func() { s.Bags(v[:3], v, []int32{0}, v[:1], []int32{1, 1}, 2) },
			"bags ends":     func() { s.Bags(v, v, []int32{0}, v[:1], []int32{2}, 1) },
			"bags order":    func() { s.Bags(v, v, []int32{0}, v[:1], []int32{1, 0}, 1) },
			"columns a":     func() { s.Columns(v, v, []int32{0}, v) },
			"columns at":    func() { s.Columns(v, v, []int32{1}, v[:1]) },
			"columns neg":   func() { s.Columns(v[:1], v, []int32{-1}, v[:1]) },
			"packInt8":      func() { PackInt8(w, 3, 3) },
			"gemmInt8 in":   func() { s.GemmInt8(y, x, w, 1, 2, 16, 2, 16) },
			"gemmInt8 out":  func() { s.GemmInt8(y, x, w, 1, 4, 8, 4, 8) },
			"gemmInt8 w":    func() { s.GemmInt8(y, x, w, 1, 4, 16, 4, 16) },
			"gemmInt8 ldx":  func() { s.GemmInt8(y, x, make([]int8, 64), 1, 4, 16, 3, 16) },
			"gemmInt8 x":    func() { s.GemmInt8(y, x[:3], make([]int8, 64), 1, 4, 16, 4, 16) },
			"gemmInt8 y":    func() { s.GemmInt8(y[:15], x, make([]int8, 64), 1, 4, 16, 4, 16) },
			"mulAddInt8 w":  func() { s.MulAddInt8(y, x, w[:3], 1, 4, 4, 4) },
			"mulAddInt8 ld": func() { s.MulAddInt8(y, x, w, 2, 4, 3, 4) },
			"columnsInt8":   func() { s.ColumnsInt8(y[:8], w, []int32{1}, y[:1]) },
			"packBF16":      func() { s.PackBF16(v, 3, 3) },
			"roundBF16":     func() { s.RoundBF16(h, v[:7]) },
			"gemmBF16 ldx":  func() { s.GemmBF16(v, h, &weights, 1, 3, 2) },
			"gemmBF16 ldy":  func() { s.GemmBF16(v, h, &weights, 1, 4, 1) },
			"gemmBF16 x":    func() { s.GemmBF16(v, h[:7], &weights, 2, 4, 2) },
			"gemmBF16 y":    func() { s.GemmBF16(v[:3], h, &weights, 2, 4, 2) },
			"gemmBF16 neg":  func() { s.GemmBF16(v, h, &weights, -1, 4, 2) },
			"gemmBF16 w":    func() { s.GemmBF16(v, h, &other, 1, 4, 2) },
			"leak":          func() { s.Leak(y, y, y, y[:3], 1, 1, 4) },
			"leak shift":    func() { s.Leak(y, y, y, y, 0, 1, 4) },
			"requant bias":  func() { s.Requant(x, y, y[:3], y, 1, 0, 0, 1, 4, 4, 4) },
			"requant mult":  func() { s.Requant(x, y, y, y[:3], 1, 0, 0, 1, 4, 4, 4) },
			"requant y":     func() { s.Requant(x[:7], y, y, y, 1, 0, 0, 2, 4, 4, 4) },
			"requant shift": func() { s.Requant(x, y, y, y, 0, 0, 0, 1, 4, 4, 4) },
			"requant high":  func() { s.Requant(x, y, y, y, 63, 0, 0, 1, 4, 4, 4) },
			"addInt8":       func() { s.AddInt8(x, x[:7], x, 1, 1, 0, 0, 0) },
			"lutInt8":       func() { s.LUTInt8(x, x[:7], new([256]uint8)) },
		} {
			func() {
				defer func() {
					if r := recover(); r == nil || !strings.HasPrefix(r.(string), "native: ") {
						t.Errorf("%s: recovered %v, want our message", name, r)
					}
				}()
				f()
			}()
		}
	})
}

func TestSelect(t *testing.T) {
	best, err := Select("")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Kernels() {
		if k.Available() && k.Priority > best.Info().Priority {
			t.Errorf("Select chose %s, %s has a higher priority", best.Info().Name, k.Name)
		}
	}
	ref, err := Select("reference")
	if err != nil || ref.Info().Name != "reference" || !ref.Info().Available() {
		t.Errorf("reference: %v, %v", ref, err)
	}
	if _, err := Select("abacus"); !errors.Is(err, ErrKernel) || !strings.Contains(err.Error(), "reference") {
		t.Errorf("unknown name: %v", err)
	}
}

// A set whose CPU feature is missing is listed, never chosen, and refused by name.
func TestMissingFeature(t *testing.T) {
	was := registered
	defer func() { registered = was }()
	registered = append([]*Set{{name: "future", features: []string{"NOSUCHFEATURE"}, priority: 1000}}, was...)
	if s, err := Select(""); err != nil || s.name == "future" {
		t.Errorf("Select chose %v, %v", s, err)
	}
	if _, err := Select("future"); !errors.Is(err, ErrKernel) || !strings.Contains(err.Error(), "NOSUCHFEATURE") {
		t.Errorf("by name: %v", err)
	}
	if k := Kernels()[0]; k.Name != "future" || k.Available() {
		t.Errorf("listed as %+v", k)
	}
}
