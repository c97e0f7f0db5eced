package compare

import (
	"fmt"
	"html/template"
	"image/color"
	"math"
	"sort"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"understudy/host/plotstyle"
)

// raster draws spikes as short bars.
type raster struct {
	steps [][]int64
	color color.Color
}

func (r raster) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	half := (ty(1) - ty(0)) * 0.42
	// A bar is at least 2 pt high, so that it shows in large networks.
	half = max(half, 1)
	style := draw.LineStyle{Color: r.color, Width: 1.1}
	for i, train := range r.steps {
		y := ty(float64(i))
		for _, k := range train {
			if x := tx(float64(k) + 0.5); c.ContainsX(x) {
				c.StrokeLine2(style, x, max(y-half, c.Min.Y), x, min(y+half, c.Max.Y))
			}
		}
	}
}

// rasterPlots draws the spikes of both networks.
func (w *Row) rasterPlots() (detailed, surrogate figureHTML, err error) {
	detailed, err = w.rasterPlot("detailed", w.Pictures.DetailedSpikes, plotstyle.DetailedColor)
	if err != nil {
		return
	}
	surrogate, err = w.rasterPlot("surrogate", w.Pictures.SurrogateSpikes, plotstyle.SurrogateColor)
	return
}

func (w *Row) rasterPlot(name string, steps [][]int64, c color.Color) (figureHTML, error) {
	p := plotstyle.New("time (ms)", "neuron")
	p.X.Min, p.X.Max = 0, float64(w.SimulatedMS)
	p.Y.Min, p.Y.Max = -0.5, float64(w.Neurons)-0.5
	p.Y.Tick.Marker = plotstyle.IntegerTicks{}
	p.Add(raster{steps, c})
	n := 0
	for _, t := range steps {
		n += len(t)
	}
	alt := fmt.Sprintf("Spike raster of %d %s neurons over %d ms: %d spikes.", w.Neurons, name, w.SimulatedMS, n)
	s, err := svg(p, plotstyle.Width, plotstyle.Height, alt)
	return figureHTML{Title: fmt.Sprintf("Spikes, %s", name), SVG: s,
		Caption: fmt.Sprintf("%d %s cells, %d spikes in %d ms, in closed loop: each network hears its own spikes.", w.Neurons, name, n, w.SimulatedMS)}, err
}

// voltagePlots draws one neuron of n under identical input, somewhere in steps from to to:
// voltages, and below them the probability of a spike. The series start at step first; how
// says how the input is identical.
func (pic *Pictures) voltagePlots(first, from, to, n int, how string) ([]figureHTML, error) {
	const topMV = -35
	from, to = plotstyle.Busiest(pic.PeaksMS, from, to)
	v := plotstyle.New("time (ms)", "soma voltage (mV)")
	v.Y.Max = topMV
	v.Y.Min = math.Inf(1)
	for _, s := range []struct {
		name   string
		trace  []float32
		color  color.Color
		dashes []vg.Length
		width  float64
	}{{"detailed", pic.DetailedV, plotstyle.DetailedColor, nil, 1.5}, {"surrogate", pic.SurrogateV, plotstyle.SurrogateColor, nil, 1.2}} {
		xys := make(plotter.XYs, 0, to-from)
		for k := from; k < to; k++ {
			y := float64(s.trace[k-first])
			if math.IsNaN(y) {
				continue
			}
			xys = append(xys, plotter.XY{X: float64(k), Y: min(y, topMV)})
			v.Y.Min = min(v.Y.Min, y)
		}
		if len(xys) == 0 {
			continue
		}
		l, err := plotstyle.Line(xys, s.color, s.width)
		if err != nil {
			return nil, err
		}
		v.Add(l)
		v.Legend.Add(s.name, l)
	}
	if math.IsInf(v.Y.Min, 0) {
		v.Y.Min = -90
	}
	v.Y.Min = math.Floor(v.Y.Min/5)*5 - 1
	v.X.Min, v.X.Max = float64(from), float64(to)
	v.Y.Max = topMV + 7 // room for the legend
	v.Legend.Top = true

	p := plotstyle.New("time (ms)", "spike probability")
	xys := make(plotter.XYs, 0, to-from)
	for k := from; k < to; k++ {
		xys = append(xys, plotter.XY{X: float64(k), Y: float64(pic.SurrogateP[k-first])})
	}
	l, err := plotstyle.Line(xys, plotstyle.SurrogateColor, 1.2)
	if err != nil {
		return nil, err
	}
	spikes := 0
	var marks plotter.XYs
	for _, t := range pic.PeaksMS {
		if t >= float64(from) && t < float64(to) {
			marks = append(marks, plotter.XY{X: t, Y: 1.08})
			spikes++
		}
	}
	p.Add(l)
	p.Legend.Add("surrogate: probability", l)
	if spikes > 0 {
		s, err := plotter.NewScatter(marks)
		if err != nil {
			return nil, err
		}
		s.Shape, s.Color, s.Radius = plotstyle.Triangle{}, plotstyle.DetailedColor, 3.5
		p.Add(s)
		p.Legend.Add("detailed: spike", s)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = float64(from), float64(to), 0, 1.45
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 0.5, Label: "0.5"}, {Value: 1, Label: "1"}}
	p.Legend.Top = true

	about := fmt.Sprintf("Neuron %d of the network of %d", pic.Neuron, n)
	vs, err := svg(v, plotstyle.Width, plotstyle.Height, fmt.Sprintf("Soma voltage of neuron %d from %d to %d ms, detailed and surrogate overlaid; %d spikes.", pic.Neuron, from, to, spikes))
	if err != nil {
		return nil, err
	}
	ps, err := svg(p, plotstyle.Width, plotstyle.Height, fmt.Sprintf("The surrogate's spike probability over the same time, with marks at the detailed neuron's %d spikes.", spikes))
	return []figureHTML{
		{Title: "Soma voltage, identical input", SVG: vs, Caption: about + ": " + how + ". " +
			fmt.Sprintf("Of the cells that spiked this one has the median error. Spikes are cut at %d mV.", topMV)},
		{Title: "When does it spike?", SVG: ps, Caption: about + ", the same time: the surrogate's probability of a spike in each ms, and the detailed cell's spikes (triangles)."},
	}, err
}

// rocPlot draws one curve per row on a logarithmic axis of false positives: a
// neuron that spikes twice a second has 998 ms in which it must not.
func (r *Result) rocPlot() (figureHTML, error) {
	const lowest = -4 // decades
	p := plotstyle.New("false positives (fraction of ms, log scale)", "true positives")
	p.X.Tick.Marker = plotstyle.DecadeTicks{}
	var chance plotter.XYs
	for e := float64(lowest); e <= 0.001; e += 0.05 {
		chance = append(chance, plotter.XY{X: e, Y: math.Pow(10, e)})
	}
	l, err := plotstyle.Line(chance, plotstyle.GreyColor, 1)
	if err != nil {
		return figureHTML{}, err
	}
	l.Dashes = []vg.Length{4, 3}
	p.Add(l)
	p.Legend.Add("chance", l)
	var alts []string
	for i := range r.Rows {
		w := &r.Rows[i]
		var xys plotter.XYs
		for k, fp := range w.Pictures.FalsePositive {
			xys = append(xys, plotter.XY{X: max(math.Log10(fp), lowest), Y: w.Pictures.TruePositive[k]})
		}
		if len(xys) < 2 {
			continue
		}
		l, err := plotstyle.Line(xys, plotstyle.RowColors[i%len(plotstyle.RowColors)], 1.6)
		if err != nil {
			return figureHTML{}, err
		}
		p.Add(l)
		p.Legend.Add(fmt.Sprintf("N = %d: AUC %s (%d spikes)", w.Neurons, w.Fidelity.AUC.Format(3), w.Fidelity.TrueSpikes), l)
		alts = append(alts, fmt.Sprintf("N %d, AUC %s", w.Neurons, w.Fidelity.AUC.Format(3)))
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = lowest, 0, 0, 1
	// The upper left is empty: few spikes are found at so few false positives.
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, 6
	s, err := svg(p, plotstyle.Width, plotstyle.Height, "ROC curves of the surrogate's spike probability. "+strings.Join(alts, "; "))
	return figureHTML{Title: "ROC curve", SVG: s, Caption: "How many of the detailed cells' spikes the surrogate's probability finds, against how many silent ms it calls a spike, as its threshold falls. Identical input, all compared neurons of a network together."}, err
}

// costPlots draws wall time against the number of neurons, and its ratio.
func (r *Result) costPlots() ([]figureHTML, error) {
	rows := append([]Row(nil), r.Rows...)
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].Neurons < rows[j].Neurons })
	var d, s, ratio plotter.XYs
	var sizes plot.ConstantTicks
	for i := range rows {
		n := math.Log10(float64(rows[i].Neurons))
		d = append(d, plotter.XY{X: n, Y: math.Log10(rows[i].Detailed.WallMSPerMS)})
		s = append(s, plotter.XY{X: n, Y: math.Log10(rows[i].Surrogate.WallMSPerMS)})
		ratio = append(ratio, plotter.XY{X: n, Y: math.Log10(rows[i].SpeedUp)})
		sizes = append(sizes, plot.Tick{Value: n, Label: fmt.Sprint(rows[i].Neurons)})
	}
	left, right := d[0].X-0.15, d[len(d)-1].X+0.15
	var figures []figureHTML
	for _, f := range []struct {
		figureHTML
		y      string
		series []series
		alt    string
	}{
		{figureHTML{Title: "Cost", Caption: fmt.Sprintf("Wall-clock time for one simulated ms of the whole network, %s. Below the dashed line a network runs faster than real time.", threads(r.Setup.Threads))},
			"wall ms per simulated ms", []series{{name: "detailed", points: d, color: plotstyle.DetailedColor, shape: draw.CircleGlyph{}}, {name: "surrogate", points: s, color: plotstyle.SurrogateColor, shape: draw.SquareGlyph{}}},
			"Wall time per simulated ms against the number of neurons, detailed and surrogate, both axes logarithmic."},
		{figureHTML{Title: "Speed-up", Caption: "How many times faster the surrogate network runs: the ratio of the two curves."},
			"detailed / surrogate wall time", []series{{name: "speed-up", points: ratio, color: plotstyle.RowColors[0], shape: draw.CircleGlyph{}}},
			"Ratio of detailed to surrogate wall time against the number of neurons."},
	} {
		p := plotstyle.New("neurons in the network", f.y)
		p.X.Tick.Marker, p.Y.Tick.Marker = sizes, plotstyle.DecadeTicks{}
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, c := range f.series {
			l, pts, err := plotter.NewLinePoints(c.points)
			if err != nil {
				return nil, err
			}
			l.Color, l.Width = c.color, 1.6
			pts.Color, pts.Shape, pts.Radius = c.color, c.shape, 3.5
			p.Add(l, pts)
			if len(f.series) > 1 {
				p.Legend.Add(c.name, l, pts)
			}
			for _, pt := range c.points {
				lo, hi = min(lo, pt.Y), max(hi, pt.Y)
			}
		}
		if len(f.series) > 1 {
			real, err := plotstyle.Line(plotter.XYs{{X: left}, {X: right}}, plotstyle.GreyColor, 1)
			if err != nil {
				return nil, err
			}
			real.Dashes = []vg.Length{4, 3}
			p.Add(real)
			p.Legend.Add("real time", real)
			lo, hi = min(lo, 0), max(hi, 0)
			p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, 6
			hi += 0.6 // room for the legend
		} else {
			labels, err := plotter.NewLabels(plotter.XYLabels{XYs: f.series[0].points, Labels: ratios(f.series[0].points)})
			if err != nil {
				return nil, err
			}
			for i := range labels.TextStyle {
				labels.TextStyle[i].Font = p.Legend.TextStyle.Font
				labels.TextStyle[i].Color = plotstyle.InkColor
				labels.TextStyle[i].XAlign = draw.XCenter
			}
			labels.Offset = vg.Point{Y: 8}
			p.Add(labels)
		}
		p.X.Min, p.X.Max = left, right
		p.Y.Min, p.Y.Max = math.Floor(lo-0.05), math.Ceil(hi+0.05)
		var err error
		f.SVG, err = svg(p, plotstyle.Width, plotstyle.Height, f.alt)
		if err != nil {
			return nil, err
		}
		figures = append(figures, f.figureHTML)
	}
	return figures, nil
}

type series struct {
	name   string
	points plotter.XYs
	color  color.Color
	shape  draw.GlyphDrawer
	dashed bool
}

func ratios(xys plotter.XYs) []string {
	var s []string
	for _, p := range xys {
		s = append(s, figure(math.Pow(10, p.Y))+"x")
	}
	return s
}

func threads(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}

// figureHTML is a plot in the report.
type figureHTML struct {
	Title   string
	Caption string
	SVG     template.HTML
}

// svg renders a plot for the report.
func svg(p *plot.Plot, width, height vg.Length, alt string) (template.HTML, error) {
	s, err := plotstyle.SVG(p, width, height, alt)
	return template.HTML(s), err
}
