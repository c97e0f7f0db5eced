package conformance_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"understudy/tests/require"
)

// environment is the process's without what would help to find the library, and with more.
func environment(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "UNDERSTUDY_LIBRARY=") || strings.HasPrefix(e, "PYTHONPATH=")
	})
	return append(env, more...)
}

// pipInstall installs the Python package of the checkout into a folder, without network.
func pipInstall(python, folder string, env []string) ([]byte, error) {
	command := exec.Command(python, "-m", "pip", "install", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation",
		"--target", folder, "../../cexport/python")
	command.Env = env
	return command.CombinedOutput()
}

// `pip install` is all that Python needs: the package carries the library and the header. The tutorial
// runs with it, far from the checkout.
func TestWheel(t *testing.T) {
	python := require.Python(t)
	folder, away := t.TempDir(), t.TempDir()
	if out, err := pipInstall(python, folder, environment()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	version := version(t)
	major, _, _ := strings.Cut(version, ".")
	for name, like := range map[string]string{
		"py.typed": "../../cexport/python/understudy/py.typed", "include/understudy.h": "../../cexport/include/understudy.h",
		"neuron/NEURON.md": "../../cexport/python/understudy/neuron/NEURON.md", "nest/NEST.md": "../../cexport/python/understudy/nest/NEST.md",
		"nest/neuron.cpp": "../../cexport/python/understudy/nest/neuron.cpp", "nest/group.h": "../../cexport/python/understudy/nest/group.h",
	} {
		got, err := os.ReadFile(filepath.Join(folder, "understudy", name))
		want, wantErr := os.ReadFile(like)
		if err != nil || wantErr != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, err, wantErr)
		}
	}
	wheel, err := os.ReadFile(filepath.Join(folder, "understudy-"+version+".dist-info", "WHEEL"))
	if err != nil || !strings.Contains(string(wheel), "\nTag: py3-none-linux_") || !strings.Contains(string(wheel), "\nRoot-Is-Purelib: false\n") {
		t.Errorf("WHEEL: %v\n%s", err, wheel)
	}

	// far runs the interpreter in another folder.
	far := func(arguments ...string) string {
		t.Helper()
		command := exec.Command(python, arguments...)
		command.Dir = away
		command.Env = environment("PYTHONPATH="+folder, "UNDERSTUDY_CACHE="+filepath.Join(away, "cache"))
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	package_ := filepath.Join(folder, "understudy")
	want := fmt.Sprintf("%s %s %s\n", version, filepath.Join(package_, "libunderstudy.so."+major), filepath.Join(package_, "include"))
	if got := far("-c", "import understudy\nfrom understudy import _lib\nprint(understudy.__version__, _lib.library_path(), _lib.include_folder())"); got != want {
		t.Errorf("the package finds %q, want %q", got, want)
	}

	// tutorial runs an example and returns what it prints.
	tutorial := func(name string) string {
		t.Helper()
		b, err := os.ReadFile("../../cexport/python/examples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(b, []byte("\n")); lines > 60 {
			t.Errorf("%s has %d lines", name, lines)
		}
		path := filepath.Join(away, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return far(path, abs(t, "../../plugin/model/builtin/l5pc.safetensors"))
	}
	if out := tutorial("neuron_tutorial.py"); !strings.Contains(out, "input outside the training range: 0 of 7980 steps") {
		t.Errorf("the tutorial of NEURON prints\n%s", out)
	}
	out := tutorial("tutorial.py")
	var spikes, detailed, outside, ms, all, neurons int
	var mv, hz float64
	_, rest, _ := strings.Cut(out, "\n") // the model's description
	if _, err := fmt.Sscanf(rest, "one neuron: %d spikes, in detail %d; voltages differ by %f mV\nms outside the training range: %d of %d\nnetwork: %d spikes of %d neurons, %f Hz\n",
		&spikes, &detailed, &mv, &outside, &ms, &all, &neurons, &hz); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if mv <= 0 || mv > 5 || detailed == 0 || outside > 0 || all == 0 {
		t.Errorf("the tutorial shows nothing, or something is wrong:\n%s", out)
	}
}

// Without Go the wheel carries the library that UNDERSTUDY_LIBRARY names. Where there is none, or not
// this version's, the build ends with the reason; and there is no source distribution.
func TestWheelWithoutGo(t *testing.T) {
	python := require.Python(t)
	lib := filepath.Join(library(t), "libunderstudy.so.0")
	noGo := "PATH=" + t.TempDir()
	folder := t.TempDir()
	if out, err := pipInstall(python, folder, environment(noGo, "UNDERSTUDY_LIBRARY="+lib)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, err := os.ReadFile(lib)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(folder, "understudy/libunderstudy.so.0")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the wheel carries another library: %v", err)
	}
	for _, c := range []struct {
		says string
		env  []string
	}{
		{"Install Go (https://go.dev/doc/install), or set UNDERSTUDY_LIBRARY", []string{noGo}},
		{"UNDERSTUDY_LIBRARY names /nonexistent, which is not a file", []string{"UNDERSTUDY_LIBRARY=/nonexistent"}},
		{"library_test.go is not libunderstudy", []string{"UNDERSTUDY_LIBRARY=" + abs(t, "library_test.go")}},
	} {
		folder := t.TempDir()
		out, err := pipInstall(python, folder, environment(c.env...))
		if err == nil || !strings.Contains(string(out), c.says) {
			t.Errorf("%v: %v; want an error that says %q\n%s", c.env, err, c.says, out)
		}
		if left := tree(t, folder); len(left) > 0 {
			t.Errorf("%v: left behind %v", c.env, left)
		}
	}
	command := exec.Command(python, "-c", "from setuptools.build_meta import build_sdist\nbuild_sdist("+fmt.Sprintf("%q", folder)+")")
	command.Dir = "../../cexport/python"
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "pip wheel ./cexport/python") {
		t.Errorf("a source distribution: %v\n%s", err, out)
	}
}

func abs(t *testing.T, path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
