package compare

import (
	"math"
	"sort"

	"understudy/plugin/measure"
	"understudy/plugin/network"
	"understudy/plugin/population"
)

// A run is cut into at most maxWindows windows, each ending at twice the time at which it
// begins: differences grow fast at first, and the last window, half of the run, has the
// most spikes. The first is minWindowMS long at least.
const (
	maxWindows  = 8
	minWindowMS = 10
)

// Window is how the two networks differ over steps FromMS to ToMS of their runs. Both
// start from rest, hear the same background and their own spikes; errors of the
// surrogates change spikes, these change other neurons' input, and so the networks drift apart.
type Window struct {
	FromMS int `json:"from_ms"`
	ToMS   int `json:"to_ms"`
	// Mean rates [Hz] of the networks, which rest on their spikes.
	DetailedRate  measure.Figure `json:"detailed_rate_hz"`
	SurrogateRate measure.Figure `json:"surrogate_rate_hz"`
	// RunningDifference is the surrogate network's mean rate from the start to ToMS minus the
	// detailed network's [Hz].
	RunningDifference float64 `json:"running_rate_difference_hz"`
	// LoopRMSE is the difference of the soma voltages of the same neurons, the watched ones, in
	// the two networks [mV], clipped as measure.ClipMV says.
	LoopRMSE measure.Figure `json:"loop_voltage_rmse_mv"`
	// LoopRecall is the part of the detailed network's spikes, all neurons, near which (2 ms) the same
	// neuron of the surrogate network spikes; ChanceRecall that near which the next neuron
	// does, which tells what part would be found by networks that agree in their rates and rhythm only.
	LoopRecall   measure.Figure `json:"loop_recall_2ms"`
	ChanceRecall measure.Figure `json:"chance_recall_2ms"`
	// ControlRMSE and ControlRecall are what LoopRMSE and LoopRecall are between the detailed network and
	// itself with one spike more, of neuron 0 in step 0; undefined without Config.Control.
	ControlRMSE   measure.Figure `json:"control_voltage_rmse_mv"`
	ControlRecall measure.Figure `json:"control_recall_2ms"`
	// Identical is the agreement of surrogates that receive exactly the events of
	// the watched neurons of the detailed network: what is left without the loop.
	Identical measure.Report `json:"identical_input"`
}

// pair is both networks of a row, after they have run.
type pair struct {
	detailed, surrogate *simulation
	control             *simulation    // nil: none
	identical           *network.Trace // surrogates on the detailed network's input
}

// windows judges the run of a row window by window.
func (p pair) windows(ms int) ([]Window, error) {
	n := 1
	for n < maxWindows && ms>>n >= minWindowMS {
		n++
	}
	var ws []Window
	for i, from := n-1, 0; i >= 0; i-- {
		w, err := p.window(from, ms>>i)
		if err != nil {
			return nil, err
		}
		ws = append(ws, w)
		from = w.ToMS
	}
	return ws, nil
}

func (p pair) window(from, to int) (Window, error) {
	w := Window{FromMS: from, ToMS: to}
	d, s := cut(p.detailed.trains, from, to), cut(p.surrogate.trains, from, to)
	w.DetailedRate, w.SurrogateRate = measure.Rate(d, float64(to-from)), measure.Rate(s, float64(to-from))
	w.RunningDifference = measure.Rate(cut(p.surrogate.trains, 0, to), float64(to)).Value - measure.Rate(cut(p.detailed.trains, 0, to), float64(to)).Value
	w.LoopRecall, w.ChanceRecall = recall(d, s, 0), recall(d, s, 1)
	if len(d) == 1 {
		w.ChanceRecall.Value = math.NaN()
	}

	w.LoopRMSE = apart(p.detailed, p.surrogate, from, to)
	w.ControlRMSE.Value, w.ControlRecall.Value = math.NaN(), math.NaN()
	if p.control != nil {
		w.ControlRMSE = apart(p.detailed, p.control, from, to)
		w.ControlRecall = recall(d, cut(p.control.trains, from, to), 0)
	}

	same := measure.NewRunning()
	for i := range p.detailed.rec.Watch {
		if err := same.Add(p.trial(i, from, to)); err != nil {
			return Window{}, err
		}
	}
	w.Identical = same.Report()
	return w, nil
}

// apart is the root mean square difference of the watched neurons' clipped voltages [mV] in two
// networks; NaN where one has none.
func apart(a, b *simulation, from, to int) measure.Figure {
	sum, n := 0.0, 0
	for i, v := range a.rec.VSoma {
		for k := from; k < to; k++ {
			e := min(float64(b.rec.VSoma[i][k]), measure.ClipMV) - min(float64(v[k]), measure.ClipMV)
			sum += e * e
			n++
		}
	}
	return measure.Figure{Value: math.Sqrt(sum / float64(n)), N: n}
}

// trial is watched neuron i under identical input, over a part of the run.
func (p pair) trial(i, from, to int) measure.Trial {
	t := measure.Trial{TrueVSoma: p.detailed.rec.VSoma[i][from:to],
		PSpike: p.identical.PSpike[i][from:to], VSoma: p.identical.VSoma[i][from:to], Spike: p.identical.Spike[i][from:to]}
	for _, peak := range p.detailed.peaks[i] {
		if peak >= float64(from)+0.5 { // earlier ones are labels of earlier steps
			t.TruePeakMS = append(t.TruePeakMS, peak-float64(from))
		}
	}
	if math.IsNaN(float64(t.VSoma[0])) { // the model predicts no voltage
		t.TrueVSoma, t.VSoma = nil, nil
	}
	return t
}

// cut returns the spikes of steps from to to, counted from from on.
func cut(trains [][]int64, from, to int) [][]float64 {
	out := make([][]float64, len(trains))
	for i, t := range trains {
		first := sort.Search(len(t), func(k int) bool { return t[k] >= int64(from) })
		for _, k := range t[first:] {
			if k >= int64(to) {
				break
			}
			out[i] = append(out[i], float64(k-int64(from)))
		}
	}
	return out
}

// oneSpikeMore makes populations whose neuron 0 spikes in step 0, whatever it does.
func oneSpikeMore(build Builder) Builder {
	return func(n int) (population.Population, error) {
		p, err := build(n)
		return kicked{p}, err
	}
}

type kicked struct{ population.Population }

func (k kicked) Step(steps int, events []population.Event, out population.Output) error {
	first := k.Now() == 0
	err := k.Population.Step(steps, events, out)
	if err == nil && first && out.Spike != nil {
		out.Spike[0] = true
	}
	return err
}

// recall is the part of the spikes of truth near which the neuron shift places on spikes.
func recall(truth, other [][]float64, shift int) measure.Figure {
	hits, n := 0, 0
	for i, t := range truth {
		n += len(t)
		hits += measure.Match(t, other[(i+shift)%len(other)], measure.WithinMS)
	}
	return measure.Figure{Value: float64(hits) / float64(n), N: n}
}
