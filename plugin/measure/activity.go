package measure

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
)

// VoltageGroup is the error of the clipped soma voltage where the cell was in one state.
type VoltageGroup struct {
	Low, High float64 // Low <= state < High, in the unit of the state
	RMSE      Figure  // [mV]; N counts ms
	Bias      Figure  // surrogate minus cell [mV]
}

// MarshalJSON writes names in the style of the other figures; a bound that is infinite is null.
func (g VoltageGroup) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"low": number(g.Low), "high": number(g.High), "rmse_mv": g.RMSE, "bias_mv": g.Bias})
}

// VoltageByActivity is the voltage error by what the cell was doing.
type VoltageByActivity struct {
	// Level: by the cell's own clipped voltage [mV], averaged over LevelMS around the ms;
	// groups of equally many ms.
	Level []VoltageGroup `json:"by_level_mv"`
	// Distance: by the time to the nearest true spike of the trial, before or after [ms];
	// the group whose Low is infinite is the trials without one.
	Distance []VoltageGroup `json:"by_distance_to_spike_ms"`
}

const (
	// LevelMS is the width of the window in which the level is taken [ms].
	LevelMS     = 101
	levelGroups = 8
)

// distanceEdges are the lower bounds of the groups by distance [ms]; the last is that of
// the trials without any spike.
var distanceEdges = []float64{0, 2, 5, 10, 20, 50, 100, 500, math.Inf(1)}

// VoltageByActivity judges the voltages of the trials added so far; without voltages
// there are no groups.
func (f *Fidelity) VoltageByActivity() VoltageByActivity {
	type ms struct{ level, distance, e float64 }
	var all []ms
	for _, k := range f.trials {
		level, distance := localMean(k.truth), distances(k.spikes, len(k.v))
		for i := range k.v {
			all = append(all, ms{level[i], distance[i], clip(k.v[i]) - clip(k.truth[i])})
		}
	}
	group := func(part []ms, low, high float64) VoltageGroup {
		var e, ee float64
		for _, x := range part {
			e, ee = e+x.e, ee+x.e*x.e
		}
		n := float64(len(part))
		return VoltageGroup{low, high, Figure{math.Sqrt(ee / n), len(part)}, Figure{e / n, len(part)}}
	}
	var v VoltageByActivity
	by := func(state func(ms) float64) {
		slices.SortFunc(all, func(a, b ms) int { return cmp.Compare(state(a), state(b)) })
	}
	by(func(x ms) float64 { return x.level })
	for g := 0; g < levelGroups && len(all) >= levelGroups; g++ {
		from, to := g*len(all)/levelGroups, (g+1)*len(all)/levelGroups
		high := math.Inf(1)
		if to < len(all) {
			high = all[to].level
		}
		v.Level = append(v.Level, group(all[from:to], all[from].level, high))
	}
	if len(v.Level) > 0 {
		v.Level[0].Low = math.Inf(-1)
	}
	by(func(x ms) float64 { return x.distance })
	from := 0
	for i, low := range distanceEdges {
		high := math.Inf(1)
		if i+1 < len(distanceEdges) {
			high = distanceEdges[i+1]
		}
		to := from
		for to < len(all) && (all[to].distance < high || low == high) {
			to++
		}
		if to > from {
			v.Distance = append(v.Distance, group(all[from:to], low, high))
		}
		from = to
	}
	return v
}

// localMean averages the clipped voltage over LevelMS around each ms, less at the ends.
func localMean(v []float32) []float64 {
	sums := make([]float64, len(v)+1)
	for i, x := range v {
		sums[i+1] = sums[i] + clip(x)
	}
	m := make([]float64, len(v))
	for i := range m {
		from, to := max(0, i-LevelMS/2), min(len(v), i+LevelMS/2+1)
		m[i] = (sums[to] - sums[from]) / float64(to-from)
	}
	return m
}

// distances returns for each of n ms how far the nearest spike is; infinite without any.
func distances(spikes []float64, n int) []float64 {
	d := make([]float64, n)
	last := math.Inf(-1)
	j := 0
	for i := range d {
		for j < len(spikes) && spikes[j] <= float64(i) {
			last = spikes[j]
			j++
		}
		d[i] = float64(i) - last
		if j < len(spikes) {
			d[i] = min(d[i], spikes[j]-float64(i))
		}
	}
	return d
}

// Trace is one trial after the warm-up, to look at: [T] each, shared with the Fidelity.
type Trace struct {
	Trial    int // as added, from 0
	P        []float32
	V, TrueV []float32 // [mV]; nil where the model predicts no voltage
	Spikes   []float64 // steps of the true spikes
}

// Typical returns the trial whose voltage error is the median of those with spikes (of
// all where none has any): neither the best nor the worst example. False without trials.
func (f *Fidelity) Typical() (Trace, bool) {
	var order []int
	for i, k := range f.trials {
		if len(k.spikes) > 0 {
			order = append(order, i)
		}
	}
	if order == nil {
		for i := range f.trials {
			order = append(order, i)
		}
	}
	if order == nil {
		return Trace{}, false
	}
	all := f.tallies()
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(all[a].ee*all[b].v, all[b].ee*all[a].v)
	})
	i := order[len(order)/2]
	k := f.trials[i]
	return Trace{Trial: i, P: k.p, V: k.v, TrueV: k.truth, Spikes: k.spikes}, true
}
