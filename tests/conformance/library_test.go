package conformance_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"understudy/tests/conformance"
	"understudy/tests/require"
)

// folder is where the tests build what they share.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "understudy-conformance-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// buildLibrary builds libunderstudy from the sources as they are.
var buildLibrary = sync.OnceValues(func() ([]byte, error) {
	return exec.Command("../../cexport/lib/build.sh", folder).CombinedOutput()
})

// library is the folder of libunderstudy.
func library(t testing.TB) string {
	if out, err := buildLibrary(); err != nil {
		t.Fatalf("building libunderstudy: %v\n%s", err, out)
	}
	return folder
}

// compileC compiles a C program against the library, as strictly as the header
// promises to allow, and returns its path.
func compileC(t testing.TB, source string, more ...string) string {
	folder := library(t)
	program := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), ".c"))
	arguments := []string{"-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I../../cexport/include",
		source, "-o", program, "-L" + folder, "-lunderstudy", "-Wl,-rpath," + folder}
	run(t, "cc", append(arguments, more...)...)
	return program
}

func run(t testing.TB, name string, arguments ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, bytes.TrimSpace(out))
	}
	return out
}

func TestC(t *testing.T) {
	program := compileC(t, "cprogram/server.c")
	conformance.Check(t, startProcess(t, exec.Command(program)), conformance.GoPackage{}, false)
}

func TestHeaderIsCAndCpp(t *testing.T) {
	const text = `#include "understudy.h"
int main(void) {
    us_error e = US_ERROR_INIT; us_output o = US_OUTPUT_INIT; us_options p = US_OPTIONS_INIT;
    us_cell_options c = US_CELL_OPTIONS_INIT; us_info i = US_INFO_INIT;
    return (int)(e.size + o.size + p.size + c.size + i.size) == 0;
}`
	for _, l := range []struct{ compiler, language, standard string }{{"cc", "c", "c11"}, {"c++", "c++", "c++17"}} {
		t.Run(l.standard, func(t *testing.T) {
			if _, err := exec.LookPath(l.compiler); err != nil {
				require.Missing(t, "there is no "+l.compiler)
			}
			command := exec.Command(l.compiler, "-x", l.language, "-std="+l.standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror",
				"-fsyntax-only", "-I../../cexport/include", "-")
			command.Stdin = strings.NewReader(text)
			if out, err := command.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestExportedSymbols(t *testing.T) {
	b, err := os.ReadFile("../../cexport/lib/symbols.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(b))
	var got []string
	for line := range strings.Lines(string(run(t, "nm", "-D", "--defined-only", filepath.Join(library(t), "libunderstudy.so")))) {
		got = append(got, strings.Fields(line)[2])
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("library exports\n%s\nsymbols.txt has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestExample(t *testing.T) {
	checkRing(t, run(t, compileC(t, "../../cexport/examples/ring.c")))
}

// checkRing checks what the example prints.
func checkRing(t *testing.T, out []byte) {
	t.Helper()
	// The kick makes neuron 0 spike; each next one follows after the same time.
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) < 25 {
		t.Fatalf("%d spikes:\n%s", len(lines), out)
	}
	first, period := 0, 0
	for i, line := range lines {
		var ms, neuron int
		if _, err := fmt.Sscanf(line, "%d ms: neuron %d", &ms, &neuron); err != nil {
			t.Fatal(err)
		}
		switch i {
		case 0:
			first = ms
		case 1:
			period = ms - first
		}
		if neuron != i%20 || ms != first+i*period {
			t.Fatalf("spike %d is %q: out of the ring's order\n%s", i, line, out)
		}
	}
}

func TestMisuse(t *testing.T) {
	cases, err := conformance.Cases()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "model.safetensors")
	fcn := slices.IndexFunc(cases, func(c conformance.Case) bool { return strings.HasPrefix(c.Name, "fcn/n=") })
	if err := os.WriteFile(file, cases[fcn].Model, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Run("guarded", func(t *testing.T) { run(t, compileC(t, "cprogram/misuse.c", "-pthread"), file) })
	// Once more with AddressSanitizer in the program and in the library's own code.
	t.Run("asan", func(t *testing.T) {
		folder := t.TempDir()
		build := exec.Command("../../cexport/lib/build.sh", folder)
		build.Env = append(os.Environ(), "GOFLAGS=-asan")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building libunderstudy with AddressSanitizer: %v\n%s", err, out)
		}
		program := filepath.Join(folder, "misuse")
		run(t, "cc", "-std=c11", "-O1", "-g", "-fsanitize=address", "-I../../cexport/include", "cprogram/misuse.c", "-o", program,
			"-L"+folder, "-lunderstudy", "-Wl,-rpath,"+folder, "-pthread")
		command := exec.Command(program, file)
		// No search for leaks: the program frees no buffers.
		command.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0")
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func TestPython(t *testing.T) {
	python := require.Python(t)
	package_, err := filepath.Abs("../../cexport/python")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(python, "pyprogram.py")
	command.Env = append(os.Environ(), "PYTHONPATH="+package_, "UNDERSTUDY_LIBRARY="+filepath.Join(library(t), "libunderstudy.so.0"))
	conformance.Check(t, startProcess(t, command), conformance.GoPackage{}, false)
}
