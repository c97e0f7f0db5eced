// Package wasm tests packed neurons outside of Go: in Node through wasm/js, in wasmtime from Python, in a browser.
package wasm

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"understudy/plugin/model/builtin"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/tests/require"
	"understudy/wasm/pack"
)

// block is one call of step: what goes in and what must come out, floats as bits.
type block struct {
	Steps  int      `json:"steps"`
	Events []event  `json:"events"`
	PSpike []uint32 `json:"pSpike"`
	VSoma  []uint32 `json:"vSoma"`
	Spike  []int    `json:"spike"`
}

type event struct {
	TMS     float64 `json:"tMS"`
	Neuron  int32   `json:"neuron"`
	Channel int32   `json:"channel"`
	Weight  float32 `json:"weight"`
}

// neurons writes NAME.wasm and NAME.json of built-in models to a folder.
func neurons(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"l5pc", "l5pc-tcn"} {
		m, err := builtin.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, precision := range []string{surrogate.Float32, surrogate.Int8} {
			b, err := pack.Pack(m, precision)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, name+"-"+precision)
			if err := os.WriteFile(path+".wasm", b, 0o666); err != nil {
				t.Fatal(err)
			}
			const n = 3
			p, err := surrogate.New(m, n, surrogate.Options{Precision: precision, Kernel: "reference"})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			var blocks []block
			r := rand.New(rand.NewPCG(3, 3))
			for _, steps := range []int{1, 1, 30, 2, 100} {
				blocks = append(blocks, run(t, p, r, steps))
			}
			text, err := json.Marshal(map[string]any{"n": n, "blocks": blocks})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+".json", text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// run steps a population with random events, strong enough for spikes.
func run(t *testing.T, p *surrogate.Population, r *rand.Rand, steps int) block {
	t.Helper()
	n, channels := p.Info().N, p.Info().Channels
	b := block{Steps: steps, Events: []event{}}
	var events []population.Event
	for range steps * n * 12 {
		e := population.Event{TimeMS: float64(p.Now()) + float64(steps)*r.Float64(), Neuron: int32(r.IntN(n)), Channel: int32(r.IntN(channels * 2 / 3)), Weight: 1 + float32(r.IntN(3))/2}
		events = append(events, e)
		b.Events = append(b.Events, event{e.TimeMS, e.Neuron, e.Channel, e.Weight})
	}
	out := population.Output{PSpike: make([]float32, steps*n), VSoma: make([]float32, steps*n), Spike: make([]bool, steps*n)}
	if err := p.Step(steps, events, out); err != nil {
		t.Fatal(err)
	}
	for i := range out.PSpike {
		b.PSpike, b.VSoma = append(b.PSpike, math.Float32bits(out.PSpike[i])), append(b.VSoma, math.Float32bits(out.VSoma[i]))
		spike := 0
		if out.Spike[i] {
			spike = 1
		}
		b.Spike = append(b.Spike, spike)
	}
	return b
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, b)
	}
	return string(b)
}

func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		require.Missing(t, "there is no node: tests/tools.sh installs it")
	}
	return path
}

// wasmtime returns a Python that has it.
func wasmtime(t *testing.T) string {
	t.Helper()
	python := require.FullPython(t)
	if err := exec.Command(python, "-c", "import wasmtime, numpy").Run(); err != nil {
		require.Missing(t, python+" has no wasmtime: tests/python-requirements.txt lists it")
	}
	return python
}

func TestNodePackage(t *testing.T) {
	cmd := exec.Command(node(t), "--test", "--test-reporter=tap")
	cmd.Dir = "../../wasm/js"
	cmd.Env = append(os.Environ(), "UNDERSTUDY_NEURONS="+neurons(t))
	text := output(t, cmd)
	if !strings.Contains(text, "# fail 0") || !strings.Contains(text, "l5pc-tcn-int8: the bits") {
		t.Errorf("not all tests ran:\n%s", text)
	}
}

// The scripts of INTERFACE.md, ten lines each, print the voltages that plugin/surrogate gives.
func TestTenLines(t *testing.T) {
	text, err := os.ReadFile("../../wasm/pack/INTERFACE.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := neurons(t)
	want := voltages(t)
	for language, program := range map[string]func(t *testing.T) string{"js": node, "python": wasmtime} {
		t.Run(language, func(t *testing.T) {
			code := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
			if code == nil {
				t.Fatal("INTERFACE.md has no such script")
			}
			if lines := len(regexp.MustCompile(`\n+`).FindAll(code[1], -1)); lines > 10 {
				t.Errorf("%d lines, want at most ten", lines)
			}
			file := filepath.Join(dir, map[string]string{"js": "ten.mjs", "python": "ten.py"}[language])
			if err := os.WriteFile(file, code[1], 0o666); err != nil {
				t.Fatal(err)
			}
			fields := strings.Fields(output(t, exec.Command(program(t), file, filepath.Join(dir, "l5pc-f32.wasm"))))
			if len(fields) != len(want) {
				t.Fatalf("%d values, want %d: %v", len(fields), len(want), fields)
			}
			for i, f := range fields {
				var v float64
				if _, err := fmt.Sscan(f, &v); err != nil || float32(v) != want[i] {
					t.Errorf("voltage %d is %s, want %v", i, f, want[i])
				}
			}
		})
	}
}

// voltages are those of ten steps after the event of the scripts.
func voltages(t *testing.T) []float32 {
	t.Helper()
	m, err := builtin.Default()
	if err != nil {
		t.Fatal(err)
	}
	p, err := surrogate.New(m, 1, surrogate.Options{Kernel: "reference"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	v := make([]float32, 10)
	if err := p.Step(10, []population.Event{{TimeMS: 0.5, Channel: 3, Weight: 1}}, population.Output{VSoma: v}); err != nil {
		t.Fatal(err)
	}
	return v
}

// The tutorials are at most 60 lines and print rates of spikes that grow with the input.
func TestTutorials(t *testing.T) {
	dir := neurons(t)
	const golang = "../../host/example_test.go" // which go test runs
	for file, run := range map[string]func(t *testing.T) string{golang: nil, "../../wasm/js/examples/tutorial.mjs": node, "../../cexport/python/examples/wasm_tutorial.py": wasmtime} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(b), "\n"); n > 60 {
				t.Errorf("%d lines", n)
			}
			if file == golang {
				return
			}
			for _, precision := range []string{surrogate.Float32, surrogate.Int8} {
				text := output(t, exec.Command(run(t), file, filepath.Join(dir, "l5pc-"+precision+".wasm")))
				var rates []float64
				for _, m := range regexp.MustCompile(`(?m)^neuron \d: ([\d.]+) spikes/s, mean voltage -\d`).FindAllStringSubmatch(text, -1) {
					var x float64
					fmt.Sscan(m[1], &x)
					rates = append(rates, x)
				}
				if len(rates) != 4 || !(rates[3] > rates[0]) || rates[3] < 2 {
					t.Errorf("spikes/s %v in\n%s", rates, text)
				}
			}
		})
	}
}

// A module runs in wasmtime, another runtime than wazero and V8, with the same bits.
func TestWasmtime(t *testing.T) {
	output(t, exec.Command(wasmtime(t), "wasmtime_bits.py", neurons(t)))
}
