package main

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"understudy/host/plotstyle"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// panels is what the command plot reads: panels side by side.
type panels struct {
	Alt     string  `json:"alt"`     // what a reader who does not see it is told
	Columns int     `json:"columns"` // panels in a row; 0: all
	Panels  []panel `json:"panels"`
}

// panel is one plot with curves.
type panel struct {
	X      string  `json:"x"` // labels of the axes
	Y      string  `json:"y"`
	Bottom bool    `json:"bottom"` // legend at the bottom
	Log    bool    `json:"log"`    // x on a logarithmic scale
	Curves []curve `json:"curves"`
}

// curve is a line through points, each with an interval where Low and High are given. Points
// alone are a curve without line, of the colour of the curve of that name.
type curve struct {
	Name   string    `json:"name"`
	X      []float64 `json:"x"`
	Y      []float64 `json:"y"`
	Low    []float64 `json:"low"`
	High   []float64 `json:"high"`
	Points bool      `json:"points"`
	Dashed bool      `json:"dashed"`
}

// newPlot is for programs of this project that are not in Go: hidden.
func newPlot() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:    "plot --out FILE.svg",
		Short:  "Draw curves from a JSON document on standard input",
		Hidden: true,
		Example: `  echo '{"alt": "a line", "panels": [{"x": "x", "y": "y", "curves":
    [{"name": "a", "x": [1, 2], "y": [3, 4], "low": [2, 3], "high": [4, 5]}]}]}' | understudy plot --out a.svg`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usagef("plot: --out is missing")
			}
			raw, err := io.ReadAll(cmd.InOrStdin())
			if err != nil {
				return err
			}
			var doc panels
			if err := json.Unmarshal(raw, &doc, json.RejectUnknownMembers(true)); err != nil {
				return fmt.Errorf("%w: plot: %w", population.ErrFormat, err)
			}
			plots, err := doc.plots()
			if err != nil {
				return fmt.Errorf("plot: %w", err)
			}
			columns := doc.Columns
			if columns == 0 {
				columns = len(plots)
			}
			svg, err := plotstyle.Grid(plots, columns, plotstyle.Width, plotstyle.Height, doc.Alt)
			if err != nil {
				return fmt.Errorf("plot: %w", err)
			}
			return spikeio.WriteFile(out, func(w io.Writer) error {
				_, err := io.WriteString(w, svg)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "SVG `file` to write")
	return cmd
}

func (d *panels) plots() ([]*plot.Plot, error) {
	if len(d.Panels) == 0 || d.Columns < 0 {
		return nil, fmt.Errorf("%w: %d panels, %d in a row", population.ErrFormat, len(d.Panels), d.Columns)
	}
	var plots []*plot.Plot
	for _, a := range d.Panels {
		p := plotstyle.New(a.X, a.Y)
		p.BackgroundColor = color.White // pages may be dark
		p.Legend.Top = !a.Bottom
		colors := map[string]color.Color{}
		palette := append([]color.RGBA{plotstyle.DetailedColor, plotstyle.SurrogateColor}, plotstyle.RowColors...)
		for _, c := range a.Curves {
			if _, ok := colors[c.Name]; !ok {
				colors[c.Name] = palette[len(colors)%len(palette)]
			}
			if a.Log {
				for i, x := range c.X {
					if !(x > 0) {
						return nil, fmt.Errorf("%w: curve %q has x %g on a logarithmic scale", population.ErrFormat, c.Name, x)
					}
					c.X[i] = math.Log10(x)
				}
			}
			if err := c.add(p, colors[c.Name]); err != nil {
				return nil, err
			}
		}
		switch {
		case a.Log:
			margin := 0.04 * (p.X.Max - p.X.Min) // the outermost points are not on the edge
			p.X.Min, p.X.Max = p.X.Min-margin, p.X.Max+margin
			p.X.Tick.Marker = plotstyle.DecadeTicks{Fine: p.X.Max-p.X.Min < 3}
		case p.X.Max-p.X.Min < 15:
			p.X.Tick.Marker = plotstyle.IntegerTicks{}
		}
		plots = append(plots, p)
	}
	return plots, nil
}

// add draws the curve; those without line have no entry in the legend.
func (c *curve) add(p *plot.Plot, hue color.Color) error {
	n := len(c.X)
	ranged := len(c.Low) > 0
	if n == 0 || len(c.Y) != n || ranged && len(c.Low) != n || len(c.High) != len(c.Low) {
		return fmt.Errorf("%w: curve %q has %d, %d, %d and %d numbers in x, y, low and high", population.ErrFormat, c.Name, n, len(c.Y), len(c.Low), len(c.High))
	}
	var bars struct {
		plotter.XYs
		plotter.YErrors
	}
	for i := range n {
		bars.XYs = append(bars.XYs, plotter.XY{X: c.X[i], Y: c.Y[i]})
		if ranged {
			bars.YErrors = append(bars.YErrors, struct{ Low, High float64 }{math.Max(0, c.Y[i]-c.Low[i]), math.Max(0, c.High[i]-c.Y[i])})
		}
	}
	if ranged {
		b, err := plotter.NewYErrorBars(bars)
		if err != nil {
			return err
		}
		b.Color, b.Width, b.CapWidth = hue, 1, 4
		p.Add(b)
	}
	if c.Points || ranged {
		s, err := plotter.NewScatter(bars.XYs)
		if err != nil {
			return err
		}
		s.GlyphStyle = draw.GlyphStyle{Color: hue, Radius: vg.Points(2), Shape: draw.CircleGlyph{}}
		p.Add(s)
	}
	if c.Points {
		return nil
	}
	l, err := plotstyle.Line(bars.XYs, hue, 1.4)
	if err != nil {
		return err
	}
	if c.Dashed {
		l.Dashes = []vg.Length{4, 3}
	}
	p.Add(l)
	p.Legend.Add(c.Name, l)
	return nil
}
