package model

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"understudy/plugin/population"
)

// Validate checks that the document and the tensors make one consistent model
// within the limits and fills in defaults (dilation, groups, activation). An
// error wraps population.ErrFormat or population.ErrLimit and names the layer,
// tensor or key.
func (m *Model) Validate() error {
	if err := m.checkTop(); err != nil {
		return err
	}
	v := validator{m: m, layers: map[string]int{}, owner: map[string]string{}}
	for i := range m.Layers {
		if err := v.layer(i); err != nil {
			return err
		}
	}
	for name := range m.Tensors {
		if _, used := v.owner[name]; !used {
			return badf("tensor %q: no layer uses it", name)
		}
	}
	if elm := slices.ContainsFunc(m.Layers, func(l Layer) bool { return l.Op == OpELM }); elm != (m.Kind == KindELM) {
		return badf("kind %q: %q is for models with a layer of op %s, and only for these", m.Kind, KindELM, OpELM)
	}
	if err := v.limits(); err != nil {
		return err
	}
	if err := v.int8(); err != nil {
		return err
	}
	return v.heads()
}

// headName is what a head may be called: it becomes the name of an array.
var headName = regexp.MustCompile(`^[a-z0-9_]+$`)

func badf(format string, a ...any) error {
	return fmt.Errorf("%w: %s", population.ErrFormat, fmt.Sprintf(format, a...))
}

func limitf(format string, a ...any) error {
	return fmt.Errorf("%w: %s", population.ErrLimit, fmt.Sprintf(format, a...))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// checkTop checks everything outside layers, heads and tensors.
func (m *Model) checkTop() error {
	switch {
	case m.Schema != Schema:
		return badf("schema %d, this version reads %d", m.Schema, Schema)
	case m.Kind != KindTCN && m.Kind != KindELM:
		return badf("kind %q, known: %q, %q", m.Kind, KindTCN, KindELM)
	case m.StepMS != 1:
		return badf("step_ms %v, only 1 is accepted", m.StepMS)
	case m.Name == "":
		return badf("name is empty")
	case m.Inputs.Channels < 1:
		return badf("inputs.channels %d, want at least 1", m.Inputs.Channels)
	case m.Inputs.Channels > MaxChannels:
		return limitf("inputs.channels %d, at most %d are accepted", m.Inputs.Channels, MaxChannels)
	case len(m.Layers) == 0:
		return badf("no layers")
	case len(m.Layers) > MaxLayers:
		return limitf("%d layers, at most %d are accepted", len(m.Layers), MaxLayers)
	case !(m.SpikeThreshold >= 0 && m.SpikeThreshold <= 1):
		return badf("spike_threshold %v, want 0 to 1", m.SpikeThreshold)
	case m.RefractoryMS < 0 || m.RefractoryMS > MaxRefractoryMS:
		return badf("refractory_ms %d, want 0 to %d", m.RefractoryMS, MaxRefractoryMS)
	}
	in := &m.Inputs
	for _, a := range []struct {
		key string
		n   int
	}{{"segment", len(in.Segment)}, {"section", len(in.Section)}, {"x", len(in.X)}, {"channel_kind", len(in.ChannelKind)}} {
		if a.n != 0 && a.n != in.Channels {
			return badf("inputs.%s has %d entries for %d channels", a.key, a.n, in.Channels)
		}
	}
	for i, s := range in.Segment {
		if s < 0 {
			return badf("inputs.segment[%d] is %d", i, s)
		}
	}
	for i, x := range in.X {
		if !(x >= 0 && x <= 1) {
			return badf("inputs.x[%d] is %v, want 0 to 1", i, x)
		}
	}
	for i, k := range in.ChannelKind {
		if k != "exc" && k != "inh" {
			return badf("inputs.channel_kind[%d] is %q, want exc or inh", i, k)
		}
	}
	if r := m.TrainingRange; r != nil {
		for _, a := range []struct {
			key string
			r   *[2]float64
		}{{"events_per_ms", r.EventsPerMS}, {"events_per_channel_per_s", r.EventsPerChannelPer}, {"weight", r.Weight}} {
			if a.r != nil && !(finite(a.r[0]) && finite(a.r[1]) && a.r[0] <= a.r[1]) {
				return badf("training_range.%s is %v, want [low, high]", a.key, *a.r)
			}
		}
	}
	if p := m.Provenance; p != nil && p.Kind() != '{' {
		return badf("provenance is not an object")
	}
	return nil
}

// validator walks the layers in file order.
type validator struct {
	m      *Model
	layers map[string]int    // index of the layers seen so far
	owner  map[string]string // tensor -> layer
	width  []int             // channels of each layer's output
	field  []int             // receptive field of each layer [steps]
	look   []int             // furthest that a later layer looks back on each layer [steps]
}

func (v *validator) layer(i int) error {
	l := &v.m.Layers[i]
	at := fmt.Sprintf("layers[%d] %q", i, l.Name)
	if l.Name == "" || l.Name == Events {
		return badf("%s: name is empty or reserved", at)
	}
	if j, twice := v.layers[l.Name]; twice {
		return badf("%s: layers[%d] has the same name", at, j)
	}
	if err := checkActivation(at, &l.Activation, l.Alpha); err != nil {
		return err
	}
	if len(l.In) == 0 {
		return badf("%s: in is empty", at)
	}
	if len(l.In) > MaxLayers {
		return limitf("%s: %d inputs, at most %d are accepted", at, len(l.In), MaxLayers)
	}
	field, in := 1, 0
	for k, name := range l.In {
		w := v.m.Inputs.Channels
		if name != Events {
			j, ok := v.layers[name]
			if !ok {
				return badf("%s: in[%d] %q is not %q or an earlier layer", at, k, name, Events)
			}
			w = v.width[j]
			field = max(field, v.field[j])
		}
		if l.Op == OpConcat {
			if in += w; in > MaxChannels {
				return limitf("%s: %d channels, at most %d are accepted", at, in, MaxChannels)
			}
			continue
		}
		if k > 0 && w != in {
			return badf("%s: in[%d] %q has %d channels, in[0] has %d", at, k, name, w, in)
		}
		in = w
	}
	if l.Op != OpAdd && l.Op != OpConcat && len(l.In) != 1 {
		return badf("%s: %s takes one input, in has %d", at, l.Op, len(l.In))
	}
	if err := v.onlyKeys(at, l); err != nil {
		return err
	}
	out := in
	switch l.Op {
	case OpAdd, OpConcat, OpActivation:
	case OpELM:
		var err error
		if out, err = v.elm(at, l, in); err != nil {
			return err
		}
	case OpBatchNorm:
		if err := v.tensor(at, "scale", l.Scale, l.Name, in); err != nil {
			return err
		}
		if err := v.tensor(at, "shift", l.Shift, l.Name, in); err != nil {
			return err
		}
	case OpConv1D:
		var err error
		if out, err = v.conv(at, l, in); err != nil {
			return err
		}
		if field += l.Reach(); field > MaxReceptiveField {
			return limitf("%s: receptive field of %d steps, at most %d are accepted", at, field, MaxReceptiveField)
		}
		if l.In[0] != Events {
			j := v.layers[l.In[0]]
			v.look[j] = max(v.look[j], l.Reach())
		}
	default:
		return badf("%s: unknown op %q, known: %s", at, l.Op, strings.Join([]string{OpConv1D, OpAdd, OpConcat, OpActivation, OpBatchNorm, OpELM}, ", "))
	}
	v.layers[l.Name] = i
	v.width = append(v.width, out)
	v.field = append(v.field, field)
	v.look = append(v.look, 0)
	return nil
}

// onlyKeys refuses keys of another op, which would otherwise be ignored silently.
func (v *validator) onlyKeys(at string, l *Layer) error {
	if l.Op != OpConv1D && (l.Weight != "" || l.Bias != "" || l.Kernel != 0 || l.Dilation != 0 || l.Groups != 0) {
		return badf("%s: %s has no weight, bias, kernel, dilation or groups", at, l.Op)
	}
	if l.Op != OpBatchNorm && (l.Scale != "" || l.Shift != "") {
		return badf("%s: %s has no scale or shift", at, l.Op)
	}
	if l.Op != OpELM && l.ELM != nil {
		return badf("%s: %s has no elm", at, l.Op)
	}
	return nil
}

// checkActivation fills in the default and checks name and parameter.
func checkActivation(at string, activation *string, alpha *float64) error {
	if *activation == "" {
		*activation = ActNone
	}
	switch {
	case !slices.Contains(Activations(), *activation):
		return badf("%s: unknown activation %q, known: %s", at, *activation, strings.Join(Activations(), ", "))
	case HasAlpha(*activation) && alpha == nil:
		return badf("%s: activation %s without alpha", at, *activation)
	case !HasAlpha(*activation) && alpha != nil:
		return badf("%s: activation %s has no alpha", at, *activation)
	case alpha != nil && !finite(*alpha):
		return badf("%s: alpha is %v", at, *alpha)
	}
	return nil
}

// conv checks one conv1d layer and returns its output channels.
func (v *validator) conv(at string, l *Layer, in int) (int, error) {
	if l.Dilation == 0 {
		l.Dilation = 1
	}
	if l.Groups == 0 {
		l.Groups = 1
	}
	switch {
	case l.Kernel < 1 || l.Kernel > MaxReceptiveField:
		return 0, badf("%s: kernel %d, want 1 to %d", at, l.Kernel, MaxReceptiveField)
	case l.Dilation < 1 || l.Dilation > MaxReceptiveField:
		return 0, badf("%s: dilation %d, want 1 to %d", at, l.Dilation, MaxReceptiveField)
	case l.Groups < 1 || in%l.Groups != 0:
		return 0, badf("%s: groups %d does not divide the %d input channels", at, l.Groups, in)
	}
	t, ok := v.m.Tensors[l.Weight]
	if !ok {
		return 0, badf("%s: weight: no tensor %q", at, l.Weight)
	}
	if len(t.Shape) != 3 {
		return 0, badf("%s: weight: tensor %q has shape %v, want [out][in/groups][kernel]", at, l.Weight, t.Shape)
	}
	out := t.Shape[0]
	if out%l.Groups != 0 {
		return 0, badf("%s: groups %d does not divide the %d output channels of tensor %q", at, l.Groups, out, l.Weight)
	}
	if err := v.tensor(at, "weight", l.Weight, l.Name, out, in/l.Groups, l.Kernel); err != nil {
		return 0, err
	}
	if l.Bias != "" {
		if err := v.tensor(at, "bias", l.Bias, l.Name, out); err != nil {
			return 0, err
		}
	}
	return out, nil
}

// tensor checks that a layer's tensor is there, has that shape and finite values,
// and belongs to no other layer (a few bytes of file could otherwise stand for
// any amount of weights).
func (v *validator) tensor(at, key, name, layer string, shape ...int) error {
	t, ok := v.m.Tensors[name]
	if !ok {
		return badf("%s: %s: no tensor %q", at, key, name)
	}
	if o, twice := v.owner[name]; twice {
		return badf("%s: %s: tensor %q is already used by layer %q", at, key, name, o)
	}
	v.owner[name] = layer
	same := len(t.Shape) == len(shape)
	count := 1
	for i := range shape {
		if same {
			same = t.Shape[i] == shape[i] && shape[i] > 0
		}
		count *= shape[i]
	}
	if !same || count != len(t.Data) {
		return badf("%s: %s: tensor %q has shape %v and %d values, want shape %v", at, key, name, t.Shape, len(t.Data), shape)
	}
	for i, x := range t.Data {
		if !finite(float64(x)) {
			return badf("%s: %s: tensor %q: value %d is %v", at, key, name, i, x)
		}
	}
	return nil
}

func (v *validator) limits() error {
	if b := v.m.stateBytes(v.width, v.look); b > MaxStateBytes {
		return limitf("%d bytes of state per neuron, at most %d are accepted", b, MaxStateBytes)
	}
	return nil
}

// int8 checks that every range belongs to a layer and is one.
func (v *validator) int8() error {
	if v.m.Int8 == nil {
		return nil
	}
	if p := v.m.Int8.SpikeThreshold; p != nil && !(*p >= 0 && *p <= 1) {
		return badf("int8.spike_threshold %v, want 0 to 1", *p)
	}
	for _, a := range []struct {
		key    string
		ranges map[string][2]float64
	}{{"ranges", v.m.Int8.Ranges}, {"before_activation", v.m.Int8.BeforeActivation}} {
		for _, name := range slices.Sorted(maps.Keys(a.ranges)) {
			if !v.hasRange(name) {
				return badf("int8.%s: no layer %q", a.key, name)
			}
			if r := a.ranges[name]; !(finite(r[0]) && finite(r[1]) && r[0] <= r[1]) {
				return badf("int8.%s.%s is %v, want [low, high]", a.key, name, r)
			}
		}
	}
	return nil
}

// hasRange is true for the name of a layer and of a part of an elm layer.
func (v *validator) hasRange(name string) bool {
	if _, ok := v.layers[name]; ok {
		return true
	}
	i := strings.LastIndex(name, PartSeparator)
	if i < 0 {
		return false
	}
	for _, l := range v.m.Layers {
		if l.Op != OpELM || l.Name != name[:i] || l.ELM == nil {
			continue
		}
		for k := range l.ELM.MLP {
			if name[i+1:] == fmt.Sprintf("mlp.%d", k) {
				return true
			}
		}
		return name[i+1:] == "synapses" || name[i+1:] == "memory"
	}
	return false
}

func (v *validator) heads() error {
	if _, ok := v.m.Heads[HeadSpike]; !ok {
		return badf("heads: no %q", HeadSpike)
	}
	for name, h := range v.m.Heads {
		at := fmt.Sprintf("heads.%s", name)
		j, ok := v.layers[h.Layer]
		if !ok {
			return badf("%s: no layer %q", at, h.Layer)
		}
		if h.Count < 0 || h.Index < 0 || h.Index >= v.width[j] || h.Channels() > v.width[j]-h.Index {
			return badf("%s: index %d, count %d, layer %q has %d channels", at, h.Index, h.Channels(), h.Layer, v.width[j])
		}
		for key, x := range map[string]*float64{"scale": h.Scale, "offset": h.Offset} {
			if x != nil && !finite(*x) {
				return badf("%s: %s is %v", at, key, *x)
			}
		}
		if name != HeadSpike && h.Activation != "" && h.Activation != ActNone {
			return badf("%s: activation %q, want %s", at, h.Activation, ActNone)
		}
		if (name == HeadSpike || name == HeadVSoma) && h.Channels() != 1 {
			return badf("%s: count %d, want 1", at, h.Count)
		}
		switch name {
		case HeadSpike:
			if h.Activation != ActSigmoid {
				return badf("%s: activation %q, want %s", at, h.Activation, ActSigmoid)
			}
			if h.Scale != nil || h.Offset != nil || h.Unit != "" {
				return badf("%s: a probability has no scale, offset or unit", at)
			}
		case HeadVSoma:
			if h.Unit != "mV" {
				return badf("%s: unit %q, want mV", at, h.Unit)
			}
		default:
			if !headName.MatchString(name) {
				return badf("heads: %q: a head's name is made of a-z, 0-9 and _", name)
			}
		}
	}
	return nil
}
