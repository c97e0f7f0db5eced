// Package reference_test holds this project against the simulators and
// frameworks that it must agree with: their outputs are kept here beside the
// scripts that make them, and made again where they are installed.
package reference_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"understudy/plugin/morphology"
	"understudy/tests/require"
)

// neuronSection is a section as morphology_neuron.py describes it.
type neuronSection struct {
	Name        string
	Parent      string
	ParentX     float64 `json:"parent_x"`
	NSeg        int
	Length      float64
	Points      [][4]float64
	Area, Diam  []float64
	RI          []float64 // one more than segments: the last is that of the end
	FromSoma0   []float64 `json:"from_soma_0"`
	FromSomaMid []float64 `json:"from_soma_mid"`
	V           []float64
}

type neuronMorphologies struct {
	NEURON string
	Files  map[string][]neuronSection
}

// Relative tolerances. Geometry is the same sums in the same order; steady
// states come from another solver.
const (
	geometryTol = 1e-9
	voltageTol  = 1e-8
)

const morphologyFixtures = "../../plugin/morphology/testdata"

func TestMorphologyIsNEURONs(t *testing.T) {
	text, err := os.ReadFile("morphology_neuron.json")
	if err != nil {
		t.Fatal(err)
	}
	ref := decodeMorphologies(t, text)
	paths := fixturePaths(t)
	if len(ref.Files) != len(paths) {
		t.Errorf("morphology_neuron.json has %d files, %s has %d", len(ref.Files), morphologyFixtures, len(paths))
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m, err := morphology.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			compareMorphology(t, m, ref.Files[filepath.Base(path)])
		})
	}
}

// TestMorphologyAgainstNEURON runs NEURON itself, also on a real reconstruction
// and on what WriteSWC writes.
func TestMorphologyAgainstNEURON(t *testing.T) {
	python := require.Python(t)
	paths := append(fixturePaths(t), filepath.Join(require.BluePyOpt(t), "examples/l5pc/morphology/C060114A7.asc"))
	dir := t.TempDir()
	written := map[string]*morphology.Morphology{"again_l5pc.swc": morphology.GenerateL5PC()}
	for _, path := range paths {
		m, err := morphology.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		written["again_"+filepath.Base(path)+".swc"] = m
	}
	all := paths
	for name, m := range written {
		var text strings.Builder
		if err := m.WriteSWC(&text); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		all = append(all, path)
	}
	out := filepath.Join(dir, "out.json")
	cmd := exec.Command(python, append([]string{"morphology_neuron.py", out}, all...)...)
	if log, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	ref := decodeMorphologies(t, text)
	for _, path := range all {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			m, err := morphology.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			compareMorphology(t, m, ref.Files[name])
			if orig := written[name]; orig != nil {
				compareTree(t, m, orig)
			}
		})
	}
}

func fixturePaths(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, ext := range []string{"swc", "asc"} {
		p, err := filepath.Glob(filepath.Join(morphologyFixtures, "*."+ext))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p...)
	}
	if len(paths) == 0 {
		t.Fatal("no fixtures")
	}
	return paths
}

func decodeMorphologies(t *testing.T, text []byte) neuronMorphologies {
	t.Helper()
	var ref neuronMorphologies
	if err := json.Unmarshal(text, &ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

// compareTree holds a morphology that was written and read again against the original.
func compareTree(t *testing.T, got, want *morphology.Morphology) {
	t.Helper()
	if len(got.Sections) != len(want.Sections) {
		t.Fatalf("%d sections, written %d", len(got.Sections), len(want.Sections))
	}
	for i := range got.Sections {
		g, w := &got.Sections[i], &want.Sections[i]
		if g.Name != w.Name || !near(g.LengthUM(), w.LengthUM(), 1e-6) {
			t.Errorf("section %s of %g um, written %s of %g um", g.Name, g.LengthUM(), w.Name, w.LengthUM())
		}
	}
	a, err := got.Stats()
	if err != nil {
		t.Fatal(err)
	}
	b, err := want.Stats()
	if err != nil {
		t.Fatal(err)
	}
	// The rings that WriteSWC speaks of.
	if !near(a.Total.AreaUM2, b.Total.AreaUM2, 0.02) {
		t.Errorf("area %g um2, written %g um2", a.Total.AreaUM2, b.Total.AreaUM2)
	}
	t.Logf("area %.3f um2, written %.3f um2", a.Total.AreaUM2, b.Total.AreaUM2)
}

func near(a, b, tol float64) bool {
	return math.Abs(a-b) <= tol*math.Max(math.Abs(b), 1e-6)
}

func compareMorphology(t *testing.T, m *morphology.Morphology, ref []neuronSection) {
	t.Helper()
	if len(m.Sections) != len(ref) {
		t.Fatalf("%d sections, NEURON has %d", len(m.Sections), len(ref))
	}
	if err := m.SetNSeg(40); err != nil {
		t.Fatal(err)
	}
	segs, err := m.Segments()
	if err != nil {
		t.Fatal(err)
	}
	check := func(section string, k int, what string, got, want, tol float64) {
		t.Helper()
		if !near(got, want, tol) {
			t.Errorf("%s segment %d: %s %.12g, NEURON has %.12g", section, k, what, got, want)
		}
	}
	v := steadyState(t, m, segs)
	i := 0
	for k := range ref {
		s, r := &m.Sections[k], &ref[k]
		parent := ""
		if s.Parent >= 0 {
			parent = m.Sections[s.Parent].Name
		}
		if s.Name != r.Name || parent != r.Parent || s.ParentX != r.ParentX || s.NSeg != r.NSeg || len(s.Points) != len(r.Points) {
			t.Fatalf("section %d: %s on %s(%g), %d segments, %d points; NEURON has %s on %s(%g), %d, %d",
				k, s.Name, parent, s.ParentX, s.NSeg, len(s.Points), r.Name, r.Parent, r.ParentX, r.NSeg, len(r.Points))
		}
		for j, p := range s.Points {
			for c, x := range [4]float64{p.X, p.Y, p.Z, p.Diam} {
				check(r.Name, -1, "point", x, r.Points[j][c], 1e-6) // to a float32
			}
		}
		length, right := 0.0, 0.0
		for j := range s.NSeg {
			g := segs[i]
			i++
			if g.Section != k || g.Index != j {
				t.Fatalf("segment %d is %d of section %d, expected %d of %d", i-1, g.Index, g.Section, j, k)
			}
			check(r.Name, j, "area", g.AreaUM2, r.Area[j], geometryTol)
			check(r.Name, j, "diameter", g.DiamUM, r.Diam[j], geometryTol)
			check(r.Name, j, "resistance", right+g.RNear, r.RI[j], geometryTol)
			check(r.Name, j, "distance from soma(0)", g.DistanceFromSoma0UM, r.FromSoma0[j], geometryTol)
			check(r.Name, j, "distance from soma(0.5)", g.DistanceUM, r.FromSomaMid[j], geometryTol)
			check(r.Name, j, "steady voltage", v[i-1], r.V[j], voltageTol)
			length += g.LengthUM
			right = g.RFar
		}
		check(r.Name, -1, "resistance of the end", right, r.RI[s.NSeg], geometryTol)
		check(r.Name, -1, "length", length, r.Length, geometryTol)
		check(r.Name, -1, "length of points", s.LengthUM(), r.Length, geometryTol)
	}
}

// steadyState solves the passive cable of morphology_neuron.py on the tree of
// nodes, by a dense solver, and returns the voltage of every segment [mV].
func steadyState(t *testing.T, m *morphology.Morphology, segs []morphology.Segment) []float64 {
	t.Helper()
	const raOhmCM, gUSPerUM2 = 150, 5e-5 * 1e-8 * 1e6
	nodes, err := m.Nodes()
	if err != nil {
		t.Fatal(err)
	}
	n := len(nodes)
	g, cur := make([]float64, n*n), make([]float64, n)
	v := make([]float64, len(segs))
	soma := m.Sections[0].NSeg / 2
	for i, node := range nodes {
		if node.Parent >= i {
			t.Fatalf("node %d has parent %d", i, node.Parent)
		}
		if node.Segment >= 0 {
			g[i*n+i] += gUSPerUM2 * segs[node.Segment].AreaUM2
		}
		if node.Segment == soma {
			cur[i] += 0.1
		}
		if node.Segment == len(segs)-1 {
			cur[i] += 0.05
		}
		if p := node.Parent; p >= 0 {
			c := 1 / (node.Resistance * raOhmCM)
			g[i*n+i] += c
			g[p*n+p] += c
			g[i*n+p] -= c
			g[p*n+i] -= c
		}
	}
	var x mat.VecDense
	if err := x.SolveVec(mat.NewDense(n, n, g), mat.NewVecDense(n, cur)); err != nil {
		t.Fatal(err)
	}
	for i, node := range nodes {
		if node.Segment >= 0 {
			v[node.Segment] = x.AtVec(i)
		}
	}
	return v
}
