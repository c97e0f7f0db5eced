package reference_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"understudy/plugin/detailed"
	"understudy/plugin/population"
	"understudy/tests/require"
)

var (
	update = flag.Bool("update", false, "write cell_neuron.json from what NEURON makes, which takes minutes")
	all    = flag.Bool("all", false, "run NEURON on every protocol, which takes minutes, not only on the short ones and one long one")
)

// Tolerances. With rates by their formulas only rounding differs, which a spike
// amplifies. Interpolated rates shift spikes slightly; 0.001 ms is 0.5 mV on a spike's
// flank, and over seconds of input a shift may grow; 0.025 ms is one step. Both NEURON's variable step and the second-order scheme approach
// the exact solution: their difference is the error of the latter.
const (
	exactTolMV    = 1e-4
	exactTolMS    = 1e-6
	tableTolMV    = 0.5
	tableTolMS    = 0.002
	longTolMS     = 0.025
	variableTolMS = 1.5
	keptTolMS     = 1e-5
)

// trace is a protocol's result.
type trace struct {
	V       [][]float64 `json:"v"`
	Upcross []float64   `json:"upcross"`
	Seconds float64     `json:"seconds"`
}

// simulate runs a protocol here.
func simulate(t *testing.T, d *neuronCell, p *protocol, o detailed.Options) trace {
	t.Helper()
	pop, err := detailed.New(d.cell, 1, o)
	if err != nil {
		t.Fatal(err)
	}
	defer pop.Close()
	var voltages []func() []float64
	for _, s := range p.segments {
		f, err := pop.Probe(0, s, o.DtMS)
		if err != nil {
			t.Fatal(err)
		}
		voltages = append(voltages, f)
	}
	var events []population.Event
	for _, e := range p.Events {
		events = append(events, population.Event{TimeMS: e[0], Channel: int32(e[1]), Weight: 1})
	}
	for _, part := range []struct {
		ms int
		nA float64
	}{{p.FromMS, 0}, {p.ToMS - p.FromMS, p.NA}, {p.MS - p.ToMS, 0}} {
		if part.ms == 0 {
			continue
		}
		if err := pop.Inject(0, part.nA); err != nil {
			t.Fatal(err)
		}
		if err := pop.Step(part.ms, events, population.Output{}); err != nil {
			t.Fatal(err)
		}
		events = nil
	}
	r := trace{Upcross: pop.UpcrossMS(0)}
	for _, f := range voltages {
		r.V = append(r.V, f())
	}
	return r
}

// keptSpikes is what cell_neuron.json holds: NEURON's upward crossings [ms], by
// cell and protocol.
type keptSpikes struct {
	NEURON string                          `json:"neuron"`
	Spikes map[string]map[string][]float64 `json:"spikes"`
}

func kept(t *testing.T) keptSpikes {
	t.Helper()
	var k keptSpikes
	text, err := os.ReadFile("cell_neuron.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestCellIsNEURONs compares with the spike times that NEURON gave when
// cell_neuron.json was written.
func TestCellIsNEURONs(t *testing.T) {
	compareKept(t, append(l5pc(t), squid(t)))
}

// TestReconstructionIsNEURONs does so on BluePyOpt's cell.
func TestReconstructionIsNEURONs(t *testing.T) {
	compareKept(t, reconstruction(t))
}

func compareKept(t *testing.T, cells []*neuronCell) {
	k := kept(t)
	for _, d := range cells {
		if len(k.Spikes[d.Name]) != len(d.Protocols) {
			t.Errorf("%s: %d protocols kept, there are %d: run with -update", d.Name, len(k.Spikes[d.Name]), len(d.Protocols))
		}
		for i := range d.Protocols {
			p := &d.Protocols[i]
			t.Run(d.Name+"/"+p.Name, func(t *testing.T) {
				want := k.Spikes[d.Name][p.Name]
				if len(want) < 2 {
					t.Fatalf("%d spikes kept: too few to compare", len(want))
				}
				compareSpikes(t, simulate(t, d, p, p.options()).Upcross, want, p.tol)
			})
		}
	}
}

// TestCellAgainstNEURON runs NEURON itself on the same cells.
func TestCellAgainstNEURON(t *testing.T) {
	python := require.Python(t)
	spiking := slices.Concat(l5pc(t), reconstruction(t), []*neuronCell{squid(t)})
	cells := slices.Concat(spiking, controls(t), []*neuronCell{synapses(t)})
	for _, d := range cells {
		d.Protocols = slices.DeleteFunc(d.Protocols, func(p protocol) bool { return p.slow && !*all && !*update })
	}
	cells = slices.DeleteFunc(cells, func(d *neuronCell) bool { return len(d.Protocols) == 0 })
	result := runNEURON(t, python, cells)

	if *update {
		k := keptSpikes{NEURON: result.NEURON, Spikes: map[string]map[string][]float64{}}
		for _, d := range spiking {
			k.Spikes[d.Name] = map[string][]float64{}
			for protocol, r := range result.Cells[d.Name] {
				for _, ms := range r.Upcross {
					k.Spikes[d.Name][protocol] = append(k.Spikes[d.Name][protocol], math.Round(ms*1e6)/1e6)
				}
			}
		}
		text, err := json.MarshalIndent(k, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("cell_neuron.json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, protocols := range kept(t).Spikes {
		for protocol, spikes := range protocols {
			if _, ok := result.Cells[name][protocol]; !ok {
				continue
			}
			t.Run("kept/"+name+"/"+protocol, func(t *testing.T) {
				compareSpikes(t, spikes, result.Cells[name][protocol].Upcross, keptTolMS)
			})
		}
	}
	for _, d := range cells {
		for i := range d.Protocols {
			p := &d.Protocols[i]
			ref := result.Cells[d.Name][p.Name]
			t.Logf("%s, %s: NEURON %s took %.3g s for %d ms", d.Name, p.Name, result.NEURON, ref.Seconds, p.MS)
			if len(ref.Upcross) < 2 && d.Name != "passive" && d.Name != "synapses" {
				t.Errorf("%s, %s: %d spikes, too few to compare", d.Name, p.Name, len(ref.Upcross))
			}
			if p.exact {
				t.Run(d.Name+"/"+p.Name+"/exact", func(t *testing.T) {
					got := simulate(t, d, p, detailed.Options{DtMS: p.DtMS, ExactRates: true})
					compareVoltages(t, got.V, ref.V, exactTolMV)
					compareSpikes(t, got.Upcross, ref.Upcross, exactTolMS)
				})
			}
			t.Run(d.Name+"/"+p.Name+"/tables", func(t *testing.T) {
				got := simulate(t, d, p, p.options())
				if !p.SpikesOnly {
					compareVoltages(t, got.V, ref.V, tableTolMV)
				}
				compareSpikes(t, got.Upcross, ref.Upcross, p.tol)
			})
		}
	}
}

// options are those with which a protocol is compared: against the variable
// step, the second-order scheme.
func (p *protocol) options() detailed.Options {
	o := detailed.Options{DtMS: p.DtMS}
	if p.Variable {
		o.Scheme = detailed.CrankNicolson
	}
	return o
}

type neuronCells struct {
	NEURON string                      `json:"neuron"`
	Cells  map[string]map[string]trace `json:"cells"`
}

func runNEURON(t *testing.T, python string, cells []*neuronCell) neuronCells {
	t.Helper()
	var r neuronCells
	runPython(t, python, "cell_neuron.py", map[string]any{"cells": cells}, &r, mechanisms(t))
	return r
}

// mechanisms returns the folder where BluePyOpt's channels and our synapse are compiled, once for all tests.
func mechanisms(t *testing.T) string {
	t.Helper()
	require.BluePyOpt(t) // else the script would install it
	out, err := exec.Command("../mechanisms.sh").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		t.Fatalf("mechanisms.sh: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if folder, ok := strings.CutPrefix(strings.TrimSpace(line), "mechanisms="); ok {
			return folder
		}
	}
	t.Fatalf("mechanisms.sh names no folder: %s", out)
	return ""
}

// runPython runs SCRIPT REQUEST.json OUT.json ARGS... and decodes OUT.json into result.
func runPython(t *testing.T, python, script string, request, result any, args ...string) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "request.json"), filepath.Join(dir, "out.json")
	text, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if log, err := exec.Command(python, append([]string{script, in, out}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if text, err = os.ReadFile(out); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, result); err != nil {
		t.Fatal(err)
	}
}

func compareVoltages(t *testing.T, got, want [][]float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d traces, NEURON has %d", len(got), len(want))
	}
	for i := range got {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("trace %d: %d samples, NEURON has %d", i, len(got[i]), len(want[i]))
		}
		worst, where := 0.0, 0
		for k := range got[i] {
			if d := math.Abs(got[i][k] - want[i][k]); !(d <= worst) {
				worst, where = d, k
			}
		}
		t.Logf("trace %d: largest difference %.3g mV, at sample %d of %d", i, worst, where, len(got[i]))
		if !(worst <= tol) {
			t.Errorf("trace %d differs by %g mV, want at most %g", i, worst, tol)
		}
	}
}

func compareSpikes(t *testing.T, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d spikes %v, NEURON has %d %v", len(got), got, len(want), want)
	}
	worst := 0.0
	for i := range got {
		worst = max(worst, math.Abs(got[i]-want[i]))
	}
	t.Logf("%d spikes, largest difference %.3g ms", len(got), worst)
	if !(worst <= tol) {
		t.Errorf("a spike differs by %g ms, want at most %g: %v, NEURON has %v", worst, tol, got, want)
	}
}
