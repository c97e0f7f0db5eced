package compare

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"understudy/host/plotstyle"
)

// add appends a point unless it is undefined.
func (s *series) add(x, y float64) {
	if !isMissing(x) && !isMissing(y) {
		s.points = append(s.points, plotter.XY{X: x, Y: y})
	}
}

// linePlot draws series of points joined by lines, with the legend above them and 0 in view, on
// the axis of x too where it has no ticks of its own.
func linePlot(f figureHTML, x, y string, lines []series, xTicks plot.Ticker, alt string) (figureHTML, error) {
	p := plotstyle.New(x, y)
	if xTicks != nil {
		p.X.Tick.Marker = xTicks
	}
	left, right, lo, hi := math.Inf(1), math.Inf(-1), 0., 0.
	rows := 0
	for _, s := range lines {
		if len(s.points) == 0 {
			continue
		}
		l, pts, err := plotter.NewLinePoints(s.points)
		if err != nil {
			return f, err
		}
		l.Color, l.Width = s.color, 1.6
		pts.Color, pts.Shape, pts.Radius = s.color, s.shape, 3
		if s.dashed {
			l.Dashes = []vg.Length{4, 3}
		}
		p.Add(l, pts)
		p.Legend.Add(s.name, l, pts)
		rows++
		for _, pt := range s.points {
			left, right, lo, hi = min(left, pt.X), max(right, pt.X), min(lo, pt.Y), max(hi, pt.Y)
		}
	}
	if rows == 0 {
		left, right = 0, 1
	}
	if right-left < 1e-9 {
		left, right = left-0.5, right+0.5
	}
	margin := 0.03 * (right - left)
	p.X.Min, p.X.Max = left-margin, right+margin
	if xTicks == nil {
		p.X.Min = 0
	}
	span := max(hi-lo, 1e-3)
	p.Y.Min, p.Y.Max = lo, hi+span*(0.06+0.095*float64(rows)) // room for the legend
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, 6
	var err error
	f.SVG, err = svg(p, plotstyle.Width, plotstyle.Height, alt)
	return f, err
}

// regimePlots draw how the networks of each regime differ as they grow.
func (r *Result) regimePlots() ([]figureHTML, error) {
	var voltage, rate []series
	sizes, ticks := map[int]bool{}, plot.ConstantTicks{}
	for i, regime := range r.Regimes {
		c := plotstyle.RowColors[i%len(plotstyle.RowColors)]
		v := series{name: regime.Name, color: c, shape: draw.CircleGlyph{}}
		q := v
		for _, w := range r.of(regime).Rows {
			n := math.Log10(float64(w.Neurons))
			v.add(n, w.Difference.LoopRMSE.Value)
			q.add(n, 100*(w.Surrogate.Rate.Value/w.Detailed.Rate.Value-1))
			if !sizes[w.Neurons] {
				sizes[w.Neurons] = true
				ticks = append(ticks, plot.Tick{Value: n, Label: fmt.Sprint(w.Neurons)})
			}
		}
		voltage, rate = append(voltage, v), append(rate, q)
	}
	a, err := linePlot(figureHTML{Title: "Voltage against the size of the network", Caption: "Root mean square difference of the soma voltage of the same neurons in the two networks, each hearing its own spikes; clipped at -55 mV."},
		"neurons in the network", "voltage difference (mV)", voltage, ticks, "Voltage difference of the two networks against the number of neurons, one line per regime.")
	if err != nil {
		return nil, err
	}
	b, err := linePlot(figureHTML{Title: "Rate against the size of the network", Caption: "Mean rate of the surrogate network above or below that of the detailed network."},
		"neurons in the network", "rate difference (%)", rate, ticks, "Relative rate difference of the two networks against the number of neurons, one line per regime.")
	return []figureHTML{a, b}, err
}

// growthPlots draw, for one regime, how the difference grows with time.
func (r *Result) growthPlots() ([]figureHTML, error) {
	var voltage []series
	for i := range r.Rows {
		w := &r.Rows[i]
		s := series{name: fmt.Sprintf("in the loop, N = %d", w.Neurons), color: plotstyle.RowColors[i%len(plotstyle.RowColors)], shape: draw.CircleGlyph{}}
		for k := range w.Windows {
			s.add(logMiddle(&w.Windows[k]), w.Windows[k].LoopRMSE.Value)
		}
		voltage = append(voltage, s)
	}
	large := r.largest()
	same := series{name: fmt.Sprintf("identical input, N = %d", large.Neurons), color: color.RGBA{0x88, 0x88, 0x88, 0xFF}, shape: draw.SquareGlyph{}, dashed: true}
	control := series{name: fmt.Sprintf("control, N = %d", large.Neurons), color: plotstyle.DetailedColor, shape: draw.SquareGlyph{}, dashed: true}
	d := series{name: "detailed", color: plotstyle.DetailedColor, shape: draw.CircleGlyph{}}
	s := series{name: "surrogate", color: plotstyle.SurrogateColor, shape: draw.SquareGlyph{}}
	for k := range large.Windows {
		w := &large.Windows[k]
		same.add(logMiddle(w), w.Identical.VoltageRMSE.Value)
		control.add(logMiddle(w), w.ControlRMSE.Value)
		d.add(logMiddle(w), w.DetailedRate.Value)
		s.add(logMiddle(w), w.SurrogateRate.Value)
	}
	a, err := linePlot(figureHTML{Title: "How far apart, with time", Caption: "Root mean square difference of the soma voltage of the same neurons in the two networks, from the common start on, and (dashed) of surrogates that receive what the detailed neurons receive. Each point is a window that ends at twice the time of its start."},
		"time (ms, log scale)", "voltage difference (mV)", append(voltage, same, control), plotstyle.DecadeTicks{}, "Voltage difference of the two networks against time, one line for each number of neurons, and under identical input.")
	if err != nil {
		return nil, err
	}
	b, err := linePlot(figureHTML{Title: "Rates with time", Caption: fmt.Sprintf("Mean rate of the two networks of %d neurons in the same windows.", large.Neurons)},
		"time (ms, log scale)", "rate (Hz)", []series{d, s}, plotstyle.DecadeTicks{}, "Mean rate of the detailed and of the surrogate network against time.")
	return []figureHTML{a, b}, err
}

// logMiddle is the decimal logarithm of a window's middle [ms].
func logMiddle(w *Window) float64 { return math.Log10(float64(w.FromMS+w.ToMS) / 2) }

// regimeSections is the report's part about regimes: all in short, each in turn, and what it costs.
func (r *Result) regimeSections() ([]section, error) {
	figures, err := r.regimePlots()
	if err != nil {
		return nil, err
	}
	sections := []section{{Title: "The regimes", Text: []string{"The same comparison in networks that do different things, each at its largest size here; the plots show how far the two kinds of network are apart as they grow."},
		Figures: figures, Tables: spaced([]table{r.summary()})}}
	for _, regime := range r.Regimes {
		part := r.of(regime)
		large := part.largest()
		a, b, err := large.rasterPlots()
		if err != nil {
			return nil, err
		}
		growth, err := part.growthPlots()
		if err != nil {
			return nil, err
		}
		roc, err := part.rocPlot()
		if err != nil {
			return nil, err
		}
		tables := part.tables()
		sections = append(sections, section{Title: "Regime: " + regime.Name, Text: []string{regime.About},
			Figures: append(append([]figureHTML{a, b}, growth...), roc),
			Tables:  spaced(append([]table{tables[2], part.rhythms(), tables[1]}, part.growthTables()...))})
	}
	first := r.of(r.Regimes[0])
	cost, err := first.costPlots()
	if err != nil {
		return nil, err
	}
	costs := section{Title: "What it costs", Text: []string{"The plots are of the regime " + r.Regimes[0].Name + ", the tables of each regime in the order above."}, Figures: cost}
	for _, regime := range r.Regimes {
		part := r.of(regime)
		costs.Tables = append(costs.Tables, spaced(append(part.tables()[:1:1], part.sandboxTables()...))...)
	}
	return append(sections, costs), nil
}
