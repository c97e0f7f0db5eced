package reference_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/model/importer"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/tests/require"
)

// frameworkRun is what a framework answered, as the scripts here write it beside a file.
type frameworkRun struct {
	Framework string
	Steps     int
	Events    [][3]float64           // t_ms, channel, weight
	Heads     map[string][][]float64 // [channel][step], in the head's unit
	// Which outputs are the heads, where their names do not say it.
	SpikeOutput string `json:"spike_output"`
	VSomaOutput string `json:"v_soma_output"`
}

// importTol is the tolerance on outputs of order 1, relative for larger ones.
const importTol = 1e-5

// Networks that PyTorch's two exporters wrote, against PyTorch and ONNX Runtime.
func TestONNXIsPyTorchs(t *testing.T) {
	t.Run("kept", func(t *testing.T) { compareONNX(t, "onnx_torch", 4) })
	t.Run("made again", func(t *testing.T) {
		compareONNX(t, framework(t, "onnx_torch.py"), 35)
	})
}

// framework runs a script of this folder, which writes files into the folder that is
// returned.
func framework(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(require.FullPython(t), script, dir)
	cmd.Env = append(os.Environ(), "KERAS_BACKEND=torch", "PYTHONPATH="+filepath.Join("..", "..", "cexport", "python"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// compareONNX imports the count .onnx files of a folder and compares.
func compareONNX(t *testing.T, dir string, count int) {
	files, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || len(files) != count {
		t.Fatalf("%d files in %s, want %d (%v)", len(files), dir, count, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".onnx"), func(t *testing.T) {
			run := readRun(t, file)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := importer.Import(file, data, importer.Options{SpikeOutput: run.SpikeOutput, VSomaOutput: run.VSomaOutput, Files: os.DirFS(dir)})
			if err != nil {
				t.Fatal(err)
			}
			compareRun(t, m, run)
		})
	}
}

// compareModels does the same with files that a converter wrote.
func compareModels(t *testing.T, dir string, count int) {
	files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil || len(files) != count {
		t.Fatalf("%d files in %s, want %d (%v)", len(files), dir, count, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".safetensors"), func(t *testing.T) {
			m, err := model.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			compareRun(t, m, readRun(t, file))
		})
	}
}

// readRun reads the .json beside a file.
func readRun(t *testing.T, file string) frameworkRun {
	t.Helper()
	text, err := os.ReadFile(strings.TrimSuffix(file, filepath.Ext(file)) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var run frameworkRun
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatal(err)
	}
	return run
}

// compareRun compares every head at every step, from the first on, for every kernel.
func compareRun(t *testing.T, m *model.Model, run frameworkRun) {
	var events []population.Event
	for _, e := range run.Events {
		events = append(events, population.Event{TimeMS: e[0], Channel: int32(e[1]), Weight: float32(e[2])})
	}
	for _, k := range native.Kernels() {
		if !k.Available() {
			continue
		}
		p, err := surrogate.New(m, 1, surrogate.Options{Kernel: k.Name})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		got := map[string][]float32{}
		for name, count := range p.Heads() {
			if len(run.Heads[name]) != count {
				t.Fatalf("head %q of %d channels; the framework has %d", name, count, len(run.Heads[name]))
			}
			got[name] = make([]float32, run.Steps*count)
		}
		if len(got) != len(run.Heads) {
			t.Fatalf("heads %v, the framework has %d", p.Heads(), len(run.Heads))
		}
		out := population.Output{PSpike: make([]float32, run.Steps), VSoma: make([]float32, run.Steps)}
		if err := p.StepHeads(run.Steps, events, out, got); err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for name, want := range run.Heads {
			for c, trace := range want {
				if slices.Max(trace)-slices.Min(trace) < 0.1 {
					t.Fatalf("head %s, channel %d: the reference hardly varies", name, c)
				}
				for i, x := range trace {
					y := float64(got[name][i*len(want)+c])
					switch name {
					case model.HeadSpike:
						y = float64(out.PSpike[i])
					case model.HeadVSoma:
						y = float64(out.VSoma[i])
					}
					d := math.Abs(x-y) / max(1, math.Abs(x))
					worst = max(worst, d)
					if !(d <= importTol) {
						t.Fatalf("%s: head %s, channel %d, step %d: %v, want %v", k.Name, name, c, i, y, x)
					}
				}
			}
		}
		t.Logf("%s, kernel %s: largest difference %.2g", run.Framework, k.Name, worst)
	}
}
