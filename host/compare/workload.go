package compare

import (
	"fmt"

	"understudy/plugin/cell"
	"understudy/plugin/morphology"
	"understudy/plugin/network"
	"understudy/plugin/population"
)

// Workload is what both networks do: their random connections and their
// background input.
type Workload struct {
	Graph network.RandomSpec
	Drive *network.Drive
}

// Background rates [events per 100 ms on a whole tree], inside the range of
// Beniaguev et al. 2021 (0 to 800 excitatory, and inhibitory between 600 below
// and 200 above that), chosen so that a layer-5 pyramidal cell fires a few
// times a second: enough spikes to judge by in a short run. The modulation is what
// makes it fire at all; at constant rates of this size inhibition holds it down.
const (
	basalExcPer100MS  = 420
	apicalExcPer100MS = 420
	basalInhPer100MS  = 320
	apicalInhPer100MS = 320
	driveDepth        = 0.8
	driveShared       = 0.3
	drivePeriodMS     = 100
)

// DefaultWorkload is a recurrent network in the cortex's manner: each cell
// gets input from up to 20 others, a fifth of them inhibitory, each on 5
// channels, with delays of 1 to 5 ms; and a slowly varying background on both
// trees. Channels are drawn in proportion to the length of their segment.
func DefaultWorkload(channels []cell.Channel, seed uint64) (Workload, error) {
	type part struct {
		index []int32
		share []float64
	}
	parts := map[[2]bool]*part{}                // by inhibitory, apical
	both := map[bool]*part{false: {}, true: {}} // by inhibitory
	for i, c := range channels {
		key := [2]bool{c.Kind == cell.Inhibitory, c.Region == morphology.Apical}
		if parts[key] == nil {
			parts[key] = &part{}
		}
		for _, p := range []*part{parts[key], both[key[0]]} {
			p.index, p.share = append(p.index, int32(i)), append(p.share, c.LengthUM)
		}
	}
	w := Workload{Drive: &network.Drive{Seed: seed}}
	for _, s := range []struct {
		name               string
		inhibitory, apical bool
		rate               float64
	}{
		{"basal excitatory", false, false, basalExcPer100MS},
		{"apical excitatory", false, true, apicalExcPer100MS},
		{"basal inhibitory", true, false, basalInhPer100MS},
		{"apical inhibitory", true, true, apicalInhPer100MS},
	} {
		p := parts[[2]bool{s.inhibitory, s.apical}]
		if p == nil {
			continue
		}
		set, err := network.NewChannels(p.index, p.share)
		if err != nil {
			return Workload{}, fmt.Errorf("%s channels: %w", s.name, err)
		}
		w.Drive.Sources = append(w.Drive.Sources, network.Source{
			Name: s.name, Channels: set, RatePer100MS: s.rate,
			Depth: driveDepth, PeriodMS: drivePeriodMS, Shared: driveShared,
		})
	}
	w.Graph = network.RandomSpec{Seed: seed, InDegree: 20, Contacts: 5, InhibitoryFraction: 0.2, MinDelayMS: 1, MaxDelayMS: 5, Weight: 1}
	var err error
	if len(both[false].index) == 0 {
		return Workload{}, fmt.Errorf("%w: cell without excitatory channels", population.ErrInput)
	}
	if w.Graph.Excitatory, err = network.NewChannels(both[false].index, both[false].share); err != nil {
		return Workload{}, fmt.Errorf("excitatory channels: %w", err)
	}
	if len(both[true].index) == 0 {
		w.Graph.InhibitoryFraction = 0
		return w, nil
	}
	if w.Graph.Inhibitory, err = network.NewChannels(both[true].index, both[true].share); err != nil {
		return Workload{}, fmt.Errorf("inhibitory channels: %w", err)
	}
	return w, nil
}
