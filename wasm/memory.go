//go:build wasip1

package main

import (
	"unsafe"

	"understudy/plugin/abi"
)

// memory holds the buffers that the host asked for; only they may be passed to
// the verbs. Its maximum keeps a mistaken host from growing the guest at once.
type memory map[uint32][]uint64

// maxAlloc is the largest buffer [bytes].
const maxAlloc = 1 << 31

var buffers = memory{}

// usAlloc gives the host a buffer of at least size bytes, aligned to 8. It
// returns its address, 0 where size is 0 or too large.
//
//go:wasmexport us_alloc
func usAlloc(size uint32) uint32 {
	if size == 0 || size > maxAlloc {
		return 0
	}
	b := make([]uint64, (size+7)/8)
	at := uint32(uintptr(unsafe.Pointer(&b[0])))
	buffers[at] = b
	return at
}

// usFree releases a buffer of us_alloc; other addresses are ignored.
//
//go:wasmexport us_free
func usFree(at uint32) { delete(buffers, at) }

// bytes is the buffer that begins at an address, at least n bytes of it. 0 is
// NULL: nil where it may be left out, else an error.
func (m memory) bytes(what string, at uint32, n uint64, optional bool) ([]byte, error) {
	if at == 0 {
		if optional {
			return nil, nil
		}
		return nil, abi.Errorf(abi.ErrNull, "%s is NULL", what)
	}
	b := m[at]
	if b == nil {
		return nil, abi.Errorf(abi.ErrNull, "%s is %#x, not a buffer of us_alloc", what, at)
	}
	if have := uint64(len(b)) * 8; have < n {
		return nil, abi.Errorf(abi.ErrBuffer, "%s is a buffer of %d bytes, %d are needed", what, have, n)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&b[0])), n), nil
}
