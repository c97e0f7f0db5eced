package measure

import "math"

// TrainStats describes the spike trains of a population. Statistics that the
// spikes do not allow are NaN.
type TrainStats struct {
	Spikes    int     // spikes of all neurons that the figures rest on
	RateHz    float64 // mean over neurons [Hz]
	ISICV     float64 // coefficient of variation of the intervals of all neurons together
	Intervals int     // intervals that it rests on
	// Synchrony is the mean correlation coefficient of spike counts over pairs of
	// neurons that both spiked.
	Synchrony float64
	Pairs     int // pairs that it rests on
}

// Trains computes the statistics of spike trains over steps from <= k < to
// (1 ms each). steps[i] are the spike steps of neuron i in ascending order;
// binMS is the width of the bins in which spikes are counted for the synchrony
// (the last bin is left out where it is not whole).
func Trains(steps [][]int64, from, to int64, binMS int) TrainStats {
	s := TrainStats{RateHz: math.NaN(), ISICV: math.NaN(), Synchrony: math.NaN()}
	if len(steps) == 0 || to <= from {
		return s
	}
	var sum, sumSq float64
	for _, train := range steps {
		last := int64(-1)
		for _, k := range train {
			if k < from || k >= to {
				continue
			}
			if last >= 0 {
				d := float64(k - last)
				sum += d
				sumSq += d * d
				s.Intervals++
			}
			last = k
			s.Spikes++
		}
	}
	s.RateHz = float64(s.Spikes) / float64(len(steps)) / float64(to-from) * 1000
	if s.Intervals >= 2 {
		mean := sum / float64(s.Intervals)
		s.ISICV = math.Sqrt(max(0, sumSq/float64(s.Intervals)-mean*mean)) / mean
	}
	s.Synchrony, s.Pairs = synchrony(steps, from, to, binMS)
	return s
}

// synchrony uses that the sum over all pairs of standardised counts is
// ((sum z)^2 - sum z^2)/2, so that its cost is linear in the number of neurons.
func synchrony(steps [][]int64, from, to int64, binMS int) (float64, int) {
	if binMS < 1 {
		return math.NaN(), 0
	}
	bins := int((to - from) / int64(binMS))
	total := make([]float64, bins) // sum over neurons of z
	count := make([]float64, bins)
	n := 0
	for _, train := range steps {
		clear(count)
		var sum, sumSq float64
		for _, k := range train {
			if b := int((k - from) / int64(binMS)); k >= from && b < bins {
				sumSq += 2*count[b] + 1
				count[b]++
				sum++
			}
		}
		mean := sum / float64(bins)
		variance := sumSq/float64(bins) - mean*mean
		if sum == 0 || !(variance > 0) {
			continue
		}
		n++
		sd := math.Sqrt(variance)
		for b, c := range count {
			total[b] += (c - mean) / sd
		}
	}
	if n < 2 {
		return math.NaN(), 0
	}
	sq := 0.0
	for _, z := range total {
		sq += z * z
	}
	// Each neuron's z^2 adds up to the number of bins.
	return (sq/float64(bins) - float64(n)) / (float64(n) * float64(n-1)), n * (n - 1) / 2
}
