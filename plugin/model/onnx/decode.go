// Package onnx imports causal convolutional networks from ONNX files
// (../importer/IMPORT.md).
package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"understudy/plugin/model"
	"understudy/plugin/population"
)

// The ONNX importer (IMPORT.md). It follows what every value of the graph is: a constant,
// which it computes, or a signal, channels of a layer of ours laid out along some axes and
// shifted in time (signal.go). A node that cannot be followed is an error.

// value is what a name of the graph stands for: nothing where an optional input or
// output is left out.
type value struct {
	array  *array
	signal *signal
}

// made is what a signal was made real from.
type made struct {
	layer        *layer
	fn           expr
	first, width int
}

// run follows a graph once.
type run struct {
	graph        *graph
	files        fs.FS
	values       map[string]value
	layers       []*layer
	made         map[made]*layer
	reads        map[string]int // of a name by nodes
	batch, steps int64          // of the input; 0 where the file leaves it open
	budget       *budget
	done         int // nodes followed
}

// layouts are the axes that an input may have, by their number.
var layouts = map[int][]string{2: {"TC", "CT"}, 3: {"BCT", "BTC"}, 4: {"BC1T", "BCT1"}}

// Options says what a file of another framework does not: which outputs are the
// heads and how to read them. The zero value goes by the names of the outputs.
type Options struct {
	Name string // of the model; empty: as the file is called
	// SpikeOutput and VSomaOutput are NAME or NAME:CHANNEL of an output of the graph.
	// Empty: the output named spike, spikes or p_spike; v_soma, v_soma_mv, somatic, soma or
	// voltage.
	SpikeOutput, VSomaOutput string
	VScale, VOffset          *float64 // soma voltage [mV] = VOffset + VScale*output; nil: 0 and 1
	Threshold                *float64 // spike threshold; nil: 0.5
	// Files is the folder of the file, for weights that are kept beside it. nil: none are
	// read. Names in it come from the file, so it must not lead out of the folder.
	Files fs.FS
}

// Decode imports an ONNX file.
func Decode(name string, data []byte, o Options) (*model.Model, error) {
	m, err := follow(data, o)
	if err != nil {
		if !errors.Is(err, population.ErrFormat) && !errors.Is(err, population.ErrLimit) {
			err = fmt.Errorf("%w: %v", population.ErrFormat, err) // protowire's own
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if m.Name == "" {
		base := filepath.Base(name)
		m.Name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func follow(data []byte, o Options) (*model.Model, error) {
	f, err := parseFile(data)
	if err != nil {
		return nil, err
	}
	// An initializer may be listed as an input, too.
	inputs := slices.DeleteFunc(slices.Clone(f.graph.inputs), func(i valueInfo) bool { return f.graph.tensors[i.name] != nil })
	if len(inputs) != 1 {
		return nil, badf("%d inputs, want one, the events", len(inputs))
	}
	in := inputs[0]
	layouts := layouts[len(in.dims)]
	if layouts == nil {
		return nil, badf("input %q has %d axes, want batch, channels and steps in any order", in.name, len(in.dims))
	}
	reads := map[string]int{}
	for _, n := range f.graph.nodes {
		for _, name := range n.in {
			reads[name]++
		}
	}
	// Which of the layouts it is the graph decides: only one can be followed.
	var worst *run
	var failed error
	for _, axes := range layouts {
		r := &run{graph: f.graph, files: o.Files, values: map[string]value{}, made: map[made]*layer{}, reads: reads, budget: newBudget(len(data))}
		channels, err := r.input(in, axes)
		if err == nil {
			err = r.follow(f.graph.nodes, 0)
		}
		if err == nil {
			return r.model(f, channels, o)
		}
		if worst == nil || r.done > worst.done {
			worst, failed = r, err
		}
	}
	return nil, failed
}

// input defines the events, and returns the number of channels.
func (r *run) input(in valueInfo, axes string) (int, error) {
	s := &signal{axes: axes, fn: exprX, node: "the input"}
	for k, a := range []byte(axes) {
		switch d := in.dims[k]; a {
		case 'C':
			if d < 1 {
				return 0, badf("input %q: the file does not say how many channels it has", in.name)
			}
			if d > model.MaxChannels {
				return 0, limitf("input %q: %d channels, at most %d are accepted", in.name, d, model.MaxChannels)
			}
			s.width = int(d)
		case 'B':
			r.batch = min(max(d, 0), 1<<20)
		case 'T':
			r.steps = min(max(d, 0), 1<<30)
		case '1':
			if d != 1 {
				return 0, badf("input %q: shape %v, of two long axes one must be 1", in.name, in.dims)
			}
		}
	}
	s.layer = &layer{name: model.Events, op: model.Events, width: s.width}
	r.values[in.name] = value{signal: s}
	return s.width, nil
}

// value looks up a name.
func (r *run) value(name string) (value, error) {
	v, ok := r.values[name]
	if ok || name == "" {
		return v, nil
	}
	t, ok := r.graph.tensors[name]
	if !ok {
		return v, badf("%q is not made by a node before it", name)
	}
	a, err := t.read(r.files, r.budget)
	if err != nil {
		return v, fmt.Errorf("%q: %w", name, err)
	}
	v = value{array: a}
	r.values[name] = v
	return v, nil
}

// follow evaluates nodes in order.
func (r *run) follow(nodes []node, depth int) error {
	for i := range nodes {
		n := &nodes[i]
		if err := r.node(n, depth); err != nil {
			return fmt.Errorf("%v: %w", n, err)
		}
		r.done++
	}
	return nil
}

func (r *run) node(n *node, depth int) error {
	if n.domain != "" && n.domain != "ai.onnx" {
		return badf("an op of another domain, which is not supported")
	}
	in := make([]value, len(n.in))
	arrays := make([]*array, len(n.in))
	constant := true
	for i, name := range n.in {
		v, err := r.value(name)
		if err != nil {
			return err
		}
		in[i], arrays[i] = v, v.array
		constant = constant && v.signal == nil
	}
	var out []value
	if n.op == "If" {
		var err error
		if out, err = r.branch(n, arrays, depth); err != nil {
			return err
		}
	} else if constant {
		a, done, err := r.fold(n, arrays)
		if err != nil {
			return err
		}
		if !done {
			return badf("the op is not supported%s", onConstants(n.op))
		}
		out = []value{{array: a}}
	} else {
		op := opOf(n.op)
		if op == nil {
			return badf("the op is not supported")
		}
		var err error
		if out, err = op(r, n, in); err != nil {
			return err
		}
	}
	for i, name := range n.out {
		if missing := i >= len(out) || out[i] == (value{}); name == "" || missing && i > 0 {
			continue // a mask of Dropout, say: an error only where it is read
		} else if missing {
			return badf("it makes nothing")
		}
		if _, twice := r.values[name]; twice || r.graph.tensors[name] != nil {
			return badf("%q is made twice", name)
		}
		if s := out[i].signal; s != nil {
			if err := r.settle(s, name); err != nil {
				return err
			}
		}
		r.values[name] = out[i]
	}
	return nil
}

func onConstants(op string) string {
	if opOf(op) != nil {
		return " on constants"
	}
	return ""
}

// branch follows the branch of an If that is taken, where shapes decide it: PyTorch's
// squeeze asks for the length of an axis.
func (r *run) branch(n *node, in []*array, depth int) ([]value, error) {
	if len(in) != 1 || in[0] == nil {
		return nil, badf("its condition depends on the events")
	}
	v, ok := in[0].numbers()
	if !ok || len(v) != 1 {
		return nil, badf("its condition is not known")
	}
	if depth == 4 {
		return nil, limitf("nested more than %d deep", depth)
	}
	name := "else_branch"
	if v[0] != 0 {
		name = "then_branch"
	}
	g := &graph{tensors: map[string]*tensor{}}
	if err := r.budget.spend(len(n.attr[name].graph)); err != nil {
		return nil, err
	}
	if err := g.parse(n.attr[name].graph); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(g.tensors)) {
		a, err := g.tensors[name].read(r.files, r.budget)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		r.values[name] = value{array: a}
	}
	if err := r.follow(g.nodes, depth+1); err != nil {
		return nil, err
	}
	var out []value
	for _, o := range g.outputs {
		v, err := r.value(o)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// model makes the document of what was followed.
func (r *run) model(f *file, channels int, o Options) (*model.Model, error) {
	heads := heads{options: o}
	for _, name := range f.graph.outputs {
		v, err := r.value(name)
		if err != nil {
			return nil, fmt.Errorf("output: %w", err)
		}
		s := v.signal
		if s == nil {
			return nil, badf("output %q does not depend on the events", name)
		}
		if !strings.Contains(s.axes, "T") && !strings.Contains(s.axes, "M") {
			return nil, badf("output %q has no axis of time", name)
		}
		if s.lead != 0 || s.tail != 0 {
			return nil, badf("output %q has %d steps before the input's first and %d after its last: padding that is not cut off again", name, s.lead, s.tail)
		}
		if _, isSpike := s.fn.activation(); !isSpike || s.fn.g != exprSigmoid || s.fn.p != [4]float64{} || s.fn.q != [4]float64{1} {
			if err := r.real(s); err != nil {
				return nil, err
			}
		}
		heads.outputs = append(heads.outputs, output{name, s})
	}
	assigned, err := heads.assign(r)
	if err != nil {
		return nil, err
	}
	m := &model.Model{Tensors: map[string]model.Tensor{}}
	m.Document = model.Document{Schema: model.Schema, Name: o.Name, Kind: model.KindTCN, StepMS: 1, Inputs: model.Inputs{Channels: channels}, SpikeThreshold: 0.5}
	if o.Threshold != nil {
		m.SpikeThreshold = *o.Threshold
	}
	if m.Provenance, err = json.Marshal(map[string]string{"imported_from": "ONNX", "producer": strings.ToValidUTF8(f.producer, "?")}, json.Deterministic(true)); err != nil {
		return nil, badf("%v", err)
	}
	if err := r.write(m, assigned, o); err != nil {
		return nil, err
	}
	return m, nil
}
