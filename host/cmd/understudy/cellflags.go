package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"understudy/plugin/cell"
	"understudy/plugin/detailed"
	"understudy/plugin/morphology"
)

// cellFlags are the options that choose a detailed cell, the same for every command.
type cellFlags struct {
	cell, morphology, synapses, dendrites, scheme string
	dt                                            float64
}

// add adds the options that say what the cell is.
func (f *cellFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.cell, "cell", "l5pc", "built-in cell: "+strings.Join(cell.Names(), ", "))
	cmd.Flags().StringVar(&f.morphology, "morphology", "", "reconstruction `file`, .swc or .asc (default the cell's own)")
	cmd.Flags().StringVar(&f.synapses, "synapses", "nmda", "excitatory synapses, nmda (with AMPA) or ampa")
	cmd.Flags().StringVar(&f.dendrites, "dendrites", "active", "dendrites, active or passive (without voltage-gated channels)")
	f.dt = detailed.DefaultDtMS
}

// addIntegration adds the options that say how the cell is integrated.
func (f *cellFlags) addIntegration(cmd *cobra.Command, scheme detailed.Scheme, dtMS float64) {
	cmd.Flags().StringVar(&f.scheme, "scheme", string(scheme), "integration: crank-nicolson (second order) or backward-euler (NEURON's fixed step)")
	cmd.Flags().Float64Var(&f.dt, "dt", dtMS, "time step of the cell [ms]; must divide 1 ms")
}

// options checks the flags and reads the morphology. Every command calls it before
// it writes anything.
func (f *cellFlags) options(command string) (cell.Options, error) {
	o := cell.Options{Synapses: f.synapses, Dendrites: f.dendrites, DtMS: f.dt, Scheme: detailed.Scheme(f.scheme)}
	switch {
	case !slices.Contains(cell.Names(), f.cell):
		return o, usagef("%s: --cell %q, want one of %s", command, f.cell, strings.Join(cell.Names(), ", "))
	case f.synapses != "nmda" && f.synapses != "ampa":
		return o, usagef("%s: --synapses %q, want nmda or ampa", command, f.synapses)
	case f.dendrites != "active" && f.dendrites != "passive":
		return o, usagef("%s: --dendrites %q, want active or passive", command, f.dendrites)
	case f.morphology != "" && f.cell == "lif":
		return o, usagef("%s: --cell lif is a point neuron and takes no --morphology", command)
	case !(f.dt > 0):
		return o, usagef("%s: --dt %g ms, want above 0", command, f.dt)
	}
	if err := (detailed.Options{DtMS: f.dt, Scheme: o.Scheme}).Check(); err != nil {
		return o, usagef("%s: %w", command, err)
	}
	var err error
	if f.morphology != "" {
		o.Morphology, err = morphology.ReadFile(f.morphology)
	}
	return o, err
}
