//go:build !purego

package native_test

import (
	"testing"

	"understudy/native"
	"understudy/wasm/kernels"
)

func TestScratch(t *testing.T) {
	if native.ScratchSize != kernels.ScratchSize {
		t.Errorf("kernels use %d bytes of scratch, there are %d", kernels.ScratchSize, native.ScratchSize)
	}
}
