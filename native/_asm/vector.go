package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The f32 kernels that go through their values once.

func (s set) add() {
	s.text("add", "n int, y, x *float32")
	n, y, x, i := argument("n"), argument("y"), argument("x"), GP64()
	s.values(n, i, func(m mask) {
		v := s.load(at(y, i, 4), m)
		VADDPS(s.load(at(x, i, 4), m), v, v)
		s.store(v, at(y, i, 4), m)
	})
	finish()
}

func (s set) axpy() {
	s.text("axpy", "n int, y, x *float32, a float32")
	n, y, x, i, a := argument("n"), argument("y"), argument("x"), GP64(), s.broadcast("a")
	s.values(n, i, func(m mask) {
		v := s.load(at(y, i, 4), m)
		s.increase(v, s.load(at(x, i, 4), m), a)
		s.store(v, at(y, i, 4), m)
	})
	finish()
}

func (s set) relu() {
	s.text("relu", "n int, y *float32")
	n, y, i, zero := argument("n"), argument("y"), GP64(), s.zero()
	s.values(n, i, func(m mask) {
		// VMAXPS gives its second source when one is NaN or both are zero: NaN
		// stays, and -0 does until +0 is added.
		v := s.load(at(y, i, 4), m)
		VMAXPS(v, zero, v)
		VADDPS(zero, v, v)
		s.store(v, at(y, i, 4), m)
	})
	finish()
}

// roundBF16 rounds with integers: VCVTNEPS2BF16 would make values below 2^-126 zero, and is not
// in every CPU with AVX-512.
func (s set) roundBF16() {
	s.text("roundBF16", "n int, y *uint16, x *float32")
	n, y, x, i := argument("n"), argument("y"), argument("x"), GP64()
	constant := func(bits uint32) VecVirtual {
		g, v := GP32(), s.vec()
		MOVL(U32(bits), g)
		VPBROADCASTD(g, v)
		return v
	}
	one, below, quiet, nan := constant(1), constant(0x7fff), constant(0x400000), K()
	s.values(n, i, func(m mask) {
		v, up := s.load(at(x, i, 4), m), s.vec()
		VPSRLD(Imm(16), v, up)
		VPANDD(one, up, up)
		VPADDD(below, up, up)
		VPADDD(v, up, up)
		VCMPPS(Imm(3), v, v, nan) // unordered
		VPORD(quiet, v, nan, up)
		VPSRLD(Imm(16), up, up)
		if m == nil {
			VPMOVDW(up, at(y, i, 2))
		} else {
			VPMOVDW(up, m, at(y, i, 2))
		}
	})
	finish()
}

func (s set) mulAdd() {
	s.text("mulAdd", "rows, n int, y, x, w *float32")
	n, i := argument("n"), GP64()
	y, x, w := argument("y"), argument("x"), argument("w")
	s.rows(n, i, func(m mask) {
		v := s.load(at(y, i, 4), m)
		s.increase(v, s.load(at(x, i, 4), m), s.load(at(w, i, 4), m))
		s.store(v, at(y, i, 4), m)
	}, func() {
		LEAQ(at(y, n, 4), y)
		LEAQ(at(x, n, 4), x)
	})
}

func (s set) scaleShift() {
	s.text("scaleShift", "rows, n int, y, scale, shift *float32")
	n, i := argument("n"), GP64()
	y, scale, shift := argument("y"), argument("scale"), argument("shift")
	s.rows(n, i, func(m mask) {
		v := s.load(at(shift, i, 4), m)
		a, b := s.load(at(y, i, 4), m), s.load(at(scale, i, 4), m)
		if s.fma {
			VFMADD231PS(a, b, v)
		} else {
			VMULPS(a, b, a)
			VADDPS(v, a, v)
		}
		s.store(v, at(y, i, 4), m)
	}, func() { LEAQ(at(y, n, 4), y) })
}

// columns keeps a tile of y in registers over all events. While it adds one tile's weights
// it asks for the next tile's, so that as many lines are on their way from the outer caches
// as can be.
func (s set) columns() {
	s.text("columns", "n, events int, y, w *float32, at *int32, a *float32")
	n, y, w := argument("n"), argument("y"), argument("w")
	e := GP64()
	s.addColumns(columns{w: w, at: argument("at"), a: argument("a"), e: e, start: func() { XORQ(e, e) }, end: parameter("events")}, n, y)
	finish()
}

// bagsAhead is how many events ahead bags asks for weights.
const bagsAhead = 4

// bags is columns for one row of y after another, each with events of its own. The
// weights of an event are too few to run ahead in: it asks for those of later events.
func (s set) bags() {
	s.text("bags", "rows, n int, y, w *float32, at *int32, a *float32, ends *int32")
	y, w, ends := argument("y"), argument("w"), argument("ends")
	e, first, end, last := GP64(), GP64(), GP64(), GP64()
	XORQ(first, first)
	MOVQ(parameter("rows"), last)
	MOVLQSX(Mem{Base: ends, Index: last, Scale: 4, Disp: -4}, last)
	DECQ(last)
	Label("row")
	MOVLQSX(Mem{Base: ends}, end)
	n, yr, wr := argument("n"), GP64(), GP64()
	MOVQ(y, yr)
	MOVQ(w, wr)
	CMPQ(first, end)
	JE(LabelRef("next"))
	s.addColumns(columns{w: wr, at: argument("at"), a: argument("a"), e: e, start: func() { MOVQ(first, e) }, end: end, last: last}, n, yr)
	Label("next")
	MOVQ(end, first)
	skip := argument("n")
	LEAQ(at(y, skip, 4), y)
	ADDQ(Imm(4), ends)
	DECQ(parameter("rows"))
	JNZ(LabelRef("row"))
	finish()
}

// columns are events whose weights are added. e counts them from where start puts it to
// end. With last, the last of all events, weights of later events are prefetched, else those
// of the same event for later outputs.
type columns struct {
	w, at, a, e GPVirtual
	start       func()
	end         Op
	last        GPVirtual
}

// addColumns adds to the n values at y, which it moves on.
func (s set) addColumns(k columns, n, y GPVirtual) {
	const tile = 8
	block := func(label string, count int, m mask) {
		var sum []VecVirtual
		for c := range count {
			sum = append(sum, s.load(Mem{Base: y, Disp: s.bytes * c}, m))
		}
		k.start()
		Label(label)
		o, f := GP64(), s.vec()
		MOVLQSX(at(k.at, k.e, 4), o)
		VBROADCASTSS(at(k.a, k.e, 4), f)
		soon := at(k.w, o, 4).Offset(s.bytes * count)
		if k.last != nil {
			later := GP64()
			LEAQ(Mem{Base: k.e, Disp: bagsAhead}, later)
			CMPQ(later, k.last)
			CMOVQGT(k.last, later)
			MOVLQSX(at(k.at, later, 4), later)
			soon = at(k.w, later, 4)
		}
		for c := range count {
			p := at(k.w, o, 4).Offset(s.bytes * c)
			if m != nil {
				s.increase(sum[c], s.load(p, m), f)
				continue
			}
			if c*s.bytes%64 == 0 {
				PREFETCHT0(soon.Offset(s.bytes * c))
			}
			s.increase(sum[c], p, f)
		}
		INCQ(k.e)
		CMPQ(k.e, k.end)
		JLT(LabelRef(label))
		for c := range count {
			s.store(sum[c], Mem{Base: y, Disp: s.bytes * c}, m)
		}
		ADDQ(U32(uint32(s.bytes*count)), y)
		ADDQ(U32(uint32(s.bytes*count)), k.w)
		SUBQ(U32(uint32(s.wide()*count)), n)
	}
	for _, count := range []int{tile, 1} {
		name := map[int]string{tile: "tile", 1: "vector"}[count]
		Label(name)
		CMPQ(n, U32(uint32(s.wide()*count)))
		JLT(LabelRef("beside_" + name))
		block(name+"_events", count, nil)
		JMP(LabelRef(name))
		Label("beside_" + name)
	}
	TESTQ(n, n)
	JZ(LabelRef("end"))
	block("rest_events", 1, s.mask(n))
	Label("end")
}
