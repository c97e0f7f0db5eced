package card

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"understudy/host/plotstyle"
)

// tracePictures draws an example: voltages, and the probability of a spike.
func (e *Evaluation) tracePictures() ([]picture, error) {
	t := e.Trace
	if t == nil || len(t.P) == 0 {
		return nil, nil
	}
	const topMV = -35
	from, to := plotstyle.Busiest(t.Spikes, 0, len(t.P))
	var pictures []picture
	if t.V != nil {
		v := plotstyle.New("time (ms)", "soma voltage (mV)")
		v.Y.Min = math.Inf(1)
		for _, s := range []struct {
			name  string
			trace []float32
			color color.Color
		}{{"cell", t.TrueV, plotstyle.DetailedColor}, {"surrogate", t.V, plotstyle.SurrogateColor}} {
			var xys plotter.XYs
			for k := from; k < to; k++ {
				y := min(float64(s.trace[k]), topMV)
				xys = append(xys, plotter.XY{X: float64(k + e.WarmupMS), Y: y})
				v.Y.Min = min(v.Y.Min, y)
			}
			l, err := plotstyle.Line(xys, s.color, 1.3)
			if err != nil {
				return nil, err
			}
			v.Add(l)
			v.Legend.Add(s.name, l)
		}
		v.Y.Min = math.Floor(v.Y.Min/5)*5 - 1
		v.Y.Max = topMV + 7 // room for the legend
		v.X.Min, v.X.Max = float64(from+e.WarmupMS), float64(to+e.WarmupMS)
		v.Legend.Top, v.Legend.XOffs = true, -6
		pictures = append(pictures, picture{"voltage", "Soma voltage of the cell and of the surrogate under identical input",
			fmt.Sprintf("Of the trials with spikes, the one with the median error. Spikes are cut at %d mV.", topMV), v})
	}
	p := plotstyle.New("time (ms)", "spike probability")
	var xys, marks plotter.XYs
	top := e.Threshold
	for k := from; k < to; k++ {
		xys = append(xys, plotter.XY{X: float64(k + e.WarmupMS), Y: float64(t.P[k])})
		top = max(top, float64(t.P[k]))
	}
	top = max(top, 0.01)
	for _, s := range t.Spikes {
		if s >= float64(from) && s < float64(to) {
			marks = append(marks, plotter.XY{X: s + float64(e.WarmupMS), Y: 1.08 * top})
		}
	}
	l, err := plotstyle.Line(xys, plotstyle.SurrogateColor, 1.2)
	if err != nil {
		return nil, err
	}
	p.Add(l)
	p.Legend.Add("surrogate: probability", l)
	if len(marks) > 0 {
		s, err := plotter.NewScatter(marks)
		if err != nil {
			return nil, err
		}
		s.Shape, s.Color, s.Radius = plotstyle.Triangle{}, plotstyle.DetailedColor, 3.5
		p.Add(s)
		p.Legend.Add("cell: spike", s)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = float64(from+e.WarmupMS), float64(to+e.WarmupMS), 0, 1.5*top
	l, err = plotstyle.Line(plotter.XYs{{X: p.X.Min, Y: e.Threshold}, {X: p.X.Max, Y: e.Threshold}}, plotstyle.InkColor, 1)
	if err != nil {
		return nil, err
	}
	l.Dashes = []vg.Length{4, 3}
	p.Add(l)
	p.Legend.Add("threshold", l)
	p.Legend.Top, p.Legend.XOffs = true, -6
	return append(pictures, picture{"probability", "The surrogate's spike probability and the cell's spikes over the same time",
		"The same time: probability of a spike in each ms, and the cell's spikes (triangles).", p}), nil
}
