package measure

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

func TestTrainsByHand(t *testing.T) {
	s := Trains([][]int64{{5, 10, 30, 40, 60, 99, 100}, {20}, {}}, 10, 100, 10)
	// Neuron 0 keeps 10, 30, 40, 60, 99: intervals 20, 10, 20, 39.
	if s.Spikes != 6 || s.Intervals != 4 {
		t.Fatalf("%+v", s)
	}
	iv := []float64{20, 10, 20, 39}
	mean, sd := stat.PopMeanStdDev(iv, nil)
	if math.Abs(s.ISICV-sd/mean) > 1e-12 {
		t.Errorf("CV %g, want %g", s.ISICV, sd/mean)
	}
	if want := 6.0 / 3 / 0.09; math.Abs(s.RateHz-want) > 1e-9 {
		t.Errorf("rate %g, want %g", s.RateHz, want)
	}
	if s.Pairs != 1 {
		t.Errorf("%d pairs", s.Pairs)
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
	if math.Abs(s.Synchrony-sum/float64(pairs)) > 1e-12 || s.Pairs != pairs {
		t.Errorf("synchrony %g of %d pairs, want %g of %d", s.Synchrony, s.Pairs, sum/float64(pairs), pairs)
	}
	if s.Synchrony < 0.1 {
		t.Errorf("synchrony %g of trains that share events", s.Synchrony)
	}
}

func TestTrainsWithoutSpikes(t *testing.T) {
	s := Trains([][]int64{{}, {3}}, 10, 20, 10)
	if s.Spikes != 0 || s.RateHz != 0 || !math.IsNaN(s.ISICV) || !math.IsNaN(s.Synchrony) {
		t.Errorf("%+v", s)
	}
	if s := Trains(nil, 0, 0, 10); !math.IsNaN(s.RateHz) {
		t.Errorf("%+v", s)
	}
}
