package surrogate_test

import (
	"bytes"
	"embed"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/surrogate"
)

var update = flag.Bool("update", false, "write the golden models and traces in testdata anew")

//go:embed testdata/int8*
var goldenFiles embed.FS

const goldenSteps, goldenNeurons, goldenSeed = 40, 2, 11

// goldenRun prints what a kernel gives in integers: for each step and neuron the bits
// of probability and voltage, and the spike by threshold and by sampling.
func goldenRun(t *testing.T, m *model.Model, kernel string) string {
	opt := surrogate.Options{Precision: surrogate.Int8, Kernel: kernel}
	events := stimulus(21, m, goldenNeurons, goldenSteps, 2)
	a := play(t, newPop(t, m, goldenNeurons, opt), goldenSteps, events, 5)
	opt.Sample, opt.Seed = true, goldenSeed
	b := play(t, newPop(t, m, goldenNeurons, opt), goldenSteps, events, 1)
	var out bytes.Buffer
	fmt.Fprintln(&out, "step neuron p_spike v_soma spike sampled")
	for i := range a.p {
		fmt.Fprintf(&out, "%d %d %08x %08x %t %t\n", i/goldenNeurons, i%goldenNeurons, math.Float32bits(a.p[i]), math.Float32bits(a.v[i]), a.spike[i], b.spike[i])
	}
	return out.String()
}

// TestInt8Golden: every kernel on every platform gives the bits that the reference
// kernel gave once on amd64, from the same model file. The other tests compare kernels
// with one another and so would not see a platform on which all differ.
func TestInt8Golden(t *testing.T) {
	for name, build := range map[string]func() *model.Model{"int8": modeltest.Golden, "int8-elm": modeltest.GoldenELM} {
		if *update {
			writeGolden(t, name, build())
			continue
		}
		data, err := goldenFiles.ReadFile("testdata/" + name + ".safetensors")
		if err != nil {
			t.Fatal(err)
		}
		m, err := model.Decode(name, data)
		if err != nil {
			t.Fatal(err)
		}
		trace, err := goldenFiles.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range native.Kernels() {
			t.Run(name+"/"+k.Name, func(t *testing.T) {
				if !k.Available() {
					t.Skipf("CPU lacks %v", k.Missing)
				}
				got, want := strings.Split(goldenRun(t, m, k.Name), "\n"), strings.Split(string(trace), "\n")
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%q, want %q", got[i], want[i])
					}
				}
			})
		}
	}
}

func writeGolden(t *testing.T, name string, m *model.Model) {
	quantised(t, m)
	threshold := 0.52
	m.Int8.SpikeThreshold = &threshold
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for ending, content := range map[string][]byte{".safetensors": data, ".txt": []byte(goldenRun(t, m, "reference"))} {
		if err := os.WriteFile("testdata/"+name+ending, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
