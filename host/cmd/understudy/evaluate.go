package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"understudy/host/card"
	"understudy/host/compare"
	"understudy/plugin/dataset"
	"understudy/plugin/measure"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// evaluateOptions are the command's flags.
type evaluateOptions struct {
	surrogateFlags
	dir, holdout, card string
	also, baselines    []string // NAME=PATH
	threads            int
	json               bool
}

func newEvaluate() *cobra.Command {
	var o evaluateOptions
	cmd := &cobra.Command{
		Use:   "evaluate --data DIR",
		Short: "Judge a surrogate on trials of the cell it stands in for; write a model card",
		Long: `Judge a surrogate on trials of the cell it stands in for, as 'understudy dataset'
makes them. The first 500 ms of each trial are left out and voltages are clipped
at -55 mV, as in Beniaguev, Segev & London (2021); a spike is right within 2 ms.
Intervals are 95 %, from 1000 sets of trials drawn with replacement.
Without --holdout, trials that the model was trained on are judged too.

--also judges the model on further data sets of the same cell and gives the drop in AUC:
'dataset --inputs synchronous', 'clustered', 'high-rate' and 'dataset --synapses ampa'
are what the paper tests. --baseline judges another model on the same trials; a .json
file has figures that were taken elsewhere (python -m understudy.train.baselines).
--card writes a model card, Markdown with plots beside it; --json prints everything.
EVALUATE.md beside this command's source says how each figure is defined.`,
		Example: `  understudy evaluate --data data --holdout every-20
  understudy evaluate --model surrogate.safetensors --data test --json
  understudy evaluate --model surrogate.safetensors --data test --also synchronous=test-sync \
    --baseline glm=baselines/glm.safetensors --baseline lif=baselines/lif.json --card surrogate.md`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEvaluate(cmd, &o) },
	}
	o.add(cmd, true)
	f := cmd.Flags()
	f.StringVar(&o.dir, "data", "", "`directory` of the data set")
	f.StringVar(&o.holdout, "holdout", "every-1", "judge the trials of --data whose number N divides, `every-N`; training holds out every-20")
	f.StringArrayVar(&o.also, "also", nil, "another data set, `NAME=DIR`; may be repeated")
	f.StringArrayVar(&o.baselines, "baseline", nil, "another model, or its figures in JSON, `NAME=FILE`; may be repeated")
	f.StringVar(&o.card, "card", "", "model card to write, a Markdown `file`")
	f.IntVar(&o.threads, "threads", 0, "threads (default one per core)")
	f.BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

// named is one NAME=PATH.
type named struct{ name, path string }

// parseNamed reads NAME=PATH of a flag, each name once.
func parseNamed(flag string, args []string) ([]named, error) {
	var list []named
	for _, a := range args {
		name, path, ok := strings.Cut(a, "=")
		if !ok || name == "" || path == "" {
			return nil, usagef("evaluate: --%s %q, want NAME=PATH", flag, a)
		}
		if slices.ContainsFunc(list, func(n named) bool { return n.name == name }) {
			return nil, usagef("evaluate: --%s: the name %q comes twice", flag, name)
		}
		list = append(list, named{name, path})
	}
	return list, nil
}

// mainSeed is the seed of the resampling. Other data sets have seeds of their own: their
// trials are not those of the main one.
const mainSeed = 1

func runEvaluate(cmd *cobra.Command, o *evaluateOptions) error {
	every, err := parseHoldout(o.holdout)
	if err != nil {
		return err
	}
	also, err := parseNamed("also", o.also)
	if err != nil {
		return err
	}
	baselines, err := parseNamed("baseline", o.baselines)
	if err != nil {
		return err
	}
	switch {
	case o.dir == "":
		return usagef("evaluate: --data is missing")
	case o.threads < 0:
		return usagef("evaluate: --threads %d, want at least 1", o.threads)
	case o.threads == 0:
		o.threads = runtime.GOMAXPROCS(0)
	}
	opt, err := o.options("evaluate")
	if err != nil {
		return err
	}
	m, d, err := openModelAndData(o.model, o.dir)
	if err != nil {
		return err
	}
	// All that can be wrong with the arguments shows before the long work.
	var others []*dataset.Data
	for _, a := range also {
		other, err := dataset.Open(a.path)
		if err != nil {
			return fmt.Errorf("--also %s: %w", a.name, err)
		}
		if err := sameChannels(m, other); err != nil {
			return fmt.Errorf("--also %s: %w", a.name, err)
		}
		others = append(others, other)
	}
	models := make([]*model.Model, len(baselines)) // nil: figures
	for i, b := range baselines {
		if strings.HasSuffix(b.path, ".json") {
			if _, err := os.Stat(b.path); err != nil {
				return fmt.Errorf("--baseline %s: %w", b.name, err)
			}
			continue
		}
		if models[i], err = openModel(b.path); err != nil {
			return fmt.Errorf("--baseline %s: %w", b.name, err)
		}
		if err := sameChannels(models[i], d); err != nil {
			return fmt.Errorf("--baseline %s: %w", b.name, err)
		}
	}

	j := judge{cmd: cmd, opt: opt, threads: o.threads, every: every}
	main, err := j.evaluate(m, d, mainSeed)
	if err != nil {
		return err
	}
	main.Notes = append(main.Notes, trainingNotes(m, &d.Manifest)...)
	hash, err := m.Hash()
	if err != nil {
		return err
	}
	r := &card.Result{Evaluation: *main, Info: m.Info(), SHA256: fmt.Sprintf("%x", hash),
		Command: commandLine(cmd), Version: compare.ThisMachine().Version}
	if m.Int8 != nil && opt.Precision == surrogate.Float32 && (o.card != "" || o.json) {
		integers := j
		integers.opt.Precision = surrogate.Int8
		if r.Int8, err = integers.evaluate(m, d, mainSeed); err != nil {
			return err
		}
	}
	all := j
	all.every = 1 // nothing was trained on these
	for i, other := range others {
		e, err := all.evaluate(m, other, mainSeed+1+uint64(i))
		if err != nil {
			return fmt.Errorf("--also %s: %w", also[i].name, err)
		}
		e.Notes = append(differences(&other.Manifest, &d.Manifest, "the main data have"), e.Notes...)
		a := card.Also{Name: also[i].name, Evaluation: *e}
		a.Drop.N = e.TrueSpikes
		a.Drop.Value, a.DropInterval = measure.DropInAUC(r.Judgement, e.Judgement)
		r.Also = append(r.Also, a)
	}
	for i, b := range baselines {
		var line card.Baseline
		if models[i] == nil {
			line, err = r.ReadBaseline(b.name, b.path)
		} else {
			line, err = j.baseline(r, b, models[i], d)
		}
		if err != nil {
			return fmt.Errorf("--baseline %s: %w", b.name, err)
		}
		r.Compare = append(r.Compare, line)
	}
	if o.card != "" {
		files, err := r.WriteCard(o.card)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s and %d plots beside it\n", o.card, len(files)-1)
	}
	if o.json {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return r.WriteText(cmd.OutOrStdout())
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
