package measure

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

func TestTrainsByHand(t *testing.T) {
	s := Trains([][]int64{{5, 10, 30, 40, 60, 99, 100}, {20, 21, 25}, {40, 50}, {}}, 10, 100, 10)
	// Neuron 0 keeps 10, 30, 40, 60, 99; neuron 2 has too few.
	var want float64
	for _, iv := range [][]float64{{20, 10, 20, 39}, {1, 4}} {
		mean, sd := stat.PopMeanStdDev(iv, nil)
		want += sd / mean / 2
	}
	if math.Abs(s.IntervalCV.Value-want) > 1e-12 || s.IntervalCV.N != 8 {
		t.Errorf("CV %+v, want %g", s.IntervalCV, want)
	}
	if want := 10.0 / 4 / 0.09; math.Abs(s.Rate.Value-want) > 1e-9 || s.Rate.N != 10 {
		t.Errorf("rate %+v, want %g", s.Rate, want)
	}
	if s.Synchrony.N != 10 {
		t.Errorf("synchrony %+v", s.Synchrony)
	}
}

// The fast formula equals the mean of all correlation coefficients.
func TestSynchrony(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, T, bin = 7, 1005, 10
	steps := make([][]int64, n)
	counts := make([][]float64, n)
	for i := range counts {
		counts[i] = make([]float64, T/bin)
	}
	for k := range int64(T) {
		together := rng.Float64() < 0.02
		for i := range n - 1 { // the last one stays silent
			if rng.Float64() < 0.02 || together && rng.Float64() < 0.5 {
				steps[i] = append(steps[i], 100+k)
				if int(k)/bin < T/bin {
					counts[i][k/bin]++
				}
			}
		}
	}
	sum, pairs := 0.0, 0
	for i := range n - 1 {
		for j := range i {
			sum += stat.Correlation(counts[i], counts[j], nil)
			pairs++
		}
	}
	s := Trains(steps, 100, 100+T, bin)
	got := s.Synchrony.Value
	if math.Abs(got-sum/float64(pairs)) > 1e-12 {
		t.Errorf("synchrony %g, want %g", got, sum/float64(pairs))
	}
	if got < 0.1 {
		t.Errorf("synchrony %g of trains that share events", got)
	}
}

func TestTrainsWithoutSpikes(t *testing.T) {
	s := Trains([][]int64{{}, {3}}, 10, 20, 10)
	if s.Rate != (Figure{}) || !math.IsNaN(s.IntervalCV.Value) || !math.IsNaN(s.Synchrony.Value) {
		t.Errorf("%+v", s)
	}
	if s := Trains(nil, 0, 0, 10); !math.IsNaN(s.Rate.Value) {
		t.Errorf("%+v", s)
	}
}
