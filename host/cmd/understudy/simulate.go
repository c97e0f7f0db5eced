package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/detailed"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

func newSimulate() *cobra.Command {
	var f cellFlags
	var in, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a detailed neuron on recorded events",
		Long: `Run a detailed neuron on recorded events.

IN is an .npz archive with in_channel [M], in_t_ms [M] and, if wanted, in_weight
[M] and T_ms, or a CSV file with the header t_ms,channel[,weight]. Without
--input the neuron gets 6 s of random input with the paper's statistics, seed 1.
OUT.npz gets spike_ms (voltage peaks above -25 mV on a 0.125 ms grid), upcross_ms
(upward crossings of -20 mV, interpolated), v_soma_mv at t = 0, 1, 2 ... ms, and t_ms.
Without --out only the spikes are printed.`,
		Example: "  understudy simulate --input events.csv --out result.npz\n  understudy simulate --cell l5pc --morphology cell.asc --dt 0.025 --input trial.npz --out result.npz",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options("simulate")
			if err != nil {
				return err
			}
			return simulate(cmd, &f, o, in, out, asJSON)
		},
	}
	f.add(cmd)
	f.addIntegration(cmd, detailed.BackwardEuler, detailed.DefaultDtMS)
	cmd.Flags().StringVar(&in, "input", "", "recorded events, .npz or .csv `file` (default random input)")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write, .npz")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func simulate(cmd *cobra.Command, f *cellFlags, o cell.Options, in, out string, asJSON bool) error {
	channels, err := cell.Channels(f.cell, o)
	if err != nil {
		return err
	}
	rec, err := recorded(in, channels, f.synapses == "nmda")
	if err != nil {
		return err
	}
	p, err := cell.New(f.cell, 1, o)
	if err != nil {
		return err
	}
	defer p.Close()
	v := make([]float32, rec.TotalMS)
	bar := newProgressBar(cmd.ErrOrStderr())
	err = dataset.Play(cmd.Context(), p, []*spikeio.Events{rec}, rec.TotalMS, population.Output{VSoma: v},
		func(done int) { bar.show("simulate [ms]", 0, done, rec.TotalMS) })
	bar.end()
	if err != nil {
		return err
	}
	labels := p.(population.Labelled)
	peaks, upcross := labels.PeaksMS(0), labels.UpcrossMS(0)
	if out != "" {
		t := make([]float64, len(v))
		for i := range t {
			t[i] = float64(i)
		}
		if err := spikeio.WriteNPZ(out,
			spikeio.Array{Name: "spike_ms", Data: peaks},
			spikeio.Array{Name: "upcross_ms", Data: upcross},
			spikeio.Array{Name: "v_soma_mv", Data: v},
			spikeio.Array{Name: "t_ms", Data: t}); err != nil {
			return err
		}
	}
	w := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"cell": f.cell, "ms": rec.TotalMS, "events": len(rec.Channel), "spike_ms": peaks, "out": out})
	}
	fmt.Fprintf(w, "%s: %d ms, %d events, %d spikes (%.2f Hz)", f.cell, rec.TotalMS, len(rec.Channel), len(peaks), 1000*float64(len(peaks))/float64(rec.TotalMS))
	if len(peaks) > 0 {
		fmt.Fprintf(w, " at [ms]:")
		for _, t := range peaks {
			fmt.Fprintf(w, " %g", t)
		}
	}
	fmt.Fprintln(w)
	return nil
}

// recorded reads the events of a file, or makes 6 s of the paper's random input.
func recorded(path string, channels []cell.Channel, nmda bool) (*spikeio.Events, error) {
	if path == "" {
		return dataset.Paper(nmda).Trial(channels, 6000, 1, 0)
	}
	rec, err := spikeio.Read(path)
	if err != nil {
		return nil, err
	}
	if err := rec.Check(len(channels)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rec, nil
}
