package cable

import "understudy/wasm/module"

// extrapolate(n, v, half)
func extrapolate(e emitter, p []module.Local) {
	n, s := e.CopyOf(p[0]), e.states(p[1], p[2])
	v, half := s[0], s[1]
	e.each(n, 1, s, func(e emitter, vectors int) {
		for k := range vectors {
			h := e.load(half.at, 16*k)
			e.store(v.at, 16*k, e.sub(e.add(h, h), e.load(v.at, 16*k)))
		}
	})
}

// flush(n, x, tiny)
func flush(e emitter, p []module.Local) {
	n, x, tiny := e.CopyOf(p[0]), e.states(p[1]), e.splat(p[2])
	e.each(n, 1, x, func(e emitter, vectors int) {
		for k := range vectors {
			y := e.load(x[0].at, 16*k)
			e.store(x[0].at, 16*k, e.vector("v128.andnot", y, e.vector("f64x2.lt", e.vector("f64x2.abs", y), tiny)))
		}
	})
}

// base(n, d, rhs, v, d0, rhs0, cdt)
func base(e emitter, lanes int, p []module.Local) {
	n, s, c := e.CopyOf(p[0]), e.states(p[1], p[2], p[3]), e.parameters(lanes, p[4], p[5], p[6])
	d, rhs, v := s[0], s[1], s[2]
	e.each(n, lanes, append(s, c...), func(e emitter, vectors int) {
		for k, d0 := range e.parameter(c[0], vectors) {
			e.store(d.at, 16*k, d0)
		}
		rhs0, cdt := e.parameter(c[1], vectors), e.parameter(c[2], vectors)
		for k := range vectors {
			e.store(rhs.at, 16*k, e.add(rhs0[k], e.mul(cdt[k], e.load(v.at, 16*k))))
		}
	})
}

// Offsets of the fields of a cable.Current and its size.
const (
	currentE, currentG, currentX0, currentX1 = 0, 8, 16, 24
	currentP0, currentP1, currentCalcium     = 32, 40, 48
	currentSize                              = 56
)

// maxPower bounds the power of the first factor of a conductance; that of the second is at most one.
const maxPower = 4

// currents(n, d, rhs, v, d0, rhs0, cdt, eca, ica, g, x, list, size)
//
// It goes through all elements with each current in turn, in a loop of its own for each pair of powers: where a
// loop goes through the list for every few elements, as in assembly, the checks of bounds take most of the time.
func currents(e emitter, lanes int, p []module.Local) {
	n, eca, ica, g, x := p[0], p[7], p[8], p[9], p[10]
	e.Get(p[4])
	e.If(func() { base(e, lanes, p[:7]) })
	e.Get(ica)
	e.If(func() {
		e.Get(ica)
		e.I32(0)
		e.Get(n)
		e.I32(3)
		e.Op("i32.shl")
		e.MemoryFill()
	})
	e.list(p[11], p[12], currentSize, func(c module.Local) {
		field := func(offset int) { e.Get(c); e.Mem("i32.load", uint32(offset)) }
		gp, x0, x1 := e.place(g, c, currentG, 3), e.place(x, c, currentX0, 3), e.place(x, c, currentX1, 3)
		reversal := e.spread(c, currentE)
		powers := func(loop func(p0, p1 int)) {
			first := func(p1 int) {
				for p0 := 1; p0 <= maxPower; p0++ {
					field(currentP0)
					e.I32(int32(p0))
					e.Op("i32.eq")
					e.If(func() { e.Reuse(func() { loop(p0, p1) }) })
				}
			}
			field(currentP1)
			e.IfElse(func() { first(1) }, func() { first(0) })
		}
		e.Get(c)
		e.Mem("i32.load8_u", currentCalcium)
		e.IfElse(func() {
			powers(func(p0, p1 int) { current{e, lanes, p0, p1}.calcium(p[:4], eca, ica, gp, x0, x1) })
		}, func() {
			powers(func(p0, p1 int) { current{e, lanes, p0, p1}.ohmic(p[:4], gp, x0, x1, reversal) })
		})
	})
}

// list has body handle each item of a list of so many bytes, at least one.
func (e emitter) list(list, size module.Local, item int, body func(at module.Local)) {
	at := e.CopyOf(list)
	end := e.value(module.I32, "i32.add", list, size)
	e.Loop(func() {
		e.Reach(at, item)
		body(at)
		e.Advance(at, item)
		e.Get(at, end)
		e.Op("i32.lt_u")
		e.BrIf(0)
	})
}

// current is a current of known powers.
type current struct {
	emitter
	lanes  int
	p0, p1 int
}

// each has body add the current of each vector k, given its conductances, and advances further operands.
func (c current) each(n, g, x0, x1 module.Local, further []operand, body func(e emitter, k int, conductance module.Local)) {
	gates := c.states(x0)
	if c.p1 > 0 {
		gates = c.states(x0, x1)
	}
	gbar := c.parameters(c.lanes, g)
	all := append(append(gates, gbar...), further...)
	c.emitter.each(c.CopyOf(n), c.lanes, all, func(e emitter, vectors int) {
		for k, y := range e.parameter(gbar[0], vectors) {
			first := e.load(gates[0].at, 16*k)
			for range c.p0 {
				y = e.mul(y, first)
			}
			if c.p1 > 0 {
				y = e.mul(y, e.load(gates[1].at, 16*k))
			}
			body(e, k, y)
		}
	})
}

// increase adds y to memory.
func (e emitter) increase(o operand, k int, y module.Local) {
	e.store(o.at, 16*k, e.add(e.load(o.at, 16*k), y))
}

// ohmic and calcium add the current to d and rhs, and calcium to ica, too; nd is n, d, rhs, v.
func (c current) ohmic(nd []module.Local, g, x0, x1, reversal module.Local) {
	s := c.states(nd[1], nd[2])
	d, rhs := s[0], s[1]
	c.each(nd[0], g, x0, x1, s, func(e emitter, k int, y module.Local) {
		e.increase(d, k, y)
		e.increase(rhs, k, e.mul(y, reversal))
	})
}

func (c current) calcium(nd []module.Local, eca, ica, g, x0, x1 module.Local) {
	s := c.states(nd[1], nd[2], nd[3], eca, ica)
	d, rhs, v, ec, ic := s[0], s[1], s[2], s[3], s[4]
	c.each(nd[0], g, x0, x1, s, func(e emitter, k int, y module.Local) {
		e.increase(d, k, y)
		reversal := e.load(ec.at, 16*k)
		e.increase(rhs, k, e.mul(y, reversal))
		e.increase(ic, k, e.mul(y, e.sub(e.load(v.at, 16*k), reversal)))
	})
}

// pool(n, cai, ica, perNA, decay, relax, minCai)
func pool(e emitter, lanes int, p []module.Local) {
	n, s, c := e.CopyOf(p[0]), e.states(p[1], p[2]), e.parameters(lanes, p[3], p[4], p[5], p[6])
	cai, ica := s[0], s[1]
	e.each(n, lanes, append(s, c...), func(e emitter, vectors int) {
		perNA, decay, relax, minCai := e.parameter(c[0], vectors), e.parameter(c[1], vectors), e.parameter(c[2], vectors), e.parameter(c[3], vectors)
		for k := range vectors {
			target := e.add(e.mul(e.mul(perNA[k], e.load(ica.at, 16*k)), decay[k]), minCai[k])
			e.follow(cai, k, target, relax[k])
		}
	})
}
