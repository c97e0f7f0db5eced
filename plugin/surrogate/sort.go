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
// channels, without comparing any: set has a bit for each channel with events.
type merger struct {
	set, twice []uint64 // twice: for each with more than one
	sum        []float32
	again      []event // room for their events
}

// mostMerged is how many channels a merger may have: one bit of a uint64 for each word of set.
const mostMerged = 64 * 64

func newMerger(channels int) merger {
	if channels > mostMerged {
		return merger{}
	}
	words := (channels + 63) / 64
	return merger{set: make([]uint64, words), twice: make([]uint64, words), sum: make([]float32, channels)}
}

// merge writes to y, for the events of a place, one for each channel, in order, with the sum of its weights,
// added from the smallest up, but none with a sum of zero. It returns how many it has written. y may
// begin at or before events; their order changes.
func (m *merger) merge(y, events []event) int {
	if m.set == nil {
		return mergeSorted(y, events)
	}
	set, sum := m.set, m.sum
	place, first := events[0].place()<<channelBits, events[0].weight
	words, again, mixed := uint64(0), false, false // words: which of set are not zero
	for i := range events {
		e := &events[i]
		c := e.channel()
		w, bit := &set[c/64], uint64(1)<<(c%64)
		if *w&bit != 0 {
			m.twice[c/64] |= bit
			again = true
		}
		*w |= bit
		words |= 1 << (c / 64 % 64)
		sum[c] += e.weight
		mixed = mixed || e.weight != first
	}
	if again {
		if mixed {
			m.mergeAgain(events)
		}
		clear(m.twice)
	}
	n := 0
	for words != 0 {
		i := bits.TrailingZeros64(words)
		w := set[i]
		c := i*64 + bits.TrailingZeros64(w)
		w &= w - 1
		if set[i] = w; w == 0 {
			words &= words - 1
		}
		if sum[c] != 0 {
			y[n] = event{place | uint64(c), sum[c]}
			sum[c] = 0
			n++
		}
	}
	return n
}

// mergeAgain sums the weights of the channels with more than one event anew, in the order of the weights.
func (m *merger) mergeAgain(events []event) {
	again := m.again[:0]
	for _, e := range events {
		if c := e.channel(); m.twice[c/64]>>(c%64)&1 != 0 {
			again = append(again, e)
			m.sum[c] = 0
		}
	}
	for _, e := range again[:mergeSorted(again, again)] {
		m.sum[e.channel()] = e.weight
	}
	m.again = again
}

// mergeSorted does what merger.merge does, with any channels.
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
