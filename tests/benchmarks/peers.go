package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"understudy/tests/benchmarks/bench"
)

// folder is where this benchmark lies, seen from the root of the module.
const folder = "tests/benchmarks"

// environment says where the peers are, by name; absent says why one is not there.
type environment struct {
	at, absent map[string]string
}

// prepare installs the peers and builds their mechanisms, which takes minutes the first time.
func prepare() (environment, error) {
	e := environment{map[string]string{}, map[string]string{}}
	cmd := exec.Command(filepath.Join(folder, "environment.sh"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return e, fmt.Errorf("%s: %w (run it from the root of the module)", cmd.Path, err)
	}
	for line := range strings.Lines(string(out)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if why, missing := strings.CutPrefix(name, "missing "); missing {
			e.absent[why] = value
		} else if ok {
			e.at[name] = value
		}
	}
	if python := os.Getenv("UNDERSTUDY_BENCH_ARBOR_PYTHON"); python != "" {
		e.at["arbor-python"] = python
	}
	return e, nil
}

// startPeer starts a program of a peer with a request, and returns what it says of itself.
func startPeer(dir, name, python, program string, r *request, args ...string) (*bench.Process, ready, error) {
	var says ready
	command := append([]string{python, filepath.Join(folder, program)}, args...)
	p, err := bench.Start(dir, name, command, []string{"OMP_NUM_THREADS=1", "NEURON_MODULE_OPTIONS=-nogui", "PYTHONDONTWRITEBYTECODE=1"}, r, &says)
	return p, says, err
}

// ready is what a peer says of itself.
type ready struct {
	Version      string `json:"version"`
	Compartments int    `json:"compartments"`
}
