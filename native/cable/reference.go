package cable

// reference is the plain Go kernel. The conversions float64(x*y) keep compilers that
// have a fused multiply-add from using it, so that the bits are the same everywhere.
func reference() *Kernel {
	return &Kernel{
		Name: "reference", Locate: locate, Relax: relax, Ohmic: ohmic, Calcium: calcium,
		Extrapolate: extrapolate, Synapse: synapse, BlockedSynapse: blockedSynapse, Solve: solve,
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
		row[i], frac[i] = int32(r), min(u-r, 1)
	}
}

func relax(x []float64, row []int32, frac, table []float64) {
	row, frac = row[:len(x)], frac[:len(x)]
	for i := range x {
		t := (*[4]float64)(table[2*row[i]:])
		f := frac[i]
		inf := t[0] + float64(f*(t[2]-t[0]))
		fac := t[1] + float64(f*(t[3]-t[1]))
		x[i] += float64(fac * (inf - x[i]))
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
	return g
}

func ohmic(d, rhs, g []float64, e float64, x0, x1 []float64, p0, p1 int) {
	n := len(d)
	rhs, g, x0, x1 = rhs[:n], g[:n], x0[:n], x1[:n]
	switch {
	case p0 == 1 && p1 == 0:
		for i := range d {
			c := float64(g[i] * x0[i])
			d[i] += c
			rhs[i] += float64(c * e)
		}
	case p0 == 3 && p1 == 1:
		for i := range d {
			x := x0[i]
			c := float64(g[i] * x * x * x * x1[i])
			d[i] += c
			rhs[i] += float64(c * e)
		}
	default:
		for i := range d {
			c := float64(conductance(g[i], x0[i], x1[i], p0, p1))
			d[i] += c
			rhs[i] += float64(c * e)
		}
	}
}

func calcium(d, rhs, ica, v, e, g, x0, x1 []float64, p0, p1 int) {
	n := len(d)
	rhs, ica, v, e, g, x0, x1 = rhs[:n], ica[:n], v[:n], e[:n], g[:n], x0[:n], x1[:n]
	for i := range d {
		var c float64
		if p0 == 2 && p1 == 1 {
			x := x0[i]
			c = float64(g[i] * x * x * x1[i])
		} else {
			c = float64(conductance(g[i], x0[i], x1[i], p0, p1))
		}
		d[i] += c
		rhs[i] += float64(c * e[i])
		ica[i] += float64(c * (v[i] - e[i]))
	}
}

func extrapolate(v, half []float64) {
	half = half[:len(v)]
	for i := range v {
		v[i] = half[i] + half[i] - v[i]
	}
}

func synapse(d, rhs, a, b []float64, s Synapse) {
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

func blockedSynapse(d, rhs, v []float64, row []int32, frac, a, b, table []float64, s Synapse) {
	n := len(d)
	rhs, v, row, frac, a, b = rhs[:n], v[:n], row[:n], frac[:n], a[:n], b[:n]
	for i := range d {
		g := float64(s.Gmax * (b[i] - a[i]))
		t := (*[4]float64)(table[2*row[i]:])
		f := frac[i]
		open := t[0] + float64(f*(t[2]-t[0]))
		slope := t[1] + float64(f*(t[3]-t[1]))
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
func solve(width int, branches []Branch, d, rhs []float64) {
	root := len(branches) - 1
	if width == 1 {
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
		i, q := int(e.Row)*width, int(e.Parent)*width
		d, r, pd, pr := d[i:i+width], rhs[i:i+width], d[q:q+width], rhs[q:q+width]
		for l := range d {
			inv := 1 / d[l]
			f := float64(e.G * inv)
			pd[l] -= float64(f * e.G)
			pr[l] += float64(f * r[l])
			d[l] = f
			r[l] *= inv
		}
	}
	i := int(branches[root].Row) * width
	for l := i; l < i+width; l++ {
		rhs[l] /= d[l]
	}
	for k := root - 1; k >= 0; k-- {
		i, q := int(branches[k].Row)*width, int(branches[k].Parent)*width
		f, r, pr := d[i:i+width], rhs[i:i+width], rhs[q:q+width]
		for l := range r {
			r[l] += float64(f[l] * pr[l])
		}
	}
}
