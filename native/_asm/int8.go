package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Int8 kernels beside the matrix product; n is a multiple of the vector.

// whole runs body for n values, n a multiple of step; i counts values.
func whole(n, i GPVirtual, step int, body func()) {
	XORQ(i, i)
	Label("loop")
	CMPQ(i, n)
	JGE(LabelRef("done"))
	body()
	ADDQ(Imm(uint64(step)), i)
	JMP(LabelRef("loop"))
	Label("done")
}

// mulAddInt8 multiplies in 16 bits: the upper half of an x is 0.
func (s set) mulAddInt8() {
	s.text("mulAddInt8", "rows, n, ldx, ldy int, y *int32, x *uint8, w *int8")
	rows, n, i := argument("rows"), argument("n"), GP64()
	y, x, w := argument("y"), argument("x"), argument("w")
	Label("row")
	whole(n, i, s.wide(), func() {
		a, b := s.vec(), s.vec()
		VPMOVZXBD(at(x, i, 1), a)
		VPMOVSXBD(at(w, i, 1), b)
		VPMADDWD(b, a, a)
		VPADDD(at(y, i, 4), a, a)
		s.store(a, at(y, i, 4), nil)
	})
	ADDQ(parameter("ldx"), x)
	ldy := argument("ldy")
	LEAQ(at(y, ldy, 4), y)
	DECQ(rows)
	JNZ(LabelRef("row"))
	finish()
}

// columnsInt8 sums up to 256 columns in 16 bits, then multiplies by their common factor.
func (s set) columnsInt8() {
	s.text("columnsInt8", "n, events int, y *int32, w *int8, at *int32, a int32")
	n, y, w, from, a := argument("n"), argument("y"), argument("w"), argument("at"), s.broadcast("a")
	events := argument("events")
	step := s.bytes / 2 // weights in a vector of 16 bits
	block := func(label string, count int) {
		var sum []VecVirtual
		for range count {
			sum = append(sum, s.zero())
		}
		e := GP64()
		XORQ(e, e)
		Label(label)
		o := GP64()
		MOVLQSX(at(from, e, 4), o)
		for c := range count {
			v, p := s.vec(), at(w, o, 1).Offset(step*c)
			if c*step%64 == 0 {
				PREFETCHT0(p.Offset(step * count))
			}
			VPMOVSXBW(p, v)
			VPADDW(v, sum[c], sum[c])
		}
		INCQ(e)
		CMPQ(e, events)
		JLT(LabelRef(label))
		for c, v := range sum {
			high := s.half()
			if s.bytes == 64 {
				VEXTRACTI64X4(Imm(1), v, high)
			} else {
				VEXTRACTI128(Imm(1), v, high)
			}
			for k, half := range []Register{s.low(v), high} {
				p := Mem{Base: y, Disp: s.bytes * (2*c + k)}
				product := s.vec()
				VPMOVSXWD(half, product)
				VPMULLD(a, product, product)
				VPADDD(p, product, product)
				s.store(product, p, nil)
			}
		}
		ADDQ(U32(uint32(4*step*count)), y)
		ADDQ(U32(uint32(step*count)), w)
		SUBQ(U32(uint32(step*count)), n)
	}
	for _, count := range []int{8, 1} {
		name := fmt.Sprintf("vectors%d", count)
		Label(name)
		CMPQ(n, U32(uint32(step*count)))
		JLT(LabelRef("beside_" + name))
		block(name+"_events", count)
		JMP(LabelRef(name))
		Label("beside_" + name)
	}
	finish()
}

// low is the lower half of v.
func (s set) low(v VecVirtual) Register {
	if s.bytes == 64 {
		return v.AsY()
	}
	return v.AsX()
}

// quads fills a vector with eight bytes.
func (s set) quads(g GPVirtual) VecVirtual {
	x, v := XMM(), s.vec()
	VMOVQ(g, x)
	VPBROADCASTQ(x, v)
	return v
}

// requant works in 64 bits. AVX2 has no arithmetic shift of these: there 2^63 is added
// before a logical shift, and what has become of it taken off after.
func (s set) requant() {
	s.text("requant", "n int, y *uint8, x, bias, mult *int32, shift, low, zero int")
	n, i := argument("n"), GP64()
	y, x, bias, mult := argument("y"), argument("x"), argument("bias"), argument("mult")
	shift, one, round, offset := XMM(), GP64(), GP64(), argument("zero")
	VMOVQ(parameter("shift"), shift)
	MOVQ(parameter("shift"), RCX)
	DECQ(RCX)
	MOVQ(U32(1), round)
	SHLQ(CL, round)
	if s.bytes == 32 {
		MOVQ(U64(1<<63), one)
		XORQ(one, round)
		INCQ(RCX)
		SHRQ(CL, one)
		SUBQ(one, offset)
	}
	high := GP64()
	MOVQ(U32(255), high)
	rounds, offsets, lows, highs := s.quads(round), s.quads(offset), s.quads(argument("low")), s.quads(high)
	whole(n, i, s.wide()/2, func() {
		sum := s.half()
		VMOVDQU(at(x, i, 4), sum)
		VPADDD(at(bias, i, 4), sum, sum)
		v, f := s.vec(), s.vec()
		VPMOVSXDQ(sum, v)
		VPMOVSXDQ(at(mult, i, 4), f)
		VPMULDQ(f, v, v)
		VPADDQ(rounds, v, v)
		if s.bytes == 64 {
			VPSRAQ(shift, v, v)
			VPADDQ(offsets, v, v)
			VPMAXSQ(lows, v, v)
			VPMINSQ(highs, v, v)
			VPMOVQB(v, at(y, i, 1))
			return
		}
		VPSRLQ(shift, v, v)
		VPADDQ(offsets, v, v)
		less, above := s.vec(), s.vec()
		VPCMPGTQ(v, lows, less)
		VBLENDVPD(less, lows, v, v)
		VPCMPGTQ(highs, v, above)
		VBLENDVPD(above, highs, v, v)
		upper := XMM()
		VEXTRACTI128(Imm(1), v, upper)
		VPACKUSDW(upper, v.AsX(), upper)
		VPACKUSDW(upper, upper, upper)
		VPACKUSWB(upper, upper, upper)
		VMOVD(upper, at(y, i, 1))
	})
	finish()
}

// leak works in 64 bits as requant does.
func (s set) leak() {
	s.text("leak", "n int, y, x, decay, mult *int32, shift int")
	n, i := argument("n"), GP64()
	y, x, decay, mult := argument("y"), argument("x"), argument("decay"), argument("mult")
	// product is (a*b + 1<<(shift-1)) >> shift; once returns what its constants are.
	type constants struct {
		shift         Register
		round, offset VecVirtual
	}
	once := func(count func(to GPVirtual)) constants {
		c, by, round := constants{shift: XMM()}, GP64(), GP64()
		count(by)
		VMOVQ(by, c.shift)
		MOVQ(by, RCX)
		DECQ(RCX)
		MOVQ(U32(1), round)
		SHLQ(CL, round)
		if s.bytes == 32 {
			offset := GP64()
			MOVQ(U64(1<<63), offset)
			XORQ(offset, round)
			INCQ(RCX)
			SHRQ(CL, offset)
			c.offset = s.quads(offset)
		}
		c.round = s.quads(round)
		return c
	}
	forget := once(func(to GPVirtual) { MOVQ(U32(31), to) })
	add := once(func(to GPVirtual) { MOVQ(parameter("shift"), to) })
	product := func(c constants, a, b Mem) VecVirtual {
		u, v := s.vec(), s.vec()
		VPMOVSXDQ(a, u)
		VPMOVSXDQ(b, v)
		VPMULDQ(u, v, v)
		VPADDQ(c.round, v, v)
		if s.bytes == 64 {
			VPSRAQ(c.shift, v, v)
			return v
		}
		VPSRLQ(c.shift, v, v)
		VPSUBQ(c.offset, v, v)
		return v
	}
	var low, high VecVirtual
	if s.bytes == 32 {
		low, high = s.quads(constant(-1<<31)), s.quads(constant(1<<31-1))
	}
	whole(n, i, s.wide()/2, func() {
		v := product(forget, at(y, i, 4), at(decay, i, 4))
		u := product(add, at(x, i, 4), at(mult, i, 4))
		VPADDQ(u, v, v)
		if s.bytes == 64 {
			VPMOVSQD(v, at(y, i, 4))
			return
		}
		less, above := s.vec(), s.vec()
		VPCMPGTQ(v, low, less)
		VBLENDVPD(less, low, v, v)
		VPCMPGTQ(high, v, above)
		VBLENDVPD(above, high, v, v)
		upper := XMM()
		VEXTRACTI128(Imm(1), v, upper)
		VSHUFPS(Imm(0b10_00_10_00), upper, v.AsX(), upper) // the lower halves of four
		VMOVUPS(upper, at(y, i, 4))
	})
	finish()
}

// constant is a register that holds v.
func constant(v int64) GPVirtual {
	g := GP64()
	MOVQ(I64(v), g)
	return g
}

func (s set) addInt8() {
	s.text("addInt8", "n int, y, a, b *uint8, ma, mb, c int32, shift int, low int32")
	n, i := argument("n"), GP64()
	y, a, b := argument("y"), argument("a"), argument("b")
	ma, mb, c, low, shift := s.broadcast("ma"), s.broadcast("mb"), s.broadcast("c"), s.broadcast("low"), XMM()
	VMOVQ(parameter("shift"), shift)
	high := s.vec()
	top, x := GP32(), XMM()
	MOVL(U32(255), top)
	VMOVD(top, x)
	VPBROADCASTD(x, high)
	whole(n, i, s.wide(), func() {
		u, v := s.vec(), s.vec()
		VPMOVZXBD(at(a, i, 1), u)
		VPMOVZXBD(at(b, i, 1), v)
		VPMULLD(ma, u, u)
		VPMULLD(mb, v, v)
		VPADDD(v, u, u)
		VPADDD(c, u, u)
		VPSRAD(shift, u, u)
		VPMAXSD(low, u, u)
		VPMINSD(high, u, u)
		if s.bytes == 64 {
			VPMOVDB(u, at(y, i, 1))
			return
		}
		upper := XMM()
		VEXTRACTI128(Imm(1), u, upper)
		VPACKUSDW(upper, u.AsX(), upper)
		VPACKUSWB(upper, upper, upper)
		VMOVQ(upper, at(y, i, 1))
	})
	finish()
}
