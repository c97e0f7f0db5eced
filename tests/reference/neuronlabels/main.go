// Command neuronlabels runs the trials of a data set in NEURON, with its variable time step, and writes
// the same data set with what NEURON answers: to judge surrogates on labels that are not our
// engine's.
//
//	go run ./tests/reference/neuronlabels -data fine -morphology cell1.asc -trials 0,3,7 -out neuron
//	build/understudy evaluate --model l5pc-paper --data neuron
//
// It is run from the root of the module. For each trial it also says how far our own labels are from
// NEURON's. A trial of 6 s of the layer-5 pyramidal cell takes NEURON two minutes or more.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"understudy/tests/nrncell"
)

type options struct {
	data, morphology, out, trials string
	atol                          float64
}

func main() {
	log.SetFlags(0)
	var o options
	flag.StringVar(&o.data, "data", "", "`directory` of the data set")
	flag.StringVar(&o.morphology, "morphology", "", "reconstruction `file` that the data were made with (default the cell's own)")
	flag.StringVar(&o.out, "out", "", "`directory` of the data set to write; trials that are there are kept")
	flag.StringVar(&o.trials, "trials", "", "`numbers` of the trials, separated by commas (default all)")
	flag.Float64Var(&o.atol, "atol", 1e-5, "absolute tolerance of the variable step")
	flag.Parse()
	if flag.NArg() > 0 || o.data == "" || o.out == "" || !(o.atol > 0) {
		log.Print("neuronlabels: want -data, -out, -atol above 0 and no other words")
		os.Exit(2)
	}
	if err := run(o); err != nil {
		log.Fatal("neuronlabels: ", err)
	}
}

func run(o options) error {
	dir, err := os.MkdirTemp("", "neuronlabels")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return nrncell.Run(o.data, o.morphology, filepath.Join(dir, "cell.json"), "tests/mechanisms.sh", "tests/reference/neuronlabels/label.py",
		"--out", o.out, "--trials", o.trials, "--atol", fmt.Sprint(o.atol))
}
