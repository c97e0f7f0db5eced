package main

import (
	"runtime"
	"slices"
	"time"

	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/tests/benchmarks/bench"
)

// ours is a population of this project, with all its input.
type ours struct {
	pop          population.Population
	n            int
	events       []population.Event // in order of time
	spike        []bool
	now          int
	bytes        int // of memory per neuron that making it took
	compartments int
}

func startOurs(n, ms int, o cell.Options) (*ours, error) {
	events, err := input(n, ms)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(events, func(a, b population.Event) int {
		switch {
		case a.TimeMS < b.TimeMS:
			return -1
		case a.TimeMS > b.TimeMS:
			return 1
		}
		return 0
	})
	c, _, err := cell.Build("l5pc", o)
	if err != nil {
		return nil, err
	}
	before := heap()
	pop, err := cell.New("l5pc", n, o)
	if err != nil {
		return nil, err
	}
	return &ours{pop: pop, n: n, events: events, bytes: int(heap()-before) / n, compartments: len(c.Segments)}, nil
}

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Run advances one ms at a time, as a network does.
func (u *ours) Run(ms int) (bench.Sample, error) {
	u.spike = slices.Grow(u.spike[:0], u.n)[:u.n]
	var s bench.Sample
	cpu, wall := bench.CPUSeconds(), time.Now()
	for range ms {
		u.now++
		end := 0
		for end < len(u.events) && u.events[end].TimeMS < float64(u.now) {
			end++
		}
		if err := u.pop.Step(1, u.events[:end], population.Output{Spike: u.spike}); err != nil {
			return s, err
		}
		u.events = u.events[end:]
		for _, spike := range u.spike {
			if spike {
				s.Spikes++
			}
		}
	}
	s.CPUS, s.WallS = bench.CPUSeconds()-cpu, time.Since(wall).Seconds()
	return s, nil
}

// Close ends the population.
func (u *ours) Close() { u.pop.Close() }
