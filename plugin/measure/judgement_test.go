package measure

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// randomTrials draws trials of different activity with many equal scores; the first is silent.
func randomTrials(rng *rand.Rand, n, ms int) []Trial {
	var all []Trial
	for i := range n {
		t := Trial{PSpike: make([]float32, ms), Spike: make([]bool, ms), VSoma: make([]float32, ms), TrueVSoma: make([]float32, ms)}
		for k := range ms {
			if i > 0 && rng.Float64() < 0.03*float64(i) {
				t.TruePeakMS = append(t.TruePeakMS, float64(k)+0.75)
				t.PSpike[k] = float32(5+rng.IntN(10)) / 40
			}
			t.PSpike[k] += float32(rng.IntN(24)) / 40
			t.Spike[k] = t.PSpike[k] >= 0.5
			t.TrueVSoma[k] = -70 + 20*rng.Float32()
			t.VSoma[k] = t.TrueVSoma[k] + 3*rng.Float32() - 1
		}
		all = append(all, t)
	}
	return all
}

func fidelityOf(t *testing.T, trials []Trial) *Fidelity {
	t.Helper()
	f := &Fidelity{}
	for _, tr := range trials {
		if err := f.Add(tr); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// isNear is true of nearly equal numbers and of two that are undefined.
func isNear(a, b, within float64) bool {
	return math.Abs(a-b) <= within || number(a) == nil && number(b) == nil
}

// Every interval against reports of the drawn trials put together.
func TestConfidenceAgainstWholeReports(t *testing.T) {
	trials := randomTrials(rand.New(rand.NewPCG(7, 8)), 6, 60)
	f := fidelityOf(t, trials)
	const seed = 3
	var auc, spiking, tp, rmse, ev, rate, predicted, precision, recall, bits []float64
	draws(len(trials), seed, func(w []float64) {
		var all, some []Trial
		for i, n := range w {
			for range int(n) {
				all = append(all, trials[i])
				if len(trials[i].TruePeakMS) > 0 {
					some = append(some, trials[i])
				}
			}
		}
		g := fidelityOf(t, all)
		r := g.Report()
		auc, tp = append(auc, r.AUC.Value), append(tp, r.TruePositivesAt1.Value)
		spiking = append(spiking, fidelityOf(t, some).Report().AUC.Value)
		rmse, ev = append(rmse, r.VoltageRMSE.Value), append(ev, r.ExplainedVariance.Value)
		rate, predicted = append(rate, r.TrueRate.Value), append(predicted, r.PredictedRate.Value)
		precision, recall = append(precision, r.Precision.Value), append(recall, r.Recall.Value)
		// Log likelihood by definition.
		model, constant := 0.0, 0.0
		for _, k := range g.trials {
			for i, p := range k.p {
				q, c := 1-float64(p), 1-r.TrueRate.Value/1000
				if k.label[i] {
					q, c = float64(p), r.TrueRate.Value/1000
				}
				model += math.Log2(min(max(q, 1e-6), 1-1e-6))
				constant += math.Log2(c)
			}
		}
		bits = append(bits, (model-constant)/float64(r.TrueSpikes))
	})
	c := f.Confidence(seed)
	for _, x := range []struct {
		name   string
		got    Interval
		values []float64
	}{{"auc", c.AUC, auc}, {"spiking", c.AUCSpiking, spiking}, {"tp", c.TruePositivesAt1, tp}, {"rmse", c.VoltageRMSE, rmse}, {"ev", c.ExplainedVariance, ev},
		{"rate", c.TrueRate, rate}, {"predicted", c.PredictedRate, predicted}, {"precision", c.Precision, precision}, {"recall", c.Recall, recall}, {"bits", c.BitsPerSpike, bits}} {
		if len(x.values) != Resamples {
			t.Fatalf("%s: %d sets", x.name, len(x.values))
		}
		x.values = slices.DeleteFunc(x.values, math.IsNaN)
		slices.Sort(x.values)
		low, high := stat.Quantile(0.025, stat.Empirical, x.values, nil), stat.Quantile(0.975, stat.Empirical, x.values, nil)
		if math.Abs(x.got.Low-low) > 1e-9 || math.Abs(x.got.High-high) > 1e-9 || !(low < high) {
			t.Errorf("%s: %v, of whole reports %g to %g", x.name, x.got, low, high)
		}
	}
	if again := f.Confidence(seed); again.AUC != c.AUC {
		t.Error("the same seed gives another interval")
	}
	if other := f.Confidence(seed + 1); other.AUC == c.AUC {
		t.Error("another seed gives the same interval")
	}
	if one := fidelityOf(t, trials[:1]).Confidence(seed); one.AUC.Format(3) != "-" || one.VoltageRMSE.Format(3) != "-" {
		t.Errorf("one trial: %+v", one)
	}
}

// The curve by trial against NewROC on the trials as often as they are drawn.
func TestTrialROC(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 30 {
		trials := randomTrials(rng, 4, 40+rng.IntN(40))
		roc := newTrialROC(fidelityOf(t, trials).trials)
		w := make([]float64, len(trials))
		var drawn []Trial
		for i := range w {
			w[i] = float64(rng.IntN(4))
			for range int(w[i]) {
				drawn = append(drawn, trials[i])
			}
		}
		want := fidelityOf(t, drawn).ROC()
		grid := append(FalsePositiveGrid(), 1)
		tp := make([]float64, len(grid))
		if auc := roc.judge(w, grid, tp); !isNear(auc, want.AUC(), 1e-12) {
			t.Fatalf("AUC %g, of all ms %g", auc, want.AUC())
		}
		for i, fp := range grid {
			if rate, _ := want.TruePositivesAt(fp); !isNear(tp[i], rate, 1e-12) {
				t.Fatalf("true positives at %g: %g, of all ms %g", fp, tp[i], rate)
			}
		}
	}
	if g := FalsePositiveGrid(); g[atOnePercent] != 0.01 || g[len(g)-1] != 1 {
		t.Errorf("grid %v", g)
	}
}

func TestCorrelogramAgainstPairs(t *testing.T) {
	trials := randomTrials(rand.New(rand.NewPCG(11, 12)), 5, 200)
	f := fidelityOf(t, trials)
	c := f.Correlogram()
	var want [2*MaxLagMS + 1]int
	chance := 0.0
	for _, k := range f.trials {
		for a, l := range k.label {
			for b, p := range k.p {
				if d := b - a; l && p >= 0.5 && d >= -MaxLagMS && d <= MaxLagMS {
					want[d+MaxLagMS]++
				}
			}
		}
		chance += float64(len(k.spikes)*len(k.emitted)) / 200
	}
	if c.Count != want || math.Abs(c.Chance-chance) > 1e-9 {
		t.Errorf("%v, of pairs %v", c, want)
	}
	if r := f.Report(); c.TrueSpikes != r.TrueSpikes || c.EmittedSpikes != r.EmittedSpikes {
		t.Errorf("%+v", c)
	}
}

// A threshold's row against the report of a surrogate that has it.
func TestSweep(t *testing.T) {
	trials := randomTrials(rand.New(rand.NewPCG(13, 14)), 4, 150)
	f := fidelityOf(t, trials)
	const refractory = 2
	for _, row := range f.Sweep([]float64{0.01, 0.3, 0.5, 0.99}, refractory) {
		var with []Trial
		for _, tr := range trials {
			tr.Spike = make([]bool, len(tr.PSpike))
			next := f.WarmupMS
			for i, p := range tr.PSpike {
				if i >= next && p >= float32(row.Threshold) {
					tr.Spike[i], next = true, i+1+refractory
				}
			}
			with = append(with, tr)
		}
		r := fidelityOf(t, with).Report()
		for _, x := range [][2]Figure{{row.Rate, r.PredictedRate}, {row.Precision, r.Precision}, {row.Recall, r.Recall}} {
			if !isNear(x[0].Value, x[1].Value, 1e-12) || x[0].N != x[1].N {
				t.Errorf("threshold %g: %+v, as the model's own %+v", row.Threshold, x[0], x[1])
			}
		}
	}
}

// The rate at the threshold found is the one asked for, and at the next higher score it is less.
func TestRateThreshold(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	p := [][]float32{make([]float32, 400), make([]float32, 300)}
	for _, trial := range p {
		for i := range trial {
			trial[i] = rng.Float32()
		}
	}
	for _, refractory := range []int{0, 3} {
		threshold := RateThreshold(p, 60, refractory)
		n, above := Emitted(p, threshold, refractory), Emitted(p, float64(math.Nextafter32(float32(threshold), 2)), refractory)
		if n < 60 || above >= 60 {
			t.Errorf("refractory %d: %d spikes at %g, %d above it, want 60", refractory, n, threshold, above)
		}
	}
	if got := appendEmitted(nil, []float32{0.9, 0.8, 0.9, 0.1, 0.7, 0.9}, 0.7, 2); !slices.Equal(got, []float64{0, 4}) {
		t.Errorf("steps %v", got)
	}
	if a, b := RateThreshold(p, 0, 0), RateThreshold(nil, 5, 0); a != 1 || b != 1 {
		t.Errorf("no spikes: %g, no steps: %g, want 1", a, b)
	}
}

func TestCalibration(t *testing.T) {
	f := fidelityOf(t, randomTrials(rand.New(rand.NewPCG(15, 16)), 6, 300))
	c := f.Calibration(1)
	var n, spikes, mass, brier, loss float64
	for _, k := range f.trials {
		for i, p := range k.p {
			y := 0.0
			if k.label[i] {
				y = 1
			}
			q := min(max(float64(p), 1e-6), 1-1e-6)
			n, spikes, mass = n+1, spikes+y, mass+float64(p)
			brier += (float64(p) - y) * (float64(p) - y)
			loss -= y*math.Log(q) + (1-y)*math.Log(1-q)
		}
	}
	r := spikes / n
	entropy := -r*math.Log(r) - (1-r)*math.Log(1-r)
	for name, x := range map[string][2]float64{
		"loss": {c.LogLoss.Value, loss / n}, "Brier": {c.Brier.Value, brier / n}, "skill": {c.BrierSkill.Value, 1 - brier/n/(r*(1-r))},
		"bits": {c.BitsPerSpike.Value, (entropy - loss/n) / r / math.Ln2}, "rate": {c.PredictedRate.Value, 1000 * mass / n},
	} {
		if math.Abs(x[0]-x[1]) > 1e-9 {
			t.Errorf("%s: %g, by definition %g", name, x[0], x[1])
		}
	}
	// The bins hold every ms once, and about a tenth of the mass each.
	total, last := 0, math.Inf(-1)
	for _, b := range c.Bins {
		var ms, hits int
		var sum float64
		for _, k := range f.trials {
			for i, p := range k.p {
				if x := float64(p); x >= b.Low && x <= b.High {
					ms, sum = ms+1, sum+x
					if k.label[i] {
						hits++
					}
				}
			}
		}
		if ms != b.MS || hits != b.Observed.N || math.Abs(sum/float64(ms)-b.Predicted) > 1e-9 || math.Abs(float64(hits)/float64(ms)-b.Observed.Value) > 1e-12 || !(b.Low > last) {
			t.Errorf("bin %+v has %d ms and %d spikes", b, ms, hits)
		}
		if !(b.Interval.Low <= b.Observed.Value && b.Observed.Value <= b.Interval.High) {
			t.Errorf("bin %+v", b)
		}
		total, last = total+ms, b.High
	}
	if total != int(n) || len(c.Bins) < 6 || len(c.Bins) > reliabilityBins {
		t.Errorf("%d bins of %d ms, of %g", len(c.Bins), total, n)
	}
	// Probabilities that are the truth's frequencies are worth what they say; a constant is worth nothing.
	flat := Trial{PSpike: make([]float32, 1000), Spike: make([]bool, 1000), TruePeakMS: []float64{100.7, 300.7}}
	for i := range flat.PSpike {
		flat.PSpike[i] = 0.002
	}
	if c := fidelityOf(t, []Trial{flat}).Calibration(1); math.Abs(c.BitsPerSpike.Value) > 1e-6 || math.Abs(c.BrierSkill.Value) > 1e-6 || len(c.Bins) != 1 || c.Bins[0].Observed.Value != 0.002 {
		t.Errorf("the mean rate: %+v", c)
	}
}

func TestVoltageByActivity(t *testing.T) {
	trials := randomTrials(rand.New(rand.NewPCG(17, 18)), 4, 800)
	f := fidelityOf(t, trials)
	v := f.VoltageByActivity()
	check := func(groups []VoltageGroup, state func(k kept, i int) float64) {
		total := 0
		for _, g := range groups {
			n, e, ee := 0, 0.0, 0.0
			for _, k := range f.trials {
				for i := range k.v {
					if s := state(k, i); s >= g.Low-1e-12 && (s < g.High-1e-12 || s == g.Low) {
						d := min(float64(k.v[i]), ClipMV) - min(float64(k.truth[i]), ClipMV)
						n, e, ee = n+1, e+d, ee+d*d
					}
				}
			}
			if n != g.RMSE.N || math.Abs(g.RMSE.Value-math.Sqrt(ee/float64(n))) > 1e-9 || math.Abs(g.Bias.Value-e/float64(n)) > 1e-9 {
				t.Errorf("%g to %g: %+v and bias %g, of %d ms %g and %g", g.Low, g.High, g.RMSE, g.Bias.Value, n, math.Sqrt(ee/float64(n)), e/float64(n))
			}
			total += n
		}
		if total != 3200 {
			t.Errorf("%d ms in groups", total)
		}
	}
	check(v.Level, func(k kept, i int) float64 {
		sum, n := 0.0, 0.0
		for j := max(0, i-50); j <= min(len(k.truth)-1, i+50); j++ {
			sum, n = sum+min(float64(k.truth[j]), ClipMV), n+1
		}
		return sum / n
	})
	check(v.Distance, func(k kept, i int) float64 {
		d := math.Inf(1)
		for _, s := range k.spikes {
			d = min(d, math.Abs(s-float64(i)))
		}
		return d
	})
	if len(v.Level) != levelGroups || !math.IsInf(v.Distance[len(v.Distance)-1].Low, 1) {
		t.Errorf("%+v", v)
	}
}

func TestTypical(t *testing.T) {
	trials := randomTrials(rand.New(rand.NewPCG(19, 20)), 4, 100)
	for i, by := range []float32{0, 9, 5, 7} { // the silent one is best
		for k := range trials[i].VSoma {
			trials[i].TrueVSoma[k] -= 20 // below the clip
			trials[i].VSoma[k] = trials[i].TrueVSoma[k] + by
		}
	}
	if tr, ok := fidelityOf(t, trials).Typical(); !ok || tr.Trial != 3 || len(tr.Spikes) == 0 || len(tr.V) != 100 {
		t.Errorf("trial %d, %t", tr.Trial, ok)
	}
	if _, ok := (&Fidelity{}).Typical(); ok {
		t.Error("a trial of none")
	}
}

// Judgements are JSON even where nothing is defined.
func TestJudgement(t *testing.T) {
	trials := randomTrials(rand.New(rand.NewPCG(21, 22)), 5, 300)
	f := fidelityOf(t, trials)
	j := f.Judgement(0.33, 0, 1)
	if want := fidelityOf(t, trials[1:]).Report().AUC; !isNear(j.AUCSpiking.Value, want.Value, 1e-12) || j.SpikingTrials != 4 || j.Report != f.Report() {
		t.Errorf("AUC of the spiking trials %+v, by themselves %+v", j.AUCSpiking, want)
	}
	if !slices.ContainsFunc(j.Sweep, func(r ThresholdRow) bool { return r.Threshold == 0.33 }) || len(j.Sweep) != len(sweepThresholds)+1 {
		t.Errorf("thresholds %+v", j.Sweep)
	}
	silent := fidelityOf(t, []Trial{{PSpike: make([]float32, 900), Spike: make([]bool, 900)}}).Judgement(0.5, 0, 1)
	for _, x := range []Judgement{j, silent, fidelityOf(t, nil).Judgement(0.5, 0, 1)} {
		b, err := json.Marshal(x)
		var back struct {
			AUC        Figure
			Confidence Confidence
		}
		if err != nil || json.Unmarshal(b, &back) != nil || number(x.AUC.Value) != nil && back.AUC != x.AUC {
			t.Errorf("%s, %v", b, err)
		}
	}
	// The same model on the same sets is no better; one that knows less is worse.
	if d, i := DropInAUC(j, j); d != 0 || i != (Interval{0, 0}) {
		t.Errorf("drop of itself %g, %v", d, i)
	}
	for i := range trials {
		trials[i].PSpike = slices.Clone(trials[i].PSpike)
		rand.New(rand.NewPCG(23, uint64(i))).Shuffle(300, func(a, b int) {
			trials[i].PSpike[a], trials[i].PSpike[b] = trials[i].PSpike[b], trials[i].PSpike[a]
		})
	}
	if d, i := DropInAUC(j, fidelityOf(t, trials).Judgement(0.33, 0, 1)); !(d > 0.1 && i.Low > 0.05 && i.Low < d && d < i.High) {
		t.Errorf("drop of shuffled scores %g, %v", d, i)
	}
}
