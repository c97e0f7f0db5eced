package nrncell

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/morphology"
	"understudy/plugin/spikeio"
)

// OfData describes the cell of a data set. The morphology is a file, or empty for the
// cell's own.
func OfData(data, file string) (*Description, error) {
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
	return Describe(m.Cell, c, shape)
}

// Run describes the cell of a data set into a file and runs a Python program with it. setup is a
// script that prints where a Python with NEURON and the compiled mechanisms are, as tests/mechanisms.sh does;
// the program gets --cell, --mechanisms and --data before the other arguments. The working directory must be
// the root of the module.
func Run(data, morphology, described, setup, program string, args ...string) error {
	d, err := OfData(data, morphology)
	if err != nil {
		return err
	}
	python, mechanisms, err := prepare(setup)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(described), 0o755); err != nil {
		return err
	}
	if err := spikeio.WriteFile(described, func(w io.Writer) error { return json.NewEncoder(w).Encode(d) }); err != nil {
		return err
	}
	cmd := exec.Command(python, append([]string{program, "--cell", described, "--mechanisms", mechanisms, "--data", data}, args...)...)
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "NEURON_MODULE_OPTIONS=-nogui", "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(program), err)
	}
	return nil
}

func prepare(script string) (python, mechanisms string, err error) {
	cmd := exec.Command("./" + script)
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
