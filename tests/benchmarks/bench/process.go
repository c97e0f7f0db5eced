// Package bench is what the benchmark commands share: measured programs in processes
// of their own, CPU time, and the machine in words.
package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Sample is one measurement.
type Sample struct {
	CPUS   float64 `json:"cpu_s"`  // user and system time of the process, all threads
	WallS  float64 `json:"wall_s"` // 0 where it was not measured
	Spikes int     `json:"spikes"` // of all neurons
}

// Process is a measured program, waiting to be told to advance.
type Process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Reader
	log     *os.File
}

// Start starts a command with the name of a file as its last argument, which holds the
// request as JSON, and waits for its answer {"ready": ...}, which it decodes into ready. The
// file and the program's log are dir/name.json and .log. Environment variables in
// env come on top of this process's.
func Start(dir, name string, command, env []string, request, ready any) (*Process, error) {
	file := filepath.Join(dir, strings.Map(fileName, name)+".json")
	text, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(command[0], append(command[1:len(command):len(command)], file)...)}
	p.cmd.Env = append(os.Environ(), env...)
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
	p.answers = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	var first struct {
		Ready any `json:"ready"`
	}
	first.Ready = ready
	if err := p.read(&first); err != nil {
		p.Close()
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
func (p *Process) read(v any) error {
	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		log, _ := os.ReadFile(p.log.Name())
		lines := strings.Split(strings.TrimSpace(string(log)), "\n")
		return fmt.Errorf("%s ended: %s", filepath.Base(p.log.Name()), strings.Join(lines[max(0, len(lines)-3):], " / "))
	}
	return json.Unmarshal(line, v)
}

// Run lets the program advance by ms.
func (p *Process) Run(ms int) (Sample, error) {
	var s Sample
	if _, err := fmt.Fprintln(p.in, ms); err != nil {
		return s, p.read(&s)
	}
	return s, p.read(&s)
}

// Close ends the program.
func (p *Process) Close() {
	p.in.Close()
	p.cmd.Wait()
	p.log.Close()
}

// CPUSeconds is the CPU time of this process, user and system: many kernels
// measure only the sum, and split it by sampling.
func CPUSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // not for this argument
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)*1e-6
}
