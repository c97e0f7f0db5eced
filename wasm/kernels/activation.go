package kernels

import (
	"fmt"
	"math"

	"understudy/native"
	"understudy/wasm/module"
)

// Activate writes native.Activate of one kind for n values: float32 operations in the order in
// which native/activation.go, which explains them, does them.
func Activate(f *module.Func, kind native.Activation, y, n, alpha module.Local) {
	e := &activator{emitter: emitter{f}}
	y, n = e.CopyOf(y), e.CopyOf(n)
	if kind == native.LeakyReLU || kind == native.ELU {
		e.alpha = e.local(module.V128, func() { e.Get(alpha); e.Op("f32x4.splat") })
	}
	x := e.Local(module.V128)
	e.parts(n, func(p part) {
		e.set(x, func() { e.load(p, y, 0) })
		e.store(p, y, 0, e.apply(kind, x))
		e.Advance(y, 4*int(p))
	})
}

// activator writes expressions of vectors of float32, each in a new local variable.
type activator struct {
	emitter
	alpha module.Local
}

func (e *activator) op(name string, operands ...module.Local) module.Local {
	return e.local(module.V128, func() { e.Get(operands...); e.Op(name) })
}

func (e *activator) add(a, b module.Local) module.Local { return e.op("f32x4.add", a, b) }
func (e *activator) sub(a, b module.Local) module.Local { return e.op("f32x4.sub", a, b) }
func (e *activator) mul(a, b module.Local) module.Local { return e.op("f32x4.mul", a, b) }
func (e *activator) div(a, b module.Local) module.Local { return e.op("f32x4.div", a, b) }

func (e *activator) bits(v uint32) module.Local {
	return e.local(module.V128, func() { e.V128([4]uint32{v, v, v, v}) })
}

func (e *activator) c(v float32) module.Local { return e.bits(math.Float32bits(v)) }

// atLeast and atMost keep a NaN in x.
func (e *activator) atLeast(x module.Local, low float32) module.Local {
	return e.op("f32x4.pmax", x, e.c(low))
}

func (e *activator) atMost(x module.Local, high float32) module.Local {
	return e.op("f32x4.pmin", x, e.c(high))
}

func (e *activator) absolute(x module.Local) module.Local {
	return e.op("v128.and", x, e.bits(1<<31-1))
}

// positive is x+0: not -0.
func (e *activator) positive(x module.Local) module.Local { return e.add(x, e.c(0)) }

func (e *activator) negative(x module.Local) module.Local { return e.sub(e.c(0), x) }

// poly is the polynomial with these coefficients, the constant first, by Estrin's scheme: as native
// writes it for up to six of them.
func (e *activator) poly(x, square module.Local, c ...float32) module.Local {
	var pairs []module.Local
	for len(c) > 1 {
		pairs = append(pairs, e.add(e.mul(e.c(c[1]), x), e.c(c[0])))
		c = c[2:]
	}
	for _, v := range c {
		pairs = append(pairs, e.c(v))
	}
	v := pairs[len(pairs)-1]
	for i := len(pairs) - 2; i >= 0; i-- {
		v = e.add(e.mul(v, square), pairs[i])
	}
	return v
}

const (
	expMin         = -88
	expMax         = 89
	roundBias      = 1<<23 + 1<<22 + 127
	log2E          = 1.44269504
	ln2Hi          = 0.693359375
	ln2Lo          = -2.12194440e-4
	geluTail       = 13.25
	geluTanhTail   = 11
	tanhRate       = 2.88539008
	scaledTanhRate = 1.92359339
	scaledTanhSize = 1.7159
	tanhEnd        = 30
)

func (e *activator) exponent(t module.Local) (k, power module.Local) {
	sum := e.add(t, e.c(roundBias))
	power = e.local(module.V128, func() { e.Get(sum); e.I32(23); e.Op("i32x4.shl") })
	return e.sub(sum, e.c(roundBias)), power
}

func (e *activator) expm1Reduced(r module.Local) module.Local {
	square := e.mul(r, r)
	q := e.poly(r, square, 0x1.fffdfcp-2, 0x1.5557aep-3, 0x1.572a06p-5, 0x1.10627ap-7)
	return e.add(e.mul(q, square), r)
}

// reduced is x - k*ln(2).
func (e *activator) reduced(x, k module.Local) module.Local {
	return e.sub(e.sub(x, e.mul(k, e.c(ln2Hi))), e.mul(k, e.c(ln2Lo)))
}

func (e *activator) exp(x module.Local) module.Local {
	k, power := e.exponent(e.mul(x, e.c(log2E)))
	return e.mul(e.add(e.expm1Reduced(e.reduced(x, k)), e.c(1)), power)
}

func (e *activator) apply(kind native.Activation, x module.Local) module.Local {
	switch kind {
	case native.LeakyReLU:
		return e.positive(e.add(e.atLeast(x, 0), e.mul(e.alpha, e.atMost(x, 0))))
	case native.ELU:
		low := e.atLeast(e.atMost(x, 0), expMin)
		k, power := e.exponent(e.mul(low, e.c(log2E)))
		m := e.add(e.mul(power, e.expm1Reduced(e.reduced(low, k))), e.sub(power, e.c(1)))
		return e.positive(e.add(e.atLeast(x, 0), e.mul(e.alpha, m)))
	case native.SiLU:
		x = e.atLeast(x, -expMax)
		return e.positive(e.div(x, e.add(e.c(1), e.exp(e.atLeast(e.negative(x), expMin)))))
	case native.GELU:
		return e.gelu(x)
	case native.GELUTanh:
		x = e.atLeast(x, -geluTanhTail)
		z := e.negative(e.mul(x, e.add(e.mul(e.mul(x, x), e.c(0.0713548163)), e.c(1.59576912))))
		return e.positive(e.div(x, e.add(e.c(1), e.exp(e.atLeast(e.atMost(z, expMax), expMin)))))
	case native.Tanh:
		return e.tanh(x, tanhRate, 1)
	case native.Sigmoid:
		return e.div(e.c(1), e.add(e.c(1), e.exp(e.atLeast(e.atMost(e.negative(x), expMax), expMin))))
	case native.ScaledTanh:
		return e.tanh(x, scaledTanhRate, scaledTanhSize)
	}
	panic(fmt.Sprintf("kernels: unknown activation %d", kind))
}

func (e *activator) gelu(x module.Local) module.Local {
	a := e.atMost(e.absolute(x), geluTail)
	upper := e.op("v128.and", a, e.bits(0xfffff000))
	z := e.mul(e.mul(upper, upper), e.c(-0.5))
	rest := e.mul(e.mul(e.sub(a, upper), e.add(a, upper)), e.c(-0.5))
	k, power := e.exponent(e.mul(e.add(z, rest), e.c(log2E)))
	tail := e.mul(e.add(e.expm1Reduced(e.add(e.reduced(z, k), rest)), e.c(1)), power)
	square := e.mul(a, a)
	n := e.poly(a, square, 0.5, 0x1.be613cp-2, 0x1.73aa66p-3, 0x1.480502p-5, 0x1.080558p-8)
	d := e.poly(a, square, 1, 0x1.ab72cep+0, 0x1.31f848p+0, 0x1.dbfc8ap-2, 0x1.9b2434p-4, 0x1.4ae58p-7)
	return e.positive(e.sub(e.atLeast(x, 0), e.mul(e.mul(a, e.div(n, d)), tail)))
}

func (e *activator) tanh(x module.Local, rate, size float32) module.Local {
	t := e.atMost(e.mul(e.absolute(x), e.c(rate)), tanhEnd)
	k, power := e.exponent(t)
	r := e.sub(t, k)
	g := e.poly(r, e.mul(r, r), 0x1.62e43p-1, 0x1.ebfbdcp-3, 0x1.c6aee8p-5, 0x1.3b2d4ep-7, 0x1.5f3ec2p-10, 0x1.41fb74p-13)
	g = e.mul(g, r)
	y := e.sub(e.c(size), e.div(e.c(size+size), e.add(e.add(power, e.c(1)), e.mul(power, g))))
	return e.positive(e.op("v128.or", y, e.op("v128.and", x, e.bits(1<<31))))
}
