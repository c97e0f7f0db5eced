package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/model/modeltest"
)

// execute runs a command line as main does and returns what it prints.
func execute(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	stdout, _, err = executeAll(t, args...)
	return stdout, err
}

// executeAll is execute and returns the warnings, too.
func executeAll(t *testing.T, args ...string) (stdout, warnings string, err error) {
	t.Helper()
	var out, stderr bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetErr(&stderr)
	root.SetArgs(args)
	err = root.ExecuteContext(context.Background())
	return out.String(), stderr.String(), err
}

func isUsage(err error) bool {
	_, ok := err.(usageError)
	return ok
}

// The pipeline at its smallest: data of the point neuron, a random model.
func TestDatasetThenEvaluate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	args := []string{"dataset", "--cell", "lif", "--trials", "4", "--seconds", "0.8", "--seed", "5", "--out", dir}
	if out, err := execute(t, append(args, "--shard", "1/2")...); err != nil || !strings.Contains(out, "2 trials of shard 1/2") {
		t.Fatalf("%q, %v", out, err)
	}
	out, err := execute(t, append(args, "--json")...)
	var made struct{ Trials, Found, Made int }
	if err != nil || json.Unmarshal([]byte(out), &made) != nil || made.Trials != 4 || made.Found != 2 || made.Made != 2 {
		t.Fatalf("%q, %v", out, err)
	}
	if _, err := execute(t, append(args, "--seconds", "1")...); err == nil || !strings.Contains(err.Error(), "seconds") {
		t.Errorf("other options for the same directory: %v", err)
	}

	spec := modeltest.Small
	spec.Channels = 100
	file, err := modeltest.Random(spec, 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(t.TempDir(), "m.safetensors")
	if err := os.WriteFile(model, file, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err = execute(t, "evaluate", "--model", model, "--data", dir, "--holdout", "every-3", "--json")
	var got struct {
		Trials     int
		DurationMS int                      `json:"duration_ms"`
		AUC        struct{ Value *float64 } `json:"auc"`
		RMSE       struct{ N int }          `json:"voltage_rmse_mv"`
		Spikes     int                      `json:"true_spikes"`
		Range      struct{ Steps int }      `json:"input_range"`
		Recall     struct {
			Value *float64
			N     int
		} `json:"recall_2ms"`
	}
	if err != nil || json.Unmarshal([]byte(out), &got) != nil {
		t.Fatalf("%q, %v", out, err)
	}
	// Trials 0 and 3, 300 ms each after the warm-up; the population steps 800 ms of two.
	if got.Trials != 2 || got.DurationMS != 600 || got.RMSE.N != 600 || got.Range.Steps != 1600 || got.Recall.N != got.Spikes {
		t.Errorf("%s", out)
	}
	if got.Spikes > 0 && (got.AUC.Value == nil || *got.AUC.Value < 0 || *got.AUC.Value > 1) {
		t.Errorf("AUC in %s", out)
	}
	text, err := execute(t, "evaluate", "--model", model, "--data", dir)
	if err != nil || !strings.Contains(text, "AUC") || !strings.Contains(text, "on 4 trials") {
		t.Errorf("%q, %v", text, err)
	}

	quantised := filepath.Join(t.TempDir(), "q.safetensors")
	if _, err := execute(t, "model", "quantize", model, "--data", dir, "--out", quantised, "--trials", "3"); err != nil {
		t.Fatal(err)
	}
	for _, precision := range []string{"bf16", "int8"} {
		if text, err := execute(t, "evaluate", "--model", quantised, "--data", dir, "--precision", precision); err != nil || !strings.Contains(text, "("+precision+") on 4 trials") {
			t.Errorf("%q, %v", text, err)
		}
	}

	spec.Channels = 99
	if file, err = modeltest.Random(spec, 1).Encode(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(model, file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := execute(t, "evaluate", "--model", model, "--data", dir); err == nil || isUsage(err) {
		t.Errorf("a model of 99 channels: %v", err)
	}
}

// --voltages spreads the segments over the tree and asks for no more than there are.
func TestDatasetVoltages(t *testing.T) {
	var channels []cell.Channel
	for s := range 10 {
		channels = append(channels, cell.Channel{Segment: s}, cell.Channel{Segment: 9 - s})
	}
	for n, want := range map[int][]int{0: nil, 1: {5}, 2: {2, 7}, 3: {1, 5, 8}, 10: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 99: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		if got := spread(channels, n); !slices.Equal(got, want) {
			t.Errorf("%d of ten segments: %v, want %v", n, got, want)
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := execute(t, "dataset", "--cell", "passive", "--trials", "1", "--seconds", "0.02", "--voltages", "4", "--out", dir); err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	trial, err := d.Trial(0)
	if err != nil || len(d.Manifest.Voltages) != 4 || len(trial.VDend10UV) != 20*4 {
		t.Errorf("voltages of segments %v, %d values, %v", d.Manifest.Voltages, len(trial.VDend10UV), err)
	}
}

// --inputs takes a name or a file, and the manifest says what was used.
func TestDatasetInputs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "half.json")
	if err := os.WriteFile(file, []byte(`{"basal": {"exc_per_100ms": [0, 400]}}`), 0o666); err != nil {
		t.Fatal(err)
	}
	made := func(name string, args ...string) dataset.Inputs {
		out := filepath.Join(dir, name)
		args = append([]string{"dataset", "--cell", "lif", "--trials", "1", "--seconds", "0.05", "--out", out}, args...)
		if _, err := execute(t, args...); err != nil {
			t.Fatal(err)
		}
		d, err := dataset.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		return d.Manifest.Inputs
	}
	if got, want := made("default"), dataset.Paper(true); !reflect.DeepEqual(got, want) {
		t.Errorf("the default is %+v", got)
	}
	if _, err := execute(t, "dataset", "--cell", "lif", "--trials", "1", "--seconds", "0.05", "--dendrites", "passive", "--out", filepath.Join(dir, "default")); err == nil || !strings.Contains(err.Error(), "dendrites is passive") {
		t.Errorf("other dendrites for the same directory: %v", err)
	}
	if got := made("volleys", "--inputs", "synchronous"); got.Synchrony == nil || got.Synchrony.Trials != 1 {
		t.Errorf("synchronous is %+v", got)
	}
	want := dataset.Paper(false)
	want.Basal.Exc = [2]float64{0, 400}
	if got := made("half", "--inputs", file, "--synapses", "ampa"); !reflect.DeepEqual(got, want) {
		t.Errorf("the file gives %+v", got)
	}
	// Another file: the directory's data set is another one.
	if _, err := execute(t, "dataset", "--cell", "lif", "--trials", "1", "--seconds", "0.05", "--synapses", "ampa", "--out", filepath.Join(dir, "half")); err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("other inputs for the same directory: %v", err)
	}
	if err := os.WriteFile(file, []byte(`{"basal": {"exc": [0, 400]}}`), 0o666); err != nil {
		t.Fatal(err)
	}
	never := filepath.Join(dir, "never")
	_, err := execute(t, "dataset", "--trials", "1", "--out", never, "--inputs", file)
	if err == nil || isUsage(err) || !strings.Contains(err.Error(), "half.json") || !strings.Contains(err.Error(), `"exc" within "/basal"`) {
		t.Errorf("an unknown field: %v", err)
	}
	_, err = execute(t, "dataset", "--trials", "1", "--out", never, "--inputs", "loud")
	if !isUsage(err) || !strings.Contains(err.Error(), "synchronous") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("an unknown name: %v", err)
	}
	if _, err := os.Stat(never); err == nil {
		t.Error("bad inputs left a directory behind")
	}
}

func TestDatasetAndEvaluateUsage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "never")
	for _, args := range [][]string{
		{"dataset"},
		{"dataset", "--trials", "2"},
		{"dataset", "--out", dir},
		{"dataset", "--trials", "0", "--out", dir},
		{"dataset", "--trials", "2", "--out", dir, "--cell", "purkinje"},
		{"dataset", "--trials", "2", "--out", dir, "--shard", "2/2"},
		{"dataset", "--trials", "2", "--out", dir, "--shard", "x"},
		{"dataset", "--trials", "2", "--out", dir, "--seconds", "NaN"},
		{"dataset", "--trials", "2", "--out", dir, "--seconds", "0.0005"},
		{"dataset", "--trials", "2", "--out", dir, "--seconds", "1e9"},
		{"dataset", "--trials", "2", "--out", dir, "--synapses", "gaba"},
		{"dataset", "--trials", "2", "--out", dir, "--dendrites", "pruned"},
		{"dataset", "--trials", "2", "--out", dir, "--dt", "0.3"},
		{"dataset", "--trials", "2", "--out", dir, "--dt", "NaN"},
		{"dataset", "--trials", "2", "--out", dir, "--threads", "-1"},
		{"dataset", "--trials", "2", "--out", dir, "--batch", "0"},
		{"dataset", "--trials", "2", "--out", dir, "--voltages", "-1"},
		{"dataset", "--trials", "2", "--out", dir, "--voltages", "1.5"},
		{"dataset", "--trials", "2", "--out", dir, "--voltages", "1", "--cell", "lif"},
		{"dataset", "--trials", "2", "--out", dir, "extra"},
		{"evaluate"},
		{"evaluate", "--data", dir, "--holdout", "every-0"},
		{"evaluate", "--data", dir, "--holdout", "20"},
		{"evaluate", "--data", dir, "--threads", "-1"},
		{"evaluate", "--data", dir, "--kernel", "none-such"},
	} {
		if _, err := execute(t, args...); !isUsage(err) {
			t.Errorf("%v: %v, expected wrong usage", args, err)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("wrong usage left a directory behind")
	}
}
