//go:build linux && amd64

package main

// The flags allow no instruction that rounds a product and a sum at once.

// #cgo CFLAGS: -O3 -msse4.1
// #include "peer.h"
import "C"

import "unsafe"

// How C is written: see peer.h.
type written = C.int

const byHand, plain = written(0), written(1)

func f32(v []float32) *C.float { return (*C.float)(unsafe.Pointer(&v[0])) }
func i32(v []int32) *C.int32_t { return (*C.int32_t)(unsafe.Pointer(&v[0])) }
func u8(v []uint8) *C.uint8_t  { return (*C.uint8_t)(unsafe.Pointer(&v[0])) }
func i8(v []int8) *C.int8_t    { return (*C.int8_t)(unsafe.Pointer(&v[0])) }
func c(n int) C.int            { return C.int(n) }

func peerGemm(as written, n int, y, x, w []float32, rows, in, out int) {
	C.peer_gemm(as, c(n), f32(y), f32(x), f32(w), c(rows), c(in), c(out))
}

func peerColumns(as written, n int, y, w []float32, at []int32, a []float32) {
	C.peer_columns(as, c(n), f32(y), f32(w), i32(at), f32(a), c(len(y)), c(len(at)))
}

func peerScaleShift(as written, n int, y, scale, shift []float32, rows, size int) {
	C.peer_scale_shift(as, c(n), f32(y), f32(scale), f32(shift), c(rows), c(size))
}

func peerMulAdd(as written, n int, y, x, w []float32, rows, size int) {
	C.peer_mul_add(as, c(n), f32(y), f32(x), f32(w), c(rows), c(size))
}

func peerReLU(as written, n int, y []float32) { C.peer_relu(as, c(n), f32(y), c(len(y))) }

func peerSiLU(as written, n int, y []float32) { C.peer_silu(as, c(n), f32(y), c(len(y))) }

func peerGemmInt8(as written, n int, y []int32, x []uint8, w []int8, rows, in, out int) {
	C.peer_gemm_int8(as, c(n), i32(y), u8(x), i8(w), c(rows), c(in), c(out))
}

func peerColumnsInt8(as written, n int, y []int32, w []int8, at, a []int32) {
	C.peer_columns_int8(as, c(n), i32(y), i8(w), i32(at), i32(a), c(len(y)), c(len(at)))
}

func peerRequant(as written, n int, y []uint8, x, bias, mult []int32, shift, low, zero, rows, size int) {
	C.peer_requant(as, c(n), u8(y), i32(x), i32(bias), i32(mult), c(shift), c(low), c(zero), c(rows), c(size))
}

func peerLeak(as written, n int, y, x, decay, mult []int32, shift, rows, size int) {
	C.peer_leak(as, c(n), i32(y), i32(x), i32(decay), i32(mult), c(shift), c(rows), c(size))
}

func peerAddInt8(as written, n int, y, a, b []uint8, ma, mb, offset, shift, low int) {
	C.peer_add_int8(as, c(n), u8(y), u8(a), u8(b), c(ma), c(mb), c(offset), c(shift), c(low), c(len(y)))
}
