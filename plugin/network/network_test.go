package network_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"sort"
	"testing"

	"understudy/plugin/network"
	"understudy/plugin/network/networktest"
	"understudy/plugin/population"
)

func set(t *testing.T, from, to int32) *network.Channels {
	t.Helper()
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

// A strong event makes the LIF fire in its own step, so a chain of connections
// shows the delays.
func TestDelaysAreExact(t *testing.T) {
	for _, delay := range []float64{0.1, 0.5, 1, 1.5, 2, 7.25, 40} {
		for _, maxBlock := range []int{0, 1, 2} {
			pop := networktest.NewLIF("lif", 2, 3, 1, 30)
			g, err := network.NewGraph(2, []network.Connection{{Pre: 0, Post: 1, Channel: 2, Weight: 1, DelayMS: delay}, {Pre: 1, Post: 0, Channel: 0, Weight: 1, DelayMS: 3}})
			if err != nil {
				t.Fatal(err)
			}
			rec := &network.Recorder{Watch: []int{1, 0}}
			net, err := network.New([]population.Population{&kicker{LIF: pop}}, g, nil, network.Options{MaxBlock: maxBlock})
			if err != nil {
				t.Fatal(err)
			}
			if err := net.Run(context.Background(), 100, rec); err != nil {
				t.Fatal(err)
			}
			// Spike of step 0 leaves at 1, arrives at 1+delay in step int(1+delay).
			var want []network.Spike
			step, neuron := int64(0), int32(0)
			for step < 100 {
				want = append(want, network.Spike{Step: step, Neuron: neuron})
				if neuron == 0 {
					step, neuron = int64(float64(step+1)+delay), 1
				} else {
					step, neuron = step+1+3, 0
				}
			}
			if !reflect.DeepEqual(rec.Spikes, want) {
				t.Fatalf("delay %g block %d: spikes %v, want %v", delay, maxBlock, rec.Spikes, want)
			}
			e := rec.Input[0][0]
			if e.TimeMS != 1+delay || e.Channel != 2 || e.Neuron != 0 {
				t.Fatalf("first event on neuron 1: %+v", e)
			}
		}
	}
}

// An arrival that misses a whole ms by rounding counts as that ms, and no other does.
func TestArrivalsNearAWholeMS(t *testing.T) {
	for _, c := range []struct {
		delay float64
		step  int64
	}{
		{2, 3}, {math.Nextafter(2, 0), 3}, {2 - 0.9e-6, 3}, {2 - 1.1e-6, 2}, {math.Nextafter(2, 3), 3},
		{0.1 + 0.2 + 0.7, 2}, {1e-9, 1}, {1 - 1e-9, 2}, {network.MaxDelayMS - 0.9e-6, network.MaxDelayMS + 1},
	} {
		g, err := network.NewGraph(2, []network.Connection{{Pre: 0, Post: 1, Weight: 1, DelayMS: c.delay}})
		if err != nil {
			t.Fatal(err)
		}
		// The event that makes the first spike comes by the same rule in step 0, 1.
		for first, kick := range []float64{0.3, 1 - 0.9e-6} {
			for _, maxBlock := range []int{0, 1} {
				pop := networktest.NewLIF("lif", 2, 3, 1, 30)
				net, err := network.New([]population.Population{pop}, g, &network.Drive{Recorded: []population.Event{{TimeMS: kick, Weight: 1}}}, network.Options{MaxBlock: maxBlock})
				if err != nil {
					t.Fatal(err)
				}
				var rec network.Recorder
				if err := net.Run(t.Context(), network.MaxDelayMS+5, &rec); err != nil {
					t.Fatal(err)
				}
				if want := []network.Spike{{Step: int64(first)}, {Step: int64(first) + c.step, Neuron: 1}}; !reflect.DeepEqual(rec.Spikes, want) {
					t.Errorf("delay %g, block %d, input at %g: spikes %v, want %v", c.delay, maxBlock, kick, rec.Spikes, want)
				}
			}
		}
	}
}

// Recorded events reach their neurons in their steps, beside background and recurrent
// events, whatever their order, the block and the populations; also after a reset.
func TestRecordedEvents(t *testing.T) {
	const n, steps = 16, 300
	var events []population.Event
	for i := range 600 {
		events = append(events, population.Event{TimeMS: float64(i*7919%steps) + 0.25, Neuron: int32(i % n), Channel: int32(i % 30), Weight: 2})
	}
	shuffled := slices.Clone(events)
	slices.Reverse(shuffled)
	run := func(recorded []population.Event, sizes []int, maxBlock int) (first, second *network.Recorder) {
		var pops []population.Population
		for _, s := range sizes {
			pops = append(pops, networktest.NewLIF("lif", s, 20, 10, 3))
		}
		d := drive(t, 1)
		d.Recorded = recorded
		net, err := network.New(pops, random(t, n), d, network.Options{MaxBlock: maxBlock})
		if err != nil {
			t.Fatal(err)
		}
		var recs [2]*network.Recorder
		for i := range recs {
			recs[i] = &network.Recorder{Watch: []int{n - 1, 0, 3}}
			if err := net.Run(t.Context(), steps, recs[i]); err != nil {
				t.Fatal(err)
			}
			net.Reset()
		}
		return recs[0], recs[1]
	}
	want, again := run(events, []int{n}, 0)
	if without, _ := run(nil, []int{n}, 0); reflect.DeepEqual(without.Spikes, want.Spikes) {
		t.Error("recorded events change nothing")
	}
	for i, w := range want.Watch {
		for _, e := range events {
			if int(e.Neuron) == w {
				e.Neuron = int32(i)
				if !slices.Contains(want.Input[i], e) {
					t.Errorf("neuron %d did not receive %+v", w, e)
				}
			}
		}
		if !slices.IsSortedFunc(want.Input[i], func(a, b population.Event) int { return int(a.TimeMS) - int(b.TimeMS) }) {
			t.Errorf("input of neuron %d is not in the order of steps", w)
		}
	}
	block1, _ := run(events, []int{n}, 1)
	two, _ := run(shuffled, []int{5, 11}, 0)
	for name, got := range map[string]*network.Recorder{"block 1": block1, "shuffled, two populations": two, "after a reset": again} {
		if !reflect.DeepEqual(got.Spikes, want.Spikes) || !reflect.DeepEqual(got.VSoma, want.VSoma) {
			t.Errorf("%s: another result", name)
		}
	}
}

// kicker adds one event on neuron 0 in step 0.
type kicker struct {
	*networktest.LIF
	done []population.Event
}

func (k *kicker) Step(steps int, events []population.Event, out population.Output) error {
	if k.Now() == 0 {
		k.done = append(append(k.done[:0], events...), population.Event{Weight: 1})
		events = k.done
	}
	return k.LIF.Step(steps, events, out)
}

func drive(t *testing.T, seed uint64) *network.Drive {
	return &network.Drive{Seed: seed, Sources: []network.Source{
		{Name: "exc", Channels: set(t, 0, 20), RatePer100MS: 90, Depth: 0.8, PeriodMS: 50, Shared: 0.5},
		{Name: "inh", Channels: set(t, 20, 30), RatePer100MS: 30},
	}}
}

func random(t *testing.T, n int) *network.Graph {
	t.Helper()
	g, err := network.Random(n, network.RandomSpec{Seed: 3, InDegree: 6, Contacts: 3, InhibitoryFraction: 0.25,
		MinDelayMS: 1, MaxDelayMS: 5, Weight: 0.5, Excitatory: set(t, 0, 20), Inhibitory: set(t, 20, 30)})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func runLIF(t *testing.T, seed uint64, sizes []int, opt network.Options, chunks []int) *network.Recorder {
	t.Helper()
	var pops []population.Population
	n := 0
	for _, s := range sizes {
		pops = append(pops, networktest.NewLIF("lif", s, 20, 10, 3))
		n += s
	}
	net, err := network.New(pops, random(t, n), drive(t, seed), opt)
	if err != nil {
		t.Fatal(err)
	}
	rec := &network.Recorder{Watch: []int{n - 1, 0, 3}}
	for _, c := range chunks {
		if err := net.Run(context.Background(), c, rec); err != nil {
			t.Fatal(err)
		}
	}
	return rec
}

// The result depends neither on the block length, nor on how the run is cut, nor
// on which population a neuron sits in.
func TestDeterminism(t *testing.T) {
	want := runLIF(t, 1, []int{16}, network.Options{}, []int{500})
	if len(want.Spikes) < 50 {
		t.Fatalf("only %d spikes", len(want.Spikes))
	}
	for name, got := range map[string]*network.Recorder{
		"block 1":         runLIF(t, 1, []int{16}, network.Options{MaxBlock: 1}, []int{500}),
		"cut":             runLIF(t, 1, []int{16}, network.Options{}, []int{1, 3, 0, 96, 400}),
		"two populations": runLIF(t, 1, []int{5, 11}, network.Options{}, []int{500}),
	} {
		if !reflect.DeepEqual(got.Spikes, want.Spikes) || !reflect.DeepEqual(got.VSoma, want.VSoma) {
			t.Errorf("%s: another result", name)
		}
		for i := range want.Input {
			if !sameEvents(got.Input[i], want.Input[i]) {
				t.Errorf("%s: other events on watched neuron %d", name, i)
			}
		}
	}
	if reflect.DeepEqual(runLIF(t, 2, []int{16}, network.Options{}, []int{500}).Spikes, want.Spikes) {
		t.Error("another seed gives the same spikes")
	}
}

func sameEvents(a, b []population.Event) bool {
	sorted := func(e []population.Event) []population.Event {
		e = append([]population.Event(nil), e...)
		sort.Slice(e, func(i, j int) bool {
			if e[i].TimeMS != e[j].TimeMS {
				return e[i].TimeMS < e[j].TimeMS
			}
			return e[i].Channel < e[j].Channel
		})
		return e
	}
	return reflect.DeepEqual(sorted(a), sorted(b))
}

func TestResetRepeats(t *testing.T) {
	pop := networktest.NewLIF("lif", 8, 20, 10, 3)
	net, err := network.New([]population.Population{pop}, random(t, 8), drive(t, 1), network.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var spikes [2][]network.Spike
	for i := range spikes {
		rec := &network.Recorder{}
		if err := net.Run(context.Background(), 300, rec); err != nil {
			t.Fatal(err)
		}
		spikes[i] = rec.Spikes
		net.Reset()
	}
	if len(spikes[0]) == 0 || !reflect.DeepEqual(spikes[0], spikes[1]) {
		t.Errorf("%d and %d spikes", len(spikes[0]), len(spikes[1]))
	}
}

// deaf is a population of another kind: it never spikes. Its background must be
// that of the LIF.
type deaf struct{ *networktest.LIF }

func (d deaf) Step(steps int, events []population.Event, out population.Output) error {
	if err := d.LIF.Step(steps, events, out); err != nil {
		return err
	}
	clear(out.Spike)
	return nil
}

func TestBackgroundIsTheSameForBothKinds(t *testing.T) {
	var inputs [2][][]population.Event
	for i, pop := range []population.Population{networktest.NewLIF("a", 4, 20, 10, 3), deaf{networktest.NewLIF("b", 4, 20, 10, 0.1)}} {
		net, err := network.New([]population.Population{pop}, nil, drive(t, 9), network.Options{MaxBlock: 1 + 6*i})
		if err != nil {
			t.Fatal(err)
		}
		rec := &network.Recorder{Watch: []int{0, 1, 2, 3}}
		if err := net.Run(context.Background(), 200, rec); err != nil {
			t.Fatal(err)
		}
		inputs[i] = rec.Input
	}
	if !reflect.DeepEqual(inputs[0], inputs[1]) {
		t.Error("background differs")
	}
	if reflect.DeepEqual(inputs[0][0], inputs[0][1]) {
		t.Error("two neurons have the same background")
	}
}

func TestDriveRates(t *testing.T) {
	const steps, n = 5000, 4
	share := []float64{1, 3, 0, 4}
	chans, err := network.NewChannels([]int32{0, 5, 7, 9}, share)
	if err != nil {
		t.Fatal(err)
	}
	pop := networktest.NewLIF("lif", n, 20, 10, 0)
	d := &network.Drive{Seed: 5, Sources: []network.Source{{Channels: chans, RatePer100MS: 350, Depth: 0.5, PeriodMS: 20}}}
	net, err := network.New([]population.Population{pop}, nil, d, network.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rec := &network.Recorder{Watch: []int{0, 1, 2, 3}}
	if err := net.Run(context.Background(), steps, rec); err != nil {
		t.Fatal(err)
	}
	count := map[int32]float64{}
	total := 0.0
	for _, in := range rec.Input {
		for _, e := range in {
			count[e.Channel]++
			total++
		}
	}
	if want := 3.5 * steps * n; math.Abs(total-want) > 0.03*want {
		t.Errorf("%g events, expected about %g", total, want)
	}
	for i, c := range []int32{0, 5, 7, 9} {
		if want := share[i] / 8; math.Abs(count[c]/total-want) > 0.01 {
			t.Errorf("channel %d has a share of %g, expected %g", c, count[c]/total, want)
		}
	}
	if len(count) != 3 {
		t.Errorf("events on %d channels, expected 3", len(count))
	}
}

func TestReplayRepeatsTheClosedLoop(t *testing.T) {
	rec := runLIF(t, 1, []int{16}, network.Options{}, []int{300})
	tr, err := network.Replay(context.Background(), networktest.NewLIF("lif", 3, 20, 10, 3), rec.Input, 300)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(tr.VSoma, rec.VSoma) || !reflect.DeepEqual(tr.PSpike, rec.PSpike) {
		t.Error("replay differs from the run")
	}
	if _, err := network.Replay(context.Background(), networktest.NewLIF("lif", 2, 20, 10, 3), rec.Input, 300); !errors.Is(err, population.ErrInput) {
		t.Errorf("three inputs into two neurons: %v", err)
	}
}

func TestRunAllocatesNothingOnceWarm(t *testing.T) {
	pop := networktest.NewLIF("lif", 16, 20, 10, 1) // too weak to spike: no records grow
	net, err := network.New([]population.Population{pop}, random(t, 16), drive(t, 1), network.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	step := func() {
		if err := net.Run(ctx, 64, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		step()
	}
	if a := testing.AllocsPerRun(20, step); a > 1 {
		t.Errorf("%g allocations per 64 steps", a)
	}
}

func TestCancelAndFailure(t *testing.T) {
	pop := networktest.NewLIF("lif", 4, 20, 10, 3)
	net, err := network.New([]population.Population{pop}, random(t, 4), drive(t, 1), network.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := net.Run(ctx, 10, nil); !errors.Is(err, context.Canceled) || net.Now() != 0 {
		t.Errorf("cancelled: %v at %d", err, net.Now())
	}
	pop.FailAt = 20
	if err := net.Run(context.Background(), 100, nil); !errors.Is(err, population.ErrState) {
		t.Errorf("failing population: %v", err)
	}
	pop.FailAt = 0
	if err := net.Run(context.Background(), 1, nil); !errors.Is(err, population.ErrState) {
		t.Errorf("run after failure: %v", err)
	}
	net.Reset()
	if err := net.Run(context.Background(), 100, nil); err != nil {
		t.Errorf("after reset: %v", err)
	}
}
