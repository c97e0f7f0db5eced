package main

import (
	"os/exec"
	"testing"

	"understudy/tests/require"
)

// TestPieces runs the Python parts that need neither NEURON nor the package.
func TestPieces(t *testing.T) {
	cmd := exec.Command(require.Python(t), "-B", "pieces_test.py")
	if log, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
}
