package surrogate_test

import (
	"bytes"
	_ "embed"
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

var update = flag.Bool("update", false, "write testdata/int8.safetensors and int8.txt anew")

//go:embed testdata/int8.safetensors
var goldenModel []byte

//go:embed testdata/int8.txt
var goldenTrace string

const goldenSteps, goldenNeurons, goldenSeed = 40, 2, 11

// golden has every op and every activation that has an integer form, groups, a
// depthwise and a dilated convolution, batch norms that fold forward, backward and not
// at all, and widths that no vector divides.
func golden() *model.Model {
	conv := func(name, in string, kernel, dilation, groups int, act string) model.Layer {
		l := model.Layer{Name: name, Op: model.OpConv1D, In: []string{in}, Weight: name + ".w", Bias: name + ".b", Kernel: kernel, Dilation: dilation, Groups: groups, Activation: act}
		if model.HasAlpha(act) {
			alpha := 0.3
			l.Alpha = &alpha
		}
		return l
	}
	norm := func(name, in, act string) model.Layer {
		return model.Layer{Name: name, Op: model.OpBatchNorm, In: []string{in}, Scale: name + ".scale", Shift: name + ".shift", Activation: act}
	}
	width := map[string]int{"events2": 9, "back": 10, "deep": 10, "last": 7, "head": 3}
	layers := []model.Layer{
		conv("events2", "events", 3, 2, 1, model.ActReLU), norm("n0", "events2", ""), // folds into its reader, which begins before t = 0
		conv("back", "n0", 3, 2, 1, ""), norm("n1", "back", model.ActReLU), // folds into the convolution before it
		conv("deep", "n1", 4, 1, 10, model.ActReLU), norm("n2", "deep", ""), // read by an add: stays
		{Name: "sum", Op: model.OpAdd, In: []string{"n1", "n2"}, Activation: model.ActReLU},
	}
	joined := []string{"sum", "events2"}
	for _, act := range model.Activations() {
		if act == model.ActNone || act == model.ActReLU {
			continue
		}
		width[act] = 4
		layers = append(layers, conv(act, "sum", 2, 3, 2, act))
		joined = append(joined, act)
	}
	layers = append(layers,
		model.Layer{Name: "joined", Op: model.OpConcat, In: joined},
		model.Layer{Name: "squashed", Op: model.OpActivation, In: []string{"joined"}, Activation: model.ActTanh},
		conv("last", "squashed", 2, 4, 1, model.ActReLU), conv("head", "last", 1, 1, 1, ""))
	doc := modeltest.Document("int8 golden", 6, layers)
	doc.Heads["dendrites"] = model.Head{Layer: "head", Index: 1, Count: 2, Unit: "mV"}
	return modeltest.Build(doc, width, 5)
}

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
	if *update {
		m := quantised(t, golden())
		threshold := 0.52
		m.Int8.SpikeThreshold = &threshold
		var err error
		if goldenModel, err = m.Encode(); err != nil {
			t.Fatal(err)
		}
		goldenTrace = goldenRun(t, m, "reference")
		if err := os.WriteFile("testdata/int8.safetensors", goldenModel, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/int8.txt", []byte(goldenTrace), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := model.Decode("testdata/int8.safetensors", goldenModel)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range native.Kernels() {
		t.Run(k.Name, func(t *testing.T) {
			if !k.Available() {
				t.Skipf("CPU lacks %v", k.Missing)
			}
			got, want := strings.Split(goldenRun(t, m, k.Name), "\n"), strings.Split(goldenTrace, "\n")
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%q, want %q", got[i], want[i])
				}
			}
		})
	}
}
