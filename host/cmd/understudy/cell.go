package main

import (
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"math"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"understudy/plugin/cell"
	"understudy/plugin/detailed"
	"understudy/plugin/lif"
	"understudy/plugin/morphology"
	"understudy/plugin/spikeio"
)

func newCell() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cell",
		Short:   "Describe detailed cells",
		Example: "  understudy cell info",
		Args:    cobra.ArbitraryArgs,
		RunE:    needSubcommand,
	}
	cmd.AddCommand(newCellInfo())
	return cmd
}

func newCellInfo() *cobra.Command {
	var f cellFlags
	var drawing string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "info",
		Short:   "Sections, segments, areas and mechanisms of a cell; draws its morphology",
		Example: "  understudy cell info\n  understudy cell info --morphology cell.asc --draw cell.svg",
		Args: func(cmd *cobra.Command, a []string) error {
			if err := cobra.NoArgs(cmd, a); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options("cell info")
			if err != nil {
				return err
			}
			if f.cell == "lif" {
				return lifInfo(cmd.OutOrStdout(), o, asJSON)
			}
			c, m, err := cell.Build(f.cell, o)
			if err != nil {
				return err
			}
			if drawing != "" {
				err := spikeio.WriteFile(drawing, func(w io.Writer) error { return drawMorphology(w, m) })
				if err != nil {
					return err
				}
			}
			return cellInfo(cmd.OutOrStdout(), f.cell, c, m, asJSON)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&drawing, "draw", "", "draw the morphology into an SVG `file`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func lifInfo(w io.Writer, o cell.Options, asJSON bool) error {
	chs, err := cell.Channels("lif", o)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"cell": "lif", "summary": cell.Summary("lif"), "channels": len(chs), "parameters": lif.Default()})
	}
	p := lif.Default()
	fmt.Fprintf(w, "lif: %s; %d channels; time constants: membrane %g ms, synapses %g ms\n", cell.Summary("lif"), len(chs), p.TauM, p.TauSyn)
	return nil
}

// regionInfo is one row of cell info.
type regionInfo struct {
	Region        string             `json:"region"`
	Sections      int                `json:"sections"`
	Segments      int                `json:"segments"`
	Tips          int                `json:"tips"`
	LengthUM      float64            `json:"length_um"`
	MeanDiamUM    float64            `json:"mean_diameter_um"`
	AreaUM2       float64            `json:"area_um2"`
	FarthestTipUM float64            `json:"farthest_tip_um"`
	Mechanisms    map[string]float64 `json:"mechanisms"` // mean first parameter over the area
	order         []string
}

func cellInfo(w io.Writer, name string, c *detailed.Cell, m *morphology.Morphology, asJSON bool) error {
	stats, err := m.Stats()
	if err != nil {
		return err
	}
	segs, err := m.Segments()
	if err != nil {
		return err
	}
	var rows []*regionInfo
	for _, r := range stats.Regions {
		row := &regionInfo{Region: r.Region.String(), Sections: r.Sections, Segments: r.Segments, Tips: r.Tips, LengthUM: r.LengthUM,
			MeanDiamUM: r.MeanDiamUM, AreaUM2: r.AreaUM2, FarthestTipUM: r.FarthestTipUM, Mechanisms: map[string]float64{}}
		for i, s := range segs {
			if m.Sections[s.Section].Region != r.Region {
				continue
			}
			for _, ins := range c.Segments[i].Inserted {
				if _, seen := row.Mechanisms[ins.Mechanism.Name]; !seen {
					row.order = append(row.order, ins.Mechanism.Name)
				}
				row.Mechanisms[ins.Mechanism.Name] += ins.Values[0] * s.AreaUM2 / r.AreaUM2
			}
		}
		rows = append(rows, row)
	}
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"cell": name, "morphology": m.Name, "summary": cell.Summary(name),
			"sections": len(m.Sections), "segments": len(segs), "channels": len(c.Channels), "regions": rows})
	}
	fmt.Fprintf(w, "%s: %s\nmorphology %s: %d sections, %d segments; %d input channels\n\n", name, cell.Summary(name), m.Name, len(m.Sections), len(segs), len(c.Channels))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "region\tsections\tsegments\ttips\tlength um\tmean diam um\tarea um2\tfarthest tip um\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.1f\t%.2f\t%.1f\t%.1f\t\n", r.Region, r.Sections, r.Segments, r.Tips, r.LengthUM, r.MeanDiamUM, r.AreaUM2, r.FarthestTipUM)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nmechanisms, mean first parameter over the area (conductances in S/cm2):")
	for _, r := range rows {
		fmt.Fprintf(w, "  %s:", r.Region)
		for _, n := range r.order {
			fmt.Fprintf(w, " %s %.3g", n, r.Mechanisms[n])
		}
		fmt.Fprintln(w)
	}
	return nil
}

// regionColour follows Okabe & Ito's palette, which the colour-blind can tell apart.
func regionColour(r morphology.Region) color.Color {
	switch r {
	case morphology.Soma:
		return color.Black
	case morphology.Axon:
		return color.RGBA{0x99, 0x99, 0x99, 0xff}
	case morphology.Basal:
		return color.RGBA{0x00, 0x72, 0xb2, 0xff}
	}
	return color.RGBA{0xd5, 0x5e, 0x00, 0xff}
}

// drawMorphology draws sections in the x-y plane, line width by diameter.
func drawMorphology(w io.Writer, m *morphology.Morphology) error {
	p := plot.New()
	p.Title.Text = m.Name
	p.X.Label.Text, p.Y.Label.Text = "x [um]", "y [um]"
	lo, hi := math.Inf(1), math.Inf(-1)
	left, right := math.Inf(1), math.Inf(-1)
	for i := range m.Sections {
		s := &m.Sections[i]
		for k := 1; k < len(s.Points); k++ {
			a, b := s.Points[k-1], s.Points[k]
			line, err := plotter.NewLine(plotter.XYs{{X: a.X, Y: a.Y}, {X: b.X, Y: b.Y}})
			if err != nil {
				return err
			}
			line.Color, line.Width = regionColour(s.Region), vg.Points(max(0.4, (a.Diam+b.Diam)/2*0.5))
			p.Add(line)
			lo, hi = min(lo, a.Y, b.Y), max(hi, a.Y, b.Y)
			left, right = min(left, a.X, b.X), max(right, a.X, b.X)
		}
	}
	const height = 8 * vg.Inch
	width := max(2*vg.Inch, height*vg.Length((right-left)/(hi-lo)))
	canvas := vgsvg.New(width, height)
	p.Draw(draw.New(canvas))
	_, err := canvas.WriteTo(w)
	return err
}
