package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"understudy/plugin/measure"
)

// TestDefaultSurrogate makes fresh trials of the l5pc and wants the built-in
// surrogate to follow them: a smoke test of the whole chain, from morphology to
// weights. A generalised linear model reaches AUC 0.96 and 84 % of the variance;
// plugin/model/builtin/L5PC.md has figures that rest on more spikes.
func TestDefaultSurrogate(t *testing.T) {
	if testing.Short() {
		t.Skip("48 s of a detailed cell: not with -short")
	}
	dir := filepath.Join(t.TempDir(), "data")
	if text, err := execute(t, "dataset", "--trials", "8", "--seed", "77", "--out", dir); err != nil {
		t.Fatalf("%q, %v", text, err)
	}
	text, err := execute(t, "evaluate", "--data", dir, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var r measure.Report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	t.Logf("AUC %.4f on %d spikes, explained variance %.4f, RMSE %.3f mV", r.AUC.Value, r.TrueSpikes, r.ExplainedVariance.Value, r.VoltageRMSE.Value)
	if r.TrueSpikes < 20 || r.AUC.Value < 0.96 || r.ExplainedVariance.Value < 0.88 {
		t.Errorf("AUC %.4f on %d spikes, explained variance %.4f; want 0.96 on 20 at least, 0.88", r.AUC.Value, r.TrueSpikes, r.ExplainedVariance.Value)
	}
}
