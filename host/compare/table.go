package compare

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"understudy/plugin/measure"
)

// table is one block of the result, as text and as HTML. In a header "|" is a
// place to break the line.
type table struct {
	Title  string
	Header []string
	Rows   [][]string
}

// tables lays the result out in blocks: cost, fidelity of neurons under
// identical input, fidelity of the network.
func (r *Result) tables() []table {
	cost := table{Title: "Cost", Header: []string{"neurons", "simulated|ms", "wall ms/ms|detailed", "wall ms/ms|surrogate",
		"per neuron|detailed", "per neuron|surrogate", "speed-up", "MACs/ms|per neuron"}}
	single := table{Title: "Each neuron under identical input", Header: []string{"neurons", "compared", "spikes", "AUC", "true pos. %|at 1 % false",
		"voltage|RMSE mV", "voltage|explained %", "recall|2 ms", "precision|2 ms"}}
	net := table{Title: "The network as a whole", Header: []string{"neurons", "cells", "rate Hz", "spikes", "CV of|intervals", "spikes", "synchrony", "spikes"}}
	for i := range r.Rows {
		w := &r.Rows[i]
		cost.Rows = append(cost.Rows, []string{fmt.Sprint(w.Neurons), fmt.Sprint(w.SimulatedMS), figure(w.Detailed.WallMSPerMS), figure(w.Surrogate.WallMSPerMS),
			figure(w.Detailed.WallMSPerMSPerNeuron), figure(w.Surrogate.WallMSPerMSPerNeuron), figure(w.SpeedUp) + "x", count(w.MACsPerMS)})
		f := &w.Fidelity
		tp, ev := f.TruePositivesAt1, f.ExplainedVariance
		tp.Value, ev.Value = 100*tp.Value, 100*ev.Value
		single.Rows = append(single.Rows, []string{fmt.Sprint(w.Neurons), fmt.Sprint(f.Trials), fmt.Sprint(f.TrueSpikes),
			mark(f.AUC, 4), mark(tp, 1), f.VoltageRMSE.Format(2), ev.Format(1), mark(f.Recall, 2), mark(f.Precision, 2)})
		for _, s := range w.sides() {
			net.Rows = append(net.Rows, []string{fmt.Sprint(w.Neurons), s.name, mark(s.side.Rate, 2), fmt.Sprint(s.side.Rate.N),
				mark(s.side.IntervalCV, 2), fmt.Sprint(s.side.IntervalCV.N), mark(s.side.Synchrony, 3), fmt.Sprint(s.side.Synchrony.N)})
		}
	}
	return []table{cost, single, net}
}

// notes explains the tables; the first about the mark only where one is set.
func (r *Result) notes() []string {
	var notes []string
	all := r.tables()
	if r.byRegime() {
		for _, regime := range r.Regimes {
			all = append(all, r.of(regime).growthTables()...)
		}
	}
	if marked(all) {
		notes = append(notes, fewNote)
	}
	for _, row := range r.Rows {
		if row.OutsideTraining > 0 {
			where := ""
			if r.byRegime() {
				where = ", " + row.Regime
			}
			notes = append(notes, fmt.Sprintf("With %d neurons%s, %.2g %% of the surrogates' steps had more or fewer events than in training: what they answer there is extrapolated.",
				row.Neurons, where, 100*row.OutsideTraining))
		}
	}
	if r.byRegime() {
		notes = append(notes, growthNotes...)
	}
	if len(r.sandboxTables()) > 0 {
		notes = append(notes, sandboxNote)
	}
	return append(notes,
		"Wall ms/ms: wall-clock ms for one simulated ms of the whole network, measured once, making the network not included. A dash: not defined for this run.",
		"AUC to precision: the surrogates receive exactly the events that the detailed neurons received; spikes are those of the detailed neurons.",
		"CV: mean over neurons with at least three spikes. Synchrony: mean correlation of spike counts in bins of 10 ms over pairs of neurons that both spiked.")
}

// marked says whether a figure of the tables carries fewMark.
func marked(tables []table) bool {
	for _, t := range tables {
		for _, row := range t.Rows {
			if strings.Contains(strings.Join(row, ""), fewMark) {
				return true
			}
		}
	}
	return false
}

// WriteText writes the tables as aligned text.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	if r.byRegime() {
		for _, regime := range r.Regimes {
			part := r.of(regime)
			fmt.Fprintf(&b, "Regime %s\n%s\n\n", regime.Name, regime.About)
			writeTables(&b, append(part.tables(), part.sandboxTables()...))
			writeTables(&b, append([]table{part.rhythms()}, part.growthTables()...))
		}
		writeTables(&b, []table{r.summary()})
	} else {
		writeTables(&b, append(r.tables(), r.sandboxTables()...))
	}
	for _, n := range r.notes() {
		fmt.Fprintf(&b, "%s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeTables writes each table with its title and an empty line after it.
func writeTables(b *strings.Builder, tables []table) {
	for _, t := range tables {
		fmt.Fprintf(b, "%s\n", t.Title)
		tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, row := range append(headerLines(t.Header), t.Rows...) {
			fmt.Fprintf(tw, "%s\t\n", strings.Join(row, "\t"))
		}
		tw.Flush()
		b.WriteString("\n")
	}
}

// headerLines splits the header's texts at "|" into lines, filled from below.
func headerLines(header []string) [][]string {
	depth := 1
	for _, h := range header {
		depth = max(depth, 1+strings.Count(h, "|"))
	}
	lines := make([][]string, depth)
	for i := range lines {
		lines[i] = make([]string, len(header))
	}
	for i, h := range header {
		parts := strings.Split(h, "|")
		for k, p := range parts {
			lines[depth-len(parts)+k][i] = p
		}
	}
	return lines
}

// A statistic on fewer than fewSpikes spikes carries fewMark.
const (
	fewMark   = "*"
	fewSpikes = 50
)

var fewNote = fmt.Sprintf("%s rests on fewer than %d spikes: read it as a hint, not as a measurement.", fewMark, fewSpikes)

// mark formats a figure that rests on spikes.
func mark(f measure.Figure, decimals int) string {
	text := f.Format(decimals)
	if f.N < fewSpikes && text != missing {
		text += fewMark
	}
	return text
}

// missing is how a figure that is not defined is printed.
const missing = "-"

func isMissing(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// figure prints about three significant digits without an exponent.
func figure(x float64) string {
	a := math.Abs(x)
	switch {
	case isMissing(x):
		return missing
	case a == 0:
		return "0"
	case a >= 100:
		return fmt.Sprintf("%.0f", x)
	case a >= 0.0001:
		return fmt.Sprintf("%.*f", 2-int(math.Floor(math.Log10(a))), x)
	}
	return fmt.Sprintf("%.2g", x)
}

// count prints a large number with a unit.
func count(x float64) string {
	switch a := x; {
	case isMissing(x):
		return missing
	case a >= 1e9:
		return fmt.Sprintf("%.2f G", a/1e9)
	case a >= 1e6:
		return fmt.Sprintf("%.2f M", a/1e6)
	case a >= 1e3:
		return fmt.Sprintf("%.0f k", a/1e3)
	default:
		return fmt.Sprintf("%.0f", a)
	}
}
