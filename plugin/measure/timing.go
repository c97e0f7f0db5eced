package measure

import "slices"

// MaxLagMS is how far apart spikes of the correlogram are at most [ms].
const MaxLagMS = 20

// Correlogram counts pairs of an emitted and a true spike of one trial by their
// difference in time.
type Correlogram struct {
	// Count[i] is the number of pairs in which the emitted spike comes i-MaxLagMS ms after
	// the true one (before it, where that is below 0).
	Count [2*MaxLagMS + 1]int `json:"count"`
	// Chance is the number to expect in each bin if the trials' emitted spikes, as many as
	// there are, fell at random.
	Chance        float64 `json:"chance"`
	TrueSpikes    int     `json:"true_spikes"`
	EmittedSpikes int     `json:"emitted_spikes"`
}

// Correlogram compares the spikes of the trials added so far.
func (f *Fidelity) Correlogram() Correlogram {
	var c Correlogram
	for _, k := range f.trials {
		c.TrueSpikes += len(k.spikes)
		c.EmittedSpikes += len(k.emitted)
		if len(k.p) > 0 {
			c.Chance += float64(len(k.spikes)) * float64(len(k.emitted)) / float64(len(k.p))
		}
		for _, s := range k.spikes {
			from, _ := slices.BinarySearch(k.emitted, s-MaxLagMS)
			for _, e := range k.emitted[from:] {
				if e > s+MaxLagMS {
					break
				}
				c.Count[int(e-s)+MaxLagMS]++
			}
		}
	}
	return c
}

// ThresholdRow is what a threshold of the probability would give.
type ThresholdRow struct {
	Threshold float64 `json:"threshold"`
	Rate      Figure  `json:"rate_hz"`       // of emitted spikes [Hz]
	Precision Figure  `json:"precision_2ms"` // emitted spikes near a true one
	Recall    Figure  `json:"recall_2ms"`    // true spikes near an emitted one
}

// appendEmitted appends to steps those in which p [step] reaches the threshold, but not within
// refractory steps after such a step: where engines emit spikes.
func appendEmitted(steps []float64, p []float32, threshold float32, refractory int) []float64 {
	for i := 0; i < len(p); i++ {
		if p[i] >= threshold {
			steps = append(steps, float64(i))
			i += refractory
		}
	}
	return steps
}

// Emitted returns how many spikes p [trial][step] emits at a threshold, with a refractory time
// in steps.
func Emitted(p [][]float32, threshold float64, refractory int) (n int) {
	var emitted []float64
	for _, trial := range p {
		emitted = appendEmitted(emitted[:0], trial, float32(threshold), refractory)
		n += len(emitted)
	}
	return n
}

// RateThreshold returns the highest threshold at which p [trial][step] emits at least so many
// spikes, with a refractory time in steps; 1 for none, or without any step.
func RateThreshold(p [][]float32, spikes, refractory int) float64 {
	sorted := slices.Compact(slices.Sorted(slices.Values(slices.Concat(p...))))
	if spikes <= 0 || len(sorted) == 0 {
		return 1
	}
	// The number falls as the threshold rises, but for the refractory time, which can hide a
	// few steps more or less: any crossing will do.
	low, high := 0, len(sorted) // at low enough are emitted, at high too few
	for high-low > 1 {
		if middle := (low + high) / 2; Emitted(p, float64(sorted[middle]), refractory) >= spikes {
			low = middle
		} else {
			high = middle
		}
	}
	return float64(sorted[low])
}

// Sweep returns a row for each threshold: a spike is emitted where the probability
// reaches it, both rounded to float32, but not within refractory steps after a spike, as engines
// do.
func (f *Fidelity) Sweep(thresholds []float64, refractory int) []ThresholdRow {
	var rows []ThresholdRow
	var emitted []float64
	for _, threshold := range thresholds {
		var all, truth, hits, ms int
		for _, k := range f.trials {
			emitted = appendEmitted(emitted[:0], k.p, float32(threshold), refractory)
			all += len(emitted)
			truth += len(k.spikes)
			hits += Match(k.spikes, emitted, WithinMS)
			ms += len(k.p)
		}
		rows = append(rows, ThresholdRow{threshold, Figure{1000 * float64(all) / float64(ms), all},
			Figure{float64(hits) / float64(all), all}, Figure{float64(hits) / float64(truth), truth}})
	}
	return rows
}
