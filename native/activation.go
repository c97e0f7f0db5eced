package native

import "math"

// Activation is a function that a layer applies to each of its values.
type Activation int

// Activations beside ReLU, which each kernel set has of its own.
const (
	LeakyReLU  Activation = iota // x above 0, alpha*x below; -Inf gives NaN if alpha is 0
	ELU                          // x above 0, alpha*(exp(x)-1) below
	SiLU                         // x/(1+exp(-x))
	GELU                         // x/2*(1+erf(x/sqrt(2)))
	GELUTanh                     // x/2*(1+tanh(sqrt(2/pi)*(x+0.044715x^3)))
	Tanh                         // tanh(x)
	Sigmoid                      // 1/(1+exp(-x))
	ScaledTanh                   // 1.7159*tanh(2x/3) (LeCun et al. 1998, Efficient BackProp)
)

// Activate applies the activation to every value of y, with the same bits on every
// CPU: the vector kernels do the reference's float32 operations in the reference's
// order. alpha, finite, counts for LeakyReLU and ELU only. A NaN stays one, an
// infinity gives the limit, and no result is -0, as [Set.Gemm] needs it.
//
// The error is at most 2e-7 for Tanh, Sigmoid and ScaledTanh; at most 1e-6 of the
// result for ELU, SiLU and GELU, whose results under 1e-36 in size may become 0;
// and at most 2e-7 or 1e-6 of the result for GELUTanh.
func Activate(kind Activation, y []float32, alpha float32) {
	activators[len(activators)-1].activate(kind, y, alpha)
}

// activator is one implementation of Activate.
type activator struct {
	name     string
	activate func(kind Activation, y []float32, alpha float32)
}

// activators holds the implementations that this CPU can run, the fastest last. It
// does not change after the package is initialised.
var activators = []activator{{"reference", refActivate}}

// refActivate is the definition of Activate. _asm/activation writes the same
// functions for vectors.
func refActivate(kind Activation, y []float32, alpha float32) {
	switch kind {
	case LeakyReLU:
		for i, x := range y {
			y[i] = atLeast(x, 0) + float32(alpha*atMost(x, 0)) + 0
		}
	case ELU:
		for i, x := range y {
			y[i] = elu(x, alpha)
		}
	case SiLU:
		for i, x := range y {
			x = atLeast(x, -expMax)
			y[i] = x/(1+exp(atLeast(0-x, expMin))) + 0
		}
	case GELU:
		for i, x := range y {
			y[i] = gelu(x)
		}
	case GELUTanh:
		for i, x := range y {
			y[i] = geluTanh(x)
		}
	case Tanh:
		for i, x := range y {
			y[i] = tanh(x, tanhRate, 1)
		}
	case Sigmoid:
		for i, x := range y {
			y[i] = 1 / (1 + exp(atLeast(atMost(0-x, expMax), expMin)))
		}
	case ScaledTanh:
		for i, x := range y {
			y[i] = tanh(x, scaledTanhRate, scaledTanhSize)
		}
	default:
		panic("native: unknown activation")
	}
}

// atLeast and atMost keep a NaN, unlike a comparison the other way round, and are
// one instruction each.
func atLeast(x, low float32) float32 {
	if low > x {
		return low
	}
	return x
}

func atMost(x, high float32) float32 {
	if high < x {
		return high
	}
	return x
}

// Arguments of exp: from expMin on down its result is 0, from expMax on up +Inf.
const (
	expMin = -88
	expMax = 89
)

// Adding roundBias to a number under 2^21 rounds it to an integer k, and the sum's
// lowest eight bits hold k+127: the exponent of 2^k.
const roundBias = 1<<23 + 1<<22 + 127

// exponent returns k, the integer next to t, and 2^k, which is 0 at k = -127 and
// +Inf at k = 128, for k between these two.
func exponent(t float32) (k, power float32) {
	sum := t + roundBias
	return sum - roundBias, math.Float32frombits(math.Float32bits(sum) << 23)
}

// ln 2 in two parts, of which the first has nine bits: its product with k is exact.
const (
	log2E = 1.44269504
	ln2Hi = 0.693359375
	ln2Lo = -2.12194440e-4
)

// expm1Reduced returns exp(r)-1 for |r| <= ln(2)/2, within 1.1e-7 of exp(r): r plus
// a minimax polynomial. Here as below, polynomials are summed in pairs of terms
// (Estrin's scheme), which makes shorter chains of dependent operations than Horner's.
func expm1Reduced(r float32) float32 {
	const c2, c3, c4, c5 = 0x1.fffdfcp-2, 0x1.5557aep-3, 0x1.572a06p-5, 0x1.10627ap-7
	square := float32(r * r)
	q := float32((float32(c5*r)+c4)*square) + (float32(c3*r) + c2)
	return float32(q*square) + r
}

// exp returns exp(x) for expMin <= x <= expMax or NaN, within 2.5e-7 of it, or 0
// from about -87.7 on down and +Inf from about 88.4 on up. The argument is reduced
// as by Cody and Waite (1980).
func exp(x float32) float32 {
	k, power := exponent(float32(x * log2E))
	r := (x - float32(k*ln2Hi)) - float32(k*ln2Lo)
	return float32((expm1Reduced(r) + 1) * power)
}

func elu(x, alpha float32) float32 {
	low := atLeast(atMost(x, 0), expMin)
	k, power := exponent(float32(low * log2E))
	r := (low - float32(k*ln2Hi)) - float32(k*ln2Lo)
	// exp(x)-1 without a difference of close numbers.
	e := float32(power*expm1Reduced(r)) + (power - 1)
	return atLeast(x, 0) + float32(alpha*e) + 0
}

// geluTail is where the tail of GELU is below every normal float32.
const geluTail = 13.25

// gelu is max(x, 0) - a*P(a) with a = |x| and P(a) = erfc(a/sqrt(2))/2 = m(a)*exp(-a*a/2),
// where m varies slowly: a quotient of polynomials fitted to it has an error of 5e-9.
func gelu(x float32) float32 {
	const (
		n0, n1, n2, n3, n4     = 0.5, 0x1.be613cp-2, 0x1.73aa66p-3, 0x1.480502p-5, 0x1.080558p-8
		d0, d1, d2, d3, d4, d5 = 1, 0x1.ab72cep+0, 0x1.31f848p+0, 0x1.dbfc8ap-2, 0x1.9b2434p-4, 0x1.4ae58p-7
	)
	a := atMost(math.Float32frombits(math.Float32bits(x)&(1<<31-1)), geluTail)
	// The square's rounding error times 1/2 would be a relative error of the result. So
	// the square of a's upper 12 bits is exact, and what it lacks is added after the
	// argument of the exponential has been reduced.
	upper := math.Float32frombits(math.Float32bits(a) & 0xfffff000)
	z := float32(float32(upper*upper) * -0.5)
	rest := float32(float32((a-upper)*(a+upper)) * -0.5)
	k, power := exponent(float32((z + rest) * log2E))
	r := (z - float32(k*ln2Hi)) - float32(k*ln2Lo) + rest
	e := float32((expm1Reduced(r) + 1) * power)

	square := float32(a * a)
	n := float32((float32(n4*square)+(float32(n3*a)+n2))*square) + (float32(n1*a) + n0)
	d := float32((float32((float32(d5*a)+d4)*square)+(float32(d3*a)+d2))*square) + (float32(d1*a) + d0)
	return (atLeast(x, 0) - float32(float32(a*(n/d))*e)) + 0
}

// geluTanhTail is where the tail of GELUTanh is below every normal float32.
const geluTanhTail = 11

// geluTanh is x*sigmoid(2u) for x/2*(1+tanh(u)).
func geluTanh(x float32) float32 {
	const c1, c3 = 1.59576912, 0.0713548163 // 2*sqrt(2/pi), and that times 0.044715
	x = atLeast(x, -geluTanhTail)
	z := 0 - float32(x*(float32(float32(x*x)*c3)+c1))
	return x/(1+exp(atLeast(atMost(z, expMax), expMin))) + 0
}

// size*tanh(rate*ln(2)/2*x), see tanh.
const (
	tanhRate       = 2.88539008 // 2/ln(2)
	scaledTanhRate = 1.92359339 // 4/3/ln(2)
	scaledTanhSize = 1.7159
	tanhEnd        = 30 // 2^-30 beside 1 is nothing
)

// tanh is size - 2*size/(1+2^t) with t = rate*|x|, and then x's sign. The
// polynomial is minimax for 2^f-1, |f| <= 1/2; 1+2^t is summed so that small t lose
// no bits.
func tanh(x, rate, size float32) float32 {
	const c1, c2, c3, c4, c5, c6 = 0x1.62e43p-1, 0x1.ebfbdcp-3, 0x1.c6aee8p-5, 0x1.3b2d4ep-7, 0x1.5f3ec2p-10, 0x1.41fb74p-13
	bits := math.Float32bits(x)
	t := atMost(float32(math.Float32frombits(bits&(1<<31-1))*rate), tanhEnd)
	k, power := exponent(t)
	f := t - k
	square := float32(f * f)
	g := float32((float32((float32(c6*f)+c5)*square)+(float32(c4*f)+c3))*square) + (float32(c2*f) + c1)
	g = float32(g * f)
	y := size - (size+size)/((power+1)+float32(power*g))
	return math.Float32frombits(math.Float32bits(y)|bits&(1<<31)) + 0
}
