package dataset

import "understudy/plugin/portable"

// Synchrony makes part of a trial's input arrive in volleys: at regular times
// the rates of all channels rise together, between them they are lower, and their
// mean stays what it was. It draws from random numbers of its own: a trial has
// the same underlying rates with and without it.
//
// The published generator has none; the range of periods and the idea to modulate
// the smoothed rates of all synapses are those of later work of the same group.
type Synchrony struct {
	Trials   float64    `json:"trials"`    // fraction of the trials that have volleys, 0 to 1
	PeriodMS [2]int     `json:"period_ms"` // range of the time between volleys, one for a trial [ms]
	WidthMS  [2]float64 `json:"width_ms"`  // range of a volley's standard deviation, one for a trial [ms]
	// Share is the range of the part of the spikes that come in volleys, one for a trial, 0 to 1.
	Share [2]float64 `json:"share"`
}

// volleys is one trial's periodic factor of the rates, of mean 1.
type volleys struct {
	factor []float64 // [period] by ms; starts at a random phase
	peak   float64   // its maximum
}

// draw draws a trial's volleys; nil for a trial without.
func (s *Synchrony) draw(rng stream) *volleys {
	if s == nil || rng.uniform() >= s.Trials {
		return nil
	}
	period := s.PeriodMS[0] + rng.index(s.PeriodMS[1]-s.PeriodMS[0]+1)
	phase := rng.index(period)
	width := rng.between(s.WidthMS[0], s.WidthMS[1])
	share := rng.between(s.Share[0], s.Share[1])

	// A Gaussian around every multiple of the period, as seen within one period.
	wave, sum := make([]float64, period), 0.0
	reach := 1 + int(8*width)/period // periods away a volley still counts
	for t := range wave {
		for k := -reach; k <= reach; k++ {
			x := float64(t+k*period) / width
			wave[t] += portable.ExpNeg(float64(x*x) / 2)
		}
		sum += wave[t]
	}
	v := &volleys{factor: make([]float64, period)}
	for t := range v.factor {
		w := wave[(t+phase)%period] * float64(period) / sum
		v.factor[t] = (1 - share) + float64(share*w)
		v.peak = max(v.peak, v.factor[t])
	}
	return v
}

// at is the factor at t [ms].
func (v *volleys) at(t int) float64 {
	if v == nil {
		return 1
	}
	return v.factor[t%len(v.factor)]
}

// highest is the largest factor.
func (v *volleys) highest() float64 {
	if v == nil {
		return 1
	}
	return v.peak
}
