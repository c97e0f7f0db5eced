package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy/plugin/model"
)

// An ONNX file with its weights beside it, as PyTorch's exporter writes it.
const onnxFile = "../../../tests/reference/onnx_torch/time_major-export-18.onnx"

func TestImportONNX(t *testing.T) {
	out := filepath.Join(t.TempDir(), "m.safetensors")
	if status, _, stderr := capture(t, "model", "import", onnxFile, "--out", out, "--name", "n", "--scale", "2", "--offset", "-70", "--threshold", "0"); status != 0 {
		t.Fatal(stderr)
	}
	m, err := model.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	if h := m.Heads["v_soma"]; m.Name != "n" || m.SpikeThreshold != 0 || *h.Scale != 2 || *h.Offset != -70 {
		t.Errorf("%+v", m.Document)
	}
	if status, _, stderr := capture(t, "model", "import", onnxFile, "--out", out, "--spike-output", "v_soma:0", "--v-soma-output", "spike"); status != 0 {
		t.Error(stderr)
	}
	if status, _, stderr := capture(t, "model", "import", onnxFile, "--out", out, "--spike-output", "axon"); status != 1 || !strings.Contains(stderr, `"axon" is none of them`) {
		t.Errorf("%d %s", status, stderr)
	}
	// A model of ours has heads of its own.
	if status, _, stderr := capture(t, "model", "import", out, "--out", out, "--threshold", "0.5"); status == 0 || !strings.Contains(stderr, "other formats") {
		t.Errorf("%d %s", status, stderr)
	}
	// The file alone.
	alone := filepath.Join(t.TempDir(), "alone.onnx")
	b, err := os.ReadFile(onnxFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := capture(t, "model", "import", alone, "--out", out); status != 1 || !strings.Contains(stderr, "onnx.data") {
		t.Errorf("%d %s", status, stderr)
	}
}
