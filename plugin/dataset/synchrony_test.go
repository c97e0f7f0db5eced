package dataset

import (
	"math"
	"reflect"
	"testing"
)

// Volleys redistribute a trial's spikes in time: the factor of the rates has mean
// 1, the peaks that the Gaussian gives, and the period asked for.
func TestVolleys(t *testing.T) {
	for _, s := range []Synchrony{
		{1, [2]int{100, 100}, [2]float64{5, 5}, [2]float64{1, 1}},
		{1, [2]int{100, 100}, [2]float64{5, 5}, [2]float64{0.25, 0.25}},
		{1, [2]int{40, 40}, [2]float64{30, 30}, [2]float64{1, 1}}, // overlapping volleys: nearly constant
		{1, [2]int{1, 1}, [2]float64{0.1, 0.1}, [2]float64{1, 1}},
	} {
		v := s.draw(newStream("understudy sync.", 1, 2))
		period, width, share := s.PeriodMS[0], s.WidthMS[0], s.Share[0]
		sum, peak := 0.0, 0.0
		for at := range period {
			sum += v.at(at)
			peak = max(peak, v.at(at))
			if v.at(at) != v.at(at+3*period) || v.at(at) < 0 {
				t.Fatalf("%+v: factor %g at %d ms, %g three periods later", s, v.at(at), at, v.at(at+3*period))
			}
		}
		// The Gaussian sampled at whole ms around every multiple of the period.
		comb, norm := 0.0, 0.0
		for k := -2000; k <= 2000; k++ {
			x := float64(k) / width
			norm += math.Exp(-x * x / 2)
			if k%period == 0 {
				comb += math.Exp(-x * x / 2)
			}
		}
		want := 1 - share + share*comb*float64(period)/norm
		if math.Abs(sum/float64(period)-1) > 1e-12 || math.Abs(peak-want) > 1e-9 || peak != v.highest() {
			t.Errorf("%+v: mean factor %g, peak %g (bound %g), want 1 and %g", s, sum/float64(period), peak, v.highest(), want)
		}
	}
}

// A trial without volleys is the published one, bit by bit; one with them has about
// as many spikes, in other places.
func TestSynchronyKeepsTheRates(t *testing.T) {
	ch := testChannels(40)
	in, err := Variant("synchronous", true)
	if err != nil {
		t.Fatal(err)
	}
	in.Synchrony.Trials = 0.5
	same, events, volleys := 0, 0, 0
	for k := range uint64(10) {
		a, err := Paper(true).Trial(ch, 1000, 3, k)
		if err != nil {
			t.Fatal(err)
		}
		b, err := in.Trial(ch, 1000, 3, k)
		if err != nil {
			t.Fatal(err)
		}
		if reflect.DeepEqual(a, b) {
			same++
			continue
		}
		events += len(a.Channel)
		volleys += len(b.Channel)
		if va, vb := fano(a.TimeMS), fano(b.TimeMS); vb < 1.1*va {
			t.Errorf("trial %d: the counts vary by %.1f times their mean with volleys, %.1f without", k, vb, va)
		}
	}
	if same < 2 || same > 8 {
		t.Errorf("%d of 10 trials are without volleys", same)
	}
	if r := float64(volleys) / float64(events); r < 0.85 || r > 1.1 {
		t.Errorf("%d events with volleys, %d without", volleys, events)
	}
}

// fano is the variance over the mean of the number of events in 5 ms.
func fano(times []float64) float64 {
	n := make([]float64, 200)
	for _, t := range times {
		n[int(t)/5]++
	}
	mean, square := 0.0, 0.0
	for _, x := range n {
		mean += x / 200
		square += x * x / 200
	}
	return (square - mean*mean) / mean
}

// Data sets are named by their seed: these bits may not change.
func TestSynchronyGolden(t *testing.T) {
	in, err := Variant("synchronous", true)
	if err != nil {
		t.Fatal(err)
	}
	e, err := in.Trial(testChannels(3), 400, 1, 5)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hashEvents(e), uint64(0x23502e2b76f5f1f3); got != want {
		t.Errorf("trial 5 of seed 1 hashes to %#x, was %#x: this changes every data set with volleys", got, want)
	}
}
