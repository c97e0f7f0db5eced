package surrogate_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

func optBF16(kernel string, threads int) surrogate.Options {
	return surrogate.Options{Precision: surrogate.BF16, Kernel: kernel, Threads: threads}
}

// eachKernel runs f for every kernel set and model of the zoo.
func eachKernel(t *testing.T, f func(t *testing.T, k native.Info, m *model.Model)) {
	for _, k := range native.Kernels() {
		t.Run(k.Name, func(t *testing.T) {
			if !k.Available() {
				t.Skipf("lacks %v", k.Missing)
			}
			for name, m := range modeltest.Zoo() {
				t.Run(name, func(t *testing.T) { f(t, k, m) })
			}
		})
	}
}

// For one kernel the bits are the same for any number of neurons and threads and any length of a
// step; sets with the reference's bits have them in bf16, too, if they have no products of bfloat16.
func TestBF16SameBits(t *testing.T) {
	const steps, n = 150, 17
	eachKernel(t, func(t *testing.T, k native.Info, m *model.Model) {
		events := stimulus(2, m, n, steps, 2)
		p := newPop(t, m, n, optBF16(k.Name, 1))
		want := play(t, p, steps, events, 1)
		check := func(what string, want, got trace) {
			t.Helper()
			if err := want.same(got); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if k.SameBits && !k.BF16 {
			check("reference", want, play(t, newPop(t, m, n, optBF16("reference", 1)), steps, events, 3))
		}
		check("blocks", want, play(t, newPop(t, m, n, optBF16(k.Name, 2)), steps, events, 7, 1, 16, 3))
		for _, i := range []int{0, 5, n - 1} {
			check("alone", want.neuron(i, n), play(t, newPop(t, m, 1, optBF16(k.Name, 1)), steps, only(events, i), 1, 33))
		}
		p.Reset()
		check("after Reset", want, play(t, p, steps, events, steps))
	})
}

// How far bf16 is from float32, and a kernel from the reference in it, over the spread of voltage
// and probability: a value that lies between two bfloat16 may become the one or the other, which
// changes it by up to 2^-8, so kernels are no nearer to one another than that.
func TestBF16NearFloat(t *testing.T) {
	const steps, n, limit = 300, 3, 0.02
	apart := func(got, want []float32) float64 {
		mean, sum, spread := 0.0, 0.0, 0.0
		for _, x := range want {
			mean += float64(x) / float64(len(want))
		}
		for i, x := range want {
			sum += math.Pow(float64(got[i]-x), 2)
			spread += math.Pow(float64(x)-mean, 2)
		}
		return math.Sqrt(sum / spread)
	}
	eachKernel(t, func(t *testing.T, k native.Info, m *model.Model) {
		events := stimulus(2, m, n, steps, 2)
		f := play(t, newPop(t, m, n, surrogate.Options{Kernel: k.Name}), steps, events, 1)
		reference := play(t, newPop(t, m, n, optBF16("reference", 1)), steps, events, 1)
		got := play(t, newPop(t, m, n, optBF16(k.Name, 1)), steps, events, 1)
		for what, d := range map[string]float64{
			"voltage": apart(got.v, f.v), "probability": apart(got.p, f.p),
			"voltage beside the reference": apart(got.v, reference.v), "probability beside the reference": apart(got.p, reference.p),
		} {
			if t.Logf("%s: %.6f", what, d); !(d < limit) {
				t.Errorf("%s: the error is %.4f of the spread", what, d)
			}
		}
	})
}

// The formulas in float64, rounded at the same places. The engine's float32 may round the other
// way, so not all values need agree; but without rounding hardly one does.
func TestBF16AgainstOracle(t *testing.T) {
	const steps = 120
	round := func(x float64) float64 {
		f, e := math.Frexp(float64(float32(x)))
		return math.Ldexp(math.RoundToEven(f*256)/256, e)
	}
	eachKernel(t, func(t *testing.T, k native.Info, m *model.Model) {
		if slices.ContainsFunc(m.Layers, func(l model.Layer) bool { return l.Op == model.OpBatchNorm }) {
			t.Skip("batch norms are folded before weights are rounded")
		}
		events := stimulus(1, m, 1, steps, 2)
		_, want := oracleRounding(m, steps, events, round)
		_, exact := oracle(m, steps, events)
		got := play(t, newPop(t, m, 1, optBF16(k.Name, 1)), steps, events, 1)
		agree, differ := 0, 0
		for s, v := range got.v {
			near := 1e-5 * max(10, math.Abs(want[s]))
			if math.Abs(float64(v)-want[s]) <= near {
				agree++
			}
			if math.Abs(want[s]-exact[s]) > near {
				differ++
			}
		}
		t.Logf("%d of %d values agree, %d are not those of float32", agree, steps, differ)
		if agree < steps*9/10 {
			t.Errorf("only %d of %d values agree", agree, steps)
		}
	})
}

func TestBF16State(t *testing.T) {
	const first, rest, n = 57, 80, 3
	eachKernel(t, func(t *testing.T, k native.Info, m *model.Model) {
		a := newPop(t, m, n, optBF16(k.Name, 1))
		play(t, a, first, stimulus(4, m, n, first, 2), 10)
		var state bytes.Buffer
		if err := a.Save(&state); err != nil {
			t.Fatal(err)
		}
		later := stimulus(5, m, n, rest, 2)
		b := newPop(t, m, n, optBF16(k.Name, 2))
		play(t, b, 17, stimulus(6, m, n, 17, 3), 4)
		if err := b.Load(bytes.NewReader(state.Bytes())); err != nil {
			t.Fatal(err)
		}
		if err := play(t, a, rest, later, 3).same(play(t, b, rest, later, 20)); err != nil {
			t.Error(err)
		}
		f := newPop(t, m, n, surrogate.Options{Kernel: k.Name})
		if err := f.Load(bytes.NewReader(state.Bytes())); !errors.Is(err, population.ErrFormat) {
			t.Errorf("loading bf16 into float32: %v", err)
		}
		state.Reset()
		if err := f.Save(&state); err != nil {
			t.Fatal(err)
		}
		if err := b.Load(&state); !errors.Is(err, population.ErrFormat) {
			t.Errorf("loading float32 into bf16: %v", err)
		}
	})
}

// More ELM neurons than go through the mlp together, whose last ones are idle.
func TestBF16ManyELMNeurons(t *testing.T) {
	const steps, n = 40, 103
	m := modeltest.ELM(modeltest.ELMSpec{Channels: 12, Branches: 5, Memory: 10, Hidden: 21, Activation: model.ActSiLU}, 1)
	events := stimulus(8, m, n, steps, 2)
	for _, k := range native.Kernels() {
		t.Run(k.Name, func(t *testing.T) {
			if !k.Available() {
				t.Skipf("lacks %v", k.Missing)
			}
			all := play(t, newPop(t, m, n, optBF16(k.Name, 1)), steps, events, 3)
			for _, i := range []int{0, 47, 48, 96, 102} {
				if err := all.neuron(i, n).same(play(t, newPop(t, m, 1, optBF16(k.Name, 1)), steps, only(events, i), 40)); err != nil {
					t.Errorf("neuron %d: %v", i, err)
				}
			}
		})
	}
}
