package conformance_test

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"understudy/tests/require"
)

// version is that of the header, where all others come from.
func version(t testing.TB) string {
	b, err := os.ReadFile("../../cexport/include/understudy.h")
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, part := range []string{"MAJOR", "MINOR", "PATCH"} {
		m := regexp.MustCompile(`(?m)^#define US_VERSION_` + part + ` (\d+)$`).FindSubmatch(b)
		if m == nil {
			t.Fatalf("understudy.h has no US_VERSION_%s", part)
		}
		numbers = append(numbers, string(m[1]))
	}
	return strings.Join(numbers, ".")
}

// installed is what `make install` puts below a prefix, with the links' targets.
func installed(version string) []string {
	major, _, _ := strings.Cut(version, ".")
	return []string{
		"bin/understudy",
		"include/understudy.h",
		"lib/cmake/understudy/understudy-config-version.cmake",
		"lib/cmake/understudy/understudy-config.cmake",
		"lib/libunderstudy.so -> libunderstudy.so." + major,
		"lib/libunderstudy.so." + major + " -> libunderstudy.so." + version,
		"lib/libunderstudy.so." + version,
		"lib/pkgconfig/understudy.pc",
	}
}

// tree lists the files below a folder.
func tree(t testing.TB, folder string) []string {
	var list []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err == nil && d.Type() == fs.ModeSymlink {
			var to string
			to, err = os.Readlink(path)
			name += " -> " + to
		}
		list = append(list, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// runMake runs a target of the Makefile.
func runMake(t testing.TB, arguments ...string) {
	t.Helper()
	run(t, "make", append([]string{"-s", "-C", "../.."}, arguments...)...)
}

// install puts, replaces and removes exactly its own files, also where a package is staged.
func TestInstallAndUninstall(t *testing.T) {
	stage := t.TempDir()
	arguments := []string{"PREFIX=/opt/us", "DESTDIR=" + stage}
	foreign := filepath.Join(stage, "opt/us/lib/cmake/understudy/mine.cmake")
	if err := os.MkdirAll(filepath.Dir(foreign), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(foreign, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		runMake(t, append([]string{"install"}, arguments...)...)
		want := append(installed(version(t)), "lib/cmake/understudy/mine.cmake")
		slices.Sort(want)
		if got := tree(t, filepath.Join(stage, "opt/us")); !slices.Equal(got, want) {
			t.Errorf("installed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	pc, err := os.ReadFile(filepath.Join(stage, "opt/us/lib/pkgconfig/understudy.pc"))
	if err != nil || !strings.HasPrefix(string(pc), "prefix=/opt/us\n") || strings.Contains(string(pc), "@") {
		t.Errorf("understudy.pc: %v\n%s", err, pc)
	}
	runMake(t, append([]string{"uninstall"}, arguments...)...)
	if got := tree(t, stage); !slices.Equal(got, []string{"opt/us/lib/cmake/understudy/mine.cmake"}) {
		t.Errorf("uninstall leaves %v", got)
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	runMake(t, append([]string{"install"}, arguments...)...)
	runMake(t, append([]string{"uninstall"}, arguments...)...)
	if _, err := os.Stat(filepath.Dir(foreign)); !os.IsNotExist(err) {
		t.Errorf("uninstall leaves its own folder: %v", err)
	}
}

// A bad prefix and a build that is not there are refused, and nothing is written.
func TestInstallRefuses(t *testing.T) {
	empty, to := t.TempDir(), t.TempDir()
	for _, c := range []struct{ build, prefix, says string }{
		{empty, to, "make build lib"},
		{empty, "relative/prefix", "absolute"},
		{empty, to + "/a b", "characters"},
		{empty, to + "/a|b", "characters"},
	} {
		out, err := exec.Command("../../cexport/lib/install.sh", c.build, c.prefix).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.says) {
			t.Errorf("install.sh %q %q: %v, %q; want an error that says %q", c.build, c.prefix, err, out, c.says)
		}
	}
	if got := append(tree(t, empty), tree(t, to)...); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

// Programs are built against what is installed by pkg-config and by CMake, in C and in C++, and run.
func TestInstalledLibrary(t *testing.T) {
	prefix, version := t.TempDir(), version(t)
	major, _, _ := strings.Cut(version, ".")
	runMake(t, "install", "PREFIX="+prefix, "DESTDIR=")
	lib := filepath.Join(prefix, "lib")

	t.Run("version", func(t *testing.T) {
		f, err := elf.Open(filepath.Join(lib, "libunderstudy.so"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if names, err := f.DynString(elf.DT_SONAME); err != nil || !slices.Equal(names, []string{"libunderstudy.so." + major}) {
			t.Errorf("SONAME %v, %v", names, err)
		}
		b, err := os.ReadFile("../../cexport/python/understudy/_version.py")
		if err != nil || !strings.Contains(string(b), fmt.Sprintf("__version__ = %q\n", version)) {
			t.Errorf("the Python package has not version %s: %v\n%s", version, err, b)
		}
		run(t, filepath.Join(prefix, "bin/understudy"), "kernels")
	})

	t.Run("pkg-config", func(t *testing.T) {
		if _, err := exec.LookPath("pkg-config"); err != nil {
			require.Missing(t, "there is no pkg-config")
		}
		t.Setenv("PKG_CONFIG_PATH", filepath.Join(lib, "pkgconfig"))
		if got := strings.TrimSpace(string(run(t, "pkg-config", "--modversion", "understudy"))); got != version {
			t.Errorf("version %q, want %q", got, version)
		}
		flags := strings.Fields(string(run(t, "pkg-config", "--cflags", "--libs", "understudy")))
		for _, language := range [][]string{{"cc", "-std=c11", "-x", "c"}, {"c++", "-std=c++17", "-x", "c++"}} {
			program := filepath.Join(t.TempDir(), "ring")
			arguments := append(language[1:], "-Wall", "-Wextra", "-Wpedantic", "-Werror", "../../cexport/examples/ring.c", "-x", "none", "-o", program, "-Wl,-rpath,"+lib)
			run(t, language[0], append(arguments, flags...)...)
			checkRing(t, run(t, program))
		}
	})

	t.Run("cmake", func(t *testing.T) {
		if _, err := exec.LookPath("cmake"); err != nil {
			require.Missing(t, "there is no cmake")
		}
		example, err := filepath.Abs("../../cexport/examples/ring.c")
		if err != nil {
			t.Fatal(err)
		}
		// configure makes a project that wants a version, and says what CMake said.
		configure := func(wanted string) (build string, out []byte, err error) {
			source := t.TempDir()
			text := fmt.Sprintf(`cmake_minimum_required(VERSION 3.16)
project(ring C CXX)
set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_EXTENSIONS OFF)
find_package(understudy %s REQUIRED)
find_package(understudy REQUIRED) # a second time, as a dependency's dependency does
configure_file(%s ring.cpp COPYONLY)
add_executable(ring-c %[2]s)
add_executable(ring-c++ ring.cpp)
target_link_libraries(ring-c understudy::understudy)
target_link_libraries(ring-c++ understudy::understudy)
`, wanted, example)
			if err := os.WriteFile(filepath.Join(source, "CMakeLists.txt"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			build = filepath.Join(source, "build")
			out, err = exec.Command("cmake", "-S", source, "-B", build, "-DCMAKE_PREFIX_PATH="+prefix).CombinedOutput()
			return build, out, err
		}
		numbers := strings.Split(version, ".")
		for _, wanted := range []string{version + " EXACT", numbers[0] + "." + numbers[1]} {
			build, out, err := configure(wanted)
			if err != nil {
				t.Fatalf("find_package(understudy %s): %v\n%s", wanted, err, out)
			}
			if wanted == version+" EXACT" {
				continue
			}
			run(t, "cmake", "--build", build)
			for _, program := range []string{"ring-c", "ring-c++"} {
				checkRing(t, run(t, filepath.Join(build, program)))
			}
		}
		for _, wanted := range []string{"99.0", numbers[0] + ".99"} {
			if _, out, err := configure(wanted); err == nil || !strings.Contains(string(out), version) {
				t.Errorf("find_package(understudy %s) is satisfied, or does not say that there is %s: %v\n%s", wanted, version, err, out)
			}
		}
	})
}
