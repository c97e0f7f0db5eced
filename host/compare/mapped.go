package compare

import (
	"fmt"
	"math"

	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// MatchChannels finds for each channel of one cell a stand-in among the channels
// of another: of the same kind and region, at the nearest path distance relative to
// the farthest channel of its region. Several channels may share a stand-in.
// It fails where the other cell has no channel of a kind; where it lacks the
// region, any region serves.
func MatchChannels(from, to []cell.Channel) ([]int32, error) {
	farFrom, farTo := farthest(from), farthest(to)
	match := make([]int32, len(from))
	for i, a := range from {
		best, bestCost := -1, math.Inf(1)
		for j, b := range to {
			if a.Kind != b.Kind {
				continue
			}
			cost := math.Abs(relative(a, farFrom) - relative(b, farTo))
			if a.Region != b.Region {
				cost += 2 // relative distances differ by 1 at most
			}
			if cost < bestCost {
				best, bestCost = j, cost
			}
		}
		if best < 0 {
			return nil, fmt.Errorf("%w: channel %d is of kind %s, which the other cell does not have", population.ErrInput, i, a.Kind)
		}
		match[i] = int32(best)
	}
	return match, nil
}

func farthest(channels []cell.Channel) map[string]float64 {
	far := map[string]float64{}
	for _, c := range channels {
		far[c.Region.String()] = max(far[c.Region.String()], c.DistanceUM)
	}
	return far
}

func relative(c cell.Channel, far map[string]float64) float64 {
	if d := far[c.Region.String()]; d > 0 {
		return c.DistanceUM / d
	}
	return 0
}

// mapped lets a population stand in for one with other channels: an event on
// channel c goes to channel to[c] of the population inside.
type mapped struct {
	population.Population
	to     []int32
	events []population.Event
}

// Mapped wraps a population so that it takes events on len(to) channels; channel
// c becomes channel to[c] of inner. State, output and errors are inner's.
func Mapped(inner population.Population, to []int32) (population.Population, error) {
	n := inner.Info().Channels
	for c, t := range to {
		if t < 0 || int(t) >= n {
			return nil, fmt.Errorf("%w: channel %d stands for %d, there are %d", population.ErrInput, t, c, n)
		}
	}
	return &mapped{Population: inner, to: append([]int32(nil), to...)}, nil
}

// OutOfRange is inner's, where it counts such a thing.
func (m *mapped) OutOfRange() surrogate.RangeReport { return surrogate.OutOfRange(m.Population) }

func (m *mapped) Info() population.Info {
	info := m.Population.Info()
	info.Channels = len(m.to)
	return info
}

func (m *mapped) Step(steps int, events []population.Event, out population.Output) error {
	m.events = append(m.events[:0], events...)
	for i := range m.events {
		c := m.events[i].Channel
		if c < 0 || int(c) >= len(m.to) {
			return fmt.Errorf("%w: event %d on channel %d, there are %d", population.ErrInput, i, c, len(m.to))
		}
		m.events[i].Channel = m.to[c]
	}
	return m.Population.Step(steps, m.events, out)
}
