package measure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"understudy/plugin/population"
)

// Conventions of Beniaguev et al. (2021), and the window of spike-time precision.
const (
	WarmupMS = 500   // left out at the start of each trial [ms]
	ClipMV   = -55.0 // voltages are clipped here, below the spikes [mV]
	WithinMS = 2.0   // a predicted spike this near a true one is right [ms]
)

// Fidelity collects a surrogate's outputs beside those of the cell that
// received the same input, trial by trial, and judges them together. It keeps
// 13 bytes for each ms.
type Fidelity struct {
	WarmupMS int // set before the first Add; see [NewFidelity]

	trials []kept
}

// kept is a trial after the warm-up, [T] each.
type kept struct {
	p        []float32
	label    []bool    // a true spike's step
	truth, v []float32 // not clipped [mV]; nil: not judged
	spikes   []float64 // steps of the true spikes, from 0
	emitted  []float64 // steps of the emitted ones
	hits     int       // of these, within WithinMS of a true one
}

// clip bounds a voltage from above [mV].
func clip(v float32) float64 { return min(float64(v), ClipMV) }

// NewFidelity leaves out the first [WarmupMS] of each trial.
func NewFidelity() *Fidelity { return &Fidelity{WarmupMS: WarmupMS} }

// Trial is one neuron's outputs over the same T ms, from the cell and from the
// surrogate. No slice is kept.
type Trial struct {
	TruePeakMS []float64 // the cell's spikes (peaks) [ms], in order
	TrueVSoma  []float32 // [T] the cell's soma voltage at t = 0, 1, ... [mV]; nil: not judged
	PSpike     []float32 // [T] the surrogate's spike probability
	VSoma      []float32 // [T] the surrogate's soma voltage [mV]; nil where TrueVSoma is
	Spike      []bool    // [T] the spikes that the surrogate emits
}

// Add adds a trial. A trial with a NaN or of unequal lengths is refused and leaves f as
// it was.
func (f *Fidelity) Add(t Trial) error {
	if err := t.check(); err != nil {
		return err
	}
	n := len(t.PSpike)
	from := min(f.WarmupMS, n)
	k := kept{p: slices.Clone(t.PSpike[from:])}
	if t.VSoma != nil {
		k.truth, k.v = slices.Clone(t.TrueVSoma[from:]), slices.Clone(t.VSoma[from:])
	}
	k.label, k.spikes, k.emitted = t.spikes(from)
	k.hits = Match(k.spikes, k.emitted, WithinMS)
	f.trials = append(f.trials, k)
	return nil
}

// check refuses a trial with a NaN or of unequal lengths.
func (t *Trial) check() error {
	n := len(t.PSpike)
	if len(t.Spike) != n || len(t.VSoma) != len(t.TrueVSoma) || t.VSoma != nil && len(t.VSoma) != n {
		return fmt.Errorf("%w: trial of %d probabilities, %d spike flags, %d and %d voltages", population.ErrInput, n, len(t.Spike), len(t.VSoma), len(t.TrueVSoma))
	}
	isNaN := func(x float32) bool { return x != x }
	for _, x := range [][]float32{t.PSpike, t.VSoma, t.TrueVSoma} {
		if i := slices.IndexFunc(x, isNaN); i >= 0 {
			return fmt.Errorf("%w: NaN at %d ms", population.ErrInput, i)
		}
	}
	return nil
}

// spikes returns the steps of the cell's and of the surrogate's spikes from a step on, counted
// from there, and label [step], which is true in the cell's.
func (t *Trial) spikes(from int) (label []bool, truth, emitted []float64) {
	n := len(t.PSpike)
	label = make([]bool, n-from)
	for _, peak := range t.TruePeakMS {
		if k := population.LabelStep(peak); k >= from && k < n {
			label[k-from] = true
			truth = append(truth, float64(k-from))
		}
	}
	for k := from; k < n; k++ {
		if t.Spike[k] {
			emitted = append(emitted, float64(k-from))
		}
	}
	return label, truth, emitted
}

// ROC returns the curve of the trials added so far.
func (f *Fidelity) ROC() ROC {
	var p []float32
	var label []bool
	for _, t := range f.trials {
		p, label = append(p, t.p...), append(label, t.label...)
	}
	return NewROC(p, label)
}

// Report is the judgement over all trials. Figures about spikes rest on N true
// spikes (TrueSpikes), Precision and PredictedRate on the emitted ones,
// figures about voltage on N ms.
type Report struct {
	Trials            int    `json:"trials"`
	DurationMS        int    `json:"duration_ms"` // after the warm-up, all trials
	TrueSpikes        int    `json:"true_spikes"`
	EmittedSpikes     int    `json:"emitted_spikes"`
	AUC               Figure `json:"auc"`
	TruePositivesAt1  Figure `json:"tp_at_1pct_fp"`      // rate 0..1
	VoltageRMSE       Figure `json:"voltage_rmse_mv"`    // clipped at ClipMV [mV]
	ExplainedVariance Figure `json:"explained_variance"` // 0..1, of the clipped voltage
	TrueRate          Figure `json:"true_rate_hz"`       // [Hz]
	PredictedRate     Figure `json:"predicted_rate_hz"`  // of emitted spikes [Hz]
	Precision         Figure `json:"precision_2ms"`      // emitted spikes near a true one, 0..1
	Recall            Figure `json:"recall_2ms"`         // true spikes near an emitted one, 0..1
}

// Report judges the trials added so far.
func (f *Fidelity) Report() Report {
	var truth, v []float64
	var c counts
	for _, t := range f.trials {
		for i := range t.v {
			truth, v = append(truth, clip(t.truth[i])), append(v, clip(t.v[i]))
		}
		c.trials++
		c.true += len(t.spikes)
		c.emitted += len(t.emitted)
		c.hits += t.hits
		c.durationMS += len(t.p)
	}
	rmse, ev := voltage(truth, v)
	return report(f.ROC(), c, Figure{rmse, len(v)}, Figure{ev, len(v)})
}

// counts are what a report's figures rest on.
type counts struct{ trials, durationMS, true, emitted, hits int }

func report(roc ROC, c counts, rmse, explained Figure) Report {
	tp, _ := roc.TruePositivesAt(0.01)
	hz := 1000 / float64(c.durationMS)
	return Report{
		Trials: c.trials, DurationMS: c.durationMS, TrueSpikes: c.true, EmittedSpikes: c.emitted,
		AUC:               Figure{roc.AUC(), c.true},
		TruePositivesAt1:  Figure{tp, c.true},
		VoltageRMSE:       rmse,
		ExplainedVariance: explained,
		TrueRate:          Figure{float64(c.true) * hz, c.true},
		PredictedRate:     Figure{float64(c.emitted) * hz, c.emitted},
		Precision:         Figure{float64(c.hits) / float64(c.emitted), c.emitted},
		Recall:            Figure{float64(c.hits) / float64(c.true), c.true},
	}
}

// voltage returns the root of the mean squared error and the explained
// variance 1 - Var(error)/Var(truth), which ignores a constant offset.
func voltage(truth, predicted []float64) (rmse, explained float64) {
	if len(truth) == 0 {
		return math.NaN(), math.NaN()
	}
	e := make([]float64, len(truth))
	for i, t := range truth {
		e[i] = predicted[i] - t
	}
	mean, variance := stat.PopMeanVariance(e, nil)
	explained = 1 - variance/stat.PopVariance(truth, nil)
	return math.Sqrt(variance + mean*mean), explained
}
