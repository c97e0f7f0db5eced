// Package module writes WebAssembly modules: the few sections that generated code needs, and
// functions instruction by instruction, under the names of the text format. It is the assembler of
// the generated kernels and of packed neurons. See the specification, WebAssembly 2.0, chapter 5
// (binary format); a mistake in the generated code shows when a runtime validates it.
package module

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// Type is the type of a value.
type Type byte

// Types of values.
const (
	I32  Type = 0x7f
	I64  Type = 0x7e
	F32  Type = 0x7d
	F64  Type = 0x7c
	V128 Type = 0x7b
)

// PageSize is the unit of a memory's size [bytes].
const PageSize = 1 << 16

// Module is a module under construction. The zero value is empty.
type Module struct {
	types   []string // encoded
	funcs   []*Func  // the imported ones first
	imports []byte   // encoded
	start   *Func
	min     uint32 // pages of memory
	max     uint32
	memory  bool
	globals []global
	exports []export
	data    []segment
	custom  []section
}

type global struct {
	t       Type
	mutable bool
	init    int64
}

type export struct {
	name  string
	kind  byte
	index uint32
}

type segment struct {
	at    uint32
	bytes []byte
}

type section struct {
	name  string
	bytes []byte
}

// Global is a global variable of a module.
type Global uint32

// Import adds a function that the host provides. All imports come before the first Func.
func (m *Module) Import(from, name string, params []Type, results ...Type) *Func {
	if m.imported() < len(m.funcs) {
		panic("module: an import behind a function")
	}
	f := &Func{index: uint32(len(m.funcs)), typ: m.typeOf(params, results), imported: true}
	m.funcs = append(m.funcs, f)
	m.imports = append(appendBytes(appendBytes(m.imports, []byte(from)), []byte(name)), 0)
	m.imports = binary.AppendUvarint(m.imports, uint64(f.typ))
	return f
}

// imported is the number of imports.
func (m *Module) imported() int {
	n := 0
	for n < len(m.funcs) && m.funcs[n].imported {
		n++
	}
	return n
}

// Start has f run when the module is instantiated.
func (m *Module) Start(f *Func) { m.start = f }

// Func adds a function, whose body is to be written.
func (m *Module) Func(params []Type, results ...Type) *Func {
	f := &Func{index: uint32(len(m.funcs)), typ: m.typeOf(params, results), params: len(params), locals: slices.Clone(params)}
	m.funcs = append(m.funcs, f)
	return f
}

func (m *Module) typeOf(params, results []Type) uint32 {
	b := []byte{0x60}
	for _, list := range [][]Type{params, results} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, t := range list {
			b = append(b, byte(t))
		}
	}
	if i := slices.Index(m.types, string(b)); i >= 0 {
		return uint32(i)
	}
	m.types = append(m.types, string(b))
	return uint32(len(m.types) - 1)
}

// Memory gives the module its memory, of min to max pages.
func (m *Module) Memory(min, max uint32) { m.memory, m.min, m.max = true, min, max }

// Global adds a global of type I32 or I64.
func (m *Module) Global(t Type, mutable bool, init int64) Global {
	m.globals = append(m.globals, global{t, mutable, init})
	return Global(len(m.globals) - 1)
}

// Data has the memory begin with these bytes at an address.
func (m *Module) Data(at uint32, b []byte) { m.data = append(m.data, segment{at, b}) }

// ExportFunc exports a function, ExportMemory the memory.
func (m *Module) ExportFunc(name string, f *Func) {
	m.exports = append(m.exports, export{name, 0, f.index})
}

// ExportMemory exports the memory.
func (m *Module) ExportMemory(name string) { m.exports = append(m.exports, export{name, 2, 0}) }

// Custom adds a custom section, at the end of the module.
func (m *Module) Custom(name string, b []byte) { m.custom = append(m.custom, section{name, b}) }

// Encode returns the module in the binary format. It panics on a function that is not finished.
func (m *Module) Encode() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	add := func(id byte, count int, body []byte) {
		if count == 0 {
			return
		}
		if count > 0 {
			body = append(binary.AppendUvarint(nil, uint64(count)), body...)
		}
		out = append(out, id)
		out = append(binary.AppendUvarint(out, uint64(len(body))), body...)
	}
	var b []byte
	for _, t := range m.types {
		b = append(b, t...)
	}
	add(1, len(m.types), b)
	imported := m.imported()
	add(2, imported, m.imports)
	b = nil
	for _, f := range m.funcs[imported:] {
		b = binary.AppendUvarint(b, uint64(f.typ))
	}
	add(3, len(m.funcs)-imported, b)
	if m.memory {
		add(5, 1, binary.AppendUvarint(binary.AppendUvarint([]byte{1}, uint64(m.min)), uint64(m.max)))
	}
	b = nil
	for _, g := range m.globals {
		b = append(b, byte(g.t), 0)
		if g.mutable {
			b[len(b)-1] = 1
		}
		b = append(b, map[Type]byte{I32: 0x41, I64: 0x42}[g.t])
		b = append(AppendVarint(b, g.init), opEnd)
	}
	add(6, len(m.globals), b)
	b = nil
	for _, e := range m.exports {
		b = append(appendBytes(b, []byte(e.name)), e.kind)
		b = binary.AppendUvarint(b, uint64(e.index))
	}
	add(7, len(m.exports), b)
	if m.start != nil {
		add(8, -1, binary.AppendUvarint(nil, uint64(m.start.index)))
	}
	b = nil
	for _, f := range m.funcs[imported:] {
		b = appendBytes(b, f.Body())
	}
	add(10, len(m.funcs)-imported, b)
	b = nil
	for _, d := range m.data {
		b = append(AppendVarint(append(b, 0, 0x41), int64(int32(d.at))), opEnd)
		b = appendBytes(b, d.bytes)
	}
	add(11, len(m.data), b)
	for _, c := range m.custom {
		add(0, -1, append(appendBytes(nil, []byte(c.name)), c.bytes...))
	}
	return out
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// AppendVarint appends a number as a signed LEB128.
func AppendVarint(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// Local is a parameter or local variable of a function.
type Local uint32

// Func is a function under construction: its methods append instructions.
type Func struct {
	index    uint32
	typ      uint32
	imported bool
	params   int
	locals   []Type // the parameters first
	code     bytes.Buffer
	depth    int              // open blocks
	scopes   [][]Local        // locals of each Reuse that is going on
	free     map[Type][]Local // those of Reuses that have ended
}

// Param is parameter i.
func (f *Func) Param(i int) Local { return Local(i) }

// Local adds a local variable, 0 at the beginning unless it is made within Reuse.
func (f *Func) Local(t Type) Local {
	if len(f.scopes) == 0 {
		f.locals = append(f.locals, t)
		return Local(len(f.locals) - 1)
	}
	var l Local
	if free := f.free[t]; len(free) > 0 {
		l, f.free[t] = free[len(free)-1], free[:len(free)-1]
	} else {
		f.locals = append(f.locals, t)
		l = Local(len(f.locals) - 1)
	}
	scope := &f.scopes[len(f.scopes)-1]
	*scope = append(*scope, l)
	return l
}

// Reuse calls body, whose local variables are used again by a later Reuse: they may hold anything at the beginning.
func (f *Func) Reuse(body func()) {
	f.scopes = append(f.scopes, nil)
	body()
	last := len(f.scopes) - 1
	if f.free == nil {
		f.free = map[Type][]Local{}
	}
	for _, l := range f.scopes[last] {
		t := f.locals[l]
		f.free[t] = append(f.free[t], l)
	}
	f.scopes = f.scopes[:last]
}

// Body returns the function as a code section has it, without its size: locals, instructions, end.
func (f *Func) Body() []byte {
	if f.depth != 0 {
		panic(fmt.Sprintf("module: function %d has %d open blocks", f.index, f.depth))
	}
	locals := f.locals[f.params:]
	b := binary.AppendUvarint(nil, uint64(len(locals)))
	for _, t := range locals {
		b = append(b, 1, byte(t))
	}
	return append(append(b, f.code.Bytes()...), opEnd)
}

func (f *Func) uint(n uint64) { f.code.Write(binary.AppendUvarint(nil, n)) }
