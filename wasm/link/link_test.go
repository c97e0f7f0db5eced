package main

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"understudy/wasm/kernels"
	"understudy/wasm/kernels/cable"
	"understudy/wasm/module"
)

// stubs is a module with one global, a memory, and a function of Go's signature for each name.
func stubs(names ...string) *module.Module {
	m := &module.Module{}
	m.Memory(1, 1)
	m.ExportMemory("memory")
	m.Global(module.I32, true, 1024) // the stack pointer
	table := binary.AppendUvarint(nil, uint64(len(names)))
	for i, name := range names {
		f := m.Func([]module.Type{module.I32}, module.I32)
		f.Op("unreachable")
		m.ExportFunc(name, f)
		table = appendBytes(binary.AppendUvarint(table, uint64(i)), []byte(name))
	}
	m.Custom("name", appendBytes([]byte{1}, table)) // names of functions
	return m
}

const prefix, cablePrefix = "understudy_native.wasm", "understudy_native_cable.wasm"

// all are the names of package native's stubs, allCable those of native/cable's.
func all() []string { return append([]string{"main.main"}, named(prefix, kernels.All)...) }

func allCable() []string { return named(cablePrefix, cable.All()) }

func named(prefix string, kernels []kernels.Kernel) []string {
	names := []string{prefix + flag}
	for _, k := range kernels {
		names = append(names, prefix+k.Name)
	}
	return names
}

// TestLinked calls kernels and the flags as Go would.
func TestLinked(t *testing.T) {
	wasm, err := link(stubs(append(all(), allCable()...)...).Encode())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(wasm), "main.main") != 1 { // as an export
		t.Error("the name section is still there")
	}
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	instance, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	memory := instance.Memory()
	call := func(name string, sp uint32) {
		t.Helper()
		result, err := instance.ExportedFunction(name).Call(ctx, 0)
		if err != nil || result[0] != 0 {
			t.Fatalf("%s: %v, %v", name, result, err)
		}
	}
	sp := uint32(1024) // a call pops its return address
	for _, prefix := range []string{prefix, cablePrefix} {
		call(prefix+flag, sp)
		if v, _ := memory.ReadUint64Le(sp + 8); v != 1 {
			t.Errorf("%s%s is %d, want 1", prefix, flag, v)
		}
		sp += 8
	}
	// Flush(n, x, tiny), with a float64 among its parameters.
	const tiny = 2048
	for i, v := range []uint64{1, tiny, math.Float64bits(1e-9)} {
		memory.WriteUint64Le(sp+8+8*uint32(i), v)
	}
	memory.WriteFloat64Le(tiny, 1e-10)
	memory.WriteFloat64Le(tiny+8, 1e-10)
	call(cablePrefix+"Flush", sp)
	sp += 8
	for i, want := range []float64{0, 1e-10} {
		if v, _ := memory.ReadFloat64Le(tiny + 8*uint32(i)); v != want {
			t.Errorf("element %d after Flush of one: %v, want %v", i, v, want)
		}
	}
	// Axpy(y, x, n, a)
	const x, y, n, a = 2048, 4096, 7, 0.5
	for i, v := range []uint64{y, x, n} {
		memory.WriteUint64Le(sp+8+8*uint32(i), v)
	}
	memory.WriteFloat32Le(sp+8+24, a)
	for i := range uint32(n) {
		memory.WriteFloat32Le(x+4*i, float32(i))
		memory.WriteFloat32Le(y+4*i, 1)
	}
	call(prefix+"Axpy", sp)
	for i := range uint32(n) {
		if v, _ := memory.ReadFloat32Le(y + 4*i); v != 1+a*float32(i) {
			t.Errorf("y[%d] is %v, want %v", i, v, 1+a*float32(i))
		}
	}
	if v, _ := memory.ReadUint32Le(y + 4*n); math.Float32frombits(v) != 0 {
		t.Error("wrote past y")
	}
}

// The tests of native/cable have its stubs alone.
func TestOnePackage(t *testing.T) {
	for _, names := range [][]string{all(), allCable()} {
		if _, err := link(stubs(names...).Encode()); err != nil {
			t.Error(err)
		}
	}
}

func TestDamaged(t *testing.T) {
	wasm := stubs(all()...).Encode()
	for n := range wasm {
		if _, err := link(wasm[:n]); err == nil {
			t.Fatalf("%d of %d bytes: no error", n, len(wasm))
		}
	}
	if _, err := link(append(wasm[:len(wasm):len(wasm)], 11)); err == nil {
		t.Error("a byte too many: no error")
	}
	unnamed := &module.Module{}
	unnamed.Func(nil)
	for _, c := range []struct {
		what, want string
		wasm       []byte
	}{
		{"no module", "not a WebAssembly module", []byte("#!/bin/sh\n")},
		{"no names", "no name section", unnamed.Encode()},
		{"no stub of a kernel", "wasm" + kernels.All[len(kernels.All)-1].Name, stubs(all()[:len(all())-1]...).Encode()},
		{"no stub of any kernel", "no stubs", stubs("main.main").Encode()},
		{"no stub of one of two packages", "cable.wasmSolve", stubs(append(all(), allCable()[:len(allCable())-1]...)...).Encode()},
		{"no kernel of a stub", "wasmAbacus", stubs(append(all(), prefix+"Abacus")...).Encode()},
		{"a stub twice", "two functions", stubs(append(all(), prefix+flag)...).Encode()},
	} {
		if _, err := link(c.wasm); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.what, err, c.want)
		}
	}
}

// A module that cannot be linked leaves the one of before.
func TestNothingHalfWritten(t *testing.T) {
	folder := t.TempDir()
	from, to := filepath.Join(folder, "in.wasm"), filepath.Join(folder, "out.wasm")
	for path, text := range map[string]string{from: magic, to: "before"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(from, to); err == nil || !strings.Contains(err.Error(), from) {
		t.Errorf("error %v, want one that names %s", err, from)
	}
	if b, err := os.ReadFile(to); err != nil || string(b) != "before" {
		t.Errorf("out.wasm is %q, %v", b, err)
	}
	if all, err := os.ReadDir(folder); err != nil || len(all) != 2 {
		t.Errorf("%d files in the folder, %v", len(all), err)
	}
}
