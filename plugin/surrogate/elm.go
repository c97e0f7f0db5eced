package surrogate

import (
	"fmt"

	"understudy/native"
	"understudy/plugin/model"
)

// elm is the recurrent part of an ELM neuron, see [model.ELM], with its weights in
// the kernels' layout.
type elm struct {
	branches, memory int
	synapseDecay     []float32 // [branches]
	memoryDecay      []float32 // [memory]
	gain             []float32 // [memory] lambda*(1-memoryDecay)
	zeros            []float32 // as many as the larger of branches and memory
	mlp              []dense
	widest           int // outputs of the widest layer of mlp
}

// dense is a fully connected layer.
type dense struct {
	in, out int
	weight  []float32 // [in][out]
	bias    []float32 // [out]
	act     activation
	halves  []native.BF16 // weight in bf16; of the first layer in two parts, see elmState.delta
}

func newELM(l *model.ELM, tensors map[string]model.Tensor) *elm {
	e := &elm{synapseDecay: tensors[l.SynapseDecay].Data, memoryDecay: tensors[l.MemoryDecay].Data}
	e.branches, e.memory = len(e.synapseDecay), len(e.memoryDecay)
	e.zeros = make([]float32, max(e.branches, e.memory))
	for _, k := range e.memoryDecay {
		e.gain = append(e.gain, float32(l.Lambda*(1-float64(k))))
	}
	for _, d := range l.MLP {
		w := tensors[d.Weight]
		out, in := w.Shape[0], w.Shape[1]
		x := dense{in: in, out: out, weight: make([]float32, in*out), act: newActivation(d.Activation, d.Alpha)}
		for o := range out {
			for i := range in {
				x.weight[i*out+o] = w.Data[o*in+i]
			}
		}
		for _, b := range tensors[d.Bias].Data {
			x.bias = append(x.bias, b+0) // no -0, see folded.rounded
		}
		e.mlp = append(e.mlp, x)
		e.widest = max(e.widest, out)
	}
	return e
}

// The AVX kernels take productRows rows of a matrix product together and those left
// over one by one, where each waits for all weights: from two on, idle neurons that
// make up the number cost less.
const productRows = 6

// elmRows is how many neurons go through the mlp together: what its layers put out
// then stays in the L1 cache.
const elmRows = 8 * productRows

// elmState is the state of n ELM neurons and of the idle ones after them, rows in all.
type elmState struct {
	*elm
	rows int
	s    []float32 // [rows][branches], summed traces of the branches' synapses
	m    []float32 // [rows][memory]
	// room for the outputs of one layer of mlp and of the next, [elmRows][widest]
	x, y    []float32
	halves  []uint16 // room for inputs of a layer in bf16
	observe observer // of the parts; nil but in Calibrate
}

func newELMState(e *elm, n int) *elmState {
	rows := n
	if n%productRows > 1 {
		rows += productRows - n%productRows
	}
	room := min(rows, elmRows) * e.widest
	var halves []uint16
	if e.mlp[0].halves != nil {
		halves = make([]uint16, min(rows, elmRows)*(max(e.branches, e.memory, e.widest)+1))
	}
	return &elmState{halves: halves, elm: e, rows: rows, s: make([]float32, rows*e.branches), m: make([]float32, rows*e.memory),
		x: make([]float32, room), y: make([]float32, room)}
}

func (e *elmState) reset() {
	clear(e.s)
	clear(e.m)
}

// step advances by one step: from input [n][branches] to out [n][memory].
func (e *elmState) step(k *native.Set, input, out []float32) {
	k.ScaleShift(e.s, e.synapseDecay, e.zeros, e.rows, e.branches)
	k.Add(e.s[:len(input)], input)
	k.ScaleShift(e.m, e.memoryDecay, e.zeros, e.rows, e.memory)
	for first := 0; first < e.rows; first += elmRows {
		rows := min(elmRows, e.rows-first)
		m := e.m[first*e.memory:][:rows*e.memory]
		k.MulAdd(m, e.delta(k, e.s[first*e.branches:], m, rows), e.gain, rows, e.memory)
	}
	copy(out, e.m)
	if e.observe != nil {
		e.observe("synapses", true, e.s)
		e.observe("memory", true, e.m)
	}
}

// delta is mlp([s, m]) of rows neurons, [rows][memory]. The first layer's product is
// in two parts, of which the second goes on summing where the first has stopped: s
// and m need not be copied side by side.
func (e *elmState) delta(k *native.Set, s, m []float32, rows int) []float32 {
	x, y := e.x, e.y
	for i := range e.mlp {
		d := &e.mlp[i]
		y = y[:rows*d.out]
		fillRows(y, d.bias)
		if i == 0 {
			e.multiply(k, y, s, d, 0, e.branches, rows)
			e.multiply(k, y, m, d, e.branches, e.memory, rows)
		} else {
			e.multiply(k, y, x, d, 0, d.in, rows)
		}
		part := ""
		if e.observe != nil {
			part = fmt.Sprintf("mlp.%d", i)
			if !d.act.limits() {
				e.observe(part, false, y)
			}
		}
		d.act.activate(k, y)
		if e.observe != nil {
			e.observe(part, true, y)
		}
		x, y = y, x[:cap(x)]
	}
	return x
}

// multiply adds to y [rows][d.out] the product of x [rows][in] and the weights of a layer's inputs
// from first on.
func (e *elmState) multiply(k *native.Set, y, x []float32, d *dense, first, in, rows int) {
	if d.halves == nil {
		k.Gemm(y, x, d.weight[first*d.out:], rows, in, d.out, in, d.out)
		return
	}
	w, stride := &d.halves[min(first, 1)], in+in%2
	roundRows(k, e.halves, x[:rows*in], in, stride)
	k.GemmBF16(y, e.halves, w, rows, stride, d.out)
}

// visit shows v the state of neuron i.
func (e *elmState) visit(i int, v visitor) {
	v.floats(e.s[i*e.branches:][:e.branches])
	v.floats(e.m[i*e.memory:][:e.memory])
}
