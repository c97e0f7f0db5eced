package morphology

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"understudy/plugin/population"
)

// WriteSWC writes the morphology as an SWC file from which ParseSWC, and
// NEURON's Import3D, make the same sections again: names, connections, segment
// counts, lengths and axial resistances. Areas too, except that the format has
// every branch start with the diameter of its parent's end: a branch that starts
// thinner gains the ring between the two.
//
// It returns an error that wraps population.ErrInput, before it writes
// anything, for trees that the format cannot express: sections attached inside
// a dendrite or off the middle of a soma, and a section that is the only
// continuation of another when no third can be written between the two.
func (m *Morphology) WriteSWC(w io.Writer) error {
	order, err := m.swcOrder()
	if err != nil {
		return err
	}
	n := len(m.Sections)
	x := swcWriter{m: m, first: make([]int, n), last: make([]int, n), mid: make([]int, n), somata: make([][3]int, n)}
	for i := range m.Sections {
		if s := &m.Sections[i]; s.Parent >= 0 && s.Region == Soma {
			x.somata[s.Parent][int(2*s.ParentX)]++
		}
	}
	x.text = fmt.Appendf(nil, "# %q\n# id type x y z radius parent\n", m.Name)
	for _, i := range order {
		if err := x.section(i); err != nil {
			return err
		}
	}
	_, err = w.Write(x.text)
	return err
}

type swcWriter struct {
	m           *Morphology
	text        []byte
	id          int
	first, last []int    // ids of the first and last point written of a section
	mid         []int    // id of a point of it that is neither, for what joins its middle
	somata      [][3]int // soma sections that join a section at 0, 0.5 and 1
}

func (x *swcWriter) point(r Region, p Point, parent int) int {
	x.id++
	buf := strconv.AppendInt(x.text, int64(x.id), 10)
	buf = append(buf, ' ')
	buf = strconv.AppendInt(buf, int64(r)+swcSoma, 10)
	for _, v := range [4]float64{p.X, p.Y, p.Z, p.Diam / 2} {
		buf = append(buf, ' ')
		buf = strconv.AppendFloat(buf, v, 'g', -1, 64)
	}
	buf = append(buf, ' ')
	buf = strconv.AppendInt(buf, int64(parent), 10)
	x.text = append(buf, '\n')
	return x.id
}

func (x *swcWriter) section(i int) error {
	s := &x.m.Sections[i]
	points, at := s.Points, -1
	if s.Parent < 0 {
		points = withMiddle(points)
	} else {
		p, px := s.Parent, s.ParentX
		// The start of a dendrite is where it joins its own parent.
		for px == 0 && x.m.Sections[p].Region != Soma && !x.onSoma(p) {
			p, px = x.m.Sections[p].Parent, x.m.Sections[p].ParentX
		}
		parent := &x.m.Sections[p]
		var end Point
		switch {
		case px == 1:
			at, end = x.last[p], parent.Points[len(parent.Points)-1]
		case px == 0:
			at, end = x.first[p], parent.Points[0]
			if parent.Region != Soma && x.skipsFirst(p) {
				end = parent.Points[1]
			}
		default:
			at = x.mid[p]
		}
		// A reader joins a dendrite by a wire, of no length, to the middle of a soma
		// and to where a soma branches. Elsewhere it puts the parent's point in front.
		wire := s.Region != Soma && parent.Region == Soma && (px == 0.5 || x.somata[p][int(2*px)]+boolInt(px == 0) > 1)
		if px == 0 && parent.Region != Soma && parent.Region != s.Region {
			return fmt.Errorf("%s: section %s cannot be written as SWC: it starts with %s and is of another type: %w",
				x.m.Name, s.Name, parent.Name, population.ErrInput)
		}
		if !wire && px != 0.5 && distance(points[0], end) > 1e-3 {
			return fmt.Errorf("%s: section %s cannot be written as SWC: it starts %g um from where it is attached: %w",
				x.m.Name, s.Name, distance(points[0], end), population.ErrInput)
		}
		if !wire && (parent.Region != Soma && points[0] == end || parent.Region == Soma && x.skipsFirst(i)) {
			points = points[1:]
		}
	}
	for k, p := range points {
		at = x.point(s.Region, p, at)
		if k == 0 {
			x.first[i] = at
		}
		if k == (len(points)-1)/2 {
			x.mid[i] = at
		}
	}
	x.last[i] = at
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// skipsFirst tells whether a neurite at the end of a soma can go without its
// first point: a reader makes one there with the diameter of the second.
func (x *swcWriter) skipsFirst(i int) bool {
	s := &x.m.Sections[i]
	return s.Region != Soma && s.ParentX != 0.5 && len(s.Points) > 2 && s.Points[0].Diam == s.Points[1].Diam
}

// onSoma tells whether what joins the start of a section can be written as a
// child of its first point: that of a neurite on a soma.
func (x *swcWriter) onSoma(i int) bool {
	s := &x.m.Sections[i]
	return s.Parent >= 0 && x.m.Sections[s.Parent].Region == Soma
}

// withMiddle puts a point in the middle of a cable of two points, so that
// there is one that is neither its start nor its end.
func withMiddle(p []Point) []Point {
	if len(p) > 2 {
		return p
	}
	a, b := p[0], p[1]
	return []Point{a, {(a.X + b.X) / 2, (a.Y + b.Y) / 2, (a.Z + b.Z) / 2, (a.Diam + b.Diam) / 2}, b}
}

// swcOrder returns an order of the sections in which a reader finds the same
// ones again: by number inside a region, parents first, and never a single
// continuation of the same type straight after the section it continues, which
// would be read as one.
func (m *Morphology) swcOrder() ([]int, error) {
	if _, err := m.Order(); err != nil {
		return nil, err
	}
	bad := func(i int, format string, args ...any) error {
		return fmt.Errorf("%s: section %s cannot be written as SWC: %s: %w", m.Name, m.Sections[i].Name, fmt.Sprintf(format, args...), population.ErrInput)
	}
	var queue [Apical + 1][]int
	atEnd := make([]int, len(m.Sections))
	for i := range m.Sections {
		s := &m.Sections[i]
		if s.Region > Apical {
			return nil, bad(i, "region %d", s.Region)
		}
		for k, p := range s.Points {
			if !(math.Abs(p.X)+math.Abs(p.Y)+math.Abs(p.Z) <= 3*maxCoordUM) {
				return nil, bad(i, "point %d is at %v", k, p)
			}
		}
		queue[s.Region] = append(queue[s.Region], i)
		if s.Parent < 0 {
			if i != 0 || s.Region != Soma {
				return nil, bad(i, "a root, expected the first section, a soma, to be the only one")
			}
			continue
		}
		if s.ParentX != 0 && s.ParentX != 1 && (s.ParentX != 0.5 || m.Sections[s.Parent].Region != Soma) {
			return nil, bad(i, "attached at %g of %s", s.ParentX, m.Sections[s.Parent].Name)
		}
		// A soma continues past what else is attached to its end.
		if s.ParentX == 1 && (s.Region == Soma || m.Sections[s.Parent].Region != Soma) {
			atEnd[s.Parent]++
		}
	}
	// continues tells whether section i, straight after its parent, would be read
	// as part of it.
	continues := func(i int) bool {
		s := &m.Sections[i]
		return s.Parent >= 0 && s.ParentX == 1 && atEnd[s.Parent] == 1 && m.Sections[s.Parent].Region == s.Region
	}
	var todo [Apical + 1]int // such sections that are still to be written
	for i := range m.Sections {
		if continues(i) {
			todo[m.Sections[i].Region]++
		}
	}
	order := make([]int, 0, len(m.Sections))
	written := make([]bool, len(m.Sections))
	for len(order) < len(m.Sections) {
		// Of the other regions no more is used up between than is needed.
		next, region := -1, Soma
		for r := range queue {
			if len(queue[r]) == 0 {
				continue
			}
			i := queue[r][0]
			if p := m.Sections[i].Parent; p >= 0 && (!written[p] || continues(i) && order[len(order)-1] == p) {
				continue
			}
			if next < 0 || todo[r] > todo[region] {
				next, region = i, Region(r)
			}
		}
		if next < 0 {
			for r := range queue {
				if len(queue[r]) > 0 {
					i := queue[r][0]
					return nil, bad(i, "it would be read as part of %s, or comes before its parent in its region", m.Sections[m.Sections[i].Parent].Name)
				}
			}
		}
		queue[region] = queue[region][1:]
		if continues(next) {
			todo[region]--
		}
		written[next] = true
		order = append(order, next)
	}
	return order, nil
}
