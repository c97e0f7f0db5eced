// Command asm writes ../avx2_amd64.s: the AVX2 kernels of the surrogate engine.
// It has its own module so that the generator is no dependency of understudy.
//
// Every kernel rounds after each multiplication and addition, in the order of its
// reference loop, so that it gives the same bits; fused multiply-add is left out
// for that reason.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	vector("add", "func(n int, y, x *float32)", func(i GPVirtual) func() {
		y, x := load("y"), load("x")
		return func() { VMOVUPS(add(yload(at(y, i)), yload(at(x, i))), at(y, i)) }
	})
	vector("axpy", "func(n int, y, x *float32, a float32)", func(i GPVirtual) func() {
		y, x, a := load("y"), load("x"), broadcast("a")
		return func() { VMOVUPS(add(yload(at(y, i)), mul(a, yload(at(x, i)))), at(y, i)) }
	})
	mulAdd()
	scaleShift()
	vector("relu", "func(n int, y *float32)", func(i GPVirtual) func() {
		y, zero := load("y"), YMM()
		VXORPS(zero, zero, zero)
		return func() {
			// VMAXPS gives its second source when one is NaN or both are zero: NaN
			// stays, and -0 does until +0 is added.
			v := YMM()
			VMAXPS(at(y, i), zero, v)
			VMOVUPS(add(v, zero), at(y, i))
		}
	})
	// Two rows of 32 outputs share each loaded weight; a row that is left over
	// takes 64 outputs, for as many sums in flight: eight sums hide an adder's latency.
	gemm("gemm2x32", 2, 4, false)
	gemm("gemm1x64", 1, 8, false)
	gemm("gemm1x32", 1, 4, false)
	gemm("gemm4x8", 4, 1, true)
	gemm("gemm1x8", 1, 1, true)
	Generate()
}

// vector writes a kernel over n values, n a multiple of 8. prepare loads the
// arguments and returns the body for the eight values at i.
func vector(name, signature string, prepare func(i GPVirtual) func()) {
	TEXT(name+"AVX2", NOSPLIT, signature)
	Pragma("noescape")
	n, i := load("n"), GP64()
	body := prepare(i)
	XORQ(i, i)
	Label("loop")
	CMPQ(i, n)
	JGE(LabelRef("end"))
	body()
	ADDQ(Imm(8), i)
	JMP(LabelRef("loop"))
	Label("end")
	VZEROUPPER()
	RET()
}

func mulAdd() {
	TEXT("mulAddAVX2", NOSPLIT, "func(rows, n, stride int, y, x, w *float32)")
	Pragma("noescape")
	rows, n, stride, i := load("rows"), load("n"), load("stride"), GP64()
	y, x, w := load("y"), load("x"), load("w")
	eachRow(rows, n, stride, i, []GPVirtual{y, x}, func() {
		VMOVUPS(add(yload(at(y, i)), mul(yload(at(x, i)), yload(at(w, i)))), at(y, i))
	})
}

func scaleShift() {
	TEXT("scaleShiftAVX2", NOSPLIT, "func(rows, n, stride int, y, scale, shift *float32)")
	Pragma("noescape")
	rows, n, stride, i := load("rows"), load("n"), load("stride"), GP64()
	y, scale, shift := load("y"), load("scale"), load("shift")
	eachRow(rows, n, stride, i, []GPVirtual{y}, func() {
		VMOVUPS(add(mul(yload(at(y, i)), yload(at(scale, i))), yload(at(shift, i))), at(y, i))
	})
}

// eachRow runs body for n values of each row, n a multiple of 8, and moves the
// pointers on by stride values after each.
func eachRow(rows, n, stride, i GPVirtual, pointers []GPVirtual, body func()) {
	SHLQ(Imm(2), stride)
	Label("row")
	TESTQ(rows, rows)
	JZ(LabelRef("end"))
	XORQ(i, i)
	Label("loop")
	CMPQ(i, n)
	JGE(LabelRef("next"))
	body()
	ADDQ(Imm(8), i)
	JMP(LabelRef("loop"))
	Label("next")
	for _, p := range pointers {
		ADDQ(stride, p)
	}
	DECQ(rows)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
}

// gemm writes a kernel for count groups of rows, and columns of eight outputs,
// whose sums stay in registers over all inputs. ldx, ldy and out count values.
// With mask there is one column, of which only the outputs with a set mask are read
// and written.
func gemm(name string, rows, columns int, mask bool) {
	last := ""
	if mask {
		last = ", mask *[8]int32"
	}
	TEXT(name+"AVX2", NOSPLIT, "func(count, in int, y, x, w *float32, out, ldx, ldy int"+last+")")
	Pragma("noescape")
	count, y, x, w := load("count"), load("y"), load("x"), load("w")
	out, ldx, ldy := load("out"), load("ldx"), load("ldy")
	SHLQ(Imm(2), out)
	SHLQ(Imm(2), ldx)
	SHLQ(Imm(2), ldy)
	var m VecVirtual
	if mask {
		m = yload(Mem{Base: load("mask")})
	}
	read := func(p Mem) VecVirtual {
		if mask {
			v := YMM()
			VMASKMOVPS(p, m, v)
			return v
		}
		return yload(p)
	}
	write := func(v VecVirtual, p Mem) {
		if mask {
			VMASKMOVPS(v, m, p)
		} else {
			VMOVUPS(v, p)
		}
	}

	Label("group")
	TESTQ(count, count)
	JZ(LabelRef("end"))
	sum := make([][]VecVirtual, rows)
	xr := make([]GPVirtual, rows)
	yp, xp := GP64(), GP64()
	MOVQ(y, yp)
	MOVQ(x, xp)
	for r := range sum {
		for c := range columns {
			sum[r] = append(sum[r], read(Mem{Base: yp, Disp: 32 * c}))
		}
		xr[r] = GP64()
		MOVQ(xp, xr[r])
		if r < rows-1 {
			ADDQ(ldy, yp)
			ADDQ(ldx, xp)
		}
	}
	wp := GP64()
	MOVQ(w, wp)
	// terms adds the products of the input at x+4*k for each row.
	terms := func(k int, label string) {
		if rows == 1 && !mask {
			// One row alone waits for weights from the L2 cache, so it pays to leave out
			// those of inputs that are zero. Shifting the sign out makes -0 zero as well.
			bits := GP32()
			MOVL(Mem{Base: xr[0], Disp: 4 * k}, bits)
			SHLL(Imm(1), bits)
			JZ(LabelRef(label))
		}
		var a []VecVirtual
		for r := range sum {
			v := YMM()
			VBROADCASTSS(Mem{Base: xr[r], Disp: 4 * k}, v)
			a = append(a, v)
		}
		for c := range columns {
			if rows == 1 && !mask {
				p := YMM()
				VMULPS(Mem{Base: wp, Disp: 32 * c}, a[0], p)
				VADDPS(p, sum[0][c], sum[0][c])
				continue
			}
			v := read(Mem{Base: wp, Disp: 32 * c})
			for r := range sum {
				p := YMM()
				VMULPS(v, a[r], p)
				VADDPS(p, sum[r][c], sum[r][c])
			}
		}
		if rows == 1 && !mask {
			Label(label)
		}
		ADDQ(out, wp)
	}
	advance := func(k int) {
		for r := range xr {
			ADDQ(Imm(uint64(4*k)), xr[r])
		}
	}
	const unroll = 4
	n := Load(Param("in"), GP64()).(GPVirtual)
	Label("inputs")
	SUBQ(Imm(unroll), n)
	JL(LabelRef("rest"))
	for k := range unroll {
		terms(k, fmt.Sprint("skip", k))
	}
	advance(unroll)
	JMP(LabelRef("inputs"))
	Label("rest")
	ADDQ(Imm(unroll), n)
	Label("input")
	SUBQ(Imm(1), n)
	JL(LabelRef("store"))
	terms(0, "skip")
	advance(1)
	JMP(LabelRef("input"))
	Label("store")
	for r := range sum {
		for c, v := range sum[r] {
			write(v, Mem{Base: y, Disp: 32 * c})
		}
		ADDQ(ldy, y)
		ADDQ(ldx, x)
	}
	DECQ(count)
	JMP(LabelRef("group"))
	Label("end")
	VZEROUPPER()
	RET()
}

func at(base, i Register) Mem { return Mem{Base: base, Index: i, Scale: 4} }

func load(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

func broadcast(name string) VecVirtual {
	y := YMM()
	m, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(m.Addr, y)
	return y
}

func yload(m Mem) VecVirtual { y := YMM(); VMOVUPS(m, y); return y }

// mul returns a * b, add a + b, in new registers.
func mul(a, b Op) VecVirtual { y := YMM(); VMULPS(b, a, y); return y }
func add(a, b Op) VecVirtual { y := YMM(); VADDPS(b, a, y); return y }
