package morphology

import (
	"fmt"

	"understudy/plugin/population"
)

// Order returns the indices of all sections, parents before children and
// otherwise in section order; the root is first. It checks the tree and returns
// an error that wraps population.ErrInput where it is none: no root or several,
// loops, connections outside 0..1, sections without points, length or segments.
func (m *Morphology) Order() ([]int, error) {
	bad := func(i int, format string, args ...any) error {
		return fmt.Errorf("%s: section %s: %s: %w", m.Name, m.Sections[i].Name, fmt.Sprintf(format, args...), population.ErrInput)
	}
	n := len(m.Sections)
	if n == 0 {
		return nil, fmt.Errorf("%s: no sections: %w", m.Name, population.ErrInput)
	}
	children := make([][]int, n)
	order := make([]int, 0, n)
	for i := range m.Sections {
		s := &m.Sections[i]
		switch {
		case len(s.Points) < 2:
			return nil, bad(i, "%d points, expected two or more", len(s.Points))
		case !(s.LengthUM() > 0):
			return nil, bad(i, "no length")
		case s.NSeg < 1:
			return nil, bad(i, "%d segments, expected 1 or more", s.NSeg)
		case s.Parent < 0 && len(order) > 0:
			return nil, bad(i, "a second root beside %s", m.Sections[order[0]].Name)
		case s.Parent < 0:
			order = append(order, i)
		case s.Parent >= n:
			return nil, bad(i, "parent %d of %d sections", s.Parent, n)
		case !(s.ParentX >= 0 && s.ParentX <= 1):
			return nil, bad(i, "connected at %v of its parent, expected 0 to 1", s.ParentX)
		default:
			children[s.Parent] = append(children[s.Parent], i)
		}
		for k, p := range s.Points {
			if d := float32(p.Diam); !(d > 0) {
				return nil, bad(i, "point %d has diameter %v um", k, p.Diam)
			}
		}
	}
	inOrder := len(order) > 0 && order[0] == 0
	for i := range m.Sections {
		inOrder = inOrder && m.Sections[i].Parent < i
	}
	if inOrder {
		for i := 1; i < n; i++ {
			order = append(order, i)
		}
		return order, nil
	}
	for k := 0; k < len(order); k++ {
		order = append(order, children[order[k]]...)
	}
	if len(order) < n {
		return nil, fmt.Errorf("%s: %d of %d sections are not connected to a root (a loop): %w", m.Name, n-len(order), n, population.ErrInput)
	}
	return order, nil
}

// Nodes returns the tree of the cable equation, parents first: the centre of
// every segment, and the points without membrane where sections meet. It is
// NEURON's tree, less those points that nothing is attached to.
//
//   - A section attached at 0 < x < 1 of its parent starts at the centre of the
//     segment that contains x.
//   - One attached at 1 starts at the parent's end, a node of its own that
//     all sections attached there share.
//   - One attached at 0 of the root starts at the root's start, likewise shared;
//     one attached at 0 of another section starts where that section does.
func (m *Morphology) Nodes() ([]Node, error) {
	segs, err := m.Segments()
	if err != nil {
		return nil, err
	}
	order, err := m.Order()
	if err != nil {
		return nil, err
	}
	n := len(m.Sections)
	atStart, atEnd := make([]bool, n), make([]bool, n)
	for i := range m.Sections {
		if s := &m.Sections[i]; s.Parent >= 0 {
			atStart[s.Parent] = atStart[s.Parent] || s.ParentX == 0
			atEnd[s.Parent] = atEnd[s.Parent] || s.ParentX == 1
		}
	}
	firstSeg := make([]int, n)
	for i := len(segs) - 1; i >= 0; i-- {
		firstSeg[segs[i].Section] = i
	}
	nodes := make([]Node, 0, len(segs)+n)
	start := make([]int, n)  // node at which the section starts
	centre := make([]int, n) // node of its first segment
	end := make([]int, n)    // node at its end
	for _, i := range order {
		s := &m.Sections[i]
		switch {
		case s.Parent < 0:
			start[i] = -1
			if atStart[i] {
				start[i] = len(nodes)
				nodes = append(nodes, Node{Parent: -1, Segment: -1})
			}
		case s.ParentX == 0:
			start[i] = start[s.Parent]
		case s.ParentX == 1:
			start[i] = end[s.Parent]
		default:
			k := min(int(s.ParentX*float64(m.Sections[s.Parent].NSeg)), m.Sections[s.Parent].NSeg-1)
			start[i] = centre[s.Parent] + k
		}
		centre[i] = len(nodes)
		at, r := start[i], 0.0
		for k := range s.NSeg {
			g := &segs[firstSeg[i]+k]
			node := Node{Parent: at, Resistance: r + g.RNear, Segment: firstSeg[i] + k}
			if at < 0 {
				node.Resistance = 0
			}
			at, r = len(nodes), g.RFar
			nodes = append(nodes, node)
		}
		if atEnd[i] {
			end[i] = len(nodes)
			nodes = append(nodes, Node{Parent: at, Resistance: r, Segment: -1})
		}
	}
	return nodes, nil
}
