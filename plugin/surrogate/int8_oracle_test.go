package surrogate_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// act8 is an activation: x = scale*(q-zero).
type act8 struct {
	scale float64
	zero  int64
	q     [][]int64 // [channel][step]
	// of a convolution: its sums, and what one unit of each channel's stands for
	sums [][]int64
	unit []float64
}

// integers evaluates a quantised model of conv1d, elm, add and relu on the whole window for
// one neuron, by QUANTIZE.md's formulas with integers of any size. It shares no code
// with the engine.
func integers(m *model.Model, steps int, events []population.Event) (p, v []float32) {
	const unit = 256
	x := map[string]*act8{}
	in := &act8{scale: 1.0 / unit}
	sums := make([][]float32, m.Inputs.Channels)
	for c := range sums {
		sums[c] = make([]float32, steps)
		in.q = append(in.q, make([]int64, steps))
	}
	for _, e := range events { // of weight 1 or 0.5: their order does not matter
		sums[e.Channel][int(e.TimeMS)] += e.Weight
	}
	for c := range sums {
		for t, w := range sums[c] {
			in.q[c][t] = int64(math.Round(float64(w) * unit))
		}
	}
	x[model.Events] = in
	logits := map[string][][]float32{}
	for _, l := range m.Layers {
		r := m.Int8.Ranges[l.Name]
		low, high := math.Min(r[0], 0), math.Max(r[1], 0)
		y := &act8{scale: (high - low) / 255}
		y.zero = int64(math.Round(-low / y.scale))
		least := int64(0)
		if l.Activation == model.ActReLU {
			least = y.zero
		}
		clamp := func(q int64) int64 { return min(255, max(least, q)) }
		x[l.Name] = y
		a := x[l.In[0]]
		if l.Op == model.OpELM {
			y.q = integerELM(m, &l, a, y)
			continue
		}
		if l.Op == model.OpAdd {
			top := 0.0
			for _, name := range l.In {
				top += x[name].scale / y.scale
			}
			_, exp := math.Frexp(256 * top)
			shift := 30 - exp
			c := int64(math.Ldexp(float64(y.zero), shift)) + 1<<(shift-1)
			for _, name := range l.In {
				c -= int64(math.Round(math.Ldexp(x[name].scale/y.scale, shift))) * x[name].zero
			}
			for o := range a.q {
				y.q = append(y.q, make([]int64, steps))
				for t := range steps {
					sum := c
					for _, name := range l.In {
						sum += x[name].q[o][t] * int64(math.Round(math.Ldexp(x[name].scale/y.scale, shift)))
					}
					y.q[o][t] = clamp(sum >> shift)
				}
			}
			continue
		}
		w := m.Tensors[l.Weight]
		out, inGroup := w.Shape[0], w.Shape[1]
		units := make([]float64, out)
		largest := 0.0
		for o := range out {
			top := 0.0
			for _, f := range w.Data[o*inGroup*l.Kernel:][:inGroup*l.Kernel] {
				top = math.Max(top, math.Abs(float64(f)))
			}
			bias := 0.0
			if l.Bias != "" {
				bias = float64(m.Tensors[l.Bias].Data[o])
			}
			step := math.Max(top/127, math.Abs(bias)/a.scale/(1<<24))
			units[o] = a.scale * step
			largest = math.Max(largest, units[o]/y.scale)
		}
		_, exp := math.Frexp(largest)
		shift := min(62, max(1, 31-exp))
		y.q, y.sums, y.unit, logits[l.Name] = make([][]int64, out), make([][]int64, out), units, make([][]float32, out)
		for o := range out {
			y.q[o], y.sums[o], logits[l.Name][o] = make([]int64, steps), make([]int64, steps), make([]float32, steps)
			mult := big.NewInt(int64(math.Round(math.Ldexp(units[o]/y.scale, shift))))
			for t := range steps {
				sum := int64(0)
				if l.Bias != "" {
					sum = int64(math.Round(float64(m.Tensors[l.Bias].Data[o]) / units[o]))
				}
				for i := range inGroup {
					for j := range l.Kernel {
						q := a.zero
						if at := t - (l.Kernel-1-j)*l.Dilation; at >= 0 {
							q = a.q[o/(out/l.Groups)*inGroup+i][at]
						}
						sum += int64(math.Round(float64(w.Data[(o*inGroup+i)*l.Kernel+j])/(units[o]/a.scale))) * (q - a.zero)
					}
				}
				y.sums[o][t], logits[l.Name][o][t] = sum, float32(units[o]*float64(sum))
				s := new(big.Int).Mul(big.NewInt(sum), mult)
				s.Rsh(s.Add(s, new(big.Int).Lsh(big.NewInt(1), uint(shift-1))), uint(shift))
				y.q[o][t] = clamp(y.zero + s.Int64())
			}
		}
	}
	s, h := m.Heads[model.HeadSpike], m.Heads[model.HeadVSoma]
	for t := range steps {
		p = append(p, logits[s.Layer][s.Index][t])
		v = append(v, float32(*h.Offset+float64(*h.Scale*float64(logits[h.Layer][h.Index][t]))))
	}
	return p, v
}

// integerELM is an elm layer on a convolution's sums: the memory as activations of y's scale,
// [unit][step].
func integerELM(m *model.Model, l *model.Layer, x, y *act8) [][]int64 {
	span := func(part string) [2]float64 { return m.Int8.Ranges[l.Name+":"+part] }
	size := func(r [2]float64) float64 { return math.Max(-r[0], r[1]) }
	// multiply is v in another unit, ratio times as many, of channels whose largest ratio is top.
	multiply := func(v int64, ratio, top float64) int64 {
		_, exp := math.Frexp(top)
		shift := min(62, max(1, 31-exp))
		f := int64(math.Max(1, math.Min(math.MaxInt32, math.Round(math.Ldexp(ratio, shift)))))
		return (v*f + 1<<(shift-1)) >> shift
	}
	decay := func(v int64, k float32) int64 {
		return (v*int64(math.Min(1<<31-1, math.Round(float64(k)*(1<<31)))) + 1<<30) >> 31
	}
	limit := func(v int64) int64 { return min(math.MaxInt32, max(math.MinInt32, v)) }
	ks, km := m.Tensors[l.ELM.SynapseDecay].Data, m.Tensors[l.ELM.MemoryDecay].Data
	sUnit, mUnit := 16*size(span("synapses"))/(1<<31), 16*size(span("memory"))/(1<<31)
	sScale, mScale := size(span("synapses"))/127, size(span("memory"))/127
	s, memory := make([]int64, len(ks)), make([]int64, len(km))
	out := make([][]int64, len(km))
	for t := range x.sums[0] {
		var in []int64 // of the mlp, zero point taken off
		var scale []float64
		top := 0.0
		for _, u := range x.unit {
			top = math.Max(top, u/sUnit)
		}
		for j := range ks {
			s[j] = limit(decay(s[j], ks[j]) + multiply(x.sums[j][t], x.unit[j]/sUnit, top))
			in = append(in, min(127, max(-128, multiply(s[j], sUnit/sScale, sUnit/sScale))))
			scale = append(scale, sScale)
		}
		for j := range km {
			in = append(in, min(127, max(-128, multiply(memory[j], mUnit/mScale, mUnit/mScale))))
			scale = append(scale, mScale*float64(km[j]))
		}
		var change []float64 // what the last layer gives
		for i, d := range l.ELM.MLP {
			part := fmt.Sprintf("mlp.%d", i)
			before, after := span(part), span(part)
			if r, ok := m.Int8.BeforeActivation[l.Name+":"+part]; ok {
				before = r
			}
			grid := func(r [2]float64) (scale, zero float64) {
				low, high := math.Min(r[0], 0), math.Max(r[1], 0)
				return (high - low) / 255, math.Round(-low / ((high - low) / 255))
			}
			bScale, bZero := grid(before)
			aScale, aZero := grid(after)
			w, b := m.Tensors[d.Weight], m.Tensors[d.Bias].Data
			n := w.Shape[1]
			units, top := make([]float64, w.Shape[0]), 0.0
			for o := range units {
				for k, f := range w.Data[o*n:][:n] {
					units[o] = math.Max(units[o], math.Abs(float64(f)*scale[k])/127)
				}
				units[o] = math.Max(units[o], math.Abs(float64(b[o]))/(1<<24))
				top = math.Max(top, units[o]/bScale)
			}
			var next []int64
			change = nil
			for o, u := range units {
				sum := int64(math.Round(float64(b[o]) / u))
				for k, f := range w.Data[o*n:][:n] {
					sum += int64(math.Round(float64(f)*scale[k]/u)) * in[k]
				}
				least := int64(0)
				if d.Activation == model.ActReLU {
					least = int64(bZero)
				}
				q := min(255, max(least, int64(bZero)+multiply(sum, u/bScale, top)))
				f := float64(float32(oracleActivation(d.Activation, d.Alpha, bScale*(float64(q)-bZero))))
				change = append(change, f)
				next = append(next, int64(math.Min(255, math.Max(0, math.Round(f/aScale)+aZero)))-int64(aZero))
			}
			in, scale = next, slices.Repeat([]float64{aScale}, len(next))
			if i < len(l.ELM.MLP)-1 {
				continue
			}
			most := 0.0 // the largest change that there is
			for q := range 256 {
				most = math.Max(most, math.Abs(float64(float32(oracleActivation(d.Activation, d.Alpha, bScale*(float64(q)-bZero))))))
			}
			unit, gain := most/(1<<15), 0.0
			for _, k := range km {
				gain = math.Max(gain, l.ELM.Lambda*(1-float64(k))*unit/mUnit)
			}
			for j, k := range km {
				memory[j] = limit(decay(memory[j], k) + multiply(int64(math.Round(change[j]/unit)), l.ELM.Lambda*(1-float64(k))*unit/mUnit, gain))
				out[j] = append(out[j], min(255, max(0, y.zero+multiply(memory[j], mUnit/y.scale, mUnit/y.scale))))
			}
		}
	}
	return out
}

// TestInt8Formulas: the engine computes what QUANTIZE.md says, bit for bit.
func TestInt8Formulas(t *testing.T) {
	const steps = 90
	all := zoo8(t)
	alpha := 0.3
	deep := modeltest.ELM(modeltest.ELMSpec{Channels: 8, Branches: 3, Memory: 11, Hidden: 17}, 4).Document
	deep.Layers[1].ELM.MLP = []model.Dense{{Weight: "w0", Bias: "b0", Activation: model.ActLeakyReLU, Alpha: &alpha},
		{Weight: "w1", Bias: "b1", Activation: model.ActSigmoid}, {Weight: "w2", Bias: "b2"}}
	all["elm, deep formula"] = quantised(t, modeltest.Build(deep, map[string]int{"synapses": 3, "elm": 11, "w0": 17, "w1": 40, "w2": 11, "head": 2}, 5))
	for _, name := range []string{"small", "odd widths", "long kernel on events", "dilated, grouped events", "two convolutions on events", "channel multiplier", "elm", "elm, odd widths", "elm, deep formula"} {
		t.Run(name, func(t *testing.T) {
			m := all[name]
			events := stimulus(3, m, 1, steps, 2)
			for i := range events {
				events[i].Weight = []float32{1, 0.5}[i%2]
			}
			p, v := integers(m, steps, events)
			got := play(t, newPop(t, m, 1, surrogate.Options{Precision: surrogate.Int8}), steps, events, 5)
			for i := range steps {
				if got.v[i] != v[i] {
					t.Fatalf("step %d: voltage %v, want %v", i, got.v[i], v[i])
				}
				if want := 1 / (1 + math.Exp(-float64(p[i]))); math.Abs(float64(got.p[i])-want) > 1e-7 {
					t.Fatalf("step %d: probability %v, want %v", i, got.p[i], want)
				}
			}
		})
	}
}
