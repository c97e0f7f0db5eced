package card

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"understudy/host/plotstyle"
	"understudy/plugin/measure"
)

// picture is a plot of the card.
type picture struct {
	Name    string // of the file: CARD-Name.svg
	Alt     string
	Caption string
	plot    *plot.Plot
}

// white is the ground of the card's plots; pale is the surrogate's colour for a band
// behind a line.
var (
	white = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}
	pale  = color.RGBA{0xF7, 0xD9, 0xC4, 0xFF}
)

// rocLowest is the smallest false-positive rate that is drawn [decades].
const rocLowest = -4

// rocPicture draws the ROC curve with its band on a logarithmic axis: a cell that fires
// once a second has 999 ms in which the surrogate must not.
func (e *Evaluation) rocPicture() (picture, error) {
	p := plotstyle.New("false positives (fraction of ms, log scale)", "true positives")
	p.X.Tick.Marker = plotstyle.DecadeTicks{}
	var band, lower plotter.XYs
	for i, fp := range measure.FalsePositiveGrid() {
		if b := e.Confidence.Band[i]; !math.IsNaN(b.Low) {
			band = append(band, plotter.XY{X: math.Log10(fp), Y: b.High})
			lower = append(lower, plotter.XY{X: math.Log10(fp), Y: b.Low})
		}
	}
	if len(band) > 1 {
		for i := len(lower) - 1; i >= 0; i-- {
			band = append(band, lower[i])
		}
		area, err := plotter.NewPolygon(band)
		if err != nil {
			return picture{}, err
		}
		area.Color, area.LineStyle.Width = pale, 0
		p.Add(area)
		p.Legend.Add("95 %, by trial", area)
	}
	var chance, curve plotter.XYs
	for x := float64(rocLowest); x <= 0.001; x += 0.05 {
		chance = append(chance, plotter.XY{X: x, Y: math.Pow(10, x)})
	}
	for i, fp := range e.FalsePositive {
		curve = append(curve, plotter.XY{X: max(math.Log10(fp), rocLowest), Y: e.TruePositive[i]})
	}
	l, err := plotstyle.Line(chance, plotstyle.GreyColor, 1)
	if err != nil {
		return picture{}, err
	}
	l.Dashes = []vg.Length{4, 3}
	p.Add(l)
	p.Legend.Add("chance", l)
	if len(curve) > 1 {
		if l, err = plotstyle.Line(curve, plotstyle.SurrogateColor, 1.6); err != nil {
			return picture{}, err
		}
		p.Add(l)
		p.Legend.Add("AUC "+e.AUC.Format(4), l)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = rocLowest, 0, 0, 1
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, 6
	return picture{"roc", fmt.Sprintf("ROC curve of the spike probability with its confidence band, AUC %s", e.AUC.Format(4)),
		fmt.Sprintf("How many of the cell's %d spikes the probability finds, against how many silent ms it calls a spike, as the threshold falls.", e.TrueSpikes), p}, nil
}

// correlogramPicture draws emitted spikes around the true ones.
func (e *Evaluation) correlogramPicture() (picture, error) {
	c := &e.Correlogram
	p := plotstyle.New("emitted minus true spike (ms)", "spikes per true spike and ms")
	n := max(1, float64(c.TrueSpikes))
	bars := &plotter.Histogram{Width: 1, FillColor: plotstyle.SurrogateColor, LineStyle: draw.LineStyle{Color: color.White, Width: 0.5}}
	top := 0.0
	for i, k := range c.Count {
		x := float64(i - measure.MaxLagMS)
		bars.Bins = append(bars.Bins, plotter.HistogramBin{Min: x - 0.5, Max: x + 0.5, Weight: float64(k) / n})
		top = max(top, float64(k)/n)
	}
	p.Add(bars)
	edge := measure.MaxLagMS + 0.5
	l, err := plotstyle.Line(plotter.XYs{{X: -edge, Y: c.Chance / n}, {X: edge, Y: c.Chance / n}}, plotstyle.InkColor, 1)
	if err != nil {
		return picture{}, err
	}
	l.Dashes = []vg.Length{4, 3}
	p.Add(l)
	p.Legend.Add("by chance", l)
	p.Legend.Top, p.Legend.XOffs = true, -6
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -edge, edge, 0, 1.15*max(top, 0.01)
	return picture{"correlogram", "Cross-correlogram of emitted and true spikes",
		fmt.Sprintf("%d emitted spikes around %d true ones, in bins of 1 ms.", c.EmittedSpikes, c.TrueSpikes), p}, nil
}

// reliabilityPicture draws how often a spike came against how often it was predicted.
func (e *Evaluation) reliabilityPicture() (picture, error) {
	const lowest = -6.0
	p := plotstyle.New("predicted probability of a spike (log scale)", "observed frequency (log scale)")
	p.X.Tick.Marker, p.Y.Tick.Marker = plotstyle.DecadeTicks{}, plotstyle.DecadeTicks{}
	low := -2.0
	for _, b := range e.Calibration.Bins {
		for _, x := range []float64{b.Predicted, b.Observed.Value} {
			if x > 0 {
				low = min(low, math.Floor(math.Log10(x)))
			}
		}
	}
	low = max(low, lowest)
	log := func(x float64) float64 { return max(math.Log10(x), low) } // of 0 too
	var at plotter.XYs
	var bars plotter.YErrors
	for _, b := range e.Calibration.Bins {
		xy := plotter.XY{X: log(b.Predicted), Y: log(b.Observed.Value)}
		at = append(at, xy)
		bar := struct{ Low, High float64 }{0, 0}
		if !math.IsNaN(b.Interval.Low) {
			bar.Low, bar.High = xy.Y-log(b.Interval.Low), log(b.Interval.High)-xy.Y
		}
		bars = append(bars, bar)
	}
	l, err := plotstyle.Line(plotter.XYs{{X: low, Y: low}, {}}, plotstyle.GreyColor, 1)
	if err != nil {
		return picture{}, err
	}
	l.Dashes = []vg.Length{4, 3}
	p.Add(l)
	p.Legend.Add("as predicted", l)
	if len(at) > 0 {
		ranges, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{at, bars})
		if err != nil {
			return picture{}, err
		}
		ranges.Color = plotstyle.SurrogateColor
		line, points, err := plotter.NewLinePoints(at)
		if err != nil {
			return picture{}, err
		}
		line.Color, line.Width = plotstyle.SurrogateColor, 1.4
		points.Color, points.Shape, points.Radius = plotstyle.SurrogateColor, draw.CircleGlyph{}, 3
		p.Add(ranges, line, points)
		p.Legend.Add("observed, 95 % by trial", line, points)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, 0, low, 0
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, 6
	return picture{"reliability", "Reliability diagram of the spike probability",
		"Each point holds the ms of similar probability and a tenth of the predicted spikes; on the lower edge: no spike came.", p}, nil
}

// voltageErrorPicture draws the voltage error by the distance to a true spike.
func (e *Evaluation) voltageErrorPicture() (picture, error) {
	p := plotstyle.New("ms to the nearest spike of the cell", "voltage RMSE (mV)")
	var labels []string
	var values plotter.Values
	for _, g := range e.Voltage.Distance {
		switch {
		case math.IsInf(g.Low, 1):
			labels = append(labels, "none")
		case math.IsInf(g.High, 1):
			labels = append(labels, fmt.Sprintf("%g-", g.Low))
		default:
			labels = append(labels, fmt.Sprintf("%g-%g", g.Low, g.High))
		}
		values = append(values, g.RMSE.Value)
	}
	if len(values) > 0 {
		bars, err := plotter.NewBarChart(values, 22)
		if err != nil {
			return picture{}, err
		}
		bars.Color, bars.LineStyle.Width = plotstyle.SurrogateColor, 0
		p.Add(bars)
		p.NominalX(labels...)
		l, err := plotstyle.Line(plotter.XYs{{X: -0.5, Y: e.VoltageRMSE.Value}, {X: float64(len(values)) - 0.5, Y: e.VoltageRMSE.Value}}, plotstyle.InkColor, 1)
		if err != nil {
			return picture{}, err
		}
		l.Dashes = []vg.Length{4, 3}
		p.Add(l)
		p.Legend.Add("all ms", l)
		p.Legend.Top, p.Legend.XOffs = true, -6
		p.Y.Max = 1.1 * max(slices.Max(values), 0.01)
		p.X.Tick.Label.Font.Size = 8.5
	}
	p.Y.Min = 0
	return picture{"voltage-error", "Voltage error by the distance to a spike",
		fmt.Sprintf("Error of the soma voltage, clipped at %g mV; none: trials without a spike.", measure.ClipMV), p}, nil
}
