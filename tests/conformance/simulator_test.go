package conformance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"understudy/plugin/abi"
	"understudy/plugin/network"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
	"understudy/plugin/surrogate"
	"understudy/tests/conformance"
	"understudy/tests/require"
)

// Surrogates in a simulator give the bits of the Go package, with its events, recorders and
// spikes. A program in simulators/ answers all cases.
func TestSimulators(t *testing.T) {
	for _, s := range []struct {
		name   string
		python func(testing.TB) string
	}{{"neuron", require.FullPython}, {"nest", require.NestPython}} {
		t.Run(s.name, func(t *testing.T) {
			python := s.python(t)
			cases, err := conformance.Cases()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			writeCases(t, dir, cases)
			packages, err := filepath.Abs("../../cexport/python")
			if err != nil {
				t.Fatal(err)
			}
			p := exec.Command(python, filepath.Join("simulators", "run_"+s.name+".py"), dir)
			p.Env = append(os.Environ(), "PYTHONPATH="+packages, "UNDERSTUDY_LIBRARY="+filepath.Join(library(t), "libunderstudy.so.0"), "UNDERSTUDY_CACHE="+t.TempDir())
			if out, err := p.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for i, c := range cases {
				t.Run(c.Name, func(t *testing.T) { checkAnswer(t, filepath.Join(dir, fmt.Sprintf("%d.out.npz", i)), &c) })
			}
		})
	}
}

// writeCases writes the models, their events and what else the program needs.
func writeCases(t *testing.T, dir string, cases []conformance.Case) {
	type described struct {
		N       int            `json:"n"`
		Steps   int            `json:"steps"`
		Options map[string]any `json:"options"`
	}
	var table []described
	for i, c := range cases {
		precision := c.Options.Precision
		if precision == "" {
			precision = surrogate.Float32
		}
		_, sampled, err := abi.Numbers(c.Options)
		if err != nil {
			t.Fatal(err)
		}
		table = append(table, described{c.N, c.Steps, map[string]any{"precision": precision, "spikes": []string{"threshold", "sample"}[sampled], "seed": c.Options.Seed}})
		times, neuron, channel, weight := make([]float64, len(c.Events)), make([]int32, len(c.Events)), make([]int32, len(c.Events)), make([]float32, len(c.Events))
		for k, e := range c.Events {
			times[k], neuron[k], channel[k], weight[k] = e.TimeMS, e.Neuron, e.Channel, e.Weight
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.safetensors", i)), c.Model, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := spikeio.WriteNPZ(filepath.Join(dir, fmt.Sprintf("%d.npz", i)), spikeio.Array{Name: "t_ms", Data: times},
			spikeio.Array{Name: "neuron", Data: neuron}, spikeio.Array{Name: "channel", Data: channel}, spikeio.Array{Name: "weight", Data: weight}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cases.json"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkAnswer compares a simulator's answer to a case with the Go package's.
func checkAnswer(t *testing.T, path string, c *conformance.Case) {
	z, err := spikeio.OpenNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	p, err := conformance.GoPackage{}.Surrogate(c.Model, c.N, c.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	values := c.Steps * c.N
	want := population.Output{PSpike: make([]float32, values), VSoma: make([]float32, values), Spike: make([]bool, values)}
	// Times just before a whole ms are that ms in a simulator; those after the end are not looked at.
	var events []population.Event
	for _, e := range c.Events {
		if e.TimeMS = network.Arrival(e.TimeMS); e.TimeMS < float64(c.Steps) {
			events = append(events, e)
		}
	}
	if err := p.Step(c.Steps, events, want); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{"p_spike": want.PSpike, "v_soma": want.VSoma} {
		got, shape, err := z.Float64(name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(shape, []int{c.Steps, c.N}) {
			t.Fatalf("%s has shape %v, want %d steps of %d neurons", name, shape, c.Steps, c.N)
		}
		for k := range want {
			if w := float64(want[k]); got[k] != w && (got[k] == got[k] || w == w) {
				t.Fatalf("%s of neuron %d in step %d is %v, want %v", name, k%c.N, k/c.N, got[k], want[k])
			}
		}
	}
	spikes, _, err := z.Int32("spike")
	if err != nil {
		t.Fatal(err)
	}
	for k, w := range want.Spike {
		if (spikes[k] == 1) != w || spikes[k] > 1 {
			t.Fatalf("neuron %d has %d spikes in step %d, want %v", k%c.N, spikes[k], k/c.N, w)
		}
	}
}
