package morphology

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy/plugin/population"
)

const outlineASC = "(\"CellBody\" (0 0 0 1) (8 0 0 1) (8 8 0 1) (0 9 0 1))\n"

// TestDefects feeds files with one defect each: the error names the place and its kind.
func TestDefects(t *testing.T) {
	dendrite := "( (Dendrite)\n (9 4 0 1)\n (30 4 0 1)\n"
	cases := []struct {
		name, text string
		want       string // start of the error after the file name: line and reason
		is         error
	}{
		{"a.asc", "", ":1: no soma", population.ErrFormat},
		{"a.asc", "\n; only a comment", ":2: no soma", population.ErrFormat},
		{"a.asc", dendrite + ")", ":4: no soma", population.ErrFormat},
		{"a.asc", "(\"CellBody\" (0 0 0 1) (8 0 0 1))\n", ":2: no soma", population.ErrFormat},
		{"a.asc", outlineASC + "(\"Soma\" (100 0 0 1) (108 0 0 1) (108 9 0 1))", ":2: second soma", population.ErrFormat},
		{"a.asc", "(\"CellBody\" (0 0 0 1) (8 0 0 1) (16 0 0 1))", ":1: no soma can be made", population.ErrFormat},
		{"a.asc", "(\"CellBody\" (1 1 0 1) (1 1 0 1) (1 1 0 1))", ":1: no soma can be made", population.ErrFormat},
		{"a.asc", outlineASC + "(\"Soma\" (1 1 0 1) (1 1 0 1) (1 1 0 1))", ":2: no soma can be made", population.ErrFormat},
		{"a.asc", outlineASC + dendrite, ":5: the file ends inside the '(' of line 2", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "))", ":5: ')' closes or separates nothing", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "|)", ":5: found '|'", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "( (40 0 0 1) (41 0 0 1)\n| ) )", ":6: branch without points", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "( (40 0 0 1) ) (50 0 0 1) )", ":5: point after the end of its branch", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "(40 0 0 0) )", ":5: diameter is 0 um", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "(40 0 0) )", ":5: diameter is 0 um", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "(40 0 0 -1) )", ":5: diameter is -1 um", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "(40 0 0 1e9) )", ":5: diameter is 1e+09 um", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "(40 1e300 0 1) )", ":5: coordinate y is 1e+300 um", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "(40 1e999 0 1) )", ":5: coordinate y is +Inf um", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "(40 NaN 0 1) )", ":5: found word \"NaN\", expected coordinate y", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "(40 1 0 1 7) )", ":5: found number 7 in a point", population.ErrFormat},
		{"a.asc", outlineASC + "( (Glia) (1 1 1 1) (2 2 2 2) )", ":2: tree of type \"Glia\"", population.ErrFormat},
		{"a.asc", outlineASC + "( (1 1 1 1) (2 2 2 2) )", ":2: tree of type \"\"", population.ErrFormat},
		{"a.asc", outlineASC + "(\"Pia (1 1 1 1))\n", ":2: string without closing quote", population.ErrFormat},
		{"a.asc", outlineASC + "(Set 7)", ":2: found number 7, expected the name of the set", population.ErrFormat},
		{"a.asc", outlineASC + "1 1 0 0 0 1 -1", ":2: found number 1, expected '('", population.ErrFormat},
		{"a.asc", outlineASC + dendrite + "<(1 2 3)", ":5: the file ends inside the '<' of line 5", population.ErrFormat},
		{"a.asc", outlineASC + "((Dendrite) (1 1 1 1) " + strings.Repeat("((1 1 1 1)", MaxDepth+2), ":2: nested more than", population.ErrLimit},
		{"a.asc", strings.Repeat("(Set \"s\" ", MaxDepth+2), ":1: nested more than", population.ErrLimit},
		{"a.asc", strings.Repeat("x", maxToken+1), ":1: word longer than", population.ErrLimit},
		{"a.asc", "\"" + strings.Repeat("x", maxToken+1), ":1: string longer than", population.ErrLimit},

		{"a.swc", "", ":1: no points", population.ErrFormat},
		{"a.swc", "# nothing\n\n", ":2: no points", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 1", ":2: 6 fields, expected 7", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 zero 1 1", ":2: z is \"zero\", expected a number", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 NaN 1 1", ":2: coordinate z is NaN um", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 -Inf 0 0 1 1", ":2: coordinate x is -Inf um", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 0 1", ":2: diameter is 0 um", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 -.5 1", ":2: diameter is -1 um", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 nan -1", ":1: diameter is NaN um", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 1 7", ":2: point 2 has parent 7, which is not in the file", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 1 -1", ":2: point 2 is a second root beside that of line 1", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 1 2", ":2: point 2 is its own ancestor", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 1 4\n3 3 9 1 0 1 2\n4 3 9 2 0 1 3", ":2: point 2 is its own ancestor", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 1 3\n3 3 8 0 0 1 1", ":2: point 2 has the later point 3 as parent", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 3\n2 3 9 0 0 1 1\n3 3 8 0 0 1 1", ":1: point 1 is its own ancestor", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 1 1\n2 3 8 0 0 1 1", ":3: id 2 is already that of line 2", population.ErrFormat},
		{"a.swc", "1 3 0 0 0 5 -1\n2 3 9 0 0 1 1", ":1: the root is of type 3", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 7 9 0 0 1 1", ":2: type is 7", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2.5 3 9 0 0 1 1", ":2: id is 2.5, expected an integer", population.ErrFormat},
		{"a.swc", "-4 1 0 0 0 5 -1", ":1: id is -4", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 1e99", ":1: parent is 1e99, expected an integer", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n" + strings.Repeat("2", maxToken+9), ":2: line longer than", population.ErrLimit},
		{"a.swc", "1 1 0 0 0 5 -1\n2 1 0 0 0 5 1\n3 1 0 0 0 5 2", ":1: section soma[0] has no length", population.ErrFormat},
		{"a.swc", "1 1 0 0 0 5 -1\n2 3 9 0 0 1 1\n3 3 9 0 0 1 2\n4 3 9 0 0 1 3", ":2: section dend[0] has no length", population.ErrFormat},
	}
	for i, c := range cases {
		t.Run(fmt.Sprint(i, c.want), func(t *testing.T) {
			parse := ParseASC
			if strings.HasSuffix(c.name, ".swc") {
				parse = ParseSWC
			}
			m, err := parse(c.name, strings.NewReader(c.text))
			if err == nil {
				t.Fatalf("read %d sections, expected an error %q", len(m.Sections), c.want)
			}
			if !strings.HasPrefix(err.Error(), c.name+c.want) || !errors.Is(err, c.is) {
				t.Errorf("error %q, expected it to begin with %q and to be %q", err, c.name+c.want, c.is)
			}
		})
	}
}

// TestTruncated cuts every fixture anywhere: an error or a whole tree, never a panic.
func TestTruncated(t *testing.T) {
	for name, text := range fixtures(t) {
		parse := ParseASC
		if filepath.Ext(name) == ".swc" {
			parse = ParseSWC
		}
		for n := range text {
			m, err := parse(name, strings.NewReader(text[:n]))
			if err != nil {
				continue
			}
			if _, err := m.Nodes(); err != nil {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
		}
	}
}

func fixtures(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"testdata/*.swc", "testdata/*.asc"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(path)] = string(text)
		}
	}
	return out
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := fixtures(t)
	for name, n := range map[string]int{"contour.asc": 18, "sphere1.swc": 11} {
		for _, as := range []string{name, "cell.txt", strings.ToUpper(name)} {
			m, err := ReadFile(write(as, f[name]))
			if err != nil {
				t.Fatal(err)
			}
			if m.Name != as || len(m.Sections) != n {
				t.Errorf("%s read as %s: %d sections, name %q", name, as, len(m.Sections), m.Name)
			}
		}
	}
	for path, want := range map[string]error{
		write("x.txt", "hello"):               population.ErrFormat,
		write("empty", ""):                    population.ErrFormat,
		write("bad.swc", "1 1 0 0 0"):         population.ErrFormat,
		dir:                                   population.ErrInput,
		filepath.Join(dir, "there-is-no.swc"): os.ErrNotExist,
	} {
		if _, err := ReadFile(path); !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, expected one that names it and is %v", path, err, want)
		}
	}
}
