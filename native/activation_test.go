package native

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"
)

// activationCases pairs each activation with its definition in float64 and its
// error bounds: the result must be within absolute or within relative.
var activationCases = []struct {
	name               string
	kind               Activation
	alpha              float32
	absolute, relative float64
	f                  func(x float64) float64
}{
	{"leaky_relu", LeakyReLU, 0.2, 1e-45, 1e-7, func(x float64) float64 { return max(x, 0) + float64(float32(0.2))*min(x, 0) }},
	{"leaky_relu, negative", LeakyReLU, -0.3, 1e-45, 1e-7, func(x float64) float64 { return max(x, 0) + float64(float32(-0.3))*min(x, 0) }},
	{"elu", ELU, 1, 1e-44, 1e-6, func(x float64) float64 { return max(x, 0) + math.Expm1(min(x, 0)) }},
	{"elu, steep", ELU, 1.7, 1e-44, 1e-6, func(x float64) float64 { return max(x, 0) + float64(float32(1.7))*math.Expm1(min(x, 0)) }},
	{"silu", SiLU, 0, 1e-36, 1e-6, func(x float64) float64 { return x * sigmoid64(x) }},
	{"gelu", GELU, 0, 1e-36, 1e-6, func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }},
	{"gelu_tanh", GELUTanh, 0, 2e-7, 1e-6, func(x float64) float64 { return x * sigmoid64(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)) }},
	{"tanh", Tanh, 0, 2e-7, 0, math.Tanh},
	{"sigmoid", Sigmoid, 0, 2e-7, 0, sigmoid64},
	{"scaled_tanh", ScaledTanh, 0, 2e-7, 0, func(x float64) float64 { return 1.7159 * math.Tanh(2*x/3) }},
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// activationInputs covers every exponent of both signs and, densely, where the
// functions bend and where their exponentials end.
func activationInputs(rng *rand.Rand) []float32 {
	var x []float32
	for bits := uint64(0); bits < 1<<32; bits += 19937 {
		x = append(x, math.Float32frombits(uint32(bits)))
	}
	for range 200_000 {
		x = append(x, 8*rng.Float32()-4, 200*rng.Float32()-100, -14*rng.Float32(), float32(rng.NormFloat64()))
	}
	for _, v := range []float32{0, 1e-45, 0x1p-126, 11, 13.25, 15.6, 88, 89, 87.68, 88.376, 103, math.MaxFloat32, float32(math.Inf(1)), guard} {
		for _, s := range []float32{v, -v} {
			x = append(x, s, math.Nextafter32(s, 0), math.Nextafter32(s, float32(math.Inf(1))))
		}
	}
	return append(x, math.Float32frombits(0x7f800001), math.Float32frombits(0xff800fff)) // signalling NaN
}

func TestActivationAccuracy(t *testing.T) {
	input := activationInputs(rand.New(rand.NewPCG(1, 2)))
	for _, c := range activationCases {
		y := append([]float32(nil), input...)
		refActivate(c.kind, y, c.alpha)
		worst, at := 0.0, float32(0)
		for i, x := range input {
			got := y[i]
			if math.IsNaN(float64(x)) {
				if got == got {
					t.Fatalf("%s(NaN) = %v", c.name, got)
				}
				continue
			}
			if got == 0 && math.Signbit(float64(got)) {
				t.Fatalf("%s(%v) is -0", c.name, x)
			}
			want := c.f(float64(x))
			switch {
			case math.IsInf(float64(x), -1) && want != want: // -Inf*0 in float64; the limit is 0
				want = 0
			case math.Abs(want) > math.MaxFloat32:
				want = math.Copysign(math.Inf(1), want)
			}
			if float64(got) == want {
				continue
			}
			bound := max(c.absolute, c.relative*math.Abs(want))
			if e := math.Abs(float64(got)-want) / bound; !(e <= worst) {
				worst, at = e, x
			}
		}
		t.Logf("%-22s error %.2f of the bound, at %v", c.name, worst, at)
		if !(worst <= 1) {
			t.Errorf("%s(%v): error is %.2f of what is allowed", c.name, at, worst)
		}
	}
}

func TestActivationLimits(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		kind      Activation
		low, high float32
	}{
		{LeakyReLU, -inf, inf}, {ELU, -0.5, inf}, {SiLU, 0, inf}, {GELU, 0, inf}, {GELUTanh, 0, inf},
		{Tanh, -1, 1}, {Sigmoid, 0, 1}, {ScaledTanh, -1.7159, 1.7159},
	} {
		y := []float32{-inf, inf, 0, float32(math.Copysign(0, -1))}
		Activate(c.kind, y, 0.5)
		middle := float32(0)
		if c.kind == Sigmoid {
			middle = 0.5
		}
		for i, want := range []float32{c.low, c.high, middle, middle} {
			if math.Float32bits(y[i]) != math.Float32bits(want) {
				t.Errorf("activation %d, value %d: %v, want %v", c.kind, i, y[i], want)
			}
		}
	}
}

// Every implementation has the reference's bits at every length, and writes nothing
// else.
func TestActivationSameBits(t *testing.T) {
	input := activationInputs(rand.New(rand.NewPCG(3, 4)))
	same := func(t *testing.T, x, got, want []float32) {
		t.Helper()
		for i := range want {
			if a, b := math.Float32bits(got[i]), math.Float32bits(want[i]); a != b && (got[i] == got[i] || want[i] == want[i]) {
				t.Fatalf("at %v: %v, the reference gives %v", x[i], got[i], want[i])
			}
		}
	}
	for _, a := range activators {
		for _, c := range activationCases {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				want, got := append([]float32(nil), input...), append([]float32(nil), input...)
				refActivate(c.kind, want, c.alpha)
				a.activate(c.kind, got, c.alpha)
				same(t, input, got, want)
				rng := rand.New(rand.NewPCG(5, 6))
				for n := range maxLength {
					y, ok := operand(rng, n)
					before := append([]float32(nil), y...)
					want := append([]float32(nil), y...)
					refActivate(c.kind, want, c.alpha)
					a.activate(c.kind, y, c.alpha)
					same(t, before, y, want)
					if !ok() {
						t.Fatalf("%d values: wrote outside them", n)
					}
				}
			})
		}
	}
}

// The reference has these bits on every platform: a checksum of its results over all
// exponents.
func TestActivationChecksum(t *testing.T) {
	want := map[string]uint64{
		"leaky_relu":           0x43ad7b4ba6441a95,
		"leaky_relu, negative": 0x3f3efdcea19fcecd,
		"elu":                  0xa2f019f431260aa6,
		"elu, steep":           0x71923b77a3ffe38b,
		"silu":                 0x29b3be59fb648212,
		"gelu":                 0xf7d6f75527974e54,
		"gelu_tanh":            0x1d6a3d94652cd330,
		"tanh":                 0xdf574de13db18e6d,
		"sigmoid":              0x6857edd6f92efe29,
		"scaled_tanh":          0x90f17a63cddfcc4,
	}
	for _, c := range activationCases {
		sum := fnv.New64a()
		for bits := uint64(0); bits < 1<<32; bits += 199_933 {
			y := []float32{math.Float32frombits(uint32(bits))}
			if refActivate(c.kind, y, c.alpha); y[0] == y[0] {
				binary.Write(sum, binary.LittleEndian, y[0])
			}
		}
		if got := sum.Sum64(); got != want[c.name] {
			t.Errorf("%q: %#x,", c.name, got)
		}
	}
}

func TestActivationAllocatesNothing(t *testing.T) {
	y := make([]float32, 37)
	for _, c := range activationCases {
		if n := testing.AllocsPerRun(10, func() { Activate(c.kind, y, c.alpha) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func TestUnknownActivation(t *testing.T) {
	for _, a := range activators {
		for _, n := range []int{1, 16} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s of %d values: no panic", a.name, n)
					}
				}()
				a.activate(99, make([]float32, n), 0)
			}()
		}
	}
}

// BenchmarkActivate times the shapes of an ELM neuron of 54,002 parameters: 200
// hidden units and 100 memory units; one neuron and 100.
func BenchmarkActivate(b *testing.B) {
	for _, a := range activators {
		for _, c := range activationCases {
			for _, n := range []int{100, 200, 20000} {
				b.Run(fmt.Sprintf("%s/%s/%d", a.name, c.name, n), func(b *testing.B) {
					rng := rand.New(rand.NewPCG(1, 2))
					x, y := make([]float32, n), make([]float32, n)
					for i := range x {
						x[i] = float32(rng.NormFloat64())
					}
					for b.Loop() {
						copy(y, x)
						a.activate(c.kind, y, c.alpha)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/value")
				})
			}
		}
	}
}
