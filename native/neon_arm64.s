//go:build !purego

#include "textflag.h"

// NEON kernels of float32, by hand: avo writes no arm64. Every product is fused with its
// addition, in what is left over beside vectors, too.

// Instructions that Go's assembler does not know; operands in its order, the result last.
#define FADD4S(m, n, d) WORD $(0x4e20d400 | (m)<<16 | (n)<<5 | (d))
#define FMAX4S(m, n, d) WORD $(0x4e20f400 | (m)<<16 | (n)<<5 | (d))

// func addNEON(n int, y, x *float32)
TEXT ·addNEON(SB), NOSPLIT, $0-24
	MOVD n+0(FP), R0
	MOVD y+8(FP), R1
	MOVD x+16(FP), R2
	SUBS $4, R0
	BLT  rest
four:
	VLD1   (R1), [V0.S4]
	VLD1.P 16(R2), [V1.S4]
	FADD4S(1, 0, 0)
	VST1.P [V0.S4], 16(R1)
	SUBS   $4, R0
	BGE    four
rest:
	ADDS $4, R0
	BEQ  end
one:
	FMOVS   (R1), F0
	FMOVS.P 4(R2), F1
	FADDS   F1, F0, F0
	FMOVS.P F0, 4(R1)
	SUBS    $1, R0
	BNE     one
end:
	RET

// func reluNEON(n int, y *float32)
TEXT ·reluNEON(SB), NOSPLIT, $0-16
	MOVD n+0(FP), R0
	MOVD y+8(FP), R1
	VEOR V2.B16, V2.B16, V2.B16
	SUBS $4, R0
	BLT  rest
four:
	VLD1   (R1), [V0.S4]
	FMAX4S(2, 0, 0)
	VST1.P [V0.S4], 16(R1)
	SUBS   $4, R0
	BGE    four
rest:
	ADDS $4, R0
	BEQ  end
one:
	FMOVS   (R1), F0
	FMAXS   F2, F0, F0
	FMOVS.P F0, 4(R1)
	SUBS    $1, R0
	BNE     one
end:
	RET

// func axpyNEON(n int, y, x *float32, a float32)
TEXT ·axpyNEON(SB), NOSPLIT, $0-28
	MOVD  n+0(FP), R0
	MOVD  y+8(FP), R1
	MOVD  x+16(FP), R2
	FMOVS a+24(FP), F2
	VDUP  V2.S[0], V2.S4
	SUBS  $4, R0
	BLT   rest
four:
	VLD1   (R1), [V0.S4]
	VLD1.P 16(R2), [V1.S4]
	VFMLA  V1.S4, V2.S4, V0.S4
	VST1.P [V0.S4], 16(R1)
	SUBS   $4, R0
	BGE    four
rest:
	ADDS $4, R0
	BEQ  end
one:
	FMOVS   (R1), F0
	FMOVS.P 4(R2), F1
	FMADDS  F1, F0, F2, F0
	FMOVS.P F0, 4(R1)
	SUBS    $1, R0
	BNE     one
end:
	RET

// func mulAddNEON(n int, y, x, w *float32)
TEXT ·mulAddNEON(SB), NOSPLIT, $0-32
	MOVD n+0(FP), R0
	MOVD y+8(FP), R1
	MOVD x+16(FP), R2
	MOVD w+24(FP), R3
	SUBS $4, R0
	BLT  rest
four:
	VLD1   (R1), [V0.S4]
	VLD1.P 16(R2), [V1.S4]
	VLD1.P 16(R3), [V2.S4]
	VFMLA  V1.S4, V2.S4, V0.S4
	VST1.P [V0.S4], 16(R1)
	SUBS   $4, R0
	BGE    four
rest:
	ADDS $4, R0
	BEQ  end
one:
	FMOVS   (R1), F0
	FMOVS.P 4(R2), F1
	FMOVS.P 4(R3), F2
	FMADDS  F1, F0, F2, F0
	FMOVS.P F0, 4(R1)
	SUBS    $1, R0
	BNE     one
end:
	RET

// func scaleShiftNEON(n int, y, scale, shift *float32)
TEXT ·scaleShiftNEON(SB), NOSPLIT, $0-32
	MOVD n+0(FP), R0
	MOVD y+8(FP), R1
	MOVD scale+16(FP), R2
	MOVD shift+24(FP), R3
	SUBS $4, R0
	BLT  rest
four:
	VLD1   (R1), [V0.S4]
	VLD1.P 16(R2), [V1.S4]
	VLD1.P 16(R3), [V2.S4]
	VFMLA  V0.S4, V1.S4, V2.S4
	VST1.P [V2.S4], 16(R1)
	SUBS   $4, R0
	BGE    four
rest:
	ADDS $4, R0
	BEQ  end
one:
	FMOVS   (R1), F0
	FMOVS.P 4(R2), F1
	FMOVS.P 4(R3), F2
	FMADDS  F0, F2, F1, F2
	FMOVS.P F2, 4(R1)
	SUBS    $1, R0
	BNE     one
end:
	RET

// Sixteen sums stay in registers over all events.
//
// func columnsNEON(n, events int, y, w *float32, at *int32, a *float32)
TEXT ·columnsNEON(SB), NOSPLIT, $0-48
	MOVD n+0(FP), R0
	MOVD y+16(FP), R1
	MOVD w+24(FP), R2
	SUBS $16, R0
	BLT  rest
tile:
	VLD1 (R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	MOVD events+8(FP), R3
	MOVD at+32(FP), R4
	MOVD a+40(FP), R5
event:
	MOVW.P  4(R4), R6
	ADD     R6<<2, R2, R6
	VLD1R.P 4(R5), [V4.S4]
	VLD1.P  64(R6), [V16.S4, V17.S4, V18.S4, V19.S4]
	PRFM    (R6), PLDL1KEEP
	VFMLA   V16.S4, V4.S4, V0.S4
	VFMLA   V17.S4, V4.S4, V1.S4
	VFMLA   V18.S4, V4.S4, V2.S4
	VFMLA   V19.S4, V4.S4, V3.S4
	SUBS    $1, R3
	BNE     event
	VST1.P  [V0.S4, V1.S4, V2.S4, V3.S4], 64(R1)
	ADD     $64, R2
	SUBS    $16, R0
	BGE     tile
rest:
	ADDS $16, R0
	BEQ  end
one:
	FMOVS (R1), F0
	MOVD  events+8(FP), R3
	MOVD  at+32(FP), R4
	MOVD  a+40(FP), R5
oneEvent:
	MOVW.P  4(R4), R6
	ADD     R6<<2, R2, R6
	FMOVS.P 4(R5), F1
	FMOVS   (R6), F2
	FMADDS  F1, F0, F2, F0
	SUBS    $1, R3
	BNE     oneEvent
	FMOVS.P F0, 4(R1)
	ADD     $4, R2
	SUBS    $1, R0
	BNE     one
end:
	RET

// Four rows by sixteen outputs.
//
// func gemm4x16NEON(count, in int, y, x, w *float32, out, ldx, ldy int)
TEXT ·gemm4x16NEON(SB), NOSPLIT, $0-64
	MOVD count+0(FP), R0
	MOVD in+8(FP), R1
	MOVD y+16(FP), R2
	MOVD x+24(FP), R3
	MOVD w+32(FP), R4
	MOVD out+40(FP), R5
	MOVD ldx+48(FP), R6
	MOVD ldy+56(FP), R7
	LSL  $2, R5
	LSL  $2, R6
	LSL  $2, R7
group:
	ADD  R7, R2, R8
	ADD  R7, R8, R9
	ADD  R7, R9, R10
	VLD1 (R2), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1 (R8), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1 (R9), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1 (R10), [V12.S4, V13.S4, V14.S4, V15.S4]
	MOVD R3, R11
	ADD  R6, R11, R12
	ADD  R6, R12, R13
	ADD  R6, R13, R14
	MOVD R4, R15
	MOVD R1, R16
input:
	VLD1    (R15), [V16.S4, V17.S4, V18.S4, V19.S4]
	ADD     R5, R15
	VLD1R.P 4(R11), [V20.S4]
	VLD1R.P 4(R12), [V21.S4]
	VLD1R.P 4(R13), [V22.S4]
	VLD1R.P 4(R14), [V23.S4]
	VFMLA   V16.S4, V20.S4, V0.S4
	VFMLA   V17.S4, V20.S4, V1.S4
	VFMLA   V18.S4, V20.S4, V2.S4
	VFMLA   V19.S4, V20.S4, V3.S4
	VFMLA   V16.S4, V21.S4, V4.S4
	VFMLA   V17.S4, V21.S4, V5.S4
	VFMLA   V18.S4, V21.S4, V6.S4
	VFMLA   V19.S4, V21.S4, V7.S4
	VFMLA   V16.S4, V22.S4, V8.S4
	VFMLA   V17.S4, V22.S4, V9.S4
	VFMLA   V18.S4, V22.S4, V10.S4
	VFMLA   V19.S4, V22.S4, V11.S4
	VFMLA   V16.S4, V23.S4, V12.S4
	VFMLA   V17.S4, V23.S4, V13.S4
	VFMLA   V18.S4, V23.S4, V14.S4
	VFMLA   V19.S4, V23.S4, V15.S4
	SUBS    $1, R16
	BNE     input
	VST1    [V0.S4, V1.S4, V2.S4, V3.S4], (R2)
	VST1    [V4.S4, V5.S4, V6.S4, V7.S4], (R8)
	VST1    [V8.S4, V9.S4, V10.S4, V11.S4], (R9)
	VST1    [V12.S4, V13.S4, V14.S4, V15.S4], (R10)
	ADD     R7<<2, R2
	ADD     R6<<2, R3
	SUBS    $1, R0
	BNE     group
	RET

// One row from output 0 on by 32, then by 4, then singly; inputs that are zero left out.
//
// func gemmRowNEON(in, columns, out int, y, x, w *float32)
TEXT ·gemmRowNEON(SB), NOSPLIT, $0-48
	MOVD in+0(FP), R0
	MOVD columns+8(FP), R1
	MOVD out+16(FP), R2
	MOVD y+24(FP), R3
	MOVD w+40(FP), R5
	LSL  $2, R2
	SUBS $32, R1
	BLT  fours
many:
	MOVD x+32(FP), R4
	MOVD R0, R6
	MOVD R5, R7
	ADD  $64, R3, R8
	VLD1 (R3), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1 (R8), [V4.S4, V5.S4, V6.S4, V7.S4]
manyInputs:
	MOVWU.P 4(R4), R9
	LSLW    $1, R9, R10
	CBZW    R10, manySkip
	VDUP    R9, V24.S4
	ADD     $64, R7, R11
	VLD1    (R7), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1    (R11), [V20.S4, V21.S4, V22.S4, V23.S4]
	VFMLA   V16.S4, V24.S4, V0.S4
	VFMLA   V17.S4, V24.S4, V1.S4
	VFMLA   V18.S4, V24.S4, V2.S4
	VFMLA   V19.S4, V24.S4, V3.S4
	VFMLA   V20.S4, V24.S4, V4.S4
	VFMLA   V21.S4, V24.S4, V5.S4
	VFMLA   V22.S4, V24.S4, V6.S4
	VFMLA   V23.S4, V24.S4, V7.S4
manySkip:
	ADD    R2, R7
	SUBS   $1, R6
	BNE    manyInputs
	VST1   [V0.S4, V1.S4, V2.S4, V3.S4], (R3)
	VST1   [V4.S4, V5.S4, V6.S4, V7.S4], (R8)
	ADD    $128, R3
	ADD    $128, R5
	SUBS   $32, R1
	BGE    many
fours:
	ADDS $28, R1
	BLT  rest
four:
	MOVD x+32(FP), R4
	MOVD R0, R6
	MOVD R5, R7
	VLD1 (R3), [V0.S4]
fourInputs:
	VLD1R.P 4(R4), [V24.S4]
	VLD1    (R7), [V16.S4]
	VFMLA   V16.S4, V24.S4, V0.S4
	ADD     R2, R7
	SUBS    $1, R6
	BNE     fourInputs
	VST1.P  [V0.S4], 16(R3)
	ADD     $16, R5
	SUBS    $4, R1
	BGE     four
rest:
	ADDS $4, R1
	BEQ  end
one:
	MOVD  x+32(FP), R4
	MOVD  R0, R6
	MOVD  R5, R7
	FMOVS (R3), F0
oneInputs:
	FMOVS.P 4(R4), F1
	FMOVS   (R7), F2
	FMADDS  F1, F0, F2, F0
	ADD     R2, R7
	SUBS    $1, R6
	BNE     oneInputs
	FMOVS.P F0, 4(R3)
	ADD     $4, R5
	SUBS    $1, R1
	BNE     one
end:
	RET
