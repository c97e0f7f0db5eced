package morphology

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"understudy/plugin/population"
)

func FuzzParseASC(f *testing.F) { fuzzParse(f, ".asc", ParseASC) }
func FuzzParseSWC(f *testing.F) { fuzzParse(f, ".swc", ParseSWC) }

// fuzzParse checks that any text gives an error of a known kind with the name
// of the file, or a tree that segments, nodes and summary can be made of, and
// that is the same when written and read again.
func fuzzParse(f *testing.F, ext string, parse func(string, io.Reader) (*Morphology, error)) {
	for name, text := range fixtures(f) {
		if filepath.Ext(name) == ext {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parse("fuzz", strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, population.ErrFormat) && !errors.Is(err, population.ErrLimit) || !strings.HasPrefix(err.Error(), "fuzz:") {
				t.Fatalf("error %q", err)
			}
			return
		}
		if err := m.SetNSeg(40); err != nil && !errors.Is(err, population.ErrLimit) {
			t.Fatal(err)
		}
		segs, err := m.Segments()
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range segs {
			if !(g.AreaUM2 > 0 && g.DiamUM > 0 && g.LengthUM > 0 && g.RNear > 0 && g.RFar > 0 && g.DistanceUM >= 0) {
				t.Fatalf("segment %+v of %s", g, m.Sections[g.Section].Name)
			}
		}
		nodes, err := m.Nodes()
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range nodes {
			if n.Parent >= i || n.Parent < 0 != (i == 0) || i > 0 && !(n.Resistance > 0) {
				t.Fatalf("node %d: %+v", i, n)
			}
		}
		if _, err := m.Stats(); err != nil {
			t.Fatal(err)
		}
		var w strings.Builder
		if err := m.WriteSWC(&w); err != nil {
			if w.Len() > 0 || !errors.Is(err, population.ErrInput) {
				t.Fatalf("wrote %d bytes, then %v", w.Len(), err)
			}
			return
		}
		if again, err := ParseSWC("again", strings.NewReader(w.String())); err != nil {
			t.Fatalf("%v\n%s", err, w.String())
		} else if err := sameTree(again, m); err != nil {
			t.Fatalf("%v\n%s", err, w.String())
		}
	})
}
