//go:build !purego

#include "textflag.h"

// Stubs whose bodies wasm/link replaces, like those of package native.

// func wasmLinked() int
TEXT ·wasmLinked(SB), NOSPLIT, $0-8
	MOVD $0, ret+0(FP)
	RET

// func wasmLocate(n int, row *int32, frac, v *float64, low, per, last float64)
TEXT ·wasmLocate(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmLocateOctave(n int, row *int32, frac, x *float64, low, high, below float64, first int)
TEXT ·wasmLocateOctave(SB), NOSPLIT, $0-64
	UNDEF
	RET

// func wasmLookup(n int, out *float64, row *int32, frac, table *float64)
TEXT ·wasmLookup(SB), NOSPLIT, $0-40
	UNDEF
	RET

// func wasmRelax(n int, x *float64, row *int32, frac, table *float64)
TEXT ·wasmRelax(SB), NOSPLIT, $0-40
	UNDEF
	RET

// func wasmRelaxFour(n, stride int, x *float64, row *int32, frac, table *float64)
TEXT ·wasmRelaxFour(SB), NOSPLIT, $0-48
	UNDEF
	RET

// func wasmExtrapolate(n int, v, half *float64)
TEXT ·wasmExtrapolate(SB), NOSPLIT, $0-24
	UNDEF
	RET

// func wasmFlush(n int, x *float64, tiny float64)
TEXT ·wasmFlush(SB), NOSPLIT, $0-24
	UNDEF
	RET

// func wasmSynapses(n int, d, rhs, v *float64, row *int32, frac, states *float64, list *byte, size int)
TEXT ·wasmSynapses(SB), NOSPLIT, $0-72
	UNDEF
	RET

// func wasmBase1(n int, d, rhs, v, d0, rhs0, cdt *float64)
TEXT ·wasmBase1(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmCurrents1(n int, d, rhs, v, d0, rhs0, cdt, eca, ica, gbar, x *float64, list *byte, size int)
TEXT ·wasmCurrents1(SB), NOSPLIT, $0-104
	UNDEF
	RET

// func wasmPool1(n int, cai, ica, perNA, decay, relax, minCai *float64)
TEXT ·wasmPool1(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmSolve1(n int, branches *byte, d, rhs *float64, rootRow int)
TEXT ·wasmSolve1(SB), NOSPLIT, $0-40
	UNDEF
	RET

// func wasmBase2(n int, d, rhs, v, d0, rhs0, cdt *float64)
TEXT ·wasmBase2(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmCurrents2(n int, d, rhs, v, d0, rhs0, cdt, eca, ica, gbar, x *float64, list *byte, size int)
TEXT ·wasmCurrents2(SB), NOSPLIT, $0-104
	UNDEF
	RET

// func wasmPool2(n int, cai, ica, perNA, decay, relax, minCai *float64)
TEXT ·wasmPool2(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmSolve2(n int, branches *byte, d, rhs *float64, rootRow int)
TEXT ·wasmSolve2(SB), NOSPLIT, $0-40
	UNDEF
	RET

// func wasmBase4(n int, d, rhs, v, d0, rhs0, cdt *float64)
TEXT ·wasmBase4(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmCurrents4(n int, d, rhs, v, d0, rhs0, cdt, eca, ica, gbar, x *float64, list *byte, size int)
TEXT ·wasmCurrents4(SB), NOSPLIT, $0-104
	UNDEF
	RET

// func wasmPool4(n int, cai, ica, perNA, decay, relax, minCai *float64)
TEXT ·wasmPool4(SB), NOSPLIT, $0-56
	UNDEF
	RET

// func wasmSolve4(n int, branches *byte, d, rhs *float64, rootRow int)
TEXT ·wasmSolve4(SB), NOSPLIT, $0-40
	UNDEF
	RET
