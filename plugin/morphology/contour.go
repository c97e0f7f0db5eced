package morphology

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/mat"
)

// Numbers of points that NEURON's importer uses for somata.
const (
	outlinePoints = 101 // an outline is resampled to
	somaPoints    = 21  // the cable made of it has
)

// somaFromOutline makes a cable of one outline of a soma, or of a stack of
// them, by the method of NEURON's Import3D.
func somaFromOutline(name string, d *draft) ([]Point, error) {
	if len(d.stack) > 0 {
		return somaFromStack(name, append([]*draft{d}, d.stack...))
	}
	return somaFromContour(name, d)
}

// somaFromStack makes one point of every outline: at its centre, with a
// diameter that is the mean of that from the perimeter and that from the
// distances to the centre.
func somaFromStack(name string, stack []*draft) ([]Point, error) {
	var out []Point
	for _, d := range stack {
		ring, c := resample(d.points)
		perimeter := 0.0
		for i, p := range d.points {
			perimeter += distance(p, d.points[(i+1)%len(d.points)])
		}
		radius := 0.0
		for _, p := range ring {
			radius += distance(p, c)
		}
		c.Diam = radius/float64(len(ring)) + perimeter/(2*math.Pi)
		if err := checkDiam(name, d.line, c.Diam); err != nil {
			return nil, formatErr(name, d.line, "no soma can be made of the outline with %d points: it encloses nothing", len(d.points))
		}
		out = append(out, c)
	}
	return out, nil
}

func distance(a, b Point) float64 {
	return math.Sqrt((a.X-b.X)*(a.X-b.X) + (a.Y-b.Y)*(a.Y-b.Y) + (a.Z-b.Z)*(a.Z-b.Z))
}

// resample returns outlinePoints points evenly spaced along the open polyline
// of an outline, as seen along z, and their mean.
func resample(outline []Point) (ring []Point, mean Point) {
	n := len(outline)
	at := make([]float64, n) // arc length
	for i := 1; i < n; i++ {
		at[i] = at[i-1] + math.Hypot(outline[i].X-outline[i-1].X, outline[i].Y-outline[i-1].Y)
	}
	step := at[n-1] / (outlinePoints - 1)
	ring = make([]Point, outlinePoints)
	col := make([]float64, n)
	get := [3]func(*Point) *float64{
		func(p *Point) *float64 { return &p.X },
		func(p *Point) *float64 { return &p.Y },
		func(p *Point) *float64 { return &p.Z },
	}
	for _, field := range get {
		for i := range outline {
			col[i] = *field(&outline[i])
		}
		sum := 0.0
		for i := range ring {
			v := interpolate(float64(i)*step, at, col)
			*field(&ring[i]) = v
			sum += v
		}
		*field(&mean) = sum / outlinePoints
	}
	return ring, mean
}

// interpolate is the piecewise linear function through (xs, ys), xs ascending,
// and its end values outside.
func interpolate(x float64, xs, ys []float64) float64 {
	last := len(xs) - 1
	if x <= xs[0] {
		return ys[0]
	}
	if x >= xs[last] {
		return ys[last]
	}
	i := sort.SearchFloat64s(xs, x) // first with xs[i] >= x; i > 0
	th := (x - xs[i-1]) / (xs[i] - xs[i-1])
	return th*ys[i] + (1-th)*ys[i-1]
}

// somaFromContour makes the cable of a single outline: along the principal axis
// of the outline, as wide at each of somaPoints places as the outline is there.
func somaFromContour(name string, c *draft) ([]Point, error) {
	bad := func(why string) error {
		return formatErr(name, c.line, "no soma can be made of the outline with %d points: %s", len(c.points), why)
	}
	ring, mean := resample(c.points)
	major, minor, ok := axes(ring, mean)
	if !ok {
		return nil, bad("it has no extent across its long axis in the xy plane")
	}
	// Position along the axis and offset from it, starting at the far end.
	n := len(ring)
	along, offset := make([]float64, n), make([]float64, n)
	far := 0
	for i, p := range ring {
		v := [3]float64{p.X - mean.X, p.Y - mean.Y, p.Z - mean.Z}
		along[i] = v[0]*major[0] + v[1]*major[1] + v[2]*major[2]
		offset[i] = v[0]*minor[0] + v[1]*minor[1] + v[2]*minor[2]
		if along[i] > along[far] {
			far = i
		}
	}
	along = append(along[far:n:n], along[:far]...)
	offset = append(offset[far:n:n], offset[:far]...)
	near := 0
	for i, a := range along {
		if a < along[near] {
			near = i
		}
	}
	var a, b side // the outline's two sides, both from the near to the far end
	for i := near - 1; i >= 0; i-- {
		a.at, a.off = append(a.at, along[i]), append(a.off, offset[i])
	}
	b.at, b.off = append(b.at, along[near:]...), append(b.off, offset[near:]...)
	a.makeAscend()
	b.makeAscend()
	if len(a.at) == 0 || len(a.at)+len(b.at) < 4 {
		return nil, bad("it does not enclose anything")
	}
	all := append(append([]float64(nil), a.at...), b.at...)
	sort.Float64s(all)
	start, stop := all[1], all[len(all)-2]
	if !(stop > start) {
		return nil, bad("it does not enclose anything")
	}
	out := make([]Point, somaPoints)
	for i := range out {
		x := start + float64(i)*((stop-start)/(somaPoints-1))
		out[i] = Point{
			X: major[0]*x + mean.X, Y: major[1]*x + mean.Y, Z: major[2]*x + mean.Z,
			Diam: math.Abs(interpolate(x, a.at, a.off) - interpolate(x, b.at, b.off)),
		}
	}
	// The outline closes to a point at both ends, but a cable must not.
	last := somaPoints - 1
	out[0].Diam = (out[0].Diam + out[1].Diam) / 2
	out[last].Diam = (out[last].Diam + out[last-1].Diam) / 2
	for _, p := range out {
		if err := checkDiam(name, c.line, p.Diam); err != nil {
			return nil, bad("it gives a soma of diameter 0")
		}
	}
	return out, nil
}

// side is one side of an outline: offsets from the long axis at places along it.
type side struct{ at, off []float64 }

// makeAscend removes points, from the far end on, until places ascend.
func (s *side) makeAscend() {
	for j := len(s.at) - 1; j > 0; j-- {
		if s.at[j] <= s.at[j-1]+sameUM {
			s.at = append(s.at[:j], s.at[j+1:]...)
			s.off = append(s.off[:j], s.off[j+1:]...)
			if j != len(s.at) {
				j++
			}
		}
	}
}

// axes returns the unit vector of largest variance, its largest component
// positive, and that of middle variance, projected on the xy plane.
func axes(ring []Point, mean Point) (major, minor [3]float64, ok bool) {
	cov := mat.NewSymDense(3, nil)
	for _, p := range ring {
		v := [3]float64{p.X - mean.X, p.Y - mean.Y, p.Z - mean.Z}
		for i := range 3 {
			for j := i; j < 3; j++ {
				cov.SetSym(i, j, cov.At(i, j)+v[i]*v[j])
			}
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(cov, true) {
		return major, minor, false
	}
	var vec mat.Dense
	eig.VectorsTo(&vec) // eigenvalues ascend
	big := 0
	for i := range 3 {
		major[i], minor[i] = vec.At(i, 2), vec.At(i, 1)
		if math.Abs(major[i]) > math.Abs(major[big]) {
			big = i
		}
	}
	if major[big] < 0 {
		for i := range major {
			major[i] = -major[i]
		}
	}
	minor[2] = 0
	length := math.Hypot(minor[0], minor[1])
	if length < 1e-6 {
		return major, minor, false
	}
	minor[0] /= length
	minor[1] /= length
	return major, minor, true
}
