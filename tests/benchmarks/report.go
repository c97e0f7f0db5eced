package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"understudy/tests/benchmarks/bench"
)

// report is what a run measured; -json prints it.
type report struct {
	Machine  string   `json:"machine"`
	Compiler string   `json:"compiler"` // of the peers' mechanisms
	Options  string   `json:"options"`
	Figures  []figure `json:"figures"`
}

// figure is one row.
type figure struct {
	System       string `json:"system"`
	Detail       string `json:"detail,omitempty"`
	Version      string `json:"version,omitempty"`
	Neurons      int    `json:"neurons"`
	Threads      int    `json:"threads"`
	Compartments int    `json:"compartments,omitempty"` // per neuron
	SpanMS       int    `json:"span_ms"`                // simulated in one measurement
	// CPUMS is the least CPU time per simulated ms and neuron [ms]; MostCPUMS
	// that of the dearest measurement. WallMS is the least wall time, for ours.
	CPUMS          float64 `json:"cpu_ms"`
	MostCPUMS      float64 `json:"most_cpu_ms"`
	WallMS         float64 `json:"wall_ms,omitempty"`
	Spikes         int     `json:"spikes"` // of all neurons, in all that was simulated
	HzPerNeuron    float64 `json:"hz_per_neuron"`
	BytesPerNeuron int     `json:"bytes_per_neuron,omitempty"`
	Missing        string  `json:"missing,omitempty"` // why there are no figures
}

func (f *figure) ours() bool { return strings.HasPrefix(f.System, oursName) }

func (f *figure) add(s bench.Sample) {
	per := float64(f.SpanMS) * float64(f.Neurons) / 1000
	cpu, wall := s.CPUS/per, s.WallS/per
	if f.MostCPUMS == 0 || cpu < f.CPUMS {
		f.CPUMS = cpu
	}
	if f.WallMS == 0 || wall < f.WallMS {
		f.WallMS = wall
	}
	f.MostCPUMS = max(f.MostCPUMS, cpu)
	f.Spikes += s.Spikes
}

// find returns the figure of a system, nil where it was not measured.
func (r *report) find(system string, neurons, threads int) *figure {
	for i := range r.Figures {
		if f := &r.Figures[i]; f.System == system && f.Neurons == neurons && f.Threads == threads && f.Missing == "" {
			return f
		}
	}
	return nil
}

// ratio is how many times as much CPU time f takes as b.
func (f *figure) ratio(b *figure) string {
	if b == nil || f.Missing != "" {
		return "-"
	}
	return fmt.Sprintf("%.2f", f.CPUMS/b.CPUMS)
}

func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "%s\n%s", r.Machine, r.Options)
	if r.Compiler != "" {
		fmt.Fprintf(out, "; mechanisms of the peers: %s", r.Compiler)
	}
	fmt.Fprint(out, "\n\n")
	one, many := r.find(baseline, 1, 1), r.find(baseline, 64, 1)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "system\tneurons\tCPU ms/ms\tdearest\tx ours, 1\tx ours, 64\tHz\tcompartments\tdetail")
	for i := range r.Figures {
		f := &r.Figures[i]
		name := f.System
		if f.Threads > 1 {
			name += fmt.Sprintf(", %d threads", f.Threads)
		}
		if f.Missing != "" {
			fmt.Fprintf(w, "%s\t%d\tmissing: %s\n", name, f.Neurons, f.Missing)
			continue
		}
		detail := f.Detail
		if f.Version != "" {
			detail = f.Version + "; " + detail
		}
		fmt.Fprintf(w, "%s\t%d\t%.3f\t%.3f\t%s\t%s\t%.1f\t%d\t%s\n", name, f.Neurons, f.CPUMS, f.MostCPUMS, f.ratio(one), f.ratio(many), f.HzPerNeuron, f.Compartments, detail)
	}
	w.Flush()
	if two := r.find(baseline, 64, 2); many != nil && two != nil {
		fmt.Fprintf(out, "\nTwo threads, 64 neurons: %.2f times as fast in wall time (%.3f to %.3f ms/ms per neuron)\n", many.WallMS/two.WallMS, many.WallMS, two.WallMS)
	}
	if large := r.find(baseline, 1000, 1); many != nil && large != nil {
		fmt.Fprintf(out, "1,000 neurons: %.2f times the CPU time per neuron of 64, %d kB of memory each\n", large.CPUMS/many.CPUMS, large.BytesPerNeuron/1000)
	}
}
