package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func (s set) locate() {
	s.text("locate", 0, "n int, row *int32, frac, v *float64, low, per, last float64")
	n, row, frac, v, i := argument("n"), argument("row"), argument("frac"), argument("v"), GP64()
	low, per, last := s.broadcast("low"), s.broadcast("per"), s.broadcast("last")
	zero, unit := s.constant(0), s.constant(one)
	s.loop(n, i, func() {
		u := s.mul(s.sub(s.load(at(v, i)), low), per)
		// A NaN in the first source yields the second: zero.
		VMAXPD(zero, u, u)
		whole := s.vec()
		if s.wide == 8 {
			VRNDSCALEPD(Imm(3), u, whole)
		} else {
			VROUNDPD(Imm(3), u, whole)
		}
		VMINPD(last, whole, whole)
		f := s.sub(u, whole)
		VMINPD(unit, f, f)
		VMOVUPD(f, at(frac, i))
		// A row is four values wide.
		VADDPD(whole, whole, whole)
		VADDPD(whole, whole, whole)
		r := s.half()
		if s.wide == 8 {
			VCVTTPD2DQ(whole, r)
		} else {
			VCVTTPD2DQY(whole, r)
		}
		VMOVUPD(r, rowAt(row, i))
	})
}

// locateOctave takes rows and fractions from the bits of x: below the sign come
// the exponent and bits of the mantissa that number the rows, then the fraction.
func (s set) locateOctave() {
	s.text("locateOctave", 0, "n int, row *int32, frac, x *float64, low, high, below float64, first int")
	n, row, frac, x, i := argument("n"), argument("row"), argument("frac"), argument("x"), GP64()
	low, high, below, first := s.broadcast("low"), s.broadcast("high"), s.broadcast("below"), s.broadcast("first")
	const fractionBits = 42
	mask, exponent := s.constant(1<<fractionBits-1), s.constant(0x433<<52) // bits of 2^52
	scale, unit := s.constant((1023-fractionBits)<<52), s.constant(one)
	s.loop(n, i, func() {
		y := s.load(at(x, i))
		u, v := s.vec(), s.vec()
		VMAXPD(low, y, u) // low where y is NaN
		VMINPD(below, u, v)
		r := s.vec()
		VPSRLQ(Imm(fractionBits), v, r)
		f := s.vec()
		if s.wide == 8 {
			VPSUBQ(first, r, r)
			VPANDQ(mask, v, f)
			VPORQ(exponent, f, f)
		} else {
			VPSUBQ(first, r, r)
			VPAND(mask, v, f)
			VPOR(exponent, f, f)
		}
		f = s.mul(s.sub(f, exponent), scale)
		VPSLLQ(Imm(2), r, r) // a row is four values wide
		if s.wide == 8 {
			k := K()
			VCMPPD(Imm(13), high, u, k) // u >= high
			VMOVAPD(unit, k, f)
			h := YMM()
			VPMOVQD(r, h)
			VMOVUPD(h, rowAt(row, i))
		} else {
			k := YMM()
			VCMPPD(Imm(13), high, u, k)
			VBLENDVPD(k, unit, f, f)
			h, l := XMM(), XMM()
			VEXTRACTI128(Imm(1), r, h)
			VSHUFPS(Imm(0x88), h, r.AsX(), l)
			VMOVUPD(l, rowAt(row, i))
		}
		VMOVUPD(f, at(frac, i))
	})
}

// lookup is out = p + f*q with rows (p, q) of a table, which are half as wide as those that row counts.
func (s set) lookup() {
	s.text("lookup", 0, "n int, out *float64, row *int32, frac, table *float64")
	n, out, row, frac, table, i := argument("n"), argument("out"), argument("row"), argument("frac"), argument("table"), GP64()
	s.loop(n, i, func() {
		pair := func(element int) Mem {
			r := GP64()
			MOVL(Mem{Base: row, Index: i, Scale: 4, Disp: 4 * element}, r.As32())
			return Mem{Base: table, Index: r, Scale: 4}
		}
		// Even elements in one register, odd ones in the other.
		var y [2]VecVirtual
		for k := range y {
			var quarter [2]VecVirtual
			for h := range s.wide / 4 {
				low := XMM()
				VMOVUPD(pair(4*h+k), low)
				quarter[h] = YMM()
				VINSERTF128(Imm(1), pair(4*h+k+2), low.AsY(), quarter[h])
			}
			y[k] = quarter[0]
			if s.wide == 8 {
				y[k] = ZMM()
				VINSERTF64X4(Imm(1), quarter[1], quarter[0].AsZ(), y[k])
			}
		}
		p, q := s.vec(), s.vec()
		VUNPCKLPD(y[1], y[0], p)
		VUNPCKHPD(y[1], y[0], q)
		VMOVUPD(s.add(p, s.mul(s.load(at(frac, i)), q)), at(out, i))
	})
}

// flush zeroes what lies between -tiny and tiny.
func (s set) flush() {
	s.text("flush", 0, "n int, x *float64, tiny float64")
	n, x, i := argument("n"), argument("x"), GP64()
	tiny, magnitude := s.broadcast("tiny"), s.constant(1<<63-1)
	s.loop(n, i, func() {
		y, a := s.load(at(x, i)), s.vec()
		VANDPD(magnitude, y, a)
		if s.wide == 8 {
			k := K()
			VCMPPD(Imm(5), tiny, a, k) // not a < tiny
			VMOVAPD_Z(y, k, y)
		} else {
			VCMPPD(Imm(5), tiny, a, a)
			VANDPD(a, y, y)
		}
		VMOVUPD(y, at(x, i))
	})
}

func (s set) relax() {
	s.text("relax", 0, "n int, x *float64, row *int32, frac, table *float64")
	n, x, row, frac, table, i := argument("n"), argument("x"), argument("row"), argument("frac"), argument("table"), GP64()
	s.loop(n, i, func() {
		inf, fac := s.interpolate(row, table, i, s.load(at(frac, i)))
		v := s.load(at(x, i))
		VMOVUPD(s.add(v, s.mul(fac, s.sub(inf, v))), at(x, i))
	})
}

func (s set) extrapolate() {
	s.text("extrapolate", 0, "n int, v, half *float64")
	n, v, half, i := argument("n"), argument("v"), argument("half"), GP64()
	s.loop(n, i, func() {
		h := s.load(at(half, i))
		VMOVUPD(s.sub(s.add(h, h), s.load(at(v, i))), at(v, i))
	})
}

func (s set) synapse() {
	s.text("synapse", 0, "n int, d, rhs, a, b *float64, gmax, e, decA, decB float64")
	n, d, rhs, a, b, i := argument("n"), argument("d"), argument("rhs"), argument("a"), argument("b"), GP64()
	gmax, e, decA, decB := s.broadcast("gmax"), s.broadcast("e"), s.broadcast("decA"), s.broadcast("decB")
	s.loop(n, i, func() {
		ya, yb := s.load(at(a, i)), s.load(at(b, i))
		g := s.mul(gmax, s.sub(yb, ya))
		s.increase(at(d, i), g)
		s.increase(at(rhs, i), s.mul(g, e))
		VMOVUPD(s.mul(ya, decA), at(a, i))
		VMOVUPD(s.mul(yb, decB), at(b, i))
	})
}

func (s set) blockedSynapse() {
	s.text("blockedSynapse", 0, "n int, d, rhs, v *float64, row *int32, frac, a, b, table *float64, gmax, e, secant, decA, decB float64")
	n, d, rhs, v, row, frac := argument("n"), argument("d"), argument("rhs"), argument("v"), argument("row"), argument("frac")
	a, b, table, i := argument("a"), argument("b"), argument("table"), GP64()
	gmax, e, secant, decA, decB := s.broadcast("gmax"), s.broadcast("e"), s.broadcast("secant"), s.broadcast("decA"), s.broadcast("decB")
	s.loop(n, i, func() {
		ya, yb := s.load(at(a, i)), s.load(at(b, i))
		g := s.mul(gmax, s.sub(yb, ya))
		VMOVUPD(s.mul(ya, decA), at(a, i))
		VMOVUPD(s.mul(yb, decB), at(b, i))
		open, slope := s.interpolate(row, table, i, s.load(at(frac, i)))
		yv := s.load(at(v, i))
		drive := s.sub(yv, e)
		di := s.mul(g, s.add(open, s.mul(s.add(drive, secant), slope)))
		s.increase(at(d, i), di)
		// rhs += di*v - g*open*drive, as the reference rounds it.
		s.increase(at(rhs, i), s.sub(s.mul(di, yv), s.mul(s.mul(g, open), drive)))
	})
}

func (s set) base(lanes int) {
	s.text("base", lanes, "n int, d, rhs, v, d0, rhs0, cdt *float64")
	n, d, rhs, v, d0, rhs0, cdt, i := argument("n"), argument("d"), argument("rhs"), argument("v"), argument("d0"), argument("rhs0"), argument("cdt"), GP64()
	s.loop(n, i, func() {
		VMOVUPD(s.parameter(d0, i, lanes), at(d, i))
		VMOVUPD(s.add(s.parameter(rhs0, i, lanes), s.mul(s.parameter(cdt, i, lanes), s.load(at(v, i)))), at(rhs, i))
	})
}

// maxPower bounds the power of the first factor of a conductance in assembly; that of the
// second is at most one.
const maxPower = 4

// powers writes a loop for each pair of powers and a jump to the one asked for,
// p0 and p1; a branch inside a loop would cost as much as its arithmetic.
func (s set) powers(n, i, g, x0, x1 GPVirtual, lanes int, body func(c VecVirtual)) {
	p0, p1 := argument("p0"), argument("p1")
	LEAQ(Mem{Base: p0, Index: p1, Scale: 8}, p0)
	for p0is := range maxPower {
		for p1is := range 2 {
			CMPQ(p0, Imm(uint64(p0is+1+8*p1is)))
			JEQ(LabelRef(fmt.Sprintf("loop%d%d", p0is+1, p1is)))
		}
	}
	RET()
	for p0is := range maxPower {
		for p1is := range 2 {
			s.namedLoop(fmt.Sprintf("loop%d%d", p0is+1, p1is), n, i, func() {
				c := s.parameter(g, i, lanes)
				x := s.load(at(x0, i))
				for range p0is + 1 {
					c = s.mul(c, x)
				}
				if p1is == 1 {
					c = s.mul(c, s.load(at(x1, i)))
				}
				body(c)
			})
		}
	}
}

func (s set) ohmic(lanes int) {
	s.text("ohmic", lanes, "n int, d, rhs, gbar *float64, e float64, x0, x1 *float64, p0, p1 int")
	n, d, rhs, g, i := argument("n"), argument("d"), argument("rhs"), argument("gbar"), GP64()
	x0, x1 := argument("x0"), argument("x1")
	e := s.broadcast("e")
	s.powers(n, i, g, x0, x1, lanes, func(c VecVirtual) {
		s.increase(at(d, i), c)
		s.increase(at(rhs, i), s.mul(c, e))
	})
}

func (s set) calcium(lanes int) {
	s.text("calcium", lanes, "n int, d, rhs, ica, v, e, gbar, x0, x1 *float64, p0, p1 int")
	n, d, rhs, i := argument("n"), argument("d"), argument("rhs"), GP64()
	ica, v, e, g, x0, x1 := argument("ica"), argument("v"), argument("e"), argument("gbar"), argument("x0"), argument("x1")
	s.powers(n, i, g, x0, x1, lanes, func(c VecVirtual) {
		eca := s.load(at(e, i))
		s.increase(at(d, i), c)
		s.increase(at(rhs, i), s.mul(c, eca))
		s.increase(at(ica, i), s.mul(c, s.sub(s.load(at(v, i)), eca)))
	})
}

func (s set) pool(lanes int) {
	s.text("pool", lanes, "n int, cai, ica, perNA, decay, relax, minCai *float64")
	n, cai, ica, i := argument("n"), argument("cai"), argument("ica"), GP64()
	perNA, decay, relax, minCai := argument("perNA"), argument("decay"), argument("relax"), argument("minCai")
	s.loop(n, i, func() {
		influx := s.mul(s.mul(s.parameter(perNA, i, lanes), s.load(at(ica, i))), s.parameter(decay, i, lanes))
		target := s.add(influx, s.parameter(minCai, i, lanes))
		ca := s.load(at(cai, i))
		VMOVUPD(s.add(ca, s.mul(s.parameter(relax, i, lanes), s.sub(target, ca))), at(cai, i))
	})
}

// solve is the tree solver for as many cells side by side as a vector has elements. A branch is
// {row, parent int32; g float64}; the last one is the root, whose row is rootRow.
func (s set) solve() {
	s.text("solve", 0, "n int, branches *byte, d, rhs *float64, rootRow int")
	n, br, d, rhs, root := argument("n"), argument("branches"), argument("d"), argument("rhs"), argument("rootRow")
	unit := s.constant(one)
	shift := map[int]uint64{1: 3, 4: 5, 8: 6}[s.wide]
	end, p := GP64(), GP64()
	MOVQ(n, end)
	SHLQ(Imm(4), end)
	ADDQ(br, end)
	MOVQ(br, p)
	offsets := func() (row, parent GPVirtual) {
		row, parent = GP64(), GP64()
		MOVL(Mem{Base: p}, row.As32())
		MOVL(Mem{Base: p, Disp: 4}, parent.As32())
		SHLQ(Imm(shift), row)
		SHLQ(Imm(shift), parent)
		return row, parent
	}
	byteAt := func(base, off Register) Mem { return Mem{Base: base, Index: off, Scale: 1} }
	Label("down")
	CMPQ(p, end)
	JGE(LabelRef("root"))
	row, parent := offsets()
	g := s.spread(Mem{Base: p, Disp: 8})
	inv := s.vec()
	VDIVPD(s.load(byteAt(d, row)), unit, inv)
	f := s.mul(g, inv)
	r := s.load(byteAt(rhs, row))
	s.store(s.sub(s.load(byteAt(d, parent)), s.mul(f, g)), byteAt(d, parent))
	s.increase(byteAt(rhs, parent), s.mul(f, r))
	s.store(f, byteAt(d, row))
	s.store(s.mul(r, inv), byteAt(rhs, row))
	ADDQ(Imm(16), p)
	JMP(LabelRef("down"))
	Label("root")
	SHLQ(Imm(shift), root)
	q := s.vec()
	VDIVPD(s.load(byteAt(d, root)), s.load(byteAt(rhs, root)), q)
	s.store(q, byteAt(rhs, root))
	Label("up")
	SUBQ(Imm(16), p)
	CMPQ(p, br)
	JLT(LabelRef("done"))
	row, parent = offsets()
	s.increase(byteAt(rhs, row), s.mul(s.load(byteAt(d, row)), s.load(byteAt(rhs, parent))))
	JMP(LabelRef("up"))
	Label("done")
	VZEROUPPER()
	RET()
}
