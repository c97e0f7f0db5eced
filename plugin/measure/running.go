package measure

import "math"

// Running is a [Fidelity] of bounded size, for runs of any length: sums and
// counts instead of what was added. Its figures are those of Fidelity, except that
// scores count as equal where their bfloat16 are (their leading 8 bits), which moves the AUC by
// less than a thousandth unless most scores are equal.
type Running struct {
	// negatives and positives count the steps without and with a spike by the
	// upper half of their score's bits, which for scores of 0 and above are in order.
	negatives, positives []int64
	milliseconds         int
	trials               int
	true, emitted, hits  int
	// Sums over steps with a voltage, clipped and taken from ClipMV on [mV, mV^2].
	voltages                                  int
	errors, errorSquares, truth, truthSquares float64
}

// scoreBins holds the upper halves of the float32 from 0 to 1.
const scoreBins = 0x3F80 + 1

// NewRunning returns an empty one, of a quarter of a megabyte.
func NewRunning() *Running {
	return &Running{negatives: make([]int64, scoreBins), positives: make([]int64, scoreBins)}
}

// Reset forgets what was added.
func (r *Running) Reset() {
	clear(r.negatives)
	clear(r.positives)
	*r = Running{negatives: r.negatives, positives: r.positives}
}

// Add adds the whole of a trial, whose scores are 0 to 1. Spikes are paired within one
// trial. A trial that Fidelity would refuse is refused and leaves r as it was.
func (r *Running) Add(t Trial) error {
	if err := t.check(); err != nil {
		return err
	}
	n := len(t.PSpike)
	label, truth, emitted := t.spikes(0)
	r.trials++
	r.milliseconds += n
	r.true += len(truth)
	r.emitted += len(emitted)
	r.hits += Match(truth, emitted, WithinMS)
	for k, p := range t.PSpike {
		bin := math.Float32bits(min(max(p, 0), 1)) >> 16
		if label[k] {
			r.positives[bin]++
		} else {
			r.negatives[bin]++
		}
	}
	for k := range t.VSoma {
		v := min(float64(t.TrueVSoma[k]), ClipMV) - ClipMV
		e := min(float64(t.VSoma[k]), ClipMV) - ClipMV - v
		r.voltages++
		r.errors += e
		r.errorSquares += e * e
		r.truth += v
		r.truthSquares += v * v
	}
	return nil
}

// ROC returns the curve of what was added, with one point for each bfloat16 that occurred.
func (r *Running) ROC() ROC {
	var c ROC
	for b := range r.negatives {
		c.Negatives += int(r.negatives[b])
		c.Positives += int(r.positives[b])
	}
	point := func(threshold float64, positives, negatives int64) {
		c.Threshold = append(c.Threshold, threshold)
		c.TruePositive = append(c.TruePositive, float64(positives)/float64(c.Positives))
		c.FalsePositive = append(c.FalsePositive, float64(negatives)/float64(c.Negatives))
	}
	point(math.Inf(1), 0, 0)
	positives, negatives := int64(0), int64(0)
	for b := scoreBins - 1; b >= 0; b-- {
		if r.positives[b]+r.negatives[b] > 0 {
			positives += r.positives[b]
			negatives += r.negatives[b]
			point(float64(math.Float32frombits(uint32(b)<<16)), positives, negatives)
		}
	}
	return c
}

// Report judges what was added. Trials counts the calls of Add.
func (r *Running) Report() Report {
	n := float64(r.voltages)
	mean, trueMean := r.errors/n, r.truth/n
	variance := r.errorSquares/n - mean*mean
	trueVariance := r.truthSquares/n - trueMean*trueMean
	return report(r.ROC(), counts{r.trials, r.milliseconds, r.true, r.emitted, r.hits},
		Figure{math.Sqrt(r.errorSquares / n), r.voltages}, Figure{1 - max(variance, 0)/trueVariance, r.voltages})
}
