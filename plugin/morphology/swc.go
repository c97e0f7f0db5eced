package morphology

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
)

// ParseSWC reads an SWC file: one point a line, "id type x y z radius parent".
// name is used in errors and becomes the name of the morphology. Sections are
// those of NEURON's Import3d_SWC_read: unbranched runs of one type, with the
// parent's point in front. A soma of one point, or of three points in the way
// of NeuroMorpho.org (the first in the middle, the others a radius away on both
// sides), is a sphere; dendrites on it start at their own first point on
// soma[0](0.5). Any other soma is a cable like the rest.
//
// Refused where Import3D warns or guesses: types other than 1 to 4, a root that is no
// soma, several roots, loops, parents that come later than their children by
// id, missing parents, repeated ids, diameters that are not positive. Errors
// wrap population.ErrFormat or ErrLimit and name the line.
func ParseSWC(name string, r io.Reader) (*Morphology, error) {
	points, err := readSWC(name, r)
	if err != nil {
		return nil, err
	}
	if err := checkSWC(name, points); err != nil {
		return nil, err
	}
	return assemble(name, sectionSWC(points))
}

// swcPoint is a line of the file; parent is an index into the slice of points.
type swcPoint struct {
	Point
	line, id, kind, parentID, parent int
}

const swcSoma = 1

func readSWC(name string, r io.Reader) ([]swcPoint, error) {
	var points []swcPoint
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 4096), maxToken)
	line := 0
	for sc.Scan() {
		line++
		f := strings.Fields(sc.Text())
		if len(f) == 0 || f[0][0] == '#' {
			continue
		}
		if len(points) == MaxPoints {
			return nil, limitErr(name, line, "more than %d points", MaxPoints)
		}
		p, err := parseSWCLine(name, line, f)
		if err != nil {
			return nil, err
		}
		points = append(points, p)
	}
	if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, limitErr(name, line+1, "line longer than %d bytes", maxToken)
	} else if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, line+1, err)
	}
	if len(points) == 0 {
		return nil, formatErr(name, max(line, 1), "no points")
	}
	return points, nil
}

func parseSWCLine(name string, line int, f []string) (swcPoint, error) {
	p := swcPoint{line: line}
	if len(f) < 7 {
		return p, formatErr(name, line, "%d fields, expected 7: id type x y z radius parent", len(f))
	}
	fields := [7]string{"id", "type", "x", "y", "z", "radius", "parent"}
	var v [7]float64
	for i := range v {
		x, err := strconv.ParseFloat(f[i], 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return p, formatErr(name, line, "%s is %.40q, expected a number", fields[i], f[i])
		}
		v[i] = x
	}
	for _, i := range [3]int{0, 1, 6} {
		if v[i] != math.Trunc(v[i]) || math.Abs(v[i]) > 1<<40 {
			return p, formatErr(name, line, "%s is %s, expected an integer", fields[i], f[i])
		}
	}
	p.Point = Point{v[2], v[3], v[4], 2 * v[5]}
	p.id, p.kind, p.parentID = int(v[0]), int(v[1]), int(v[6])
	if p.id < 0 {
		return p, formatErr(name, line, "id is %d, expected 0 or more", p.id)
	}
	if p.kind < swcSoma || p.kind > 4 {
		return p, formatErr(name, line, "type is %d, expected 1 (soma), 2 (axon), 3 (basal dendrite) or 4 (apical dendrite)", p.kind)
	}
	if err := checkCoords(name, line, p.Point); err != nil {
		return p, err
	}
	return p, checkDiam(name, line, p.Diam)
}

// checkSWC sorts points by id and finds their parents.
func checkSWC(name string, points []swcPoint) error {
	sort.SliceStable(points, func(i, j int) bool { return points[i].id < points[j].id })
	index := make(map[int]int, len(points))
	for i, p := range points {
		if j, twice := index[p.id]; twice {
			return formatErr(name, p.line, "id %d is already that of line %d", p.id, points[j].line)
		}
		index[p.id] = i
	}
	for i := range points {
		p := &points[i]
		p.parent = -1
		if p.parentID < 0 {
			if i > 0 {
				if points[0].parentID < 0 {
					return formatErr(name, p.line, "point %d is a second root beside that of line %d", p.id, points[0].line)
				}
			}
			continue
		}
		j, found := index[p.parentID]
		if !found {
			return formatErr(name, p.line, "point %d has parent %d, which is not in the file", p.id, p.parentID)
		}
		p.parent = j
	}
	for i, p := range points {
		if p.parent < i {
			continue
		}
		for j, n := p.parent, 0; j >= 0 && n <= len(points); j, n = points[j].parent, n+1 {
			if j == i {
				return formatErr(name, p.line, "point %d is its own ancestor: a loop", p.id)
			}
		}
		return formatErr(name, p.line, "point %d has the later point %d as parent, expected a smaller id", p.id, p.parentID)
	}
	if points[0].kind != swcSoma {
		return formatErr(name, points[0].line, "the root is of type %d, expected 1: a soma", points[0].kind)
	}
	return nil
}

// sectionSWC cuts the tree of points into sections.
func sectionSWC(points []swcPoint) []*draft {
	cut := cutSWC(points)
	drafts := make([]*draft, 0, 16)
	of := make([]int, len(points)) // section that a point is in
	for first := 0; first < len(points); {
		end := first + 1
		for !cut.last[end-1] {
			end++
		}
		for i := first; i < end; i++ {
			of[i] = len(drafts)
		}
		drafts = append(drafts, cut.section(points, drafts, of, first, end))
		first = end
	}
	return drafts
}

// swcCut is where sections end and how they start.
type swcCut struct {
	last         []bool // the point is the last one of its section
	atStart      []bool // a section that begins with this point joins the start of its parent
	somaChildren []int  // soma points that have this soma point as parent
	sphere       bool   // the soma is the three points of a sphere
}

func cutSWC(points []swcPoint) *swcCut {
	n := len(points)
	c := &swcCut{last: make([]bool, n), atStart: make([]bool, n), somaChildren: make([]int, n)}
	// children counts children, and marks places where sections must end: 100
	// for a child, 1 more for one that does not follow in the file, 1 more for
	// one of another type. 100 is a point inside a section.
	const one = 100
	children := make([]int, n)
	somaPoints := 1
	for i := 1; i < n; i++ {
		p := points[i].parent
		children[p] += one
		if p != i-1 {
			children[p]++
			// The first point of a dendrite on a wire to the soma would be a section
			// of one point if it were a branch point; what branches off there joins the
			// start of the dendrite instead. (Import3D does so too where nothing follows
			// that point, and so joins it to whatever comes next in the file.)
			if p > 1 && points[p+1].parent == p && points[p].kind != swcSoma && points[points[p].parent].kind == swcSoma {
				c.atStart[i] = true
				children[p] = one
			}
		}
		if points[p].kind != points[i].kind {
			children[p]++
		}
		if points[i].kind == swcSoma {
			somaPoints++
			if points[p].kind == swcSoma {
				c.somaChildren[p]++
			}
		}
	}
	if somaPoints == 3 && isSphere(points, children) {
		c.sphere = true
		points[2].parent = 1 // one section, of which only the first point is used
	}
	for i := 0; i+1 < n; i++ {
		if points[i].kind == swcSoma && points[i+1].kind == swcSoma && points[i+1].parent == i && (i == 0 || c.somaChildren[i] <= 1) {
			children[i] = one // dendrites do not cut a soma
		}
	}
	for i := range c.last {
		c.last[i] = children[i] != one
	}
	return c
}

// isSphere tells whether the first three points follow NeuroMorpho.org's convention
// for a soma of one point: 1 % is Import3D's tolerance.
func isSphere(points []swcPoint, children []int) bool {
	a, b, c := points[0], points[1], points[2]
	if b.parent != 0 || c.parent != 0 || children[1] != 0 || children[2] != 0 || b.Diam != a.Diam || c.Diam != a.Diam {
		return false
	}
	return math.Abs((distance(a.Point, b.Point)+distance(a.Point, c.Point))/a.Diam-1) < 0.01
}

// section makes the section of points first..end-1.
func (c *swcCut) section(points []swcPoint, before []*draft, of []int, first, end int) *draft {
	kind := points[first].kind
	d := &draft{line: points[first].line, region: Region(kind - 1), parentX: 1}
	own := points[first:end]
	if first == 0 {
		if c.sphere {
			own = own[:1]
		}
		for _, p := range own {
			d.points = append(d.points, p.Point)
		}
		return d
	}
	at := points[first].parent
	isec := of[at]
	d.parent = before[isec]
	d.points = append(d.points, points[at].Point)
	for _, p := range own {
		d.points = append(d.points, p.Point)
	}
	onSoma := d.parent.region == Soma && kind != swcSoma
	several := len(own) > 1
	switch {
	case isec == 0 && onSoma && len(d.parent.points) == 1:
		d.parentX = 0.5
		d.wire = several
	case at == 0:
		d.parentX = 0
		d.wire = kind != swcSoma && c.somaChildren[at] > 1
	case d.parent.region == Soma && !c.last[at]:
		d.parentX = 0.5
		d.wire = onSoma && several
	case d.parent.region == Soma && several && c.somaChildren[at] > 1 && kind != swcSoma:
		d.wire = true
	}
	if onSoma {
		d.points[0].Diam = d.points[1].Diam
	}
	if c.atStart[first] {
		d.parentX = 0
	}
	return d
}
