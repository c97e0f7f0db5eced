//go:build !purego

#include "textflag.h"

// NEON kernels of int8.

// Instructions that Go's assembler does not know; operands in its order, the result last.
#define SXTL8H(n, d) WORD $(0x0f08a400 | (n)<<5 | (d)) // 8 int8 to int16
#define SXTL28H(n, d) WORD $(0x4f08a400 | (n)<<5 | (d)) // of the upper half
#define SXTL4S(n, d) WORD $(0x0f10a400 | (n)<<5 | (d)) // 4 int16 to int32
#define SXTL24S(n, d) WORD $(0x4f10a400 | (n)<<5 | (d))
#define SMLAL4S(m, n, d) WORD $(0x0e608000 | (m)<<16 | (n)<<5 | (d)) // int32 += int16 * int16
#define SMLAL24S(m, n, d) WORD $(0x4e608000 | (m)<<16 | (n)<<5 | (d))
#define SADDW8H(m, n, d) WORD $(0x0e201000 | (m)<<16 | (n)<<5 | (d)) // int16 + int8
#define SMULL2D(m, n, d) WORD $(0x0ea0c000 | (m)<<16 | (n)<<5 | (d)) // int64 = int32 * int32
#define SMULL22D(m, n, d) WORD $(0x4ea0c000 | (m)<<16 | (n)<<5 | (d))
#define SRSHL2D(m, n, d) WORD $(0x4ee05400 | (m)<<16 | (n)<<5 | (d)) // int64 << m, m < 0 shifts right and rounds
#define SSHL4S(m, n, d) WORD $(0x4ea04400 | (m)<<16 | (n)<<5 | (d)) // int32 << m, m < 0 shifts right
#define SQXTN2S(n, d) WORD $(0x0ea14800 | (n)<<5 | (d)) // int64 to int32, saturating
#define SQXTN24S(n, d) WORD $(0x4ea14800 | (n)<<5 | (d)) // to the upper half
#define SMAX4S(m, n, d) WORD $(0x4ea06400 | (m)<<16 | (n)<<5 | (d))
#define SMIN4S(m, n, d) WORD $(0x4ea06c00 | (m)<<16 | (n)<<5 | (d))
#define XTN4H(n, d) WORD $(0x0e612800 | (n)<<5 | (d)) // int32 to int16
#define XTN28H(n, d) WORD $(0x4e612800 | (n)<<5 | (d))
#define XTN8B(n, d) WORD $(0x0e212800 | (n)<<5 | (d)) // int16 to int8
#define MLA4S(m, n, d) WORD $(0x4ea09400 | (m)<<16 | (n)<<5 | (d)) // int32 += int32 * int32

// The four products of an output in 16 bits add up in four lanes of a register of its own,
// which are summed at the end.
#define OUTPUTS(w, a, b, c, d) \
	SXTL8H(w, 24);       \
	SXTL28H(w, 25);      \
	SMLAL4S(24, 26, a);  \
	SMLAL24S(24, 26, b); \
	SMLAL4S(25, 26, c);  \
	SMLAL24S(25, 26, d)

// Rows of sixteen outputs; in counts quads.
//
// func gemmInt8NEON(count, in int, y *int32, x *uint8, w *int8, out, ldx, ldy int)
TEXT ·gemmInt8NEON(SB), NOSPLIT, $0-64
	MOVD count+0(FP), R0
	MOVD in+8(FP), R1
	MOVD y+16(FP), R2
	MOVD x+24(FP), R3
	MOVD w+32(FP), R4
	MOVD out+40(FP), R5
	MOVD ldx+48(FP), R6
	MOVD ldy+56(FP), R7
	LSL  $2, R5
row:
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V2.B16, V2.B16, V2.B16
	VEOR V3.B16, V3.B16, V3.B16
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16
	VEOR V8.B16, V8.B16, V8.B16
	VEOR V9.B16, V9.B16, V9.B16
	VEOR V10.B16, V10.B16, V10.B16
	VEOR V11.B16, V11.B16, V11.B16
	VEOR V12.B16, V12.B16, V12.B16
	VEOR V13.B16, V13.B16, V13.B16
	VEOR V14.B16, V14.B16, V14.B16
	VEOR V15.B16, V15.B16, V15.B16
	MOVD R3, R8
	MOVD R4, R9
	MOVD R1, R10
quad:
	VLD1R.P 4(R8), [V26.S4]
	VUXTL   V26.B8, V26.H8
	VLD1    (R9), [V16.B16, V17.B16, V18.B16, V19.B16]
	ADD     R5, R9
	OUTPUTS(16, 0, 1, 2, 3)
	OUTPUTS(17, 4, 5, 6, 7)
	OUTPUTS(18, 8, 9, 10, 11)
	OUTPUTS(19, 12, 13, 14, 15)
	SUBS    $1, R10
	BNE     quad
	VADDP   V1.S4, V0.S4, V0.S4
	VADDP   V3.S4, V2.S4, V2.S4
	VADDP   V2.S4, V0.S4, V0.S4
	VADDP   V5.S4, V4.S4, V4.S4
	VADDP   V7.S4, V6.S4, V6.S4
	VADDP   V6.S4, V4.S4, V1.S4
	VADDP   V9.S4, V8.S4, V8.S4
	VADDP   V11.S4, V10.S4, V10.S4
	VADDP   V10.S4, V8.S4, V2.S4
	VADDP   V13.S4, V12.S4, V12.S4
	VADDP   V15.S4, V14.S4, V14.S4
	VADDP   V14.S4, V12.S4, V3.S4
	VLD1    (R2), [V16.S4, V17.S4, V18.S4, V19.S4]
	VADD    V16.S4, V0.S4, V0.S4
	VADD    V17.S4, V1.S4, V1.S4
	VADD    V18.S4, V2.S4, V2.S4
	VADD    V19.S4, V3.S4, V3.S4
	VST1    [V0.S4, V1.S4, V2.S4, V3.S4], (R2)
	ADD     R7<<2, R2
	ADD     R6, R3
	SUBS    $1, R0
	BNE     row
	RET

// func mulAddInt8NEON(n int, y *int32, x *uint8, w *int8)
TEXT ·mulAddInt8NEON(SB), NOSPLIT, $0-32
	MOVD n+0(FP), R0
	MOVD y+8(FP), R1
	MOVD x+16(FP), R2
	MOVD w+24(FP), R3
eight:
	VLD1   (R1), [V0.S4, V1.S4]
	VLD1.P 8(R2), [V2.B8]
	VLD1.P 8(R3), [V3.B8]
	VUXTL  V2.B8, V2.H8
	SXTL8H(3, 3)
	SMLAL4S(3, 2, 0)
	SMLAL24S(3, 2, 1)
	VST1.P [V0.S4, V1.S4], 32(R1)
	SUBS   $8, R0
	BNE    eight
	RET

// Up to 256 columns are summed in 16 bits, then multiplied by their common factor.
//
// func columnsInt8NEON(n, events int, y *int32, w *int8, at *int32, a int32)
TEXT ·columnsInt8NEON(SB), NOSPLIT, $0-44
	MOVD n+0(FP), R0
	MOVD y+16(FP), R1
	MOVD w+24(FP), R2
	MOVW a+40(FP), R7
	VDUP R7, V8.S4
tile:
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	MOVD events+8(FP), R3
	MOVD at+32(FP), R4
event:
	MOVW.P 4(R4), R6
	ADD    R6, R2, R6
	VLD1   (R6), [V2.B8, V3.B8]
	PRFM   64(R6), PLDL1KEEP
	SADDW8H(2, 0, 0)
	SADDW8H(3, 1, 1)
	SUBS   $1, R3
	BNE    event
	VLD1   (R1), [V4.S4, V5.S4, V6.S4, V7.S4]
	SXTL4S(0, 2)
	SXTL24S(0, 3)
	MLA4S(8, 2, 4)
	MLA4S(8, 3, 5)
	SXTL4S(1, 2)
	SXTL24S(1, 3)
	MLA4S(8, 2, 6)
	MLA4S(8, 3, 7)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R1)
	ADD    $16, R2
	SUBS   $16, R0
	BNE    tile
	RET

// func requantNEON(n int, y *uint8, x, bias, mult *int32, shift, low, zero int)
TEXT ·requantNEON(SB), NOSPLIT, $0-64
	MOVD  n+0(FP), R0
	MOVD  y+8(FP), R1
	MOVD  x+16(FP), R2
	MOVD  bias+24(FP), R3
	MOVD  mult+32(FP), R4
	MOVD  shift+40(FP), R5
	NEG   R5, R5
	VDUP  R5, V20.D2
	MOVD  low+48(FP), R5
	VDUP  R5, V22.S4
	MOVD  zero+56(FP), R5
	VDUP  R5, V21.D2
	MOVD  $255, R5
	VDUP  R5, V23.S4
eight:
	VLD1.P 32(R2), [V0.S4, V1.S4]
	VLD1.P 32(R3), [V2.S4, V3.S4]
	VLD1.P 32(R4), [V4.S4, V5.S4]
	VADD   V2.S4, V0.S4, V0.S4
	VADD   V3.S4, V1.S4, V1.S4
	SMULL2D(4, 0, 6)
	SMULL22D(4, 0, 7)
	SMULL2D(5, 1, 16)
	SMULL22D(5, 1, 17)
	SRSHL2D(20, 6, 6)
	SRSHL2D(20, 7, 7)
	SRSHL2D(20, 16, 16)
	SRSHL2D(20, 17, 17)
	VADD   V21.D2, V6.D2, V6.D2
	VADD   V21.D2, V7.D2, V7.D2
	VADD   V21.D2, V16.D2, V16.D2
	VADD   V21.D2, V17.D2, V17.D2
	SQXTN2S(6, 0)
	SQXTN24S(7, 0)
	SQXTN2S(16, 1)
	SQXTN24S(17, 1)
	SMAX4S(22, 0, 0)
	SMAX4S(22, 1, 1)
	SMIN4S(23, 0, 0)
	SMIN4S(23, 1, 1)
	XTN4H(0, 0)
	XTN28H(1, 0)
	XTN8B(0, 0)
	VST1.P [V0.B8], 8(R1)
	SUBS   $8, R0
	BNE    eight
	RET

// func addInt8NEON(n int, y, a, b *uint8, ma, mb, c int32, shift int, low int32)
TEXT ·addInt8NEON(SB), NOSPLIT, $0-60
	MOVD n+0(FP), R0
	MOVD y+8(FP), R1
	MOVD a+16(FP), R2
	MOVD b+24(FP), R3
	MOVW ma+32(FP), R4
	VDUP R4, V16.S4
	MOVW mb+36(FP), R4
	VDUP R4, V17.S4
	MOVW c+40(FP), R4
	VDUP R4, V18.S4
	MOVD shift+48(FP), R4
	NEG  R4, R4
	VDUP R4, V19.S4
	MOVW low+56(FP), R4
	VDUP R4, V20.S4
	MOVD $255, R4
	VDUP R4, V21.S4
eight:
	VLD1.P 8(R2), [V0.B8]
	VLD1.P 8(R3), [V1.B8]
	VUXTL  V0.B8, V0.H8
	VUXTL  V1.B8, V1.H8
	VUXTL  V0.H4, V2.S4
	VUXTL2 V0.H8, V3.S4
	VUXTL  V1.H4, V4.S4
	VUXTL2 V1.H8, V5.S4
	VMOV   V18.B16, V6.B16
	VMOV   V18.B16, V7.B16
	MLA4S(16, 2, 6)
	MLA4S(16, 3, 7)
	MLA4S(17, 4, 6)
	MLA4S(17, 5, 7)
	SSHL4S(19, 6, 6)
	SSHL4S(19, 7, 7)
	SMAX4S(20, 6, 6)
	SMAX4S(20, 7, 7)
	SMIN4S(21, 6, 6)
	SMIN4S(21, 7, 7)
	XTN4H(6, 0)
	XTN28H(7, 0)
	XTN8B(0, 0)
	VST1.P [V0.B8], 8(R1)
	SUBS   $8, R0
	BNE    eight
	RET
