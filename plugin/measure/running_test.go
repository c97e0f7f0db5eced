package measure

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"understudy/plugin/population"
)

// randomTrial draws a trial whose scores and spikes tell something of the truth.
func randomTrial(rng *rand.Rand, n int) Trial {
	t := Trial{PSpike: make([]float32, n), Spike: make([]bool, n), VSoma: make([]float32, n), TrueVSoma: make([]float32, n)}
	for k := range n {
		t.TrueVSoma[k] = -72 + 5*float32(rng.NormFloat64())
		t.VSoma[k] = t.TrueVSoma[k] + float32(rng.NormFloat64())
		score := rng.NormFloat64() - 5
		if rng.Float64() < 0.01 {
			t.TruePeakMS = append(t.TruePeakMS, float64(k)+0.75)
			t.TrueVSoma[k] = 20
			score += 3
		}
		t.PSpike[k] = float32(1 / (1 + math.Exp(-score)))
		t.Spike[k] = t.PSpike[k] > 0.1
	}
	return t
}

// Running gives the figures of Fidelity, scores rounded; spikes are drawn per trial, so that
// both pair them within one.
func TestRunningAgainstFidelity(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	f, r := NewFidelity(), NewRunning()
	f.WarmupMS = 0
	for range 20 {
		trial := randomTrial(rng, 500)
		if err := errors.Join(f.Add(trial), r.Add(trial)); err != nil {
			t.Fatal(err)
		}
	}
	want, got := f.Report(), r.Report()
	for name, pair := range map[string][2]*Figure{"AUC": {&want.AUC, &got.AUC}, "true positives": {&want.TruePositivesAt1, &got.TruePositivesAt1}} {
		if d := math.Abs(pair[0].Value - pair[1].Value); !(d < 0.01) || name == "AUC" && d > 0.001 {
			t.Errorf("%s %+v, of Fidelity %+v", name, *pair[1], *pair[0])
		}
		pair[1].Value = pair[0].Value
	}
	for name, pair := range map[string][2]*Figure{"RMSE": {&want.VoltageRMSE, &got.VoltageRMSE}, "explained": {&want.ExplainedVariance, &got.ExplainedVariance}} {
		if !(math.Abs(pair[0].Value-pair[1].Value) < 1e-9) {
			t.Errorf("%s %+v, of Fidelity %+v", name, *pair[1], *pair[0])
		}
		pair[1].Value = pair[0].Value
	}
	if got != want || want.TrueSpikes < 50 {
		t.Errorf("%+v, of Fidelity %+v", got, want)
	}

	before := r.Report()
	if err := r.Add(Trial{PSpike: []float32{float32(math.NaN())}, Spike: make([]bool, 1)}); !errors.Is(err, population.ErrInput) || r.Report() != before {
		t.Errorf("NaN: %v", err)
	}
	r.Reset()
	if e := r.Report(); e.TrueSpikes != 0 || e.DurationMS != 0 || !math.IsNaN(e.AUC.Value) || !math.IsNaN(e.VoltageRMSE.Value) {
		t.Errorf("after reset: %+v", e)
	}
}

// Scores are judged by their order alone, at both ends of their range.
func TestRunningPerfectScores(t *testing.T) {
	r := NewRunning()
	trial := Trial{PSpike: []float32{0, 1e-30, 1, 0.5, 1}, Spike: make([]bool, 5), TruePeakMS: []float64{2.75, 4.75}}
	if err := r.Add(trial); err != nil {
		t.Fatal(err)
	}
	if f := r.Report(); f.AUC.Value != 1 || f.TruePositivesAt1.Value != 1 || f.Recall.Value != 0 {
		t.Errorf("%+v", f)
	}
}

func TestRhythm(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const duration = 2000.
	rhythmic, irregular := make([][]float64, 20), make([][]float64, 20)
	for i := range rhythmic {
		for cycle := 0.; cycle < duration; cycle += 50 { // 20 Hz
			if rng.Float64() < 0.4 {
				rhythmic[i] = append(rhythmic[i], cycle+20+4*rng.NormFloat64())
			}
		}
		for x := 0.; x < duration; x += 120 * rng.ExpFloat64() {
			irregular[i] = append(irregular[i], x)
		}
	}
	if hz, s := Rhythm(rhythmic, duration); hz != 20 || s.Value < 0.5 || s.N < 250 {
		t.Errorf("20 Hz: %g Hz, strength %+v", hz, s)
	}
	if hz, s := Rhythm(irregular, duration); !(s.Value < 0.25) {
		t.Errorf("no rhythm: %g Hz, strength %+v", hz, s)
	}
	for name, trains := range map[string][][]float64{"silence": make([][]float64, 3), "nobody": nil} {
		if hz, s := Rhythm(trains, duration); !math.IsNaN(hz) || !math.IsNaN(s.Value) || s.N != 0 {
			t.Errorf("%s: %g Hz, strength %+v", name, hz, s)
		}
	}
	if hz, s := Rhythm(rhythmic, 900); !math.IsNaN(hz) || !math.IsNaN(s.Value) {
		t.Errorf("less than a second: %g Hz, strength %+v", hz, s)
	}
}
