package cable

import "math"

// reference is the plain Go loops. The conversions float64(x*y) keep compilers that
// have a fused multiply-add from using it, so that the bits are the same everywhere.
func reference(lanes int) *Loops {
	return &Loops{
		Lanes:  lanes,
		Base:   func(d, rhs, v []float64, c *Constant) { base(lanes, d, rhs, v, c.D, c.Rhs, c.Cdt) },
		Locate: locate, LocateOctave: locateOctave, Lookup: lookup, Relax: relax, RelaxFour: relaxFour,
		Currents: func(d, rhs, v []float64, c *Constant, eca, ica, g, x []float64, list []Current) {
			if c != nil {
				base(lanes, d, rhs, v, c.D, c.Rhs, c.Cdt)
			}
			currents(lanes, d, rhs, v, eca, ica, g, x, list)
		},
		Pool:        func(cai, ica []float64, s Shell) { pool(lanes, cai, ica, s) },
		Extrapolate: extrapolate, Flush: flush, Synapses: synapses,
		Solve: func(branches []Branch, d, rhs []float64) { solve(lanes, branches, d, rhs) },
	}
}

func base(lanes int, d, rhs, v, d0, rhs0, cdt []float64) {
	rhs, v = rhs[:len(d)], v[:len(d)]
	for s, d0 := range d0 {
		rhs0, cdt := rhs0[s], cdt[s]
		for i := s * lanes; i < (s+1)*lanes; i++ {
			d[i] = d0
			rhs[i] = rhs0 + float64(cdt*v[i])
		}
	}
}

func locate(row []int32, frac, v []float64, grid Grid) {
	row, frac = row[:len(v)], frac[:len(v)]
	last := float64(grid.Rows - 1)
	for i, x := range v {
		u := (x - grid.Low) * grid.PerMV
		if !(u > 0) {
			u = 0
		}
		r := float64(int64(min(u, last)))
		row[i], frac[i] = 8*int32(r), min(u-r, 1)
	}
}

func locateOctave(row []int32, frac, x []float64, grid OctaveGrid) {
	row, frac = row[:len(x)], frac[:len(x)]
	low, high := math.Ldexp(1, grid.Low), math.Ldexp(1, grid.High)
	first := int32((1023 + grid.Low) << octaveBits)
	const fraction = 52 - octaveBits
	for i, x := range x {
		switch {
		case !(x > low):
			row[i], frac[i] = 0, 0
		case x >= high:
			row[i], frac[i] = 8*int32(grid.Rows()-1), 1
		default:
			b := math.Float64bits(x)
			row[i] = 8 * (int32(b>>fraction) - first)
			frac[i] = float64(b&(1<<fraction-1)) * (1.0 / (1 << fraction))
		}
	}
}

func lookup(out []float64, row []int32, frac, table []float64) {
	row, frac = row[:len(out)], frac[:len(out)]
	for i := range out {
		t := (*[2]float64)(table[row[i]/4:])
		out[i] = t[0] + float64(frac[i]*t[1])
	}
}

func relax(x []float64, row []int32, frac, table []float64) {
	row, frac = row[:len(x)], frac[:len(x)]
	for i := range x {
		t := (*[4]float64)(table[row[i]/2:])
		f := frac[i]
		inf := t[0] + float64(f*t[2])
		fac := t[1] + float64(f*t[3])
		x[i] += float64(fac * (inf - x[i]))
	}
}

func relaxFour(x []float64, stride int, row []int32, frac, table []float64) {
	frac = frac[:len(row)]
	for i, r := range row {
		t := (*[16]float64)(table[2*r:])
		f := frac[i]
		for k := range 4 {
			inf := t[k] + float64(f*t[k+8])
			fac := t[k+4] + float64(f*t[k+12])
			y := x[k*stride+i]
			x[k*stride+i] = y + float64(fac*(inf-y))
		}
	}
}

// conductance is g * x0^p0 * x1^p1.
func conductance(g, x0, x1 float64, p0, p1 int) float64 {
	for range p0 {
		g *= x0
	}
	for range p1 {
		g *= x1
	}
	return float64(g)
}

func currents(lanes int, d, rhs, v, eca, ica, g, x []float64, list []Current) {
	clear(ica)
	for k := range list {
		c := &list[k]
		x0, x1, g := x[c.X0:][:len(d)], x[c.X1:][:len(d)], g[c.G:][:len(d)/lanes]
		if c.Calcium {
			calcium(lanes, d, rhs, v, eca, ica, g, x0, x1, c.P0, c.P1)
		} else {
			ohmic(lanes, d, rhs, g, c.E, x0, x1, c.P0, c.P1)
		}
	}
}

func ohmic(lanes int, d, rhs, g []float64, e float64, x0, x1 []float64, p0, p1 int) {
	n := len(d)
	rhs, x0, x1 = rhs[:n], x0[:n], x1[:n]
	for s, g := range g {
		for i := s * lanes; i < (s+1)*lanes; i++ {
			c := conductance(g, x0[i], x1[i], p0, p1)
			d[i] += c
			rhs[i] += float64(c * e)
		}
	}
}

func calcium(lanes int, d, rhs, v, e, ica, g, x0, x1 []float64, p0, p1 int) {
	n := len(d)
	rhs, ica, v, e, x0, x1 = rhs[:n], ica[:n], v[:n], e[:n], x0[:n], x1[:n]
	for s, g := range g {
		for i := s * lanes; i < (s+1)*lanes; i++ {
			c := conductance(g, x0[i], x1[i], p0, p1)
			d[i] += c
			rhs[i] += float64(c * e[i])
			ica[i] += float64(c * (v[i] - e[i]))
		}
	}
}

func pool(lanes int, cai, ica []float64, q Shell) {
	ica = ica[:len(cai)]
	for s, perNA := range q.PerNA {
		decay, relax, minCai := q.Decay[s], q.Relax[s], q.MinCai[s]
		for i := s * lanes; i < (s+1)*lanes; i++ {
			target := float64(float64(perNA*ica[i])*decay) + minCai
			cai[i] += float64(relax * (target - cai[i]))
		}
	}
}

func extrapolate(v, half []float64) {
	half = half[:len(v)]
	for i := range v {
		v[i] = half[i] + half[i] - v[i]
	}
}

func flush(x []float64, tiny float64) {
	for i, y := range x {
		if y < tiny && y > -tiny {
			x[i] = 0
		}
	}
}

func synapses(d, rhs, v []float64, row []int32, frac, states []float64, list []Synapse) {
	for k := range list {
		s := &list[k]
		a, b := states[s.A:][:len(d)], states[s.B:][:len(d)]
		if s.Table == nil {
			synapse(d, rhs, a, b, s)
		} else {
			blockedSynapse(d, rhs, v, row, frac, a, b, s)
		}
	}
}

func synapse(d, rhs, a, b []float64, s *Synapse) {
	n := len(d)
	rhs, a, b = rhs[:n], a[:n], b[:n]
	for i := range d {
		g := float64(s.Gmax * (b[i] - a[i]))
		d[i] += g
		rhs[i] += float64(g * s.E)
		a[i] *= s.DecA
		b[i] *= s.DecB
	}
}

func blockedSynapse(d, rhs, v []float64, row []int32, frac, a, b []float64, s *Synapse) {
	n := len(d)
	rhs, v, row, frac, a, b = rhs[:n], v[:n], row[:n], frac[:n], a[:n], b[:n]
	for i := range d {
		g := float64(s.Gmax * (b[i] - a[i]))
		t := (*[4]float64)(s.Table[row[i]/2:])
		f := frac[i]
		open := t[0] + float64(f*t[2])
		slope := t[1] + float64(f*t[3])
		drive := v[i] - s.E
		di := float64(g * (open + float64((drive+s.Secant)*slope)))
		d[i] += di
		rhs[i] += float64(di*v[i]) - float64(g*open*drive)
		a[i] *= s.DecA
		b[i] *= s.DecB
	}
}

// solve is Gaussian elimination on the tree: exact and without fill-in because
// children come before parents (Hines 1984).
func solve(lanes int, branches []Branch, d, rhs []float64) {
	root := len(branches) - 1
	if lanes == 1 {
		for _, e := range branches[:root] {
			inv := 1 / d[e.Row]
			f := float64(e.G * inv)
			d[e.Parent] -= float64(f * e.G)
			rhs[e.Parent] += float64(f * rhs[e.Row])
			d[e.Row] = f
			rhs[e.Row] *= inv
		}
		rhs[branches[root].Row] /= d[branches[root].Row]
		for k := root - 1; k >= 0; k-- {
			e := branches[k]
			rhs[e.Row] += float64(d[e.Row] * rhs[e.Parent])
		}
		return
	}
	for _, e := range branches[:root] {
		i, q := int(e.Row)*lanes, int(e.Parent)*lanes
		d, r, pd, pr := d[i:i+lanes], rhs[i:i+lanes], d[q:q+lanes], rhs[q:q+lanes]
		for l := range d {
			inv := 1 / d[l]
			f := float64(e.G * inv)
			pd[l] -= float64(f * e.G)
			pr[l] += float64(f * r[l])
			d[l] = f
			r[l] *= inv
		}
	}
	i := int(branches[root].Row) * lanes
	for l := i; l < i+lanes; l++ {
		rhs[l] /= d[l]
	}
	for k := root - 1; k >= 0; k-- {
		i, q := int(branches[k].Row)*lanes, int(branches[k].Parent)*lanes
		f, r, pr := d[i:i+lanes], rhs[i:i+lanes], rhs[q:q+lanes]
		for l := range r {
			r[l] += float64(f[l] * pr[l])
		}
	}
}
