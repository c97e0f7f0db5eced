// Command asm writes ../kernels_amd64.s: the AVX2 and AVX-512 kernels of the surrogate
// engine. It has its own module so that the generator is no dependency of understudy.
//
// Every kernel adds in the order of its reference loop. Those of AVX2 alone also round
// after each multiplication and addition, so that they give the same bits; those with FMA
// fuse wherever the reference multiplies and adds, whatever the number of rows and in what
// is left over beside full vectors, so that they agree among themselves.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	data()
	avx2, avx2fma, avx512 := set{"AVX2", 32, false}, set{"AVX2FMA", 32, true}, set{"AVX512", 64, true}
	for _, s := range []set{avx2, avx2fma, avx512} {
		s.axpy()
		s.mulAdd()
		s.scaleShift()
		s.columns()
		s.bags()
		s.gemmRow()
		s.gemmSparse()
	}
	for _, s := range []set{avx2, avx512} {
		s.add()
		s.relu()
		s.mulAddInt8()
		s.columnsInt8()
		s.requant()
		s.leak()
		s.addInt8()
	}
	avx512.roundBF16()
	for _, s := range []set{avx2, avx2fma} {
		s.gemm(s.float(), 6, 2, false)
		s.gemm(s.float(), 6, 1, true)
	}
	avx512.gemm(avx512.float(), 6, 4, false)
	for columns := 1; columns <= 4; columns++ {
		avx512.gemm(avx512.float(), 6, columns, true)
	}

	avx2.gemm(avx2.widened(), 4, 2, false)
	avx2.gemm(avx2.widened(), 1, 8, false)
	avx2.gemm(avx2.widened(), 1, 2, false)
	avx512.gemm(avx512.widened(), 6, 2, false)
	avx512.gemm(avx512.widened(), 6, 1, false)
	avx512.gemm(avx512.widened(), 1, 8, false)
	avx512.gemm(avx512.widened(), 1, 1, false)
	vnni := set{"VNNI", 64, true}
	vnni.gemm(vnni.dot(), 6, 4, false)
	vnni.gemm(vnni.dot(), 6, 1, false)
	vnni.gemm(vnni.dot(), 1, 8, false)
	vnni.gemm(vnni.dot(), 1, 1, false)
	Generate()
}

// set is an instruction set with vectors of so many bytes.
type set struct {
	suffix string
	bytes  int
	fma    bool
}

// wide is how many float32 or int32 a vector holds.
func (s set) wide() int { return s.bytes / 4 }

func (s set) text(name, signature string) {
	TEXT(name+s.suffix, NOSPLIT, "func("+signature+")")
	Pragma("noescape")
}

// ones and iota are tables: eight int32 of -1 and eight of 0, and 0 to 15.
var ones, iota16 Mem

func data() {
	ones = GLOBL("ones", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(i/8)-1))
	}
	iota16 = GLOBL("iota", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(i)))
	}
}

// vec is a new register of the set.
func (s set) vec() VecVirtual {
	if s.bytes == 32 {
		return YMM()
	}
	return ZMM()
}

// half is a new register of half the width.
func (s set) half() VecVirtual {
	if s.bytes == 32 {
		return XMM()
	}
	return YMM()
}

// mask lets through the first values of a vector; nil all.
type mask Register

// mask lets n values through, n from 0 to wide.
func (s set) mask(n GPVirtual) mask {
	if s.bytes == 64 {
		bits, k := GP64(), K()
		MOVQ(I64(-1), bits)
		BZHIQ(n, bits, bits)
		KMOVW(bits.As32(), k)
		return k
	}
	table, back, v := GP64(), GP64(), s.vec()
	LEAQ(ones, table)
	MOVQ(n, back)
	NEGQ(back)
	VMOVDQU(Mem{Base: table, Index: back, Scale: 4, Disp: 32}, v)
	return v
}

func (s set) load(p Mem, m mask) VecVirtual {
	v := s.vec()
	switch {
	case m == nil:
		VMOVUPS(p, v)
	case s.bytes == 64:
		VMOVUPS_Z(p, m, v)
	default:
		VMASKMOVPS(p, m, v)
	}
	return v
}

func (s set) store(v Register, p Mem, m mask) {
	switch {
	case m == nil:
		VMOVUPS(v, p)
	case s.bytes == 64:
		VMOVUPS(v, m, p)
	default:
		VMASKMOVPS(v, m, p)
	}
}

// increase adds a*b to sum; a may be in memory.
func (s set) increase(sum Register, a, b Op) {
	if s.fma {
		VFMADD231PS(a, b, sum)
		return
	}
	p := s.vec()
	VMULPS(a, b, p)
	VADDPS(p, sum, sum)
}

func (s set) zero() VecVirtual {
	v := s.vec()
	if s.bytes == 64 {
		VPXORD(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
	return v
}

func argument(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

func parameter(name string) Mem {
	m, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return m.Addr
}

// broadcast fills a vector with an argument of four bytes.
func (s set) broadcast(name string) VecVirtual {
	v := s.vec()
	VBROADCASTSS(parameter(name), v)
	return v
}

// at is element i of values of size bytes.
func at(base, i Register, size int) Mem { return Mem{Base: base, Index: i, Scale: uint8(size)} }

// values runs body for the values of n in vectors of step, and with it's mask once more for
// what is left over. i counts values.
func (s set) values(n, i GPVirtual, body func(m mask)) {
	whole := GP64()
	MOVQ(n, whole)
	ANDQ(I8(-s.wide()), whole)
	XORQ(i, i)
	Label("loop")
	CMPQ(i, whole)
	JGE(LabelRef("rest"))
	body(nil)
	ADDQ(Imm(uint64(s.wide())), i)
	JMP(LabelRef("loop"))
	Label("rest")
	left := GP64()
	MOVQ(n, left)
	SUBQ(i, left)
	JZ(LabelRef("done"))
	body(s.mask(left))
	Label("done")
}

// rows runs values for each of the argument rows; next moves the pointers on.
func (s set) rows(n, i GPVirtual, body func(m mask), next func()) {
	rows := argument("rows")
	Label("row")
	TESTQ(rows, rows)
	JZ(LabelRef("end"))
	s.values(n, i, body)
	next()
	DECQ(rows)
	JMP(LabelRef("row"))
	Label("end")
	finish()
}

func finish() {
	VZEROUPPER()
	RET()
}
