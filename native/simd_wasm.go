//go:build !purego

package native

import "errors"

// Set wasm128: WebAssembly's 128-bit vectors. Go's compiler knows none, so the kernels are stubs in
// simd_wasm.s, and wasm/link puts the code that package wasm/kernels writes in their place when the
// module has been built. In a module that it has not touched the set is not available.

func init() {
	s := wasm128
	register(&s)
}

var wasm128 = Set{
	name:     "wasm128",
	doc:      "four values at a time in WebAssembly",
	granted:  linked,
	priority: 10,
	sameBits: true,

	axpy:       refAxpy,
	gemm:       simdGemm,
	mulAdd:     refMulAdd,
	add:        refAdd,
	relu:       refReLU,
	scaleShift: refScaleShift,
	columns:    refColumns,

	gemmInt8:    refGemmInt8,
	mulAddInt8:  refMulAddInt8,
	columnsInt8: refColumnsInt8,
	requant:     refRequant,
	leak:        refLeak,
	addInt8:     refAddInt8,
}

func linked() error {
	if wasmLinked() == 0 {
		return errors.New("code that wasm/link puts in")
	}
	return nil
}

// wasmLinked is 0, and after wasm/link 1.
func wasmLinked() int

//go:noescape
func wasmGemm(y, x, w *float32, rows, in, out, ldx, ldy int, scratch *gemmScratch)

// gemmScratch is room for kernels.ScratchSize bytes. WebAssembly has one thread, and Go
// leaves a stub only when it returns: one is enough.
type gemmScratch [1 << 12]float32

var scratch gemmScratch

func simdGemm(y, x, w []float32, rows, in, out, ldx, ldy int) {
	wasmGemm(&y[0], &x[0], &w[0], rows, in, out, ldx, ldy, &scratch)
}
