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
