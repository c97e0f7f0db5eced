package morphology

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"testing"
)

// treeStats are the figures that L5PC.md lists for a region.
type treeStats struct {
	sections, stems, tips, segments             int
	length, area, meanDiam, nearest, far, thick float64 // um, um2; thick is the largest diameter
}

func statsOf(t *testing.T, m *Morphology, r Region) treeStats {
	t.Helper()
	segs, err := m.Segments()
	if err != nil {
		t.Fatal(err)
	}
	children := make([]int, len(m.Sections))
	for _, s := range m.Sections[1:] {
		children[s.Parent]++
	}
	st := treeStats{nearest: math.Inf(1)}
	for i := range segs {
		g := &segs[i]
		s := &m.Sections[g.Section]
		if s.Region != r {
			continue
		}
		st.segments++
		st.area += g.AreaUM2
		st.thick = math.Max(st.thick, s.Points[0].Diam)
		if g.Index > 0 {
			continue
		}
		st.sections++
		st.length += s.LengthUM()
		if s.Parent == 0 {
			st.stems++
		}
		if children[g.Section] == 0 {
			st.tips++
			end := g.DistanceUM - g.LengthUM/2 + s.LengthUM()
			st.nearest, st.far = math.Min(st.nearest, end), math.Max(st.far, end)
		}
	}
	st.meanDiam = st.area / (math.Pi * st.length)
	return st
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.6g, want %.6g +- %.3g", what, got, want, tolerance)
	}
}

func TestL5PCStatistics(t *testing.T) {
	m := GenerateL5PC()
	soma, axon := statsOf(t, m, Soma), statsOf(t, m, Axon)
	basal, apical := statsOf(t, m, Basal), statsOf(t, m, Apical)
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"soma sections", soma.sections, 1}, {"soma segments", soma.segments, 1},
		{"axon sections", axon.sections, 2}, {"axon segments", axon.segments, 2},
		{"basal sections", basal.sections, 84}, {"apical sections", apical.sections, 109},
		{"basal stems", basal.stems, 8}, {"apical stems", apical.stems, 1},
		{"basal tips", basal.tips, 46}, {"apical tips", apical.tips, 55},
		{"basal segments", basal.segments, 262}, {"apical segments", apical.segments, 377},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
	near(t, "soma area [um2]", soma.area, 1130, 5)
	near(t, "axon length [um]", axon.length, 60, 0.01)
	near(t, "axon diameter [um]", axon.meanDiam, 1, 1e-6)
	near(t, "basal length [um]", basal.length, 5130, 5)
	near(t, "basal area [um2]", basal.area, 8860, 30)
	near(t, "basal mean diameter [um]", basal.meanDiam, 0.55, 0.005)
	near(t, "farthest basal tip [um]", basal.far, 280, 0.5)
	near(t, "apical length [um]", apical.length, 7440, 5)
	near(t, "apical area [um2]", apical.area, 21000, 60)
	near(t, "apical mean diameter [um]", apical.meanDiam, 0.9, 0.01)
	near(t, "apical largest diameter [um]", apical.thick, 5, 0.01)
	near(t, "farthest apical tip [um]", apical.far, 1300, 0.5)
	if basal.nearest < 20 || apical.nearest < 60 {
		t.Errorf("nearest tips at %.1f (basal) and %.1f um (apical), want no stumps", basal.nearest, apical.nearest)
	}
}

// The calcium spike of the model of Hay et al. starts in a zone 685 to 885 um from
// the soma, so there must be membrane, and thick branches to carry it.
func TestL5PCHotZone(t *testing.T) {
	m := GenerateL5PC()
	segs, err := m.Segments()
	if err != nil {
		t.Fatal(err)
	}
	var area, length, thick float64
	for i := range segs {
		g := &segs[i]
		if m.Sections[g.Section].Region == Apical && g.DistanceFromSoma0UM > 685 && g.DistanceFromSoma0UM < 885 {
			area += g.AreaUM2
			length += g.LengthUM
			thick = math.Max(thick, g.DiamUM)
		}
	}
	near(t, "membrane in the hot zone [um2]", area, 2300, 300)
	near(t, "length in the hot zone [um]", length, 600, 100)
	near(t, "thickest branch in the hot zone [um]", thick, 1.7, 0.3)
}

func TestL5PCIsAValidTree(t *testing.T) {
	m := GenerateL5PC()
	var count [4]int
	last := Soma
	for i := range m.Sections {
		s := &m.Sections[i]
		if s.Region < last {
			t.Errorf("%s comes after a section of %v, want soma, axon, dend, apic", s.Name, last)
		}
		last = s.Region
		if want := fmt.Sprintf("%v[%d]", s.Region, count[s.Region]); s.Name != want {
			t.Errorf("section %d is called %s, want %s", i, s.Name, want)
		}
		count[s.Region]++
		if i == 0 {
			if s.Parent != -1 {
				t.Errorf("%s has parent %d, want -1", s.Name, s.Parent)
			}
		} else if s.Parent < 0 || s.Parent >= i {
			t.Fatalf("%s has parent %d, want an earlier section", s.Name, s.Parent)
		} else if p := &m.Sections[s.Parent]; s.Parent == 0 && s.ParentX != 0.5 || s.Parent > 0 && (s.ParentX != 1 || p.Region != s.Region) {
			t.Errorf("%s (%v) sits on %s(%g) (%v)", s.Name, s.Region, p.Name, s.ParentX, p.Region)
		} else if s.Parent > 0 && place(s.Points[0]) != place(p.Points[len(p.Points)-1]) {
			t.Errorf("%s starts at %v, but its parent ends at %v", s.Name, s.Points[0], p.Points[len(p.Points)-1])
		}
		if len(s.Points) < 2 {
			t.Fatalf("%s has %d points", s.Name, len(s.Points))
		}
		l := s.LengthUM()
		if want := 1 + 2*int(l/40); s.NSeg != want {
			t.Errorf("%s: nseg %d, want %d", s.Name, s.NSeg, want)
		}
		// Close to a multiple of 40 um a last bit could change nseg between architectures.
		if s.Region != Soma && math.Abs(l/40-math.Round(l/40)) < 1e-5 {
			t.Errorf("%s: length %v um is too close to a multiple of 40", s.Name, l)
		}
		if l < 4 {
			t.Errorf("%s is %.2f um long", s.Name, l)
		}
		for j, p := range s.Points {
			if !(p.Diam >= 0.15 && p.Diam < 30) {
				t.Errorf("%s point %d: diameter %v", s.Name, j, p.Diam)
			}
			for _, v := range []float64{p.X, p.Y, p.Z, p.Diam} {
				if math.Round(v*100)/100 != v {
					t.Errorf("%s point %d: %v is not a multiple of 0.01", s.Name, j, v)
				}
			}
		}
	}
}

func place(p Point) [3]float64 { return [3]float64{p.X, p.Y, p.Z} }

// A pyramidal cell: the apical dendrite goes up y, the tuft spreads, the basal
// dendrites lie around and below the soma.
func TestL5PCLooksLikeAPyramidalCell(t *testing.T) {
	m := GenerateL5PC()
	lo, hi := map[Region][3]float64{}, map[Region][3]float64{}
	for _, s := range m.Sections {
		for _, p := range s.Points {
			a, b := lo[s.Region], hi[s.Region]
			for k, v := range place(p) {
				a[k], b[k] = math.Min(a[k], v), math.Max(b[k], v)
			}
			lo[s.Region], hi[s.Region] = a, b
		}
	}
	if top := hi[Apical][1]; top < 1100 || top > 1310 {
		t.Errorf("the apical tree ends at y = %.0f um, want about 1200", top)
	}
	if top := hi[Basal][1]; top > 100 {
		t.Errorf("basal dendrites reach up to y = %.0f um", top)
	}
	for _, r := range []Region{Basal, Apical} {
		for _, k := range []int{0, 2} {
			if w := hi[r][k] - lo[r][k]; w < 150 || w > 600 {
				t.Errorf("%v spans %.0f um along axis %d, want 150 to 600", r, w, k)
			}
		}
	}
}

// The hash holds every rounded coordinate, diameter and parent: it must be the same
// on every architecture. Changing a knob changes it, and with it the cell that
// trained models imitate.
func TestL5PCIsTheSameEverywhere(t *testing.T) {
	m := GenerateL5PC()
	if !reflect.DeepEqual(m, GenerateL5PC()) {
		t.Error("two calls differ")
	}
	h := fnv.New64a()
	put := func(v int64) { _ = binary.Write(h, binary.LittleEndian, v) }
	for _, s := range m.Sections {
		put(int64(s.Parent))
		put(int64(s.NSeg))
		for _, p := range s.Points {
			for _, v := range []float64{p.X, p.Y, p.Z, p.Diam} {
				put(int64(math.Float64bits(v)))
			}
		}
	}
	const want = "6823b1bce443328b"
	if got := fmt.Sprintf("%016x", h.Sum64()); got != want {
		t.Errorf("hash of the morphology is %s, want %s", got, want)
	}
}
