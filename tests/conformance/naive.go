package conformance

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"understudy/plugin/population"
)

// file is a model file read by the ten lines that FORMAT.md promises suffice:
// nothing here is shared with package model, so that a mistake there shows.
type file struct {
	Inputs struct{ Channels int }
	Layers []layerDoc
	Heads  map[string]struct {
		Layer         string
		Index, Count  int
		Scale, Offset *float64
	}
	Threshold    float64 `json:"spike_threshold"`
	RefractoryMS int     `json:"refractory_ms"`
	tensors      map[string]tensor
}

type layerDoc struct {
	Name, Op, Weight, Bias, Scale, Shift, Activation string
	In                                               []string
	Dilation, Groups                                 int
	ELM                                              struct {
		SynapseDecay string `json:"synapse_decay"`
		MemoryDecay  string `json:"memory_decay"`
		Lambda       float64
		MLP          []struct{ Weight, Bias, Activation string }
	}
}

type tensor struct {
	Shape   []int
	Offsets [2]int `json:"data_offsets"`
	data    []float64
}

func parse(b []byte) (*file, error) {
	h := 8 + binary.LittleEndian.Uint64(b)
	header := map[string]json.RawMessage{}
	if err := json.Unmarshal(b[8:h], &header); err != nil {
		return nil, err
	}
	f := &file{tensors: map[string]tensor{}}
	for name, raw := range header {
		if name == "__metadata__" {
			var meta map[string]string
			if err := json.Unmarshal(raw, &meta); err != nil {
				return nil, err
			}
			if err := json.Unmarshal([]byte(meta["understudy"]), f); err != nil {
				return nil, err
			}
			continue
		}
		var t tensor
		if err := json.Unmarshal(raw, &t); err != nil {
			return nil, err
		}
		for p := b[h:][t.Offsets[0]:t.Offsets[1]]; len(p) > 0; p = p[4:] {
			t.data = append(t.data, float64(math.Float32frombits(binary.LittleEndian.Uint32(p))))
		}
		f.tensors[name] = t
	}
	return f, nil
}

// Naive evaluates a model file on a stimulus in float64: for every neuron each
// layer over the whole window, by the formulas of FORMAT.md. It returns the
// probability, the voltage [mV] (NaN where the model has none), the spikes by
// threshold, [steps][n], and the values of HeadInner.
func Naive(modelFile []byte, n, steps int, events []population.Event) (Trace, error) {
	f, err := parse(modelFile)
	if err != nil {
		return Trace{}, err
	}
	tr := newTrace(steps * n)
	tr.Inner = make([]float32, steps*n*f.Heads[HeadInner].Count)
	for neuron := range n {
		// x[name][t][channel]
		x := map[string][][]float64{"events": matrix(steps, f.Inputs.Channels)}
		for _, e := range events {
			if int(e.Neuron) == neuron {
				x["events"][int(math.Floor(e.TimeMS))][e.Channel] += float64(e.Weight)
			}
		}
		for _, l := range f.Layers {
			in := x[l.In[0]]
			var y [][]float64
			switch l.Op {
			case "conv1d":
				y = conv(in, f.tensors[l.Weight], f.tensors[l.Bias].data, max(l.Dilation, 1), max(l.Groups, 1))
			case "elm":
				y = elm(in, f, l)
			case "add", "activation":
				y = matrix(steps, len(in[0]))
				for _, name := range l.In {
					for t := range y {
						for c := range y[t] {
							y[t][c] += x[name][t][c]
						}
					}
				}
			case "concat":
				y = make([][]float64, steps)
				for t := range y {
					for _, name := range l.In {
						y[t] = append(y[t], x[name][t]...)
					}
				}
			case "batchnorm":
				y = matrix(steps, len(in[0]))
				for t := range y {
					for c := range y[t] {
						y[t][c] = f.tensors[l.Scale].data[c]*in[t][c] + f.tensors[l.Shift].data[c]
					}
				}
			default:
				return Trace{}, fmt.Errorf("layer %s: op %s", l.Name, l.Op)
			}
			for t := range y {
				if err := activate(y[t], l.Activation); err != nil {
					return Trace{}, fmt.Errorf("layer %s: %w", l.Name, err)
				}
			}
			x[l.Name] = y
		}
		for t := range steps {
			i := t*n + neuron
			spike := f.Heads["spike"]
			p := 1 / (1 + math.Exp(-x[spike.Layer][t][spike.Index]))
			tr.PSpike[i] = float32(p)
			tr.VSoma[i] = float32(math.NaN())
			if v, ok := f.Heads["v_soma"]; ok {
				tr.VSoma[i] = float32(*v.Offset + *v.Scale*x[v.Layer][t][v.Index])
			}
			h := f.Heads[HeadInner]
			for c := range h.Count {
				tr.Inner[i*h.Count+c] = float32(*h.Offset + *h.Scale*x[h.Layer][t][h.Index+c])
			}
		}
	}
	tr.Threshold, tr.RefractoryMS = f.Threshold, f.RefractoryMS
	tr.Spike = emitted(tr.PSpike, n, f.Threshold, f.RefractoryMS)
	return tr, nil
}

// emitted is where p [steps][n] reaches the threshold, but not within refractory steps after a
// spike.
func emitted(p []float32, n int, threshold float64, refractory int) []bool {
	spike := make([]bool, len(p))
	for neuron := range n {
		next := neuron
		for i := neuron; i < len(p); i += n {
			if i >= next && p[i] >= float32(threshold) {
				spike[i] = true
				next = i + (refractory+1)*n
			}
		}
	}
	return spike
}

func activate(y []float64, name string) error {
	for c, v := range y {
		switch name {
		case "relu":
			y[c] = math.Max(0, v)
		case "silu":
			y[c] = v / (1 + math.Exp(-v))
		case "tanh":
			y[c] = math.Tanh(v)
		case "", "none":
		default:
			return fmt.Errorf("activation %s", name)
		}
	}
	return nil
}

// elm is s = ks*s + x, m = km*m + lambda*(1-km)*mlp(s, km*m).
func elm(x [][]float64, f *file, l layerDoc) [][]float64 {
	ks, km := f.tensors[l.ELM.SynapseDecay].data, f.tensors[l.ELM.MemoryDecay].data
	s, m := make([]float64, len(ks)), make([]float64, len(km))
	var y [][]float64
	for t := range x {
		for j := range ks {
			s[j] = ks[j]*s[j] + x[t][j]
		}
		z := append([]float64(nil), s...)
		for j := range km {
			m[j] *= km[j]
			z = append(z, m[j])
		}
		for _, d := range l.ELM.MLP {
			w := f.tensors[d.Weight]
			next := append([]float64(nil), f.tensors[d.Bias].data...)
			for o := range next {
				for i := range z {
					next[o] += w.data[o*len(z)+i] * z[i]
				}
			}
			if activate(next, d.Activation) != nil {
				return nil
			}
			z = next
		}
		for j := range km {
			m[j] += l.ELM.Lambda * (1 - km[j]) * z[j]
		}
		y = append(y, append([]float64(nil), m...))
	}
	return y
}

// conv is y[o,t] = bias[o] + sum_ij w[o,i,j] x[g*in/groups+i, t-(kernel-1-j)*dilation].
func conv(x [][]float64, w tensor, bias []float64, dilation, groups int) [][]float64 {
	out, width, kernel := w.Shape[0], w.Shape[1], w.Shape[2]
	y := matrix(len(x), out)
	for t := range y {
		for o := range y[t] {
			if bias != nil {
				y[t][o] = bias[o]
			}
			first := o / (out / groups) * width
			for i := range width {
				for j := range kernel {
					if at := t - (kernel-1-j)*dilation; at >= 0 {
						y[t][o] += w.data[(o*width+i)*kernel+j] * x[at][first+i]
					}
				}
			}
		}
	}
	return y
}

func matrix(rows, columns int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, columns)
	}
	return m
}
