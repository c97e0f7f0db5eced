package network

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"understudy/plugin/population"
)

// maxEventsPerStep bounds the background events of one source on one neuron in one step.
const maxEventsPerStep = 1 << 12

// Drive is the input from outside. Of its sources every neuron gets its own independent
// events, which depend on (Seed, neuron, step, source) only, never on the kind of
// population, the block length or the threads.
type Drive struct {
	Seed    uint64
	Sources []Source
	// Recorded are further events, in any order; Neuron is counted over all populations.
	// Their times follow the rule of arrivals.
	Recorded []population.Event
}

// Source is a stream of Poisson events onto a set of channels, for instance the
// excitatory channels of the basal tree. It equals in law an independent
// Poisson process on each channel, with rates in proportion to the shares.
type Source struct {
	Name     string
	Channels *Channels
	// RatePer100MS is the mean number of events in 100 ms on the whole set, per
	// neuron (the unit of Beniaguev et al. 2021).
	RatePer100MS float64
	// The rate is multiplied by 1 + Depth*m(t), never below 0, where m in [-1, 1] is
	// drawn anew every PeriodMS and interpolated linearly. Depth 0: constant.
	Depth    float64
	PeriodMS int
	// Shared is the part of m that all neurons have in common, 0..1.
	Shared float64
}

func (s Source) check() error {
	switch {
	case s.Channels == nil:
		return fmt.Errorf("%w: no channels", population.ErrInput)
	case !(s.RatePer100MS >= 0 && s.RatePer100MS <= 10000):
		return fmt.Errorf("%w: rate %g per 100 ms, expected 0 to 10000", population.ErrInput, s.RatePer100MS)
	case !(s.Depth >= 0 && s.Depth <= 10):
		return fmt.Errorf("%w: modulation depth %g, expected 0 to 10", population.ErrInput, s.Depth)
	case s.Depth > 0 && s.PeriodMS < 1:
		return fmt.Errorf("%w: modulation period %d ms", population.ErrInput, s.PeriodMS)
	case !(s.Shared >= 0 && s.Shared <= 1):
		return fmt.Errorf("%w: shared part %g, expected 0 to 1", population.ErrInput, s.Shared)
	}
	return nil
}

// driver makes the events of a Drive for n neurons. It holds nothing but a memo of
// the modulation's knots.
type driver struct {
	seed    uint64
	sources []Source
	own     []knots // [source][neuron]
	shared  []knots // [source]
	n       int
}

// knots remembers the two random values around the present.
type knots struct {
	at     int64 // index of the left knot
	known  bool
	values [2]float64
}

func newDriver(d *Drive, n int) (*driver, error) {
	if d == nil {
		return &driver{n: n}, nil
	}
	for i, s := range d.Sources {
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("source %d %q: %w", i, s.Name, err)
		}
	}
	return &driver{
		seed: d.Seed, sources: append([]Source(nil), d.Sources...), n: n,
		own: make([]knots, n*len(d.Sources)), shared: make([]knots, len(d.Sources)),
	}, nil
}

// noise is m(t) in [-1, 1] for one neuron and source.
func (d *driver) noise(k *knots, source int, neuron uint64, step int64, period int) float64 {
	at := step / int64(period)
	if !k.known || k.at != at {
		for i := range k.values {
			w := philox([4]uint64{neuron, uint64(at) + uint64(i), uint64(source)}, [2]uint64{d.seed, streamModulation})
			k.values[i] = 2*unit(w[0]) - 1
		}
		k.at, k.known = at, true
	}
	f := float64(step-at*int64(period)) / float64(period)
	return float64(k.values[0]*(1-f)) + float64(k.values[1]*f)
}

// everyone addresses the modulation that all neurons share.
const everyone = math.MaxUint64

// mean is the expected number of events of a source in a step.
func (d *driver) mean(source, neuron int, step int64) float64 {
	s := &d.sources[source]
	lambda := s.RatePer100MS / 100
	if s.Depth == 0 {
		return lambda
	}
	m := 0.0
	if s.Shared < 1 {
		m = float64((1 - s.Shared) * d.noise(&d.own[source*d.n+neuron], source, uint64(neuron), step, s.PeriodMS))
	}
	if s.Shared > 0 {
		m += float64(s.Shared * d.noise(&d.shared[source], source, everyone, step, s.PeriodMS))
	}
	return max(0, float64(lambda*(1+float64(s.Depth*m))))
}

// events appends the background events of one neuron (counted over all
// populations) in one step; the events' Neuron is local.
func (d *driver) events(dst []population.Event, neuron int, local int32, step int64) []population.Event {
	key := [2]uint64{d.seed, streamDrive}
	for source := range d.sources {
		lambda := d.mean(source, neuron, step)
		if lambda == 0 {
			continue
		}
		set := d.sources[source].Channels
		ctr := [4]uint64{uint64(neuron), uint64(step), uint64(source), 0}
		w := philox(ctr, key)
		count := poisson(unit(w[0]), lambda, maxEventsPerStep)
		// Word 0 is spent; the rest give two channels each.
		half := 2
		for range count {
			if half == 8 {
				ctr[3]++
				w = philox(ctr, key)
				half = 0
			}
			u := uint32(w[half/2] >> (32 * (half & 1)))
			half++
			dst = append(dst, population.Event{TimeMS: float64(step), Neuron: local, Channel: set.pick(u), Weight: 1})
		}
	}
	return dst
}

// sortRecorded checks the recorded events of a drive and sorts them by population and step.
func (n *Network) sortRecorded(d *Drive) ([][]population.Event, error) {
	if d == nil || len(d.Recorded) == 0 {
		return nil, nil
	}
	byPopulation := make([][]population.Event, len(n.pops))
	for i, e := range d.Recorded {
		// Beyond 2^53 ms a time does not tell its step.
		if !(e.TimeMS >= 0 && e.TimeMS < 1<<53) || e.Neuron < 0 || int(e.Neuron) >= n.Neurons() {
			return nil, fmt.Errorf("%w: recorded event %d at %g ms for neuron %d of %d", population.ErrInput, i, e.TimeMS, e.Neuron, n.Neurons())
		}
		p := n.owner[e.Neuron]
		if channels := n.pops[p].Info().Channels; e.Channel < 0 || int(e.Channel) >= channels {
			return nil, fmt.Errorf("%w: recorded event %d on channel %d, population %d has %d channels", population.ErrInput, i, e.Channel, p, channels)
		}
		if w := float64(e.Weight); math.IsNaN(w) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("%w: recorded event %d has weight %g", population.ErrInput, i, w)
		}
		e.TimeMS, e.Neuron = Arrival(e.TimeMS), n.local[e.Neuron]
		byPopulation[p] = append(byPopulation[p], e)
	}
	for _, events := range byPopulation {
		slices.SortStableFunc(events, func(a, b population.Event) int { return cmp.Compare(math.Floor(a.TimeMS), math.Floor(b.TimeMS)) })
	}
	return byPopulation, nil
}

// recordedIn are the recorded events of population p in a step.
func (n *Network) recordedIn(p int, step int64) []population.Event {
	if n.recorded == nil {
		return nil
	}
	events := n.recorded[p]
	at := func(step int64) int {
		return sort.Search(len(events), func(i int) bool { return events[i].TimeMS >= float64(step) })
	}
	return events[at(step):at(step+1)]
}
