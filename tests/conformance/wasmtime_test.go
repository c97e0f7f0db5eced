package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"understudy/host/guest"
	"understudy/tests/conformance"
	"understudy/tests/require"
)

// The guest in another runtime than ours, with the same bits.
func TestWasmtime(t *testing.T) {
	python := require.FullPython(t)
	b, err := guest.Module()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "guest.wasm")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	door := startProcess(t, exec.Command(python, "wasmtimeprogram.py", path))
	conformance.Check(t, door, conformance.GoPackage{Kernel: "reference"}, false)
}
