package morphology

import (
	"math"
	"strconv"
)

func setBasalDiameters(tree []branch, r *draws) {
	for i := range tree {
		setTaper(tree, i, math.Pow(float64(tree[i].tips), basalPower)*jitter(r))
	}
	scaleDiameters(tree, basalArea)
}

func setApicalDiameters(tree []branch, r *draws) {
	var trunk float64
	for i := range tree {
		b := &tree[i]
		n := float64(b.tips)
		switch b.kind {
		case trunkBranch:
			b.near, b.far = trunkDiam(b.start), trunkDiam(b.end())
			// The taper is convex, so count the area of the finer steps that shape makes.
			trunk += math.Pi * b.length * trunkMean(b)
		case obliqueBranch:
			setTaper(tree, i, obliqueThin*math.Pow(n, obliquePower)*jitter(r))
		case tuftBranch:
			way := (b.start + b.length/2 - nexusDistance) / (apicalFarthest - nexusDistance)
			setTaper(tree, i, math.Pow(n, tuftPower)*(1-tuftThin*way)*jitter(r))
		}
	}
	scaleDiameters(tree, apicalArea-trunk)
}

// jitter is a factor near 1.
func jitter(r *draws) float64 { return math.Exp(diamJitter * r.normal()) }

// setTaper sets the diameters of tree[i], drawn with this mean; a daughter is not thicker
// than its parent unless that is the trunk.
func setTaper(tree []branch, i int, mean float64) {
	b := &tree[i]
	near, far := 1.02, 0.98
	if b.terminal() {
		near, far = terminalNear, terminalFar
	}
	if b.parent >= 0 && tree[b.parent].kind == b.kind {
		mean = math.Min(mean, tree[b.parent].far/near)
	}
	b.near, b.far = mean*near, mean*far
}

// scaleDiameters gives all branches but the trunk this membrane area together [um2].
func scaleDiameters(tree []branch, area float64) {
	var have float64
	for i := range tree {
		if b := &tree[i]; b.kind != trunkBranch {
			have += math.Pi * b.length * (b.near + b.far) / 2
		}
	}
	for i := range tree {
		if b := &tree[i]; b.kind != trunkBranch {
			b.near *= area / have
			b.far *= area / have
		}
	}
}

// trunkDiam is the diameter of the apical trunk at a path distance [um].
func trunkDiam(at float64) float64 {
	return trunkDiamFar + (trunkDiamSoma-trunkDiamFar)*math.Exp(-at/trunkTaper)
}

// trunkMean is the mean of trunkDiam over a branch.
func trunkMean(b *branch) float64 {
	c := (trunkDiamSoma - trunkDiamFar) * trunkTaper
	return trunkDiamFar + c*(math.Exp(-b.start/trunkTaper)-math.Exp(-b.end()/trunkTaper))/b.length
}

func (b *branch) diamAt(x float64) float64 {
	if b.kind == trunkBranch {
		return trunkDiam(b.start + x*b.length)
	}
	return b.near + (b.far-b.near)*x
}

// somaSection is a stack of frusta along y, nearly an ellipsoid about the origin.
func somaSection() Section {
	points := func(width float64) []Point {
		p := make([]Point, l5SomaPoints)
		for i := range p {
			x := 2*float64(i)/(l5SomaPoints-1) - 1
			// 0.93 keeps the ends open, as wide as the trunk that leaves there.
			p[i] = Point{Y: x * l5SomaLength / 2, Diam: width * math.Sqrt(1-0.93*x*x)}
		}
		return p
	}
	lo, hi := 0.0, 4*l5SomaLength
	for range 60 {
		if w := (lo + hi) / 2; frustaArea(points(w)) < l5SomaArea {
			lo = w
		} else {
			hi = w
		}
	}
	return Section{Name: sectionName(Soma, 0), Region: Soma, Parent: -1, Points: points(lo)}
}

// frustaArea is the lateral area [um2] of the frusta between points along y.
func frustaArea(p []Point) float64 {
	var a float64
	for i := 1; i < len(p); i++ {
		l := p[i].Y - p[i-1].Y
		dr := (p[i].Diam - p[i-1].Diam) / 2
		a += math.Pi / 2 * (p[i].Diam + p[i-1].Diam) * math.Sqrt(l*l+dr*dr)
	}
	return a
}

func axonSections() []Section {
	y := -l5SomaLength / 2
	stub := func(i, parent int, x float64) Section {
		a := y - l5AxonLength*float64(i)
		return Section{Name: sectionName(Axon, i), Region: Axon, Parent: parent, ParentX: x,
			Points: []Point{{Y: a, Diam: l5AxonDiam}, {Y: a - l5AxonLength, Diam: l5AxonDiam}}}
	}
	return []Section{stub(0, 0, 0.5), stub(1, 1, 1)}
}

func sectionName(r Region, i int) string { return r.String() + "[" + strconv.Itoa(i) + "]" }

type vec [3]float64

func (a vec) add(f float64, b vec) vec {
	return vec{a[0] + f*b[0], a[1] + f*b[1], a[2] + f*b[2]}
}

func (a vec) unit() vec {
	n := math.Sqrt(a[0]*a[0] + a[1]*a[1] + a[2]*a[2])
	return vec{a[0] / n, a[1] / n, a[2] / n}
}

// side is a unit vector at right angles to a, in the direction of b.
func (a vec) side(b vec) vec {
	dot := a[0]*b[0] + a[1]*b[1] + a[2]*b[2]
	return b.add(-dot, a).unit()
}

// turn tilts the unit vector a towards the unit vector side, at right angles to it, by an angle [rad].
func (a vec) turn(side vec, angle float64) vec {
	return vec{}.add(math.Cos(angle), a).add(math.Sin(angle), side)
}

func (r *draws) direction() vec {
	return vec{r.normal(), r.normal(), r.normal()}.unit()
}

// shape gives the branches their way through space; first is the index of the first of
// these sections in the morphology, the soma being section 0.
func shape(tree []branch, region Region, first int, r *draws) []Section {
	out := make([]Section, len(tree))
	ends := make([]vec, len(tree)) // position and direction at a branch's end
	dirs := make([]vec, len(tree))
	planes := make([]vec, len(tree)) // plane in which a branch's daughters part
	for i := range tree {
		b := &tree[i]
		s := Section{Name: sectionName(region, i), Region: region, Parent: 0, ParentX: 0.5}
		at, dir := somaExit(b, r)
		if b.parent >= 0 {
			s.Parent, s.ParentX = first+b.parent, 1
			at, dir = ends[b.parent], leaving(b, &tree[b.parent], dirs[b.parent], planes[b.parent], r)
		}
		n := max(1, int(math.Round(b.length/l5PointStep)))
		s.Points = append(s.Points, Point{at[0], at[1], at[2], b.diamAt(0)})
		for k := 1; k <= n; k++ {
			dir = steer(b, at, dir, r)
			at = at.add(b.length/float64(n), dir)
			s.Points = append(s.Points, Point{at[0], at[1], at[2], b.diamAt(float64(k) / float64(n))})
		}
		ends[i], dirs[i], planes[i] = at, dir, dir.side(r.direction())
		out[i] = s
	}
	return out
}

// somaExit is where a stem leaves the soma, and its direction.
func somaExit(b *branch, r *draws) (at, dir vec) {
	if b.kind != basalBranch {
		return vec{0, l5SomaLength / 2, 0}, vec{0, 1, 0}
	}
	// Stems leave round about, most of them downwards.
	turn := 2 * math.Pi * (float64(b.stemNumber)*golden + 0.08*r.normal())
	down := r.between(-1.15, 0.25)
	dir = vec{math.Cos(down) * math.Cos(turn), math.Sin(down), math.Cos(down) * math.Sin(turn)}
	return vec{}.add(0.38*l5SomaLength, dir), dir
}

// golden spreads successive angles evenly over the circle.
const golden = 0.6180339887498949

// leaving is the direction in which a branch leaves its parent.
func leaving(b, parent *branch, dir, plane vec, r *draws) vec {
	if b.kind == obliqueBranch && parent.kind == trunkBranch {
		turn := 2 * math.Pi * (float64(b.stemNumber)*golden + 0.05*r.normal())
		return dir.turn(dir.side(vec{math.Cos(turn), 0, math.Sin(turn)}), r.between(0.9, 1.35))
	}
	if b.kind == trunkBranch {
		return dir
	}
	angle := r.between(0.25, 0.6)
	if b.daughter == 1 {
		angle = -angle
	}
	if b.kind == tuftBranch && parent.kind == trunkBranch {
		angle *= 0.7
	}
	return dir.turn(plane, angle)
}

// steer turns a growing branch a little, at random and towards where its kind tends.
func steer(b *branch, at, dir vec, r *draws) vec {
	away := vec{at[0], 0, at[2]}.add(0.01, vec{1, 0, 0}).unit() // away from the apical axis
	wiggle, pull, to := 0.10, 0.0, vec{0, 1, 0}
	switch b.kind {
	case trunkBranch:
		wiggle, pull = 0.03, 0.12
	case basalBranch:
		pull, to = 0.06, at.add(0.001, vec{0, -1, 0}).unit()
	case obliqueBranch:
		pull, to = 0.04, vec{0, 0.6, 0}.add(1, away)
	case tuftBranch:
		pull, to = 0.05, vec{0, 1, 0}.add(0.45, away)
	}
	return dir.add(pull, to).add(wiggle*1.7, r.direction()).unit()
}
