package dataset

import (
	"math"

	"understudy/plugin/portable"
	"understudy/plugin/spikeio"
)

// Weights gives a trial's events weights other than 1, and repeats some in the same ms: what a
// surrogate meets in a network whose connections differ in strength. It draws from random
// numbers of its own: a trial has the same events with and without it.
type Weights struct {
	Trials float64    `json:"trials"` // fraction of the trials that have them, 0 to 1
	Range  [2]float64 `json:"range"`  // each event's weight is drawn from it, evenly by its logarithm
	// Repeats is the range of the part of the events that come a second time in the same ms, one for a
	// trial, 0 to 1.
	Repeats [2]float64 `json:"repeats"`
}

// apply changes the events of a trial, which stay in order of time, then channel.
func (w *Weights) apply(e *spikeio.Events, rng stream) {
	if w == nil || rng.uniform() >= w.Trials {
		return
	}
	// Rounded, so that the last bits of a logarithm, which differ between machines, do not matter.
	span := math.Round(math.Log(w.Range[1]/w.Range[0])*(1<<20)) / (1 << 20)
	repeats := rng.between(w.Repeats[0], w.Repeats[1])
	var channel []int32
	var t []float64
	e.Weight = nil
	for i, c := range e.Channel {
		times := 1
		if rng.uniform() < repeats {
			times = 2
		}
		for range times {
			channel, t = append(channel, c), append(t, e.TimeMS[i])
			e.Weight = append(e.Weight, rounded(float64(w.Range[1]*portable.ExpNeg(float64(span*rng.uniform())))))
		}
	}
	e.Channel, e.TimeMS = channel, t
}

// rounded keeps 8 bits of a weight: files are smaller.
func rounded(w float64) float32 {
	fraction, exp := math.Frexp(w)
	return float32(math.Ldexp(math.Round(fraction*256), exp-8))
}
