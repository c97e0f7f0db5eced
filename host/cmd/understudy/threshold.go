package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"understudy/plugin/measure"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

func newModelThreshold() *cobra.Command {
	var dir, out string
	var refractory, trials int
	cmd := &cobra.Command{
		Use:   "threshold [MODEL] --data DIR --out MODEL",
		Short: "Choose a model's spike threshold",
		Long: `Choose a model's spike threshold: the one with which the surrogate emits as many
spikes on trials of a data set as the cell does, after the first 500 ms of each; in
integers too, where the model is quantised. After a spike none follows for
--refractory-ms: the probability stays up for some ms where the time of a spike is
uncertain, and without a refractory time one spike of the cell becomes several.
Without MODEL: the built-in surrogate of l5pc.`,
		Example: "  understudy model threshold surrogate.safetensors --data data --out surrogate.safetensors\n" +
			"  understudy model threshold imported.safetensors --data data --refractory-ms 0 --out chosen.safetensors",
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case dir == "":
				return usagef("model threshold: --data is missing")
			case out == "":
				return usagef("model threshold: --out is missing")
			case trials < 0:
				return usagef("model threshold: --trials %d, want at least 0", trials)
			case refractory < 0 || refractory > model.MaxRefractoryMS:
				return usagef("model threshold: --refractory-ms %d, want 0 to %d", refractory, model.MaxRefractoryMS)
			}
			return chooseThreshold(cmd, modelArg(args), dir, out, refractory, trials)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "data", "", "`directory` of the data set, best one that the model was not trained on")
	f.StringVar(&out, "out", "", "model `file` to write")
	f.IntVar(&refractory, "refractory-ms", 3, "ms after a spike in which none is emitted")
	f.IntVar(&trials, "trials", 0, "trials to use, from the first (default all)")
	return cmd
}

func chooseThreshold(cmd *cobra.Command, path, dir, out string, refractory, trials int) error {
	m, d, err := openModelAndData(path, dir)
	if err != nil {
		return err
	}
	use := d.Trials
	if trials > 0 {
		use = use[:min(trials, len(use))]
	}
	spikes := 0
	for _, k := range use {
		t, err := d.Trial(k)
		if err != nil {
			return err
		}
		for _, peak := range t.SpikeMS {
			if s := population.LabelStep(peak); s >= measure.WarmupMS && s < d.Manifest.MS() {
				spikes++
			}
		}
	}
	if spikes == 0 {
		return fmt.Errorf("%s: no spike after %d ms in %d trials: nothing to choose a threshold by", dir, measure.WarmupMS, len(use))
	}
	bar := newProgressBar(cmd.ErrOrStderr())
	defer bar.end()
	choose := func(precision string) (float64, error) {
		p, err := surrogate.New(m, calibrationBatch, surrogate.Options{Precision: precision})
		if err != nil {
			return 0, err
		}
		defer p.Close()
		all, err := probabilities(cmd.Context(), p, d, use, func(done int) { bar.show(precision+" [trials]", 0, done, len(use)) })
		if err != nil {
			return 0, err
		}
		for i := range all {
			all[i] = all[i][min(measure.WarmupMS, len(all[i])):]
		}
		return measure.RateThreshold(all, spikes, refractory), nil
	}
	m.RefractoryMS = refractory
	if m.SpikeThreshold, err = choose(surrogate.Float32); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d spikes in %d trials: threshold %g, refractory for %d ms\n", spikes, len(use), m.SpikeThreshold, refractory)
	if m.Int8 != nil {
		threshold, err := choose(surrogate.Int8)
		if err != nil {
			return err
		}
		m.Int8.SpikeThreshold = &threshold
		fmt.Fprintf(cmd.OutOrStdout(), "in integers: threshold %g\n", threshold)
	}
	return writeModel(m, out)
}
