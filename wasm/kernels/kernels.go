// Package kernels writes the compute kernels as WebAssembly code with 128-bit vectors: each does
// what the method of native.Set of its name does, with the bits of native's reference, on operands in linear
// memory. Addresses and lengths are i32; the lengths are those that the method's documentation
// wants, and the methods' checks are the caller's business. Parameters are not changed.
//
// The same code serves the guest, whose assembly stubs it replaces (package wasm/link), and packed
// neurons. RATIONALE.md says what makes it fast.
package kernels

import (
	"slices"

	"understudy/native"
	"understudy/wasm/module"
)

// Kernel is a kernel.
type Kernel struct {
	Name   string // of the method of native.Set, or of the native.Activation
	Params []module.Type
	Write  func(f *module.Func, p []module.Local) // writes the body, given the parameters
}

// Func adds the kernel to a module, as a function without results.
func (k *Kernel) Func(m *module.Module) *module.Func {
	f := m.Func(k.Params)
	p := make([]module.Local, len(k.Params))
	for i := range p {
		p[i] = f.Param(i)
	}
	k.Write(f, p)
	return f
}

// All lists the kernels, for any sizes.
var All = []Kernel{
	{"Gemm", addresses(9), func(f *module.Func, p []module.Local) {
		Gemm(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8])
	}},
	{"Axpy", append(addresses(3), module.F32), func(f *module.Func, p []module.Local) { Axpy(f, p[0], p[1], p[2], p[3]) }},
	{"Add", addresses(3), func(f *module.Func, p []module.Local) { Add(f, p[0], p[1], p[2]) }},
	{"ReLU", addresses(2), func(f *module.Func, p []module.Local) { ReLU(f, p[0], p[1]) }},
	{"MulAdd", addresses(5), func(f *module.Func, p []module.Local) { MulAdd(f, p[0], p[1], p[2], p[3], p[4]) }},
	{"ScaleShift", addresses(5), func(f *module.Func, p []module.Local) { ScaleShift(f, p[0], p[1], p[2], p[3], p[4]) }},
	{"Columns", addresses(6), func(f *module.Func, p []module.Local) { Columns(f, p[0], p[1], p[2], p[3], p[4], p[5]) }},
	{"Bags", addresses(7), func(f *module.Func, p []module.Local) {
		Bags(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6])
	}},
	{"GemmInt8", addresses(9), func(f *module.Func, p []module.Local) {
		GemmInt8(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8])
	}},
	{"MulAddInt8", addresses(7), func(f *module.Func, p []module.Local) {
		MulAddInt8(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6])
	}},
	{"ColumnsInt8", addresses(6), func(f *module.Func, p []module.Local) {
		ColumnsInt8(f, p[0], p[1], p[2], p[3], p[4], p[5])
	}},
	{"Requant", addresses(11), func(f *module.Func, p []module.Local) {
		Requant(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10])
	}},
	{"Leak", addresses(7), func(f *module.Func, p []module.Local) {
		Leak(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6])
	}},
	{"AddInt8", addresses(9), func(f *module.Func, p []module.Local) {
		AddInt8(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8])
	}},
	activation("LeakyReLU", native.LeakyReLU),
	activation("ELU", native.ELU),
	activation("SiLU", native.SiLU),
	activation("GELU", native.GELU),
	activation("GELUTanh", native.GELUTanh),
	activation("Tanh", native.Tanh),
	activation("Sigmoid", native.Sigmoid),
	activation("ScaledTanh", native.ScaledTanh),
}

// Guest lists the kernels as they are in the guest: larger by the code for layers of the widths of the built-in
// models' and the paper's.
func Guest() []Kernel {
	all := slices.Clone(All)
	for i := range all {
		switch all[i].Name {
		case "Gemm":
			all[i].Write = func(f *module.Func, p []module.Local) {
				Gemm(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8],
					Matrix{45, 200}, Matrix{100, 200}, Matrix{200, 100}, Matrix{64, 64}, Matrix{128, 128}, Matrix{30, 50}, Matrix{50, 30})
			}
		case "MulAdd":
			all[i].Write = func(f *module.Func, p []module.Local) { MulAdd(f, p[0], p[1], p[2], p[3], p[4], 30, 64, 100) }
		case "ScaleShift":
			all[i].Write = func(f *module.Func, p []module.Local) { ScaleShift(f, p[0], p[1], p[2], p[3], p[4], 30, 45, 100, 128) }
		case "Columns":
			all[i].Write = func(f *module.Func, p []module.Local) { Columns(f, p[0], p[1], p[2], p[3], p[4], p[5], 30, 45, 64) }
		case "Bags":
			all[i].Write = func(f *module.Func, p []module.Local) {
				Bags(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], 30, 45, 64)
			}
		case "ColumnsInt8":
			all[i].Write = func(f *module.Func, p []module.Local) { ColumnsInt8(f, p[0], p[1], p[2], p[3], p[4], p[5], 30, 45, 64) }
		case "GemmInt8":
			all[i].Write = func(f *module.Func, p []module.Local) {
				GemmInt8(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8],
					Matrix{148, 208}, Matrix{200, 112}, Matrix{256, 64}, Matrix{64, 64}, Matrix{128, 128},
					Matrix{60, 64}, Matrix{52, 32})
			}
		}
	}
	return all
}

// addresses are n parameters that are addresses or lengths.
func addresses(n int) []module.Type { return slices.Repeat([]module.Type{module.I32}, n) }

// activation is native.Activate of one kind: address, length and alpha.
func activation(name string, kind native.Activation) Kernel {
	return Kernel{name, append(addresses(2), module.F32), func(f *module.Func, p []module.Local) { Activate(f, kind, p[0], p[1], p[2]) }}
}
