package cable

import "understudy/wasm/module"

// Offsets of the fields of a cable.Synapse and its size.
const (
	synapseGmax, synapseE, synapseSecant, synapseDecA, synapseDecB = 0, 8, 16, 24, 32
	synapseA, synapseB, synapseTable                               = 40, 48, 56
	synapseSize                                                    = 80
)

// synapses(n, d, rhs, v, row, frac, states, list, size)
func synapses(e emitter, p []module.Local) {
	n, states := p[0], p[6]
	e.list(p[7], p[8], synapseSize, func(c module.Local) {
		gmax, reversal, secant := e.spread(c, synapseGmax), e.spread(c, synapseE), e.spread(c, synapseSecant)
		decA, decB := e.spread(c, synapseDecA), e.spread(c, synapseDecB)
		e.Get(c)
		e.Mem("i32.load", synapseTable)
		table := e.put(module.I32)
		s := e.states(p[1], p[2], e.place(states, c, synapseA, 3), e.place(states, c, synapseB, 3))
		d, rhs, a, b := s[0], s[1], s[2], s[3]
		left := e.CopyOf(n)
		// conductance is that of vector k; the states decay.
		conductance := func(e emitter, k int) module.Local {
			ya, yb := e.load(a.at, 16*k), e.load(b.at, 16*k)
			e.store(a.at, 16*k, e.mul(ya, decA))
			e.store(b.at, 16*k, e.mul(yb, decB))
			return e.mul(gmax, e.sub(yb, ya))
		}
		e.Get(table)
		e.IfElse(func() {
			v, frac, row := e.states(p[3])[0], e.states(p[5])[0], e.rows(p[4])
			e.each(left, 1, append(s, v, frac, row), func(e emitter, vectors int) {
				for k := range vectors {
					g := conductance(e, k)
					open, slope := e.interpolate(row, frac, table, k)
					yv := e.load(v.at, 16*k)
					drive := e.sub(yv, reversal)
					di := e.mul(g, e.add(open, e.mul(e.add(drive, secant), slope)))
					e.increase(d, k, di)
					e.increase(rhs, k, e.sub(e.mul(di, yv), e.mul(e.mul(g, open), drive)))
				}
			})
		}, func() {
			e.each(left, 1, s, func(e emitter, vectors int) {
				for k := range vectors {
					g := conductance(e, k)
					e.increase(d, k, g)
					e.increase(rhs, k, e.mul(g, reversal))
				}
			})
		})
	})
}
