package measure

import (
	"encoding/json"
	"math"
)

// Calibration says how far the probabilities of a spike can be taken at their word.
type Calibration struct {
	// BitsPerSpike is the log likelihood above that of a constant probability, the true rate,
	// by true spike [bit]: 0 for a model that knows the mean rate alone.
	BitsPerSpike Figure `json:"bits_per_spike"`
	LogLoss      Figure `json:"log_loss"`    // mean of -ln p(what happened), p at least 1e-6 from 0 and 1 [nat]; N counts ms
	Brier        Figure `json:"brier"`       // mean squared error of p; N counts ms
	BrierSkill   Figure `json:"brier_skill"` // 1 - Brier / that of the constant probability
	// PredictedRate is the rate that the probabilities add up to [Hz].
	PredictedRate Figure           `json:"expected_rate_hz"`
	Bins          []ReliabilityBin `json:"bins"`
}

// ReliabilityBin holds the ms of similar probability.
type ReliabilityBin struct {
	Low, High float64  // span of the probabilities
	Predicted float64  // mean probability
	Observed  Figure   // share of the ms that have a spike; N counts the spikes
	Interval  Interval // of Observed, by trial
	MS        int
}

// MarshalJSON writes names in the style of the other figures.
func (b ReliabilityBin) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"low": b.Low, "high": b.High, "predicted": b.Predicted, "observed": b.Observed, "interval": b.Interval, "ms": b.MS})
}

// reliabilityBins is the number of bins. Each predicts a tenth of the spikes: of bins with
// equally many ms, nine would hold next to no spikes, which come once in a thousand ms.
const reliabilityBins = 10

// nearest is how near to 0 and 1 a probability counts in the likelihood: once in 1000 s.
const nearest = 1e-6

func (a *tally) addProbabilities(p []float32, label []bool) {
	for i, x := range p {
		q := float64(x)
		a.mass += q
		chance, e := 1-q, q
		if label[i] {
			chance, e = q, 1-q
		}
		a.squares += e * e
		a.logLikelihood += math.Log(min(max(chance, nearest), 1-nearest))
	}
}

// bitsPerSpike is Calibration.BitsPerSpike of a tally.
func (a tally) bitsPerSpike() float64 {
	return (a.logLikelihood - constantLikelihood(a.spikes, a.ms)) / (a.spikes * math.Ln2)
}

// constantLikelihood is the log likelihood of so many spikes in ms steps at their mean rate.
func constantLikelihood(spikes, ms float64) float64 {
	r := spikes / ms
	return spikes*math.Log(r) + (ms-spikes)*math.Log1p(-r)
}

// Calibration judges the probabilities of the trials added so far; the seed is that of
// the intervals, as in Confidence.
func (f *Fidelity) Calibration(seed uint64) Calibration {
	all := f.tallies()
	one := make([]float64, len(all))
	for i := range one {
		one[i] = 1
	}
	s := weighted(all, one)
	rate := s.spikes / s.ms
	return Calibration{
		BitsPerSpike:  Figure{s.bitsPerSpike(), int(s.spikes)},
		LogLoss:       Figure{-s.logLikelihood / s.ms, int(s.ms)},
		Brier:         Figure{s.squares / s.ms, int(s.ms)},
		BrierSkill:    Figure{1 - s.squares/s.ms/(rate*(1-rate)), int(s.spikes)},
		PredictedRate: Figure{1000 * s.mass / s.ms, int(s.ms)},
		Bins:          f.reliability(s.mass, seed),
	}
}

// reliability sorts all ms by probability and cuts them where each bin has predicted its
// share of the mass, the sum of all probabilities. Equal probabilities stay together.
func (f *Fidelity) reliability(mass float64, seed uint64) []ReliabilityBin {
	all := sortedScores(f.trials)
	var bins []ReliabilityBin
	var spikes, ms [][]float64 // [bin][trial]
	sum, before := 0.0, 0.0
	for i, x := range all {
		if i == 0 || x.p != all[i-1].p && sum >= mass*float64(len(bins))/reliabilityBins {
			bins = append(bins, ReliabilityBin{Low: float64(x.p)})
			spikes, ms = append(spikes, make([]float64, len(f.trials))), append(ms, make([]float64, len(f.trials)))
			before = sum
		}
		sum += float64(x.p)
		b := len(bins) - 1
		bins[b].High = float64(x.p)
		bins[b].MS++
		bins[b].Predicted = (sum - before) / float64(bins[b].MS)
		ms[b][x.trial]++
		if x.label {
			spikes[b][x.trial]++
			bins[b].Observed.N++
		}
	}
	values := make([][]float64, len(bins))
	if len(f.trials) >= 2 {
		draws(len(f.trials), seed, func(w []float64) {
			for b := range bins {
				var s, m float64
				for i, x := range w {
					s, m = s+x*spikes[b][i], m+x*ms[b][i]
				}
				values[b] = append(values[b], s/m)
			}
		})
	}
	for b := range bins {
		bins[b].Observed.Value = float64(bins[b].Observed.N) / float64(bins[b].MS)
		bins[b].Interval = middle(values[b])
	}
	return bins
}
