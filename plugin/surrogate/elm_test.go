package surrogate_test

import (
	"fmt"
	"math"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/surrogate"
)

// oracleELM is FORMAT.md's formula for one neuron in float64: x and the result are
// [channel][step]; round is that of oracleRounding.
func oracleELM(m *model.Model, e *model.ELM, x [][]float64, round func(float64) float64) [][]float64 {
	steps := len(x[0])
	ks, km := m.Tensors[e.SynapseDecay].Data, m.Tensors[e.MemoryDecay].Data
	y := zeros(len(km), steps)
	v := make([]float64, len(ks)+len(km)) // s, then m
	for t := range steps {
		z := make([]float64, len(v))
		for i := range ks {
			v[i] = float64(ks[i])*v[i] + x[i][t]
			z[i] = v[i]
		}
		for j := range km {
			z[len(ks)+j] = float64(km[j]) * v[len(ks)+j]
		}
		for _, d := range e.MLP {
			w := m.Tensors[d.Weight]
			next := make([]float64, w.Shape[0])
			for o := range next {
				sum := float64(m.Tensors[d.Bias].Data[o])
				for i := range z {
					sum += round(float64(w.Data[o*len(z)+i])) * round(z[i])
				}
				next[o] = oracleActivation(d.Activation, d.Alpha, sum)
			}
			z = next
		}
		for j := range km {
			k := float64(km[j])
			v[len(ks)+j] = k*v[len(ks)+j] + e.Lambda*(1-k)*z[j]
			y[j][t] = v[len(ks)+j]
		}
	}
	return y
}

// oracleActivation is FORMAT.md's formula in float64.
func oracleActivation(name string, alpha *float64, x float64) float64 {
	switch name {
	case model.ActNone:
		return x
	case model.ActReLU:
		return max(x, 0)
	case model.ActLeakyReLU:
		return max(x, 0) + *alpha*min(x, 0)
	case model.ActELU:
		return max(x, 0) + *alpha*math.Expm1(min(x, 0))
	case model.ActSiLU:
		return x / (1 + math.Exp(-x))
	case model.ActGELU:
		return x / 2 * math.Erfc(-x/math.Sqrt2)
	case model.ActGELUTanh:
		return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case model.ActTanh:
		return math.Tanh(x)
	case model.ActSigmoid:
		return 1 / (1 + math.Exp(-x))
	case model.ActScaledTanh:
		return 1.7159 * math.Tanh(2*x/3)
	}
	panic("oracle: activation " + name)
}

// More neurons than go through the mlp together: each is as it is alone.
func TestELMManyNeurons(t *testing.T) {
	const steps, n = 40, 103
	m := modeltest.ELM(modeltest.ELMSpec{Channels: 12, Branches: 5, Memory: 10, Hidden: 20, Activation: model.ActSiLU}, 1)
	events := stimulus(8, m, n, steps, 2)
	for _, k := range native.Kernels() {
		if !k.Available() {
			continue
		}
		all := play(t, newPop(t, m, n, surrogate.Options{Kernel: k.Name}), steps, events, 3)
		for _, i := range []int{0, 47, 48, 95, 96, 102} {
			if err := all.neuron(i, n).same(play(t, newPop(t, m, 1, surrogate.Options{Kernel: k.Name}), steps, only(events, i), 40)); err != nil {
				t.Errorf("%s: neuron %d: %v", k.Name, i, err)
			}
		}
	}
}

// ELM neurons, in integers too, and deferred events allocate nothing either.
func TestELMAndDeferredEventsAllocateNothing(t *testing.T) {
	const n, k = 50, 3
	elm := quantised(t, modeltest.ELM(modeltest.ELMSpec{Channels: 12, Branches: 5, Memory: 10, Hidden: 20, Activation: model.ActSiLU}, 1))
	long := modeltest.Build(modeltest.Document("long", 12, []model.Layer{
		{Name: "a", Op: model.OpConv1D, In: []string{model.Events}, Weight: "a.w", Kernel: 37, Activation: model.ActReLU},
		{Name: "head", Op: model.OpConv1D, In: []string{"a"}, Weight: "head.w", Kernel: 1}}), map[string]int{"a": 9, "head": 2}, 3)
	for _, c := range []struct {
		m         *model.Model
		precision string
	}{{elm, surrogate.Float32}, {elm, surrogate.Int8}, {elm, surrogate.BF16}, {long, surrogate.Float32}} {
		// The buffers of events grow, of every step of a window.
		if a := allocations(t, c.m, n, k, 20, surrogate.Options{Precision: c.precision}); a != 0 {
			t.Errorf("%s, %s: %v allocations a step", c.m.Name, c.precision, a)
		}
	}
}

// BenchmarkELM times the published model's shape as BenchmarkStep does.
func BenchmarkELM(b *testing.B) {
	m := modeltest.ELM(modeltest.BestELM, 1)
	for _, k := range native.Kernels() {
		for _, n := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/n=%d", k.Name, n), func(b *testing.B) { benchStep(b, m, surrogate.Options{Kernel: k.Name}, n, 1) })
		}
	}
}
