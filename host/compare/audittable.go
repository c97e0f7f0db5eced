package compare

import (
	"fmt"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot/vg/draw"

	"understudy/host/plotstyle"
	"understudy/plugin/audit"
	"understudy/plugin/measure"
)

// maxAuditRows bounds the windows that are printed; JSON has all.
const maxAuditRows = 20

// agreementHeader heads the columns that agreement fills.
var agreementHeader = []string{"spikes", "AUC", "true pos. %|at 1 % false", "voltage|RMSE mV", "voltage|explained %", "recall|2 ms", "precision|2 ms",
	"rate Hz|twins", "rate Hz|audited", "rate Hz|network", "outside|training %"}

func agreement(w *audit.Window) []string {
	f := &w.Agreement
	return []string{fmt.Sprint(f.TrueSpikes), mark(f.AUC, 4), mark(percent(f.TruePositivesAt1), 1), f.VoltageRMSE.Format(2), percent(f.ExplainedVariance).Format(1),
		mark(f.Recall, 2), mark(f.Precision, 2), mark(f.TrueRate, 2), mark(f.PredictedRate, 2), mark(w.NetworkRate, 2), percent(w.StepsOutside).Format(2)}
}

func percent(f measure.Figure) measure.Figure { return measure.Figure{Value: 100 * f.Value, N: f.N} }

// total shows every network as a whole.
func (r *AuditResult) total() table {
	t := table{Title: "Surrogates in the network and their detailed twins, under identical input", Header: append([]string{"regime", "neurons", "audited", "simulated|ms", "wall|ms/ms"}, agreementHeader...)}
	for i := range r.Rows {
		w := &r.Rows[i]
		t.Rows = append(t.Rows, append([]string{w.Regime, fmt.Sprint(w.Neurons), fmt.Sprint(len(w.Audited)), fmt.Sprint(w.SimulatedMS), figure(w.WallMSPerMS)}, agreement(&w.Total)...))
	}
	return t
}

// windows shows one network with time; of many windows only some.
func (w *AuditRow) windows() table {
	t := table{Title: fmt.Sprintf("With time, %s, %s", w.Regime, neurons(w.Neurons)), Header: append([]string{"from ms", "to ms"}, agreementHeader...)}
	every := (len(w.Windows) + maxAuditRows - 1) / maxAuditRows
	if every > 1 {
		t.Title += fmt.Sprintf(", one window of %d", every)
	}
	for i := 0; i < len(w.Windows); i += every {
		v := &w.Windows[i]
		t.Rows = append(t.Rows, append([]string{fmt.Sprint(v.FromMS), fmt.Sprint(v.ToMS)}, agreement(v)...))
	}
	return t
}

// verdict says on how much the figures about spikes rest.
func (w *AuditRow) verdict() string {
	f := &w.Total.Agreement
	where := fmt.Sprintf("%s, %s:", w.Regime, neurons(w.Neurons))
	switch {
	case f.TrueSpikes == 0:
		return fmt.Sprintf("%s the twins did not spike: nothing is known about spikes. Run longer or audit more neurons.", where)
	case f.TrueSpikes < fewSpikes:
		return fmt.Sprintf("%s the figures about spikes rest on %d spikes of the twins, too few (under %d) to judge by. Run longer or audit more neurons.", where, f.TrueSpikes, fewSpikes)
	}
	p := f.TruePositivesAt1.Value
	return fmt.Sprintf("%s the figures about spikes rest on %d spikes of the twins: enough to tell the true positives to about +- %.1f points (one standard error, spikes taken as independent).",
		where, f.TrueSpikes, 100*math.Sqrt(max(p*(1-p), 0.01)/float64(f.TrueSpikes)))
}

func (r *AuditResult) tables() []table {
	tables := []table{r.total()}
	for i := range r.Rows {
		tables = append(tables, r.Rows[i].windows())
	}
	return tables
}

// verdicts says for each network what its figures rest on, and whether its input was like the training's.
func (r *AuditResult) verdicts() []string {
	var out []string
	for i := range r.Rows {
		w := &r.Rows[i]
		out = append(out, w.verdict())
		switch steps, weights := w.Total.StepsOutside.Value, w.Total.WeightsOutside.Value; {
		case math.IsNaN(steps):
			out = append(out, "The model does not say what input it was trained on.")
		case steps > 0 || weights > 0:
			out = append(out, fmt.Sprintf("%.2g %% of all surrogates' steps had more or fewer events than in training, %.2g %% of the events another weight: what they answer there is extrapolated.", 100*steps, 100*weights))
		}
	}
	return out
}

func (r *AuditResult) notes() []string {
	var notes []string
	if marked(r.tables()) {
		notes = append(notes, fewNote)
	}
	return append(notes,
		"Every event that reaches an audited surrogate also reaches its detailed twin, in the same step; nobody hears the twins. Spikes are those of the twins.",
		"Audited neurons are spread over the network; rates are of the twins, of the audited surrogates and of all surrogates.")
}

// WriteText writes the tables as aligned text.
func (r *AuditResult) WriteText(w io.Writer) error {
	var b strings.Builder
	writeTables(&b, r.tables())
	for _, n := range append(r.verdicts(), r.notes()...) {
		fmt.Fprintf(&b, "%s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteReport writes the result as one HTML file that needs nothing else.
func (r *AuditResult) WriteReport(w io.Writer) error {
	if len(r.Rows) == 0 {
		return fmt.Errorf("report of no rows")
	}
	large := &r.Rows[0]
	for i := range r.Rows {
		if r.Rows[i].Neurons > large.Neurons {
			large = &r.Rows[i]
		}
	}
	f := &large.Total.Agreement
	p := page{Title: "Surrogates in a network, audited by detailed twins", Setup: r.Setup, Notes: append(append(r.verdicts(), r.notes()...), readingNotes...),
		Lead: fmt.Sprintf("A recurrent network of surrogates of %s cells, driven by background spikes. Some of them, spread over the network, have a detailed twin that receives exactly the same events.", r.Setup.Cell),
		Cards: []card{
			{mark(f.AUC, 4), fmt.Sprintf("AUC of spikes, on %d spikes of %d twins in a network of %d", f.TrueSpikes, len(large.Audited), large.Neurons)},
			{f.VoltageRMSE.Format(2) + " mV", "soma voltage error (root mean square), clipped at -55 mV"},
			{f.TrueRate.Format(1) + " / " + f.PredictedRate.Format(1) + " Hz", fmt.Sprintf("mean rate of the twins / of their surrogates, on %d / %d spikes", f.TrueSpikes, f.EmittedSpikes)},
		},
		Sections: []section{{Title: "How well surrogates agree with their twins", Text: r.verdicts(), Tables: spaced([]table{r.total()})}},
	}
	for i := range r.Rows {
		s, err := r.Rows[i].section()
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		p.Sections = append(p.Sections, s)
	}
	return p.write(w)
}

// section is one network's part of the report.
func (w *AuditRow) section() (section, error) {
	rmse := series{name: "voltage error", color: plotstyle.SurrogateColor, shape: draw.CircleGlyph{}}
	twins := series{name: "twins", color: plotstyle.DetailedColor, shape: draw.CircleGlyph{}}
	audited := series{name: "audited surrogates", color: plotstyle.SurrogateColor, shape: draw.SquareGlyph{}}
	all := series{name: "all surrogates", color: plotstyle.InkColor, shape: draw.SquareGlyph{}, dashed: true}
	for i := range w.Windows {
		v := &w.Windows[i]
		at := float64(v.FromMS+v.ToMS) / 2
		rmse.add(at, v.Agreement.VoltageRMSE.Value)
		twins.add(at, v.Agreement.TrueRate.Value)
		audited.add(at, v.Agreement.PredictedRate.Value)
		all.add(at, v.NetworkRate.Value)
	}
	a, err := linePlot(figureHTML{Title: "Voltage, with time", Caption: "Root mean square error of the audited surrogates' soma voltage in each window, clipped at -55 mV."},
		"time (ms)", "voltage error (mV)", []series{rmse}, nil, "Voltage error of the audited surrogates against time.")
	if err != nil {
		return section{}, err
	}
	b, err := linePlot(figureHTML{Title: "Rates, with time", Caption: "Mean rates in each window. Twins and audited surrogates receive the same events."},
		"time (ms)", "rate (Hz)", []series{twins, audited, all}, nil, "Mean rates of twins, audited surrogates and all surrogates against time.")
	if err != nil {
		return section{}, err
	}
	voltage, err := w.Pictures.voltagePlots(w.PicturesMS, w.PicturesMS, w.PicturesMS+len(w.Pictures.DetailedV), w.Neurons, "the twin receives exactly the events that the surrogate received")
	if err != nil {
		return section{}, err
	}
	roc, err := (&Result{Rows: []Row{{Neurons: w.Neurons, Fidelity: w.Total.Agreement, Pictures: w.Pictures}}}).rocPlot()
	if err != nil {
		return section{}, err
	}
	return section{Title: fmt.Sprintf("Network of %s, %s", neurons(w.Neurons), w.Regime), Figures: append(append([]figureHTML{a, b}, voltage...), roc), Tables: spaced([]table{w.windows()})}, nil
}
