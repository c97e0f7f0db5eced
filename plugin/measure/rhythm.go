package measure

import "math"

// A rhythm's period is looked for between these lags [ms]: 4 to 100 Hz.
const (
	rhythmBinMS  = 5
	rhythmMinMS  = 10
	rhythmMaxMS  = 250
	rhythmMinBin = 4 * rhythmMaxMS / rhythmBinMS // bins of a train that is long enough
)

// Rhythm looks for a period in the activity of all neurons together, from 0 to
// durationMS: strength is the correlation, -1 to 1, of the population's spike count in
// bins of 5 ms with the count one period later; hz is the frequency of that period,
// between 4 and 100 Hz, for which it is highest after it first fell below 0. As
// the highest of some 50 lags it is above 0 by chance: up to 0.26 was seen in one second of
// spikes without a rhythm. strength.N counts the spikes. Both are NaN where there is no such
// period, or in less than a second.
func Rhythm(trains [][]float64, durationMS float64) (hz float64, strength Figure) {
	bins := int(durationMS / rhythmBinMS)
	count := make([]float64, max(bins, 0))
	n, mean := 0, 0.0
	for _, t := range trains {
		for _, x := range t {
			if b := int(x / rhythmBinMS); x >= 0 && b < bins {
				count[b]++
				n++
			}
		}
	}
	strength = Figure{math.NaN(), n}
	if bins < rhythmMinBin {
		return math.NaN(), strength
	}
	mean = float64(n) / float64(bins)
	variance := 0.0
	for b := range count {
		count[b] -= mean
		variance += count[b] * count[b]
	}
	hz, fell := math.NaN(), false
	for lag := 1; lag <= rhythmMaxMS/rhythmBinMS; lag++ {
		sum := 0.0
		for b := range bins - lag {
			sum += count[b] * count[b+lag]
		}
		r := sum / variance
		fell = fell || r < 0
		if fell && lag*rhythmBinMS >= rhythmMinMS && !(r <= strength.Value) && !math.IsNaN(r) {
			hz, strength.Value = 1000/float64(lag*rhythmBinMS), r
		}
	}
	return hz, strength
}
