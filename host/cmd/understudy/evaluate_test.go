package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"understudy/plugin/dataset"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
)

// randomModel writes a model of 100 channels, as the cell lif has, and returns its file.
func randomModel(t *testing.T, seed uint64, provenance string) string {
	t.Helper()
	spec := modeltest.Small
	spec.Channels = 100
	m := modeltest.Random(spec, seed)
	m.Provenance = jsontext.Value(provenance)
	file := filepath.Join(t.TempDir(), "m.safetensors")
	if err := writeModel(m, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// All that a card can hold, at its smallest.
func TestEvaluateCard(t *testing.T) {
	dir := t.TempDir()
	data := func(name string, args ...string) string {
		out := filepath.Join(dir, name)
		if _, err := execute(t, append([]string{"dataset", "--cell", "lif", "--trials", "3", "--seconds", "0.8", "--out", out}, args...)...); err != nil {
			t.Fatal(err)
		}
		return out
	}
	main, volleys, ampa := data("main"), data("volleys", "--inputs", "synchronous"), data("ampa", "--synapses", "ampa", "--dt", "0.1")
	m := randomModel(t, 1, `{"cell": "lif", "synapses": "ampa", "dt_ms": 0.05}`)
	other := randomModel(t, 2, `{"description": "another"}`)
	figures, card := filepath.Join(dir, "lif.json"), filepath.Join(dir, "card.md")
	if err := os.WriteFile(figures, []byte(`{"description": "peer", "figures": {"auc": 0.8, "spikes": 1, "bins": 2, "trials": 1}}`), 0o666); err != nil {
		t.Fatal(err)
	}
	text, err := execute(t, "evaluate", "--model", m, "--data", main, "--also", "volleys="+volleys, "--also", "ampa="+ampa,
		"--baseline", "other="+other, "--baseline", "peer="+figures, "--holdout", "every-2", "--card", card, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Trials int
		Notes  []string
		Also   []struct {
			Name   string
			Trials int
			Notes  []string
			Drop   struct{ N int } `json:"auc_drop"`
		}
		Baselines []struct {
			Name, Description string
			OtherData         bool        `json:"other_data"`
			Interval          *[2]float64 `json:"auc_below_model_interval"`
		}
		Confidence struct {
			RMSE *[2]float64 `json:"voltage_rmse_mv"`
		}
		Thresholds []struct{}
		Command    string
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	notes := strings.Join(r.Notes, "\n")
	if !strings.Contains(notes, "synapses is nmda, in training it was ampa") || !strings.Contains(notes, "does not record morphology, dendrites, scheme") || strings.Contains(notes, "dt_ms") {
		t.Errorf("notes %q", r.Notes)
	}
	if len(r.Also) != 2 || r.Also[0].Trials != 3 || r.Trials != 2 || !strings.Contains(strings.Join(r.Also[0].Notes, ""), "synchrony {") {
		t.Errorf("volleys: %+v", r.Also)
	}
	if notes := strings.Join(r.Also[1].Notes, "\n"); !strings.Contains(notes, "synapses is ampa, the main data have nmda") || !strings.Contains(notes, "dt_ms is 0.1") {
		t.Errorf("ampa: %q", notes)
	}
	if len(r.Baselines) != 2 || r.Baselines[0].Description != "another" || r.Baselines[0].OtherData || !r.Baselines[1].OtherData || r.Baselines[1].Interval != nil {
		t.Errorf("baselines %+v", r.Baselines)
	}
	if r.Confidence.RMSE == nil || len(r.Thresholds) < 5 || !strings.Contains(r.Command, "--also volleys="+volleys+" --also ampa=") {
		t.Errorf("%+v", r)
	}
	b, err := os.ReadFile(card)
	if err != nil || !strings.Contains(string(b), "# Model card: ") || !strings.Contains(string(b), "(card-roc.svg)") || !strings.Contains(string(b), "peer\\*") {
		t.Errorf("%s, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "card-roc.svg")); err != nil {
		t.Error(err)
	}
}

// What is wrong with the arguments shows before any model has run.
func TestEvaluateArguments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := execute(t, "dataset", "--cell", "lif", "--trials", "2", "--seconds", "0.6", "--out", dir); err != nil {
		t.Fatal(err)
	}
	m := randomModel(t, 1, "{}")
	for _, tc := range []struct {
		args  []string
		usage bool
		says  string
	}{
		{[]string{"--also", "x"}, true, "NAME=PATH"},
		{[]string{"--also", "=x"}, true, "NAME=PATH"},
		{[]string{"--also", "a=" + dir, "--also", "a=" + dir}, true, "twice"},
		{[]string{"--baseline", "x="}, true, "NAME=PATH"},
		{[]string{"--also", "a=" + dir + "x"}, false, "--also a"},
		{[]string{"--baseline", "b=" + dir + "x.json"}, false, "--baseline b"},
		{[]string{"--baseline", "b=" + dir + "x"}, false, "--baseline b"},
		{[]string{"--baseline", "b="}, true, "NAME=PATH"},
		{[]string{"--baseline", "b=l5pc"}, false, "channels"},
	} {
		_, err := execute(t, append([]string{"evaluate", "--model", m, "--data", dir}, tc.args...)...)
		if err == nil || isUsage(err) != tc.usage || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%v: %v", tc.args, err)
		}
	}
}

// Provenance may be any JSON, and no note is made of what it does not say.
func TestTrainingNotes(t *testing.T) {
	man := &dataset.Manifest{Cell: "l5pc", Synapses: "nmda", DtMS: 0.05, Scheme: "crank-nicolson"}
	all := `{"cell": "l5pc", "morphology": "built-in", "synapses": "nmda", "dendrites": "active", "dt_ms": 0.05, "scheme": "crank-nicolson"}`
	for provenance, want := range map[string]int{all: 0, strings.Replace(all, "active", "passive", 1): 1, "": 1, "[1]": 1, strings.Replace(all, `"nmda"`, `{"a": 1}`, 1): 1} {
		m := &model.Model{}
		m.Provenance = jsontext.Value(provenance)
		if notes := trainingNotes(m, man); len(notes) != want {
			t.Errorf("%s: %q", provenance, notes)
		}
	}
}
