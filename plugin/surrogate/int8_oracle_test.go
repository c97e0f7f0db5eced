package surrogate_test

import (
	"math"
	"math/big"
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// act8 is an activation: x = scale*(q-zero).
type act8 struct {
	scale float64
	zero  int64
	q     [][]int64 // [channel][step]
}

// integers evaluates a quantised model of conv1d, add and relu on the whole window for
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
		y.q, logits[l.Name] = make([][]int64, out), make([][]float32, out)
		for o := range out {
			y.q[o], logits[l.Name][o] = make([]int64, steps), make([]float32, steps)
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
				logits[l.Name][o][t] = float32(units[o] * float64(sum))
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

// TestInt8Formulas: the engine computes what QUANTIZE.md says, bit for bit.
func TestInt8Formulas(t *testing.T) {
	const steps = 90
	all := zoo8(t)
	for _, name := range []string{"small", "odd widths", "long kernel on events", "dilated, grouped events", "two convolutions on events", "channel multiplier"} {
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
