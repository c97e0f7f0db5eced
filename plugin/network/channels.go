package network

import (
	"fmt"
	"math"
	"slices"

	"understudy/plugin/population"
)

// Channels is a set of channels from which one is drawn with a probability in
// proportion to its share, for instance the length of its segment.
type Channels struct {
	index []int32
	// Walker's alias method (Vose 1991): of column i, the part below cut[i] (of 2^32)
	// belongs to channel index[i], the rest to index[other[i]].
	cut   []uint64
	other []int32
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
	scaled := make([]float64, len(index)) // share over the mean share
	for i, ch := range index {
		scaled[i] = 1
		if share != nil {
			scaled[i] = share[i]
		}
		if ch < 0 || !(scaled[i] >= 0) || math.IsInf(scaled[i], 0) {
			return nil, fmt.Errorf("%w: channel %d with share %g", population.ErrInput, ch, scaled[i])
		}
		total += scaled[i]
	}
	if !(total > 0) || math.IsInf(total, 0) {
		return nil, fmt.Errorf("%w: shares of channels add up to %g", population.ErrInput, total)
	}
	for i := range scaled {
		scaled[i] *= float64(len(index)) / total
	}
	return newAlias(index, scaled), nil
}

func newAlias(index []int32, scaled []float64) *Channels {
	c := &Channels{index: append([]int32(nil), index...), cut: make([]uint64, len(index)), other: make([]int32, len(index))}
	var small, large []int
	for i, s := range scaled {
		c.cut[i], c.other[i] = 1<<32, int32(i)
		if s < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		c.cut[s], c.other[s] = uint64(math.Round(scaled[s]*(1<<32))), int32(l)
		scaled[l] -= 1 - scaled[s]
		if scaled[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	// What is left in either list is 1 up to rounding, and keeps its whole column;
	// but no rounding may make a channel of share zero fire.
	for _, s := range small {
		if scaled[s] == 0 {
			c.cut[s], c.other[s] = 0, int32(slices.Index(scaled, slices.Max(scaled)))
		}
	}
	return c
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

// pick maps a uniform 32-bit word to a channel.
func (c *Channels) pick(u uint32) int32 {
	at := uint64(u) * uint64(len(c.index))
	i := at >> 32
	if at&math.MaxUint32 >= c.cut[i] {
		return c.index[c.other[i]]
	}
	return c.index[i]
}
