package morphology

import (
	"fmt"
	"math"

	"understudy/plugin/population"
)

// ReplaceAxon removes all axon sections and puts two stubs in their place, as
// Hay et al. 2011 do: axon[0] and axon[1], each 30 um long and 1 um wide, one
// segment, axon[0] on the middle of the soma and axon[1] on its end. It returns an error and
// changes nothing when something else grows from the axon.
func (m *Morphology) ReplaceAxon() error {
	const lengthUM, diamUM = 30, 1
	if len(m.Sections) == 0 || m.Sections[0].Region != Soma {
		return fmt.Errorf("%s: the first section is not a soma: %w", m.Name, population.ErrInput)
	}
	for i := range m.Sections {
		s := &m.Sections[i]
		if s.Parent >= len(m.Sections) || len(s.Points) == 0 {
			return fmt.Errorf("%s: section %s: parent %d of %d sections, %d points: %w", m.Name, s.Name, s.Parent, len(m.Sections), len(s.Points), population.ErrInput)
		}
		if s.Region != Axon && s.Parent >= 0 && m.Sections[s.Parent].Region == Axon {
			return fmt.Errorf("%s: the axon cannot be replaced, %s grows from %s: %w", m.Name, s.Name, m.Sections[s.Parent].Name, population.ErrInput)
		}
	}
	soma := &m.Sections[0]
	mid := soma.Points[len(soma.Points)/2]
	// On a grid of 2^-6 um float32 holds the length exactly.
	for _, v := range []*float64{&mid.X, &mid.Y, &mid.Z} {
		*v = math.Round(*v*64) / 64
	}
	stub := func(n int) []Point {
		a, b := mid, mid
		a.Y -= float64(n) * lengthUM
		b.Y -= float64(n+1) * lengthUM
		a.Diam, b.Diam = diamUM, diamUM
		return []Point{a, b}
	}
	var out []Section
	index := make([]int, len(m.Sections))
	add := func(region Region) {
		for i := range m.Sections {
			if m.Sections[i].Region == region {
				index[i] = len(out)
				out = append(out, m.Sections[i])
			}
		}
	}
	add(Soma)
	somata := len(out)
	out = append(out,
		Section{Name: "axon[0]", Region: Axon, ParentX: 0.5, Points: stub(0), NSeg: 1},
		Section{Name: "axon[1]", Region: Axon, Parent: somata, ParentX: 1, Points: stub(1), NSeg: 1})
	add(Basal)
	add(Apical)
	for i := range out {
		if s := &out[i]; s.Region != Axon && s.Parent >= 0 {
			s.Parent = index[s.Parent]
		}
	}
	m.Sections = out
	return nil
}
