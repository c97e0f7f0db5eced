// Command surrogate measures ONNX Runtime and PyTorch beside our surrogate engine on
// the same weights and the same events, in the same run; README.md says how to read
// what it prints.
//
//	make bench-surrogate
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"understudy/tests/benchmarks/bench"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) == 3 && os.Args[1] == serveArg {
		if err := serve(os.Args[2]); err != nil {
			log.Fatal(err)
		}
		return
	}
	o := options{}
	flag.IntVar(&o.repeats, "repeats", 20, "measurements of every row, of which the cheapest counts; rows of seconds take a tenth")
	flag.DurationVar(&o.budget, "time", 50*time.Millisecond, "CPU time of one measurement, of which a row takes at least one step")
	flag.BoolVar(&o.peers, "peers", true, "measure the peers too, and compare all outputs with PyTorch's; they are installed where they are not")
	flag.StringVar(&o.only, "only", "", "measure only rows whose system contains this")
	flag.IntVar(&o.core, "core", 0, "core that all rows of one thread run on")
	asJSON := flag.Bool("json", false, "print JSON instead of tables")
	flag.Parse()
	r, err := measure(o)
	if r != nil && *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", " ")
		err = errors.Join(err, e.Encode(r))
	} else if r != nil {
		r.print(os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

type options struct {
	repeats int
	budget  time.Duration
	peers   bool
	only    string
	core    int
	rows    []row // nil for all
}

// measure starts every row's process, which warms up and has its outputs compared,
// and then lets all of them advance in turn, again and again, so that a busy machine hits all
// alike.
func measure(o options) (*report, error) {
	if o.repeats < 1 || o.budget <= 0 || o.core < 0 {
		return nil, fmt.Errorf("-repeats %d -time %v -core %d: want at least 1, above 0, at least 0", o.repeats, o.budget, o.core)
	}
	dir, err := os.MkdirTemp("", "bench-surrogate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	python := ""
	if o.peers {
		if python, err = prepare(); err != nil {
			return nil, err
		}
	}
	if o.rows == nil {
		o.rows = allRows(o.peers)
	}
	in, err := writeInputs(dir)
	if err != nil {
		return nil, err
	}
	r := &report{Machine: bench.Machine(), Date: time.Now().UTC().Format(time.DateOnly), Options: fmt.Sprintf("-repeats %d -time %v", o.repeats, o.budget)}
	expected := map[string]*outputs{}
	_, err = exec.LookPath("taskset")
	s := starter{dir: dir, python: python, core: o.core, pin: err == nil, in: in}
	if !s.pin {
		r.Options += "; not pinned to a core, for want of taskset"
	}
	var processes []*bench.Process
	defer func() {
		for _, p := range processes {
			if p != nil {
				p.Close()
			}
		}
	}()
	for _, row := range o.rows {
		if !strings.Contains(row.System, o.only) {
			continue
		}
		log.Printf("starting %s, %s, %s %s, neurons: %d", row.System, row.Model, row.Precision, row.Kernel, row.Neurons)
		f := figure{row: row}
		p, says, err := s.start(row)
		processes = append(processes, p)
		if err == nil && python != "" {
			if expected[row.Model] == nil {
				if expected[row.Model], err = s.reference(row.Model); err != nil {
					return nil, err
				}
			}
			f.MaxError, err = says.difference(expected[row.Model])
		}
		if err == nil {
			err = f.span(p, o)
		}
		f.Version, f.StateBytes = says.Version, says.StateBytes
		if err != nil {
			f.Missing = err.Error()
		}
		r.Figures = append(r.Figures, f)
	}
	for k := range o.repeats {
		log.Printf("round %d of %d", k+1, o.repeats)
		for i, p := range processes {
			f := &r.Figures[i]
			if f.Missing != "" || k >= f.rounds {
				continue
			}
			m, err := p.Run(f.SpanMS)
			if err != nil {
				f.Missing = err.Error()
				continue
			}
			f.add(m)
		}
	}
	return r, r.check()
}

// span lets a row advance a little, to find how much is to be simulated in one
// measurement, and how many measurements there are time for.
func (f *figure) span(p *bench.Process, o options) error {
	unit := max(f.Block, 1)
	first, err := p.Run(unit) // also wakes the process up
	if err != nil {
		return err
	}
	m := first
	f.rounds = o.repeats
	if first.CPUS < 0.2 {
		if m, err = p.Run(unit * 3); err != nil {
			return err
		}
		m.CPUS /= 3
	}
	f.SpanMS = unit * max(1, min(int(o.budget.Seconds()/m.CPUS), 5000/unit))
	if m.CPUS*float64(f.SpanMS/unit) > 1 {
		f.rounds = max(2, o.repeats/10)
	}
	return nil
}

// starter starts processes.
type starter struct {
	dir, python string
	core        int
	pin         bool // there is taskset
	in          inputs
	started     int
}

// ready is what a process says of itself, and what it computed.
type ready struct {
	Version    string `json:"version"`
	StateBytes int    `json:"state_bytes"` // per neuron, of ours
	outputs
}

func (s *starter) start(r row) (*bench.Process, ready, error) {
	var command []string
	core := fmt.Sprint(s.core)
	if r.Threads > 1 {
		core = fmt.Sprintf("0-%d", r.Threads-1)
	}
	if s.pin {
		command = append(command, "taskset", "-c", core)
	}
	if r.program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, ready{}, err
		}
		command = append(command, self, serveArg)
	} else {
		command = append(command, s.python, filepath.Join(folder, r.program))
	}
	s.started++
	var says ready
	env := []string{"OMP_NUM_THREADS=1", "PYTHONDONTWRITEBYTECODE=1", fmt.Sprintf("GOMAXPROCS=%d", max(1, r.Threads))}
	p, err := bench.Start(s.dir, fmt.Sprintf("%d %s", s.started, r.System), command, env, s.in.request(r), &says)
	return p, says, err
}

// reference is what PyTorch computes for a model, in float64 and as the model file
// defines it: whole convolutions over all steps.
func (s *starter) reference(model string) (*outputs, error) {
	log.Printf("PyTorch's outputs for %s", model)
	p, says, err := s.start(row{System: "reference", Model: model, Neurons: checkNeurons, program: "reference.py"})
	if err != nil {
		return nil, err
	}
	p.Close()
	return &says.outputs, nil
}
