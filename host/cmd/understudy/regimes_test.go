package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"understudy/plugin/measure"
)

// TestRegimes runs each regime with the cells that it was made for: it is what its name
// says. RATIONALE.md has figures that rest on more spikes.
func TestRegimes(t *testing.T) {
	if testing.Short() {
		t.Skip("55 s of a detailed cell: not with -short")
	}
	text, err := execute(t, "compare", "--regime", "asynchronous,oscillating,driven", "--neurons", "14", "--duration", "1300", "--warmup", "300",
		"--out", filepath.Join(t.TempDir(), "report.html"), "--json")
	if err != nil {
		t.Fatal(err)
	}
	type side struct {
		Rate      measure.Figure `json:"rate_hz"`
		CV        measure.Figure `json:"interval_cv"`
		Synchrony measure.Figure `json:"synchrony"`
		Rhythm    measure.Figure `json:"rhythm"`
		RhythmHz  measure.Figure `json:"rhythm_hz"`
	}
	var r struct {
		Rows []struct {
			Regime   string
			Detailed side
		}
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	is := map[string]func(s side) bool{
		"asynchronous": func(s side) bool {
			return s.Rate.Value > 2 && s.Rate.Value < 8 && s.CV.Value > 0.8 && s.Synchrony.Value < 0.05
		},
		"oscillating": func(s side) bool {
			return s.Synchrony.Value > 0.06 && s.Rhythm.Value > 0.35 && s.RhythmHz.Value > 14 && s.RhythmHz.Value < 28
		},
		"driven": func(s side) bool { return s.Rate.Value > 10 && s.Synchrony.Value < 0.05 },
	}
	if len(r.Rows) != len(is) {
		t.Fatalf("%d rows", len(r.Rows))
	}
	for _, w := range r.Rows {
		d := w.Detailed
		t.Logf("%s: rate %s Hz, CV %s, synchrony %s, rhythm %s at %s Hz", w.Regime, d.Rate.Format(1), d.CV.Format(2), d.Synchrony.Format(3), d.Rhythm.Format(2), d.RhythmHz.Format(0))
		if !is[w.Regime](d) {
			t.Errorf("%s is not what it says", w.Regime)
		}
	}
}
