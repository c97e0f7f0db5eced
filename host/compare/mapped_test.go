package compare

import (
	"errors"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/morphology"
	"understudy/plugin/network/networktest"
	"understudy/plugin/population"
)

func TestMatchChannels(t *testing.T) {
	to := channels()
	same, err := MatchChannels(to, to)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range same {
		if int(m) != i {
			t.Errorf("channel %d of the same cell is matched with %d", i, m)
		}
	}
	// A tree twice as large: relative distances count. The basal tree of `to` has its
	// farthest channel at 250 um.
	from := []cell.Channel{
		{Kind: cell.Excitatory, Region: morphology.Basal, DistanceUM: 500},
		{Kind: cell.Excitatory, Region: morphology.Basal, DistanceUM: 190},
		{Kind: cell.Inhibitory, Region: morphology.Apical, DistanceUM: 1000},
		{Kind: cell.Inhibitory, Region: morphology.Apical, DistanceUM: 10},
	}
	got, err := MatchChannels(from, to)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int32{4, 1, 19, 15} {
		if got[i] != want {
			t.Errorf("channel %d is matched with %d, want %d", i, got[i], want)
		}
	}
	if _, err := MatchChannels(from, to[:10]); !errors.Is(err, population.ErrInput) {
		t.Errorf("no inhibitory channel: %v", err)
	}
}

func TestMapped(t *testing.T) {
	inner := networktest.NewLIF("surrogate", 2, 2, 1, 30)
	p, err := Mapped(inner, []int32{2, 0, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	if p.Info().Channels != 4 || p.Info().Kind != "surrogate" {
		t.Errorf("%+v", p.Info())
	}
	spikes := make([]bool, 4)
	events := []population.Event{{Neuron: 0, Channel: 3, Weight: 1}, {Neuron: 1, Channel: 0, Weight: 1}}
	if err := p.Step(2, events, population.Output{Spike: spikes}); err != nil {
		t.Fatal(err)
	}
	if !spikes[0] || spikes[1] || events[0].Channel != 3 {
		t.Errorf("spikes %v, events %v", spikes, events)
	}
	if err := p.Step(1, []population.Event{{TimeMS: 2, Channel: 4, Weight: 1}}, population.Output{}); !errors.Is(err, population.ErrInput) || p.Now() != 2 {
		t.Errorf("channel 4: %v at %d", err, p.Now())
	}
	if _, err := Mapped(inner, []int32{3}); !errors.Is(err, population.ErrInput) {
		t.Errorf("map to channel 3: %v", err)
	}
}
