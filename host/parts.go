package host

import (
	"slices"

	"understudy/plugin/population"
)

// parts are the events of a Step, by the call of the guest that takes them.
type parts struct {
	sorted  []population.Event
	starts  []int // of each part, and the end
	longest int
}

// split deals events out to calls of length steps. Where one call does, it copies nothing.
func (p *parts) split(events []population.Event, now int64, steps, length int) *parts {
	calls := (steps + length - 1) / length
	if calls == 1 {
		p.sorted, p.starts, p.longest = events, append(p.starts[:0], 0, len(events)), len(events)
		return p
	}
	of := func(e *population.Event) int { return int(e.TimeMS-float64(now)) / length }
	count := make([]int, calls+1)
	for i := range events {
		count[of(&events[i])+1]++
	}
	p.longest = slices.Max(count)
	for c := range calls {
		count[c+1] += count[c]
	}
	p.starts = append(p.starts[:0], count...)
	p.sorted = make([]population.Event, len(events))
	for i := range events {
		c := of(&events[i])
		p.sorted[count[c]] = events[i]
		count[c]++
	}
	return p
}

// forget lets go of the events.
func (p *parts) forget() { p.sorted = nil }

// of are the events of one call.
func (p *parts) of(call int) []population.Event {
	return p.sorted[p.starts[call]:p.starts[call+1]]
}
