package main

import (
	"log"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test be a measured process, as the command is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == serveArg {
		if err := serve(os.Args[2]); err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(m.Run())
}

// TestMeasure runs the benchmark on our side alone, briefly. A row that fails is one
// that says so, and an error.
func TestMeasure(t *testing.T) {
	rows := []row{
		ourRow(defaultM, 1, "f32", ""), ourRow(defaultM, 3, "int8", "reference"), ourRow(elm, 2, "f32", ""),
		ourRow(elm, 1, "int8", ""), ourRow(elm, 1, "f32", "no such"),
	}
	rows[0].Block, rows[2].Threads = 8, 2
	r, err := measure(options{repeats: 2, budget: time.Millisecond, rows: rows})
	if r == nil {
		t.Fatal(err)
	}
	for i, f := range r.Figures {
		if i < 4 && (f.Missing != "" || !(f.CPUUS > 0) || f.MostCPUUS < f.CPUUS || f.StateBytes == 0 || f.Version == "") {
			t.Errorf("%+v", f)
		} else if i >= 4 && f.Missing == "" {
			t.Errorf("%+v: not missing", f)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "no such") || strings.Contains(err.Error(), defaultM) {
		t.Errorf("error %v", err)
	}
	var text strings.Builder
	r.print(&text)
	if n := strings.Count(text.String(), "missing:"); n != 1 {
		t.Errorf("%d rows are missing, want 1:\n%s", n, &text)
	}
}

// TestDifference: outputs of later steps are compared with theirs, voltages as the network gives them.
func TestDifference(t *testing.T) {
	want := &outputs{P: [][]float64{{0, 1}, {0.5, 1}}, V: [][]float64{{0, 0}, {-60, -70}}}
	got := &outputs{From: 1, P: [][]float64{{0.51}}, V: [][]float64{{-59.8}}}
	if d, err := got.difference(want); err != nil || math.Abs(d-0.02) > 1e-9 {
		t.Errorf("%v, error %v, want 0.02", d, err)
	}
	got.P[0][0] = math.NaN()
	if d, _ := got.difference(want); !math.IsNaN(d) {
		t.Errorf("%v, want NaN", d)
	}
	got.From = 2
	if _, err := got.difference(want); err == nil {
		t.Error("no error for outputs beyond what is expected")
	}
}

// TestTargets: a ratio is that of the cheapest rows that fit.
func TestTargets(t *testing.T) {
	r := &report{}
	add := func(system, precision, kernel string, us float64) {
		r.Figures = append(r.Figures, figure{row: row{System: system, Model: paper, Neurons: 100, Precision: precision, Kernel: kernel}, CPUUS: us})
	}
	add(oursName, "f32", "slow", 30)
	add(oursName, "f32", "fast", 10)
	add(oursName, "int8", "avx512vnni", 5)
	add(onnxStream, "f32", "", 80)
	add(torchStream, "f32", "", 50)
	add(torchStream, "bf16", "", 1)
	r.compare()
	ratios := map[string]float64{}
	for _, s := range r.Targets {
		if s.Ratio != 0 {
			ratios[s.Name] = s.Ratio
		}
	}
	if len(ratios) != 2 || ratios["100 neurons, f32"] != 0.2 || ratios["100 neurons, int8 (VNNI)"] != 0.1 {
		t.Errorf("%v", ratios)
	}
}
