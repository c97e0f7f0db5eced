package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The command line that Python gets, and what becomes of its exit status.
func TestAdapterBuildRunsPython(t *testing.T) {
	python := filepath.Join(t.TempDir(), "python")
	for _, c := range []struct {
		script, args string
		status       int
		out, err     string
	}{
		{`echo "$@"`, "--coreneuron a b", 0, "-m understudy.neuron build --coreneuron a b\n", ""},
		{`echo "$@"`, "--again=false", 0, "-m understudy.neuron build\n", ""},
		{`echo broken >&2; exit 1`, "", 1, "", "exit status 1"},
		{`echo usage >&2; exit 2`, "", 2, "", "usage"},
		{`echo "No module named 'understudy'" >&2; exit 1`, "", 1, "", "-m pip install ./cexport/python"},
		{"", "--what", 2, "", "unknown flag"},
	} {
		if err := os.WriteFile(python, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		p := start(t, append([]string{"neuron", "build", "--python", python}, strings.Fields(c.args)...)...)
		_ = p.Wait()
		if status := p.ProcessState.ExitCode(); status != c.status || p.out.String() != c.out || !strings.Contains(p.err.String(), c.err) {
			t.Errorf("%q with %q: status %d, out %q, err %q", c.script, c.args, status, p.out.String(), p.err.String())
		}
	}
	if err := os.WriteFile(python, []byte("#!/bin/sh\necho \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := start(t, "nest", "build", "--again", "--python", python)
	_ = p.Wait()
	if status := p.ProcessState.ExitCode(); status != 0 || p.out.String() != "-m understudy.nest build --again\n" {
		t.Errorf("nest build: status %d, out %q, err %q", status, p.out.String(), p.err.String())
	}
	p = start(t, "neuron", "build", "--python", "/nowhere/python")
	_ = p.Wait()
	if p.ProcessState.ExitCode() != 1 || !strings.Contains(p.err.String(), "/nowhere/python") {
		t.Errorf("without a Python: status %d, err %q", p.ProcessState.ExitCode(), p.err.String())
	}
}
