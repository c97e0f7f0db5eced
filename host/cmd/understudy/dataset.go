package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/detailed"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// datasetOptions are the command's flags.
type datasetOptions struct {
	cellFlags
	inputs, shard, out               string
	trials, threads, batch, voltages int
	seconds                          float64
	seed                             uint64
	json                             bool
}

func newDataset() *cobra.Command {
	var o datasetOptions
	cmd := &cobra.Command{
		Use:   "dataset --trials N --out DIR",
		Short: "Make training data: trials of a detailed cell on random input",
		Long: `Make training data: trials of a detailed cell on random synaptic input, by default
with the statistics of Beniaguev, Segev & London (2021).

DIR gets manifest.json and one trial_000123.npz per trial: in_channel and in_t_ms
(input events), spike_ms (voltage peaks), upcross_ms (crossings of -20 mV),
v_soma_mv at t = 0, 1, 2 ... ms, T_ms; with --voltages also v_dend_10uv. Trials that
are there already are kept: an interrupted run goes on when it is started again.
Trial k depends on the cell, the options and the seed, not on the shard, the
threads or the machine; --shard i/n makes the trials k with k mod n = i.

--inputs names other statistics of the input, for data outside the range of the
training data:
  ` + strings.Join(dataset.Variants(), "\n  ") + `
or a JSON file with some of the fields that manifest.json has under "inputs", say
  {"basal": {"exc_per_100ms": [0, 400]}, "synchrony": {"trials": 0.2,
   "period_ms": [30, 200], "width_ms": [3, 10], "share": [0.5, 1]}}
Fields that are left out keep the published values, which --synapses chooses.`,
		Example: `  understudy dataset --trials 100 --out data
  understudy dataset --trials 100 --inputs synchronous --seed 2 --out volleys
  understudy dataset --cell l5pc --morphology cell.asc --trials 10000 --seed 3 --shard 7/64 --out data`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.config(strings.Join(os.Args, " "))
			if err != nil {
				return err
			}
			return runDataset(cmd, &o, c)
		},
	}
	o.cellFlags.add(cmd)
	o.addIntegration(cmd, detailed.CrankNicolson, 0.05)
	f := cmd.Flags()
	f.IntVar(&o.trials, "trials", 0, "number of trials, of all shards together")
	f.Float64Var(&o.seconds, "seconds", 6, "length of a trial [s]")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the input")
	f.StringVar(&o.inputs, "inputs", "paper", "statistics of the input: a `name` of those above, or a JSON file")
	f.IntVar(&o.voltages, "voltages", 0, "dendritic segments, evenly spread over the tree, whose voltage is kept too")
	f.StringVar(&o.shard, "shard", "0/1", "make part `i/n` of the trials, 0 <= i < n")
	f.StringVar(&o.out, "out", "", "`directory` of the data set")
	f.IntVar(&o.threads, "threads", 0, "trials at once (default one per core)")
	f.IntVar(&o.batch, "batch", 8, "trials that one thread steps side by side; 8 fill the widest kernel")
	f.BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

// config checks the options and makes the data set's description of them.
func (o *datasetOptions) config(command string) (dataset.Config, error) {
	var c dataset.Config
	shard, shards, err := parseShard(o.shard)
	if err != nil {
		return c, err
	}
	ms := o.seconds * 1000
	if o.threads == 0 {
		o.threads = runtime.GOMAXPROCS(0)
	}
	switch {
	case o.out == "":
		return c, usagef("dataset: --out is missing")
	case o.trials < 1:
		return c, usagef("dataset: --trials %d, want at least 1", o.trials)
	case !(ms >= 1 && ms <= spikeio.MaxMS) || math.Abs(ms-math.Round(ms)) > 1e-6:
		return c, usagef("dataset: --seconds %g, want whole ms, at least 0.001 and at most %d", o.seconds, spikeio.MaxMS/1000)
	case o.threads < 1:
		return c, usagef("dataset: --threads %d, want at least 1", o.threads)
	case o.batch < 1 || o.batch > 4096:
		return c, usagef("dataset: --batch %d, want 1 to 4096", o.batch)
	case o.voltages < 0:
		return c, usagef("dataset: --voltages %d, want at least 0", o.voltages)
	}
	opt, err := o.options("dataset")
	if err != nil {
		return c, err
	}
	inputs, err := readInputs(o.inputs, o.synapses == "nmda")
	if err != nil {
		return c, err
	}
	m := dataset.Manifest{Cell: o.cell, Seconds: o.seconds, Seed: o.seed, Trials: o.trials, Synapses: o.synapses,
		DtMS: o.dt, Scheme: o.scheme, Command: command, Inputs: inputs}
	if o.dendrites == "passive" {
		m.Dendrites = o.dendrites
	}
	if o.morphology != "" {
		b, err := os.ReadFile(o.morphology)
		if err != nil {
			return c, err
		}
		m.Morphology = fmt.Sprintf("%s sha256:%x", filepath.Base(o.morphology), sha256.Sum256(b))
	}
	channels, err := cell.Channels(o.cell, opt)
	if err != nil {
		return c, err
	}
	m.Voltages = spread(channels, o.voltages)
	newPop := func(n int) (population.Population, error) { return cell.New(o.cell, n, opt) }
	// A bad option, the time step above all, shows here, before any file.
	pop, err := newPop(1)
	if err != nil {
		if errors.Is(err, population.ErrInput) {
			err = usageError{err}
		}
		return c, err
	}
	defer pop.Close()
	if _, ok := pop.(population.Probed); !ok && o.voltages > 0 {
		return c, usagef("dataset: --voltages %d: %s is a point neuron and has no dendrites", o.voltages, o.cell)
	}
	return dataset.Config{Dir: o.out, Manifest: m, Channels: channels, New: newPop,
		Shard: shard, Shards: shards, Threads: o.threads, Batch: o.batch}, nil
}

// readInputs returns named input statistics or those of a file.
func readInputs(name string, nmda bool) (dataset.Inputs, error) {
	in, unknown := dataset.Variant(name, nmda)
	if unknown == nil {
		return in, nil
	}
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return in, usagef("dataset: --inputs: %w, and no such file", unknown)
	}
	if err != nil {
		return in, err
	}
	if in, err = dataset.ParseInputs(b, nmda); err != nil {
		return in, fmt.Errorf("%s: %w", name, err)
	}
	return in, nil
}

// spread returns n segments evenly spread over those that channels have, or all of them.
func spread(channels []cell.Channel, n int) []int {
	var all []int
	for _, c := range channels {
		all = append(all, c.Segment)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	n = min(n, len(all))
	var some []int
	for i := range n {
		some = append(some, all[(2*i+1)*len(all)/(2*n)])
	}
	return some
}

// parseShard reads i/n.
func parseShard(s string) (i, n int, err error) {
	a, b, ok := strings.Cut(s, "/")
	i, errI := strconv.Atoi(a)
	n, errN := strconv.Atoi(b)
	if !ok || errI != nil || errN != nil || i < 0 || i >= n {
		return 0, 0, usagef("dataset: --shard %q, want i/n with 0 <= i < n", s)
	}
	return i, n, nil
}

// datasetSummary is what the command prints.
type datasetSummary struct {
	Dir string `json:"dir"`
	dataset.Progress
	WallS float64 `json:"wall_s"`
	// HoursPerHour is the data made per wall time; 0 where none was made.
	HoursPerHour float64 `json:"hours_of_data_per_hour"`
}

func runDataset(cmd *cobra.Command, o *datasetOptions, c dataset.Config) error {
	bar := newProgressBar(cmd.ErrOrStderr())
	c.Progress = func(p dataset.Progress) { bar.show("trials", p.Found, p.Found+p.Made, p.Trials) }
	start := time.Now()
	p, err := dataset.Run(cmd.Context(), c)
	bar.end()
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("stopped: %d of %d trials are in %s; the same command goes on from there", p.Found+p.Made, p.Trials, c.Dir)
	}
	if err != nil {
		return err
	}
	s := datasetSummary{Dir: c.Dir, Progress: p, WallS: time.Since(start).Seconds()}
	data := float64(p.Made) * float64(p.TrialMS) / 1000
	if p.Made > 0 {
		s.HoursPerHour = data / s.WallS
	}
	out := cmd.OutOrStdout()
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	fmt.Fprintf(out, "%s: %d trials of shard %s, %d of them made now", c.Dir, p.Trials, o.shard, p.Made)
	if p.Made > 0 {
		fmt.Fprintf(out, ": %g s of data with %d spikes (%.2f Hz) in %.1f s, %.2f hours of data an hour",
			data, p.Spikes, float64(p.Spikes)/data, s.WallS, s.HoursPerHour)
	}
	fmt.Fprintln(out)
	return nil
}
