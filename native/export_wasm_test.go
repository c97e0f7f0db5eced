//go:build !purego

package native

import "unsafe"

// ScratchSize is the size of scratch [bytes].
const ScratchSize = unsafe.Sizeof(scratch)
