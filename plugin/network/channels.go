package network

import (
	"fmt"
	"math"
	"sort"

	"understudy/plugin/population"
)

// Channels is a set of channels from which one is drawn with a probability in
// proportion to its share, for instance the length of its segment.
type Channels struct {
	index []int32
	cum   []float64 // cumulative share, last entry 1
}

// NewChannels makes a set from channel numbers and their shares (nil: all equal).
// Shares must be finite, not negative, and not all zero.
func NewChannels(index []int32, share []float64) (*Channels, error) {
	if len(index) == 0 {
		return nil, fmt.Errorf("%w: empty set of channels", population.ErrInput)
	}
	if share != nil && len(share) != len(index) {
		return nil, fmt.Errorf("%w: %d channels with %d shares", population.ErrInput, len(index), len(share))
	}
	total := 0.0
	c := &Channels{index: append([]int32(nil), index...), cum: make([]float64, len(index))}
	for i, ch := range index {
		s := 1.0
		if share != nil {
			s = share[i]
		}
		if ch < 0 || !(s >= 0) || math.IsInf(s, 0) {
			return nil, fmt.Errorf("%w: channel %d with share %g", population.ErrInput, ch, s)
		}
		total += s
		c.cum[i] = total
	}
	if !(total > 0) || math.IsInf(total, 0) {
		return nil, fmt.Errorf("%w: shares of channels add up to %g", population.ErrInput, total)
	}
	for i := range c.cum {
		c.cum[i] /= total
	}
	return c, nil
}

// Len is the number of channels in the set.
func (c *Channels) Len() int { return len(c.index) }

// max is the largest channel number.
func (c *Channels) max() int32 {
	m := int32(0)
	for _, ch := range c.index {
		m = max(m, ch)
	}
	return m
}

// pick maps a uniform u in [0, 1) to a channel.
func (c *Channels) pick(u float64) int32 {
	i := sort.SearchFloat64s(c.cum, u)
	// SearchFloat64s finds cum[i] >= u; a channel of share zero must not be hit.
	for i < len(c.cum)-1 && c.cum[i] <= u {
		i++
	}
	return c.index[min(i, len(c.index)-1)]
}
