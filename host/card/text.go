package card

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"understudy/plugin/measure"
)

var nan = math.NaN()

// table is one block of a result, as text and as Markdown.
type table struct {
	Header []string
	Rows   [][]string
}

// row is one figure of an evaluation.
type row struct {
	name     string
	figure   measure.Figure
	interval measure.Interval
	scale    float64
	decimals int
	unit, on string
}

// rows lists the figures.
func (e *Evaluation) rows() []row {
	c := &e.Confidence
	return []row{
		{"AUC", e.AUC, c.AUC, 1, 4, "", "spikes"},
		{"AUC, trials with spikes", e.AUCSpiking, c.AUCSpiking, 1, 4, "", "spikes"},
		{"true positives at 1 % false", e.TruePositivesAt1, c.TruePositivesAt1, 100, 1, "%", "spikes"},
		{"voltage RMSE", e.VoltageRMSE, c.VoltageRMSE, 1, 3, "mV", "ms"},
		{"explained variance", e.ExplainedVariance, c.ExplainedVariance, 100, 1, "%", "ms"},
		{"information", e.Calibration.BitsPerSpike, c.BitsPerSpike, 1, 2, "bit/spike", "spikes"},
		{"rate of the cell", e.TrueRate, c.TrueRate, 1, 2, "Hz", "spikes"},
		{"rate of the surrogate", e.PredictedRate, c.PredictedRate, 1, 2, "Hz", "spikes"},
		{"precision within 2 ms", e.Judgement.Precision, c.Precision, 100, 1, "%", "emitted spikes"},
		{"recall within 2 ms", e.Recall, c.Recall, 100, 1, "%", "spikes"},
	}
}

// value is the figure with its unit.
func (r row) value() string {
	f := r.figure
	f.Value *= r.scale
	text := f.Format(r.decimals)
	if text != "-" && r.unit != "" {
		text += " " + r.unit
	}
	return text
}

// span is the interval, "-" where there is none.
func (r row) span() string { return r.interval.Scale(r.scale).Format(r.decimals) }

// percent formats a share of 1.
func percent(f measure.Figure, decimals int) string {
	f.Value *= 100
	return f.Format(decimals)
}

// also is the table of the other data sets.
func (r *Result) also() table {
	t := table{Header: []string{"data", "spikes", "AUC", "drop in AUC", "95 %", "true pos. %", "variance %", "rate of cell, surrogate Hz"}}
	line := func(name string, e *Evaluation, drop, interval string) {
		t.Rows = append(t.Rows, []string{name, fmt.Sprint(e.TrueSpikes), e.AUC.Format(4), drop, interval, percent(e.TruePositivesAt1, 1), percent(e.ExplainedVariance, 1),
			e.TrueRate.Format(2) + ", " + e.PredictedRate.Format(2)})
	}
	line("(main)", &r.Evaluation, "", "")
	for i := range r.Also {
		a := &r.Also[i]
		line(a.Name, &a.Evaluation, a.Drop.Format(4), a.DropInterval.Format(4))
	}
	return t
}

// otherMark follows the name of a baseline whose figures rest on other data.
const otherMark = "*"

// baselines is the table of the baselines, under the model itself.
func (r *Result) baselines() table {
	t := table{Header: []string{"model", "parameters", "MACs/ms", "AUC", "below the model", "95 %", "true pos. %", "RMSE mV", "variance %", "precision %", "recall %"}}
	line := func(b Baseline, below, interval string) {
		macs := "-"
		if b.MACsPerMS > 0 {
			macs = fmt.Sprintf("%.0f", b.MACsPerMS)
		}
		if b.OtherData {
			b.Name += otherMark
		}
		t.Rows = append(t.Rows, []string{b.Name, fmt.Sprint(b.Parameters), macs, b.AUC.Format(4), below, interval, percent(b.TruePositivesAt1, 1), b.VoltageRMSE.Format(3),
			percent(b.ExplainedVariance, 1), percent(b.Precision, 1), percent(b.Recall, 1)})
	}
	line(r.JudgedBaseline("this model", "", r.Info, "", r.Evaluation), "", "")
	for _, b := range r.Compare {
		line(b, b.Below.Format(4), b.BelowInterval.Format(4))
	}
	return t
}

// hasOtherData is true if a baseline rests on other data.
func (r *Result) hasOtherData() bool {
	for _, b := range r.Compare {
		if b.OtherData {
			return true
		}
	}
	return false
}

const otherDataNote = "its figures were taken on other trials than these."

// WriteText writes the result as aligned tables.
func (r *Result) WriteText(out io.Writer) error {
	var b strings.Builder
	write := func(t table) {
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{t.Header}, t.Rows...) {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
		w.Flush()
	}
	fmt.Fprintf(&b, "%s (%s) on %d trials of %s, %g s after the warm-up; 95 %% intervals by resampling trials\n", r.Model, r.Precision, r.Trials, r.Data, float64(r.DurationMS)/1000)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range r.rows() {
		fmt.Fprintf(w, "%s\t%s\t%s\ton %d %s\n", f.name, f.value(), f.span(), f.figure.N, f.on)
	}
	fmt.Fprintf(w, "spike threshold\t%g\n", r.Threshold)
	w.Flush()
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "Note: %s\n", n)
	}
	if len(r.Also) > 0 {
		fmt.Fprintln(&b, "\nOther data")
		write(r.also())
		for _, a := range r.Also {
			for _, n := range a.Notes {
				fmt.Fprintf(&b, "%s: %s\n", a.Name, n)
			}
		}
	}
	if len(r.Compare) > 0 {
		fmt.Fprintln(&b, "\nBaselines")
		write(r.baselines())
		if r.hasOtherData() {
			fmt.Fprintf(&b, "%s %s\n", otherMark, otherDataNote)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
