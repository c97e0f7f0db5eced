//go:build !purego

package native

import "errors"

// Set wasm128: WebAssembly's 128-bit vectors. Go's compiler knows none, so the kernels are stubs in
// simd_wasm.s, and wasm/link puts the code that package wasm/kernels writes in their place when the
// module has been built. In a module that it has not touched the set is not available.

func init() {
	s := wasm128
	register(&s)
	if linked() == nil {
		activators = append(activators, activator{"wasm128", simdActivate})
	}
}

var wasm128 = Set{
	name:     "wasm128",
	doc:      "four values at a time in WebAssembly",
	granted:  linked,
	priority: 10,
	sameBits: true,

	axpy:       simdAxpy,
	gemm:       simdGemm,
	mulAdd:     simdMulAdd,
	add:        simdAdd,
	relu:       simdReLU,
	scaleShift: simdScaleShift,
	columns:    simdColumns,
	bags:       simdBags,

	gemmInt8:    simdGemmInt8,
	mulAddInt8:  simdMulAddInt8,
	columnsInt8: simdColumnsInt8,
	requant:     simdRequant,
	leak:        simdLeak,
	addInt8:     simdAddInt8,
}

func linked() error {
	if wasmLinked() == 0 {
		return errors.New("its code, which wasm/link puts in after go build")
	}
	return nil
}

// wasmLinked is 0, and after wasm/link 1.
func wasmLinked() int

//go:noescape
func wasmGemm(y, x, w *float32, rows, in, out, ldx, ldy int, scratch *gemmScratch)

//go:noescape
func wasmAxpy(y, x *float32, n int, a float32)

//go:noescape
func wasmAdd(y, x *float32, n int)

//go:noescape
func wasmReLU(y *float32, n int)

//go:noescape
func wasmMulAdd(y, x, w *float32, rows, n int)

//go:noescape
func wasmScaleShift(y, scale, shift *float32, rows, n int)

//go:noescape
func wasmColumns(y, w *float32, at *int32, a *float32, n, events int)

//go:noescape
func wasmBags(y, w *float32, at *int32, a *float32, ends *int32, rows, n int)

//go:noescape
func wasmGemmInt8(y *int32, x *uint8, w *int8, rows, in, out, ldx, ldy int, scratch *gemmScratch)

//go:noescape
func wasmMulAddInt8(y *int32, x *uint8, w *int8, rows, n, ldx, ldy int)

//go:noescape
func wasmColumnsInt8(y *int32, w *int8, at, a *int32, n, events int)

//go:noescape
func wasmRequant(y *uint8, x, bias, mult *int32, shift uint, low, zero, rows, n, ldx, ldy int)

//go:noescape
func wasmLeak(y, x, decay, mult *int32, shift uint, rows, n int)

//go:noescape
func wasmAddInt8(y, a, b *uint8, ma, mb, c int, shift uint, low, n int)

//go:noescape
func wasmLeakyReLU(y *float32, n int, alpha float32)

//go:noescape
func wasmELU(y *float32, n int, alpha float32)

//go:noescape
func wasmSiLU(y *float32, n int, alpha float32)

//go:noescape
func wasmGELU(y *float32, n int, alpha float32)

//go:noescape
func wasmGELUTanh(y *float32, n int, alpha float32)

//go:noescape
func wasmTanh(y *float32, n int, alpha float32)

//go:noescape
func wasmSigmoid(y *float32, n int, alpha float32)

//go:noescape
func wasmScaledTanh(y *float32, n int, alpha float32)

// gemmScratch is room for kernels.ScratchSize bytes. There is one: WebAssembly has one thread, and a goroutine
// does not give way within a stub.
type gemmScratch [3 * 336 * 4]float32

var scratch gemmScratch

func simdGemm(y, x, w []float32, rows, in, out, ldx, ldy int) {
	wasmGemm(&y[0], &x[0], &w[0], rows, in, out, ldx, ldy, &scratch)
}

func simdAxpy(y, x []float32, a float32) {
	if len(y) > 0 {
		wasmAxpy(&y[0], &x[0], len(y), a)
	}
}

func simdAdd(y, x []float32) {
	if len(y) > 0 {
		wasmAdd(&y[0], &x[0], len(y))
	}
}

func simdReLU(y []float32) {
	if len(y) > 0 {
		wasmReLU(&y[0], len(y))
	}
}

func simdMulAdd(y, x, w []float32, rows, n int) {
	if rows > 0 && n > 0 {
		wasmMulAdd(&y[0], &x[0], &w[0], rows, n)
	}
}

func simdScaleShift(y, scale, shift []float32, rows, n int) {
	if rows > 0 && n > 0 {
		wasmScaleShift(&y[0], &scale[0], &shift[0], rows, n)
	}
}

func simdColumns(y, w []float32, at []int32, a []float32) {
	if len(y) > 0 && len(at) > 0 {
		wasmColumns(&y[0], &w[0], &at[0], &a[0], len(y), len(at))
	}
}

func simdBags(y, w []float32, at []int32, a []float32, ends []int32, n int) {
	if len(ends) > 0 && n > 0 && len(at) > 0 {
		wasmBags(&y[0], &w[0], &at[0], &a[0], &ends[0], len(ends), n)
	}
}

func simdGemmInt8(y []int32, x []uint8, w []int8, rows, in, out, ldx, ldy int) {
	wasmGemmInt8(&y[0], &x[0], &w[0], rows, in, out, ldx, ldy, &scratch)
}

func simdMulAddInt8(y []int32, x []uint8, w []int8, rows, n, ldx, ldy int) {
	wasmMulAddInt8(&y[0], &x[0], &w[0], rows, n, ldx, ldy)
}

func simdColumnsInt8(y []int32, w []int8, at []int32, a []int32) {
	if len(y) > 0 && len(at) > 0 {
		wasmColumnsInt8(&y[0], &w[0], &at[0], &a[0], len(y), len(at))
	}
}

func simdRequant(y []uint8, x, bias, mult []int32, shift uint, low, zero uint8, rows, n, ldx, ldy int) {
	wasmRequant(&y[0], &x[0], &bias[0], &mult[0], shift, int(low), int(zero), rows, n, ldx, ldy)
}

func simdLeak(y, x, decay, mult []int32, shift uint, rows, n int) {
	wasmLeak(&y[0], &x[0], &decay[0], &mult[0], shift, rows, n)
}

func simdAddInt8(y, a, b []uint8, ma, mb, c int32, shift uint, low uint8) {
	if len(y) > 0 {
		wasmAddInt8(&y[0], &a[0], &b[0], int(ma), int(mb), int(c), shift, int(low), len(y))
	}
}

func simdActivate(kind Activation, y []float32, alpha float32) {
	if len(y) == 0 {
		return
	}
	p, n := &y[0], len(y)
	switch kind {
	case LeakyReLU:
		wasmLeakyReLU(p, n, alpha)
	case ELU:
		wasmELU(p, n, alpha)
	case SiLU:
		wasmSiLU(p, n, alpha)
	case GELU:
		wasmGELU(p, n, alpha)
	case GELUTanh:
		wasmGELUTanh(p, n, alpha)
	case Tanh:
		wasmTanh(p, n, alpha)
	case Sigmoid:
		wasmSigmoid(p, n, alpha)
	case ScaledTanh:
		wasmScaledTanh(p, n, alpha)
	default:
		panic("native: unknown activation")
	}
}
