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

// goldenELM has an elm layer on a grouped convolution's sums, whose mlp has three layers, and one
// on the activations of another.
func goldenELM() *model.Model {
	alpha := 0.3
	dense := func(name, act string) model.Dense {
		d := model.Dense{Weight: name + ".w", Bias: name + ".b", Activation: act}
		if model.HasAlpha(act) {
			d.Alpha = &alpha
		}
		return d
	}
	layers := []model.Layer{
		{Name: "synapses", Op: model.OpConv1D, In: []string{model.Events}, Weight: "synapses.w", Bias: "synapses.b", Kernel: 2, Groups: 3},
		{Name: "elm", Op: model.OpELM, In: []string{"synapses"}, Activation: model.ActSiLU, ELM: &model.ELM{SynapseDecay: "ks", MemoryDecay: "km", Lambda: 5,
			MLP: []model.Dense{dense("d0", model.ActSiLU), dense("d1", model.ActELU), dense("d2", model.ActScaledTanh)}}},
		{Name: "second", Op: model.OpELM, In: []string{"elm"}, ELM: &model.ELM{SynapseDecay: "ks2", MemoryDecay: "km2", Lambda: 2,
			MLP: []model.Dense{dense("d3", model.ActReLU), dense("d4", "")}}},
		{Name: "head", Op: model.OpConv1D, In: []string{"second"}, Weight: "head.w", Bias: "head.b", Kernel: 1},
	}
	doc := modeltest.Document("int8 golden elm", 6, layers)
	doc.Kind = model.KindELM
	return modeltest.Build(doc,
		map[string]int{"synapses": 9, "elm": 19, "d0.w": 23, "d1.w": 7, "d2.w": 19, "second": 5, "d3.w": 21, "d4.w": 5, "head": 2}, 6)
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
	for name, build := range map[string]func() *model.Model{"int8": golden, "int8-elm": goldenELM} {
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
