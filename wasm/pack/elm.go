package pack

import (
	"understudy/plugin/surrogate"
	"understudy/wasm/module"
)

// elm is an ELM neuron with its place in memory.
type elm struct {
	*surrogate.PlannedELM
	s, m                      *region
	synapseDecay, memoryDecay int
	gain, zeros, x, y         int // x and y have room for the outputs of a layer of the mlp, [ELMRows]
	weight, bias              []int
}

func (g *generator) newELM(p *surrogate.PlannedELM) *elm {
	e := &elm{PlannedELM: p, s: g.region(4*p.Branches, true), m: g.region(4*p.Memory, true), synapseDecay: g.floats(p.SynapseDecay), memoryDecay: g.floats(p.MemoryDecay),
		gain: g.floats(p.Gain), zeros: g.room(4 * max(p.Branches, p.Memory))}
	widest := 0
	for _, d := range p.MLP {
		e.weight, e.bias = append(e.weight, g.floats(d.Weight)), append(e.bias, g.floats(d.Bias))
		widest = max(widest, d.Out)
	}
	e.x, e.y = g.room(4*surrogate.ELMRows*widest), g.room(4*surrogate.ELMRows*widest)
	return e
}

// stepELM advances an ELM neuron by one step, from input [n][branches] to out [n][memory].
func (f *forward) stepELM(l *layer, input value, out module.Local) {
	e, n := l.elm, global(f.n)
	scaleShift := f.kernel("ScaleShift")
	f.call(scaleShift, global(e.s.at), num(e.synapseDecay), num(e.zeros), n, num(e.Branches))
	f.call(f.kernel("Add"), global(e.s.at), input, times(n, e.Branches))
	f.call(scaleShift, global(e.m.at), num(e.memoryDecay), num(e.zeros), n, num(e.Memory))
	f.eachRows(func(first, rows module.Local) {
		s, m := f.let(add(global(e.s.at), times(local(first), 4*e.Branches))), f.let(add(global(e.m.at), times(local(first), 4*e.Memory)))
		x, y := e.x, e.y
		for i, d := range e.MLP {
			f.call(f.fillRows, num(y), num(e.bias[i]), local(rows), num(4*d.Out))
			gemm := func(from value, first, in int) {
				f.call(f.gemm(d.Out), num(y), from, num(e.weight[i]+4*first*d.Out), local(rows), num(in), num(d.Out), num(in), num(d.Out), num(f.scratch))
			}
			if i == 0 { // in two parts: s and m need not be copied side by side
				gemm(local(s), 0, e.Branches)
				gemm(local(m), e.Branches, e.Memory)
			} else {
				gemm(num(x), 0, d.In)
			}
			f.activate(d.Activation, d.Alpha, num(y), times(local(rows), d.Out))
			x, y = y, x
		}
		f.call(f.kernel("MulAdd"), local(m), num(x), num(e.gain), local(rows), num(e.Memory))
	})
	f.copy(local(out), global(e.m.at), times(n, 4*e.Memory))
}

// eachRows runs body for all neurons, ELMRows at a time.
func (f *forward) eachRows(body func(first, rows module.Local)) {
	first, rows := f.let(num(0)), f.Local(i32)
	f.while(op("i32.lt_u", local(first), global(f.n)), func() {
		left := sub(global(f.n), local(first))
		f.set(rows, choose(left, num(surrogate.ELMRows), op("i32.lt_u", left, num(surrogate.ELMRows))))
		body(first, rows)
		f.advance(first, num(surrogate.ELMRows))
	})
}
