package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"understudy/plugin/dataset"
	"understudy/plugin/measure"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// evaluateBatch is how many trials run side by side as one population.
const evaluateBatch = 16

func newEvaluate() *cobra.Command {
	var sf surrogateFlags
	var dir, holdout string
	var threads int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "evaluate --data DIR",
		Short: "Judge a surrogate on trials of the cell it stands in for",
		Long: `Judge a surrogate on trials of the cell it stands in for, as 'understudy dataset'
makes them. The first 500 ms of each trial are left out and voltages are clipped
at -55 mV, as in Beniaguev, Segev & London (2021); a spike is right within 2 ms.
Without --holdout, trials that the model was trained on are judged too.`,
		Example: "  understudy evaluate --data data --holdout every-20\n  understudy evaluate --model surrogate.safetensors --data test --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			every, err := parseHoldout(holdout)
			if err != nil {
				return err
			}
			if dir == "" {
				return usagef("evaluate: --data is missing")
			}
			if threads < 0 {
				return usagef("evaluate: --threads %d, want at least 1", threads)
			}
			if threads == 0 {
				threads = runtime.GOMAXPROCS(0)
			}
			opt, err := sf.options("evaluate")
			if err != nil {
				return err
			}
			m, d, err := openModelAndData(sf.model, dir)
			if err != nil {
				return err
			}
			trials := slices.DeleteFunc(slices.Clone(d.Trials), func(k int) bool { return k%every != 0 })
			if len(trials) == 0 {
				return fmt.Errorf("%s: %d trials, none of them with a number that %d divides", dir, len(d.Trials), every)
			}
			r, err := evaluate(cmd, m, d, trials, opt, threads)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	sf.add(cmd, true)
	f := cmd.Flags()
	f.StringVar(&dir, "data", "", "`directory` of the data set")
	f.StringVar(&holdout, "holdout", "every-1", "judge the trials whose number N divides, `every-N`; training holds out every-20")
	f.IntVar(&threads, "threads", 0, "threads (default one per core)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// parseHoldout reads every-N.
func parseHoldout(s string) (int, error) {
	t, ok := strings.CutPrefix(s, "every-")
	n, err := strconv.Atoi(t)
	if !ok || err != nil || n < 1 {
		return 0, usagef("evaluate: --holdout %q, want every-N with N at least 1", s)
	}
	return n, nil
}

// openModelAndData opens a model, as openModel, and a data set of the same cell.
func openModelAndData(path, dir string) (*model.Model, *dataset.Data, error) {
	m, err := openModel(path)
	if err != nil {
		return nil, nil, err
	}
	d, err := dataset.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	return m, d, sameChannels(m, d)
}

// sameChannels returns an error unless the model's channels are the data's.
func sameChannels(m *model.Model, d *dataset.Data) error {
	in, man := m.Inputs, d.Manifest
	if in.Channels != man.Channels {
		return fmt.Errorf("%w: the model has %d channels, %s has %d: not the same cell", population.ErrInput, in.Channels, d.Dir, man.Channels)
	}
	for i := range in.Channels {
		if in.ChannelKind != nil && in.ChannelKind[i] != man.ChannelKind[i] ||
			in.Section != nil && in.Section[i] != man.Section[i] ||
			in.Segment != nil && in.Segment[i] != man.Segment[i] {
			return fmt.Errorf("%w: channel %d of the model and of %s differ in kind, section or segment: not the same cell", population.ErrInput, i, d.Dir)
		}
	}
	return nil
}

// evaluation is what the command prints.
type evaluation struct {
	Model     string  `json:"model"`
	Data      string  `json:"data"`
	Threshold float64 `json:"spike_threshold"`
	measure.Report
	OutOfRange surrogate.RangeReport `json:"input_range"`
}

func evaluate(cmd *cobra.Command, m *model.Model, d *dataset.Data, trials []int, opt surrogate.Options, threads int) (*evaluation, error) {
	r := &evaluation{Model: m.Name, Data: d.Dir, Threshold: m.SpikeThreshold}
	if opt.Precision == surrogate.Int8 {
		r.Threshold = m.ThresholdInt8()
	}
	var mu sync.Mutex
	newPop := func(n int) (population.Population, error) {
		p, err := surrogate.New(m, n, opt)
		if err != nil {
			return nil, err
		}
		return &rangeCounter{p, func(one surrogate.RangeReport) {
			mu.Lock()
			defer mu.Unlock()
			addRange(&r.OutOfRange, one)
		}}, nil
	}
	bar := newProgressBar(cmd.ErrOrStderr())
	f, err := d.Judge(cmd.Context(), trials, newPop, evaluateBatch, threads, func(done int) { bar.show("trials", 0, done, len(trials)) })
	bar.end()
	if errors.Is(err, context.Canceled) {
		return nil, errors.New("stopped")
	}
	if err != nil {
		return nil, err
	}
	r.Report = f.Report()
	warnOutOfRange(cmd.ErrOrStderr(), r.OutOfRange)
	return r, nil
}

func (r *evaluation) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s on %d trials of %s, %g s after the warm-up\n", r.Model, r.Trials, r.Data, float64(r.DurationMS)/1000)
	row := func(name string, f measure.Figure, factor float64, decimals int, unit, on string) {
		f.Value *= factor
		value := f.Format(decimals)
		if value != "-" {
			value += " " + unit
		}
		fmt.Fprintf(w, "%s\t%s\ton %d %s\n", name, value, f.N, on)
	}
	row("AUC", r.AUC, 1, 4, "", "spikes")
	row("true positives at 1 % false", r.TruePositivesAt1, 100, 1, "%", "spikes")
	row("voltage RMSE", r.VoltageRMSE, 1, 3, "mV", "ms")
	row("explained variance", r.ExplainedVariance, 100, 1, "%", "ms")
	fmt.Fprintf(w, "spike threshold\t%g\t\n", r.Threshold)
	row("rate of the cell", r.TrueRate, 1, 2, "Hz", "spikes")
	row("rate of the surrogate", r.PredictedRate, 1, 2, "Hz", "spikes")
	row("precision within 2 ms", r.Precision, 100, 1, "%", "emitted spikes")
	row("recall within 2 ms", r.Recall, 100, 1, "%", "spikes")
	return w.Flush()
}

// rangeCounter hands on what a population counted before it forgets it.
type rangeCounter struct {
	*surrogate.Population
	add func(surrogate.RangeReport)
}

func (c *rangeCounter) Reset() {
	c.add(c.OutOfRange())
	c.Population.Reset()
}

func (c *rangeCounter) Close() error {
	c.add(c.OutOfRange())
	return c.Population.Close()
}

// addRange adds b to a.
func addRange(a *surrogate.RangeReport, b surrogate.RangeReport) {
	if b.Events > 0 {
		if a.Events == 0 {
			a.MinWeight, a.MaxWeight = b.MinWeight, b.MaxWeight
		}
		a.MinWeight, a.MaxWeight = min(a.MinWeight, b.MinWeight), max(a.MaxWeight, b.MaxWeight)
	}
	a.Known = a.Known || b.Known
	a.Steps += b.Steps
	a.StepsOutside += b.StepsOutside
	a.Events += b.Events
	a.WeightsOutside += b.WeightsOutside
	a.ChannelsOutside += b.ChannelsOutside
	a.MaxEventsPerMS = max(a.MaxEventsPerMS, b.MaxEventsPerMS)
}
