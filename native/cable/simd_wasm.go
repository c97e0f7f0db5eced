//go:build !purego

package cable

// Kernel wasm128: WebAssembly's 128-bit vectors. As in package native, the loops are stubs in simd_wasm.s, whose code
// wasm/link puts in when the module has been built: that of package wasm/kernels/cable. A module that it has not
// touched has the reference alone.

func assembled() []*Kernel {
	if wasmLinked() == 0 {
		return nil
	}
	one, two, four := wasm128, wasm128, wasm128
	one.solve, one.base, one.currents, one.pool = wasmSolve1, wasmBase1, wasmCurrents1, wasmPool1
	two.solve, two.base, two.currents, two.pool = wasmSolve2, wasmBase2, wasmCurrents2, wasmPool2
	four.solve, four.base, four.currents, four.pool = wasmSolve4, wasmBase4, wasmCurrents4, wasmPool4
	return []*Kernel{{Name: "wasm128", loops: []*Loops{one.loops(1), two.loops(2), four.loops(4)}}}
}

var wasm128 = assembly{wide: 1, locate: wasmLocate, locateOctave: wasmLocateOctave, lookup: wasmLookup, relax: wasmRelax,
	relaxFour: wasmRelaxFour, extrapolate: wasmExtrapolate, flush: wasmFlush, synapses: wasmSynapses}

// wasmLinked is 0, and after wasm/link 1.
func wasmLinked() int

//go:noescape
func wasmLocate(n int, row *int32, frac, v *float64, low, per, last float64)

//go:noescape
func wasmLocateOctave(n int, row *int32, frac, x *float64, low, high, below float64, first int)

//go:noescape
func wasmLookup(n int, out *float64, row *int32, frac, table *float64)

//go:noescape
func wasmRelax(n int, x *float64, row *int32, frac, table *float64)

//go:noescape
func wasmRelaxFour(n, stride int, x *float64, row *int32, frac, table *float64)

//go:noescape
func wasmExtrapolate(n int, v, half *float64)

//go:noescape
func wasmFlush(n int, x *float64, tiny float64)

//go:noescape
func wasmSynapses(n int, d, rhs, v *float64, row *int32, frac, states *float64, list *byte, size int)

//go:noescape
func wasmBase1(n int, d, rhs, v, d0, rhs0, cdt *float64)

//go:noescape
func wasmCurrents1(n int, d, rhs, v, d0, rhs0, cdt, eca, ica, gbar, x *float64, list *byte, size int)

//go:noescape
func wasmPool1(n int, cai, ica, perNA, decay, relax, minCai *float64)

//go:noescape
func wasmSolve1(n int, branches *byte, d, rhs *float64, rootRow int)

//go:noescape
func wasmBase2(n int, d, rhs, v, d0, rhs0, cdt *float64)

//go:noescape
func wasmCurrents2(n int, d, rhs, v, d0, rhs0, cdt, eca, ica, gbar, x *float64, list *byte, size int)

//go:noescape
func wasmPool2(n int, cai, ica, perNA, decay, relax, minCai *float64)

//go:noescape
func wasmSolve2(n int, branches *byte, d, rhs *float64, rootRow int)

//go:noescape
func wasmBase4(n int, d, rhs, v, d0, rhs0, cdt *float64)

//go:noescape
func wasmCurrents4(n int, d, rhs, v, d0, rhs0, cdt, eca, ica, gbar, x *float64, list *byte, size int)

//go:noescape
func wasmPool4(n int, cai, ica, perNA, decay, relax, minCai *float64)

//go:noescape
func wasmSolve4(n int, branches *byte, d, rhs *float64, rootRow int)
