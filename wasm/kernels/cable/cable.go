// Package cable writes the kernels of the compartmental engine as WebAssembly code with vectors of two float64s: each does what
// the function of native/cable's Loops of its name does, with the bits of its reference, on operands in linear
// memory. Their parameters are those of the stubs in native/cable, whose place they take (package
// wasm/link). Where a name ends in a number, that is Lanes, the cells side by side.
//
// RATIONALE.md says what makes it fast.
package cable

import (
	"fmt"
	"slices"

	"understudy/wasm/kernels"
	"understudy/wasm/module"
)

// Lanes are the numbers of cells side by side that there are kernels for.
var Lanes = []int{1, 2, 4}

// All lists the kernels.
func All() []kernels.Kernel {
	all := []kernels.Kernel{
		kernel("Locate", locate, addresses(4), floats(3)),
		kernel("LocateOctave", locateOctave, addresses(4), floats(3), addresses(1)),
		kernel("Lookup", lookup, addresses(5)),
		kernel("Relax", relax, addresses(5)),
		kernel("RelaxFour", relaxFour, addresses(6)),
		kernel("Extrapolate", extrapolate, addresses(3)),
		kernel("Flush", flush, addresses(2), floats(1)),
		kernel("Synapses", synapses, addresses(9)),
	}
	for _, lanes := range Lanes {
		sided := func(name string, write func(e emitter, lanes int, p []module.Local), parameters int) {
			all = append(all, kernel(fmt.Sprint(name, lanes), func(e emitter, p []module.Local) { write(e, lanes, p) }, addresses(parameters)))
		}
		sided("Base", base, 7)
		sided("Currents", currents, 13)
		sided("Pool", pool, 7)
		sided("Solve", solve, 5)
	}
	return all
}

func kernel(name string, write func(e emitter, p []module.Local), params ...[]module.Type) kernels.Kernel {
	k := kernels.Kernel{Name: name, Write: func(f *module.Func, p []module.Local) {
		write(emitter{Func: f}, p)
	}}
	for _, p := range params {
		k.Params = append(k.Params, p...)
	}
	return k
}

// addresses are n parameters that are addresses, lengths or other integers, floats n numbers.
func addresses(n int) []module.Type { return slices.Repeat([]module.Type{module.I32}, n) }
func floats(n int) []module.Type    { return slices.Repeat([]module.Type{module.F64}, n) }
