package surrogate

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// place is what the events of one neuron and step have in common; places are in the order of
// their steps, then of their neurons.
func (e event) place() uint64 { return e.key >> channelBits }

// sortPlaces puts the events of steps into the order of their places. They are dealt out to them,
// which is several times faster than sorting, or have come in this order.
func (s *shard) sortPlaces(steps int) {
	if steps*s.n == 1 || inPlaces(s.events) {
		return
	}
	if steps*s.n > 4*len(s.events) || len(s.events) > math.MaxInt32 { // mostly empty places; a count would not fit
		slices.SortFunc(s.events, comparePlaces)
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
}

// inPlaces says whether events are in the order of their places.
func inPlaces(events []event) bool {
	last := uint64(0)
	for i := range events {
		place := events[i].place()
		if place < last {
			return false
		}
		last = place
	}
	return true
}

// samePlace is how many of the events, which are in the order of their places, have the first one's.
func samePlace(events []event) int {
	place, n := events[0].place(), 1
	for n < len(events) && events[n].place() == place {
		n++
	}
	return n
}

func comparePlaces(a, b event) int { return cmp.Compare(a.place(), b.place()) }

func compareEvents(a, b event) int {
	if a.key != b.key {
		return cmp.Compare(a.key, b.key)
	}
	return cmp.Compare(a.weight, b.weight)
}

// merger sums the weights of each channel in a place, and gives the sums in the order of the
// channels, without comparing any.
type merger struct {
	set   [mostMerged / 64]uint64 // a bit for each channel with events
	sum   [mostMerged]float32     // of their weights
	mixed []event                 // room for sumMixed
}

// mostMerged is how many channels a merger may have: one bit of a uint64 for each word of set.
const mostMerged = 64 * 64

// merge writes to y, for the events of a place, one for each channel, in order, with the sum of its weights,
// added from the smallest up, but none with a sum of zero. It returns how many it has written. y may
// begin at or before events; mixed says that their weights differ.
func (m *merger) merge(y, events []event, mixed bool) int {
	words := m.add(events)
	if mixed {
		m.sumMixed(events)
	}
	return m.take(y, events[0].place()<<channelBits, words)
}

// add adds the weights in the order of the events. It returns a bit for each word of set that is not zero.
func (m *merger) add(events []event) (words uint64) {
	for i := range events {
		e := &events[i]
		c := e.channel() % mostMerged
		m.set[c/64] |= 1 << (c % 64)
		m.sum[c] += e.weight
		words |= 1 << (c / 64)
	}
	return words
}

// take writes the sums to y, with their channels added to key, and clears them.
func (m *merger) take(y []event, key, words uint64) (n int) {
	for words != 0 {
		i := bits.TrailingZeros64(words) % len(m.set)
		w := m.set[i]
		c := i*64 + bits.TrailingZeros64(w)%64
		w &= w - 1
		if m.set[i] = w; w == 0 {
			words &= words - 1
		}
		if sum := m.sum[c]; sum != 0 {
			y[n] = event{key + uint64(c), sum}
			m.sum[c] = 0
			n++
		}
	}
	return n
}

// sumMixed sums anew, in the order of the weights, for channels with more than one event.
func (m *merger) sumMixed(events []event) {
	var once, twice [len(m.set)]uint64
	for _, e := range events {
		c := e.channel()
		twice[c/64] |= once[c/64] & (1 << (c % 64))
		once[c/64] |= 1 << (c % 64)
	}
	m.mixed = m.mixed[:0]
	for _, e := range events {
		if c := e.channel(); twice[c/64]>>(c%64)&1 != 0 {
			m.mixed = append(m.mixed, e)
			m.sum[c] = 0
		}
	}
	for _, e := range m.mixed[:mergeSorted(m.mixed, m.mixed)] {
		m.sum[e.channel()] = e.weight
	}
}

// mergeSorted does what merger.merge does, with any channels. It changes the order of the events.
func mergeSorted(y, events []event) int {
	slices.SortFunc(events, compareEvents)
	n := 0
	for i := 0; i < len(events); {
		e := events[i]
		for i++; i < len(events) && events[i].key == e.key; i++ {
			e.weight += events[i].weight
		}
		if e.weight != 0 {
			y[n] = e
			n++
		}
	}
	return n
}
