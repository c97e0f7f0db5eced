package detailed

import (
	"fmt"
	"math"

	"understudy/native/cable"
	"understudy/plugin/mechanism"
)

func sameMechanisms(a, b []Insertion) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Mechanism != b[i].Mechanism {
			return false
		}
	}
	return true
}

// membrane groups segments and lays out gates, currents and calcium.
func (k *compiler) membrane(p *program) error {
	segs := k.cell.Segments
	for lo := 0; lo < len(segs); {
		hi := lo + 1
		for hi < len(segs) && sameMechanisms(segs[lo].Inserted, segs[hi].Inserted) {
			hi++
		}
		g, err := k.group(p, lo, hi)
		if err != nil {
			return err
		}
		p.groups = append(p.groups, g)
		lo = hi
	}
	return nil
}

func (k *compiler) group(p *program, lo, hi int) (group, error) {
	g := group{lo: lo, hi: hi}
	for n, ins := range k.cell.Segments[lo].Inserted {
		i := inserted{k.cell, ins.Mechanism, n, lo, hi}
		if err := i.check(); err != nil {
			return g, err
		}
		first := len(g.gates)
		for j, mg := range ins.Mechanism.Gates {
			gt := gate{mg, gateKey{ins.Mechanism, j}, p.gateStates}
			g.calcium = g.calcium || gt.onCa()
			g.gates = append(g.gates, gt)
			p.gateStates += (hi - lo) * p.width
		}
		for _, mc := range ins.Mechanism.Currents {
			if len(mc.Factors) == 0 {
				p.leak(i, mc)
				continue
			}
			cur, err := i.current(mc, g.gates[first:])
			if err != nil {
				return g, err
			}
			cur.G = len(g.gbar)
			g.gbar = append(g.gbar, i.each(func(s int) float64 { return i.conductance(s, mc) })...)
			g.calcium = g.calcium || cur.Calcium
			g.currents = append(g.currents, cur)
		}
		if ins.Mechanism.Pool != nil {
			g.calcium = true
			g.pool = i.pool(k.dt)
		}
	}
	g.relaxed = k.relax(g.gates)
	return g, nil
}

// inserted is the n-th mechanism of the segments lo to hi-1.
type inserted struct {
	cell      *Cell
	mechanism *mechanism.Mechanism
	n, lo, hi int
}

// value is a parameter in a segment.
func (i inserted) value(segment, param int) float64 {
	return i.cell.Segments[segment].Inserted[i.n].Values[param]
}

// conductance is the maximal conductance of a current in a segment [uS].
func (i inserted) conductance(segment int, c mechanism.Current) float64 {
	return i.value(segment, c.GBar) * i.cell.Area[segment] * 1e-2
}

// reversal of a current that is not calcium's [mV].
func (i inserted) reversal(segment int, c mechanism.Current) float64 {
	switch c.Ion {
	case mechanism.Sodium:
		return i.cell.ENa
	case mechanism.Potassium:
		return i.cell.EK
	}
	return i.value(segment, c.Reversal)
}

// each evaluates f for every segment.
func (i inserted) each(f func(segment int) float64) []float64 {
	var out []float64
	for s := i.lo; s < i.hi; s++ {
		out = append(out, f(s))
	}
	return out
}

func (i inserted) check() error {
	m := i.mechanism
	for s := i.lo; s < i.hi; s++ {
		if got := len(i.cell.Segments[s].Inserted[i.n].Values); got != len(m.Params) {
			return fmt.Errorf("cell %s, segment %d: mechanism %s has %d values for %d parameters", i.cell.Name, s, m.Name, got, len(m.Params))
		}
	}
	for _, c := range m.Currents {
		if len(c.Factors) > 2 {
			return fmt.Errorf("mechanism %s: a current has %d factors, at most 2 are supported", m.Name, len(c.Factors))
		}
		if c.Ion == mechanism.Calcium && len(c.Factors) == 0 {
			return fmt.Errorf("mechanism %s: a calcium current without gates is not supported", m.Name)
		}
	}
	return nil
}

// leak adds a current without gates to the constant part of the matrix.
func (p *program) leak(i inserted, c mechanism.Current) {
	for s := i.lo; s < i.hi; s++ {
		g, e := i.conductance(s, c), i.reversal(s, c)
		p.constant.D[s] += g
		p.constant.Rhs[s] += g * e
	}
}

// current lays out a gated current; gates are those of its mechanism.
func (i inserted) current(c mechanism.Current, gates []gate) (cable.Current, error) {
	cur := cable.Current{Calcium: c.Ion == mechanism.Calcium}
	if !cur.Calcium {
		cur.E = i.reversal(i.lo, c)
		for s := i.lo; s < i.hi; s++ {
			if i.reversal(s, c) != cur.E {
				return cur, fmt.Errorf("cell %s: reversal of %s differs between segments %d and %d of one region", i.cell.Name, i.mechanism.Name, i.lo, s)
			}
		}
	}
	cur.X0, cur.P0 = gates[c.Factors[0].Gate].state, c.Factors[0].Power
	if len(c.Factors) == 2 {
		cur.X1, cur.P1 = gates[c.Factors[1].Gate].state, c.Factors[1].Power
	}
	return cur, nil
}

// pool lays out the mechanism's calcium shell.
func (i inserted) pool(dt float64) *cable.Shell {
	q := i.mechanism.Pool
	return &cable.Shell{
		PerNA: i.each(func(s int) float64 {
			return -1e4 * i.value(s, q.Gamma) / (2 * faraday * i.value(s, q.Depth)) / (i.cell.Area[s] * 1e-2)
		}),
		Decay:  i.each(func(s int) float64 { return i.value(s, q.Decay) }),
		Relax:  i.each(func(s int) float64 { return -math.Expm1(-dt / i.value(s, q.Decay)) }),
		MinCai: i.each(func(s int) float64 { return i.value(s, q.MinCai) }),
	}
}
