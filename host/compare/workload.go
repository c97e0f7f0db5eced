package compare

import (
	"fmt"
	"slices"
	"strings"

	"understudy/plugin/cell"
	"understudy/plugin/morphology"
	"understudy/plugin/network"
	"understudy/plugin/population"
)

// Workload is what both networks do: their random connections and their
// background input.
type Workload struct {
	Regime Regime // what it was made from
	Graph  network.RandomSpec
	Drive  *network.Drive
}

// Regime is a way to connect and drive a network of pyramidal cells that gives it an
// activity of its own kind. Channels, of the background and of connections, are drawn
// in proportion to the length of their segment. Events have weight 1, as in the surrogates' training.
type Regime struct {
	Name  string `json:"name"`
	About string `json:"about"` // how it is made and what it does, one sentence

	// Background, per tree (basal and apical) and 100 ms. The rates vary as
	// network.Source says.
	Exc      float64 `json:"exc_per_100ms"`
	Inh      float64 `json:"inh_per_100ms"`
	Depth    float64 `json:"depth"`
	Shared   float64 `json:"shared"`
	PeriodMS int     `json:"period_ms"`

	// Connections: see network.RandomSpec.
	InDegree           int     `json:"in_degree"`
	Contacts           int     `json:"contacts"`
	InhibitoryFraction float64 `json:"inhibitory_fraction"`
	MinDelayMS         int     `json:"min_delay_ms"`
	MaxDelayMS         int     `json:"max_delay_ms"`
}

// DefaultRegime is what a comparison runs where no regime is named.
const DefaultRegime = "default"

// Regimes lists all regimes; another is another entry. Rates are inside the training range of
// surrogates (Beniaguev et al. 2021: 0 to 800 excitatory, and inhibitory between 600 below
// and 200 above that). Figures of networks of 64 detailed l5pc cells over 1.5 s are in
// RATIONALE.md.
var Regimes = []Regime{
	{
		// The modulation is what makes cells fire at all: at constant rates of this size
		// inhibition holds them down.
		Name:  DefaultRegime,
		About: "Each cell hears up to 20 others, a fifth of them inhibitory, after 1 to 5 ms; the background varies slowly, in part the same for all cells. A few spikes a second.",
		Exc:   420, Inh: 320, Depth: 0.8, Shared: 0.3, PeriodMS: 100,
		InDegree: 20, Contacts: 5, InhibitoryFraction: 0.2, MinDelayMS: 1, MaxDelayMS: 5,
	},
	{
		Name:  "asynchronous",
		About: "The background of each cell varies on its own, so that cells fire irregularly, a few times a second, and hardly together.",
		Exc:   420, Inh: 320, Depth: 0.8, PeriodMS: 100,
		InDegree: 20, Contacts: 5, InhibitoryFraction: 0.2, MinDelayMS: 1, MaxDelayMS: 5,
	},
	{
		Name:  "oscillating",
		About: "All cells inhibit one another strongly after 10 ms, on a constant background that drives them: whoever fires silences the others for a while, and they return together. A rhythm of about 20 Hz, which the background does not have.",
		Exc:   600, Inh: 250,
		InDegree: 20, Contacts: 20, InhibitoryFraction: 1, MinDelayMS: 10, MaxDelayMS: 10,
	},
	{
		Name:  "driven",
		About: "The asynchronous network, driven hard: two thirds more excitation at little more inhibition, for more than ten spikes a second.",
		Exc:   700, Inh: 350, Depth: 0.8, PeriodMS: 100,
		InDegree: 20, Contacts: 5, InhibitoryFraction: 0.2, MinDelayMS: 1, MaxDelayMS: 5,
	},
}

// RegimeNames returns the names of all regimes.
func RegimeNames() []string {
	var names []string
	for _, r := range Regimes {
		names = append(names, r.Name)
	}
	return names
}

// FindRegime returns the regime of a name. The error wraps population.ErrInput.
func FindRegime(name string) (Regime, error) {
	i := slices.IndexFunc(Regimes, func(r Regime) bool { return r.Name == name })
	if i < 0 {
		return Regime{}, fmt.Errorf("%w: regime %q, want one of %s", population.ErrInput, name, strings.Join(RegimeNames(), ", "))
	}
	return Regimes[i], nil
}

// Workload makes the connections and the background of a regime for a cell with these
// channels. Equal seeds give equal workloads.
func (r Regime) Workload(channels []cell.Channel, seed uint64) (Workload, error) {
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
	w := Workload{Regime: r, Drive: &network.Drive{Seed: seed}}
	for _, s := range []struct {
		name               string
		inhibitory, apical bool
		rate               float64
	}{
		{"basal excitatory", false, false, r.Exc},
		{"apical excitatory", false, true, r.Exc},
		{"basal inhibitory", true, false, r.Inh},
		{"apical inhibitory", true, true, r.Inh},
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
			Depth: r.Depth, PeriodMS: r.PeriodMS, Shared: r.Shared,
		})
	}
	w.Graph = network.RandomSpec{Seed: seed, InDegree: r.InDegree, Contacts: r.Contacts, InhibitoryFraction: r.InhibitoryFraction,
		MinDelayMS: r.MinDelayMS, MaxDelayMS: r.MaxDelayMS, Weight: 1}
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
