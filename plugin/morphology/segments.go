package morphology

import (
	"fmt"
	"math"

	"understudy/plugin/population"
)

// SetNSeg gives every section an odd number of segments, 1 + 2*int(L/perUM):
// none is longer than perUM [um]. Hay et al. 2011 use 40 um.
func (m *Morphology) SetNSeg(perUM float64) error {
	if !(perUM > 0) || math.IsInf(perUM, 0) {
		return fmt.Errorf("segment length is %v um, expected a positive number: %w", perUM, population.ErrInput)
	}
	total := 0
	n := make([]int, len(m.Sections))
	for i := range m.Sections {
		f := m.Sections[i].LengthUM() / perUM
		if f < MaxSegments {
			n[i] = 1 + 2*int(f)
			total += n[i]
		}
		if !(f < MaxSegments) || total > MaxSegments {
			return fmt.Errorf("%s: more than %d segments of at most %g um, at section %s: %w",
				m.Name, MaxSegments, perUM, m.Sections[i].Name, population.ErrLimit)
		}
	}
	for i := range m.Sections {
		m.Sections[i].NSeg = n[i]
	}
	return nil
}

// LengthUM is the length of the section along its points [um].
func (s *Section) LengthUM() float64 {
	if len(s.Points) == 0 {
		return 0
	}
	arc := s.arc()
	return arc[len(arc)-1]
}

// arc returns the distance of every point from the first along the cable [um].
// Differences are taken in float32, as NEURON takes them.
func (s *Section) arc() []float64 {
	arc := make([]float64, len(s.Points))
	for i := 1; i < len(arc); i++ {
		p, q := s.Points[i-1], s.Points[i]
		dx := float64(float32(q.X) - float32(p.X))
		dy := float64(float32(q.Y) - float32(p.Y))
		dz := float64(float32(q.Z) - float32(p.Z))
		arc[i] = arc[i-1] + math.Sqrt(dx*dx+dy*dy+dz*dz)
	}
	return arc
}

// Segments returns the compartments of all sections, in section order. Every
// frustum between two points counts for the segments it lies in: lateral area,
// mean diameter and axial resistance, the last for each half of the segment
// (NEURON, treeset.cpp). Errors wrap population.ErrInput or ErrLimit.
func (m *Morphology) Segments() ([]Segment, error) {
	order, err := m.Order()
	if err != nil {
		return nil, err
	}
	total := 0
	for i := range m.Sections {
		total += m.Sections[i].NSeg
		if total > MaxSegments {
			return nil, fmt.Errorf("%s: more than %d segments: %w", m.Name, MaxSegments, population.ErrLimit)
		}
	}
	segs := make([]Segment, 0, total)
	length := make([]float64, len(m.Sections))
	for i := range m.Sections {
		s := &m.Sections[i]
		arc := s.arc()
		length[i] = arc[len(arc)-1]
		segs = s.appendSegments(segs, i, arc)
	}
	fromMid, from0 := m.distances(order, length)
	for i := range segs {
		g := &segs[i]
		d := g.X * length[g.Section]
		g.DistanceFromSoma0UM = from0[g.Section] + d
		g.DistanceUM = fromMid[g.Section] + d
		if g.Section == order[0] {
			g.DistanceUM = math.Abs(d - length[order[0]]/2)
		}
	}
	return segs, nil
}

// distances returns the path distance of the start of every section from the
// middle and from the start of the root section [um].
func (m *Morphology) distances(order []int, length []float64) (fromMid, from0 []float64) {
	fromMid, from0 = make([]float64, len(order)), make([]float64, len(order))
	root := order[0]
	for _, i := range order[1:] {
		s := &m.Sections[i]
		at := s.ParentX * length[s.Parent]
		from0[i] = from0[s.Parent] + at
		fromMid[i] = fromMid[s.Parent] + at
		if s.Parent == root {
			fromMid[i] = math.Abs(at - length[root]/2)
		}
	}
	return fromMid, from0
}

// appendSegments integrates the cable over each half segment in turn.
func (s *Section) appendSegments(segs []Segment, section int, arc []float64) []Segment {
	last := len(arc) - 1
	ds := arc[last] / float64(s.NSeg)
	diam := func(i int) float64 { return float64(float32(s.Points[i].Diam)) }
	j := 0                    // the frustum between points j and j+1
	x1, y1 := arc[0], diam(0) // place and diameter up to which is integrated
	for index := range s.NSeg {
		var half [2]float64 // integral of ds / (diameter squared)
		sumDiam, sumArea := 0.0, 0.0
		end := float64(index) * ds
		for h := range half {
			end += ds / 2
			for inside := true; inside; {
				x2, y2 := arc[j+1], diam(j+1)
				if x2 > end || j+1 == last {
					frac := 1.0
					if math.Abs(arc[j+1]-arc[j]) >= 1e-10 {
						frac = (end - arc[j]) / (arc[j+1] - arc[j])
					}
					x2, y2 = end, (1-frac)*diam(j)+frac*diam(j+1)
					inside = false
				}
				dx := x2 - x1
				sumDiam += (y2 + y1) * dx
				// A step of diameter, two points at one place, has the area of a ring.
				dx = math.Max(dx, 1e-15)
				half[h] += dx / (y2 * y1)
				sumArea += (y2 + y1) * math.Hypot(dx, (y2-y1)/2)
				x1, y1 = x2, y2
				if inside {
					j++
				}
			}
		}
		const mohm = 4 * 0.01 / math.Pi // ohm cm * um / um^2, of a disc given by its diameter
		segs = append(segs, Segment{
			Section: section, Index: index,
			X:        (float64(index) + 0.5) / float64(s.NSeg),
			LengthUM: ds,
			AreaUM2:  sumArea * math.Pi / 2,
			DiamUM:   sumDiam / (2 * ds),
			RNear:    half[0] * mohm,
			RFar:     half[1] * mohm,
		})
	}
	return segs
}
