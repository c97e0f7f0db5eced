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
	zero, unit, eight := s.constant(0), s.constant(one), s.constant((1023+3)<<52)
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
		whole = s.mul(whole, eight)
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
		VPSLLQ(Imm(3), r, r) // eight a row
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

// lookup is out = p + f*q with rows (p, q) of a table.
func (s set) lookup() {
	s.text("lookup", 0, "n int, out *float64, row *int32, frac, table *float64")
	n, out, row, frac, table, i := argument("n"), argument("out"), argument("row"), argument("frac"), argument("table"), GP64()
	s.loop(n, i, func() {
		pair := func(element int) Mem {
			r := GP64()
			MOVL(Mem{Base: row, Index: i, Scale: 4, Disp: 4 * element}, r.As32())
			return Mem{Base: table, Index: r, Scale: 2}
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
		inf, fac := s.interpolate(row, table, i, 0, s.load(at(frac, i)))
		v := s.load(at(x, i))
		VMOVUPD(s.add(v, s.mul(fac, s.sub(inf, v))), at(x, i))
	})
}

// relaxFour is relax of four gates, x, x+stride and so on. It interpolates all values of an element at
// once, for which they lie side by side in the table, and transposes the results
// of a vector of elements: half the loads of relax and a quarter less arithmetic.
func (s set) relaxFour() {
	s.text("relaxFour", 0, "n, stride int, x *float64, row *int32, frac, table *float64")
	n, stride, row, frac, table, i := argument("n"), argument("stride"), argument("row"), argument("frac"), argument("table"), GP64()
	x := [4]GPVirtual{argument("x")}
	for k := 1; k < 4; k++ {
		x[k] = GP64()
		LEAQ(Mem{Base: x[k-1], Index: stride, Scale: 8}, x[k])
	}
	// values returns part of the four inf and four fac of an element.
	values := func(element, part int) VecVirtual {
		r := GP64()
		MOVL(Mem{Base: row, Index: i, Scale: 4, Disp: 4 * element}, r.As32())
		SHLQ(Imm(1), r)
		here := Mem{Base: table, Index: r, Scale: 8, Disp: 32 * part}
		next := here
		next.Disp += 64
		f := s.spread(Mem{Base: frac, Index: i, Scale: 8, Disp: 8 * element})
		return s.add(s.mul(f, next), here)
	}
	s.loop(n, i, func() {
		var inf, fac [4]VecVirtual
		if s.wide == 8 {
			var y [8]VecVirtual
			for k := range y {
				y[k] = values(k, 0)
			}
			inf, fac = transposeEight(y)
			for k := range x {
				v := s.load(at(x[k], i))
				VMOVUPD(s.add(v, s.mul(fac[k], s.sub(inf[k], v))), at(x[k], i))
			}
			return
		}
		var y [4]VecVirtual
		for k := range y {
			y[k] = values(k, 0)
		}
		inf = transposeFour(y)
		for k := range x {
			inf[k] = s.sub(inf[k], s.load(at(x[k], i)))
		}
		for k := range y {
			y[k] = values(k, 1)
		}
		fac = transposeFour(y)
		for k := range x {
			VMOVUPD(s.add(s.load(at(x[k], i)), s.mul(fac[k], inf[k])), at(x[k], i))
		}
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

// Offsets of the fields of a Synapse and its size.
const (
	synapseGmax, synapseE, synapseSecant, synapseDecA, synapseDecB = 0, 8, 16, 24, 32
	synapseA, synapseB, synapseTable                               = 40, 48, 56
	synapseSize                                                    = 80
)

// synapses goes through the list of synapses like currents.
func (s set) synapses() {
	s.text("synapses", 0, "n int, d, rhs, v *float64, row *int32, frac, states *float64, list *byte, size int")
	n, d, rhs, v := argument("n"), argument("d"), argument("rhs"), argument("v")
	row, frac, states, end, i := argument("row"), argument("frac"), argument("states"), argument("size"), GP64()
	ADDQ(place("list"), end)
	XORQ(i, i)
	op, a, b := GP64(), GP64(), GP64()
	field := func(offset int) Mem { return Mem{Base: op, Disp: offset} }
	for _, vectors := range []int{2, 1} {
		label := func(name string) string { return fmt.Sprintf("%s%d", name, vectors) }
		each := func(f func(k int)) {
			for k := range vectors {
				f(k)
			}
		}
		here := func(base, index Register, k int) Mem {
			return Mem{Base: base, Index: index, Scale: 8, Disp: 8 * s.wide * k}
		}
		Label(label("vector"))
		LEAQ(Mem{Base: i, Disp: s.wide * vectors}, a)
		CMPQ(a, n)
		JGT(LabelRef(label("end")))
		var yd, yr, g [2]VecVirtual
		each(func(k int) { yd[k], yr[k], g[k] = s.load(here(d, i, k)), s.load(here(rhs, i, k)), s.vec() })
		Load(Param("list"), op)
		Label(label("synapse"))
		MOVQ(field(synapseA), a)
		MOVQ(field(synapseB), b)
		gmax, decA, decB := s.spread(field(synapseGmax)), s.spread(field(synapseDecA)), s.spread(field(synapseDecB))
		each(func(k int) {
			ya, yb := s.load(here(states, a, k)), s.load(here(states, b, k))
			VMULPD(s.sub(yb, ya), gmax, g[k])
			VMOVUPD(s.mul(ya, decA), here(states, a, k))
			VMOVUPD(s.mul(yb, decB), here(states, b, k))
		})
		e, table := s.spread(field(synapseE)), a
		MOVQ(field(synapseTable), table)
		TESTQ(table, table)
		JNE(LabelRef(label("blocked")))
		each(func(k int) {
			VADDPD(g[k], yd[k], yd[k])
			VADDPD(s.mul(g[k], e), yr[k], yr[k])
		})
		Label(label("next"))
		ADDQ(Imm(synapseSize), op)
		CMPQ(op, end)
		JLT(LabelRef(label("synapse")))
		each(func(k int) {
			VMOVUPD(yd[k], here(d, i, k))
			VMOVUPD(yr[k], here(rhs, i, k))
		})
		ADDQ(Imm(uint64(s.wide*vectors)), i)
		ADDQ(Imm(uint64(8*s.wide*vectors)), states)
		JMP(LabelRef(label("vector")))
		Label(label("blocked"))
		each(func(k int) {
			open, slope := s.interpolate(row, table, i, k*s.wide, s.load(here(frac, i, k)))
			yv := s.load(here(v, i, k))
			drive := s.sub(yv, e)
			di := s.mul(g[k], s.add(open, s.mul(s.add(drive, s.spread(field(synapseSecant))), slope)))
			VADDPD(di, yd[k], yd[k])
			// rhs += di*v - g*open*drive, as the reference rounds it.
			VADDPD(s.sub(s.mul(di, yv), s.mul(s.mul(g[k], open), drive)), yr[k], yr[k])
		})
		JMP(LabelRef(label("next")))
		Label(label("end"))
	}
	VZEROUPPER()
	RET()
}

func (s set) base(lanes int) {
	s.text("base", lanes, "n int, d, rhs, v, d0, rhs0, cdt *float64")
	n, d, rhs, v, d0, rhs0, cdt, i := argument("n"), argument("d"), argument("rhs"), argument("v"), argument("d0"), argument("rhs0"), argument("cdt"), GP64()
	s.loop(n, i, func() {
		VMOVUPD(s.parameter(d0, i, lanes), at(d, i))
		VMOVUPD(s.add(s.parameter(rhs0, i, lanes), s.mul(s.parameter(cdt, i, lanes), s.load(at(v, i)))), at(rhs, i))
	})
}

// Offsets of the fields of a Current and its size.
const (
	currentE, currentG, currentX0, currentX1 = 0, 8, 16, 24
	currentP0, currentP1, currentCalcium     = 32, 40, 48
	currentSize                              = 56
)

// maxPower bounds the power of the first factor of a conductance in assembly; that of the
// second is at most one.
const maxPower = 4

// currents goes through the list of currents for a vector, or for two, while d, rhs and ica are in registers. Its branches
// are the same for every vector, so that the CPU foresees them.
func (s set) currents(lanes int) {
	s.text("currents", lanes, "n int, d, rhs, v, d0, rhs0, cdt, eca, ica, gbar, x *float64, list *byte, size int")
	n, d, rhs, v, eca, ica := argument("n"), argument("d"), argument("rhs"), argument("v"), argument("eca"), argument("ica")
	g, x, end, i := argument("gbar"), argument("x"), argument("size"), GP64()
	ADDQ(place("list"), end)
	XORQ(i, i)
	op, off, off1 := GP64(), GP64(), GP64()
	field := func(offset int) Mem { return Mem{Base: op, Disp: offset} }
	for _, vectors := range []int{2, 1} {
		label := func(name string) string { return fmt.Sprintf("%s%d", name, vectors) }
		each := func(f func(k int)) {
			for k := range vectors {
				f(k)
			}
		}
		here := func(base Register, k int) Mem { return Mem{Base: base, Index: i, Scale: 8, Disp: 8 * s.wide * k} }
		Label(label("vector"))
		LEAQ(Mem{Base: i, Disp: s.wide * vectors}, off)
		CMPQ(off, n)
		JGT(LabelRef(label("end")))
		var yd, yr, yi, c [2]VecVirtual
		each(func(k int) {
			yd[k], yr[k], yi[k], c[k] = s.vec(), s.vec(), s.vec(), s.vec()
			s.zero(yi[k])
		})
		constant := func(name string, k int) VecVirtual {
			Load(Param(name), off)
			if lanes == 1 {
				return s.load(here(off, k))
			}
			return s.spread(Mem{Base: off, Index: i, Scale: uint8(8 / lanes), Disp: 8 * k})
		}
		Load(Param("d0"), off)
		TESTQ(off, off)
		JEQ(LabelRef(label("begun")))
		each(func(k int) {
			VMOVUPD(constant("d0", k), yd[k])
			VADDPD(s.mul(constant("cdt", k), s.load(here(v, k))), constant("rhs0", k), yr[k])
		})
		Label(label("list"))
		Load(Param("list"), op)
		Label(label("current"))
		MOVQ(field(currentG), off)
		each(func(k int) {
			if lanes == 1 {
				VMOVUPD(Mem{Base: g, Index: off, Scale: 8, Disp: 8 * s.wide * k}, c[k])
			} else {
				VBROADCASTSD(Mem{Base: g, Index: off, Scale: 8, Disp: 8 * k}, c[k])
			}
		})
		MOVQ(field(currentX0), off)
		var x0 [2]VecVirtual
		each(func(k int) {
			x0[k] = s.load(Mem{Base: x, Index: off, Scale: 8, Disp: 8 * s.wide * k})
			VMULPD(x0[k], c[k], c[k])
		})
		for power := 2; power <= maxPower; power++ {
			CMPQ(field(currentP0), Imm(uint64(power)))
			JLT(LabelRef(label("second")))
			each(func(k int) { VMULPD(x0[k], c[k], c[k]) })
		}
		Label(label("second"))
		CMPQ(field(currentP1), Imm(0))
		JEQ(LabelRef(label("sum")))
		MOVQ(field(currentX1), off1)
		each(func(k int) { VMULPD(Mem{Base: x, Index: off1, Scale: 8, Disp: 8 * s.wide * k}, c[k], c[k]) })
		Label(label("sum"))
		each(func(k int) { VADDPD(c[k], yd[k], yd[k]) })
		CMPB(field(currentCalcium), Imm(0))
		JNE(LabelRef(label("calcium")))
		e := s.spread(field(currentE))
		each(func(k int) { VADDPD(s.mul(c[k], e), yr[k], yr[k]) })
		Label(label("next"))
		ADDQ(Imm(currentSize), op)
		CMPQ(op, end)
		JLT(LabelRef(label("current")))
		each(func(k int) {
			VMOVUPD(yd[k], here(d, k))
			VMOVUPD(yr[k], here(rhs, k))
		})
		TESTQ(ica, ica)
		JEQ(LabelRef(label("advance")))
		each(func(k int) { VMOVUPD(yi[k], here(ica, k)) })
		Label(label("advance"))
		ADDQ(Imm(uint64(s.wide*vectors)), i)
		ADDQ(Imm(uint64(8*s.wide*vectors)), x)
		ADDQ(Imm(uint64(8*s.wide*vectors/lanes)), g)
		JMP(LabelRef(label("vector")))
		Label(label("calcium"))
		each(func(k int) {
			y := s.load(here(eca, k))
			VADDPD(s.mul(c[k], y), yr[k], yr[k])
			VADDPD(s.mul(c[k], s.sub(s.load(here(v, k)), y)), yi[k], yi[k])
		})
		JMP(LabelRef(label("next")))
		Label(label("begun"))
		each(func(k int) {
			VMOVUPD(here(d, k), yd[k])
			VMOVUPD(here(rhs, k), yr[k])
		})
		JMP(LabelRef(label("list")))
		Label(label("end"))
	}
	VZEROUPPER()
	RET()
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
