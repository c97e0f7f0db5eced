//go:build !purego

#include "textflag.h"

// Stubs whose bodies wasm/link replaces: it finds them by name, and their arguments where Go's
// calling convention has them, 8 bytes each.

// func wasmLinked() int
TEXT ·wasmLinked(SB), NOSPLIT, $0-8
	MOVD $0, ret+0(FP)
	RET

// func wasmGemm(y, x, w *float32, rows, in, out, ldx, ldy int, scratch *gemmScratch)
TEXT ·wasmGemm(SB), NOSPLIT, $0-72
	UNDEF
	RET

// func wasmAxpy(y, x *float32, n int, a float32)
TEXT ·wasmAxpy(SB), NOSPLIT, $0-28
	UNDEF
	RET

// func wasmAdd(y, x *float32, n int)
TEXT ·wasmAdd(SB), NOSPLIT, $0-24
	UNDEF
	RET

// func wasmReLU(y *float32, n int)
TEXT ·wasmReLU(SB), NOSPLIT, $0-16
	UNDEF
	RET

// func wasmMulAdd(y, x, w *float32, rows, n int)
TEXT ·wasmMulAdd(SB), NOSPLIT, $0-40
	UNDEF
	RET

// func wasmScaleShift(y, scale, shift *float32, rows, n int)
TEXT ·wasmScaleShift(SB), NOSPLIT, $0-40
	UNDEF
	RET

// func wasmColumns(y, w *float32, at *int32, a *float32, n, events int)
TEXT ·wasmColumns(SB), NOSPLIT, $0-48
	UNDEF
	RET

// func wasmBags(y, w *float32, at *int32, a *float32, ends *int32, rows, n int)
TEXT ·wasmBags(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmGemmInt8(y *int32, x *uint8, w *int8, rows, in, out, ldx, ldy int, scratch *gemmScratch)
TEXT ·wasmGemmInt8(SB), NOSPLIT, $0-72
	UNDEF
	RET

// func wasmMulAddInt8(y *int32, x *uint8, w *int8, rows, n, ldx, ldy int)
TEXT ·wasmMulAddInt8(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmColumnsInt8(y *int32, w *int8, at, a *int32, n, events int)
TEXT ·wasmColumnsInt8(SB), NOSPLIT, $0-48
	UNDEF
	RET

// func wasmRequant(y *uint8, x, bias, mult *int32, shift uint, low, zero, rows, n, ldx, ldy int)
TEXT ·wasmRequant(SB), NOSPLIT, $0-88
	UNDEF
	RET

// func wasmLeak(y, x, decay, mult *int32, shift uint, rows, n int)
TEXT ·wasmLeak(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmAddInt8(y, a, b *uint8, ma, mb, c int, shift uint, low, n int)
TEXT ·wasmAddInt8(SB), NOSPLIT, $0-72
	UNDEF
	RET

// func wasmLeakyReLU(y *float32, n int, alpha float32)
TEXT ·wasmLeakyReLU(SB), NOSPLIT, $0-20
	UNDEF
	RET

// func wasmELU(y *float32, n int, alpha float32)
TEXT ·wasmELU(SB), NOSPLIT, $0-20
	UNDEF
	RET

// func wasmSiLU(y *float32, n int, alpha float32)
TEXT ·wasmSiLU(SB), NOSPLIT, $0-20
	UNDEF
	RET

// func wasmGELU(y *float32, n int, alpha float32)
TEXT ·wasmGELU(SB), NOSPLIT, $0-20
	UNDEF
	RET

// func wasmGELUTanh(y *float32, n int, alpha float32)
TEXT ·wasmGELUTanh(SB), NOSPLIT, $0-20
	UNDEF
	RET

// func wasmTanh(y *float32, n int, alpha float32)
TEXT ·wasmTanh(SB), NOSPLIT, $0-20
	UNDEF
	RET

// func wasmSigmoid(y *float32, n int, alpha float32)
TEXT ·wasmSigmoid(SB), NOSPLIT, $0-20
	UNDEF
	RET

// func wasmScaledTanh(y *float32, n int, alpha float32)
TEXT ·wasmScaledTanh(SB), NOSPLIT, $0-20
	UNDEF
	RET
