package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"understudy/plugin/dataset"
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
data set and write a model file that also has the range of each layer's output. The
float32 part is as before. Without MODEL: the built-in surrogate of l5pc.`,
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
			path := ""
			if len(args) == 1 {
				path = args[0]
			}
			return quantize(cmd, path, dir, out, trials)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "data", "", "`directory` of the data set to calibrate on, as for training")
	f.StringVar(&out, "out", "", "model `file` to write")
	f.IntVar(&trials, "trials", 32, "trials to calibrate on, from the first")
	return cmd
}

func quantize(cmd *cobra.Command, path, dir, out string, trials int) error {
	m, err := openModel(path)
	if err != nil {
		return err
	}
	d, err := dataset.Open(dir)
	if err != nil {
		return err
	}
	if err := sameChannels(m, d); err != nil {
		return err
	}
	if len(d.Trials) == 0 {
		return fmt.Errorf("%s: no trials", dir)
	}
	use := d.Trials[:min(trials, len(d.Trials))]
	bar := newProgressBar(cmd.ErrOrStderr())
	defer bar.end()
	const batch = 8
	ranges, err := surrogate.Calibrate(m, batch, func(p population.Population) error {
		for done := 0; done < len(use); {
			var inputs []*spikeio.Events
			for _, k := range use[done:min(done+batch, len(use))] {
				t, err := d.Trial(k)
				if err != nil {
					return err
				}
				inputs = append(inputs, t.Input)
			}
			if err := dataset.Play(cmd.Context(), p, inputs, d.Manifest.MS(), population.Output{}, nil); err != nil {
				return err
			}
			done += len(inputs)
			bar.show("trials", 0, done, len(use))
		}
		return nil
	})
	if err != nil {
		return err
	}
	m.Int8 = ranges
	return writeModel(m, out)
}
