package dataset

import (
	"math"
	"math/rand/v2"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/morphology"
	"understudy/plugin/spikeio"
)

// testChannels makes a cell with n basal and n apical segments.
func testChannels(n int) []cell.Channel {
	var ch []cell.Channel
	for _, kind := range []cell.Kind{cell.Excitatory, cell.Inhibitory} {
		for s := range 2 * n {
			c := cell.Channel{Kind: kind, Segment: s, Section: "dend[0]", X: 0.5, Region: morphology.Basal, LengthUM: 5 + float64(s*7%31), DistanceUM: float64(s)}
			if s >= n {
				c.Section, c.Region = "apic[0]", morphology.Apical
			}
			ch = append(ch, c)
		}
	}
	return ch
}

// The smoothed rate against the convolution written out: held rates expanded
// to ms, window centred as scipy's mode="same".
func TestRatesAreTheConvolution(t *testing.T) {
	for _, tc := range []struct{ ms, hold, sigma int }{
		{500, 37, 20}, {500, 37, 21}, {300, 7, 90}, {61, 450, 9}, {10, 3, 600}, {200, 200, 15}, {201, 200, 15},
	} {
		in := Paper(true)
		in.HoldMS, in.HoldJitterMS, in.SigmaMS, in.SigmaJitterMS = []int{tc.hold}, 0, []int{tc.sigma}, 0
		ch := testChannels(2)
		r := in.draw(ch, tc.ms, testStream(1))
		n := 1 + 7*tc.sigma
		window, sum := make([]float64, n), 0.0
		for k := range window {
			x := float64(k) - float64(n-1)/2
			window[k] = math.Exp(-x * x / (2 * float64(tc.sigma*tc.sigma)))
			sum += window[k]
		}
		for c := range ch {
			full := make([]float64, tc.ms+n-1)
			for i := range tc.ms {
				for k, w := range window {
					full[i+k] += r.held[c][i/tc.hold] * w / sum
				}
			}
			for i := range tc.ms {
				want := full[i+(n-1)/2]
				if got := r.at(c, i); math.Abs(got-want) > 1e-12 {
					t.Fatalf("%+v: channel %d at %d ms: rate %g, convolution %g", tc, c, i, got, want)
				}
				if want > r.highest(c) {
					t.Fatalf("%+v: channel %d at %d ms: rate %g above the bound %g", tc, c, i, want, r.highest(c))
				}
			}
		}
	}
}

// Spike counts of one trial against the paper's two draws per ms.
func TestSpikesFollowTheRates(t *testing.T) {
	ch := testChannels(6) // few segments: probabilities reach 1
	in := Paper(true)
	const ms = 20000
	var key [32]byte
	copy(key[:], "understudy input")
	key[16], key[24] = 9, 4 // seed and trial as Trial keys them
	r := in.draw(ch, ms, keyedStream(key))
	e, err := in.Trial(ch, ms, 9, 4)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, len(ch))
	for i, c := range e.Channel {
		got[c]++
		if i > 0 && (e.TimeMS[i] < e.TimeMS[i-1] || e.TimeMS[i] == e.TimeMS[i-1] && c <= e.Channel[i-1]) {
			t.Fatalf("event %d is out of order", i)
		}
	}
	rng := testStream(77)
	for c := range ch {
		// The reference draws p from the exponential distribution, then the spike.
		want, variance := 0.0, 0.0
		for i := range ms {
			p := -math.Log(1-rng.uniform()) * r.at(c, i)
			if rng.uniform() < p {
				want++
			}
			q := spikeProbability(r.at(c, i))
			variance += 2 * q * (1 - q)
		}
		if d := math.Abs(got[c] - want); d > 4.5*math.Sqrt(variance) {
			t.Errorf("channel %d: %g spikes, reference %g, expected deviation %.1f", c, got[c], want, math.Sqrt(variance))
		}
	}
}

// Over many trials the tree totals follow the published ranges.
func TestTreeTotals(t *testing.T) {
	ch := testChannels(60)
	var count [2][2]float64
	const trials, ms = 24, 2000
	for k := range uint64(trials) {
		e, err := Paper(true).Trial(ch, ms, 3, k)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range e.Channel {
			count[treeOf(ch[c])][kindOf(ch[c])]++
		}
	}
	// Means of the held counts per 100 ms: exc 400; inh the mean over exc of
	// (max(0, exc-600) + exc+200)/2 = (25 + 600)/2. Smoothing loses a little
	// at both ends: half a window's mean reach, 0.4 sigma each.
	for tree := range 2 {
		for kind, want := range []float64{400, 312.5} {
			got := count[tree][kind] / (trials * ms / 100)
			if got < 0.82*want || got > 1.05*want {
				t.Errorf("tree %d kind %d: %.1f spikes per 100 ms, held mean %.1f", tree, kind, got, want)
			}
		}
	}
}

func TestTrialDependsOnSeedAndNumber(t *testing.T) {
	ch := testChannels(3)
	hash := func(seed, trial uint64) uint64 {
		e, err := Paper(true).Trial(ch, 400, seed, trial)
		if err != nil {
			t.Fatal(err)
		}
		return hashEvents(e)
	}
	if hash(1, 5) != hash(1, 5) {
		t.Error("the same trial differs")
	}
	if hash(1, 5) == hash(1, 6) || hash(1, 5) == hash(2, 5) || hash(1, 2) == hash(2, 1) {
		t.Error("different trials agree")
	}
	// Data sets are named by their seed: these bits may not change.
	if got, want := hash(1, 5), uint64(goldenTrial); got != want {
		t.Errorf("trial 5 of seed 1 hashes to %#x, was %#x: this changes every data set", got, want)
	}
}

// hashEvents tells different events apart.
func hashEvents(e *spikeio.Events) (h uint64) {
	for i, c := range e.Channel {
		h = h*1099511628211 + uint64(c)<<20 + uint64(e.TimeMS[i])
	}
	return h
}

func TestBadInputsAreRefused(t *testing.T) {
	ch := testChannels(1)
	for name, change := range map[string]func(*Inputs){
		"no hold":    func(in *Inputs) { in.HoldMS = nil },
		"hold 0":     func(in *Inputs) { in.HoldMS = []int{20} },
		"sigma 0":    func(in *Inputs) { in.SigmaMS = []int{20} },
		"rates":      func(in *Inputs) { in.Basal.Exc = [2]float64{5, 4} },
		"NaN":        func(in *Inputs) { in.Apical.Exc[1] = math.NaN() },
		"inhibition": func(in *Inputs) { in.Apical.InhMinusExc = [2]float64{-2, -3} },
		"synchrony":  func(in *Inputs) { in.Synchrony = &Synchrony{} },
	} {
		in := Paper(true)
		change(&in)
		if _, err := in.Trial(ch, 10, 0, 0); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Paper(true).Trial(ch, 0, 0, 0); err == nil {
		t.Error("0 ms accepted")
	}
	if _, err := Paper(true).Trial(nil, 10, 0, 0); err == nil {
		t.Error("no channels accepted")
	}
}

func BenchmarkTrial(b *testing.B) {
	ch := testChannels(320)
	for k := range uint64(b.N) {
		if _, err := Paper(true).Trial(ch, 6000, 1, k); err != nil {
			b.Fatal(err)
		}
	}
}

const goldenTrial = 0x8f45db15301b3944

func testStream(n byte) stream { return keyedStream([32]byte{n}) }

func keyedStream(key [32]byte) stream { return stream{rand.NewChaCha8(key)} }
