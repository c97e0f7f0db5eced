// Command benchmarks measures NEURON, CoreNEURON and Arbor beside our detailed
// engine on the same cell and the same input, in the same run; README.md says how to
// read what it prints.
//
//	make bench-detailed
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"understudy/tests/benchmarks/bench"
)

func main() {
	log.SetFlags(0)
	o := options{}
	flag.IntVar(&o.spanMS, "ms", 200, "simulated ms of one measurement of one neuron; rows of many neurons take a fraction")
	flag.IntVar(&o.warmMS, "warm", 100, "simulated ms before the first measurement, so that synapses are as active as they stay")
	flag.IntVar(&o.repeats, "repeats", 5, "measurements of every row, of which the cheapest counts")
	flag.BoolVar(&o.peers, "peers", true, "measure the peers too; they are installed where they are not")
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
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
	spanMS, warmMS, repeats int
	peers                   bool
	rows                    []row // nil for all
}

// subject is something that is measured: it advances by ms at a time.
type subject interface {
	Run(ms int) (bench.Sample, error)
	Close()
}

// measure starts every subject, lets each of them simulate the warm-up, and then all
// of them in turn, again and again, so that a busy machine hits all alike.
func measure(o options) (*report, error) {
	if o.spanMS < 40 || o.warmMS < 0 || o.repeats < 1 {
		return nil, fmt.Errorf("-ms %d -warm %d -repeats %d: want at least 40, 0, 1", o.spanMS, o.warmMS, o.repeats)
	}
	if o.rows == nil {
		o.rows = ourRows()
	}
	env := environment{}
	if o.peers {
		var err error
		if env, err = prepare(); err != nil {
			return nil, err
		}
		o.rows = append(o.rows, peerRows(env)...)
	}
	dir, err := os.MkdirTemp("", "bench-detailed-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)

	r := &report{Machine: bench.Machine(), Options: fmt.Sprintf("-ms %d -warm %d -repeats %d", o.spanMS, o.warmMS, o.repeats), Compiler: env.at["compiler"]}
	var subjects []subject
	defer func() {
		for _, s := range subjects {
			if s != nil {
				s.Close()
			}
		}
	}()
	for i := range o.rows {
		row := &o.rows[i]
		span := max(row.span(o.spanMS), 3)
		f := figure{System: row.system, Detail: row.detail, Neurons: row.neurons, Threads: max(row.threads, 1), SpanMS: span}
		log.Printf("starting %s, %d neurons", row.system, row.neurons)
		s, err := row.start(dir, o.warmMS+o.repeats*span, &f)
		if err == nil && o.warmMS > 0 {
			var warm bench.Sample
			if warm, err = s.Run(o.warmMS); err == nil {
				f.Spikes += warm.Spikes
			}
		}
		if err != nil {
			f.Missing = err.Error()
		}
		subjects = append(subjects, s)
		r.Figures = append(r.Figures, f)
	}
	for k := range o.repeats {
		log.Printf("round %d of %d", k+1, o.repeats)
		for i, s := range subjects {
			f := &r.Figures[i]
			if f.Missing != "" {
				continue
			}
			m, err := s.Run(f.SpanMS)
			if err != nil {
				f.Missing = err.Error()
				continue
			}
			f.add(m)
		}
	}
	for i := range r.Figures {
		r.Figures[i].HzPerNeuron = float64(r.Figures[i].Spikes) / float64(r.Figures[i].Neurons) / (float64(o.warmMS+o.repeats*r.Figures[i].SpanMS) / 1000)
	}
	return r, r.check()
}

// check returns an error that names rows of ours that failed, and rows that no
// spike was seen in: they did not do the work that they were timed for.
func (r *report) check() error {
	var errs []error
	for _, f := range r.Figures {
		switch {
		case f.Missing != "" && f.ours():
			errs = append(errs, fmt.Errorf("%s, %d neurons: %s", f.System, f.Neurons, f.Missing))
		case f.Missing == "" && f.Spikes == 0:
			errs = append(errs, fmt.Errorf("%s, %d neurons: no spike", f.System, f.Neurons))
		}
	}
	return errors.Join(errs...)
}
