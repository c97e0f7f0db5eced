package measure

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// Rate returns the mean rate [Hz] of neurons observed for durationMS; N counts spikes.
func Rate(trains [][]float64, durationMS float64) Figure {
	n := 0
	for _, t := range trains {
		n += len(t)
	}
	return Figure{1000 * float64(n) / (durationMS * float64(len(trains))), n}
}

// IntervalCV returns the coefficient of variation of the intervals between
// spikes (population standard deviation over mean), averaged over the neurons
// with three spikes or more; N counts their spikes. Trains are in order of time.
func IntervalCV(trains [][]float64) Figure {
	sum, neurons, n := 0.0, 0, 0
	var intervals []float64
	for _, t := range trains {
		if len(t) < 3 {
			continue
		}
		intervals = intervals[:0]
		for i := 1; i < len(t); i++ {
			intervals = append(intervals, t[i]-t[i-1])
		}
		mean, sd := stat.PopMeanStdDev(intervals, nil)
		if mean > 0 {
			sum += sd / mean
			neurons++
			n += len(t)
		}
	}
	return Figure{sum / float64(neurons), n}
}

// Synchrony returns the mean over all pairs of neurons of Pearson's
// correlation between their spike counts in bins of binMS [ms], from 0 to
// durationMS. Neurons whose count never changes, silent ones above all, have
// no correlation and are left out; below two neurons it is undefined. N counts
// the spikes of the neurons used.
func Synchrony(trains [][]float64, durationMS, binMS float64) Figure {
	bins := int(durationMS / binMS)
	count, total := make([]float64, bins), make([]float64, bins)
	neurons, n := 0, 0
	for _, t := range trains {
		clear(count)
		inside := 0
		for _, x := range t {
			if b := int(x / binMS); x >= 0 && b < bins {
				count[b]++
				inside++
			}
		}
		if bins == 0 {
			break
		}
		mean, sd := stat.PopMeanStdDev(count, nil)
		if !(sd > 0) {
			continue
		}
		neurons++
		n += inside
		for b, c := range count {
			total[b] += (c - mean) / sd
		}
	}
	if neurons < 2 {
		return Figure{math.NaN(), n}
	}
	// With standardised counts z_i, the sum over all ordered pairs is
	// |sum z_i|^2 - sum |z_i|^2: linear, not quadratic, in the neurons.
	square := 0.0
	for _, z := range total {
		square += z * z
	}
	pairs := float64(neurons) * float64(neurons-1)
	return Figure{(square/float64(bins) - float64(neurons)) / pairs, n}
}

// Match returns how many spikes can be paired one to one with the difference
// of each pair at most within. Both trains are in order of time.
func Match(truth, predicted []float64, within float64) int {
	hits := 0
	// Pairing the earliest that fit is optimal when all windows are equal.
	for i, j := 0, 0; i < len(truth) && j < len(predicted); {
		switch d := predicted[j] - truth[i]; {
		case math.Abs(d) <= within:
			hits, i, j = hits+1, i+1, j+1
		case d < 0:
			j++
		default:
			i++
		}
	}
	return hits
}
