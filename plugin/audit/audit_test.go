package audit_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"sort"
	"testing"

	"understudy/plugin/audit"
	"understudy/plugin/measure"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/network"
	"understudy/plugin/network/networktest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

const exc, inh = 20, 10

func lif(n int, jump float32) *networktest.LIF { return networktest.NewLIF("lif", n, exc, inh, jump) }

// loop is a recurrent network with a background, around one population.
func loop(t *testing.T, pop population.Population, opt network.Options) *network.Network {
	t.Helper()
	set := func(from, to int32) *network.Channels {
		var index []int32
		for c := from; c < to; c++ {
			index = append(index, c)
		}
		c, err := network.NewChannels(index, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	n := pop.Info().N
	g, err := network.Random(n, network.RandomSpec{Seed: 3, InDegree: 6, Contacts: 3, InhibitoryFraction: 0.25,
		MinDelayMS: 1, MaxDelayMS: 5, Weight: 0.5, Excitatory: set(0, exc), Inhibitory: set(exc, exc+inh)})
	if err != nil {
		t.Fatal(err)
	}
	net, err := network.New([]population.Population{pop}, g, &network.Drive{Seed: 1, Sources: []network.Source{
		{Name: "exc", Channels: set(0, exc), RatePer100MS: 90, Depth: 0.8, PeriodMS: 50, Shared: 0.5},
		{Name: "inh", Channels: set(exc, exc+inh), RatePer100MS: 30},
	}}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func run(t *testing.T, net *network.Network, steps int, rec *network.Recorder) {
	t.Helper()
	if err := net.Run(context.Background(), steps, rec); err != nil {
		t.Fatal(err)
	}
}

func newAudit(t *testing.T, pop, twin population.Population, neurons []int, opt audit.Options) *audit.Population {
	t.Helper()
	a, err := audit.New(pop, twin, neurons, opt)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// heard keeps what a population receives, and how.
type heard struct {
	population.Population
	steps  []int
	events []population.Event
}

func (h *heard) Step(steps int, events []population.Event, out population.Output) error {
	h.steps = append(h.steps, steps)
	h.events = append(h.events, events...)
	return h.Population.Step(steps, events, out)
}

// The twins receive, with the same steps, exactly the events that their neurons in
// the network receive, and the network does not notice them.
func TestTwinsHearTheSame(t *testing.T) {
	for _, maxBlock := range []int{0, 1} {
		neurons := []int{11, 0, 5}
		twin := &heard{Population: lif(3, 2)}
		pop := &heard{Population: lif(16, 3)}
		rec := &network.Recorder{Watch: neurons}
		run(t, loop(t, newAudit(t, pop, twin, neurons, audit.Options{}), network.Options{MaxBlock: maxBlock}), 400, rec)

		alone := &network.Recorder{Watch: neurons}
		run(t, loop(t, lif(16, 3), network.Options{MaxBlock: maxBlock}), 400, alone)
		if !reflect.DeepEqual(rec.Spikes, alone.Spikes) || len(rec.Spikes) < 50 {
			t.Errorf("the audited network has %d spikes, alone %d", len(rec.Spikes), len(alone.Spikes))
		}
		if !reflect.DeepEqual(rec.VSoma, alone.VSoma) {
			t.Error("the audited network has other voltages")
		}
		if !reflect.DeepEqual(twin.steps, pop.steps) {
			t.Error("the twins took other steps")
		}
		got := make([][]population.Event, len(neurons))
		for _, e := range twin.events {
			got[e.Neuron] = append(got[e.Neuron], e)
		}
		for i := range neurons {
			if want := alone.Input[i]; !reflect.DeepEqual(got[i], want) || len(want) < 100 {
				t.Errorf("twin %d received %d events, its neuron %d", i, len(got[i]), len(want))
			}
		}
	}
}

// A twin that is the same surrogate agrees in everything.
func TestIdenticalTwin(t *testing.T) {
	spec := modeltest.Small
	spec.Channels = exc + inh
	m := modeltest.Random(spec, 1)
	build := func(n int) population.Population {
		p, err := surrogate.New(m, n, surrogate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	// A threshold that a random model reaches in some steps.
	rec := &network.Recorder{Watch: []int{0}}
	run(t, loop(t, build(9), network.Options{}), 300, rec)
	sort.Slice(rec.PSpike[0], func(i, j int) bool { return rec.PSpike[0][i] < rec.PSpike[0][j] })
	m.SpikeThreshold = float64(rec.PSpike[0][270])
	a := newAudit(t, build(9), build(3), []int{0, 4, 8}, audit.Options{WarmUpMS: 100, WindowMS: 150})
	run(t, loop(t, a, network.Options{}), 500, nil)
	if err := a.Finish(); err != nil {
		t.Fatal(err)
	}
	for _, w := range append(a.Windows(), a.Total()) {
		f := w.Agreement
		if f.TrueSpikes < 20 || f.EmittedSpikes != f.TrueSpikes || f.VoltageRMSE.Value != 0 || f.ExplainedVariance.Value != 1 || f.Recall.Value != 1 || f.Precision.Value != 1 {
			t.Errorf("%d to %d ms: %+v", w.FromMS, w.ToMS, f)
		}
		// Not 1 where the threshold and a score below it are the same bfloat16.
		if f.AUC.Value < 0.999 || f.Trials != 3 || f.DurationMS != 3*(w.ToMS-w.FromMS) {
			t.Errorf("%d to %d ms: AUC %v, %d neurons, %d ms", w.FromMS, w.ToMS, f.AUC, f.Trials, f.DurationMS)
		}
	}
	var bounds [][2]int
	for _, w := range a.Windows() {
		bounds = append(bounds, [2]int{w.FromMS, w.ToMS})
	}
	if want := [][2]int{{100, 250}, {250, 400}, {400, 500}}; !reflect.DeepEqual(bounds, want) {
		t.Errorf("windows %v, want %v", bounds, want)
	}
}

// Windows and total are what measure.Fidelity says of the same neurons.
func TestAgainstFidelity(t *testing.T) {
	neurons := []int{0, 7}
	pop, twin := lif(16, 3), lif(2, 2.6)
	a := newAudit(t, pop, twin, neurons, audit.Options{WarmUpMS: 37, WindowMS: 200})
	rec := &network.Recorder{Watch: neurons}
	net := loop(t, a, network.Options{})
	run(t, net, 637, rec)
	if err := a.Finish(); err != nil {
		t.Fatal(err)
	}
	tr, err := network.Replay(context.Background(), lif(2, 2.6), rec.Input, 637)
	if err != nil {
		t.Fatal(err)
	}
	emitted := make([][]bool, 2)
	for i := range emitted {
		emitted[i] = make([]bool, 637)
	}
	all := 0
	for _, s := range rec.Spikes {
		if i := sort.SearchInts(neurons, int(s.Neuron)); i < 2 && neurons[i] == int(s.Neuron) {
			emitted[i][s.Step] = true
		}
		if s.Step >= 37 {
			all++
		}
	}
	f := measure.NewFidelity()
	f.WarmupMS = 37
	for i := range neurons {
		if err := f.Add(measure.Trial{TruePeakMS: twin.PeaksMS(i), TrueVSoma: tr.VSoma[i], PSpike: rec.PSpike[i], VSoma: rec.VSoma[i], Spike: emitted[i]}); err != nil {
			t.Fatal(err)
		}
	}
	got, want := a.Total(), f.Report()
	g := got.Agreement
	if g.TrueSpikes != want.TrueSpikes || g.EmittedSpikes != want.EmittedSpikes || g.DurationMS != 1200 || want.TrueSpikes < 10 ||
		math.Abs(g.AUC.Value-want.AUC.Value) > 1e-9 || math.Abs(g.VoltageRMSE.Value-want.VoltageRMSE.Value) > 1e-9 {
		t.Errorf("%+v, by Fidelity %+v", g, want)
	}
	if got.NetworkRate.N != all || math.Abs(got.NetworkRate.Value-float64(all)/16/0.6) > 1e-9 {
		t.Errorf("network rate %+v, %d spikes", got.NetworkRate, all)
	}
	spikes := 0
	for _, w := range a.Windows() {
		spikes += w.Agreement.TrueSpikes
	}
	if len(a.Windows()) != 3 || spikes != want.TrueSpikes {
		t.Errorf("%d windows with %d spikes", len(a.Windows()), spikes)
	}
	last := a.Trace(1)
	if last.FromMS != 437 || !reflect.DeepEqual(last.VSoma, rec.VSoma[1][437:]) || !reflect.DeepEqual(last.TwinVSoma, tr.VSoma[1][437:]) ||
		!reflect.DeepEqual(last.PSpike, rec.PSpike[1][437:]) || !reflect.DeepEqual(last.Spike, emitted[1][437:]) {
		t.Error("the last window's trace is not that of the run")
	}

	// Again, from the start.
	before := a.Windows()
	net.Reset()
	run(t, net, 637, nil)
	if err := a.Finish(); err != nil || !reflect.DeepEqual(a.Total().Agreement, g) || len(a.Windows()) != len(before) {
		t.Errorf("after a reset: %+v, %v", a.Total(), err)
	}
}

// The windows do not depend on how long the network's blocks are.
func TestBlocks(t *testing.T) {
	var got [3][]audit.Window
	for i, block := range []int{0, 1, 2} {
		a := newAudit(t, lif(16, 3), lif(1, 2.6), []int{3}, audit.Options{WarmUpMS: 50, WindowMS: 100})
		run(t, loop(t, a, network.Options{MaxBlock: block}), 352, nil)
		for _, w := range a.Windows() { // undefined figures are not equal to themselves
			w.StepsOutside, w.WeightsOutside = measure.Figure{}, measure.Figure{}
			got[i] = append(got[i], w)
		}
	}
	if len(got[0]) != 3 || !reflect.DeepEqual(got[0], got[1]) || !reflect.DeepEqual(got[0], got[2]) {
		t.Errorf("%d, %d and %d windows", len(got[0]), len(got[1]), len(got[2]))
	}
}

// counting is a population whose model knows a training range.
type counting struct{ population.Population }

func (c counting) OutOfRange() surrogate.RangeReport {
	n := c.Now()
	return surrogate.RangeReport{Known: true, Steps: 4 * n, StepsOutside: max(0, n-200), Events: 10 * n, WeightsOutside: n}
}

func TestOutsideTraining(t *testing.T) {
	a := newAudit(t, counting{lif(4, 3)}, lif(1, 3), []int{2}, audit.Options{WarmUpMS: 100, WindowMS: 100})
	run(t, loop(t, a, network.Options{MaxBlock: 1}), 301, nil)
	w := a.Windows()
	if len(w) != 2 || w[0].StepsOutside.Value > 0.01 || math.Abs(w[1].StepsOutside.Value-0.25) > 0.01 || math.Abs(w[1].WeightsOutside.Value-0.1) > 1e-12 {
		t.Errorf("%+v", w)
	}
	if s := a.Total().StepsOutside; math.Abs(s.Value-0.125) > 0.01 || s.N < 790 {
		t.Errorf("in total %+v", s)
	}
	// Without a known range it is undefined.
	a = newAudit(t, lif(4, 3), lif(1, 3), []int{2}, audit.Options{WindowMS: 100})
	run(t, loop(t, a, network.Options{}), 201, nil)
	if s := a.Total().StepsOutside; !math.IsNaN(s.Value) {
		t.Errorf("unknown range: %+v", s)
	}
}

// Once warm, a long run holds no more than a short one but its windows.
func TestBoundedMemory(t *testing.T) {
	a := newAudit(t, lif(8, 1), lif(2, 1), []int{0, 4}, audit.Options{WindowMS: 64}) // too weak to spike: no records grow
	net := loop(t, a, network.Options{MaxBlock: 4})
	run(t, net, 2000, nil)
	allocated := testing.AllocsPerRun(20, func() { run(t, net, 64, nil) })
	if allocated > 60 { // the report of a window
		t.Errorf("%g allocations a window", allocated)
	}
}

func TestErrors(t *testing.T) {
	moved := lif(2, 3)
	if err := moved.Step(1, nil, population.Output{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		pop, twin population.Population
		neurons   []int
		opt       audit.Options
		want      error
	}{
		"no neurons": {lif(4, 3), lif(1, 3), nil, audit.Options{}, population.ErrInput},
		"twins":      {lif(4, 3), lif(1, 3), []int{0, 1}, audit.Options{}, population.ErrInput},
		"neuron":     {lif(4, 3), lif(1, 3), []int{4}, audit.Options{}, population.ErrInput},
		"negative":   {lif(4, 3), lif(1, 3), []int{-1}, audit.Options{}, population.ErrInput},
		"twice":      {lif(4, 3), lif(2, 3), []int{1, 1}, audit.Options{}, population.ErrInput},
		"channels":   {lif(4, 3), networktest.NewLIF("lif", 1, 3, 3, 3), []int{1}, audit.Options{}, population.ErrInput},
		"window":     {lif(4, 3), lif(1, 3), []int{1}, audit.Options{WindowMS: -1}, population.ErrInput},
		"wide":       {lif(4, 3), lif(1, 3), []int{1}, audit.Options{WindowMS: audit.MaxWindowMS + 1}, population.ErrInput},
		"warm-up":    {lif(4, 3), lif(1, 3), []int{1}, audit.Options{WarmUpMS: -1}, population.ErrInput},
		"running":    {lif(4, 3), moved, []int{0, 1}, audit.Options{}, population.ErrState},
	} {
		if _, err := audit.New(c.pop, c.twin, c.neurons, c.opt); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}

	twin := lif(1, 3)
	twin.FailAt = 20
	a := newAudit(t, lif(4, 3), twin, []int{1}, audit.Options{})
	net := loop(t, a, network.Options{})
	if err := net.Run(context.Background(), 100, nil); !errors.Is(err, population.ErrState) {
		t.Errorf("failing twin: %v", err)
	}
	if err := a.Finish(); !errors.Is(err, population.ErrState) {
		t.Errorf("finish after failure: %v", err)
	}
	twin.FailAt = 0
	net.Reset()
	run(t, net, 100, nil)
	if err := a.Save(nil); !errors.Is(err, population.ErrState) {
		t.Errorf("save: %v", err)
	}
	if err := a.Load(nil); !errors.Is(err, population.ErrState) {
		t.Errorf("load: %v", err)
	}
	if err := errors.Join(a.Close(), a.Step(1, nil, population.Output{})); !errors.Is(err, population.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// late is a population whose peaks come, as a cell's may, when the next step has begun.
type late struct{ *networktest.LIF }

func (l late) PeaksMS(neuron int) []float64 {
	var peaks []float64
	for _, t := range l.LIF.PeaksMS(neuron) {
		if t := math.Floor(t) + 1.375; t <= float64(l.Now()) {
			peaks = append(peaks, t)
		}
	}
	return peaks
}

// A window waits for peaks that belong to its last step.
func TestLatePeaks(t *testing.T) {
	for _, block := range []int{1, 0} {
		a := newAudit(t, lif(16, 3), late{lif(16, 3)}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, audit.Options{WindowMS: 20})
		run(t, loop(t, a, network.Options{MaxBlock: block}), 601, nil)
		f := a.Total().Agreement
		if f.DurationMS != 16*600 || f.TrueSpikes < 50 || f.TrueSpikes != f.EmittedSpikes || f.Recall.Value != 1 || f.AUC.Value != 1 {
			t.Errorf("block %d: %+v", block, f)
		}
	}
}
