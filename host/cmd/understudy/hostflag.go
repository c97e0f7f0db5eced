package main

import (
	"context"

	"github.com/spf13/cobra"

	"understudy/host"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// hostFlag is the flag of commands that can run a surrogate in a sandbox.
type hostFlag struct{ host string }

func (f *hostFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.host, "host", "native", "where surrogates run: `native`, or wasm: in a WebAssembly sandbox, on one thread")
}

// sandboxed says whether surrogates run in the sandbox. What is wrong is wrong usage.
func (f *hostFlag) sandboxed(command, kernel string) (bool, error) {
	switch {
	case f.host != "native" && f.host != "wasm":
		return false, usagef("%s: --host %q, want native or wasm", command, f.host)
	case f.host == "wasm" && kernel != "":
		return false, usagef("%s: --kernel %s with --host wasm, which has one kernel set only", command, kernel)
	}
	return f.host == "wasm", nil
}

// wasmKernel is what the sandbox runs, for reports.
const wasmKernel = "of the WebAssembly guest"

// inSandbox opens the sandbox and says how to make a population of the model in it.
func inSandbox(ctx context.Context, m *model.Model, opt surrogate.Options) (r *host.Runtime, build func(n int) (*host.Population, error), err error) {
	file, err := m.Encode()
	if err != nil {
		return nil, nil, err
	}
	r, err = host.New(ctx, host.Options{})
	if err != nil {
		return nil, nil, err
	}
	opt.Kernel, opt.Threads = "", 0
	return r, func(n int) (*host.Population, error) { return r.NewSurrogate(file, n, opt) }, nil
}

// headed is a population of surrogates, here or in the sandbox.
type headed interface {
	population.Population
	Heads() map[string]int
	StepHeads(steps int, events []population.Event, out population.Output, heads map[string][]float32) error
	OutOfRange() surrogate.RangeReport
}
