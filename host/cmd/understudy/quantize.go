package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"understudy/plugin/dataset"
	"understudy/plugin/measure"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
	"understudy/plugin/surrogate"
)

func newModelQuantize() *cobra.Command {
	var dir, out string
	var trials int
	cmd := &cobra.Command{
		Use:   "quantize [MODEL] --data DIR --out MODEL",
		Short: "Prepare a model for integer arithmetic",
		Long: `Prepare a model for integer arithmetic (--precision int8): run it on trials of a
data set and write a model file that also has the range of each layer's output, and
the threshold that gives as many spikes in integers as in float32. The float32 part
is as before. Without MODEL: the built-in surrogate of l5pc.`,
		Example: "  understudy model quantize surrogate.safetensors --data data --out surrogate-int8.safetensors\n" +
			"  understudy evaluate --model surrogate-int8.safetensors --precision int8 --data held-out",
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case dir == "":
				return usagef("model quantize: --data is missing")
			case out == "":
				return usagef("model quantize: --out is missing")
			case trials < 1:
				return usagef("model quantize: --trials %d, want at least 1", trials)
			}
			return quantize(cmd, modelArg(args), dir, out, trials)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "data", "", "`directory` of the data set to calibrate on, as for training")
	f.StringVar(&out, "out", "", "model `file` to write")
	f.IntVar(&trials, "trials", 32, "trials to calibrate on, from the first")
	return cmd
}

func quantize(cmd *cobra.Command, path, dir, out string, trials int) error {
	m, d, err := openModelAndData(path, dir)
	if err != nil {
		return err
	}
	if len(d.Trials) == 0 {
		return fmt.Errorf("%s: no trials", dir)
	}
	use := d.Trials[:min(trials, len(d.Trials))]
	bar := newProgressBar(cmd.ErrOrStderr())
	defer bar.end()
	play := func(what string, p population.Population) ([][]float32, error) {
		return probabilities(cmd.Context(), p, d, use, func(done int) { bar.show(what, 0, done, len(use)) })
	}
	var want [][]float32
	m.Int8, err = surrogate.Calibrate(m, calibrationBatch, func(p population.Population) (err error) {
		want, err = play("ranges [trials]", p)
		return err
	})
	if err != nil {
		return err
	}
	p, err := surrogate.New(m, calibrationBatch, surrogate.Options{Precision: surrogate.Int8})
	if err != nil {
		return err
	}
	defer p.Close()
	got, err := play("threshold [trials]", p)
	if err != nil {
		return err
	}
	threshold := m.SpikeThreshold
	if spikes := measure.Emitted(want, threshold, m.RefractoryMS); spikes > 0 {
		threshold = measure.RateThreshold(got, spikes, m.RefractoryMS)
	}
	m.Int8.SpikeThreshold = &threshold
	return writeModel(m, out)
}

// calibrationBatch is how many trials are played side by side.
const calibrationBatch = 8

// probabilities plays a surrogate on trials and returns its spike probabilities, [trial][step].
func probabilities(ctx context.Context, p population.Population, d *dataset.Data, trials []int, show func(done int)) ([][]float32, error) {
	var all [][]float32
	n, ms := p.Info().N, d.Manifest.MS()
	out := population.Output{PSpike: make([]float32, n*ms)}
	for done := 0; done < len(trials); {
		var inputs []*spikeio.Events
		for _, k := range trials[done:min(done+n, len(trials))] {
			t, err := d.Trial(k)
			if err != nil {
				return nil, err
			}
			inputs = append(inputs, t.Input)
		}
		if err := dataset.Play(ctx, p, inputs, ms, out, nil); err != nil {
			return nil, err
		}
		for i := range inputs {
			one := make([]float32, ms)
			for t := range one {
				one[t] = out.PSpike[t*n+i]
			}
			all = append(all, one)
		}
		done += len(inputs)
		show(done)
	}
	return all, nil
}
