package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Info describes a model for people and programs.
type Info struct {
	Name           string         `json:"name"`
	Kind           string         `json:"kind"`
	Channels       int            `json:"channels"`
	Parameters     int            `json:"parameters"`
	ReceptiveField int            `json:"receptive_field_ms"` // steps of input that an output depends on; 0: all (elm)
	MACsPerMS      float64        `json:"macs_per_ms"`        // besides the events
	MACsPerEvent   float64        `json:"macs_per_event"`
	StateBytes     int64          `json:"state_bytes"` // per neuron, f32
	SpikeThreshold float64        `json:"spike_threshold"`
	RefractoryMS   int            `json:"refractory_ms"`
	Int8           bool           `json:"int8"`  // quantised: engines can compute it in integers
	Heads          []HeadInfo     `json:"heads"` // in order of names
	Layers         []LayerInfo    `json:"layers"`
	TrainingRange  *TrainingRange `json:"training_range,omitempty"`
	Provenance     jsontext.Value `json:"provenance,omitempty"`
}

// HeadInfo is one output.
type HeadInfo struct {
	Name  string `json:"name"`
	Count int    `json:"count"` // channels
	Unit  string `json:"unit,omitempty"`
}

// LayerInfo is one row of the table of layers.
type LayerInfo struct {
	Name           string   `json:"name"`
	Op             string   `json:"op"`
	In             []string `json:"in"`
	InWidth        int      `json:"in_width"`
	Width          int      `json:"width"`
	Kernel         int      `json:"kernel,omitempty"`
	Dilation       int      `json:"dilation,omitempty"`
	Groups         int      `json:"groups,omitempty"`
	Activation     string   `json:"activation"`
	Parameters     int      `json:"parameters"`
	ReceptiveField int      `json:"receptive_field_ms"`
	Lookback       int      `json:"lookback"` // steps of this layer's output that later layers look back on
	MACsPerMS      float64  `json:"macs_per_ms"`
	MACsPerEvent   float64  `json:"macs_per_event"`
}

// Info summarises a validated model. Multiply-accumulates count convolutions and
// batch norms; a convolution on events counts per event, not per ms.
func (m *Model) Info() Info {
	info := Info{
		Name: m.Name, Kind: m.Kind, Channels: m.Inputs.Channels, SpikeThreshold: m.SpikeThreshold, RefractoryMS: m.RefractoryMS,
		TrainingRange: m.TrainingRange, Provenance: m.Provenance,
		Int8: m.Int8 != nil, Layers: make([]LayerInfo, len(m.Layers)),
	}
	for _, name := range slices.Sorted(maps.Keys(m.Heads)) {
		info.Heads = append(info.Heads, HeadInfo{name, m.Heads[name].Channels(), m.Heads[name].Unit})
	}
	byName := make(map[string]int, len(m.Layers))
	width, look := make([]int, len(m.Layers)), make([]int, len(m.Layers))
	for i := range m.Layers {
		l := &m.Layers[i]
		r := &info.Layers[i]
		*r = LayerInfo{Name: l.Name, Op: l.Op, In: l.In, Kernel: l.Kernel, Dilation: l.Dilation, Groups: l.Groups,
			Activation: l.Activation, InWidth: m.Inputs.Channels, ReceptiveField: 1}
		for _, in := range l.In {
			if j, ok := byName[in]; ok {
				r.InWidth = info.Layers[j].Width
				if f := info.Layers[j].ReceptiveField; f == 0 || r.ReceptiveField == 0 {
					r.ReceptiveField = 0
				} else {
					r.ReceptiveField = max(r.ReceptiveField, f)
				}
				look[j] = max(look[j], l.Reach())
			}
		}
		if r.ReceptiveField > 0 {
			r.ReceptiveField += l.Reach()
		}
		r.Width = r.InWidth
		switch l.Op {
		case OpConcat:
			r.Width = 0
			for _, in := range l.In {
				if j, ok := byName[in]; ok {
					r.Width += info.Layers[j].Width
				} else {
					r.Width += m.Inputs.Channels
				}
			}
			r.InWidth = r.Width
		case OpELM:
			r.ReceptiveField = 0
			r.Width = m.Tensors[l.ELM.MemoryDecay].Shape[0]
			for _, name := range l.tensorNames() {
				r.Parameters += len(m.Tensors[name].Data)
			}
			for _, d := range l.ELM.MLP {
				r.MACsPerMS += float64(len(m.Tensors[d.Weight].Data))
			}
			r.MACsPerMS += float64(r.InWidth + 2*r.Width)
		case OpConv1D:
			t := m.Tensors[l.Weight]
			r.Width = t.Shape[0]
			r.Parameters = len(t.Data)
			if l.Bias != "" {
				r.Parameters += r.Width
			}
			if l.In[0] == Events {
				r.MACsPerEvent = float64(r.Width / l.Groups * l.Kernel)
			} else {
				r.MACsPerMS = float64(len(t.Data))
			}
		case OpBatchNorm:
			r.Parameters = 2 * r.Width
			r.MACsPerMS = float64(r.Width)
		}
		byName[l.Name] = i
		width[i] = r.Width
		info.Parameters += r.Parameters
		info.MACsPerMS += r.MACsPerMS
		info.MACsPerEvent += r.MACsPerEvent
	}
	for i := range look {
		info.Layers[i].Lookback = look[i]
	}
	for _, h := range m.Heads {
		f := info.Layers[byName[h.Layer]].ReceptiveField
		if f == 0 {
			info.ReceptiveField = 0
			break
		}
		info.ReceptiveField = max(info.ReceptiveField, f)
	}
	info.StateBytes = m.stateBytes(width, look)
	return info
}

// stateBytes is the f32 state of one neuron [bytes]: each layer's output now and
// as far back as later layers look, and for a convolution on events its outputs
// still to come. A layer other than a convolution on events needs them as vectors.
func (m *Model) stateBytes(width, look []int) int64 {
	var n int64
	vectors := false
	for i := range m.Layers {
		l := &m.Layers[i]
		slots := int64(look[i]) + 1
		if l.Op == OpELM {
			n += 4 * int64(m.Tensors[l.ELM.SynapseDecay].Shape[0]+2*width[i])
		}
		if l.Op == OpConv1D && l.In[0] == Events {
			slots += int64(l.Reach()) + 1
		}
		vectors = vectors || l.Op != OpConv1D && slices.Contains(l.In, Events)
		n += 4 * slots * int64(width[i])
	}
	if vectors {
		n += 4 * int64(m.Inputs.Channels)
	}
	if m.RefractoryMS > 0 {
		n += 4
	}
	return n
}

// String is the table that `understudy model info` prints.
func (i Info) String() string {
	var b strings.Builder
	field := fmt.Sprintf("%d ms", i.ReceptiveField)
	if i.ReceptiveField == 0 {
		field = "without end"
	}
	fmt.Fprintf(&b, "%s (%s): %d channels, %d parameters, receptive field %s\n", i.Name, i.Kind, i.Channels, i.Parameters, field)
	fmt.Fprintf(&b, "%.0f multiply-accumulates per ms and %.0f per event; %d bytes of state per neuron; spike threshold %g, refractory for %d ms\n\n",
		i.MACsPerMS, i.MACsPerEvent, i.StateBytes, i.SpikeThreshold, i.RefractoryMS)
	fmt.Fprintf(&b, "%-16s %-10s %-18s %6s %6s %7s %5s %6s %-8s %10s %11s\n",
		"layer", "op", "in", "width", "kernel", "dilat.", "grps", "field", "activ.", "params", "MACs/ms")
	for _, l := range i.Layers {
		macs := fmt.Sprintf("%.0f", l.MACsPerMS)
		if l.MACsPerEvent > 0 {
			macs = fmt.Sprintf("%.0f/event", l.MACsPerEvent)
		}
		fmt.Fprintf(&b, "%-16s %-10s %-18s %6d %6s %7s %5s %6d %-8s %10d %11s\n", l.Name, l.Op, strings.Join(l.In, "+"), l.Width,
			dash(l.Kernel), dash(l.Dilation), dash(l.Groups), l.ReceptiveField, l.Activation, l.Parameters, macs)
	}
	b.WriteString("\nheads:")
	for _, h := range i.Heads {
		fmt.Fprintf(&b, " %s", h.Name)
		if h.Count > 1 {
			fmt.Fprintf(&b, " x%d", h.Count)
		}
		if h.Unit != "" {
			fmt.Fprintf(&b, " [%s]", h.Unit)
		}
		b.WriteString(";")
	}
	b.WriteString("\ninteger form: ")
	if i.Int8 {
		b.WriteString("yes, runs with --precision int8\n")
	} else {
		b.WriteString("none, see model quantize\n")
	}
	b.WriteString("training range:")
	if r := i.TrainingRange; r == nil {
		b.WriteString(" not recorded\n")
	} else {
		for _, a := range []struct {
			name string
			r    *[2]float64
		}{{"events/ms", r.EventsPerMS}, {"events/channel/s", r.EventsPerChannelPer}, {"weight", r.Weight}} {
			if a.r != nil {
				fmt.Fprintf(&b, " %s %g to %g;", a.name, a.r[0], a.r[1])
			}
		}
		b.WriteString("\n")
	}
	if i.Provenance == nil {
		b.WriteString("provenance: not recorded\n")
	} else {
		fmt.Fprintf(&b, "provenance: %s\n", i.Provenance)
	}
	return b.String()
}

func dash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
