package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"understudy/plugin/dataset"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
	"understudy/plugin/surrogate"
)

func newInfer() *cobra.Command {
	var f surrogateFlags
	var h hostFlag
	var in, out string
	cmd := &cobra.Command{
		Use:   "infer --input IN --out OUT.npz",
		Short: "Run a surrogate on recorded events",
		Long: `Run a surrogate on recorded events.

IN is an .npz archive with in_channel [M], in_t_ms [M] and, if wanted, in_weight
[M] and T_ms, or a CSV file with the header t_ms,channel[,weight].
OUT.npz gets p_spike [T], v_soma_mv [T] and spike_step: the probability of a
spike in each step of 1 ms, the soma voltage at its start, and the steps with a
spike; and for each further head of the model, NAME, an array head_NAME [T][K] of
its K channels.`,
		Example: "  understudy infer --input events.csv --out result.npz\n  understudy infer --model surrogate.safetensors --input trial.npz --out result.npz --kernel reference",
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case in == "":
				return usagef("infer: --input is missing")
			case out == "":
				return usagef("infer: --out is missing")
			}
			sandboxed, err := h.sandboxed("infer", f.kernel)
			if err != nil {
				return err
			}
			opt, err := f.options("infer")
			if err != nil {
				return err
			}
			return infer(cmd, f.model, in, out, opt, sandboxed)
		},
	}
	f.add(cmd, true)
	h.add(cmd)
	cmd.Flags().StringVar(&in, "input", "", "recorded events, .npz or .csv `file`")
	cmd.Flags().StringVar(&out, "out", "", "`file` to write, .npz")
	return cmd
}

func infer(cmd *cobra.Command, modelPath, in, out string, opt surrogate.Options, sandboxed bool) error {
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
	var p headed
	if sandboxed {
		box, build, err := inSandbox(cmd.Context(), m, opt)
		if err != nil {
			return err
		}
		defer box.Close()
		if p, err = build(1); err != nil {
			return err
		}
	} else if p, err = surrogate.New(m, 1, opt); err != nil {
		return err
	}
	defer p.Close()

	trace := population.Output{PSpike: make([]float32, rec.TotalMS), VSoma: make([]float32, rec.TotalMS), Spike: make([]bool, rec.TotalMS)}
	bar := newProgressBar(cmd.ErrOrStderr())
	heads := &headRecorder{headed: p, data: map[string][]float32{}}
	for name, count := range p.Heads() {
		if name != model.HeadSpike && name != model.HeadVSoma {
			heads.data[name] = make([]float32, rec.TotalMS*count)
		}
	}
	err = dataset.Play(cmd.Context(), heads, []*spikeio.Events{rec}, rec.TotalMS, trace, func(done int) { bar.show("infer [ms]", 0, done, rec.TotalMS) })
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
	arrays := []spikeio.Array{
		{Name: "p_spike", Data: trace.PSpike},
		{Name: "v_soma_mv", Data: trace.VSoma},
		{Name: "spike_step", Data: spikeStep},
	}
	for _, name := range slices.Sorted(maps.Keys(heads.data)) {
		arrays = append(arrays, spikeio.Array{Name: "head_" + name, Data: heads.data[name], Shape: []int{rec.TotalMS, p.Heads()[name]}})
	}
	return spikeio.WriteNPZ(out, arrays...)
}

// headRecorder is a population of one neuron that keeps all outputs of heads.
type headRecorder struct {
	headed
	data map[string][]float32 // [T][channel]
}

func (r *headRecorder) Step(steps int, events []population.Event, out population.Output) error {
	if len(r.data) == 0 {
		return r.headed.Step(steps, events, out)
	}
	now := int(r.Now())
	part := map[string][]float32{}
	for name, count := range r.Heads() {
		if data, ok := r.data[name]; ok {
			part[name] = data[now*count : (now+steps)*count]
		}
	}
	return r.StepHeads(steps, events, out, part)
}

// warnOutOfRange says what of the input the model never saw in training.
func warnOutOfRange(w io.Writer, r surrogate.RangeReport) {
	for _, note := range rangeNotes(r) {
		fmt.Fprintf(w, "understudy: warning: %s\n", note)
	}
}

// rangeNotes says what of the input was outside the training range.
func rangeNotes(r surrogate.RangeReport) []string {
	var notes []string
	if r.StepsOutside > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d neuron-steps have more or fewer events than in training (up to %d)", r.StepsOutside, r.Steps, r.MaxEventsPerMS))
	}
	if r.WeightsOutside > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d events have a weight outside the training range (%g to %g)", r.WeightsOutside, r.Events, r.MinWeight, r.MaxWeight))
	}
	if r.ChannelsOutside > 0 {
		notes = append(notes, fmt.Sprintf("%d times a channel has more events within a second than in training", r.ChannelsOutside))
	}
	return notes
}
