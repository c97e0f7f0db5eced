// Command neuron_reduce judges the cell that the Python package neuron_reduce (Amsalem et al. 2020)
// makes of a detailed one, on a data set of the detailed one, as a baseline of our surrogates;
// README.md says how to read it.
//
//	make bench-reduce DATA=test MORPHOLOGY=cell.asc
package main

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/morphology"
	"understudy/plugin/spikeio"
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
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	d, err := describe(o.data, o.morphology)
	if err != nil {
		return err
	}
	python, mechanisms, err := prepare()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	described := filepath.Join(o.out, "cell.json")
	if err := spikeio.WriteFile(described, func(w io.Writer) error { return json.NewEncoder(w).Encode(d) }); err != nil {
		return err
	}
	cmd := exec.Command(python, filepath.Join(folder, "judge.py"), "--cell", described, "--mechanisms", mechanisms,
		"--data", o.data, "--out", o.out, "--json", o.json, "--frequency", fmt.Sprint(o.frequency), "--trials", fmt.Sprint(o.trials))
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "NEURON_MODULE_OPTIONS=-nogui", "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("judge.py: %w", err)
	}
	return nil
}

// describe describes the cell of a data set to NEURON. The morphology is a file, or empty for the
// cell's own.
func describe(data, file string) (*nrncell.Description, error) {
	set, err := dataset.Open(data)
	if err != nil {
		return nil, err
	}
	m := &set.Manifest
	o := cell.Options{Synapses: m.Synapses, Dendrites: m.Dendrites}
	_, made, _ := strings.Cut(m.Morphology, " sha256:")
	switch {
	case file == "" && made != "":
		return nil, fmt.Errorf("%s is of a cell with the morphology %s: -morphology is missing", data, m.Morphology)
	case file != "" && made == "":
		return nil, fmt.Errorf("%s is of the built-in morphology, not of -morphology %s", data, file)
	case file != "":
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(text)); sum != made {
			return nil, fmt.Errorf("%s is of the morphology %s; %s has sha256:%s", data, m.Morphology, file, sum)
		}
		if o.Morphology, err = morphology.ReadFile(file); err != nil {
			return nil, err
		}
	}
	c, shape, err := cell.Build(m.Cell, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", data, err)
	}
	channels, err := cell.Channels(m.Cell, o)
	if err != nil {
		return nil, err
	}
	var sections []string
	for _, ch := range channels {
		sections = append(sections, ch.Section)
	}
	if !reflect.DeepEqual(sections, m.Section) {
		return nil, fmt.Errorf("%s: its %d channels are not the %d that the cell has today", data, len(m.Section), len(sections))
	}
	return nrncell.Describe(m.Cell, c, shape)
}

// prepare installs the package and compiles the mechanisms, which takes a minute the first time.
func prepare() (python, mechanisms string, err error) {
	cmd := exec.Command(filepath.Join(folder, "environment.sh"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("%s: %w (run it from the root of the module)", cmd.Path, err)
	}
	at := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			at[name] = value
		}
	}
	return at["python"], at["mechanisms"], nil
}
