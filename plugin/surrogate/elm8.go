package surrogate

import (
	"fmt"
	"math"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/population"
)

// elm8 is the recurrent part of an ELM neuron in integers; QUANTIZE.md gives the formulas.
type elm8 struct {
	branches, memory          int
	synapseDecay, memoryDecay []int32 // [branches], [memory], in units of 2^-31
	inputs                    scaling // of the input to the traces
	traces, recall            scaling // of the traces and of the memory to the mlp's activations
	mlp                       []dense8
	change                    [256]int32 // the mlp's last activations to what they stand for
	gain                      scaling    // of change to the memory
	output                    scaling    // of the memory to the layer's output
	zeros                     []int32    // [max(branches, memory)], the biases of what has none
}

// Traces and memory are int32 with so much room above the calibrated range, and are
// limited there.
const (
	elmRoom  = 16
	midpoint = 128 // zero point of the mlp's input, whose values have either sign
)

// dense8 is a fully connected layer in integers.
type dense8 struct {
	in4, out, out16 int
	w               []int8  // packed for GemmInt8
	biases          []int32 // [out]
	requant         scaling
	before          quantized
	low             uint8
	activate        *[256]uint8 // nil for none and relu, and in the last layer
}

// stride is the number of activations that a neuron's outputs take, with padding.
func (d *dense8) stride() int { return (d.out + 3) / 4 * 4 }

// largest is the largest size of a value in a range, above 0.
func largest(r [2]float64) float64 {
	if top := max(-r[0], r[1]); top > 1e-30 {
		return top
	}
	return 1
}

// elmPart is what a range of a part of an elm layer is called: synapses, memory, mlp.0 ...
func elmPart(layer, part string) string { return layer + model.PartSeparator + part }

// newELM8 quantises an elm layer whose input has a unit per branch.
func newELM8(m *model.Model, l *layer8, unit []float64) (*elm8, error) {
	span := func(ranges map[string][2]float64, part string) ([2]float64, error) {
		r, ok := ranges[elmPart(l.name, part)]
		if !ok {
			return r, fmt.Errorf("%w: int8: layer %q: no range of its %s: quantise the model again", population.ErrFormat, l.name, part)
		}
		return r, nil
	}
	e := &elm8{}
	decays := func(name string) (all []int32) {
		for _, k := range m.Tensors[name].Data {
			all = append(all, int32(min(math.MaxInt32, math.Round(float64(k)*(1<<31)))))
		}
		return all
	}
	e.synapseDecay, e.memoryDecay = decays(l.elm.SynapseDecay), decays(l.elm.MemoryDecay)
	e.branches, e.memory = len(e.synapseDecay), len(e.memoryDecay)
	e.zeros = make([]int32, max(e.branches, e.memory))

	r, err := span(m.Int8.Ranges, "synapses")
	if err != nil {
		return nil, err
	}
	traceUnit, traceScale := elmRoom*largest(r)/(1<<31), largest(r)/127
	if r, err = span(m.Int8.Ranges, "memory"); err != nil {
		return nil, err
	}
	memoryUnit, memoryScale := elmRoom*largest(r)/(1<<31), largest(r)/127
	var input, traces, recall, output, gain, inScale []float64
	for j := range e.branches {
		input = append(input, unit[j]/traceUnit)
		traces = append(traces, traceUnit/traceScale)
		inScale = append(inScale, traceScale)
	}
	for _, k := range m.Tensors[l.elm.MemoryDecay].Data {
		recall = append(recall, memoryUnit/memoryScale)
		inScale = append(inScale, memoryScale*float64(k)) // the mlp sees what is left of the memory
		output = append(output, memoryUnit/l.before.scale)
	}
	e.inputs, e.traces, e.recall, e.output = newScaling(input), newScaling(traces), newScaling(recall), newScaling(output)

	inZero := uint8(midpoint)
	for i, d := range l.elm.MLP {
		part, last := fmt.Sprintf("mlp.%d", i), i == len(l.elm.MLP)-1
		after, err := span(m.Int8.Ranges, part)
		if err != nil {
			return nil, err
		}
		x, act := dense8{before: spanning(after)}, newActivation(d.Activation, d.Alpha)
		out := x.before
		if !act.limits() {
			before, err := span(m.Int8.BeforeActivation, part)
			if err != nil {
				return nil, err
			}
			x.before = spanning(before)
			if !last {
				x.activate = newTable(x.before, out, act)
			}
		}
		if act.kind == actReLU {
			x.low = x.before.zero
		}
		x.quantize(m.Tensors[d.Weight], m.Tensors[d.Bias], inScale, inZero)
		if last { // change takes the place of a table
			y := activated(x.before, act)
			top := 0.0
			for _, v := range y {
				top = max(top, math.Abs(float64(v)))
			}
			changeUnit := largest([2]float64{0, top}) / (1 << 15)
			for q, v := range y {
				e.change[q] = int32(math.Round(float64(v) / changeUnit))
			}
			for _, k := range m.Tensors[l.elm.MemoryDecay].Data {
				gain = append(gain, l.elm.Lambda*(1-float64(k))*changeUnit/memoryUnit)
			}
			e.gain = newScaling(gain)
		}
		e.mlp = append(e.mlp, x)
		inScale, inZero = make([]float64, x.out), out.zero
		for o := range inScale {
			inScale[o] = out.scale
		}
	}
	return e, nil
}

// quantize rounds the weights, per output, for inputs of a scale each and one zero point.
func (d *dense8) quantize(weight, bias model.Tensor, scale []float64, zero uint8) {
	in := weight.Shape[1]
	d.out = weight.Shape[0]
	d.in4, d.out16 = (in+3)/4*4, (d.out+15)/16*16
	q := make([]int8, in*d.out) // [in][out]
	ratio := make([]float64, d.out)
	for o := range d.out {
		row, top := weight.Data[o*in:][:in], 0.0
		for i, w := range row {
			top = max(top, math.Abs(float64(w)*scale[i]))
		}
		b := float64(bias.Data[o])
		unit := max(top/127, math.Abs(b)/biasUnits)
		if !(unit > 1e-30) {
			unit = 1
		}
		sum := int32(0)
		for i, w := range row {
			q[i*d.out+o] = int8(math.Round(float64(float64(w)*scale[i]) / unit))
			sum += int32(q[i*d.out+o])
		}
		d.biases = append(d.biases, int32(math.Round(b/unit))-sum*int32(zero))
		ratio[o] = unit / d.before.scale
	}
	d.requant = newScaling(ratio)
	d.w = native.PackInt8(q, in, d.out)
}

// elmState8 is the state of n ELM neurons.
type elmState8 struct {
	*elm8
	n     int
	s, m  []int32 // [n][branches], [n][memory]
	input []int32 // of the step, [n][branches]
	// room for elmRows neurons: activations of one layer of mlp and of the next, and sums
	x, y    []uint8
	sums    []int32
	changes []int32
}

func newELMState8(e *elm8, n int) *elmState8 {
	rows, width, sums := min(n, elmRows), e.mlp[0].in4, 0
	for i := range e.mlp {
		width, sums = max(width, e.mlp[i].stride()), max(sums, e.mlp[i].out16)
	}
	return &elmState8{elm8: e, n: n, s: make([]int32, n*e.branches), m: make([]int32, n*e.memory), input: make([]int32, n*e.branches),
		x: make([]uint8, rows*width), y: make([]uint8, rows*width), sums: make([]int32, rows*sums), changes: make([]int32, rows*e.memory)}
}

func (e *elmState8) reset() {
	clear(e.s)
	clear(e.m)
}

// step advances by one step with what is in input, and writes the memory to out, of l's
// stride.
func (e *elmState8) step(k *native.Set, l *layer8, out []uint8) {
	k.Leak(e.s, e.input, e.synapseDecay, e.inputs.mult, e.inputs.shift, e.n, e.branches)
	for first := 0; first < e.n; first += elmRows {
		rows := min(elmRows, e.n-first)
		s, m := e.s[first*e.branches:][:rows*e.branches], e.m[first*e.memory:][:rows*e.memory]
		e.delta(k, s, m, rows)
		k.Leak(m, e.changes, e.memoryDecay, e.gain.mult, e.gain.shift, rows, e.memory)
		k.Requant(out[first*l.stride:], m, e.zeros, e.output.mult, e.output.shift, l.low(), l.before.zero, rows, e.memory, e.memory, l.stride)
	}
}

// delta is mlp([s, what is left of m]) of rows neurons, put into changes.
func (e *elmState8) delta(k *native.Set, s, m []int32, rows int) {
	x, y, stride := e.x, e.y, e.mlp[0].in4
	k.Requant(x, s, e.zeros, e.traces.mult, e.traces.shift, 0, midpoint, rows, e.branches, e.branches, stride)
	k.Requant(x[e.branches:], m, e.zeros, e.recall.mult, e.recall.shift, 0, midpoint, rows, e.memory, e.memory, stride)
	for i := range e.mlp {
		d := &e.mlp[i]
		sums := e.sums[:rows*d.out16]
		clear(sums)
		k.GemmInt8(sums, x, d.w, rows, d.in4, d.out16, stride, d.out16)
		stride = d.stride()
		k.Requant(y, sums, d.biases, d.requant.mult, d.requant.shift, d.low, d.before.zero, rows, d.out, d.out16, stride)
		if d.activate != nil {
			k.LUTInt8(y[:rows*stride], y[:rows*stride], d.activate)
		}
		x, y = y, x
	}
	for r := range rows {
		k.LUTInt32(e.changes[r*e.memory:][:e.memory], x[r*stride:][:e.memory], &e.change)
	}
}

// visit shows v the state of neuron i.
func (e *elmState8) visit(i int, v visitor) {
	v.ints(e.s[i*e.branches:][:e.branches])
	v.ints(e.m[i*e.memory:][:e.memory])
}
