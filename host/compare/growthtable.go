package compare

import "fmt"

// byRegime says whether to report regime by regime, with what tells regimes apart and with how
// differences grow: not for the default workload alone, without a control.
func (r *Result) byRegime() bool {
	return r.controlled() || len(r.Regimes) > 1 || len(r.Regimes) == 1 && r.Regimes[0].Name != DefaultRegime
}

// of is the part of the result that is about one regime.
func (r *Result) of(regime Regime) *Result {
	part := &Result{Setup: r.Setup, Regimes: []Regime{regime}}
	for _, w := range r.Rows {
		if w.Regime == regime.Name {
			part.Rows = append(part.Rows, w)
		}
	}
	return part
}

// sides are both kinds of network of a row, with their names.
func (w *Row) sides() []struct {
	name string
	side *Side
} {
	return []struct {
		name string
		side *Side
	}{{"detailed", &w.Detailed}, {"surrogate", &w.Surrogate}}
}

// summary shows all regimes at their largest size.
func (r *Result) summary() table {
	t := table{Title: "The regimes", Header: []string{"regime", "cells", "neurons", "rate Hz", "spikes", "CV of|intervals", "synchrony", "rhythm", "rhythm|Hz"}}
	for _, regime := range r.Regimes {
		w := r.of(regime).largest()
		for _, s := range w.sides() {
			t.Rows = append(t.Rows, []string{regime.Name, s.name, fmt.Sprint(w.Neurons), mark(s.side.Rate, 2), fmt.Sprint(s.side.Rate.N),
				mark(s.side.IntervalCV, 2), mark(s.side.Synchrony, 3), mark(s.side.Rhythm, 2), mark(s.side.RhythmHz, 0)})
		}
	}
	return t
}

// rhythms shows the population rhythm of each network of one regime.
func (r *Result) rhythms() table {
	t := table{Title: "Rhythm of the network", Header: []string{"neurons", "cells", "rhythm", "rhythm|Hz", "spikes"}}
	for i := range r.Rows {
		for _, s := range r.Rows[i].sides() {
			t.Rows = append(t.Rows, []string{fmt.Sprint(r.Rows[i].Neurons), s.name, mark(s.side.Rhythm, 2), mark(s.side.RhythmHz, 0), fmt.Sprint(s.side.Rhythm.N)})
		}
	}
	return t
}

// growthColumns are figures about how far the networks are from each other: headers, and
// a row for a window. Those of the control come where there was one.
func growthColumns(control bool) (header []string, row func(w *Window) []string) {
	header = []string{"rate Hz|detailed", "rate Hz|surrogate", "spikes", "voltage mV|in the loop", "voltage mV|identical", "recall 2 ms|in the loop", "recall 2 ms|by chance", "recall 2 ms|identical"}
	if control {
		header = append(header, "voltage mV|control", "recall 2 ms|control")
	}
	return header, func(w *Window) []string {
		row := []string{mark(w.DetailedRate, 2), mark(w.SurrogateRate, 2), fmt.Sprint(w.DetailedRate.N), w.LoopRMSE.Format(2), w.Identical.VoltageRMSE.Format(2),
			mark(w.LoopRecall, 2), mark(w.ChanceRecall, 2), mark(w.Identical.Recall, 2)}
		if control {
			row = append(row, w.ControlRMSE.Format(2), mark(w.ControlRecall, 2))
		}
		return row
	}
}

// controlled says whether there was a control.
func (r *Result) controlled() bool { return len(r.Rows) > 0 && r.Rows[0].Difference.ControlRMSE.N > 0 }

// growthTables show, for one regime, how the difference grows with the network, and with time in the largest.
func (r *Result) growthTables() []table {
	header, row := growthColumns(r.controlled())
	size := table{Title: "How the difference grows with the network", Header: append([]string{"neurons"}, header...)}
	for i := range r.Rows {
		size.Rows = append(size.Rows, append([]string{fmt.Sprint(r.Rows[i].Neurons)}, row(&r.Rows[i].Difference)...))
	}
	large := r.largest()
	time := table{Title: fmt.Sprintf("How the difference grows with time, %s", neurons(large.Neurons)),
		Header: append(append([]string{"from ms", "to ms"}, header...), "rate so far|difference Hz")}
	for i := range large.Windows {
		w := &large.Windows[i]
		time.Rows = append(time.Rows, append(append([]string{fmt.Sprint(w.FromMS), fmt.Sprint(w.ToMS)}, row(w)...), fmt.Sprintf("%+.2f", w.RunningDifference)))
	}
	return []table{size, time}
}

// growthNotes explain the tables of regimes.
var growthNotes = []string{
	"Rhythm: the correlation of the population's spike count in bins of 5 ms with the count one period later; up to 0.25 or so comes by chance, and runs of less than a second have none.",
	"In the loop: the same neurons of the two networks, which start alike and drift apart, because a changed spike changes other neurons' input. Identical: surrogates that receive what the detailed neurons received.",
	"Recall by chance: the detailed spikes near which another neuron of the surrogate network spikes. Where recall in the loop is no higher, the networks agree in nothing but rates and rhythm.",
	"Control, where there is one: the detailed network beside itself with one spike more, of one neuron in the first ms. What surrogates are farther apart than that is their error; the rest is how such a network answers to any change.",
	"With fewer than 21 neurons each hears all the others, so that small networks are coupled more weakly.",
}
