package module

import (
	"encoding/binary"
	"fmt"
	"math"
)

const opEnd = 0x0b

// Op appends instructions that have no immediate: "i32.add", "f32x4.mul", "return".
func (f *Func) Op(names ...string) {
	for _, name := range names {
		f.opcode(name, plain)
	}
}

func (f *Func) opcode(name string, form form) {
	o, known := opcodes[name]
	if !known || o.form != form {
		panic(fmt.Sprintf("module: no instruction %q of this form", name))
	}
	if o.code > 0xff { // a prefix and a number
		f.code.WriteByte(byte(o.code >> 16))
		f.uint(uint64(o.code & 0xffff))
		return
	}
	f.code.WriteByte(byte(o.code))
}

// Mem appends a load or store at the address on the stack plus offset: "v128.load". The alignment
// is declared as 1 byte, which a runtime may not care about.
func (f *Func) Mem(name string, offset uint32) {
	f.opcode(name, memory)
	f.uint(0)
	f.uint(uint64(offset))
}

// Lane appends an instruction with the number of a lane: "f32x4.extract_lane".
func (f *Func) Lane(name string, lane int) {
	f.opcode(name, lanes)
	f.code.WriteByte(byte(lane))
}

// MemLane appends a load or store of one lane: "v128.store32_lane".
func (f *Func) MemLane(name string, offset uint32, lane int) {
	f.opcode(name, memoryLane)
	f.uint(0)
	f.uint(uint64(offset))
	f.code.WriteByte(byte(lane))
}

// Shuffle appends i8x16.shuffle: each byte of the result is that of the two operands.
func (f *Func) Shuffle(from [16]byte) {
	f.opcode("i8x16.shuffle", shuffle)
	f.code.Write(from[:])
}

// I32 appends a constant.
func (f *Func) I32(v int32) {
	f.code.WriteByte(0x41)
	f.code.Write(AppendVarint(nil, int64(v)))
}

// I64 appends a constant.
func (f *Func) I64(v int64) {
	f.code.WriteByte(0x42)
	f.code.Write(AppendVarint(nil, v))
}

// F32 appends a constant.
func (f *Func) F32(v float32) {
	f.code.WriteByte(0x43)
	f.code.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
}

// F64 appends a constant.
func (f *Func) F64(v float64) {
	f.code.WriteByte(0x44)
	f.code.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
}

// V128 appends a constant of four 32-bit lanes.
func (f *Func) V128(lanes [4]uint32) {
	f.code.Write([]byte{0xfd, 12})
	for _, v := range lanes {
		f.code.Write(binary.LittleEndian.AppendUint32(nil, v))
	}
}

// Get, Set and Tee append local.get, local.set and local.tee.
func (f *Func) Get(locals ...Local) {
	for _, l := range locals {
		f.code.WriteByte(0x20)
		f.uint(uint64(l))
	}
}

// Set appends local.set.
func (f *Func) Set(l Local) { f.code.WriteByte(0x21); f.uint(uint64(l)) }

// Tee appends local.tee.
func (f *Func) Tee(l Local) { f.code.WriteByte(0x22); f.uint(uint64(l)) }

// GetGlobal appends global.get.
func (f *Func) GetGlobal(g Global) { f.code.WriteByte(0x23); f.uint(uint64(g)) }

// SetGlobal appends global.set.
func (f *Func) SetGlobal(g Global) { f.code.WriteByte(0x24); f.uint(uint64(g)) }

// Call appends call.
func (f *Func) Call(to *Func) { f.code.WriteByte(0x10); f.uint(uint64(to.index)) }

// Block appends block ... end around what body appends. Inside, Br(0) leaves it.
func (f *Func) Block(body func()) { f.block(0x02, body) }

// Loop appends loop ... end around what body appends. Inside, Br(0) begins it anew.
func (f *Func) Loop(body func()) { f.block(0x03, body) }

// If appends if ... end around what body appends: done if the i32 on the stack is not 0.
func (f *Func) If(body func()) { f.block(0x04, body) }

// IfElse appends if ... else ... end.
func (f *Func) IfElse(then, otherwise func()) {
	f.block(0x04, func() {
		then()
		f.code.WriteByte(0x05)
		otherwise()
	})
}

func (f *Func) block(opcode byte, body func()) {
	f.code.Write([]byte{opcode, 0x40})
	f.depth++
	body()
	f.depth--
	f.code.WriteByte(opEnd)
}

// Br appends br to the block that is depth blocks further out than the innermost.
func (f *Func) Br(depth int) { f.code.WriteByte(0x0c); f.uint(uint64(depth)) }

// BrIf appends br_if: where the i32 on the stack is not 0.
func (f *Func) BrIf(depth int) { f.code.WriteByte(0x0d); f.uint(uint64(depth)) }

// MemoryCopy appends memory.copy: to, from and size are on the stack.
func (f *Func) MemoryCopy() { f.code.Write([]byte{0xfc, 10, 0, 0}) }

// MemoryFill appends memory.fill: address, byte and size are on the stack.
func (f *Func) MemoryFill() { f.code.Write([]byte{0xfc, 11, 0}) }

// MemoryGrow and MemorySize append memory.grow and memory.size, in pages.
func (f *Func) MemoryGrow() { f.code.Write([]byte{0x40, 0}) }

// MemorySize appends memory.size.
func (f *Func) MemorySize() { f.code.Write([]byte{0x3f, 0}) }
