package surrogate_test

import (
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

func TestOutOfRange(t *testing.T) {
	m := modeltest.Random(modeltest.Small, 1)
	m.TrainingRange = &model.TrainingRange{EventsPerMS: &[2]float64{1, 3}, Weight: &[2]float64{0.5, 1}}
	p := newPop(t, m, 2, surrogate.Options{Threads: 2})
	var events []population.Event
	for range 4 { // step 0, neuron 0: one event too many
		events = append(events, population.Event{Weight: 1})
	}
	events = append(events, population.Event{TimeMS: 1.5, Neuron: 1, Weight: 2}, population.Event{TimeMS: 1, Neuron: 1, Weight: -1, Channel: 3})
	if err := p.Step(3, events, population.Output{}); err != nil {
		t.Fatal(err)
	}
	// Outside: neuron 0 in step 0 (4 events), and four neuron-steps without any.
	want := surrogate.RangeReport{Known: true, Steps: 6, StepsOutside: 5, Events: 6, WeightsOutside: 2, MaxEventsPerMS: 4, MinWeight: -1, MaxWeight: 2}
	if got := p.OutOfRange(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	p.Reset()
	if got := p.OutOfRange(); got != (surrogate.RangeReport{Known: true}) {
		t.Errorf("after Reset: %+v", got)
	}
}

// The voltage of a model without that head is NaN, not a number that looks right.
// A channel is counted once for each second in which it has too many events.
func TestChannelsOutOfRange(t *testing.T) {
	m := modeltest.Random(modeltest.Small, 1)
	m.TrainingRange = &model.TrainingRange{EventsPerChannelPer: &[2]float64{0, 3}}
	p := newPop(t, m, 2, surrogate.Options{Threads: 2})
	var events []population.Event
	add := func(neuron, channel int32, times ...float64) {
		for _, at := range times {
			events = append(events, population.Event{TimeMS: at, Neuron: neuron, Channel: channel, Weight: 1})
		}
	}
	add(0, 1, 0, 10, 999, 999.5, 1500)      // four in the first second: once
	add(0, 2, 998, 999, 1000, 1001)         // two and two: never
	add(1, 2, 2000, 2000, 2001, 2002, 2003) // five in the third: once
	add(1, 1, 0, 1, 2, 3)
	for p.Now() < 2500 {
		var now []population.Event
		for _, e := range events {
			if at := int64(e.TimeMS); at >= p.Now() && at < p.Now()+50 {
				now = append(now, e)
			}
		}
		if err := p.Step(50, now, population.Output{}); err != nil {
			t.Fatal(err)
		}
	}
	if r := p.OutOfRange(); !r.Known || r.ChannelsOutside != 3 {
		t.Errorf("%+v", r)
	}
	p.Reset()
	if r := p.OutOfRange(); r.ChannelsOutside != 0 {
		t.Errorf("after Reset: %+v", r)
	}
}
