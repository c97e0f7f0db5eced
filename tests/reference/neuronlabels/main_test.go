package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/detailed"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
	"understudy/tests/require"
)

// TestLabels: a small cell's own labels, made with a time step an eighth of the usual, are
// NEURON's, with weights and without. Bounds are twice what was found (0.026 mV) or more (0 ms).
func TestLabels(t *testing.T) {
	require.Python(t)
	require.BluePyOpt(t)
	t.Chdir("../../..")
	file := filepath.Join(t.TempDir(), "cell.swc")
	const tree = "1 1 0 0 0 8 -1\n2 1 0 8 0 8 1\n3 3 0 8 0 1 2\n4 3 0 100 0 1 3\n5 4 8 0 0 1 1\n6 4 90 0 0 1 5\n"
	if err := os.WriteFile(file, []byte(tree), 0o644); err != nil {
		t.Fatal(err)
	}
	o := cell.Options{}
	var err error
	if o.Morphology, err = morphology.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	channels, err := cell.Channels("l5pc", o)
	if err != nil {
		t.Fatal(err)
	}
	const dt = 0.00625
	o.DtMS, o.Scheme = dt, detailed.CrankNicolson
	inputs := dataset.Paper(true)
	for _, r := range []*dataset.TreeRates{&inputs.Basal, &inputs.Apical} { // as many events for the few segments
		r.Exc, r.InhMinusExc = [2]float64{0, 60}, [2]float64{-40, 10}
	}
	for name, weights := range map[string]*dataset.Weights{"all 1": nil, "weights": {Trials: 1, Range: [2]float64{0.5, 2}, Repeats: [2]float64{0.1, 0.1}}} {
		inputs.Weights = weights
		m := dataset.Manifest{Cell: "l5pc", Seconds: 0.8, Trials: 2, Synapses: "nmda", DtMS: dt, Scheme: string(o.Scheme), Inputs: inputs,
			Morphology: fmt.Sprintf("cell.swc sha256:%x", sha256.Sum256([]byte(tree)))}
		dir := filepath.Join(t.TempDir(), "ours")
		if _, err = dataset.Run(context.Background(), dataset.Config{Dir: dir, Manifest: m, Channels: channels, Shards: 1, Threads: 1, Batch: 1,
			New: func(n int) (population.Population, error) { return cell.New("l5pc", n, o) }}); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "neuron")
		if err := run(options{data: dir, morphology: file, out: out, atol: 1e-5}); err != nil {
			t.Fatal(err)
		}
		ours, neuron := open(t, dir), open(t, out)
		if len(neuron.Trials) != 2 {
			t.Fatalf("%s: trials %v", name, neuron.Trials)
		}
		spikes := 0
		for _, k := range ours.Trials {
			a, b := trial(t, ours, k), trial(t, neuron, k)
			if len(a.SpikeMS) != len(b.SpikeMS) || len(a.Input.Channel) != len(b.Input.Channel) {
				t.Fatalf("%s, trial %d: spikes at %v, NEURON's at %v", name, k, a.SpikeMS, b.SpikeMS)
			}
			spikes += len(a.SpikeMS)
			for i := range a.SpikeMS {
				if d := math.Abs(a.SpikeMS[i] - b.SpikeMS[i]); d > 0.125 {
					t.Errorf("%s, trial %d: spike at %g ms, NEURON's at %g", name, k, a.SpikeMS[i], b.SpikeMS[i])
				}
				if d := math.Abs(a.UpcrossMS[i] - b.UpcrossMS[i]); d > 0.1 {
					t.Errorf("%s, trial %d: crossing at %g ms, NEURON's at %g", name, k, a.UpcrossMS[i], b.UpcrossMS[i])
				}
			}
			sum := 0.0
			for i := range a.VSomaMV {
				d := math.Min(float64(a.VSomaMV[i]), -55) - math.Min(float64(b.VSomaMV[i]), -55)
				sum += d * d
			}
			if rms := math.Sqrt(sum / float64(len(a.VSomaMV))); rms > 0.05 {
				t.Errorf("%s, trial %d: clipped voltages differ by %g mV", name, k, rms)
			} else {
				t.Logf("%s, trial %d: %d spikes, clipped voltages differ by %.4f mV", name, k, len(a.SpikeMS), rms)
			}
		}
		if spikes == 0 {
			t.Errorf("%s: no spikes to compare", name)
		}
		if run(options{data: dir, out: out, morphology: file, atol: 1e-3}) == nil {
			t.Error("a folder of another tolerance was taken")
		}
	}
}

func open(t *testing.T, dir string) *dataset.Data {
	t.Helper()
	d, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func trial(t *testing.T, d *dataset.Data, k int) *dataset.Trial {
	t.Helper()
	one, err := d.Trial(k)
	if err != nil {
		t.Fatal(err)
	}
	return one
}
