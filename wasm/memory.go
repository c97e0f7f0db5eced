//go:build wasip1

package main

import (
	"unsafe"

	"understudy/plugin/abi"
)

// memory holds the buffers that the host asked for; only they may be passed to
// the verbs. Its maximum keeps a mistaken host from growing the guest at once.
type memory struct {
	all map[uint32][]uint64
	// recent has those last asked for, in places by address: a step's are the same each time.
	recent [16]struct {
		at uint32
		b  []uint64
	}
}

// maxAlloc is the largest buffer [bytes].
const maxAlloc = 1 << 31

var buffers = memory{all: map[uint32][]uint64{}}

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
	buffers.all[at] = b
	return at
}

// usFree releases a buffer of us_alloc; other addresses are ignored.
//
//go:wasmexport us_free
func usFree(at uint32) {
	delete(buffers.all, at)
	clear(buffers.recent[:])
}

// find is the buffer that begins at an address, or nil.
func (m *memory) find(at uint32) []uint64 {
	r := &m.recent[at*2654435769>>28]
	if r.at != at {
		b := m.all[at]
		if b == nil { // what is none now may become one
			return nil
		}
		r.at, r.b = at, b
	}
	return r.b
}

// bytes is n bytes of the buffer that begins at an address. 0 is
// NULL: nil where it may be left out, else an error.
func (m *memory) bytes(what string, at uint32, n uint64, optional bool) ([]byte, error) {
	p, err := m.room(what, at, n, optional)
	if p == nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), n), nil
}

// room is the address of a buffer of at least n bytes. 0 is
// NULL: nil where it may be left out, else an error.
func (m *memory) room(what string, at uint32, n uint64, optional bool) (unsafe.Pointer, error) {
	if at == 0 {
		if optional {
			return nil, nil
		}
		return nil, abi.Errorf(abi.ErrNull, "%s is NULL", what)
	}
	b := m.find(at)
	if b == nil {
		return nil, abi.Errorf(abi.ErrNull, "%s is %#x, not a buffer of us_alloc", what, at)
	}
	if have := uint64(len(b)) * 8; have < n {
		return nil, abi.Errorf(abi.ErrBuffer, "%s is a buffer of %d bytes, %d are needed", what, have, n)
	}
	return unsafe.Pointer(&b[0]), nil
}
