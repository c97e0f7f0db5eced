package card

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"

	"understudy/host/plotstyle"
	"understudy/plugin/measure"
	"understudy/plugin/spikeio"
)

// WriteCard writes the model card file and its plots, FILE-roc.svg and others, beside it.
// Each file appears whole or not at all, the card last. It returns the files written.
func (r *Result) WriteCard(file string) ([]string, error) {
	base := strings.TrimSuffix(file, filepath.Ext(file))
	pictures, err := r.pictures()
	if err != nil {
		return nil, fmt.Errorf("model card: %w", err)
	}
	var files []string
	write := func(name, text string) error {
		files = append(files, name)
		return spikeio.WriteFile(name, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
	}
	for _, p := range pictures {
		svg, err := plotstyle.SVG(p.plot, plotstyle.Width, plotstyle.Height, p.Alt)
		if err != nil {
			return nil, err
		}
		if err := write(base+"-"+p.Name+".svg", svg); err != nil {
			return nil, err
		}
	}
	return files, write(file, r.markdown(filepath.Base(base), pictures))
}

// pictures draws all plots.
func (r *Result) pictures() ([]picture, error) {
	pictures, err := r.tracePictures()
	if err != nil {
		return nil, err
	}
	for _, draw := range []func() (picture, error){r.rocPicture, r.correlogramPicture, r.reliabilityPicture, r.voltageErrorPicture} {
		p, err := draw()
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, p)
	}
	for _, p := range pictures {
		p.plot.BackgroundColor = white // pages may be dark
		p.plot.X.Padding, p.plot.Y.Padding = vg.Points(2), vg.Points(2)
	}
	return pictures, nil
}

// page is a Markdown page in the making.
type page struct{ strings.Builder }

func (p *page) line(format string, a ...any) { fmt.Fprintf(p, format+"\n", a...) }

// plain keeps a text from outside from being read as Markdown or HTML.
func plain(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "|", `\|`, "<", "&lt;", "`", "'", "[", `\[`, "*", `\*`, "_", `\_`).Replace(s)
}

// code is a text from outside in type of constant width.
func code(s string) string {
	return "`" + strings.NewReplacer("\n", " ", "\r", " ", "`", "'", "|", `\|`).Replace(s) + "`"
}

func (p *page) table(t table) {
	p.line("| %s |", strings.Join(t.Header, " | "))
	p.line("|%s", strings.Repeat("---|", len(t.Header)))
	for _, row := range t.Rows {
		p.line("| %s |", strings.Join(row, " | "))
	}
	p.line("")
}

// markdown is the card; base is the name that the files of the plots begin with.
func (r *Result) markdown(base string, pictures []picture) string {
	p := &page{}
	show := func(names ...string) {
		var titles, images []string
		for _, x := range pictures {
			if slices.Contains(names, x.Name) {
				titles = append(titles, plain(x.Caption))
				images = append(images, fmt.Sprintf("![%s](%s-%s.svg)", plain(x.Alt), url.PathEscape(base), x.Name))
			}
		}
		if len(images) > 0 {
			p.table(table{images, [][]string{titles}})
		}
	}
	p.line("# Model card: %s\n", plain(r.Model))
	p.line("%s\n", r.summary())
	show("voltage", "probability")
	r.architecture(p)
	r.training(p)

	p.line("## How good it is\n")
	p.line("On %d trials of %s (%s), the first %d ms of each left out: %g s with %d spikes; %d of the trials have spikes. Voltages are clipped at %g mV; "+
		"an emitted spike is right within %g ms of a true one. Intervals are 95 %%, from %d sets of trials drawn with replacement.\n",
		r.Trials, code(r.Data), plain(r.Inputs), r.WarmupMS, float64(r.DurationMS)/1000, r.TrueSpikes, r.SpikingTrials, measure.ClipMV, measure.WithinMS, r.Confidence.Resamples)
	for _, n := range r.Notes {
		p.line("- %s", plain(n))
	}
	if len(r.Notes) > 0 {
		p.line("")
	}
	p.table(r.figures())
	p.line("Silent trials are easy and raise the AUC; the row below it leaves them out. Information is the log likelihood above that of the mean rate.\n")
	show("roc", "correlogram")
	show("reliability", "voltage-error")
	r.calibration(p)
	r.thresholds(p)
	r.levels(p)
	r.others(p)

	p.line("## How this card was made\n")
	p.line("```sh\n%s\n```\n", strings.ReplaceAll(r.Command, "```", "'''"))
	p.line("understudy %s, kernel %s. The plots are beside this file. EVALUATE.md beside the command's source says how each figure is defined.", plain(r.Version), r.Kernel)
	return p.String()
}

// summary says in a sentence what the model is and how good.
func (r *Result) summary() string {
	cell := "a detailed neuron"
	if c, ok := r.provenance()["cell"].(string); ok && c != "" {
		cell = "the detailed cell " + code(c)
	}
	return fmt.Sprintf("A surrogate of %s: it takes synaptic events on %d channels and answers, each ms, with the probability of a spike%s. AUC %s (%s) on %d spikes.",
		cell, r.Info.Channels, map[bool]string{true: " and the soma voltage"}[slices.ContainsFunc(r.headNames(), func(n string) bool { return n == "v_soma" })],
		r.AUC.Format(4), r.Confidence.AUC.Format(4), r.TrueSpikes)
}

func (r *Result) headNames() []string {
	var names []string
	for _, h := range r.Info.Heads {
		names = append(names, h.Name)
	}
	return names
}

// provenance is the model's provenance where it is an object.
func (r *Result) provenance() map[string]any {
	var m map[string]any
	if json.Unmarshal(r.Info.Provenance, &m) != nil {
		return nil
	}
	return m
}

func (r *Result) architecture(p *page) {
	i := &r.Info
	field := fmt.Sprintf("%d ms", i.ReceptiveField)
	if i.ReceptiveField == 0 {
		field = "without end (recurrent)"
	}
	kind := map[string]string{"tcn": "causal temporal convolutional network", "elm": "ELM neuron (Spieler et al. 2023)"}[i.Kind]
	ops := map[string]int{}
	for _, l := range i.Layers {
		ops[l.Op]++
	}
	var parts []string
	for _, op := range slices.Sorted(maps.Keys(ops)) {
		parts = append(parts, fmt.Sprintf("%d %s", ops[op], op))
	}
	integers := "none"
	if i.Int8 {
		integers = "yes, `--precision int8`"
	}
	threshold := fmt.Sprintf("%.4g", i.SpikeThreshold)
	if r.Int8 != nil {
		threshold += fmt.Sprintf(" (int8: %.4g)", r.Int8.Threshold)
	}
	if i.RefractoryMS > 0 {
		threshold += fmt.Sprintf("; after a spike none for %d ms", i.RefractoryMS)
	}
	p.line("## What it is\n")
	p.table(table{[]string{"", ""}, [][]string{
		{"architecture", cmp.Or(kind, i.Kind) + "; layers: " + strings.Join(parts, ", ")},
		{"parameters", fmt.Sprint(i.Parameters)},
		{"multiply-accumulates", fmt.Sprintf("%.0f a ms and %.0f an event", i.MACsPerMS, i.MACsPerEvent)},
		{"receptive field", field},
		{"state of a neuron", fmt.Sprintf("%d bytes", i.StateBytes)},
		{"outputs", strings.Join(r.headNames(), ", ")},
		{"spike threshold", threshold},
		{"integer form", integers},
		{"SHA-256", code(r.SHA256)},
	}})
}

func (r *Result) training(p *page) {
	p.line("## What it was trained on\n")
	t := table{Header: []string{"", ""}}
	if g := r.Info.TrainingRange; g != nil {
		for _, a := range []struct {
			name string
			r    *[2]float64
		}{{"events a ms", g.EventsPerMS}, {"events of a channel in 1 s", g.EventsPerChannelPer}, {"weight of an event", g.Weight}} {
			if a.r != nil {
				t.Rows = append(t.Rows, []string{"range: " + a.name, fmt.Sprintf("%g to %g", a.r[0], a.r[1])})
			}
		}
	}
	m := r.provenance()
	for _, k := range slices.Sorted(maps.Keys(m)) {
		text, ok := m[k].(string)
		if !ok {
			b, err := json.Marshal(m[k])
			if err != nil {
				continue
			}
			text = string(b)
		}
		if text != "" {
			t.Rows = append(t.Rows, []string{plain(k), code(text)})
		}
	}
	if len(t.Rows) == 0 {
		p.line("Not recorded in the model file.\n")
		return
	}
	p.table(t)
}

// figures is the table of figures, in float32 and, where there are any, integers.
func (r *Result) figures() table {
	t := table{Header: []string{"", r.Precision, "95 %"}}
	var other []row
	if r.Int8 != nil {
		t.Header = append(t.Header, r.Int8.Precision, "95 %")
		other = r.Int8.rows()
	}
	t.Header = append(t.Header, "on")
	for i, f := range r.rows() {
		line := []string{f.name, f.value(), f.span()}
		if other != nil {
			line = append(line, other[i].value(), other[i].span())
		}
		t.Rows = append(t.Rows, append(line, fmt.Sprintf("%d %s", f.figure.N, f.on)))
	}
	return t
}

func (r *Result) calibration(p *page) {
	c := &r.Calibration
	p.line("### Calibration\n")
	p.line("The probabilities add up to %s Hz, where the cell fires at %s Hz. Log loss %s nat a ms; Brier score %s, its skill beside the mean rate alone %s %%.\n",
		c.PredictedRate.Format(2), r.TrueRate.Format(2), c.LogLoss.Format(5), c.Brier.Format(6), percent(c.BrierSkill, 1))
}

func (r *Result) thresholds(p *page) {
	p.line("### Threshold and rate\n")
	t := table{Header: []string{"threshold", "rate Hz", "precision %", "recall %"}}
	for _, row := range r.Sweep {
		name := fmt.Sprintf("%.4g", row.Threshold)
		if row.Threshold == r.Threshold {
			name = "**" + name + "** (the model's)"
		}
		t.Rows = append(t.Rows, []string{name, row.Rate.Format(2), percent(row.Precision, 1), percent(row.Recall, 1)})
	}
	p.line("The cell fires at %s Hz.\n", r.TrueRate.Format(2))
	p.table(t)
}

func (r *Result) levels(p *page) {
	if len(r.Voltage.Level) == 0 {
		return
	}
	p.line("### Voltage error by activity\n")
	p.line("By the cell's own voltage, averaged over %d ms; each row holds as many ms.\n", measure.LevelMS)
	t := table{Header: []string{"mean voltage mV", "RMSE mV", "bias mV"}}
	for _, g := range r.Voltage.Level {
		span := fmt.Sprintf("%.1f to %.1f", g.Low, g.High)
		if math.IsInf(g.Low, -1) {
			span = fmt.Sprintf("below %.1f", g.High)
		} else if math.IsInf(g.High, 1) {
			span = fmt.Sprintf("from %.1f", g.Low)
		}
		t.Rows = append(t.Rows, []string{span, g.RMSE.Format(3), g.Bias.Format(3)})
	}
	p.table(t)
}

// others writes the baselines and the other data sets.
func (r *Result) others(p *page) {
	p.line("## Beside simpler models\n")
	if len(r.Compare) == 0 {
		p.line("None were given (`--baseline`).\n")
	} else {
		p.line("On the same trials; intervals are paired by trial.\n")
		t := r.baselines()
		for i := range t.Rows {
			t.Rows[i][0] = strings.ReplaceAll(plain(t.Rows[i][0]), " ", "\u00a0")
		}
		p.table(t)
		for _, b := range r.Compare {
			if b.Description != "" {
				p.line("- **%s**: %s", plain(b.Name), plain(b.Description))
			}
		}
		if r.hasOtherData() {
			p.line("\n\\%s %s", otherMark, otherDataNote)
		}
		p.line("")
	}
	p.line("## Outside the data above\n")
	if len(r.Also) == 0 {
		p.line("Not tested (`--also`).\n")
		return
	}
	t := r.also()
	for i := range t.Rows {
		t.Rows[i][0] = plain(t.Rows[i][0])
	}
	p.table(t)
	for _, a := range r.Also {
		p.line("- **%s**: %d trials of %s, %s. %s", plain(a.Name), a.Trials, code(a.Data), plain(a.Inputs), plain(strings.Join(a.Notes, " ")))
	}
	p.line("")
}
