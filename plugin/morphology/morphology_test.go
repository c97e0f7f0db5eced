package morphology

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"understudy/plugin/population"
)

func closeTo(a, b, tol float64) bool { return math.Abs(a-b) <= tol*math.Max(1, math.Abs(b)) }

// sameTree compares names, connections and lengths.
func sameTree(got, want *Morphology) error {
	if len(got.Sections) != len(want.Sections) {
		return fmt.Errorf("%d sections, expected %d", len(got.Sections), len(want.Sections))
	}
	for i := range got.Sections {
		g, w := &got.Sections[i], &want.Sections[i]
		if g.Name != w.Name || !closeTo(g.LengthUM(), w.LengthUM(), 1e-4) {
			return fmt.Errorf("section %s of %g um, expected %s of %g um", g.Name, g.LengthUM(), w.Name, w.LengthUM())
		}
	}
	return nil
}

func TestWriteSWC(t *testing.T) {
	morphologies := map[string]*Morphology{"l5pc": GenerateL5PC()}
	for name, text := range fixtures(t) {
		parse := ParseASC
		if strings.HasSuffix(name, ".swc") {
			parse = ParseSWC
		}
		m, err := parse(name, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		morphologies[name] = m
	}
	for name, m := range morphologies {
		var w strings.Builder
		if err := m.WriteSWC(&w); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := ParseSWC(name, strings.NewReader(w.String()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := sameTree(again, m); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range m.Sections {
			g, w := &again.Sections[i], &m.Sections[i]
			if g.Parent != w.Parent || g.ParentX != w.ParentX {
				t.Errorf("%s: %s attached at %g of section %d, expected %g of %d", name, g.Name, g.ParentX, g.Parent, w.ParentX, w.Parent)
			}
		}
	}
	// The only continuation of a section, with nothing to write in between.
	m := cable(2)
	var w strings.Builder
	if err := m.WriteSWC(&w); !errors.Is(err, population.ErrInput) || w.Len() > 0 {
		t.Errorf("error %v after %d bytes", err, w.Len())
	}
}

// cable is a soma of 20 by 20 um with n dendrites of 100 by 2 um end to end on its middle.
func cable(n int) *Morphology {
	m := &Morphology{Name: "cable", Sections: []Section{{
		Name: "soma[0]", Parent: -1, NSeg: 1, Points: []Point{{-10, 0, 0, 20}, {10, 0, 0, 20}},
	}}}
	for i := range n {
		x := 100 * float64(i)
		s := Section{Name: fmt.Sprintf("dend[%d]", i), Region: Basal, Parent: i, ParentX: 1, NSeg: 1,
			Points: []Point{{x, 0, 0, 2}, {x + 100, 0, 0, 2}}}
		if i == 0 {
			s.ParentX = 0.5
		}
		m.Sections = append(m.Sections, s)
	}
	return m
}

// TestCylinders checks segments and nodes against the formulas of a cylinder.
func TestCylinders(t *testing.T) {
	m := cable(2)
	if err := m.SetNSeg(40); err != nil {
		t.Fatal(err)
	}
	segs, err := m.Segments()
	if err != nil {
		t.Fatal(err)
	}
	if len(segs) != 1+5+5 {
		t.Fatalf("%d segments", len(segs))
	}
	// rho L / (pi d^2/4): 1 ohm cm, 10 um half segment, in Mohm.
	half := 0.01 * 10 / (math.Pi * 2 * 2 / 4)
	for i, g := range segs[1:] {
		if !closeTo(g.AreaUM2, math.Pi*2*20, 1e-12) || !closeTo(g.DiamUM, 2, 1e-12) || !closeTo(g.LengthUM, 20, 1e-12) ||
			!closeTo(g.RNear, half, 1e-12) || !closeTo(g.RFar, half, 1e-12) {
			t.Errorf("segment %d: %+v", i, g)
		}
		if want := 10 + 20*float64(i); !closeTo(g.DistanceUM, want, 1e-12) || !closeTo(g.DistanceFromSoma0UM, want+10, 1e-12) {
			t.Errorf("segment %d is %g um from the middle and %g from the start of the soma, expected %g", i, g.DistanceUM, g.DistanceFromSoma0UM, want)
		}
	}
	nodes, err := m.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	// Soma, five segments, the end where the second dendrite joins, five segments.
	if len(nodes) != 12 || nodes[6].Segment != -1 || nodes[0] != (Node{Parent: -1, Segment: 0}) {
		t.Fatalf("nodes %+v", nodes)
	}
	for i, n := range nodes[1:] {
		want := 2 * half
		if i == 0 || i == 5 || i == 6 {
			want = half
		}
		if n.Parent != i || !closeTo(n.Resistance, want, 1e-12) {
			t.Errorf("node %d: %+v, expected %g Mohm to node %d", i+1, n, want, i)
		}
	}
}

// TestFrustum checks a tapering cable against the integrals of a cone.
func TestFrustum(t *testing.T) {
	m := cable(0)
	m.Sections[0].Points = []Point{{0, 0, 0, 8}, {30, 0, 0, 2}}
	m.Sections[0].NSeg = 3
	segs, err := m.Segments()
	if err != nil {
		t.Fatal(err)
	}
	d := func(x float64) float64 { return 8 - 6*x/30 }
	r := func(a, b float64) float64 { return 0.01 * 4 / math.Pi * (b - a) / (d(a) * d(b)) }
	for i, g := range segs {
		a := 10 * float64(i)
		slant := math.Hypot(10, (d(a)-d(a+10))/2)
		if !closeTo(g.AreaUM2, math.Pi*(d(a)+d(a+10))/2*slant, 1e-12) || !closeTo(g.RNear, r(a, a+5), 1e-12) || !closeTo(g.RFar, r(a+5, a+10), 1e-12) {
			t.Errorf("segment %d: %+v", i, g)
		}
	}
}

func TestReplaceAxon(t *testing.T) {
	for name, text := range fixtures(t) {
		parse := ParseASC
		if strings.HasSuffix(name, ".swc") {
			parse = ParseSWC
		}
		m, err := parse(name, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		before, err := m.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.ReplaceAxon(); err != nil {
			t.Fatal(err)
		}
		after, err := m.Stats()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range after.Regions {
			if r.Region == Axon {
				if r.Sections != 2 || r.Stems != 1 || r.Tips != 1 || r.LengthUM != 60 || !closeTo(r.AreaUM2, 60*math.Pi, 1e-12) || r.FarthestTipUM != 60 {
					t.Errorf("%s: axon %+v", name, r)
				}
				continue
			}
			for _, b := range before.Regions {
				b.Tips, b.FarthestTipUM = r.Tips, r.FarthestTipUM // an axon may have been in between
				if b.Region == r.Region && b != r {
					t.Errorf("%s: %+v became %+v", name, b, r)
				}
			}
		}
		somata := before.Regions[0].Sections
		if a := m.Sections[somata]; a.Name != "axon[0]" || a.Parent != 0 || a.ParentX != 0.5 {
			t.Errorf("%s: %+v", name, a)
		}
		if a := m.Sections[somata+1]; a.Name != "axon[1]" || a.Parent != somata || a.ParentX != 1 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	m, err := ParseSWC("grows", strings.NewReader("1 1 0 0 0 5 -1\n2 2 9 0 0 1 1\n3 2 19 0 0 1 2\n4 3 29 0 0 1 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.ReplaceAxon(); !errors.Is(err, population.ErrInput) || len(m.Sections) != 3 {
		t.Errorf("error %v with %d sections, expected a refusal: dend[0] grows from axon[0]", err, len(m.Sections))
	}
}

// TestUnsortedSWC: lines may come in any order.
func TestUnsortedSWC(t *testing.T) {
	text := fixtures(t)["sphere1.swc"]
	want, err := ParseSWC("a", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	got, err := ParseSWC("a", strings.NewReader(strings.Join(lines, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error("the order of lines changes the morphology")
	}
}

func TestBadTrees(t *testing.T) {
	cases := map[string]func(*Morphology){
		"no sections":   func(m *Morphology) { m.Sections = nil },
		"second root":   func(m *Morphology) { m.Sections[2].Parent = -1 },
		"a loop":        func(m *Morphology) { m.Sections[1].Parent = 2 },
		"parent 9 of 3": func(m *Morphology) { m.Sections[2].Parent = 9 },
		"connected at":  func(m *Morphology) { m.Sections[2].ParentX = math.NaN() },
		"points":        func(m *Morphology) { m.Sections[2].Points = nil },
		"no length":     func(m *Morphology) { m.Sections[2].Points[1] = m.Sections[2].Points[0] },
		"segments":      func(m *Morphology) { m.Sections[2].NSeg = 0 },
		"diameter":      func(m *Morphology) { m.Sections[2].Points[1].Diam = -1 },
	}
	for want, breakIt := range cases {
		m := cable(2)
		breakIt(m)
		for _, f := range []func() error{
			func() error { _, err := m.Segments(); return err },
			func() error { _, err := m.Nodes(); return err },
			func() error { _, err := m.Stats(); return err },
			func() error { return m.WriteSWC(&strings.Builder{}) },
		} {
			if err := f(); !errors.Is(err, population.ErrInput) || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, expected %q", err, want)
			}
		}
	}
	m := cable(2)
	for _, per := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if err := m.SetNSeg(per); !errors.Is(err, population.ErrInput) {
			t.Errorf("SetNSeg(%g): %v", per, err)
		}
	}
	if err := m.SetNSeg(1e-6); !errors.Is(err, population.ErrLimit) || m.Sections[1].NSeg != 1 {
		t.Errorf("SetNSeg(1e-6): %v, %d segments", err, m.Sections[1].NSeg)
	}
	m.Sections[1].NSeg = MaxSegments
	if _, err := m.Segments(); !errors.Is(err, population.ErrLimit) {
		t.Errorf("Segments: %v", err)
	}
}
