package detailed

import "understudy/native/cable"

// block is the state of width cells stepped side by side. Flat arrays as in
// program.
type block struct {
	p     *program
	k     *cable.Kernel
	exact bool // evaluate rates by their formulas instead of tables

	// State: what Save writes.
	v     []float64 // [row][width] membrane voltage [mV]
	gates []float64 // gating variables
	cai   []float64 // [segment][width] [mM]
	syn   []float64 // synaptic A, B

	// Scratch, recomputed within a step.
	d, rhs []float64 // [row][width]
	row    []int32   // [segment][width] voltage table row
	frac   []float64
	caRow  []int32
	caFrac []float64
	eca    []float64 // calcium reversal [mV]
	ica    []float64 // calcium current of the step [nA]
}

func newBlock(p *program, k *cable.Kernel, exact bool) *block {
	w := p.width
	b := &block{p: p, k: k, exact: exact,
		v:      make([]float64, p.nrow*w),
		gates:  make([]float64, p.gateStates),
		cai:    make([]float64, p.nseg*w),
		syn:    make([]float64, p.synapseStates()),
		d:      make([]float64, p.nrow*w),
		rhs:    make([]float64, p.nrow*w),
		row:    make([]int32, p.nseg*w),
		frac:   make([]float64, p.nseg*w),
		caRow:  make([]int32, p.nseg*w),
		caFrac: make([]float64, p.nseg*w),
		eca:    make([]float64, p.nseg*w),
		ica:    make([]float64, p.nseg*w),
	}
	b.reset()
	return b
}

// reset sets every segment to VInit with gates at steady state and synapses silent.
func (b *block) reset() {
	c := b.p.cell
	for i := range b.v {
		b.v[i] = c.VInit
	}
	for i := range b.cai {
		b.cai[i] = c.CaInit
	}
	clear(b.syn)
	for _, g := range b.p.groups {
		n := (g.hi - g.lo) * b.p.width
		for _, gt := range g.gates {
			u := c.VInit
			if gt.onCa {
				u = c.CaInit
			}
			inf, _ := gt.rates(u)
			x := b.gates[gt.state : gt.state+n]
			for i := range x {
				x[i] = inf
			}
		}
	}
	b.locate()
}

// locate finds the table rows of every voltage and concentration, and the
// calcium reversal. It is a function of the state alone.
func (b *block) locate() {
	w := b.p.width
	b.k.Locate(b.row, b.frac, b.v[:b.p.nseg*w], voltageGrid)
	for i := range b.p.groups {
		if g := &b.p.groups[i]; g.calcium {
			lo, hi := g.lo*w, g.hi*w
			locateCalcium(b.caRow[lo:hi], b.caFrac[lo:hi], b.cai[lo:hi])
			b.reversal(lo, hi)
		}
	}
}

func (b *block) reversal(lo, hi int) {
	if b.exact {
		for i := lo; i < hi; i++ {
			b.eca[i] = b.p.cell.nernst(b.cai[i])
		}
		return
	}
	lookup(b.eca[lo:hi], b.caRow[lo:hi], b.caFrac[lo:hi], b.p.nernst)
}

// deliver adds an event of weight w on a channel of the cell in a lane.
func (b *block) deliver(lane int, channel int32, w float64) {
	for _, ct := range b.p.contacts[channel] {
		a := &b.p.synapses[ct.array]
		i := a.state + int(ct.row)*b.p.width + lane
		b.syn[i] += w * a.normA
		b.syn[i+len(a.segment)*b.p.width] += w * a.normB
	}
}

// step advances all lanes by dt: currents at the present state, voltage by an
// implicit step, then gates and calcium at the new voltage.
//
// With BackwardEuler this is NEURON's default fixed step, first order. With
// CrankNicolson gates, calcium and synapses are taken to be half a step ahead of
// the voltage, the implicit step goes half-way and is extrapolated: second order
// (Hines 1984; NEURON's secondorder = 2).
func (b *block) step(inject []float64) {
	p, w := b.p, b.p.width
	n := p.nseg * w
	copy(b.d, p.dStat)
	copy(b.rhs, p.rStat)
	for i, c := range p.cdt {
		b.rhs[i] += c * b.v[i]
	}
	if inject != nil {
		for l := range w {
			b.rhs[p.cell.Soma*w+l] += inject[l]
		}
	}
	for i := range p.groups {
		b.currents(&p.groups[i])
	}
	for i := range p.synapses {
		b.synapticCurrents(&p.synapses[i])
	}
	b.k.Solve(w, p.elimination, b.d, b.rhs)
	if p.scheme == CrankNicolson {
		b.k.Extrapolate(b.v, b.rhs)
	} else {
		copy(b.v, b.rhs)
	}
	b.k.Locate(b.row, b.frac, b.v[:n], voltageGrid)
	for i := range p.groups {
		b.advance(&p.groups[i])
	}
}

func (b *block) currents(g *group) {
	w := b.p.width
	lo, hi := g.lo*w, g.hi*w
	n := hi - lo
	d, rhs, v := b.d[lo:hi], b.rhs[lo:hi], b.v[lo:hi]
	if g.calcium {
		clear(b.ica[lo:hi])
	}
	for i := range g.currents {
		c := &g.currents[i]
		x0 := b.gates[c.x0 : c.x0+n]
		x1 := x0
		if c.p1 > 0 {
			x1 = b.gates[c.x1 : c.x1+n]
		}
		if c.calcium {
			b.k.Calcium(d, rhs, b.ica[lo:hi], v, b.eca[lo:hi], c.g, x0, x1, c.p0, c.p1)
		} else {
			b.k.Ohmic(d, rhs, c.g, c.e, x0, x1, c.p0, c.p1)
		}
	}
}

// synapticCurrents adds the conductances and currents of one kind of synapse,
// then lets its states decay by a step.
func (b *block) synapticCurrents(a *synapseArray) {
	w := b.p.width
	n := len(a.segment) * w
	sa, sb := b.syn[a.state:a.state+n], b.syn[a.state+n:a.state+2*n]
	for _, r := range a.runs {
		lo, at, m := r.row*w, r.segment*w, r.n*w
		d, rhs, sa, sb := b.d[at:at+m], b.rhs[at:at+m], sa[lo:lo+m], sb[lo:lo+m]
		switch {
		case a.syn.Mg == 0:
			b.k.Synapse(d, rhs, sa, sb, a.constants)
		case b.exact:
			blockedSynapseExact(d, rhs, b.v[at:at+m], sa, sb, a)
		default:
			b.k.BlockedSynapse(d, rhs, b.v[at:at+m], b.row[at:at+m], b.frac[at:at+m], sa, sb, a.block, a.constants)
		}
	}
}

// advance relaxes the calcium and then the gates of a group over dt. Calcium
// gates see the new concentration, as in NEURON, which runs mechanisms in
// alphabetical order: CaDynamics_E2 before SK_E2.
func (b *block) advance(g *group) {
	w := b.p.width
	lo, hi := g.lo*w, g.hi*w
	n := hi - lo
	if q := g.pool; q != nil {
		relaxPool(b.cai[lo:hi], b.ica[lo:hi], q.perNA, q.decay, q.relax, q.minCai)
		locateCalcium(b.caRow[lo:hi], b.caFrac[lo:hi], b.cai[lo:hi])
		b.reversal(lo, hi)
	}
	for i := range g.gates {
		gt := &g.gates[i]
		x := b.gates[gt.state : gt.state+n]
		switch {
		case b.exact && gt.onCa:
			relaxExact(x, b.cai[lo:hi], gt.rates, b.p.dt)
		case b.exact:
			relaxExact(x, b.v[lo:hi], gt.rates, b.p.dt)
		case gt.onCa:
			b.k.Relax(x, b.caRow[lo:hi], b.caFrac[lo:hi], gt.table)
		default:
			b.k.Relax(x, b.row[lo:hi], b.frac[lo:hi], gt.table)
		}
	}
}

// flush zeroes synaptic states that are too small to matter, so that idle
// synapses cost nothing and never become denormal.
func (b *block) flush() {
	for i := range b.p.synapses {
		a := &b.p.synapses[i]
		m := len(a.segment) * b.p.width
		sa, sb := b.syn[a.state:a.state+m], b.syn[a.state+m:a.state+2*m]
		for j := range sb {
			if sa[j] < negligible && sa[j] > -negligible {
				sa[j] = 0
			}
			if sb[j] < negligible && sb[j] > -negligible {
				sb[j] = 0
			}
		}
	}
}

// negligible is a synaptic state relative to an event of weight 1: 1e-18 of 1 nS
// moves no voltage in float64.
const negligible = 1e-18
