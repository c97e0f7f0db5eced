package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"understudy/wasm/kernels"
	"understudy/wasm/kernels/cable"
	"understudy/wasm/module"
)

// stubbed is a package with stubs.
type stubbed struct {
	path    string
	prefix  string // how the name section spells the package, and how its stubs begin
	kernels func() []kernels.Kernel
}

var packages = []stubbed{
	{"native", "understudy_native.wasm", kernels.Guest},
	{"native/cable", "understudy_native_cable.wasm", cable.All},
}

// flag is the stub that says whether a module is linked.
const flag = "Linked"

// Numbers of sections.
const (
	custom  = 0
	imports = 2
	code    = 10
)

// link returns a module that `go build` has written with kernels in the place of the stubs, and
// without its name section.
func link(wasm []byte) ([]byte, error) {
	sections, err := split(wasm)
	if err != nil {
		return nil, err
	}
	var names, bodies *section
	imported := 0
	for i := range sections {
		s := &sections[i]
		switch {
		case s.id == custom && s.name == "name":
			names = s
		case s.id == code:
			bodies = s
		case s.id == imports:
			if imported, err = importedFunctions(s.body); err != nil {
				return nil, fmt.Errorf("import section: %w", err)
			}
		}
	}
	if names == nil {
		return nil, errors.New("no name section: build without -ldflags=-s")
	}
	if bodies == nil {
		return nil, errors.New("no code section")
	}
	replace := map[int][]byte{}
	for _, p := range packages {
		if err := p.replace(names.body, func(index int, body []byte) { replace[index-imported] = body }); err != nil {
			return nil, err
		}
	}
	if len(replace) == 0 {
		return nil, errors.New("no stubs of kernels")
	}
	if bodies.body, err = withBodies(bodies.body, replace); err != nil {
		return nil, fmt.Errorf("code section: %w", err)
	}
	out := bytes.Clone(wasm[:len(magic)])
	for _, s := range sections {
		if s.id != custom || s.name != "name" {
			out = appendBytes(append(out, s.id), s.body)
		}
	}
	return out, nil
}

// replace puts a body in the place of each of the package's stubs. A module that has none of them is without the package.
func (p *stubbed) replace(names []byte, put func(index int, body []byte)) error {
	stubs, err := stubsOf(names, p.prefix)
	if err != nil {
		return fmt.Errorf("name section: %w", err)
	}
	if len(stubs) == 0 {
		return nil
	}
	replaced := func(name string, body []byte) error {
		index, found := stubs[name]
		if !found {
			return fmt.Errorf("no function %s%s: package %s has no stub of that name, or nothing calls it", p.prefix, name, p.path)
		}
		put(index, body)
		delete(stubs, name)
		return nil
	}
	if err := replaced(flag, linked()); err != nil {
		return err
	}
	for _, k := range p.kernels() {
		if err := replaced(k.Name, body(&k)); err != nil {
			return err
		}
	}
	for name := range stubs {
		return fmt.Errorf("function %s%s: there is no kernel of that name for package %s", p.prefix, name, p.path)
	}
	return nil
}

// Go's calling convention: global 0 is the stack pointer, at which the return address stands,
// followed by arguments and results. A function pops the return address and returns 0.
const (
	stackPointer  = module.Global(0)
	returnAddress = 8
)

// goFunc is a function with the signature of Go's.
func goFunc() *module.Func {
	return new(module.Module).Func([]module.Type{module.I32}, module.I32)
}

func goReturn(f *module.Func) []byte {
	f.GetGlobal(stackPointer)
	f.I32(returnAddress)
	f.Op("i32.add")
	f.SetGlobal(stackPointer)
	f.I32(0)
	return f.Body()
}

// body is a kernel that takes its parameters from Go's stack: an address or length of 8 bytes for
// each I32, a float32 for each F32, a float64 for each F64.
func body(k *kernels.Kernel) []byte {
	f := goFunc()
	at := uint32(returnAddress)
	var p []module.Local
	for _, t := range k.Params {
		size, load := uint32(8), "i32.load"
		switch t {
		case module.F32:
			size, load = 4, "f32.load"
		case module.F64:
			load = "f64.load"
		}
		at = (at + size - 1) / size * size
		l := f.Local(t)
		f.GetGlobal(stackPointer)
		f.Mem(load, at)
		f.Set(l)
		p = append(p, l)
		at += size
	}
	k.Write(f, p)
	return goReturn(f)
}

// linked is the body of the stub that says that a module is linked: it returns 1.
func linked() []byte {
	f := goFunc()
	f.GetGlobal(stackPointer)
	f.I64(1)
	f.Mem("i64.store", returnAddress)
	return goReturn(f)
}

const magic = "\x00asm\x01\x00\x00\x00"

// section is one of a module's.
type section struct {
	id   byte
	name string // of a custom section
	body []byte
}

func split(wasm []byte) ([]section, error) {
	if !strings.HasPrefix(string(wasm), magic) {
		return nil, errors.New("not a WebAssembly module")
	}
	r := reader(wasm[len(magic):])
	var all []section
	for len(r) > 0 {
		s := section{id: r[0]}
		r = r[1:]
		var err error
		if s.body, err = r.bytes(); err != nil {
			return nil, fmt.Errorf("section %d: %w", s.id, err)
		}
		if s.id == custom {
			body := reader(s.body)
			name, err := body.bytes()
			if err != nil {
				return nil, fmt.Errorf("custom section: %w", err)
			}
			s.name = string(name)
		}
		all = append(all, s)
	}
	return all, nil
}

// importedFunctions counts the functions among the imports: they have the first indices.
func importedFunctions(body []byte) (int, error) {
	r := reader(body)
	n, err := r.uint()
	if err != nil {
		return 0, err
	}
	functions := 0
	for range n {
		for range 2 { // module, name
			if _, err := r.bytes(); err != nil {
				return 0, err
			}
		}
		if len(r) == 0 || r[0] != 0 {
			return 0, errors.New("import that is no function")
		}
		r = r[1:]
		if _, err := r.uint(); err != nil {
			return 0, err
		}
		functions++
	}
	return functions, nil
}

// stubsOf are the indices of the functions whose names begin with prefix, by what follows.
func stubsOf(body []byte, prefix string) (map[string]int, error) {
	r := reader(body)
	if _, err := r.bytes(); err != nil { // "name"
		return nil, err
	}
	stubs := map[string]int{}
	for len(r) > 0 {
		kind := r[0]
		r = r[1:]
		part, err := r.bytes()
		if err != nil {
			return nil, err
		}
		if kind != 1 { // names of functions
			continue
		}
		names := reader(part)
		n, err := names.uint()
		if err != nil {
			return nil, err
		}
		for range n {
			index, err := names.uint()
			if err != nil {
				return nil, err
			}
			name, err := names.bytes()
			if err != nil {
				return nil, err
			}
			stub, ok := strings.CutPrefix(string(name), prefix)
			if !ok {
				continue
			}
			if _, twice := stubs[stub]; twice {
				return nil, fmt.Errorf("two functions %s", name)
			}
			stubs[stub] = int(index)
		}
	}
	return stubs, nil
}

// withBodies is a code section with other bodies for some of the module's own functions.
func withBodies(body []byte, replace map[int][]byte) ([]byte, error) {
	r := reader(body)
	n, err := r.uint()
	if err != nil {
		return nil, err
	}
	out := binary.AppendUvarint(nil, n)
	done := 0
	for i := range int(n) {
		old, err := r.bytes()
		if err != nil {
			return nil, fmt.Errorf("function %d: %w", i, err)
		}
		if b, ok := replace[i]; ok {
			old = b
			done++
		}
		out = appendBytes(out, old)
	}
	if len(r) > 0 || done != len(replace) {
		return nil, errors.New("does not fit the name section")
	}
	return out, nil
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader reads the numbers and strings of the binary format.
type reader []byte

var errShort = errors.New("ends too early")

func (r *reader) uint() (uint64, error) {
	v, n := binary.Uvarint(*r)
	if n <= 0 || v > 1<<32-1 {
		return 0, errShort
	}
	*r = (*r)[n:]
	return v, nil
}

// bytes reads a length and as many bytes.
func (r *reader) bytes() ([]byte, error) {
	n, err := r.uint()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(*r)) {
		return nil, errShort
	}
	b := (*r)[:n]
	*r = (*r)[n:]
	return b, nil
}
