package dataset

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"

	"understudy/plugin/population"
)

// variants are the named input statistics. All but the first and wide lie outside the range
// of the training data: they tell how far a surrogate can be trusted there.
var variants = []struct {
	name, summary string
	change        func(in *Inputs)
}{
	{"paper", "the published statistics, which surrogates are trained on", func(*Inputs) {}},
	{"synchronous", "the same rates, but 30 to 100 % of the spikes come in volleys of 3 to 10 ms every 30 to 200 ms", func(in *Inputs) {
		in.Synchrony = &Synchrony{Trials: 1, PeriodMS: [2]int{30, 200}, WidthMS: [2]float64{3, 10}, Share: [2]float64{0.3, 1}}
	}},
	{"clustered", "the same rates, but 30 to 100 % of the excitatory spikes come on 2 to 8 clusters of 50 to 150 um in each tree", func(in *Inputs) {
		in.Clustering = &Clustering{Trials: 1, Clusters: [2]int{2, 8}, LengthUM: [2]float64{50, 150}, Share: [2]float64{0.3, 1}}
	}},
	{"weighted", "the same events, each of a weight of 0.25 to 4, and 0 to 20 % of them twice in the same ms", func(in *Inputs) {
		in.Weights = &Weights{Trials: 1, Range: [2]float64{0.25, 4}, Repeats: [2]float64{0, 0.2}}
	}},
	{"wide", "up to twice the published rates, a part of the trials with volleys, with clusters, or with weights: to train surrogates for networks", func(in *Inputs) {
		in.scale(2)
		in.Synchrony = &Synchrony{Trials: 0.4, PeriodMS: [2]int{20, 200}, WidthMS: [2]float64{2, 10}, Share: [2]float64{0.1, 0.8}}
		in.Clustering = &Clustering{Trials: 0.3, Clusters: [2]int{2, 12}, LengthUM: [2]float64{30, 200}, Share: [2]float64{0.1, 0.9}}
		in.Weights = &Weights{Trials: 0.4, Range: [2]float64{0.25, 4}, Repeats: [2]float64{0, 0.2}}
	}},
	{"low-rate", "half of the published rates", func(in *Inputs) { in.scale(0.5) }},
	{"high-rate", "twice the published rates", func(in *Inputs) { in.scale(2) }},
	{"basal-only", "no input to the apical tree", func(in *Inputs) { in.Apical = TreeRates{} }},
	{"apical-only", "no input to the basal tree", func(in *Inputs) { in.Basal = TreeRates{} }},
	{"no-inhibition", "excitation alone, at half of the published rates", func(in *Inputs) {
		in.scale(0.5)
		in.Basal.InhMinusExc = [2]float64{-1e9, -1e9}
		in.Apical.InhMinusExc = [2]float64{-1e9, -1e9}
	}},
}

// Variants lists the named input statistics: "name: what it is" each.
func Variants() []string {
	var list []string
	for _, v := range variants {
		list = append(list, v.name+": "+v.summary)
	}
	return list
}

// Variant returns named input statistics (see Variants) for cells with NMDA
// synapses or, where nmda is false, AMPA alone.
func Variant(name string, nmda bool) (Inputs, error) {
	var names []string
	for _, v := range variants {
		if v.name == name {
			in := Paper(nmda)
			v.change(&in)
			return in, nil
		}
		names = append(names, v.name)
	}
	return Inputs{}, fmt.Errorf("%w: no input statistics %q; there are %s", population.ErrInput, name, strings.Join(names, ", "))
}

// scale multiplies all rates.
func (in *Inputs) scale(by float64) {
	for _, r := range []*[2]float64{&in.Basal.Exc, &in.Basal.InhMinusExc, &in.Apical.Exc, &in.Apical.InhMinusExc} {
		r[0] *= by
		r[1] *= by
	}
}

// ParseInputs reads input statistics from JSON, the fields of Inputs. A field that
// is left out keeps the published value (see Paper); an unknown one is an error, which
// says where it is.
func ParseInputs(b []byte, nmda bool) (Inputs, error) {
	in := Paper(nmda)
	if err := json.Unmarshal(b, &in, json.RejectUnknownMembers(true)); err != nil {
		return Inputs{}, fmt.Errorf("%w: input statistics: %w", population.ErrFormat, err)
	}
	return in, in.check()
}

// NameOf returns "name: what it is" of the named statistics that these are, "" where they
// are none.
func NameOf(in Inputs, nmda bool) string {
	for _, v := range variants {
		named := Paper(nmda)
		v.change(&named)
		if reflect.DeepEqual(in, named) {
			return v.name + ": " + v.summary
		}
	}
	return ""
}
