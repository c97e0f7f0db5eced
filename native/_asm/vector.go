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
	n, y, w, from, a := argument("n"), argument("y"), argument("w"), argument("at"), argument("a")
	tile := 8
	if s.bytes == 64 {
		tile = 16
	}
	block := func(label string, count int, m mask) {
		var sum []VecVirtual
		for c := range count {
			sum = append(sum, s.load(Mem{Base: y, Disp: s.bytes * c}, m))
		}
		e := GP64()
		XORQ(e, e)
		Label(label)
		o, f := GP64(), s.vec()
		MOVLQSX(at(from, e, 4), o)
		VBROADCASTSS(at(a, e, 4), f)
		for c := range count {
			p := at(w, o, 4).Offset(s.bytes * c)
			if m != nil {
				s.increase(sum[c], s.load(p, m), f)
				continue
			}
			if c*s.bytes%64 == 0 {
				PREFETCHT0(p.Offset(s.bytes * count))
			}
			s.increase(sum[c], p, f)
		}
		INCQ(e)
		CMPQ(e, parameter("events"))
		JLT(LabelRef(label))
		for c := range count {
			s.store(sum[c], Mem{Base: y, Disp: s.bytes * c}, m)
		}
		ADDQ(U32(uint32(s.bytes*count)), y)
		ADDQ(U32(uint32(s.bytes*count)), w)
		SUBQ(U32(uint32(s.wide()*count)), n)
	}
	for _, count := range []int{tile, 1} {
		name := map[int]string{1: "vector"}[count]
		if count == tile {
			name = "tile"
		}
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
	finish()
}
