package main

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"understudy/native"
	"understudy/plugin/surrogate"
)

// kernelEnv names the kernel set where --kernel is left out.
const kernelEnv = "UNDERSTUDY_KERNEL"

// surrogateFlags are the flags of the commands that run a surrogate.
type surrogateFlags struct {
	model, kernel, precision, spikes string
	seed                             uint64
}

// add defines the flags. seedFlag is false where the command has a --seed of its own,
// which then is in f.seed.
func (f *surrogateFlags) add(cmd *cobra.Command, seedFlag bool) {
	addModelFlag(cmd, &f.model)
	flags := cmd.Flags()
	flags.StringVar(&f.kernel, "kernel", "", "kernel set, see 'understudy kernels' (default $"+kernelEnv+", else the fastest)")
	flags.StringVar(&f.precision, "precision", surrogate.Float32, "arithmetic of the surrogate: f32, bf16 (products of 16-bit floats), or int8 for a quantised model")
	flags.StringVar(&f.spikes, "spikes", "threshold", "what a spike is: where the probability reaches the model's `threshold`, or a random sample")
	if seedFlag {
		flags.Uint64Var(&f.seed, "seed", 1, "seed of random spikes")
	}
}

// options returns the options of the surrogate's population. What is wrong with them is
// wrong usage.
func (f *surrogateFlags) options(command string) (surrogate.Options, error) {
	kernel, from := f.kernel, "--kernel"
	if kernel == "" {
		kernel, from = os.Getenv(kernelEnv), kernelEnv
	}
	if _, err := native.Select(kernel); err != nil {
		return surrogate.Options{}, usagef("%s: %w", from, err)
	}
	if !slices.Contains(surrogate.Precisions(), f.precision) {
		return surrogate.Options{}, usagef("%s: --precision %q, want one of %s", command, f.precision, strings.Join(surrogate.Precisions(), ", "))
	}
	if f.spikes != "threshold" && f.spikes != "sample" {
		return surrogate.Options{}, usagef("%s: --spikes %q, want threshold or sample", command, f.spikes)
	}
	return surrogate.Options{Kernel: kernel, Precision: f.precision, Sample: f.spikes == "sample", Seed: f.seed}, nil
}
