package morphology

import (
	"fmt"
	"math"
	"strconv"
)

// draft is a section while a file is being read.
type draft struct {
	line    int // where its first point stands in the file
	region  Region
	parent  *draft
	parentX float64
	points  []Point
	// wire is true when points[0] is only the far end of a wire to the parent,
	// a place on the soma, and no part of the cable.
	wire    bool
	contour bool     // points are an outline of the soma
	stack   []*draft // further outlines of the same soma
}

// sameUM is the distance [um] within which hoc, the language in which NEURON's
// importer is written, takes two numbers for equal.
const sameUM = 1e-11

func samePlace(a, b Point) bool {
	return math.Abs(a.X-b.X) <= sameUM && math.Abs(a.Y-b.Y) <= sameUM && math.Abs(a.Z-b.Z) <= sameUM
}

// cable returns the points that make the cable.
func (d *draft) cable() []Point {
	if d.wire {
		return d.points[1:]
	}
	return d.points
}

// noLength tells whether the cable is a single place: one point, or two equal ones.
func (d *draft) noLength() bool {
	c := d.cable()
	return len(c) < 2 || len(c) == 2 && samePlace(c[0], c[1])
}

// assemble turns drafts, parents before children and the soma first, into a
// morphology: sections without length are taken out, one-point and outlined
// somata become cables, sections are numbered by region.
func assemble(name string, drafts []*draft) (*Morphology, error) {
	removed := map[*draft]bool{}
	kept := make([]*draft, 0, len(drafts))
	for _, d := range drafts {
		if d.parent != nil {
			// The children of a removed section go to its parent, which is kept:
			// it came earlier in the list.
			if p := d.parent; removed[p] {
				d.parent, d.parentX = p.parent, p.parentX
			}
			if d.noLength() {
				removed[d] = true
				continue
			}
		}
		kept = append(kept, d)
	}
	m := &Morphology{Name: name, Sections: make([]Section, 0, len(kept))}
	index := make(map[*draft]int, len(kept))
	for region := Soma; region <= Apical; region++ {
		n := 0
		for _, d := range kept {
			if d.region != region {
				continue
			}
			points := d.cable()
			switch {
			case d.contour:
				var err error
				if points, err = somaFromOutline(name, d); err != nil {
					return nil, err
				}
			case len(points) == 1:
				points = cylinderOfSphere(points[0])
			}
			index[d] = len(m.Sections)
			m.Sections = append(m.Sections, Section{
				Name:   fmt.Sprintf("%s[%d]", region, n),
				Region: region, Parent: -1, Points: storedPoints(points), NSeg: 1,
			})
			n++
		}
	}
	for _, d := range kept {
		s := &m.Sections[index[d]]
		if d.parent != nil {
			s.Parent, s.ParentX = index[d.parent], d.parentX
		}
		if l := s.LengthUM(); !(l > 1e-6) {
			return nil, formatErr(name, d.line, "section %s has no length (%g um over %d points)", s.Name, l, len(s.Points))
		}
	}
	return m, nil
}

// cylinderOfSphere is a cylinder along x as long as it is wide: it has the
// membrane area of the sphere.
func cylinderOfSphere(p Point) []Point {
	a, b := p, p
	a.X -= p.Diam / 2
	b.X += p.Diam / 2
	return []Point{a, p, b}
}

// storedPoints rounds points to what NEURON keeps of them: its importer writes
// eight significant digits and its sections hold float32.
func storedPoints(points []Point) []Point {
	out := make([]Point, len(points))
	var buf [32]byte
	round := func(v float64) float64 {
		v, _ = strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], v, 'g', 8, 64)), 64)
		return float64(float32(v))
	}
	for i, p := range points {
		out[i] = Point{round(p.X), round(p.Y), round(p.Z), round(p.Diam)}
	}
	return out
}
