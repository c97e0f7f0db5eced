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

// sortPlace sorts the events of one neuron and step.
func sortPlace(events []event) {
	if len(events) > 32 {
		slices.SortFunc(events, compareEvents)
		return
	}
	for i := 1; i < len(events); i++ {
		e := events[i]
		j := i
		for ; j > 0 && (e.key < events[j-1].key || e.key == events[j-1].key && e.weight < events[j-1].weight); j-- {
			events[j] = events[j-1]
		}
		events[j] = e
	}
}

func compareEvents(a, b event) int {
	if a.key != b.key {
		return cmp.Compare(a.key, b.key)
	}
	return cmp.Compare(a.weight, b.weight)
}
