package surrogate

import (
	"cmp"
	"math"
	"slices"
)

// sortEvents puts the events of steps into the canonical order. They usually come
// in no order, a few per neuron and step, so they are first dealt out to these and
// then sorted within: several times faster than one sort of all.
func (s *shard) sortEvents(steps int) {
	if steps*s.n > 4*len(s.events) || len(s.events) > math.MaxInt32 { // mostly empty places; a count would not fit
		slices.SortFunc(s.events, compareEvents)
		return
	}
	place := func(e event) int { return e.step()*s.n + e.neuron() }
	// ends [place] is where the place's next event goes; when all are dealt out,
	// where the place ends.
	s.ends = append(s.ends[:0], make([]int32, steps*s.n)...)
	for _, e := range s.events {
		s.ends[place(e)]++
	}
	sum := int32(0)
	for i, n := range s.ends {
		s.ends[i] = sum
		sum += n
	}
	s.dealt = slices.Grow(s.dealt[:0], len(s.events))[:len(s.events)]
	for _, e := range s.events {
		end := &s.ends[place(e)]
		s.dealt[*end] = e
		*end++
	}
	s.events, s.dealt = s.dealt, s.events
	start := int32(0)
	for _, end := range s.ends {
		sortPlace(s.events[start:end])
		start = end
	}
}

// mostRanked is how many events of one neuron and step are sorted by rank. The work grows
// with the square of the number.
const mostRanked = 32

// sortPlace sorts the events of one neuron and step. Each event's rank is the number of
// smaller channels: counted without branches, which for channels in no order would be
// mispredicted every other time.
func sortPlace(events []event) {
	if len(events) > mostRanked {
		slices.SortFunc(events, compareEvents)
		return
	}
	var channel, rank [mostRanked]uint32
	var sorted [mostRanked]event
	for i, e := range events {
		c, r := uint32(e.channel()), uint32(0)
		for j, d := range channel[:i] {
			less := (c - d) >> 31 // 1 where c < d: channels have fewer than 31 bits
			rank[j] += less
			r += 1 - less
		}
		channel[i], rank[i] = c, r
	}
	for i, e := range events {
		sorted[rank[i]%mostRanked] = e
	}
	copy(events, sorted[:])
	// Events of one channel are in the order in which they came.
	for i := 1; i < len(events); i++ {
		if events[i].key == events[i-1].key {
			for j := i; j > 0 && compareEvents(events[j], events[j-1]) < 0; j-- {
				events[j], events[j-1] = events[j-1], events[j]
			}
		}
	}
}

func compareEvents(a, b event) int {
	if a.key != b.key {
		return cmp.Compare(a.key, b.key)
	}
	return cmp.Compare(a.weight, b.weight)
}
