// Command asm writes ../cable_amd64.s: the AVX2 kernels of the cable solver.
// It has its own module so that the generator is no dependency of understudy.
//
// Every kernel rounds after each multiplication and addition, in the order of its reference loop, so
// that it gives the same bits; fused multiply-add is left out for that reason.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	relax()
	locateVoltage()
	ohmic("ohmic1", 1, false)
	ohmic("ohmic31", 3, true)
	calcium()
	extrapolate()
	synapse()
	blockedSynapse()
	solve()
	Generate()
}

// loop runs body for n/4 groups of four elements; i counts elements.
func loop(n, i GPVirtual, label string, body func()) {
	XORQ(i, i)
	Label(label)
	CMPQ(i, n)
	JGE(LabelRef(label + "_end"))
	body()
	ADDQ(Imm(4), i)
	JMP(LabelRef(label))
	Label(label + "_end")
	VZEROUPPER()
	RET()
}

func at(base, i Register) Mem { return Mem{Base: base, Index: i, Scale: 8} }

func load(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

func broadcast(name string) VecVirtual {
	y := YMM()
	m, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(m.Addr, y)
	return y
}

func yload(m Mem) VecVirtual { y := YMM(); VMOVUPD(m, y); return y }

// sub returns a - b, mul a * b, add a + b, in new registers.
func sub(a, b Op) VecVirtual { y := YMM(); VSUBPD(b, a, y); return y }
func mul(a, b Op) VecVirtual { y := YMM(); VMULPD(b, a, y); return y }
func add(a, b Op) VecVirtual { y := YMM(); VADDPD(b, a, y); return y }

// gather loads table rows (p, q) at rows row[i..i+3] and at the rows after them,
// and interpolates: p0 + f*(p1-p0) and q0 + f*(q1-q0).
func gather(row, table, i GPVirtual, f VecVirtual) (p, q VecVirtual) {
	var y [4]VecVirtual
	for l := range y {
		r := GP64()
		MOVLQSX(Mem{Base: row, Index: i, Scale: 4, Disp: 4 * l}, r)
		SHLQ(Imm(4), r)
		y[l] = yload(Mem{Base: table, Index: r, Scale: 1})
	}
	unpack := func(op func(...Op), a, b VecVirtual) VecVirtual { d := YMM(); op(b, a, d); return d }
	lo := func(ops ...Op) { VUNPCKLPD(ops[0], ops[1], ops[2]) }
	hi := func(ops ...Op) { VUNPCKHPD(ops[0], ops[1], ops[2]) }
	p01, q01 := unpack(lo, y[0], y[1]), unpack(hi, y[0], y[1])
	p23, q23 := unpack(lo, y[2], y[3]), unpack(hi, y[2], y[3])
	half := func(imm uint8, a, b VecVirtual) VecVirtual {
		d := YMM()
		VPERM2F128(Imm(uint64(imm)), b, a, d)
		return d
	}
	p0, p1 := half(0x20, p01, p23), half(0x31, p01, p23)
	q0, q1 := half(0x20, q01, q23), half(0x31, q01, q23)
	p = add(p0, mul(f, sub(p1, p0)))
	q = add(q0, mul(f, sub(q1, q0)))
	return p, q
}

func relax() {
	TEXT("relaxAVX2", NOSPLIT, "func(n int, x *float64, row *int32, frac, table *float64)")
	Pragma("noescape")
	n, x, row, frac, table, i := load("n"), load("x"), load("row"), load("frac"), load("table"), GP64()
	loop(n, i, "relax", func() {
		inf, fac := gather(row, table, i, yload(at(frac, i)))
		v := yload(at(x, i))
		VMOVUPD(add(v, mul(fac, sub(inf, v))), at(x, i))
	})
}

func locateVoltage() {
	TEXT("locateVoltageAVX2", NOSPLIT, "func(n int, row *int32, frac, v *float64, low, per, last float64)")
	Pragma("noescape")
	n, row, frac, v, i := load("n"), load("row"), load("frac"), load("v"), GP64()
	low, per, last := broadcast("low"), broadcast("per"), broadcast("last")
	zero, one := YMM(), YMM()
	VXORPD(zero, zero, zero)
	g := GP64()
	MOVQ(Imm(0x3ff0000000000000), g)
	x := XMM()
	VMOVQ(g, x)
	VBROADCASTSD(x, one)
	loop(n, i, "locate", func() {
		u := mul(sub(yload(at(v, i)), low), per)
		// A NaN in the first source yields the second: zero.
		VMAXPD(zero, u, u)
		whole := YMM()
		VROUNDPD(Imm(3), u, whole)
		VMINPD(last, whole, whole)
		f := sub(u, whole)
		VMINPD(one, f, f)
		VMOVUPD(f, at(frac, i))
		r := XMM()
		VCVTTPD2DQY(whole, r)
		VMOVDQU(r, Mem{Base: row, Index: i, Scale: 4})
	})
}

// ohmic is d += c, rhs += c*e with c = g * x0^power [* x1].
func ohmic(name string, power int, second bool) {
	TEXT(name+"AVX2", NOSPLIT, "func(n int, d, rhs, gbar *float64, e float64, x0, x1 *float64)")
	Pragma("noescape")
	n, d, rhs, g, i := load("n"), load("d"), load("rhs"), load("gbar"), GP64()
	x0, x1 := load("x0"), load("x1")
	e := broadcast("e")
	loop(n, i, name, func() {
		c := yload(at(g, i))
		x := yload(at(x0, i))
		for range power {
			c = mul(c, x)
		}
		if second {
			c = mul(c, yload(at(x1, i)))
		}
		VMOVUPD(add(yload(at(d, i)), c), at(d, i))
		VMOVUPD(add(yload(at(rhs, i)), mul(c, e)), at(rhs, i))
	})
}

func calcium() {
	TEXT("calcium21AVX2", NOSPLIT, "func(n int, d, rhs, ica, v, eca, gbar, x0, x1 *float64)")
	Pragma("noescape")
	n, d, rhs, i := load("n"), load("d"), load("rhs"), GP64()
	ica, v, eca, g, x0, x1 := load("ica"), load("v"), load("eca"), load("gbar"), load("x0"), load("x1")
	loop(n, i, "calcium", func() {
		x := yload(at(x0, i))
		c := mul(mul(mul(yload(at(g, i)), x), x), yload(at(x1, i)))
		e := yload(at(eca, i))
		VMOVUPD(add(yload(at(d, i)), c), at(d, i))
		VMOVUPD(add(yload(at(rhs, i)), mul(c, e)), at(rhs, i))
		VMOVUPD(add(yload(at(ica, i)), mul(c, sub(yload(at(v, i)), e))), at(ica, i))
	})
}

func extrapolate() {
	TEXT("extrapolateAVX2", NOSPLIT, "func(n int, v, half *float64)")
	Pragma("noescape")
	n, v, half, i := load("n"), load("v"), load("half"), GP64()
	loop(n, i, "extrapolate", func() {
		h := yload(at(half, i))
		VMOVUPD(sub(add(h, h), yload(at(v, i))), at(v, i))
	})
}

func synapse() {
	TEXT("synapseAVX2", NOSPLIT, "func(n int, d, rhs, a, b *float64, gmax, e, decA, decB float64)")
	Pragma("noescape")
	n, d, rhs, a, b, i := load("n"), load("d"), load("rhs"), load("a"), load("b"), GP64()
	gmax, e, decA, decB := broadcast("gmax"), broadcast("e"), broadcast("decA"), broadcast("decB")
	loop(n, i, "synapse", func() {
		ya, yb := yload(at(a, i)), yload(at(b, i))
		g := mul(gmax, sub(yb, ya))
		VMOVUPD(add(yload(at(d, i)), g), at(d, i))
		VMOVUPD(add(yload(at(rhs, i)), mul(g, e)), at(rhs, i))
		VMOVUPD(mul(ya, decA), at(a, i))
		VMOVUPD(mul(yb, decB), at(b, i))
	})
}

func blockedSynapse() {
	TEXT("blockedSynapseAVX2", NOSPLIT, "func(n int, d, rhs, v *float64, row *int32, frac, a, b, table *float64, gmax, e, secant, decA, decB float64)")
	Pragma("noescape")
	n, d, rhs, v, row, frac := load("n"), load("d"), load("rhs"), load("v"), load("row"), load("frac")
	a, b, table, i := load("a"), load("b"), load("table"), GP64()
	gmax, e, secant, decA, decB := broadcast("gmax"), broadcast("e"), broadcast("secant"), broadcast("decA"), broadcast("decB")
	loop(n, i, "blocked", func() {
		ya, yb := yload(at(a, i)), yload(at(b, i))
		g := mul(gmax, sub(yb, ya))
		VMOVUPD(mul(ya, decA), at(a, i))
		VMOVUPD(mul(yb, decB), at(b, i))
		open, slope := gather(row, table, i, yload(at(frac, i)))
		yv := yload(at(v, i))
		drive := sub(yv, e)
		di := mul(g, add(open, mul(add(drive, secant), slope)))
		VMOVUPD(add(yload(at(d, i)), di), at(d, i))
		// rhs += di*v - g*open*drive, as the reference rounds it.
		VMOVUPD(add(yload(at(rhs, i)), sub(mul(di, yv), mul(mul(g, open), drive))), at(rhs, i))
	})
}

// solve is the tree solver for four lanes. A branch is {row, parent int32; g float64};
// the last one is the root, whose row is rootRow.
func solve() {
	TEXT("solve4AVX2", NOSPLIT, "func(n int, branches *byte, d, rhs *float64, rootRow int)")
	Pragma("noescape")
	n, br, d, rhs, root := load("n"), load("branches"), load("d"), load("rhs"), load("rootRow")
	one := YMM()
	c := GP64()
	MOVQ(Imm(0x3ff0000000000000), c)
	x := XMM()
	VMOVQ(c, x)
	VBROADCASTSD(x, one)
	end := GP64()
	MOVQ(n, end)
	SHLQ(Imm(4), end)
	ADDQ(br, end)
	p := GP64()
	MOVQ(br, p)
	offsets := func() (row, parent GPVirtual) {
		row, parent = GP64(), GP64()
		MOVLQSX(Mem{Base: p}, row)
		MOVLQSX(Mem{Base: p, Disp: 4}, parent)
		SHLQ(Imm(5), row)
		SHLQ(Imm(5), parent)
		return row, parent
	}
	byteAt := func(base, off Register) Mem { return Mem{Base: base, Index: off, Scale: 1} }
	Label("down")
	CMPQ(p, end)
	JGE(LabelRef("root"))
	row, parent := offsets()
	g := YMM()
	VBROADCASTSD(Mem{Base: p, Disp: 8}, g)
	inv := YMM()
	VDIVPD(yloadAt(d, row), one, inv)
	f := mul(g, inv)
	r := yload(byteAt(rhs, row))
	VMOVUPD(sub(yload(byteAt(d, parent)), mul(f, g)), byteAt(d, parent))
	VMOVUPD(add(yload(byteAt(rhs, parent)), mul(f, r)), byteAt(rhs, parent))
	VMOVUPD(f, byteAt(d, row))
	VMOVUPD(mul(r, inv), byteAt(rhs, row))
	ADDQ(Imm(16), p)
	JMP(LabelRef("down"))
	Label("root")
	SHLQ(Imm(5), root)
	rr := yload(byteAt(rhs, root))
	q := YMM()
	VDIVPD(yloadAt(d, root), rr, q)
	VMOVUPD(q, byteAt(rhs, root))
	Label("up")
	SUBQ(Imm(16), p)
	CMPQ(p, br)
	JLT(LabelRef("done"))
	row, parent = offsets()
	VMOVUPD(add(yload(byteAt(rhs, row)), mul(yload(byteAt(d, row)), yload(byteAt(rhs, parent)))), byteAt(rhs, row))
	JMP(LabelRef("up"))
	Label("done")
	VZEROUPPER()
	RET()
}

func yloadAt(base, off Register) VecVirtual { return yload(Mem{Base: base, Index: off, Scale: 1}) }
