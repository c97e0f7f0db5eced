package measure

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// TrainStats describes the activity of a network.
type TrainStats struct {
	Rate       Figure `json:"rate_hz"`     // mean over neurons [Hz]; N counts spikes
	IntervalCV Figure `json:"interval_cv"` // mean over neurons with three spikes or more; N counts their spikes
	// Synchrony is the mean, over pairs of neurons, of the correlation coefficient
	// of their spike counts in bins. Neurons whose count never changes, silent ones
	// above all, are left out; N counts the spikes of the others.
	Synchrony Figure `json:"synchrony"`
}

// Trains computes the statistics of spike trains over the steps from <= k < to
// (1 ms each). steps[i] are the spike steps of neuron i in ascending order;
// binMS is the width of the bins of the synchrony (a last bin that is not
// whole is left out). Values that the spikes do not allow are NaN.
func Trains(steps [][]int64, from, to int64, binMS int) TrainStats {
	nan := Figure{Value: math.NaN()}
	s := TrainStats{nan, nan, nan}
	if len(steps) == 0 || to <= from {
		return s
	}
	inside := make([][]int64, len(steps))
	n := 0
	for i, train := range steps {
		for _, k := range train {
			if k >= from && k < to {
				inside[i] = append(inside[i], k-from)
				n++
			}
		}
	}
	s.Rate = Figure{1000 * float64(n) / float64(to-from) / float64(len(steps)), n}
	s.IntervalCV = intervalCV(inside)
	if binMS > 0 {
		s.Synchrony = synchrony(inside, int(to-from)/binMS, binMS)
	}
	return s
}

func intervalCV(trains [][]int64) Figure {
	sum, neurons, n := 0.0, 0, 0
	for _, train := range trains {
		if len(train) < 3 {
			continue
		}
		intervals := make([]float64, len(train)-1)
		for i := range intervals {
			intervals[i] = float64(train[i+1] - train[i])
		}
		mean, sd := stat.PopMeanStdDev(intervals, nil)
		sum += sd / mean
		neurons++
		n += len(train)
	}
	return Figure{sum / float64(neurons), n}
}

func synchrony(trains [][]int64, bins, binMS int) Figure {
	count, total := make([]float64, bins), make([]float64, bins)
	neurons, n := 0, 0
	for _, train := range trains {
		clear(count)
		for _, k := range train {
			if b := int(k) / binMS; b < bins {
				count[b]++
			}
		}
		mean, sd := stat.PopMeanStdDev(count, nil)
		if !(sd > 0) {
			continue
		}
		neurons++
		n += len(train)
		for b, c := range count {
			total[b] += (c - mean) / sd
		}
	}
	if neurons < 2 {
		return Figure{math.NaN(), n}
	}
	// With standardised counts z_i the sum over ordered pairs is |sum z_i|^2 - sum
	// |z_i|^2: linear, not quadratic, in the neurons.
	square := 0.0
	for _, z := range total {
		square += z * z
	}
	return Figure{(square/float64(bins) - float64(neurons)) / (float64(neurons) * float64(neurons-1)), n}
}
