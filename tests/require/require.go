// Package require finds what some tests need beyond Go: a Python with NEURON and
// PyTorch, parts of the source distributions of BluePyOpt and Brian2, TypeScript. `make test` provides them.
// Where one is missing a test is skipped, but with UNDERSTUDY_REQUIRE=all it
// fails, so that no test is skipped unseen.
package require

import (
	"os"
	"testing"
)

// Python returns the interpreter that UNDERSTUDY_PYTHON names, one with the
// packages of tests/requirements.txt.
func Python(t testing.TB) string {
	t.Helper()
	return variable(t, "UNDERSTUDY_PYTHON", "a Python with the packages of tests/requirements.txt")
}

// FullPython returns the interpreter that UNDERSTUDY_FULL_PYTHON names, one that also has
// the frameworks of tests/python-requirements.txt.
func FullPython(t testing.TB) string {
	t.Helper()
	return variable(t, "UNDERSTUDY_FULL_PYTHON", "a Python with the packages of tests/requirements.txt and tests/python-requirements.txt")
}

// NestPython returns the interpreter that UNDERSTUDY_NEST_PYTHON names, one that has NEST and the
// packages of tests/requirements.txt.
func NestPython(t testing.TB) string {
	t.Helper()
	return variable(t, "UNDERSTUDY_NEST_PYTHON", "a Python with the packages of tests/requirements.txt and tests/nest-requirements.txt")
}

// NodeModules returns the folder that UNDERSTUDY_NODE_MODULES names: the packages of tests/wasm/types/package-lock.json.
func NodeModules(t testing.TB) string {
	t.Helper()
	return variable(t, "UNDERSTUDY_NODE_MODULES", "a folder with the packages of tests/wasm/types/package-lock.json")
}

// BluePyOpt returns the folder that UNDERSTUDY_BLUEPYOPT names: the unpacked
// source distribution of BluePyOpt, for its reconstructed cell and its channels
// (examples/l5pc).
func BluePyOpt(t testing.TB) string {
	t.Helper()
	return variable(t, "UNDERSTUDY_BLUEPYOPT", "the unpacked source distribution of BluePyOpt")
}

// Brian2 returns the folder that UNDERSTUDY_BRIAN2 names: the unpacked source
// distribution of Brian2, for the reference solutions of the Rallpacks
// (brian2/tests/rallpack_data).
func Brian2(t testing.TB) string {
	t.Helper()
	return variable(t, "UNDERSTUDY_BRIAN2", "the unpacked source distribution of Brian2")
}

// Missing skips a test that lacks something, or fails it where all is required.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("UNDERSTUDY_REQUIRE") == "all" {
		t.Fatalf("UNDERSTUDY_REQUIRE=all, but %s", what)
	}
	t.Skip(what)
}

func variable(t testing.TB, name, what string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		Missing(t, name+" is not set: it names "+what+". `make test` sets it; `make environment` prints it.")
	}
	return value
}
