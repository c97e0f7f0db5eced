package reference_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/tests/require"
)

// torchRun is what surrogate_torch.py writes beside a model file.
type torchRun struct {
	Torch  string
	Steps  int
	Events [][3]float64 // t_ms, channel, weight
	PSpike []float64    `json:"p_spike"`
	VSoma  []float64    `json:"v_soma_mv"`
}

// torchTol is the tolerance on a probability and on a voltage in units of its
// head's scale: float32 sums of up to a thousand terms of order 1 in another order.
const torchTol = 1e-5

func TestSurrogateIsPyTorchs(t *testing.T) {
	t.Run("kept", func(t *testing.T) { compareTorch(t, "surrogate_torch", 3) })
	t.Run("made again", func(t *testing.T) {
		python := require.Python(t)
		dir := t.TempDir()
		if out, err := exec.Command(python, "surrogate_torch.py", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		compareTorch(t, dir, 3)
	})
}

// compareTorch runs the count models in dir and compares with what lies beside them.
func compareTorch(t *testing.T, dir string, count int) {
	files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil || len(files) != count {
		t.Fatalf("%d models in %s, want %d (%v)", len(files), dir, count, err)
	}
	for _, file := range files {
		m, err := model.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file[:len(file)-len(".safetensors")] + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var ref torchRun
		if err := json.Unmarshal(text, &ref); err != nil {
			t.Fatal(err)
		}
		var events []population.Event
		for _, e := range ref.Events {
			events = append(events, population.Event{TimeMS: e[0], Channel: int32(e[1]), Weight: float32(e[2])})
		}
		if slices.Max(ref.PSpike)-slices.Min(ref.PSpike) < 0.5 || len(ref.PSpike) != ref.Steps || len(ref.VSoma) != ref.Steps {
			t.Fatalf("%s: the reference output does not vary or has another length", file)
		}
		for _, k := range native.Kernels() {
			t.Run(m.Name+"/"+k.Name, func(t *testing.T) {
				if !k.Available() {
					t.Skipf("CPU lacks %v", k.Missing)
				}
				p, err := surrogate.New(m, 1, surrogate.Options{Kernel: k.Name})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				out := population.Output{PSpike: make([]float32, ref.Steps), VSoma: make([]float32, ref.Steps), Spike: make([]bool, ref.Steps)}
				if err := p.Step(ref.Steps, events, out); err != nil {
					t.Fatal(err)
				}
				worst, spikes := 0.0, 0
				for i := range ref.Steps {
					dp := math.Abs(float64(out.PSpike[i]) - ref.PSpike[i])
					dv := math.Abs(float64(out.VSoma[i])-ref.VSoma[i]) / *m.Heads[model.HeadVSoma].Scale
					worst = max(worst, dp, dv)
					if d := ref.PSpike[i] - m.SpikeThreshold; math.Abs(d) > torchTol && out.Spike[i] != (d >= 0) {
						t.Errorf("step %d: spike %v at p = %v", i, out.Spike[i], ref.PSpike[i])
					}
					if out.Spike[i] {
						spikes++
					}
				}
				t.Logf("PyTorch %s: largest difference %.2g over %d steps with %d spikes", ref.Torch, worst, ref.Steps, spikes)
				if !(worst <= torchTol) {
					t.Errorf("differs by %g, want at most %g", worst, torchTol)
				}
				if spikes == 0 || spikes == ref.Steps {
					t.Errorf("%d spikes in %d steps: the threshold is not tested", spikes, ref.Steps)
				}
			})
		}
	}
}
