// Command activation writes ../../activation_amd64.s: the activations of
// ../../activation.go for AVX2 and for AVX-512. The functions here carry the names
// of the reference's and do the same operations in the same order: no fused
// multiply-add, no approximate reciprocals. Tests compare the bits.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is a width of vectors.
type isa struct {
	suffix string
	lanes  int
	// group is how many vectors go through a function side by side. Each alone is a
	// chain of dependent operations, longer than the CPU looks ahead for others.
	group  int
	vector func() VecVirtual
}

// is is the one in hand, alpha the kernel's argument.
var (
	is    isa
	alpha value
)

// value is a group of vectors, or one that stands for as many equal ones.
type value []VecVirtual

func main() {
	ConstraintExpr("!purego")
	for _, is = range []isa{{"AVX2", 8, 2, YMM}, {"AVX512", 16, 4, ZMM}} {
		kernel("leakyReLU", leakyReLU)
		kernel("elu", elu)
		kernel("silu", silu)
		kernel("gelu", gelu)
		kernel("geluTanh", geluTanh)
		kernel("tanh", func(x value) value { return tanh(x, 2.88539008, 1) })
		kernel("sigmoid", sigmoid)
		kernel("scaledTanh", func(x value) value { return tanh(x, 1.92359339, 1.7159) })
	}
	Generate()
}

// kernel writes one that applies f to n values: groups of vectors, then what is left
// over as one more group, through masks.
func kernel(name string, f func(x value) value) {
	TEXT(name+is.suffix, NOSPLIT, "func(n int, y *float32, alpha float32)")
	Pragma("noescape")
	n, y := Load(Param("n"), GP64()).(GPVirtual), Load(Param("y"), GP64()).(GPVirtual)
	m, err := Param("alpha").Resolve()
	if err != nil {
		panic(err)
	}
	alpha = value{is.vector()}
	VBROADCASTSS(m.Addr, alpha[0])
	step := uint32(is.group * is.lanes)
	at := func(i int) Mem { return Mem{Base: y, Disp: 4 * is.lanes * i} }

	SUBQ(U32(step), n)
	JL(LabelRef("rest"))
	Label("loop")
	var x value
	for i := range is.group {
		x = append(x, is.vector())
		VMOVUPS(at(i), x[i])
	}
	for i, v := range f(x) {
		VMOVUPS(v, at(i))
	}
	ADDQ(U32(4*step), y)
	SUBQ(U32(step), n)
	JGE(LabelRef("loop"))

	Label("rest")
	ADDQ(U32(step), n)
	JZ(LabelRef("end"))
	move := masked(n)
	x = nil
	for i := range is.group {
		x = append(x, is.vector())
		move(i, at(i), x[i])
	}
	for i, v := range f(x) {
		move(i, v, at(i))
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// masked returns a function that loads or stores vector i of a group of which only
// the first n values are there; a load has 0 for the others.
func masked(n GPVirtual) func(i int, from, to Op) {
	if is.lanes == 16 {
		bits := GP64()
		MOVQ(U32(1), bits)
		MOVQ(n, RCX)
		SHLQ(CL, bits)
		DECQ(bits) // as many ones as values
		var masks []OpmaskVirtual
		for range is.group {
			k := K()
			KMOVW(bits.As32(), k)
			SHRQ(Imm(16), bits)
			masks = append(masks, k)
		}
		return func(i int, from, to Op) {
			if _, load := from.(Mem); load {
				VMOVUPS_Z(from, masks[i], to)
			} else {
				VMOVUPS(from, masks[i], to)
			}
		}
	}
	// A window on as many ones as a group has values, and zeros after them.
	count := is.group * is.lanes
	window, offset := GP64(), GP64()
	LEAQ(maskTable(count), window)
	MOVQ(n, offset)
	NEGQ(offset)
	return func(i int, from, to Op) {
		mask := is.vector()
		VMOVUPS(Mem{Base: window, Index: offset, Scale: 4, Disp: 4 * (count + is.lanes*i)}, mask)
		VMASKMOVPS(from, mask, to)
	}
}

var masks Mem

func maskTable(count int) Mem {
	if masks.Symbol.Name == "" {
		masks = GLOBL("mask", RODATA|NOPTR)
		for i := range 2 * count {
			v := I32(0)
			if i < count {
				v = -1
			}
			DATA(4*i, v)
		}
	}
	return masks
}

const (
	expMin, expMax = -88, 89
	roundBias      = 1<<23 + 1<<22 + 127
	log2E          = 1.44269504
	ln2Hi          = 0.693359375
	ln2Lo          = -2.12194440e-4
)

func leakyReLU(x value) value {
	return add(add(atLeast(x, number(0)), mul(alpha, atMost(x, number(0)))), number(0))
}

func silu(x value) value {
	x = atLeast(x, number(-expMax))
	return add(div(x, add(exp(atLeast(sub(number(0), x), number(expMin))), number(1))), number(0))
}

func sigmoid(x value) value {
	z := atLeast(atMost(sub(number(0), x), number(expMax)), number(expMin))
	return div(number(1), add(exp(z), number(1)))
}

func exponent(t value) (k, power value) {
	sum := add(t, number(roundBias))
	return sub(sum, number(roundBias)), shift(sum, 23)
}

func reduce(x value) (r, power value) {
	k, power := exponent(mul(x, number(log2E)))
	return less(x, k), power
}

// less returns x - k*ln(2).
func less(x, k value) value {
	return sub(sub(x, mul(k, number(ln2Hi))), mul(k, number(ln2Lo)))
}

func expm1Reduced(r value) value {
	square := mul(r, r)
	q := add(mul(pair(r, 0x1.10627ap-7, 0x1.572a06p-5), square), pair(r, 0x1.5557aep-3, 0x1.fffdfcp-2))
	return add(mul(q, square), r)
}

func exp(x value) value {
	r, power := reduce(x)
	return mul(add(expm1Reduced(r), number(1)), power)
}

func elu(x value) value {
	r, power := reduce(atLeast(atMost(x, number(0)), number(expMin)))
	e := add(mul(power, expm1Reduced(r)), sub(power, number(1)))
	return add(add(atLeast(x, number(0)), mul(alpha, e)), number(0))
}

func gelu(x value) value {
	a := atMost(and(x, bits(1<<31-1)), number(13.25))
	upper := and(a, bits(0xfffff000))
	z := mul(mul(upper, upper), number(-0.5))
	rest := mul(mul(sub(a, upper), add(a, upper)), number(-0.5))
	k, power := exponent(mul(add(z, rest), number(log2E)))
	e := mul(add(expm1Reduced(add(less(z, k), rest)), number(1)), power)
	square := mul(a, a)
	n := mul(number(0x1.080558p-8), square)
	n = add(mul(add(n, pair(a, 0x1.480502p-5, 0x1.73aa66p-3)), square), pair(a, 0x1.be613cp-2, 0.5))
	d := mul(pair(a, 0x1.4ae58p-7, 0x1.9b2434p-4), square)
	d = add(mul(add(d, pair(a, 0x1.dbfc8ap-2, 0x1.31f848p+0)), square), pair(a, 0x1.ab72cep+0, 1))
	return add(sub(atLeast(x, number(0)), mul(mul(a, div(n, d)), e)), number(0))
}

func geluTanh(x value) value {
	x = atLeast(x, number(-11))
	z := sub(number(0), mul(x, add(mul(mul(x, x), number(0.0713548163)), number(1.59576912))))
	return add(div(x, add(exp(atLeast(atMost(z, number(expMax)), number(expMin))), number(1))), number(0))
}

func tanh(x value, rate, size float32) value {
	t := atMost(mul(and(x, bits(1<<31-1)), number(rate)), number(30))
	k, power := exponent(t)
	f := sub(t, k)
	square := mul(f, f)
	g := mul(pair(f, 0x1.41fb74p-13, 0x1.5f3ec2p-10), square)
	g = mul(add(g, pair(f, 0x1.3b2d4ep-7, 0x1.c6aee8p-5)), square)
	g = mul(add(g, pair(f, 0x1.ebfbdcp-3, 0x1.62e43p-1)), f)
	y := sub(number(size), div(number(size+size), add(add(power, number(1)), mul(power, g))))
	return add(or(y, and(x, bits(1<<31))), number(0))
}

// pair returns a*x + b.
func pair(x value, a, b float32) value { return add(mul(number(a), x), number(b)) }

var constants = map[uint32]Mem{}

// bits returns a vector whose lanes all hold v, loaded anew at each use: the
// arithmetic is the limit, and the registers would not do.
func bits(v uint32) value {
	if _, ok := constants[v]; !ok {
		constants[v] = ConstData(fmt.Sprintf("f32_%08x", v), U32(v))
	}
	r := is.vector()
	VBROADCASTSS(constants[v], r)
	return value{r}
}

func number(v float32) value { return bits(math.Float32bits(v)) }

// each applies an operation to two groups, in new registers.
func each(a, b value, op func(a, b, r VecVirtual)) value {
	var r value
	for i := range max(len(a), len(b)) {
		r = append(r, is.vector())
		op(a[i%len(a)], b[i%len(b)], r[i])
	}
	return r
}

func add(a, b value) value {
	return each(a, b, func(a, b, r VecVirtual) { VADDPS(b, a, r) })
}

func sub(a, b value) value {
	return each(a, b, func(a, b, r VecVirtual) { VSUBPS(b, a, r) })
}

func mul(a, b value) value {
	return each(a, b, func(a, b, r VecVirtual) { VMULPS(b, a, r) })
}

func div(a, b value) value {
	return each(a, b, func(a, b, r VecVirtual) { VDIVPS(b, a, r) })
}

// The instructions give the second source, here x, when one is NaN.

func atLeast(x, low value) value {
	return each(x, low, func(x, low, r VecVirtual) { VMAXPS(x, low, r) })
}

func atMost(x, high value) value {
	return each(x, high, func(x, high, r VecVirtual) { VMINPS(x, high, r) })
}

func and(a, b value) value {
	return each(a, b, func(a, b, r VecVirtual) {
		if is.lanes == 16 {
			VPANDD(b, a, r)
		} else {
			VPAND(b, a, r)
		}
	})
}

func or(a, b value) value {
	return each(a, b, func(a, b, r VecVirtual) {
		if is.lanes == 16 {
			VPORD(b, a, r)
		} else {
			VPOR(b, a, r)
		}
	})
}

func shift(a value, by uint64) value {
	return each(a, a, func(a, _, r VecVirtual) { VPSLLD(Imm(by), a, r) })
}
