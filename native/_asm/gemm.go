package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// product is what a matrix kernel multiplies: weights from memory, a vector for as many
// outputs, by four bytes of input, one float32 or four uint8.
type product struct {
	name, args string
	inputSize  int    // bytes of one value of x
	prepare    func() // runs before the loops, if not nil
	// weights returns what a vector of weights becomes in registers, inputs what four
	// bytes of input become in every output's place; add adds their product to sum.
	weights, inputs func(p Mem) []VecVirtual
	add             func(sum VecVirtual, w, x []VecVirtual)
}

func (s set) float() product {
	return product{
		name: "gemm", args: "y, x, w *float32", inputSize: 4,
		weights: func(p Mem) []VecVirtual { return []VecVirtual{s.load(p, nil)} },
		inputs:  func(p Mem) []VecVirtual { return []VecVirtual{s.spread(p)} },
		add:     func(sum VecVirtual, w, x []VecVirtual) { s.increase(sum, w[0], x[0]) },
	}
}

// dot is VNNI's: four products at once.
func (s set) dot() product {
	p := s.float()
	p.name, p.args, p.inputSize = "gemmInt8", "y *int32, x *uint8, w *int8", 1
	p.add = func(sum VecVirtual, w, x []VecVirtual) { VPDPBUSD(w[0], x[0], sum) }
	return p
}

// widened takes the four in two pairs of 16 bits: products of a pair are exact, where
// VPMADDUBSW saturates.
func (s set) widened() product {
	p := s.dot()
	var low VecVirtual // 0x00ff in every 16 bits
	p.weights = func(m Mem) []VecVirtual {
		even, odd := s.vec(), s.load(m, nil)
		VPSLLW(Imm(8), odd, even)
		VPSRAW(Imm(8), even, even)
		VPSRAW(Imm(8), odd, odd)
		return []VecVirtual{even, odd}
	}
	p.inputs = func(m Mem) []VecVirtual {
		even, odd := s.vec(), s.spread(m)
		if s.bytes == 64 {
			VPANDD(low, odd, even)
		} else {
			VPAND(low, odd, even)
		}
		VPSRLW(Imm(8), odd, odd)
		return []VecVirtual{even, odd}
	}
	p.add = func(sum VecVirtual, w, x []VecVirtual) {
		for k := range w {
			v := s.vec()
			VPMADDWD(w[k], x[k], v)
			VPADDD(v, sum, sum)
		}
	}
	p.prepare = func() {
		low = s.spread(ones)
		VPSRLW(Imm(8), low, low)
	}
	return p
}

// spread fills a vector with four bytes.
func (s set) spread(p Mem) VecVirtual { v := s.vec(); VBROADCASTSS(p, v); return v }

// gemm writes a kernel for count groups of rows and one block of columns, each a vector
// of outputs, whose sums stay in registers over all inputs. in counts groups of four
// bytes, ldx values of x; out, the stride of w, and ldy count outputs. With masked the last
// column has only tail outputs.
func (s set) gemm(p product, rows, columns int, masked bool) {
	args := "count, in int, " + p.args + ", out, ldx, ldy int"
	name := fmt.Sprintf("%s%dx%d", p.name, rows, columns)
	if masked {
		name, args = name+"Masked", args+", tail int"
	}
	s.text(name, args)
	var m mask
	if masked {
		m = s.mask(argument("tail"))
	}
	lastOnly := func(c int) mask {
		if c < columns-1 {
			return nil
		}
		return m
	}
	if p.prepare != nil {
		p.prepare()
	}
	y, x, out, ldx, ldy := argument("y"), argument("x"), argument("out"), argument("ldx"), argument("ldy")
	SHLQ(Imm(2), out)
	SHLQ(Imm(2), ldy)
	if p.inputSize > 1 {
		SHLQ(Imm(2), ldx)
	}
	// Three rows are reached from one pointer.
	row := func(base []GPVirtual, stride GPVirtual, r int) Mem {
		if r%3 == 0 {
			return Mem{Base: base[r/3]}
		}
		return Mem{Base: base[r/3], Index: stride, Scale: uint8(r % 3)}
	}
	pointers := func(base, stride GPVirtual) []GPVirtual {
		all := []GPVirtual{GP64()}
		MOVQ(base, all[0])
		for len(all) < (rows+2)/3 {
			next := GP64()
			LEAQ(Mem{Base: all[len(all)-1], Index: stride, Scale: 1}, next)
			LEAQ(Mem{Base: next, Index: stride, Scale: 2}, next)
			all = append(all, next)
		}
		return all
	}

	Label("group")
	sum := make([][]VecVirtual, rows)
	yr := pointers(y, ldy)
	for r := range sum {
		for c := range columns {
			sum[r] = append(sum[r], s.load(row(yr, ldy, r).Offset(s.bytes*c), lastOnly(c)))
		}
	}
	xr := pointers(x, ldx)
	w, n := argument("w"), argument("in")
	terms := func(k int) {
		var weights [][]VecVirtual
		weight := func(c int) []VecVirtual {
			if masked && c == columns-1 {
				return []VecVirtual{s.load(Mem{Base: w, Disp: s.bytes * c}, m)}
			}
			return p.weights(Mem{Base: w, Disp: s.bytes * c})
		}
		if rows == 1 {
			input := p.inputs(Mem{Base: xr[0], Disp: 4 * k})
			for c := range columns {
				p.add(sum[0][c], weight(c), input)
			}
		} else {
			for c := range columns {
				weights = append(weights, weight(c))
			}
			for r := range sum {
				input := p.inputs(row(xr, ldx, r).Offset(4 * k))
				for c := range columns {
					p.add(sum[r][c], weights[c], input)
				}
			}
		}
		ADDQ(out, w)
	}
	inputs := func(label string, unroll int) {
		Label(label)
		SUBQ(Imm(uint64(unroll)), n)
		JL(LabelRef("no_" + label))
		for k := range unroll {
			terms(k)
		}
		for _, x := range xr {
			ADDQ(Imm(uint64(4*unroll)), x)
		}
		JMP(LabelRef(label))
		Label("no_" + label)
	}
	const unroll = 4
	inputs("inputs", unroll)
	ADDQ(Imm(unroll), n)
	inputs("input", 1)
	yr = pointers(y, ldy)
	for r := range sum {
		for c := range columns {
			s.store(sum[r][c], row(yr, ldy, r).Offset(s.bytes*c), lastOnly(c))
		}
	}
	skip := GP64()
	IMUL3Q(Imm(uint64(rows)), ldy, skip)
	ADDQ(skip, y)
	IMUL3Q(Imm(uint64(rows)), ldx, skip)
	ADDQ(skip, x)
	DECQ(parameter("count"))
	JNZ(LabelRef("group"))
	finish()
}

// How many inputs gemmRow looks through at once, and how many weight rows ahead it asks
// the outer caches for; and gemmSparse, whose weights are to stay in the first cache.
const (
	rowChunk    = 1024
	ahead       = 6
	sparseChunk = 64 // as in ../assembly_amd64.go
)

// sparse is what gemmRow and gemmSparse share: a row's inputs that are not zero are listed,
// without a branch at each, then only their weights are read.
type sparse struct {
	set
	frame        Mem
	ahead        int // inputs ahead whose weights are prefetched, 0 for none
	x, w, stride GPVirtual
}

// list is where entry e+later of the list stands.
func (s sparse) list(e Register, later int) Mem {
	return Mem{Base: s.frame.Base, Disp: s.frame.Disp + 4*later, Index: e, Scale: 4}
}

// row adds the products of n inputs at x to the outputs at y.
func (s sparse) row(n, y GPVirtual) {
	count := GP64()
	s.nonzero(s.x, n, count, s.list)
	if s.ahead > 0 {
		after := s.vec() // the rows of weights that follow are prefetched, too
		x := XMM()
		VMOVD(n.As32(), x) // instructions that AVX2 has, too
		VPBROADCASTD(x, after)
		VPADDD(iota16, after, after)
		VMOVUPS(after, s.list(count, 0))
	}
	left, w := argument("out"), GP64()
	MOVQ(s.w, w)
	block := func(label string, columns int, m mask) {
		var sum []VecVirtual
		for c := range columns {
			sum = append(sum, s.load(Mem{Base: y, Disp: s.bytes * c}, m))
		}
		e := GP64()
		XORQ(e, e)
		JMP(LabelRef(label + "_any"))
		Label(label)
		i, input, soon := GP64(), s.vec(), GP64()
		MOVL(s.list(e, 0), i.As32())
		VBROADCASTSS(at(s.x, i, 4), input)
		IMULQ(s.stride, i)
		ADDQ(w, i)
		if s.ahead > 0 {
			MOVL(s.list(e, s.ahead), soon.As32())
			IMULQ(s.stride, soon)
			ADDQ(w, soon)
		}
		for c := range columns {
			p := Mem{Base: i, Disp: s.bytes * c}
			if m != nil {
				s.increase(sum[c], s.load(p, m), input)
				continue
			}
			if s.ahead > 0 && c*s.bytes%64 == 0 {
				PREFETCHT0(Mem{Base: soon, Disp: s.bytes * c})
			}
			s.increase(sum[c], p, input)
		}
		INCQ(e)
		Label(label + "_any")
		CMPQ(e, count)
		JLT(LabelRef(label))
		for c := range columns {
			s.store(sum[c], Mem{Base: y, Disp: s.bytes * c}, m)
		}
		ADDQ(U32(uint32(s.bytes*columns)), y)
		ADDQ(U32(uint32(s.bytes*columns)), w)
		SUBQ(U32(uint32(s.wide()*columns)), left)
	}
	for _, columns := range []int{8, 4, 1} {
		name := fmt.Sprintf("columns%d", columns)
		Label(name)
		CMPQ(left, U32(uint32(s.wide()*columns)))
		JLT(LabelRef("beside_" + name))
		block(name+"_inputs", columns, nil)
		JMP(LabelRef(name))
		Label("beside_" + name)
	}
	TESTQ(left, left)
	JZ(LabelRef("row_end"))
	block("masked_inputs", 1, s.mask(left))
	Label("row_end")
}

// gemmRow multiplies one row. Alone it waits for weights from the outer caches: the list
// tells which to prefetch.
func (s set) gemmRow() {
	TEXT("gemmRow"+s.suffix, 0, "func(in, out int, y, x, w *float32)")
	Pragma("noescape")
	k := sparse{s, AllocLocal(4 * (rowChunk + 16 + ahead)), ahead, argument("x"), argument("w"), argument("out")}
	in := argument("in")
	SHLQ(Imm(2), k.stride)
	Label("chunk")
	n := GP64()
	MOVQ(U32(rowChunk), n)
	CMPQ(in, n)
	CMOVQLT(in, n)
	k.row(n, argument("y"))
	MOVQ(U32(rowChunk), n)
	SUBQ(n, in)
	JLE(LabelRef("end"))
	LEAQ(at(k.x, n, 4), k.x)
	IMULQ(k.stride, n)
	ADDQ(n, k.w)
	JMP(LabelRef("chunk"))
	Label("end")
	finish()
}

// gemmSparse multiplies many rows, of at most sparseChunk inputs, and with each asks for so
// many lines of the weights that follow.
func (s set) gemmSparse() {
	s.text("gemmSparse", "rows, in, out int, y, x, w *float32, ldx, ldy, lines int")
	k := sparse{s, AllocLocal(4 * (sparseChunk + 16)), 0, argument("x"), argument("w"), argument("out")}
	SHLQ(Imm(2), k.stride)
	y, rows, next, size := argument("y"), argument("rows"), GP64(), argument("in")
	IMULQ(k.stride, size)
	LEAQ(Mem{Base: k.w, Index: size, Scale: 1}, next)
	Label("row")
	lines := argument("lines")
	Label("prefetch")
	PREFETCHT1(Mem{Base: next})
	ADDQ(Imm(64), next)
	DECQ(lines)
	JG(LabelRef("prefetch"))
	yr := GP64()
	MOVQ(y, yr)
	k.row(argument("in"), yr)
	ldx, ldy := argument("ldx"), argument("ldy")
	LEAQ(at(k.x, ldx, 4), k.x)
	LEAQ(at(y, ldy, 4), y)
	DECQ(rows)
	JNZ(LabelRef("row"))
	finish()
}

// nonzero lists which of n inputs are not zero, of either sign, and counts them. It may
// write a vector behind the list's end.
func (s set) nonzero(x, n, count GPVirtual, list func(e Register, first int) Mem) {
	i := GP64()
	XORQ(count, count)
	if s.bytes == 32 {
		XORQ(i, i)
		Label("nonzero")
		v := GP32()
		MOVL(at(x, i, 4), v)
		MOVL(i.As32(), list(count, 0))
		ADDL(v, v) // the sign out
		CMPL(v, Imm(1))
		SBBQ(I8(-1), count) // one more, less one if v is 0
		INCQ(i)
		CMPQ(i, n)
		JLT(LabelRef("nonzero"))
		return
	}
	zero, index, step := s.zero(), s.vec(), s.vec()
	VMOVDQU32(iota16, index)
	wide := GP32()
	MOVL(U32(uint32(s.wide())), wide)
	VPBROADCASTD(wide, step)
	s.values(n, i, func(m mask) {
		found, which, more := K(), s.vec(), GP32()
		VCMPPS(Imm(4), s.load(at(x, i, 4), m), zero, found) // not equal, also where NaN
		VPCOMPRESSD_Z(index, found, which)
		VMOVDQU32(which, list(count, 0))
		KMOVW(found, more)
		POPCNTL(more, more)
		ADDQ(more.As64(), count)
		VPADDD(step, index, index)
	})
}
