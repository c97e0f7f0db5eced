package dataset

import (
	"math"
	"reflect"
	"testing"
)

// Clusters redistribute a tree's excitation in space: the mean rate by length stays, the
// segments inside a cluster get the share asked for, and inhibition stays.
func TestClusters(t *testing.T) {
	ch := testChannels(40)
	const minLength = 10
	for _, c := range []Clustering{
		{1, [2]int{1, 1}, [2]float64{50, 50}, [2]float64{1, 1}},
		{1, [2]int{3, 3}, [2]float64{50, 50}, [2]float64{0.25, 0.25}},
		{1, [2]int{1, 1}, [2]float64{1, 1}, [2]float64{0.5, 0.5}}, // one segment
		{1, [2]int{9, 9}, [2]float64{1e6, 1e6}, [2]float64{1, 1}}, // the whole tree
	} {
		factor := c.draw(ch, minLength, newStream("understudy clust", 1, 2))
		for tree := range 2 {
			var weight, sum, inside, longest, length, treeUM float64
			runs := 0
			was := false
			for i, x := range ch {
				if treeOf(x) != tree {
					continue
				}
				if kindOf(x) == 1 {
					if factor[i] != 1 {
						t.Fatalf("%+v: inhibitory channel %d has the factor %g", c, i, factor[i])
					}
					continue
				}
				w := x.LengthUM + minLength
				treeUM += x.LengthUM
				weight, sum = weight+w, sum+w*factor[i]
				is := factor[i] > 1-c.Share[0]+1e-12
				if is {
					inside += w * (factor[i] - (1 - c.Share[0]))
					length += x.LengthUM
					if !was {
						runs++
						length = x.LengthUM
					}
					longest = max(longest, length)
				}
				was = is
			}
			if math.Abs(sum/weight-1) > 1e-12 || math.Abs(inside/weight-c.Share[0]) > 1e-12 {
				t.Errorf("%+v: mean factor %g, share in clusters %g", c, sum/weight, inside/weight)
			}
			// testChannels' segments are 5 to 35 um long; clusters may touch.
			if runs < 1 || runs > c.Clusters[0] || longest > float64(c.Clusters[0])*(c.LengthUM[0]+35) || longest < min(c.LengthUM[0], treeUM) {
				t.Errorf("%+v: %d runs, the longest %g um", c, runs, longest)
			}
		}
	}
}

// A trial without clusters is the published one, bit by bit; one with them has about as
// many spikes, on fewer channels.
func TestClusteringKeepsTheRates(t *testing.T) {
	ch := testChannels(40)
	in, err := Variant("clustered", true)
	if err != nil {
		t.Fatal(err)
	}
	in.Clustering.Trials = 0.5
	same, without, with := 0, 0, 0
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
		without += len(a.Channel)
		with += len(b.Channel)
		if ea, eb := evenness(a.Channel), evenness(b.Channel); eb > 0.8*ea {
			t.Errorf("trial %d: the excitatory events are on %.0f segments with clusters, on %.0f without", k, eb, ea)
		}
	}
	if same < 2 || same > 8 {
		t.Errorf("%d of 10 trials are without clusters", same)
	}
	if r := float64(with) / float64(without); r < 0.85 || r > 1.1 {
		t.Errorf("%d events with clusters, %d without", with, without)
	}
}

// evenness is the number of segments, of testChannels(40), on which as many excitatory
// events would be as concentrated if they were spread evenly.
func evenness(channel []int32) float64 {
	n := make([]float64, 80)
	for _, c := range channel {
		if c < 80 {
			n[c]++
		}
	}
	sum, square := 0.0, 0.0
	for _, x := range n {
		sum, square = sum+x, square+x*x
	}
	return sum * sum / square
}

// Data sets are named by their seed: these bits may not change.
func TestClusteringGolden(t *testing.T) {
	in, err := Variant("clustered", true)
	if err != nil {
		t.Fatal(err)
	}
	e, err := in.Trial(testChannels(9), 400, 1, 5)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hashEvents(e), uint64(0x45b1adc7dabf7c2); got != want {
		t.Errorf("trial 5 of seed 1 hashes to %#x, was %#x: this changes every data set with clusters", got, want)
	}
}
