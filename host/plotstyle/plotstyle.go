// Package plotstyle is how the plots of reports and model cards look: sans-serif, light
// grid, colours that colour-blind readers can tell apart.
package plotstyle

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Colours that colour-blind readers can tell apart (Okabe and Ito), the same
// kind in the same colour in every plot.
var (
	DetailedColor  = color.RGBA{0x00, 0x72, 0xB2, 0xFF}
	SurrogateColor = color.RGBA{0xD5, 0x5E, 0x00, 0xFF}
	RowColors      = []color.RGBA{{0x00, 0x9E, 0x73, 0xFF}, {0x56, 0xB4, 0xE9, 0xFF}, {0xE6, 0x9F, 0x00, 0xFF}, {0xCC, 0x79, 0xA7, 0xFF}, {0, 0, 0, 0xFF}}
	InkColor       = color.RGBA{0x33, 0x38, 0x40, 0xFF} // of text and axes
	GreyColor      = color.RGBA{0x88, 0x88, 0x88, 0xFF} // of what is only there to compare with
	gridColor      = color.RGBA{0xE3, 0xE6, 0xEA, 0xFF}
)

// Width and Height are the size of a plot [pt]; narrow enough that its text is readable on a phone.
const (
	Width  = 360
	Height = 245
)

// exampleMS is the length of an example trace [ms].
const exampleMS = 1000

// Busiest returns the part of the steps from to to that an example trace shows: at most a second,
// where most of the spikes at times [ms] are; the first such part.
func Busiest(times []float64, from, to int) (first, end int) {
	if to-from <= exampleMS {
		return from, to
	}
	best := -1
	for start := from; start+exampleMS <= to; start += 100 {
		n := 0
		for _, t := range times {
			if t >= float64(start) && t < float64(start+exampleMS) {
				n++
			}
		}
		if n > best {
			best, first = n, start
		}
	}
	return first, first + exampleMS
}

// New is an empty plot with the labels of its axes.
func New(x, y string) *plot.Plot {
	p := plot.New()
	text := font.Font{Typeface: "Liberation", Variant: "Sans", Size: 10.5}
	p.BackgroundColor = nil // color.Transparent would be written as an invalid colour
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font, a.Tick.Label.Font = text, text
		a.Label.TextStyle.Color, a.Tick.Label.Color = InkColor, InkColor
		a.LineStyle.Color, a.Tick.LineStyle.Color = InkColor, InkColor
		a.Label.Padding = 3
		a.Padding = 2
	}
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.Legend.TextStyle.Font, p.Legend.TextStyle.Color = text, InkColor
	p.Legend.Padding = 2
	p.Legend.ThumbnailWidth = 18
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = gridColor, gridColor
	grid.Vertical.Width, grid.Horizontal.Width = 0.7, 0.7
	p.Add(grid)
	return p
}

// SVG renders a plot as an inline element that scales with the page. alt is
// what a reader who does not see it is told.
func SVG(p *plot.Plot, width, height vg.Length, alt string) (string, error) {
	return Panels([]*plot.Plot{p}, width, height, alt)
}

// Panels renders plots side by side, each of that width, as SVG does one.
func Panels(plots []*plot.Plot, width, height vg.Length, alt string) (string, error) {
	return Grid(plots, len(plots), width, height, alt)
}

// Grid renders plots in rows of so many, from the top, as Panels does one row.
func Grid(plots []*plot.Plot, columns int, width, height vg.Length, alt string) (string, error) {
	n := vg.Length(columns)
	rows := vg.Length((len(plots) + columns - 1) / columns)
	c := vgsvg.New(n*width, rows*height)
	for i, p := range plots {
		column, row := vg.Length(i%columns), vg.Length(i/columns)
		left, right := column*width, (column+1)*width
		if i%columns < columns-1 {
			right -= 8 // from the next one's label
		}
		bottom, top := (rows-row-1)*height, (rows-row)*height
		if row < rows-1 {
			bottom += 8
		}
		p.Draw(draw.Crop(draw.New(c), left, right-n*width, bottom, top-rows*height))
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", err
	}
	text := b.String()
	// The drawing without its prologue and with our own svg element around it.
	start := strings.Index(text, "<svg")
	if start < 0 {
		return "", fmt.Errorf("plot %q: no svg element", alt)
	}
	end := start + strings.Index(text[start:], ">")
	viewBox := fmt.Sprintf("0 0 %g %g", float64(n*width), float64(rows*height))
	head := fmt.Sprintf(`<svg viewBox="%s" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`, viewBox, html.EscapeString(alt))
	// Where the font is missing, one of nearly the same widths.
	body := strings.ReplaceAll(text[end+1:], "font-family:Liberation Sans;", "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")
	return head + body, nil
}

// Line is a line through points, width in pt.
func Line(xys plotter.XYs, c color.Color, width float64) (*plotter.Line, error) {
	l, err := plotter.NewLine(xys)
	if err != nil {
		return nil, err
	}
	l.Color, l.Width = c, vg.Length(width)
	return l, nil
}

// IntegerTicks labels at most seven whole numbers.
type IntegerTicks struct{}

// Ticks implements plot.Ticker.
func (IntegerTicks) Ticks(lo, hi float64) []plot.Tick {
	step := 1
	for _, s := range []int{1, 2, 4, 8, 16} {
		if step = s; (hi-lo)/float64(s) <= 7 {
			break
		}
	}
	for (hi-lo)/float64(step) > 7 {
		step *= 2
	}
	var ticks []plot.Tick
	for v := int(math.Ceil(lo)); float64(v) <= hi; v++ {
		if v%step == 0 {
			ticks = append(ticks, plot.Tick{Value: float64(v), Label: fmt.Sprint(v)})
		}
	}
	return ticks
}

// DecadeTicks labels powers of ten on an axis whose coordinate is the decimal
// logarithm. (gonum's own logarithmic scale misplaces the margin for the axis label.)
// Fine has it label 2 and 5 of each decade too, for an axis of few decades.
type DecadeTicks struct{ Fine bool }

// Ticks implements plot.Ticker.
func (d DecadeTicks) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(lo); e <= hi; e++ {
		for m := 1.0; m < 10; m++ {
			t := plot.Tick{Value: e + math.Log10(m)}
			if m == 1 {
				t.Label = decade(e)
			} else if d.Fine && (m == 2 || m == 5) {
				t.Label = strings.Replace(decade(e), "1", fmt.Sprint(m), 1)
			}
			if t.Value >= lo-1e-9 && t.Value <= hi+1e-9 {
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}

func decade(e float64) string {
	if e < -4 || e > 4 {
		return fmt.Sprintf("1e%g", e)
	}
	return fmt.Sprintf("%g", math.Pow(10, e))
}

// Triangle is a filled Triangle that points down.
type Triangle struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (Triangle) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, pt vg.Point) {
	c.SetColor(sty.Color)
	var p vg.Path
	p.Move(vg.Point{X: pt.X - sty.Radius, Y: pt.Y + sty.Radius})
	p.Line(vg.Point{X: pt.X + sty.Radius, Y: pt.Y + sty.Radius})
	p.Line(vg.Point{X: pt.X, Y: pt.Y - sty.Radius})
	p.Close()
	c.Fill(p)
}
