package detailed

import "understudy/native/cable"

// block is the state of cells stepped side by side. Arrays are flat with the cell
// innermost, [segment][width]; cells are the first of the width, the others idle.
type block struct {
	p     *program
	k     *cable.Loops
	cells int
	exact bool // evaluate rates by their formulas instead of tables

	// State: what Save writes.
	v     []float64 // [row][width] membrane voltage [mV]
	gates []float64 // gating variables
	cai   []float64 // [segment][width] [mM]
	syn   []float64 // synaptic A, B
	// behind says that gates and calcium are those of the step before the voltage's.
	behind bool

	// Scratch, recomputed within a step.
	d, rhs []float64 // [row][width]
	row    []int32   // [segment][width] voltage table row
	frac   []float64
	caRow  []int32
	caFrac []float64
	eca    []float64 // calcium reversal [mV]
	ica    []float64 // calcium current of the step [nA]
}

func newBlock(p *program, k *cable.Loops, cells int, exact bool) *block {
	w := p.width
	b := &block{p: p, k: k, cells: cells, exact: exact,
		v:      make([]float64, p.nrow*w),
		gates:  make([]float64, p.gateStates),
		cai:    make([]float64, p.nseg*w),
		syn:    make([]float64, p.synapseStates),
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
	b.behind = false
	for _, g := range b.p.groups {
		n := (g.hi - g.lo) * b.p.width
		for _, gt := range g.gates {
			u := c.VInit
			if gt.onCa() {
				u = c.CaInit
			}
			inf, _ := gt.Rates(u)
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
			b.locateCalcium(lo, hi)
		}
	}
}

// locateCalcium is locate for the concentrations of elements lo to hi-1.
func (b *block) locateCalcium(lo, hi int) {
	b.k.LocateOctave(b.caRow[lo:hi], b.caFrac[lo:hi], b.cai[lo:hi], calciumGrid)
	if b.exact {
		for i := lo; i < hi; i++ {
			b.eca[i] = b.p.cell.nernst(b.cai[i])
		}
		return
	}
	b.k.Lookup(b.eca[lo:hi], b.caRow[lo:hi], b.caFrac[lo:hi], b.p.nernst)
}

// soma is the somatic voltages of the cells.
func (b *block) soma() []float64 { return b.v[b.p.cell.Soma*b.p.width:][:b.cells] }

// deliver adds an event of weight w on a channel of the cell in a lane.
func (b *block) deliver(lane int, channel int32, w float64) {
	for _, ct := range b.p.contacts[channel] {
		a := &b.p.synapses[ct.array]
		i := a.state + int(ct.row)*b.p.width + lane
		b.syn[i] += w * a.normA
		b.syn[i+a.rows*b.p.width] += w * a.normB
	}
}

// step advances the voltage of all cells by dt, implicitly, with currents at the present state. Gates and
// calcium follow at the next step or at settle, when their currents are needed: they
// are then still in the first-level cache.
//
// With BackwardEuler this is NEURON's default fixed step, first order. With
// CrankNicolson gates, calcium and synapses are taken to be half a step ahead of
// the voltage, the implicit step goes half-way and is extrapolated: second order
// (Hines 1984; NEURON's secondorder = 2).
func (b *block) step(inject []float64) {
	p := b.p
	for i := range p.tiles {
		t := &p.tiles[i]
		if b.behind {
			b.advance(t)
		}
		b.equations(t, inject)
	}
	lo := p.nseg // the zero-area nodes follow
	w := p.width
	b.k.Base(b.d[lo*w:], b.rhs[lo*w:], b.v[lo*w:], p.zeroArea)
	b.k.Solve(p.elimination, b.d, b.rhs)
	if p.scheme == CrankNicolson {
		b.k.Extrapolate(b.v, b.rhs)
	} else {
		b.v, b.rhs = b.rhs, b.v
	}
	b.behind = true
}

// settle lets gates and calcium catch up with the voltage.
func (b *block) settle() {
	if b.behind {
		for i := range b.p.tiles {
			b.advance(&b.p.tiles[i])
		}
		b.behind = false
	}
}

// equations sets up the linear system for the segments of a tile.
func (b *block) equations(t *tile, inject []float64) {
	g, w := t.group, b.p.width
	lo, hi := t.lo*w, t.hi*w
	d, rhs, v := b.d[lo:hi], b.rhs[lo:hi], b.v[lo:hi]
	start, soma := t.constant, b.p.cell.Soma
	if injected := inject != nil && t.lo <= soma && soma < t.hi; injected || len(g.currents) == 0 {
		b.k.Base(d, rhs, v, start)
		start = nil
		if injected {
			for l, i := range inject {
				b.rhs[soma*w+l] += i
			}
		}
	}
	if len(g.currents) > 0 {
		var eca, ica []float64
		if g.calcium {
			eca, ica = b.eca[lo:hi], b.ica[lo:hi]
		}
		from := t.lo - g.lo // segments of the group
		b.k.Currents(d, rhs, v, start, eca, ica, g.gbar[from:], b.gates[from*w:], g.currents)
	}
	for i := range t.synapses {
		b.synapticCurrents(&t.synapses[i])
	}
}

// synapticCurrents adds the conductances and currents of synapses, then lets their states
// decay by a step.
func (b *block) synapticCurrents(s *stretch) {
	w := b.p.width
	lo, hi := s.lo*w, s.hi*w
	d, rhs, v := b.d[lo:hi], b.rhs[lo:hi], b.v[lo:hi]
	if b.exact {
		synapsesExact(d, rhs, v, b.syn, s)
		return
	}
	b.k.Synapses(d, rhs, v, b.row[lo:hi], b.frac[lo:hi], b.syn, s.list)
}

// advance relaxes the calcium and then the gates of a tile over dt at the voltage that step
// left. Calcium gates see the new concentration, as in NEURON, which runs mechanisms in
// alphabetical order: CaDynamics_E2 before SK_E2.
func (b *block) advance(t *tile) {
	g, w := t.group, b.p.width
	lo, hi := t.lo*w, t.hi*w
	b.k.Locate(b.row[lo:hi], b.frac[lo:hi], b.v[lo:hi], voltageGrid)
	if t.shell != nil {
		b.k.Pool(b.cai[lo:hi], b.ica[lo:hi], *t.shell)
		b.locateCalcium(lo, hi)
	}
	from, n, all := (t.lo-g.lo)*w, hi-lo, (g.hi-g.lo)*w // elements of the group
	if b.exact {
		for _, gt := range g.gates {
			u := b.v
			if gt.onCa() {
				u = b.cai
			}
			relaxExact(b.gates[gt.state+from:][:n], u[lo:hi], gt.Rates, b.p.dt)
		}
		return
	}
	for i := range g.relaxed {
		r := &g.relaxed[i]
		x := b.gates[r.state+from:]
		switch {
		case r.four:
			b.k.RelaxFour(x[:3*all+n], all, b.row[lo:hi], b.frac[lo:hi], r.table)
		case r.onCa:
			b.k.Relax(x[:n], b.caRow[lo:hi], b.caFrac[lo:hi], r.table)
		default:
			b.k.Relax(x[:n], b.row[lo:hi], b.frac[lo:hi], r.table)
		}
	}
}

// flush zeroes synaptic states that are too small to matter, so that idle
// synapses cost nothing and never become denormal.
func (b *block) flush() { b.k.Flush(b.syn, negligible) }

// negligible is a synaptic state relative to an event of weight 1: 1e-18 of 1 nS
// moves no voltage in float64.
const negligible = 1e-18
