package pack

import (
	"understudy/plugin/surrogate"
	"understudy/wasm/module"
)

// elm8 is an ELM neuron in integers with its place in memory.
type elm8 struct {
	*surrogate.PlannedELM8
	s, m, input                          *region
	synapseDecay, memoryDecay            int
	inputs, traces, recall, gain, output int // factors
	zeros, change                        int
	weight, bias, mult, activate         []int
	// room for ELMRows neurons: activations of one layer of the mlp and of the next, sums, changes of the memory
	x, y, sums, changes int
}

func (g *generator) newELM8(p *surrogate.PlannedELM8) *elm8 {
	e := &elm8{PlannedELM8: p, s: g.region(4*p.Branches, true), m: g.region(4*p.Memory, true), synapseDecay: g.ints(p.SynapseDecay), memoryDecay: g.ints(p.MemoryDecay),
		inputs: g.ints(p.Inputs.Mult), traces: g.ints(p.Traces.Mult), recall: g.ints(p.Recall.Mult), gain: g.ints(p.Gain.Mult), output: g.ints(p.Output.Mult),
		zeros: g.room(4 * max(p.Branches, p.Memory)), change: g.ints(p.Change[:])}
	width, sums := p.MLP[0].In4, 0
	for i := range p.MLP {
		d := &p.MLP[i]
		e.weight, e.bias, e.mult = append(e.weight, g.bytes(d.Weight)), append(e.bias, g.ints(d.Bias)), append(e.mult, g.ints(d.Requant.Mult))
		table := 0
		if d.Activate != nil {
			table = g.data(d.Activate[:])
		}
		e.activate = append(e.activate, table)
		width, sums = max(width, d.Stride), max(sums, d.Out16)
	}
	const rows = surrogate.ELMRows
	e.x, e.y, e.sums, e.changes = g.room(rows*width), g.room(rows*width), g.room(4*rows*sums), g.room(4*rows*p.Memory)
	return e
}

// stepELM8 advances an ELM neuron by one step with what is in its input, and writes the memory to out.
func (f *forward) stepELM8(l *layer, out module.Local) {
	e, q := l.int8.elm, l.Int8
	requant, leak := f.kernel("Requant"), f.kernel("Leak")
	shift := func(s surrogate.PlannedScaling) value { return num(int(s.Shift)) }
	f.call(leak, global(e.s.at), global(e.input.at), num(e.synapseDecay), num(e.inputs), shift(e.Inputs), global(f.n), num(e.Branches))
	f.eachRows(func(first, rows module.Local) {
		s, m := f.let(add(global(e.s.at), times(local(first), 4*e.Branches))), f.let(add(global(e.m.at), times(local(first), 4*e.Memory)))
		stride := e.MLP[0].In4
		reads := func(y int, x module.Local, mult int, by surrogate.PlannedScaling, n int) {
			f.call(requant, num(y), local(x), num(e.zeros), num(mult), shift(by), num(0), num(int(e.Midpoint)), local(rows), num(n), num(n), num(stride))
		}
		reads(e.x, s, e.traces, e.Traces, e.Branches)
		reads(e.x+e.Branches, m, e.recall, e.Recall, e.Memory)
		x, y := e.x, e.y
		for i := range e.MLP {
			d := &e.MLP[i]
			f.fill(num(e.sums), 0, times(local(rows), 4*d.Out16))
			f.call(f.gemm(d.Out16), num(e.sums), num(x), num(e.weight[i]), local(rows), num(d.In4), num(d.Out16), num(stride), num(d.Out16), num(f.scratch))
			stride = d.Stride
			f.call(requant, num(y), num(e.sums), num(e.bias[i]), num(e.mult[i]), shift(d.Requant), num(int(d.Low)), num(int(d.BeforeZero)),
				local(rows), num(d.Out), num(d.Out16), num(stride))
			if d.Activate != nil {
				f.call(f.lookUp, num(y), num(y), times(local(rows), stride), num(e.activate[i]))
			}
			x, y = y, x
		}
		from, to := f.let(num(x)), f.let(num(e.changes))
		f.each(local(rows), func(module.Local) {
			f.each(num(e.Memory), func(j module.Local) {
				f.store("i32.store", local(to), 0, load(add(num(e.change), times(loadAs("i32.load8_u", add(local(from), local(j)), 0), 4)), 0))
				f.advance(to, num(4))
			})
			f.advance(from, num(stride))
		})
		f.call(leak, local(m), num(e.changes), num(e.memoryDecay), num(e.gain), shift(e.Gain), local(rows), num(e.Memory))
		f.call(requant, add(local(out), times(local(first), l.rowBytes)), local(m), num(e.zeros), num(e.output), shift(e.Output), num(int(q.Low)), num(int(q.BeforeZero)),
			local(rows), num(e.Memory), num(e.Memory), num(l.rowBytes))
	})
}
