package dataset

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/detailed"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// passiveConfig is a small data set of a cell with dendrites, three of which are recorded.
func passiveConfig(t testing.TB, dir string) Config {
	opt := cell.Options{DtMS: 0.1}
	channels, err := cell.Channels("passive", opt)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Dir: dir,
		Manifest: Manifest{Cell: "passive", Seconds: 0.15, Seed: 3, Trials: 3, Synapses: "nmda", DtMS: 0.1,
			Scheme: string(detailed.BackwardEuler), Command: "test", Inputs: Paper(true), Voltages: []int{0, 300, 638}},
		Channels: channels,
		New:      func(n int) (population.Population, error) { return cell.New("passive", n, opt) },
		Shards:   1, Threads: 1, Batch: 2,
	}
}

// The dendritic voltages that Run keeps are those that detailed's probes record.
func TestVoltagesAreTheProbes(t *testing.T) {
	c := passiveConfig(t, t.TempDir())
	if _, err := Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	d, err := Open(c.Dir)
	if err != nil || !slices.Equal(d.Manifest.Voltages, []int{0, 300, 638}) {
		t.Fatalf("%v, %v", d, err)
	}
	spec, _, err := cell.Build("passive", cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const ms, k = 150, 3
	for trial := range 3 {
		got, err := d.Trial(trial)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.VDend10UV) != ms*k {
			t.Fatalf("trial %d has %d voltages, expected %d x %d", trial, len(got.VDend10UV), ms, k)
		}
		pop, err := detailed.New(spec, 1, detailed.Options{DtMS: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		var traces []func() []float64
		for _, s := range d.Manifest.Voltages {
			trace, err := pop.Probe(0, spec.Channels[s][0].Segment, 1)
			if err != nil {
				t.Fatal(err)
			}
			traces = append(traces, trace)
		}
		if err := pop.Step(ms, got.Input.Population(nil, 0), population.Output{}); err != nil {
			t.Fatal(err)
		}
		moved := false
		for j, trace := range traces {
			for i, v := range trace()[:ms] {
				if x := got.VDend10UV[i*k+j]; x != int16(math.Round(100*v)) {
					t.Fatalf("trial %d, segment %d at %d ms: %d, the probe has %.4f mV", trial, d.Manifest.Voltages[j], i, x, v)
				}
				moved = moved || math.Abs(v-trace()[0]) > 1
			}
		}
		if !moved {
			t.Errorf("trial %d: the dendrites rest all the time", trial)
		}
	}
}

func TestVoltagesOutOfRangeAreClipped(t *testing.T) {
	trace := func() []float64 { return []float64{-1e9, -70.004, 69.996, 400, 0} }
	if got := interleave([]func() []float64{trace, trace}, 4); !slices.Equal(got, []int16{-32700, -32700, -7000, -7000, 7000, 7000, 32700, 32700}) {
		t.Errorf("%v", got)
	}
}

func TestBadVoltages(t *testing.T) {
	c := passiveConfig(t, t.TempDir())
	c.Manifest.Trials = 1
	if _, err := Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	d, err := Open(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	good, err := d.Trial(0)
	if err != nil {
		t.Fatal(err)
	}
	// A trial's file with another array of voltages, or none.
	for says, voltages := range map[string]*spikeio.Array{
		`no array "v_dend_10uv"`:                          nil,
		"v_dend_10uv has shape [149 3], expected [150 3]": {Data: good.VDend10UV[3:], Shape: []int{149, 3}},
		"v_dend_10uv has shape [3 150], expected [150 3]": {Data: good.VDend10UV, Shape: []int{3, 150}},
		"v_dend_10uv: entry 7 is 40000":                   {Data: wide(good.VDend10UV, 7, 40000), Shape: []int{150, 3}},
	} {
		arrays := []spikeio.Array{{Name: "in_channel", Data: good.Input.Channel}, {Name: "in_t_ms", Data: good.Input.TimeMS},
			{Name: "spike_ms", Data: good.SpikeMS}, {Name: "upcross_ms", Data: good.UpcrossMS},
			{Name: "v_soma_mv", Data: good.VSomaMV}, {Name: "T_ms", Data: int64(150)}}
		if voltages != nil {
			voltages.Name = "v_dend_10uv"
			arrays = append(arrays, *voltages)
		}
		if err := spikeio.WriteNPZ(trialPath(c.Dir, 0), arrays...); err != nil {
			t.Fatal(err)
		}
		_, err := d.Trial(0)
		if !errors.Is(err, population.ErrFormat) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "trial_000000.npz") {
			t.Errorf("want %q: %v", says, err)
		}
	}
	for says, voltages := range map[string][]int{
		"voltages: entry 1 is 3":    {5, 3},
		"voltages: entry 2 is 7":    {5, 7, 7},
		"voltages: entry 0 is -1":   {-1},
		"voltages: entry 0 is 9999": {9999},
	} {
		c.Manifest.Voltages, c.Dir = voltages, filepath.Join(t.TempDir(), "never")
		if _, err := Run(context.Background(), c); !errors.Is(err, population.ErrFormat) || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q: %v", says, err)
		}
	}
	// A point neuron has a soma only.
	lif := lifConfig(t, t.TempDir())
	lif.Manifest.Voltages = []int{0}
	if _, err := Run(context.Background(), lif); !errors.Is(err, population.ErrInput) || !strings.Contains(err.Error(), "lif has no dendritic voltages") {
		t.Errorf("voltages of a point neuron: %v", err)
	}
}

// wide returns x with another entry i, in a type that holds it.
func wide(x []int16, i int, entry int32) []int32 {
	var y []int32
	for _, v := range x {
		y = append(y, int32(v))
	}
	y[i] = entry
	return y
}
