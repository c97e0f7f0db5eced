package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlot(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a.svg")
	draw := func(doc string) error {
		root := newRoot()
		root.SetIn(strings.NewReader(doc))
		root.SetOut(&bytes.Buffer{})
		root.SetErr(&bytes.Buffer{})
		root.SetArgs([]string{"plot", "--out", out})
		return root.Execute()
	}
	good := `{"alt": "two < three", "panels": [{"x": "hidden layers", "y": "AUC", "curves": [{"name": "NMDA", "x": [1, 2], "y": [0.5, 1], "low": [0.4, 0.9], "high": [0.6, 1]},
		{"name": "NMDA", "x": [1.5], "y": [0.7], "points": true}]}, {"x": "t", "y": "mV", "curves": [{"name": "true", "x": [0, 1], "y": [1, 2], "dashed": true}]}]}`
	if err := draw(good); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`viewBox="0 0 720 245"`, "two &lt; three", "hidden layers", ">AUC<", ">mV<", "</svg>"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the drawing", want)
		}
	}
	if n := strings.Count(string(text), ">NMDA<"); n != 1 {
		t.Errorf("the legend names the curve %d times", n)
	}
	// Two rows, the axis of decades with labels between.
	if err := draw(`{"columns": 1, "panels": [{"x": "h", "y": "AUC", "log": true, "curves": [{"name": "a", "x": [0.15, 6], "y": [0.5, 1]}]},
		{"x": "h", "y": "AUC", "curves": [{"name": "a", "x": [1], "y": [1]}]}]}`); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`viewBox="0 0 360 490"`, ">0.2<", ">0.5<", ">1<", ">2<", ">5<"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the drawing", want)
		}
	}
	for name, bad := range map[string]string{
		"no panels":      `{"panels": []}`,
		"columns":        `{"columns": -1, "panels": [{"curves": []}]}`,
		"logarithm of 0": `{"panels": [{"log": true, "curves": [{"name": "a", "x": [0], "y": [1]}]}]}`,
		"unknown member": `{"panels": [{"z": 1}]}`,
		"lengths":        `{"panels": [{"curves": [{"name": "a", "x": [1], "y": [1, 2]}]}]}`,
		"interval":       `{"panels": [{"curves": [{"name": "a", "x": [1], "y": [1], "low": [1]}]}]}`,
		"not JSON":       `x`,
	} {
		if err := draw(bad); err == nil || isUsage(err) {
			t.Errorf("%s: %v, want a failure", name, err)
		}
	}
}
