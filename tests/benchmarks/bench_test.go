package main

import (
	"math"
	"strings"
	"testing"

	"understudy/plugin/cell"
)

// TestMeasure runs the benchmark on our side alone, briefly.
func TestMeasure(t *testing.T) {
	rows := []row{ourRow(baseline, 1, cell.Options{}), ourRow(baseline, 8, cell.Options{})}
	r, err := measure(options{spanMS: 60, warmMS: 100, repeats: 2, rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Figures {
		if f.Missing != "" || !(f.CPUMS > 0) || f.MostCPUMS < f.CPUMS || f.Compartments != 642 || f.BytesPerNeuron == 0 {
			t.Errorf("%+v", f)
		}
	}
	var text strings.Builder
	r.print(&text)
	if n := strings.Count(text.String(), baseline); n != 2 {
		t.Errorf("%d rows, want 2:\n%s", n, &text)
	}
}

// TestMissing: a peer that is not there is a row that says so, not an error; a row
// without spikes is one.
func TestMissing(t *testing.T) {
	env := environment{at: map[string]string{}, absent: map[string]string{"arbor-wheel": "no wheel"}}
	r, err := measure(options{spanMS: 40, repeats: 1, rows: []row{arborRow(env, "Arbor", "", "python", "arbor-wheel", "synapses", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if r.print(&text); !strings.Contains(text.String(), "missing: no wheel") {
		t.Error(&text)
	}
	silent := []row{ourRow(baseline, 1, cell.Options{})}
	if _, err := measure(options{spanMS: 40, repeats: 1, rows: silent}); err == nil || !strings.Contains(err.Error(), "no spike") {
		t.Errorf("no spike: error %v", err)
	}
}

// TestInput: 14 events a ms, the same for a neuron whatever the number of neurons.
func TestInput(t *testing.T) {
	one, err := newRequest(1, 500)
	if err != nil {
		t.Fatal(err)
	}
	if rate := float64(len(one.Events)) / 500; math.Abs(rate-14) > 0.7 {
		t.Errorf("%.2f events a ms", rate)
	}
	if len(one.Contacts) != 1278 {
		t.Errorf("%d channels", len(one.Contacts))
	}
	two, err := newRequest(2, 500)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range one.Events {
		if two.Events[i] != e {
			t.Fatalf("event %d: %v with one neuron, %v with two", i, e, two.Events[i])
		}
	}
}
