package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"understudy/plugin/dataset"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
	"understudy/plugin/surrogate"
)

func newInfer() *cobra.Command {
	var modelPath, in, out, kernel, precision string
	cmd := &cobra.Command{
		Use:   "infer --input IN --out OUT.npz",
		Short: "Run a surrogate on recorded events",
		Long: `Run a surrogate on recorded events.

IN is an .npz archive with in_channel [M], in_t_ms [M] and, if wanted, in_weight
[M] and T_ms, or a CSV file with the header t_ms,channel[,weight].
OUT.npz gets p_spike [T], v_soma_mv [T] and spike_step: the probability of a
spike in each step of 1 ms, the soma voltage at its start, and the steps with a
spike.`,
		Example: "  understudy infer --input events.csv --out result.npz\n  understudy infer --model surrogate.safetensors --input trial.npz --out result.npz --kernel reference",
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case in == "":
				return usagef("infer: --input is missing")
			case out == "":
				return usagef("infer: --out is missing")
			case precision == "int8":
				return usagef("infer: --precision int8 is not there yet; f32 is")
			case precision != "f32":
				return usagef("infer: --precision %q, want f32 (int8 is not there yet)", precision)
			}
			name, err := kernelName(kernel)
			if err != nil {
				return err
			}
			return infer(cmd, modelPath, in, out, name)
		},
	}
	addModelFlag(cmd, &modelPath)
	addKernelFlag(cmd, &kernel)
	cmd.Flags().StringVar(&in, "input", "", "recorded events, .npz or .csv `file`")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write, .npz")
	cmd.Flags().StringVar(&precision, "precision", "f32", "arithmetic: f32")
	return cmd
}

func infer(cmd *cobra.Command, modelPath, in, out, kernel string) error {
	m, err := openModel(modelPath)
	if err != nil {
		return err
	}
	rec, err := spikeio.Read(in)
	if err != nil {
		return err
	}
	if err := rec.Check(m.Inputs.Channels); err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	p, err := surrogate.New(m, 1, surrogate.Options{Kernel: kernel})
	if err != nil {
		return err
	}
	defer p.Close()

	trace := population.Output{PSpike: make([]float32, rec.TotalMS), VSoma: make([]float32, rec.TotalMS), Spike: make([]bool, rec.TotalMS)}
	bar := newProgressBar(cmd.ErrOrStderr())
	err = dataset.Play(cmd.Context(), p, []*spikeio.Events{rec}, rec.TotalMS, trace, func(done int) { bar.show("infer [ms]", 0, done, rec.TotalMS) })
	bar.end()
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	spikeStep := []int64{}
	for i, s := range trace.Spike {
		if s {
			spikeStep = append(spikeStep, int64(i))
		}
	}
	warnOutOfRange(cmd.ErrOrStderr(), p.OutOfRange())
	return spikeio.WriteNPZ(out,
		spikeio.Array{Name: "p_spike", Data: trace.PSpike},
		spikeio.Array{Name: "v_soma_mv", Data: trace.VSoma},
		spikeio.Array{Name: "spike_step", Data: spikeStep})
}

// warnOutOfRange says what of the input the model never saw in training.
func warnOutOfRange(w io.Writer, r surrogate.RangeReport) {
	if r.StepsOutside > 0 {
		fmt.Fprintf(w, "understudy: warning: %d of %d neuron-steps have more or fewer events than in training (up to %d)\n", r.StepsOutside, r.Steps, r.MaxEventsPerMS)
	}
	if r.WeightsOutside > 0 {
		fmt.Fprintf(w, "understudy: warning: %d of %d events have a weight outside the training range (%g to %g)\n", r.WeightsOutside, r.Events, r.MinWeight, r.MaxWeight)
	}
}
