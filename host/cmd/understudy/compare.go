package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"understudy/host/compare"
	"understudy/plugin/cell"
	"understudy/plugin/detailed"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
	"understudy/plugin/surrogate"
)

// compareOptions are the command's flags.
type compareOptions struct {
	cellFlags
	surrogateFlags // its seed is also that of the network
	hostFlag
	neurons, duration []int
	regimes           []string
	audit             int
	control           bool
	warmUp            int
	outPath           string
	threads           int
	asJSON            bool
}

func newCompare() *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Run the same network with detailed cells and with surrogates, and compare",
		Long: `Run the same recurrent network, driven by the same background spikes, once with
detailed cells and once with surrogates, for networks of growing size. Prints
what each costs and how faithful the surrogates are, cell by cell under
identical input and as a network, and writes a report with plots.

Results depend on the options only, except for the times.

--regime chooses what the network does: asynchronous (irregular firing, hardly
together), oscillating (a population rhythm of about 20 Hz), driven (more than ten
spikes a second), and default, which needs no mention. Beside the comparison it
prints how the two networks drift apart with time and with their size; --control
also how far the detailed network drifts from itself when one spike is added.

--audit K runs networks of surrogates only, of which K neurons get a detailed twin
that receives exactly the same events, and prints how they agree as the network
runs: whether surrogates can be trusted in it. Detailed cells then cost in
proportion to K, so that networks may be large and runs long.

With --host wasm the surrogates run in a WebAssembly sandbox without files, clock or
network, and once more outside of it, to tell what the sandbox costs.

With --morphology the detailed cells have the user's morphology. A surrogate
that was trained on the built-in morphology then stands in with its channels
matched, and the report says so.`,
		Example: `  understudy compare
  understudy compare --neurons 1,10,100 --duration 2000,1000,300 --seed 7 --out report.html
  understudy compare --regime asynchronous,oscillating,driven --neurons 16,64
  understudy compare --audit 8 --neurons 1000 --regime driven --duration 10000
  understudy compare --morphology cell.asc --neurons 4 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCompare(cmd, &o) },
	}
	o.cellFlags.add(cmd)
	o.addIntegration(cmd, detailed.CrankNicolson, 0.05)
	f := cmd.Flags()
	f.IntSliceVar(&o.neurons, "neurons", []int{1, 4, 16, 64}, "sizes of the network")
	f.IntSliceVar(&o.duration, "duration", nil, "simulated `ms` of each size, or one for all (default 8000 for 1 detailed neuron down to 1500 for 64)")
	f.StringSliceVar(&o.regimes, "regime", []string{compare.DefaultRegime}, "what the network does, one or more of "+strings.Join(compare.RegimeNames(), ", "))
	f.IntVar(&o.audit, "audit", 0, "give `K` neurons of a network of surrogates (default of 64 neurons) a detailed twin")
	f.BoolVar(&o.control, "control", false, "also run the detailed network with one spike more, to see what chaos alone does (twice the time)")
	f.IntVar(&o.warmUp, "warmup", -1, "`ms` left out of the statistics (default 500 or a quarter of the duration)")
	o.surrogateFlags.add(cmd, false)
	o.hostFlag.add(cmd)
	f.Uint64Var(&o.seed, "seed", 1, "seed of the connections, of the background and of random spikes")
	f.IntVar(&o.threads, "threads", runtime.NumCPU(), "threads, for both kinds of cell")
	f.StringVar(&o.outPath, "out", "compare-report.html", "report to write, HTML `file`")
	f.BoolVar(&o.asJSON, "json", false, "print JSON instead of tables")
	return cmd
}

// durationFor is the default simulated time [ms] with n detailed cells, which cost in
// proportion to n, and make more spikes in less time where they are many.
func durationFor(n int) int {
	switch {
	case n <= 1:
		return 8000
	case n <= 4:
		return 6000
	case n <= 16:
		return 3000
	}
	return 1500
}

// check validates the options and fills in durations.
func (o *compareOptions) check() error {
	if len(o.neurons) == 0 {
		return usagef("compare: --neurons is empty")
	}
	for _, n := range o.neurons {
		if n < 1 || n > 1<<20 {
			return usagef("compare: --neurons %d, expected 1 to %d", n, 1<<20)
		}
	}
	switch {
	case len(o.duration) == 0:
		for _, n := range o.neurons {
			if o.audit > 0 {
				n = min(n, o.audit)
			}
			o.duration = append(o.duration, durationFor(n))
		}
	case len(o.duration) == 1:
		for range o.neurons[1:] {
			o.duration = append(o.duration, o.duration[0])
		}
	case len(o.duration) != len(o.neurons):
		return usagef("compare: --duration has %d entries, --neurons %d", len(o.duration), len(o.neurons))
	}
	for _, d := range o.duration {
		if d < 10 || d > spikeio.MaxMS {
			return usagef("compare: --duration %d ms, expected 10 to %d", d, spikeio.MaxMS)
		}
		if o.warmUp >= d {
			return usagef("compare: --warmup %d ms leaves nothing of %d ms", o.warmUp, d)
		}
	}
	for i, name := range o.regimes {
		if _, err := compare.FindRegime(name); err != nil {
			return usagef("compare: --regime: %w", err)
		}
		if slices.Contains(o.regimes[:i], name) {
			return usagef("compare: --regime: %s twice", name)
		}
	}
	switch {
	case len(o.regimes) == 0:
		return usagef("compare: --regime is empty")
	case o.audit > 0 && o.control:
		return usagef("compare: --control is about a comparison, not about --audit")
	case o.audit < 0:
		return usagef("compare: --audit %d neurons, expected 1 or more", o.audit)
	case o.warmUp < -1:
		return usagef("compare: --warmup %d ms", o.warmUp)
	case o.threads < 1 || o.threads > 1024:
		return usagef("compare: --threads %d, expected 1 to 1024", o.threads)
	case o.dt > 0.1:
		return usagef("compare: --dt %g ms, expected at most 0.1", o.dt)
	case o.outPath == "":
		return usagef("compare: --out is empty")
	}
	return nil
}

// outcome is what a comparison or an audit has to say.
type outcome interface {
	WriteText(io.Writer) error
	WriteReport(io.Writer) error
}

func runCompare(cmd *cobra.Command, o *compareOptions) error {
	if given := cmd.Flags().Changed; given("audit") {
		if o.audit == 0 {
			return usagef("compare: --audit 0 neurons, expected 1 or more")
		}
		if !given("neurons") {
			o.neurons = []int{64}
		}
	}
	if err := o.check(); err != nil {
		return err
	}
	// Told now rather than after the simulations.
	if st, err := os.Stat(filepath.Dir(o.outPath)); err != nil || !st.IsDir() {
		return fmt.Errorf("--out %s: no such directory", o.outPath)
	}
	cfg, setup, done, err := o.prepare(cmd.Context())
	if err != nil {
		return err
	}
	defer done()
	setup.Command = commandLine(cmd)
	r, err := o.run(cmd, cfg, setup)
	if err != nil {
		return err
	}
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	if err := spikeio.WriteFile(o.outPath, r.WriteReport); err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if o.asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	for _, c := range setup.Caveats {
		fmt.Fprintf(w, "Note: %s\n\n", c)
	}
	if err := r.WriteText(w); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s, %d thread(s), seed %d.\nReport: %s\n", setup.Machine, o.threads, o.seed, o.outPath)
	return err
}

// run compares or audits, and says how far it is.
func (o *compareOptions) run(cmd *cobra.Command, cfg *compare.Config, setup *compare.Setup) (outcome, error) {
	bar := newProgressBar(cmd.ErrOrStderr())
	cfg.Progress = func(stage string, done, total int) { bar.show(stage+", neuron-ms", 0, done, total) }
	defer bar.end()
	if o.audit > 0 {
		r, err := compare.RunAudit(cmd.Context(), *cfg, o.audit)
		if err != nil {
			return nil, err
		}
		r.Setup = *setup
		return r, nil
	}
	r, err := compare.Run(cmd.Context(), *cfg)
	if err != nil {
		return nil, err
	}
	r.Setup = *setup
	return r, nil
}

// prepare reads what the options name and says how to build both kinds of population; done frees what they need.
func (o *compareOptions) prepare(ctx context.Context) (cfg *compare.Config, setup *compare.Setup, done func(), err error) {
	sandboxed, err := o.sandboxed("compare", o.kernel)
	if err != nil {
		return nil, nil, nil, err
	}
	surrogates, err := o.surrogateFlags.options("compare")
	if err != nil {
		return nil, nil, nil, err
	}
	surrogates.Threads = o.threads
	opt, err := o.cellFlags.options("compare")
	if err != nil {
		return nil, nil, nil, err
	}
	opt.Threads = o.threads
	channels, err := cell.Channels(o.cell, opt)
	if err != nil {
		return nil, nil, nil, err
	}
	m, err := openModel(o.model)
	if err != nil {
		return nil, nil, nil, err
	}
	fit, err := compare.FitModel(m, o.cell, opt)
	if err != nil {
		return nil, nil, nil, err
	}
	cfg = &compare.Config{
		Neurons: o.neurons, DurationMS: o.duration, WarmUpMS: o.warmUp, Control: o.control,
		Detailed:  func(n int) (population.Population, error) { return cell.New(o.cell, n, opt) },
		Surrogate: func(n int) (population.Population, error) { return newSurrogate(m, n, surrogates, fit) },
	}
	for _, name := range o.regimes {
		regime, err := compare.FindRegime(name)
		if err != nil {
			return nil, nil, nil, err
		}
		w, err := regime.Workload(channels, o.seed)
		if err != nil {
			return nil, nil, nil, err
		}
		cfg.Workloads = append(cfg.Workloads, w)
	}
	used, err := surrogate.New(m, 1, surrogates)
	if err != nil {
		return nil, nil, nil, err
	}
	defer used.Close()
	setup = &compare.Setup{
		Date: time.Now(), Seed: o.seed, Cell: o.cell, Morphology: o.morphology, Model: m.Name, Kernel: used.Kernel().Name, Precision: surrogates.Precision, Host: o.host,
		Threads: o.threads, DtMS: o.dt, Scheme: o.scheme, Machine: compare.ThisMachine(), Caveats: fit.Caveats,
	}
	if !sandboxed {
		return cfg, setup, func() {}, nil
	}
	box, build, err := inSandbox(ctx, m, surrogates)
	if err != nil {
		return nil, nil, nil, err
	}
	setup.Kernel = wasmKernel
	single := surrogates
	single.Threads = 1
	cfg.Native = func(n int) (population.Population, error) { return newSurrogate(m, n, single, fit) }
	cfg.Surrogate = func(n int) (population.Population, error) {
		p, err := build(n)
		if err != nil {
			return nil, err
		}
		return fitted(p, fit)
	}
	return cfg, setup, func() { box.Close() }, nil
}

func newSurrogate(m *model.Model, n int, opt surrogate.Options, fit *compare.Fit) (population.Population, error) {
	p, err := surrogate.New(m, n, opt)
	if err != nil {
		return nil, err
	}
	return fitted(p, fit)
}

// fitted gives a population the cell's channels.
func fitted(p population.Population, fit *compare.Fit) (population.Population, error) {
	if fit.Map == nil {
		return p, nil
	}
	return compare.Mapped(p, fit.Map)
}

// commandLine is the command with the flags that were given.
func commandLine(cmd *cobra.Command) string {
	s := cmd.CommandPath()
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{strings.Trim(f.Value.String(), "[]")}
		switch f.Value.Type() {
		case "bool":
			s += " --" + f.Name
			return
		case "stringArray":
			values, _ = cmd.Flags().GetStringArray(f.Name) // an error only for another type
		}
		for _, v := range values {
			if strings.ContainsAny(v, " \t\"'$&;|<>()\\*?`") {
				v = "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
			}
			s += " --" + f.Name + " " + v
		}
	})
	return s
}
