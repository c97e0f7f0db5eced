package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"understudy/plugin/cell"
	"understudy/plugin/detailed"
	"understudy/plugin/network"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
	"understudy/plugin/surrogate"
)

// networkOptions are the command's flags.
type networkOptions struct {
	surrogateFlags
	cellFlags
	neurons, duration       int
	connections, input, out string
	record                  []int
	asJSON                  bool
}

func newNetwork() *cobra.Command {
	var o networkOptions
	cmd := &cobra.Command{
		Use:   "network --neurons N --duration MS --out OUT.npz",
		Short: "Run a network of surrogates on given connections and input",
		Long: `Run a network of surrogates, or with --cell or --morphology of detailed neurons,
on given connections and input: for comparison, spike for spike, with the same
network in another simulator.

The connections are a CSV file with the header pre,post,channel,weight,delay_ms, or
an .npz archive with arrays of these names. The input is a CSV file with the header
t_ms,neuron,channel[,weight], or an .npz archive with in_t_ms, in_neuron, in_channel
and, if wanted, in_weight.

An event at time t [ms] belongs to step floor(t). A spike of step k leaves at k+1 ms and
arrives after its delay, of more than 0 ms. What comes less than 1e-6 ms before a
whole ms counts as at that ms.

OUT.npz gets spike_step and spike_neuron, sorted by step, then neuron. --record 0,3
adds recorded [W], the neurons named, and of these v_soma_mv [W][steps], the soma
voltage at the start of each step, and p_spike [W][steps], the probability of a
spike in it (of detailed neurons: 0 or 1).`,
		Example: `  understudy network --neurons 100 --connections net.csv --input events.csv --duration 1000 --out result.npz
  understudy network --model surrogate.safetensors --precision int8 --neurons 2 --input events.npz --duration 200 --record 0,1 --out result.npz
  understudy network --cell lif --neurons 20 --connections ring.csv --input kick.csv --duration 300 --out result.npz`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runNetwork(cmd, &o) },
	}
	o.surrogateFlags.add(cmd, true)
	o.cellFlags.add(cmd)
	o.addIntegration(cmd, detailed.BackwardEuler, detailed.DefaultDtMS)
	f := cmd.Flags()
	f.IntVar(&o.neurons, "neurons", 0, "number of neurons")
	f.StringVar(&o.connections, "connections", "", "connections, .csv or .npz `file` (default none)")
	f.StringVar(&o.input, "input", "", "events from outside, .csv or .npz `file` (default none)")
	f.IntVar(&o.duration, "duration", 0, "simulated `ms`")
	f.IntSliceVar(&o.record, "record", nil, "neurons whose voltage and probability are kept")
	f.StringVar(&o.out, "out", "", "`file` to write, .npz")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

// detailedFlags and learnedFlags are flags that only one kind of neuron has.
var (
	detailedFlags = []string{"cell", "morphology", "synapses", "dendrites", "scheme", "dt"}
	learnedFlags  = []string{"model", "kernel", "precision", "spikes", "seed"}
)

// check validates the options and says whether the neurons are detailed.
func (o *networkOptions) check(cmd *cobra.Command) (isDetailed bool, err error) {
	changed := cmd.Flags().Changed
	isDetailed = changed("cell") || changed("morphology")
	others, kind := detailedFlags, "surrogates; with --cell or --morphology neurons are detailed"
	if isDetailed {
		others, kind = learnedFlags, "detailed neurons"
	}
	for _, name := range others {
		if changed(name) {
			return false, usagef("network: --%s is nothing for %s", name, kind)
		}
	}
	switch {
	case o.neurons < 1 || o.neurons > 1<<24:
		return false, usagef("network: --neurons %d, want 1 to %d", o.neurons, 1<<24)
	case o.duration < 1 || o.duration > spikeio.MaxMS:
		return false, usagef("network: --duration %d, want 1 to %d ms", o.duration, spikeio.MaxMS)
	case o.out == "":
		return false, usagef("network: --out is missing")
	}
	seen := map[int]bool{}
	for _, i := range o.record {
		if i < 0 || i >= o.neurons || seen[i] {
			return false, usagef("network: --record names neuron %d, want different ones of 0 to %d", i, o.neurons-1)
		}
		seen[i] = true
	}
	return isDetailed, nil
}

// population makes the neurons.
func (o *networkOptions) population(isDetailed bool) (population.Population, error) {
	if isDetailed {
		opt, err := o.cellFlags.options("network")
		if err != nil {
			return nil, err
		}
		return cell.New(o.cell, o.neurons, opt)
	}
	opt, err := o.surrogateFlags.options("network")
	if err != nil {
		return nil, err
	}
	m, err := openModel(o.model)
	if err != nil {
		return nil, err
	}
	return surrogate.New(m, o.neurons, opt)
}

func runNetwork(cmd *cobra.Command, o *networkOptions) error {
	isDetailed, err := o.check(cmd)
	if err != nil {
		return err
	}
	p, err := o.population(isDetailed)
	if err != nil {
		return err
	}
	defer p.Close()
	graph, drive, err := o.read(p.Info())
	if err != nil {
		return err
	}
	net, err := network.New([]population.Population{p}, graph, drive, network.Options{})
	if err != nil {
		return err
	}
	rec := &network.Recorder{Watch: o.record}
	bar := newProgressBar(cmd.ErrOrStderr())
	for done := 0; done < o.duration && err == nil; {
		n := min(o.duration-done, 128)
		err = net.Run(cmd.Context(), n, rec)
		done += n
		bar.show("network [ms]", 0, done, o.duration)
	}
	bar.end()
	if err != nil {
		return err
	}
	if s, ok := p.(*surrogate.Population); ok {
		warnOutOfRange(cmd.ErrOrStderr(), s.OutOfRange())
	}
	if err := o.write(rec); err != nil {
		return err
	}
	return o.print(cmd, p.Info().Model, graph, drive, rec)
}

// read reads the connections and the input of neurons of a kind.
func (o *networkOptions) read(info population.Info) (*network.Graph, *network.Drive, error) {
	var conns []network.Connection
	if o.connections != "" {
		err := spikeio.ReadTable(o.connections, []spikeio.Column{
			{Name: "pre", Array: "pre", Integer: true},
			{Name: "post", Array: "post", Integer: true},
			{Name: "channel", Array: "channel", Integer: true},
			{Name: "weight", Array: "weight"},
			{Name: "delay_ms", Array: "delay_ms"},
		}, func(row []float64) error {
			c := network.Connection{Pre: int32(row[0]), Post: int32(row[1]), Channel: int32(row[2]), Weight: float32(row[3]), DelayMS: row[4]}
			conns = append(conns, c)
			return c.Check(info.N, info.Channels)
		})
		if err != nil {
			return nil, nil, err
		}
	}
	graph, err := network.NewGraph(info.N, conns)
	if err != nil {
		return nil, nil, err
	}
	drive := &network.Drive{}
	if o.input != "" {
		drive.Recorded, err = spikeio.ReadPopulation(o.input, info.N, info.Channels)
	}
	return graph, drive, err
}

// write writes what was recorded.
func (o *networkOptions) write(rec *network.Recorder) error {
	steps, neurons := make([]int64, len(rec.Spikes)), make([]int32, len(rec.Spikes))
	for i, s := range rec.Spikes {
		steps[i], neurons[i] = s.Step, s.Neuron
	}
	arrays := []spikeio.Array{{Name: "spike_step", Data: steps}, {Name: "spike_neuron", Data: neurons}}
	if len(o.record) > 0 {
		var v, prob []float32
		recorded := make([]int32, len(o.record))
		for i, neuron := range o.record {
			recorded[i] = int32(neuron)
			v, prob = append(v, rec.VSoma[i]...), append(prob, rec.PSpike[i]...)
		}
		shape := []int{len(o.record), o.duration}
		arrays = append(arrays, spikeio.Array{Name: "recorded", Data: recorded},
			spikeio.Array{Name: "v_soma_mv", Data: v, Shape: shape}, spikeio.Array{Name: "p_spike", Data: prob, Shape: shape})
	}
	return spikeio.WriteNPZ(o.out, arrays...)
}

// print says what was done.
func (o *networkOptions) print(cmd *cobra.Command, model string, graph *network.Graph, drive *network.Drive, rec *network.Recorder) error {
	late := 0
	for _, e := range drive.Recorded {
		if network.Arrival(e.TimeMS) >= float64(o.duration) {
			late++
		}
	}
	events, rate := len(drive.Recorded)-late, 1000*float64(len(rec.Spikes))/float64(o.neurons)/float64(o.duration)
	w := cmd.OutOrStdout()
	if o.asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"model": model, "neurons": o.neurons, "ms": o.duration, "connections": graph.Connections(),
			"events": events, "events_after_end": late, "spikes": len(rec.Spikes), "rate_hz": rate, "out": o.out})
	}
	fmt.Fprintf(w, "%s: %d neurons, %d connections, %d ms, %d events, %d spikes (%.2f Hz)\n", model, o.neurons, graph.Connections(), o.duration, events, len(rec.Spikes), rate)
	if late > 0 {
		fmt.Fprintf(w, "%d events come after the end\n", late)
	}
	return nil
}
