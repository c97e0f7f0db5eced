package dataset

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"understudy/plugin/population"
)

func TestParseInputs(t *testing.T) {
	for text, change := range map[string]func(*Inputs){
		`{}`: func(*Inputs) {},
		`{"basal": {"exc_per_100ms": [10, 400]}}`:                                   func(in *Inputs) { in.Basal.Exc = [2]float64{10, 400} },
		`{"hold_ms": [50], "hold_jitter_ms": 0, "apical": {"exc_per_100ms":[0,0]}}`: func(in *Inputs) { in.HoldMS, in.HoldJitterMS, in.Apical.Exc = []int{50}, 0, [2]float64{} },
		`{"synchrony": {"trials": 0.2, "period_ms": [30, 200], "width_ms": [5, 5], "share": [0, 1]}}`: func(in *Inputs) {
			in.Synchrony = &Synchrony{0.2, [2]int{30, 200}, [2]float64{5, 5}, [2]float64{0, 1}}
		},
		`{"clustering": {"trials": 0.2, "clusters": [1, 3], "length_um": [40, 80], "share": [0, 1]}}`: func(in *Inputs) {
			in.Clustering = &Clustering{0.2, [2]int{1, 3}, [2]float64{40, 80}, [2]float64{0, 1}}
		},
	} {
		for _, nmda := range []bool{true, false} {
			want := Paper(nmda)
			change(&want)
			if got, err := ParseInputs([]byte(text), nmda); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v", text, got, err)
			}
		}
	}
	for text, says := range map[string]string{
		``:                                       "EOF",
		`[]`:                                     "array",
		`{} {}`:                                  "after top-level value",
		`{"rate": 3}`:                            `"rate"`,
		`{"basal": {"exc": [0, 1]}}`:             `"exc" within "/basal"`,
		`{"basal": {"exc_per_100ms": [0]}}`:      `"/basal/exc_per_100ms"`,
		`{"basal": {"exc_per_100ms": [0,1,2]}}`:  `"/basal/exc_per_100ms`,
		`{"basal": {"exc_per_100ms": [0,"1"]}}`:  `"/basal/exc_per_100ms/1"`,
		`{"basal": {"exc_per_100ms": [8, 4]}}`:   "basal.exc_per_100ms is [8 4]",
		`{"segment_jitter": [-1, 4]}`:            "segment_jitter is [-1 4]",
		`{"hold_ms": [25.5]}`:                    `"/hold_ms/0"`,
		`{"hold_ms": [30, 20]}`:                  "hold_ms: entry 1 is 20 with a jitter of 20",
		`{"sigma_ms": null}`:                     "sigma_ms",
		`{"hold_ms": [25], "hold_ms": [35]}`:     "hold_ms",
		`{"synchrony": {}}`:                      "synchrony.period_ms is [0 0]",
		`{"synchrony": {"trials": 2}}`:           "synchrony.trials is 2",
		`{"synchrony": {"period_ms": [30, 20]}}`: "synchrony.period_ms is [30 20]",
		`{"synchrony": {"period_ms": [30, 50], "width_ms":[0,1]}}`:                  "synchrony.width_ms is [0 1]",
		`{"synchrony": {"period_ms": [30, 50], "width_ms":[1,1], "share":[0,1.1]}}`: "synchrony.share is [0 1.1]",
		`{"clustering": {}}`:                                                           "clustering.clusters is [0 0]",
		`{"clustering": {"trials": -1}}`:                                               "clustering.trials is -1",
		`{"clustering": {"clusters": [1, 1], "length_um": [0, 1]}}`:                    "clustering.length_um is [0 1]",
		`{"clustering": {"clusters": [1, 1], "length_um": [9, 9], "share": [0.5, 2]}}`: "clustering.share is [0.5 2]",
		`{"clustering": {"size": 3}}`:                                                  `"size" within "/clustering"`,
	} {
		_, err := ParseInputs([]byte(text), true)
		if !errors.Is(err, population.ErrFormat) && !errors.Is(err, population.ErrInput) || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", text, err, says)
		}
	}
}

// The statistics are in every manifest, and a data set goes on only where they
// are the same: what the published ones look like may not change.
func TestPaperInAManifest(t *testing.T) {
	b, err := json.Marshal(Paper(true))
	if err != nil {
		t.Fatal(err)
	}
	const was = `{"hold_ms":[25,30,35,40,45,55,60,65,70,75,80,85,90,100,150,200,300,450],"hold_jitter_ms":20,` +
		`"sigma_ms":[25,30,35,40,50,60,80,100,150,200,300,400,500,600],"sigma_jitter_ms":20,` +
		`"basal":{"exc_per_100ms":[0,800],"inh_minus_exc_per_100ms":[-600,200]},` +
		`"apical":{"exc_per_100ms":[0,800],"inh_minus_exc_per_100ms":[-600,200]},"segment_jitter":[0.5,1.5],"min_length_um":10}`
	if string(b) != was {
		t.Errorf("%s\nwas\n%s", b, was)
	}
}

// Every variant gives the input that its summary promises.
func TestVariants(t *testing.T) {
	ch := testChannels(60)
	// counts of events [tree][kind] over some trials
	count := func(name string, nmda bool) (n [2][2]float64) {
		in, err := Variant(name, nmda)
		if err != nil {
			t.Fatal(err)
		}
		for k := range uint64(4) {
			e, err := in.Trial(ch, 600, 3, k)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range e.Channel {
				n[treeOf(ch[c])][kindOf(ch[c])]++
			}
		}
		return n
	}
	for _, nmda := range []bool{true, false} {
		paper := count("paper", nmda)
		for name, scale := range map[string][2][2]float64{ // [tree][exc, inh]
			"synchronous":   {{1, 1}, {1, 1}},
			"clustered":     {{1, 1}, {1, 1}},
			"low-rate":      {{0.5, 0.5}, {0.5, 0.5}},
			"high-rate":     {{2, 2}, {2, 2}},
			"basal-only":    {{1, 1}, {0, 0}},
			"apical-only":   {{0, 0}, {1, 1}},
			"no-inhibition": {{0.5, 0}, {0.5, 0}},
		} {
			got := count(name, nmda)
			for tree := range got {
				for kind := range got[tree] {
					// At most one spike a ms and channel: more of them are lost at high rates.
					want := scale[tree][kind] * paper[tree][kind]
					if g := got[tree][kind]; math.Abs(g-want) > 0.15*want {
						t.Errorf("%s, nmda %t: tree %d, kind %d has %.0f events, want %.0f", name, nmda, tree, kind, g, want)
					}
				}
			}
		}
	}
	if _, err := Variant("loud", true); !errors.Is(err, population.ErrInput) || !strings.Contains(err.Error(), "synchronous") {
		t.Errorf("%v", err)
	}
	if len(Variants()) != len(variants) || !strings.HasPrefix(Variants()[0], "paper: ") {
		t.Errorf("%v", Variants())
	}
}
