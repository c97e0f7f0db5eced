package measure

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// How confidence is found: whole trials are drawn with replacement, because the ms
// of one trial share their input's rates and are far from independent.
const (
	Level     = 0.95 // of every interval
	Resamples = 1000
)

// Confidence is the percentile bootstrap by trial of the figures of a [Report]: of
// Resamples sets of as many trials, drawn with replacement by PCG(Seed, 0), the span of
// the middle Level. Intervals are undefined on fewer than two trials, and where the
// figure itself was defined on fewer than half of the sets.
type Confidence struct {
	Level     float64 `json:"level"`
	Resamples int     `json:"resamples"`
	Seed      uint64  `json:"seed"`

	AUC               Interval `json:"auc"`
	AUCSpiking        Interval `json:"auc_spiking_trials"`
	TruePositivesAt1  Interval `json:"tp_at_1pct_fp"`
	VoltageRMSE       Interval `json:"voltage_rmse_mv"`
	ExplainedVariance Interval `json:"explained_variance"`
	TrueRate          Interval `json:"true_rate_hz"`
	PredictedRate     Interval `json:"predicted_rate_hz"`
	Precision         Interval `json:"precision_2ms"`
	Recall            Interval `json:"recall_2ms"`
	BitsPerSpike      Interval `json:"bits_per_spike"`

	// Band [len(FalsePositiveGrid())] bounds the ROC curve at these rates.
	Band []Interval `json:"roc_band"`

	auc []float64 // of each set
}

// FalsePositiveGrid is the false-positive rates of the band: 1e-4 to 1, ten a decade.
func FalsePositiveGrid() []float64 {
	var grid []float64
	for i := range 41 {
		grid = append(grid, math.Pow(10, float64(i-40)/10))
	}
	return grid
}

// atOnePercent is where FalsePositiveGrid is 0.01.
const atOnePercent = 20

// tally is one trial's contributions to the figures that are made of sums.
type tally struct {
	ms, spikes, emitted, hits    float64
	v, e, ee, t, tt              float64 // voltages: number, sums of error, its square, truth (about its mean), its square
	logLikelihood, squares, mass float64 // of the probabilities: see calibration.go
}

// tallies returns the contributions of each trial.
func (f *Fidelity) tallies() []tally {
	mean, n := 0.0, 0.0
	for _, k := range f.trials {
		for _, x := range k.truth {
			mean += clip(x)
			n++
		}
	}
	mean /= max(1, n)
	all := make([]tally, len(f.trials))
	for i, k := range f.trials {
		a := &all[i]
		a.ms, a.spikes, a.emitted, a.hits = float64(len(k.p)), float64(len(k.spikes)), float64(len(k.emitted)), float64(k.hits)
		for j := range k.v {
			t := clip(k.truth[j])
			e := clip(k.v[j]) - t
			t -= mean
			a.v++
			a.e, a.ee, a.t, a.tt = a.e+e, a.ee+e*e, a.t+t, a.tt+t*t
		}
		a.addProbabilities(k.p, k.label)
	}
	return all
}

// weighted is the sum of the tallies, each as often as its trial was drawn.
func weighted(all []tally, w []float64) tally {
	var s tally
	for i, a := range all {
		s.ms, s.spikes, s.emitted, s.hits = s.ms+w[i]*a.ms, s.spikes+w[i]*a.spikes, s.emitted+w[i]*a.emitted, s.hits+w[i]*a.hits
		s.v, s.e, s.ee, s.t, s.tt = s.v+w[i]*a.v, s.e+w[i]*a.e, s.ee+w[i]*a.ee, s.t+w[i]*a.t, s.tt+w[i]*a.tt
		s.logLikelihood, s.squares, s.mass = s.logLikelihood+w[i]*a.logLikelihood, s.squares+w[i]*a.squares, s.mass+w[i]*a.mass
	}
	return s
}

// draws calls visit with Resamples sets of n trials: how often each was drawn. The
// sets depend on n and the seed alone, so that two models on the same trials are
// judged on the same sets.
func draws(n int, seed uint64, visit func(w []float64)) {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := make([]float64, n)
	for range Resamples {
		clear(w)
		for range n {
			w[rng.IntN(n)]++
		}
		visit(w)
	}
}

// Confidence returns the intervals of the trials added so far.
func (f *Fidelity) Confidence(seed uint64) Confidence {
	n, grid := len(f.trials), FalsePositiveGrid()
	c := Confidence{Level: Level, Resamples: Resamples, Seed: seed, Band: make([]Interval, len(grid))}
	figures := []*Interval{&c.AUC, &c.AUCSpiking, &c.VoltageRMSE, &c.ExplainedVariance, &c.TrueRate, &c.PredictedRate, &c.Precision, &c.Recall, &c.BitsPerSpike}
	values, band := make([][]float64, len(figures)), make([][]float64, len(grid))
	if n >= 2 {
		all, roc := f.tallies(), newTrialROC(f.trials)
		spiking, tp := make([]float64, n), make([]float64, len(grid))
		draws(n, seed, func(w []float64) {
			for i, a := range all {
				spiking[i] = 0
				if a.spikes > 0 {
					spiking[i] = w[i]
				}
			}
			s := weighted(all, w)
			_, variance, rmse := s.voltage()
			hz := 1000 / s.ms
			for i, x := range []float64{roc.judge(w, grid, tp), roc.judge(spiking, nil, nil), rmse, variance,
				s.spikes * hz, s.emitted * hz, s.hits / s.emitted, s.hits / s.spikes, s.bitsPerSpike()} {
				values[i] = append(values[i], x)
			}
			for i, x := range tp {
				band[i] = append(band[i], x)
			}
		})
		c.auc = slices.Clone(values[0])
	}
	for i, to := range figures {
		*to = middle(values[i])
	}
	for i := range grid {
		c.Band[i] = middle(band[i])
	}
	c.TruePositivesAt1 = c.Band[atOnePercent]
	return c
}

// voltage returns the mean error [mV], the explained variance and the root of the mean
// squared error [mV].
func (s tally) voltage() (bias, explained, rmse float64) {
	bias, square := s.e/s.v, s.ee/s.v
	mean := s.t / s.v
	return bias, 1 - (square-bias*bias)/(s.tt/s.v-mean*mean), math.Sqrt(square)
}

// middle returns the span of the middle Level of x, which it reorders. NaNs are left
// out, infinities too; with fewer than half of the values left there is none.
func middle(x []float64) Interval {
	n := len(x)
	x = slices.DeleteFunc(x, func(v float64) bool { return number(v) == nil })
	if len(x) == 0 || 2*len(x) < n {
		return undefined
	}
	slices.Sort(x)
	q := func(p float64) float64 { return stat.Quantile(p, stat.Empirical, x, nil) }
	return Interval{q((1 - Level) / 2), q((1 + Level) / 2)}
}

// DropInAUC returns how much lower the AUC is on b than on a, two sets of trials or two
// models, and its interval. Give both the same seed only where they have the same trials:
// then the sets are the same and the difference is paired.
func DropInAUC(a, b Judgement) (float64, Interval) {
	if len(a.Confidence.auc) != len(b.Confidence.auc) {
		return a.AUC.Value - b.AUC.Value, undefined
	}
	var d []float64
	for i, x := range a.Confidence.auc {
		d = append(d, x-b.Confidence.auc[i])
	}
	return a.AUC.Value - b.AUC.Value, middle(d)
}

// scored is one ms.
type scored struct {
	p     float32
	trial int32
	label bool
}

// sortedScores returns every ms of the trials, the lowest probability first.
func sortedScores(trials []kept) []scored {
	var all []scored
	for i, k := range trials {
		for j, p := range k.p {
			all = append(all, scored{p, int32(i), k.label[j]})
		}
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(a.p, b.p) })
	return all
}

// trialROC is the ROC curve by trial, for any weights of the trials. The ms between two
// scores of positives move no curve's height: they are one point.
type trialROC struct {
	points               [][]rocCell // from the highest score down
	positives, negatives []float64   // [trial]
}

// rocCell counts what one trial has at a point.
type rocCell struct {
	trial        int32
	positive, ms float64 // ms: both kinds
}

func newTrialROC(trials []kept) *trialROC {
	r := &trialROC{positives: make([]float64, len(trials)), negatives: make([]float64, len(trials))}
	for i, k := range trials {
		r.positives[i] = float64(len(k.spikes))
		r.negatives[i] = float64(len(k.p) - len(k.spikes))
	}
	all := sortedScores(trials)
	slices.Reverse(all)
	cell := make([]rocCell, len(trials)) // of the point being gathered
	var touched []int32                  // trials that it has
	flush := func() {
		if len(touched) == 0 {
			return
		}
		var point []rocCell
		for _, i := range touched {
			point = append(point, cell[i])
			cell[i] = rocCell{}
		}
		touched = touched[:0]
		r.points = append(r.points, point)
	}
	for i := 0; i < len(all); {
		end, positive := i, false
		for ; end < len(all) && all[end].p == all[i].p; end++ {
			positive = positive || all[end].label
		}
		if positive {
			flush()
		}
		for ; i < end; i++ {
			c := &cell[all[i].trial]
			if c.ms == 0 {
				c.trial = all[i].trial
				touched = append(touched, c.trial)
			}
			c.ms++
			if all[i].label {
				c.positive++
			}
		}
		if positive {
			flush()
		}
	}
	flush()
	return r
}

// judge returns the AUC where trial i counts w[i] times, and sets tp[k] to the highest
// true-positive rate whose false-positive rate is at most grid[k], in ascending order.
// NaN without a positive or a negative.
func (r *trialROC) judge(w, grid, tp []float64) float64 {
	var p, n float64
	for i, x := range w {
		p += x * r.positives[i]
		n += x * r.negatives[i]
	}
	if p == 0 || n == 0 {
		for k := range tp {
			tp[k] = math.NaN()
		}
		return math.NaN()
	}
	clear(tp)
	area, found, wrong, k := 0.0, 0.0, 0.0, 0
	for _, point := range r.points {
		var positive, ms float64
		for _, c := range point {
			positive += w[c.trial] * c.positive
			ms += w[c.trial] * c.ms
		}
		area += (ms - positive) * (found + positive/2)
		wrong += ms - positive
		// Counts are whole numbers; the limit is a hair above a rounded product.
		for ; k < len(tp) && wrong > grid[k]*n*(1+1e-12); k++ {
			tp[k] = found / p
		}
		found += positive
	}
	for ; k < len(tp); k++ {
		tp[k] = found / p
	}
	return area / (p * n)
}
