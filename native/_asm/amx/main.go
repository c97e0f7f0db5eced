// Command amx writes ../../amx_amd64.s: the matrix products of 8-bit integers and of bfloat16 in AMX
// tiles (Intel, Software Developer's Manual, volume 1, chapter 18). Neither avo nor Go's
// assembler knows the instructions, so they are written as bytes, each below a comment
// that says it in the GNU assembler's syntax. A test of package native assembles the
// comments and compares.
package main

import (
	"encoding/binary"
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	for _, o := range []operands{
		{"Int8", "y *int32, x *uint8, w *int8", "four", dotInt8},
		{"BF16", "y *float32, x, w *uint16", "two", dotBF16},
	} {
		o.product(2, 2)
		o.product(2, 1)
		o.product(1, 4)
		o.product(1, 1)
	}
	Generate()
}

// operands are of a type; so many inputs take four bytes.
type operands struct {
	name, args, inputs string
	// dot adds to the four bytes of each of tile sum's elements the products of those of x and w.
	dot func(sum, x, w int)
}

// product writes a kernel that takes high by wide tiles of sums at a time: tiles of 16
// rows and 16 outputs, or as many as the configuration says. It goes through groups of
// them down the rows, and blocks of them along the outputs; each sums over steps, of 64 bytes
// of inputs or as many as the configuration says. Tiles 0 to 3 hold sums (the lower tile of rows has 2
// and 3), the next high ones inputs, the others weights.
//
// The bytes' registers are chosen by hand: avo cannot know what they read and write.
func (o *operands) product(high, wide int) {
	TEXT(fmt.Sprintf("gemm%sTiles%dx%d", o.name, high, wide), NOSPLIT,
		"func(config [64]uint8, groups, blocks, steps int, "+o.args+", ldx, ldy, ldw int)")
	Pragma("noescape")
	Doc("ldx, ldy and ldw are in bytes; a row of w is " + o.inputs + " inputs of every output.")
	var (
		ldx, ldy, ldw   = RAX, RBX, RCX
		x, w, step      = RDX, RSI, RDI // in the loop over steps
		xGroup, y       = R8, R9        // in the loop over groups
		group, below    = R10, R11
		wBlock, yBlock  = R12, R15
		sum, xs, first  = 0, 4, 4 + high // first tiles: sums, inputs, weights
		weights         = 8 - first
		tileRows        = U8(4) // a shift: 16 rows, of x, y or, fours of bytes, of w
		bytesOfATileRow = 64
	)
	config, err := Param("config").Index(0).Resolve()
	if err != nil {
		panic(err)
	}
	LEAQ(config.Addr, R8)
	encode(np, 0x49, 0, 0, R8, nil, 0, "ldtilecfg (%s)", name(R8))
	Load(Param("ldx"), ldx)
	Load(Param("ldy"), ldy)
	Load(Param("ldw"), ldw)
	Load(Param("y"), yBlock)
	Load(Param("w"), wBlock)
	// next sets below to what lies a tile below p.
	next := func(p, ld GPPhysical) {
		MOVQ(ld, below)
		SHLQ(tileRows, below)
		ADDQ(p, below)
	}
	// sums moves all of them from or to y.
	sums := func(move func(t int, base, stride GPPhysical, offset int)) {
		next(y, ldy)
		for i, row := range []GPPhysical{y, below}[:high] {
			for j := range wide {
				move(sum+2*i+j, row, ldy, j*bytesOfATileRow)
			}
		}
	}

	Label("block")
	MOVQ(yBlock, y)
	Load(Param("x"), xGroup)
	Load(Param("groups"), group)
	Label("group")
	sums(tileLoad)
	MOVQ(xGroup, x)
	MOVQ(wBlock, w)
	Load(Param("steps"), step)
	Label("step")
	next(x, ldx)
	tileLoad(xs, x, ldx, 0)
	for j := range wide {
		tileLoad(first+j%weights, w, ldw, j*bytesOfATileRow)
		o.dot(sum+j, xs, first+j%weights)
	}
	if high == 2 {
		tileLoad(xs+1, below, ldx, 0)
		for j := range wide {
			o.dot(sum+2+j, xs+1, first+j)
		}
	}
	ADDQ(U8(64), x)
	next(w, ldw)
	MOVQ(below, w)
	DECQ(step)
	JNZ(LabelRef("step"))
	sums(tileStore)
	for _, p := range [][2]GPPhysical{{xGroup, ldx}, {y, ldy}} {
		for range high {
			next(p[0], p[1])
			MOVQ(below, p[0])
		}
	}
	DECQ(group)
	JNZ(LabelRef("group"))
	ADDQ(I32(wide*bytesOfATileRow), wBlock)
	ADDQ(I32(wide*bytesOfATileRow), yBlock)
	blocks, err := Param("blocks").Resolve()
	if err != nil {
		panic(err)
	}
	DECQ(blocks.Addr)
	JNZ(LabelRef("block"))
	// Without it the system would save tiles that nobody needs at every switch of threads.
	encode(np, 0x49, 0, 0, nil, nil, 0, "tilerelease")
	RET()
}

// tileLoad loads tile t from rows that are stride bytes apart.
func tileLoad(t int, base, stride GPPhysical, offset int) {
	encode(f2, 0x4b, t, 0, base, stride, offset, "tileloadd %d(%s,%s), %%tmm%d", offset, name(base), name(stride), t)
}

func tileStore(t int, base, stride GPPhysical, offset int) {
	encode(f3, 0x4b, t, 0, base, stride, offset, "tilestored %%tmm%d, %d(%s,%s)", t, offset, name(base), name(stride))
}

// dotInt8 adds to the int32 of tile sum the products of x's uint8 and w's int8, four to each.
func dotInt8(sum, x, w int) {
	encode(p66, 0x5e, sum, w, tile(x), nil, 0, "tdpbusd %%tmm%d, %%tmm%d, %%tmm%d", w, x, sum)
}

// dotBF16 adds to the float32 of tile sum the products of x's and w's bfloat16, two to each.
func dotBF16(sum, x, w int) {
	encode(f3, 0x5c, sum, w, tile(x), nil, 0, "tdpbf16ps %%tmm%d, %%tmm%d, %%tmm%d", w, x, sum)
}

// tile is one as an operand in the place of a memory operand.
type tile int

// The prefix that a VEX prefix stands for.
const (
	np = iota
	p66
	f3
	f2
)

// encode writes an instruction of VEX.128.0F38.W0 (the same manual, volume 2, section
// 2.3): its opcode, the tiles in ModRM.reg and VEX.vvvv, and in ModRM.rm another tile or memory,
// always with an index if it is a tile's. rm nil is tile 0.
func encode(prefix int, opcode uint8, reg, vvvv int, rm any, index GPPhysical, offset int, text string, args ...any) {
	const indirect, short, long, register = 0 << 6, 1 << 6, 2 << 6, 3 << 6
	var high uint8 // the inverse of bits R, X, B: the registers' fourth bits
	operand := []uint8{uint8(reg) << 3}
	switch rm := rm.(type) {
	case nil:
		operand[0] |= register
	case tile:
		operand[0] |= register | uint8(rm)
	case GPPhysical:
		b := number(rm)
		high |= b >> 3 << 5
		if index == nil {
			operand[0] |= indirect | b&7
			break
		}
		i := number(index)
		high |= i >> 3 << 6
		operand = append(operand, i&7<<3|b&7)
		switch {
		case offset == 0 && b&7 != 5: // 5 would mean no base
			operand[0] |= indirect | 4
		case offset == int(int8(offset)):
			operand[0] |= short | 4
			operand = append(operand, uint8(offset))
		default:
			operand[0] |= long | 4
			operand = binary.LittleEndian.AppendUint32(operand, uint32(offset))
		}
	}
	code := append([]uint8{0xc4, 0xe0 ^ high | 2, uint8(15-vvvv)<<3 | uint8(prefix), opcode}, operand...)
	Comment(fmt.Sprintf(text, args...))
	for _, c := range code {
		Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []Op{U8(c)}})
	}
}

// number is a register's in encodings.
func number(r GPPhysical) uint8 {
	for i, p := range []GPPhysical{RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15} {
		if p == r {
			return uint8(i)
		}
	}
	panic("no such register")
}

// name is a register's in the GNU assembler.
func name(r GPPhysical) string {
	return "%" + [...]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}[number(r)]
}
