package morphology

// RegionStats sums up the sections of one region.
type RegionStats struct {
	Region   Region
	Sections int
	Segments int
	Stems    int // sections that grow from another region
	Tips     int // sections that nothing grows from
	LengthUM float64
	// MeanDiamUM is the mean diameter along the length.
	MeanDiamUM float64
	AreaUM2    float64
	// FarthestTipUM is the longest path from the middle of the soma to the end of a section.
	FarthestTipUM float64
}

// Stats sums up a morphology: the whole, and each region that it has in the
// order of the constants. Total.Region means nothing; Total.Stems and Tips leave out
// the soma.
type Stats struct {
	Points  int
	Total   RegionStats
	Regions []RegionStats
}

// Stats measures the morphology with its present number of segments. It
// returns the errors of Segments.
func (m *Morphology) Stats() (Stats, error) {
	segs, err := m.Segments()
	if err != nil {
		return Stats{}, err
	}
	parentOf := make([]bool, len(m.Sections))
	for i := range m.Sections {
		if p := m.Sections[i].Parent; p >= 0 {
			parentOf[p] = true
		}
	}
	var by [Apical + 1]RegionStats
	var out Stats
	for i := range m.Sections {
		s := &m.Sections[i]
		r := &by[s.Region]
		r.Sections++
		out.Points += len(s.Points)
		if s.Parent >= 0 && m.Sections[s.Parent].Region != s.Region {
			r.Stems++
		}
		if !parentOf[i] {
			r.Tips++
		}
	}
	for _, g := range segs {
		r := &by[m.Sections[g.Section].Region]
		r.Segments++
		r.LengthUM += g.LengthUM
		r.AreaUM2 += g.AreaUM2
		r.MeanDiamUM += g.DiamUM * g.LengthUM
		r.FarthestTipUM = max(r.FarthestTipUM, g.DistanceUM+g.LengthUM/2)
	}
	t := &out.Total
	for i, r := range by {
		if r.Sections == 0 {
			continue
		}
		r.Region = Region(i)
		t.Sections += r.Sections
		t.Segments += r.Segments
		if r.Region != Soma {
			t.Stems += r.Stems
			t.Tips += r.Tips
		}
		t.LengthUM += r.LengthUM
		t.AreaUM2 += r.AreaUM2
		t.MeanDiamUM += r.MeanDiamUM
		t.FarthestTipUM = max(t.FarthestTipUM, r.FarthestTipUM)
		r.MeanDiamUM /= r.LengthUM
		out.Regions = append(out.Regions, r)
	}
	t.MeanDiamUM /= t.LengthUM
	return out, nil
}
