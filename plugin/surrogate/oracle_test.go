package surrogate_test

import (
	"math"

	"understudy/plugin/model"
	"understudy/plugin/population"
)

// oracle evaluates a model on the whole window of steps for one neuron, in
// float64 and in plain loops over FORMAT.md's formulas. It shares no code with the
// engine.
func oracle(m *model.Model, steps int, events []population.Event) (p, v []float64) {
	return oracleRounding(m, steps, events, func(x float64) float64 { return x })
}

// oracleRounding is oracle with weights and inputs of matrix products rounded by round: those of
// convolutions on layers, except depthwise and output layers, and of the mlp of elm layers.
func oracleRounding(m *model.Model, steps int, events []population.Event, round func(float64) float64) (p, v []float64) {
	exact := func(x float64) float64 { return x }
	x := map[string][][]float64{} // [layer][channel][step]
	x[model.Events] = zeros(m.Inputs.Channels, steps)
	for _, e := range events {
		x[model.Events][e.Channel][int(e.TimeMS)] += float64(e.Weight)
	}
	for _, l := range m.Layers {
		in := x[l.In[0]]
		var y [][]float64
		switch l.Op {
		case model.OpConv1D:
			w := m.Tensors[l.Weight]
			out, inGroup := w.Shape[0], w.Shape[1]
			round := round
			if output := l.Activation == model.ActNone && l.Name == m.Heads[model.HeadSpike].Layer; output || l.In[0] == model.Events || inGroup == 1 && out == l.Groups {
				round = exact
			}
			y = zeros(out, steps)
			for o := range y {
				g := o / (out / l.Groups)
				for t := range steps {
					if l.Bias != "" {
						y[o][t] = float64(m.Tensors[l.Bias].Data[o])
					}
					for i := range inGroup {
						for j := range l.Kernel {
							if u := t - (l.Kernel-1-j)*l.Dilation; u >= 0 {
								y[o][t] += round(float64(w.Data[(o*inGroup+i)*l.Kernel+j])) * round(in[g*inGroup+i][u])
							}
						}
					}
				}
			}
		case model.OpELM:
			y = oracleELM(m, l.ELM, in, round)
		case model.OpConcat:
			for _, name := range l.In {
				for _, row := range x[name] {
					y = append(y, append([]float64(nil), row...))
				}
			}
		default:
			y = zeros(len(in), steps)
			for c := range y {
				for t := range steps {
					for _, name := range l.In {
						y[c][t] += x[name][c][t]
					}
					if l.Op == model.OpBatchNorm {
						y[c][t] = y[c][t]*float64(m.Tensors[l.Scale].Data[c]) + float64(m.Tensors[l.Shift].Data[c])
					}
				}
			}
		}
		for c := range y {
			for t := range steps {
				y[c][t] = oracleActivation(l.Activation, l.Alpha, y[c][t])
			}
		}
		x[l.Name] = y
	}
	s, h := m.Heads[model.HeadSpike], m.Heads[model.HeadVSoma]
	for t := range steps {
		p = append(p, 1/(1+math.Exp(-x[s.Layer][s.Index][t])))
		v = append(v, *h.Offset+*h.Scale*x[h.Layer][h.Index][t])
	}
	return p, v
}

func zeros(n, steps int) [][]float64 {
	y := make([][]float64, n)
	for i := range y {
		y[i] = make([]float64, steps)
	}
	return y
}
