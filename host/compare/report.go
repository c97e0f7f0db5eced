package compare

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"
)

//go:embed report.html.tmpl
var reportText string

// section is a headed part of the report.
type section struct {
	Title   string
	Text    []string
	Figures []figureHTML
	Tables  []table
}

// card is a figure to see first.
type card struct{ Value, Text string }

// WriteReport writes the result as one HTML file that needs nothing else: no
// script, no font, no picture from elsewhere.
func (r *Result) WriteReport(w io.Writer) error {
	if len(r.Rows) == 0 {
		return fmt.Errorf("report of no rows")
	}
	sections, err := r.sections()
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	large := r.largest()
	smallest := large.Neurons
	for i := range r.Rows {
		smallest = min(smallest, r.Rows[i].Neurons)
	}
	lead := fmt.Sprintf("A recurrent network of %s cells, driven by background spikes, run once with detailed cells and once with surrogates, as it grows from %d to %s.",
		r.Setup.Cell, smallest, neurons(large.Neurons))
	return page{Title: "Detailed cells and their surrogates, in the same network", Lead: lead, Setup: r.Setup,
		Cards: r.cards(), Sections: sections, Notes: append(r.notes(), readingNotes...)}.write(w)
}

// page is what the report's template shows.
type page struct {
	Title, Lead string
	Setup       Setup
	Cards       []card
	Sections    []section
	Notes       []string
}

// Date is the date for a reader.
func (p page) Date() string { return p.Setup.Date.Format(time.RFC1123) }

func (p page) write(w io.Writer) error {
	t, err := template.New("report").Parse(reportText)
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

func neurons(n int) string {
	if n == 1 {
		return "1 neuron"
	}
	return fmt.Sprintf("%d neurons", n)
}

// largest is the row of the largest network.
func (r *Result) largest() *Row {
	best := &r.Rows[0]
	for i := range r.Rows {
		if r.Rows[i].Neurons > best.Neurons {
			best = &r.Rows[i]
		}
	}
	return best
}

// liveliest is the row whose example neuron spiked most.
func (r *Result) liveliest() *Row {
	best := &r.Rows[0]
	for i := range r.Rows {
		if len(r.Rows[i].Pictures.PeaksMS) > len(best.Pictures.PeaksMS) {
			best = &r.Rows[i]
		}
	}
	return best
}

// surest is the row whose fidelity rests on most spikes.
func (r *Result) surest() *Row {
	best := &r.Rows[0]
	for i := range r.Rows {
		if r.Rows[i].Fidelity.TrueSpikes > best.Fidelity.TrueSpikes {
			best = &r.Rows[i]
		}
	}
	return best
}

func (r *Result) cards() []card {
	large, f := r.largest(), r.surest()
	cards := []card{
		{figure(large.SpeedUp) + "x", fmt.Sprintf("speed-up by surrogates, network of %d", large.Neurons)},
		{mark(f.Fidelity.AUC, 4), fmt.Sprintf("AUC of spikes under identical input, on %d spikes of %d neurons", f.Fidelity.TrueSpikes, f.Fidelity.Trials)},
		{f.Fidelity.VoltageRMSE.Format(2) + " mV", "soma voltage error (root mean square), clipped at -55 mV"},
	}
	if a, b := large.Detailed.Rate, large.Surrogate.Rate; !math.IsNaN(a.Value) {
		cards = append(cards, card{a.Format(1) + " / " + b.Format(1) + " Hz", fmt.Sprintf("mean rate, detailed / surrogate network, on %d / %d spikes", a.N, b.N)})
	}
	return cards
}

func (r *Result) sections() ([]section, error) {
	if r.byRegime() {
		return r.regimeSections()
	}
	large := r.largest()
	a, b, err := large.rasterPlots()
	if err != nil {
		return nil, err
	}
	lively := r.liveliest()
	voltage, err := lively.Pictures.voltagePlots(0, lively.WarmUpMS, lively.SimulatedMS, lively.Neurons, "the surrogate receives exactly the events that the detailed cell received")
	if err != nil {
		return nil, err
	}
	roc, err := r.rocPlot()
	if err != nil {
		return nil, err
	}
	cost, err := r.costPlots()
	if err != nil {
		return nil, err
	}
	tables, sandbox := spaced(r.tables()), spaced(r.sandboxTables())
	return []section{
		{Title: "What it costs", Text: []string{"The detailed network solves every cell's membrane equations; the surrogate network evaluates one trained model per cell and ms. Both use the same router, background and number of threads."},
			Figures: cost, Tables: append(tables[:1:1], sandbox...)},
		{Title: "Each neuron under identical input", Text: []string{"The hardest and fairest question: a surrogate receives, event for event, what a detailed cell in the network received. Does it spike when the cell does, and follow its voltage?"},
			Figures: append(voltage, roc), Tables: tables[1:2]},
		{Title: "The network as a whole", Text: []string{"Here each network runs freely: background input and connections are the same, the recurrent spikes are the network's own. Single spikes soon differ; the statistics should not."},
			Figures: []figureHTML{a, b}, Tables: tables[2:]},
	}, nil
}

// spaced puts a space where a header may break.
func spaced(tables []table) []table {
	for i := range tables {
		for j, h := range tables[i].Header {
			tables[i].Header[j] = strings.ReplaceAll(h, "|", " ")
		}
	}
	return tables
}

var readingNotes = []string{
	"AUC: the probability that a ms with a spike gets a higher score than one without. Cells are silent most of the time, which flatters it: 0.96 is reached by a simple linear model. Read it together with the true positives at 1 % false positives.",
	"Voltage explained: the part of the variance of the detailed cell's soma voltage that the surrogate predicts, spikes clipped at -55 mV.",
	"Recall and precision: detailed spikes with an emitted surrogate spike within 2 ms, and the reverse.",
	"The start of each run is left out of all statistics, because both kinds of cell start from rest.",
}
