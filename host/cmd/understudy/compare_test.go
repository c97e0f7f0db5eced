package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"understudy/plugin/model/modeltest"
)

// lifModel writes a random model with the channels of the point neuron.
func lifModel(t *testing.T) string {
	t.Helper()
	spec := modeltest.Small
	spec.Channels = 100
	file, err := modeltest.Random(spec, 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lif.safetensors")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompare(t *testing.T) {
	model, out := lifModel(t), filepath.Join(t.TempDir(), "report.html")
	args := []string{"compare", "--cell", "lif", "--model", model, "--neurons", "1,3", "--duration", "400", "--seed", "5", "--out", out}
	text, err := execute(t, args...)
	if err != nil || !strings.Contains(text, "speed-up") || !strings.Contains(text, out) {
		t.Fatalf("%q, %v", text, err)
	}
	page, err := os.ReadFile(out)
	if err != nil || !bytes.Contains(page, []byte("--neurons 1,3")) {
		t.Fatalf("report of %d bytes, %v", len(page), err)
	}

	type row struct {
		Neurons     int
		SimulatedMS int `json:"simulated_ms"`
		Detailed    struct {
			Rate struct {
				Value *float64
				N     int
			} `json:"rate_hz"`
		}
		Fidelity struct {
			Trials int
			Spikes int `json:"true_spikes"`
		} `json:"identical_input"`
	}
	var results [2]struct{ Rows []row }
	for i, threads := range []string{"1", "3"} {
		text, err := execute(t, append(args, "--json", "--threads", threads)...)
		if err != nil || json.Unmarshal([]byte(text), &results[i]) != nil {
			t.Fatalf("%q, %v", text, err)
		}
	}
	for i, r := range results[0].Rows {
		if r.Neurons != []int{1, 3}[i] || r.SimulatedMS != 400 || r.Fidelity.Trials != r.Neurons || r.Detailed.Rate.N == 0 {
			t.Errorf("%+v", r)
		}
		if o := results[1].Rows[i]; *o.Detailed.Rate.Value != *r.Detailed.Rate.Value || o.Fidelity != r.Fidelity {
			t.Errorf("three threads: %+v, one: %+v", o, r)
		}
	}
}

func TestCompareAudit(t *testing.T) {
	model, out := lifModel(t), filepath.Join(t.TempDir(), "report.html")
	args := []string{"compare", "--cell", "lif", "--model", model, "--regime", "default,driven", "--neurons", "9", "--duration", "400", "--audit", "3", "--out", out}
	text, err := execute(t, args...)
	if err != nil || !strings.Contains(text, "With time, driven, 9 neurons") || !strings.Contains(text, "the twins") || !strings.Contains(text, out) {
		t.Fatalf("%q, %v", text, err)
	}
	page, err := os.ReadFile(out)
	if err != nil || !bytes.Contains(page, []byte("--audit 3")) {
		t.Fatalf("report of %d bytes, %v", len(page), err)
	}
	var results [2]struct {
		Rows []struct {
			Regime  string
			Audited []int
			Total   struct{ Agreement struct{ Trials, Spikes int } }
			Windows []json.RawMessage
		}
	}
	for i, threads := range []string{"1", "3"} {
		text, err := execute(t, append(args, "--json", "--threads", threads)...)
		if err != nil || json.Unmarshal([]byte(text), &results[i]) != nil {
			t.Fatalf("%q, %v", text, err)
		}
	}
	if !reflect.DeepEqual(results[0], results[1]) {
		t.Error("one thread and three give different results")
	}
	rows := results[0].Rows
	if len(rows) != 2 || rows[1].Regime != "driven" || !reflect.DeepEqual(rows[1].Audited, []int{0, 3, 6}) || rows[1].Total.Agreement.Trials != 3 || len(rows[1].Windows) != 10 {
		t.Errorf("%+v", rows)
	}
}

func TestCompareUsage(t *testing.T) {
	out := filepath.Join(t.TempDir(), "report.html")
	for _, args := range [][]string{
		{"--neurons", "0"}, {"--neurons", "x"}, {"--neurons", ""}, {"--duration", "1"}, {"--duration", "100,200"}, {"--warmup", "4000"}, {"--warmup", "-2"},
		{"--threads", "0"}, {"--dt", "0"}, {"--dt", "NaN"}, {"--dt", "1"}, {"--cell", "purkinje"}, {"--out", ""}, {"--kernel", "none-such"}, {"extra"}, {"--seed", "-1"},
		{"--regime", "none-such"}, {"--regime", ""}, {"--regime", "driven,"}, {"--regime", "driven,driven"},
		{"--audit", "0"}, {"--audit", "-1"}, {"--audit", "x"}, {"--audit", "2", "--neurons", "0"}, {"--audit", "2", "--control"},
	} {
		if _, err := execute(t, append([]string{"compare", "--out", out}, args...)...); !isUsage(err) {
			t.Errorf("%v: %v, expected wrong usage", args, err)
		}
	}
	model := lifModel(t)
	for name, args := range map[string][]string{
		"directory":   {"--out", filepath.Join(out, "no", "report.html")},
		"morphology":  {"--morphology", filepath.Join(t.TempDir(), "none.asc")},
		"model":       {"--model", filepath.Join(t.TempDir(), "none.safetensors")},
		"not a model": {"--model", "compare_test.go"},
		"other cell":  {"--model", model, "--cell", "l5pc"},
	} {
		if _, err := execute(t, append([]string{"compare", "--out", out}, args...)...); err == nil || isUsage(err) {
			t.Errorf("%s: %v, expected a failure that is not wrong usage", name, err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a report was written")
	}
}

func TestCompareInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	args := []string{"compare", "--cell", "lif", "--model", lifModel(t), "--neurons", "2", "--duration", "400", "--out", filepath.Join(dir, "report.html")}
	for _, args := range [][]string{args, append(args, "--audit", "1")} {
		root := newRoot()
		root.SetArgs(args)
		root.SetOut(&bytes.Buffer{})
		if err := root.ExecuteContext(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v interrupted: %v", args, err)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}
