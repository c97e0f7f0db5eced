// Command asm writes ../cable_amd64.s: the AVX2 and AVX-512 kernels of the cable
// solver. It has its own module so that the generator is no dependency of understudy.
//
// Every kernel rounds after each multiplication and addition, in the order of its reference loop, so
// that it gives the same bits; fused multiply-add is left out for that reason.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	for _, s := range []set{{"AVX2", 4}, {"AVX512", 8}} {
		s.locate()
		s.locateOctave()
		s.flush()
		s.lookup()
		s.relax()
		s.relaxFour()
		s.extrapolate()
		s.synapses()
		s.solve()
		for _, lanes := range []int{s.wide, 1} {
			s.base(lanes)
			s.currents(lanes)
			s.pool(lanes)
		}
	}
	set{"AVX", 1}.solve()
	Generate()
}

// set is an instruction set with vectors of wide float64s. With one, both halves of
// the smallest vector hold it.
type set struct {
	name string
	wide int
}

// text begins a function; with lanes > 0 its name tells how many cells share a
// parameter.
func (s set) text(name string, lanes int, arguments string) {
	name += s.name
	if lanes > 0 {
		name += fmt.Sprintf("x%d", lanes)
	}
	TEXT(name, NOSPLIT, "func("+arguments+")")
	Pragma("noescape")
}

// loop runs body for n/wide vectors and returns; i counts elements, n is above 0.
func (s set) loop(n, i GPVirtual, body func()) { s.namedLoop("loop", n, i, body) }

// namedLoop is loop for a function with several loops; n is above 0.
func (s set) namedLoop(label string, n, i GPVirtual, body func()) {
	Label(label)
	XORQ(i, i)
	Label(label + "_body")
	body()
	ADDQ(Imm(uint64(s.wide)), i)
	CMPQ(i, n)
	JLT(LabelRef(label + "_body"))
	VZEROUPPER()
	RET()
}

// vec is a new register of the set.
func (s set) vec() VecVirtual {
	switch s.wide {
	case 1:
		return XMM()
	case 4:
		return YMM()
	}
	return ZMM()
}

// half is a new register of half the width.
func (s set) half() VecVirtual {
	if s.wide == 8 {
		return YMM()
	}
	return XMM()
}

func at(base, i Register) Mem    { return Mem{Base: base, Index: i, Scale: 8} }
func rowAt(base, i Register) Mem { return Mem{Base: base, Index: i, Scale: 4} }

func argument(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

// place is where an argument is in memory.
func place(name string) Mem {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

func (s set) broadcast(name string) VecVirtual { return s.spread(place(name)) }

// spread fills a vector with one number.
func (s set) spread(m Op) VecVirtual {
	y := s.vec()
	if s.wide == 1 {
		VMOVDDUP(m, y)
	} else {
		VBROADCASTSD(m, y)
	}
	return y
}

func (s set) load(m Mem) VecVirtual {
	if s.wide == 1 {
		return s.spread(m)
	}
	y := s.vec()
	VMOVUPD(m, y)
	return y
}

func (s set) store(y VecVirtual, m Mem) {
	if s.wide == 1 {
		VMOVSD(y, m)
	} else {
		VMOVUPD(y, m)
	}
}

// parameter loads what belongs to the segments of the elements from i on: with
// several cells side by side one value for the whole vector.
func (s set) parameter(base, i Register, lanes int) VecVirtual {
	if lanes == 1 {
		return s.load(at(base, i))
	}
	return s.spread(Mem{Base: base, Index: i, Scale: uint8(8 / lanes)})
}

// constant is a vector of equal 64-bit patterns.
func (s set) constant(bits uint64) VecVirtual {
	g, x := GP64(), XMM()
	MOVQ(U64(bits), g)
	VMOVQ(g, x)
	return s.spread(x)
}

const one = 0x3ff0000000000000 // bits of 1.0

// zero clears a vector.
func (s set) zero(y VecVirtual) {
	if s.wide == 8 {
		VPXORQ(y, y, y)
	} else {
		VXORPD(y, y, y)
	}
}

// sub returns a - b, mul a * b, add a + b, in new registers.
func (s set) sub(a, b Op) VecVirtual { y := s.vec(); VSUBPD(b, a, y); return y }
func (s set) mul(a, b Op) VecVirtual { y := s.vec(); VMULPD(b, a, y); return y }
func (s set) add(a, b Op) VecVirtual { y := s.vec(); VADDPD(b, a, y); return y }

// increase adds y to memory.
func (s set) increase(m Mem, y Op) { s.store(s.add(s.load(m), y), m) }

// interpolate loads for each of a vector of elements, from i+first on, its row (p, q, dp, dq) of a table
// and returns p + f*dp and q + f*dq.
//
// One load brings an element's four values; transposing them costs less than
// gathers. The order of elements in the registers before the transposition is such
// that it takes two steps.
func (s set) interpolate(row, table, i GPVirtual, first int, f VecVirtual) (p, q VecVirtual) {
	four := func(element int) Mem {
		r := GP64()
		MOVL(Mem{Base: row, Index: i, Scale: 4, Disp: 4 * (first + element)}, r.As32())
		return Mem{Base: table, Index: r, Scale: 4}
	}
	var y [4]VecVirtual
	for k := range y {
		if s.wide == 4 {
			y[k] = s.load(four(k))
			continue
		}
		low := YMM()
		VMOVUPD(four(k/2*4+k%2), low)
		y[k] = ZMM()
		VINSERTF64X4(Imm(1), four(k/2*4+k%2+2), low.AsZ(), y[k])
	}
	pairs := func(op func(...Op), a, b VecVirtual) VecVirtual { d := s.vec(); op(b, a, d); return d }
	low := func(ops ...Op) { VUNPCKLPD(ops[0], ops[1], ops[2]) }
	high := func(ops ...Op) { VUNPCKHPD(ops[0], ops[1], ops[2]) }
	pa, qa := pairs(low, y[0], y[1]), pairs(high, y[0], y[1])
	pb, qb := pairs(low, y[2], y[3]), pairs(high, y[2], y[3])
	// Each 128-bit part now holds two elements' values of one column; even parts are of p
	// and q, odd parts of dp and dq.
	parts := func(odd int, a, b VecVirtual) VecVirtual {
		d := s.vec()
		if s.wide == 8 {
			VSHUFF64X2(Imm([]uint64{0x88, 0xdd}[odd]), b, a, d)
		} else {
			VPERM2F128(Imm([]uint64{0x20, 0x31}[odd]), b, a, d)
		}
		return d
	}
	return s.add(parts(0, pa, pb), s.mul(f, parts(1, pa, pb))), s.add(parts(0, qa, qb), s.mul(f, parts(1, qa, qb)))
}

// transposeFour turns rows into columns.
func transposeFour(y [4]VecVirtual) [4]VecVirtual {
	var l, h [2]VecVirtual
	for k := range l {
		l[k], h[k] = YMM(), YMM()
		VUNPCKLPD(y[2*k+1], y[2*k], l[k])
		VUNPCKHPD(y[2*k+1], y[2*k], h[k])
	}
	join := func(half uint64, a [2]VecVirtual) VecVirtual {
		d := YMM()
		VPERM2F128(Imm(half), a[1], a[0], d)
		return d
	}
	return [4]VecVirtual{join(0x20, l), join(0x20, h), join(0x31, l), join(0x31, h)}
}

// transposeEight turns rows into columns; it returns the first four and the last four.
func transposeEight(y [8]VecVirtual) (first, last [4]VecVirtual) {
	shuffle := func(order uint64, a, b VecVirtual) VecVirtual { d := ZMM(); VSHUFF64X2(Imm(order), b, a, d); return d }
	const even, odd = 0x88, 0xdd // of the four 128-bit parts of each operand
	for k, unpack := range []func(...Op){func(o ...Op) { VUNPCKLPD(o[0], o[1], o[2]) }, func(o ...Op) { VUNPCKHPD(o[0], o[1], o[2]) }} {
		// Columns k, k+2, k+4 and k+6 of two elements each.
		var pair [4]VecVirtual
		for j := range pair {
			pair[j] = ZMM()
			unpack(y[2*j+1], y[2*j], pair[j])
		}
		for j, order := range []uint64{even, odd} { // k+2j and k+2j+4
			a, b := shuffle(order, pair[0], pair[1]), shuffle(order, pair[2], pair[3])
			first[k+2*j], last[k+2*j] = shuffle(even, a, b), shuffle(odd, a, b)
		}
	}
	return first, last
}
