package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// peer is a program of a peer, waiting to be told to advance.
type peer struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Scanner
	log     *os.File
	ready   struct {
		Version      string `json:"version"`
		Compartments int    `json:"compartments"`
	}
}

// startPeer starts a program with a request; what it prints goes to a log in dir.
func startPeer(dir, name, python, program string, r *request, args ...string) (*peer, error) {
	file := filepath.Join(dir, strings.Map(fileName, name)+".json")
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return nil, err
	}
	p := &peer{cmd: exec.Command(python, append([]string{filepath.Join(folder, program), file}, args...)...)}
	p.cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "NEURON_MODULE_OPTIONS=-nogui", "PYTHONDONTWRITEBYTECODE=1")
	if p.log, err = os.Create(strings.TrimSuffix(file, ".json") + ".log"); err != nil {
		return nil, err
	}
	p.cmd.Stderr = p.log
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.answers = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	var first struct {
		Ready any `json:"ready"`
	}
	first.Ready = &p.ready
	if err := p.read(&first); err != nil {
		return nil, err
	}
	return p, nil
}

func fileName(r rune) rune {
	if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '_'
}

// read decodes the next answer.
func (p *peer) read(v any) error {
	if !p.answers.Scan() {
		log, _ := os.ReadFile(p.log.Name())
		lines := strings.Split(strings.TrimSpace(string(log)), "\n")
		return fmt.Errorf("%s ended: %s", p.cmd.Args[1], strings.Join(lines[max(0, len(lines)-3):], " / "))
	}
	return json.Unmarshal(p.answers.Bytes(), v)
}

func (p *peer) run(ms int) (sample, error) {
	if _, err := fmt.Fprintln(p.in, ms); err != nil {
		return sample{}, p.read(nil)
	}
	var s sample
	return s, p.read(&s)
}

func (p *peer) close() {
	p.in.Close()
	p.cmd.Wait()
	p.log.Close()
}
