// Command neuron_reduce judges the cell that the Python package neuron_reduce (Amsalem et al. 2020)
// makes of a detailed one, on a data set of the detailed one, as a baseline of our surrogates;
// README.md says how to read it.
//
//	make bench-reduce DATA=test MORPHOLOGY=cell.asc
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"understudy/tests/nrncell"
)

// folder is where this benchmark lies, seen from the root of the module.
const folder = "tests/benchmarks/neuron_reduce"

type options struct {
	data, morphology, out, json string
	frequency                   float64
	trials                      int
}

func main() {
	log.SetFlags(0)
	o := options{}
	flag.StringVar(&o.data, "data", "", "`directory` of the data set that is judged on")
	flag.StringVar(&o.morphology, "morphology", "", "reconstruction `file` that the data were made with (default the cell's own)")
	flag.StringVar(&o.out, "out", "build/neuron_reduce", "`directory` that keeps every trial's response, so that a stopped run goes on")
	flag.StringVar(&o.json, "json", "", "`file` of the figures (default neuron_reduce.json in -out)")
	flag.Float64Var(&o.frequency, "frequency", 0, "at which the reduction keeps impedances [Hz]")
	flag.IntVar(&o.trials, "trials", 0, "judge the first `N` trials only; 0 for all")
	flag.Parse()
	if o.json == "" {
		o.json = filepath.Join(o.out, "neuron_reduce.json")
	}
	var err error
	switch {
	case flag.NArg() > 0:
		err = fmt.Errorf("%q is not an option", flag.Arg(0))
	case o.data == "":
		err = fmt.Errorf("-data is missing (make bench-reduce DATA=directory)")
	case !(o.frequency >= 0 && o.frequency <= 1e6):
		err = fmt.Errorf("-frequency %g, want at least 0 Hz", o.frequency)
	case o.trials < 0:
		err = fmt.Errorf("-trials %d, want at least 0", o.trials)
	}
	if err != nil {
		log.Print(err)
		os.Exit(2)
	}
	// The first time, this installs the package and compiles the mechanisms, which takes a minute.
	err = nrncell.Run(o.data, o.morphology, filepath.Join(o.out, "cell.json"), filepath.Join(folder, "environment.sh"), filepath.Join(folder, "judge.py"),
		"--out", o.out, "--json", o.json, "--frequency", fmt.Sprint(o.frequency), "--trials", fmt.Sprint(o.trials))
	if err != nil {
		log.Fatal(err)
	}
}
