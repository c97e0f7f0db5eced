package measure

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"understudy/plugin/population"
)

// scores draws scores with many ties, higher for positives.
func scores(rng *rand.Rand, n int) (p []float32, label []bool) {
	for range n {
		l := rng.Float64() < 0.2
		s := float32(rng.IntN(30)) / 40
		if l {
			s += 0.25
		}
		p, label = append(p, s), append(label, l)
	}
	return p, label
}

// The AUC against its definition over all pairs; the true-positive rate
// against a scan of every threshold.
func TestROCAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		p, label := scores(rng, 5+rng.IntN(200))
		r := NewROC(p, label)
		wins, pairs := 0.0, 0.0
		for i := range p {
			for j := range p {
				if label[i] && !label[j] {
					pairs++
					if p[i] > p[j] {
						wins++
					} else if p[i] == p[j] {
						wins += 0.5
					}
				}
			}
		}
		if pairs == 0 {
			if !math.IsNaN(r.AUC()) {
				t.Errorf("AUC %g without pairs", r.AUC())
			}
			continue
		}
		if got := r.AUC(); math.Abs(got-wins/pairs) > 1e-12 {
			t.Fatalf("AUC %g, over pairs %g", got, wins/pairs)
		}
		for _, fp := range []float64{0, 0.01, 0.1, 0.25, 1} {
			best := 0.0
			for _, threshold := range append(slices.Clone(p), 2) {
				tp, f := 0, 0
				for i := range p {
					if p[i] >= threshold && label[i] {
						tp++
					} else if p[i] >= threshold {
						f++
					}
				}
				if float64(f) <= fp*float64(r.Negatives)*(1+1e-12) {
					best = max(best, float64(tp)/float64(r.Positives))
				}
			}
			got, threshold := r.TruePositivesAt(fp)
			if math.Abs(got-best) > 1e-12 {
				t.Fatalf("true positives at %g: %g, by scan %g", fp, got, best)
			}
			tp := 0
			for i := range p {
				if float64(p[i]) >= threshold && label[i] {
					tp++
				}
			}
			if math.Abs(float64(tp)/float64(r.Positives)-got) > 1e-12 {
				t.Fatalf("threshold %g does not give %g", threshold, got)
			}
		}
		x, y := r.Thin(7)
		if len(x) > 7 || x[0] != 0 || y[0] != 0 || math.Abs(x[len(x)-1]-1) > 1e-12 || math.Abs(y[len(y)-1]-1) > 1e-12 {
			t.Fatalf("thinned curve %v %v", x, y)
		}
	}
}

// bestMatch finds the largest matching by trying every pairing.
func bestMatch(truth, predicted []float64, within float64) int {
	if len(truth) == 0 {
		return 0
	}
	best := bestMatch(truth[1:], predicted, within)
	for j, p := range predicted {
		if math.Abs(p-truth[0]) <= within {
			rest := slices.Delete(slices.Clone(predicted), j, j+1)
			best = max(best, 1+bestMatch(truth[1:], rest, within))
		}
	}
	return best
}

func TestMatchAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	draw := func() (x []float64) {
		for range rng.IntN(7) {
			x = append(x, float64(rng.IntN(20)))
		}
		slices.Sort(x)
		return x
	}
	for range 2000 {
		a, b := draw(), draw()
		if got, want := Match(a, b, 2), bestMatch(a, b, 2); got != want {
			t.Fatalf("Match(%v, %v) = %d, best %d", a, b, got, want)
		}
	}
}

func TestSynchronyAgainstPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const duration, bin = 400.0, 5.0
	trains := make([][]float64, 6)
	common := rng.Perm(400)[:10]
	for i := range trains[:5] { // the last is silent
		for _, c := range common {
			trains[i] = append(trains[i], float64(c))
		}
		for range 5 + i {
			trains[i] = append(trains[i], rng.Float64()*duration)
		}
	}
	counts := func(t []float64) []float64 {
		c := make([]float64, 80)
		for _, x := range t {
			c[int(x/bin)]++
		}
		return c
	}
	sum, pairs := 0.0, 0.0
	for i := range 5 {
		for j := range i {
			a, b := counts(trains[i]), counts(trains[j])
			var sa, sb, saa, sbb, sab float64
			for k := range a {
				sa, sb, saa, sbb, sab = sa+a[k], sb+b[k], saa+a[k]*a[k], sbb+b[k]*b[k], sab+a[k]*b[k]
			}
			sum += (80*sab - sa*sb) / math.Sqrt((80*saa-sa*sa)*(80*sbb-sb*sb))
			pairs++
		}
	}
	got := Synchrony(trains, duration, bin)
	if math.Abs(got.Value-sum/pairs) > 1e-12 || got.N != 50+5+6+7+8+9 {
		t.Errorf("synchrony %+v, over pairs %g", got, sum/pairs)
	}
	if f := Synchrony(trains[4:], duration, bin); !math.IsNaN(f.Value) || f.Format(2) != "-" {
		t.Errorf("one active neuron: %+v", f)
	}
	if f := Synchrony(nil, 0, bin); !math.IsNaN(f.Value) {
		t.Errorf("nothing: %+v", f)
	}
}

func TestRateAndIntervals(t *testing.T) {
	trains := [][]float64{{10, 20, 30, 40}, {0, 10, 40}, {5}, nil}
	if f := Rate(trains, 500); f.Value != 4 || f.N != 8 {
		t.Errorf("rate %+v, expected 8 spikes of 4 neurons in 0.5 s: 4 Hz", f)
	}
	// Intervals 10, 10, 10: CV 0. Intervals 10, 30: mean 20, deviation 10: CV 0.5.
	if f := IntervalCV(trains); math.Abs(f.Value-0.25) > 1e-15 || f.N != 7 {
		t.Errorf("CV %+v, expected 0.25 on 7 spikes", f)
	}
	if f := IntervalCV(trains[2:]); f.Format(1) != "-" {
		t.Errorf("CV without intervals: %+v", f)
	}
}

func TestFidelity(t *testing.T) {
	f := NewFidelity()
	f.WarmupMS = 10
	const n = 1010
	tr := Trial{PSpike: make([]float32, n), Spike: make([]bool, n), VSoma: make([]float32, n), TrueVSoma: make([]float32, n)}
	// Peaks at 5.6 ms (step 5: warm-up), 100.5 (step 100), 200.4 (step 199), 300.625 (step 300), 1011 (after the end).
	tr.TruePeakMS = []float64{5.6, 100.5, 200.4, 300.625, 1011}
	tr.Spike[3] = true   // warm-up
	tr.Spike[102] = true // right, 2 ms late
	tr.Spike[196] = true // wrong, 3 ms early
	for i := range n {
		tr.PSpike[i] = 0.01
		tr.TrueVSoma[i] = -70 + 4*float32(i%2)
		tr.VSoma[i] = tr.TrueVSoma[i] + 1
	}
	tr.TrueVSoma[400], tr.VSoma[400] = 30, -40 // both clipped
	tr.PSpike[100], tr.PSpike[199], tr.PSpike[300], tr.PSpike[500] = 0.9, 0.8, 0.01, 0.7
	if err := f.Add(tr); err != nil {
		t.Fatal(err)
	}
	r := f.Report()
	// 1000 steps, 3 positive. The pairs: two positives beat all 997, one beats none and ties 996.
	auc := (997 + 997 + 996*0.5) / (3 * 997)
	// Errors: 1 mV at 999 steps, 0 at one.
	rmse := math.Sqrt(0.999)
	want := []struct {
		name string
		got  Figure
		v    float64
		n    int
	}{
		{"auc", r.AUC, auc, 3}, {"tp", r.TruePositivesAt1, 2. / 3, 3}, {"rmse", r.VoltageRMSE, rmse, 1000},
		{"true rate", r.TrueRate, 3, 3}, {"rate", r.PredictedRate, 2, 2}, {"precision", r.Precision, 0.5, 2}, {"recall", r.Recall, 1. / 3, 3},
	}
	for _, w := range want {
		if math.Abs(w.got.Value-w.v) > 1e-12 || w.got.N != w.n {
			t.Errorf("%s: %+v, expected %g on %d", w.name, w.got, w.v, w.n)
		}
	}
	// Var(error) = 0.999 - 0.999^2; truth: 999 values at -70, -66 and one at -55.
	sum, sq := 0.0, 0.0
	for i := 10; i < n; i++ {
		v := min(float64(tr.TrueVSoma[i]), -55)
		sum, sq = sum+v/1000, sq+v*v/1000
	}
	if ev := 1 - (0.999-0.999*0.999)/(sq-sum*sum); math.Abs(r.ExplainedVariance.Value-ev) > 1e-9 {
		t.Errorf("explained variance %g, expected %g", r.ExplainedVariance.Value, ev)
	}
	if r.Trials != 1 || r.DurationMS != 1000 || r.TrueSpikes != 3 || r.EmittedSpikes != 2 {
		t.Errorf("%+v", r)
	}

	for name, bad := range map[string]func(*Trial){
		"NaN":       func(t *Trial) { t.PSpike = slices.Clone(t.PSpike); t.PSpike[900] = float32(math.NaN()) },
		"length":    func(t *Trial) { t.Spike = t.Spike[:5] },
		"no v_soma": func(t *Trial) { t.VSoma = nil },
	} {
		b := tr
		bad(&b)
		if err := f.Add(b); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.Report() != r {
		t.Error("a refused trial changed the report")
	}

	// Silence has no AUC, and says so in JSON.
	silent := NewFidelity()
	if err := silent.Add(Trial{PSpike: make([]float32, 900), Spike: make([]bool, 900)}); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(silent.Report())
	if err != nil || !json.Valid(b) {
		t.Errorf("%s, %v", b, err)
	}
	if s := silent.Report(); s.AUC.Format(3) != "-" || s.Precision.Format(3) != "-" || s.PredictedRate.Value != 0 {
		t.Errorf("silent: %+v", s)
	}
}
