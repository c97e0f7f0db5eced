package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"understudy/tests/benchmarks/bench"
)

// report is what a run measured; -json prints it.
type report struct {
	Machine string   `json:"machine"`
	Date    string   `json:"date"`
	Options string   `json:"options"`
	Figures []figure `json:"figures"`
	Targets []result `json:"targets,omitempty"`
}

// figure is one row, measured.
type figure struct {
	row
	Version string `json:"version,omitempty"` // of a peer; the kernel that was chosen
	SpanMS  int    `json:"span_ms"`           // simulated in one measurement
	// CPUUS is the least CPU time per neuron and ms [us], MostCPUUS that of the dearest
	// measurement, WallUS the least wall time, for ours.
	CPUUS      float64 `json:"cpu_us"`
	MostCPUUS  float64 `json:"most_cpu_us"`
	WallUS     float64 `json:"wall_us,omitempty"`
	MaxError   float64 `json:"max_error"` // against PyTorch in float64
	StateBytes int     `json:"state_bytes,omitempty"`
	Missing    string  `json:"missing,omitempty"` // why there are no figures

	rounds int
}

func (f *figure) add(s bench.Sample) {
	per := float64(f.SpanMS) * float64(f.Neurons) / 1e6
	cpu, wall := s.CPUS/per, s.WallS/per
	if f.CPUUS == 0 || cpu < f.CPUUS {
		f.CPUUS = cpu
	}
	if f.WallUS == 0 || wall < f.WallUS {
		f.WallUS = wall
	}
	f.MostCPUUS = max(f.MostCPUUS, cpu)
}

// result is a target with what was reached.
type result struct {
	Name    string  `json:"name"`
	Ours    string  `json:"ours"`
	OursUS  float64 `json:"ours_us"`
	Against string  `json:"against"`
	PeerUS  float64 `json:"peer_us"`
	Ratio   float64 `json:"ratio"` // 0 where one of the two is missing
	AtMost  float64 `json:"at_most"`
}

// cheapest returns the cheapest figure that fits, nil where there is none.
func (r *report) cheapest(fits func(*figure) bool) *figure {
	var best *figure
	for i := range r.Figures {
		if f := &r.Figures[i]; f.Missing == "" && fits(f) && (best == nil || f.CPUUS < best.CPUUS) {
			best = f
		}
	}
	return best
}

func (r *report) compare() {
	r.Targets = nil
	for _, t := range targets() {
		s := result{Name: t.name, AtMost: t.most}
		ours, peer := r.cheapest(t.ours.has), r.cheapest(t.against.has)
		if ours != nil {
			s.Ours, s.OursUS = ours.what(), ours.CPUUS
		}
		if peer != nil {
			s.Against, s.PeerUS = peer.System, peer.CPUUS
		}
		if ours != nil && peer != nil {
			s.Ratio = ours.CPUUS / peer.CPUUS
		}
		r.Targets = append(r.Targets, s)
	}
}

// check returns an error that names rows that failed, and rows whose outputs are not
// PyTorch's.
func (r *report) check() error {
	r.compare()
	var errs []error
	for _, f := range r.Figures {
		where := fmt.Sprintf("%s, %s, %s, neurons: %d", f.System, f.Model, f.what(), f.Neurons)
		if f.Missing != "" {
			errs = append(errs, fmt.Errorf("%s: %s", where, f.Missing))
		} else if !(f.MaxError <= f.bound()) {
			errs = append(errs, fmt.Errorf("%s: outputs differ by %.2g from PyTorch's, at most %.2g is accepted", where, f.MaxError, f.bound()))
		}
	}
	return errors.Join(errs...)
}

// what tells rows of a system apart.
func (f *figure) what() string {
	s := f.Precision
	if f.System == oursName {
		kernel := f.Kernel
		if kernel == "" {
			kernel = f.Version
		}
		s += ", " + kernel
	}
	if f.Block > 1 {
		s += fmt.Sprintf(", %d ms a call", f.Block)
	}
	if f.Threads > 0 {
		s += fmt.Sprintf(", threads: %d", f.Threads)
	}
	return s
}

func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "%s, %s\n%s; %d events per neuron and ms\n", r.Machine, r.Date, r.Options, eventsPerMS)
	for _, model := range []string{paper, elm, defaultM} {
		fmt.Fprintf(out, "\n%s\n", model)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "system\t\tneurons\tus/neuron-ms\tdearest\treal-time neurons\tmax error\tstate bytes\tversion")
		for i := range r.Figures {
			f := &r.Figures[i]
			if f.Model != model {
				continue
			}
			if f.Missing != "" {
				fmt.Fprintf(w, "%s\t%s\t%d\tmissing: %s\n", f.System, f.what(), f.Neurons, f.Missing)
				continue
			}
			version, state, most := f.Version, "-", "-"
			if f.MaxError != 0 { // it never is where it was looked for
				most = fmt.Sprintf("%.1g", f.MaxError)
			}
			if f.System == oursName {
				version, state = "", fmt.Sprint(f.StateBytes)
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%.2f\t%.2f\t%.0f\t%s\t%s\t%s\n", f.System, f.what(), f.Neurons, f.CPUUS, f.MostCPUUS, 1000/f.CPUUS, most, state, version)
		}
		w.Flush()
	}
	fmt.Fprint(out, "\nTwo cores, wall time\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range r.Figures {
		two := &r.Figures[i]
		one := r.cheapest(func(f *figure) bool {
			return f.System == two.System && f.Model == two.Model && f.Neurons == two.Neurons && f.Precision == two.Precision && f.Threads == 1
		})
		if two.Threads == 2 && two.Missing == "" && one != nil {
			fmt.Fprintf(w, "%s\t%s\t%d neurons\t%.2f to %.2f us/neuron-ms\t%.2f times as fast\n", two.Model, two.what(), two.Neurons, one.WallUS, two.WallUS, one.WallUS/two.WallUS)
		}
	}
	w.Flush()
	fmt.Fprint(out, "\nTargets\n")
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tours\tus\tagainst\tus\tratio\tat most\t")
	for _, t := range r.Targets {
		if t.Ratio == 0 {
			fmt.Fprintf(w, "%s\t%s\t%.2f\t%s\t%.2f\t-\t%g\tnot measured\n", t.Name, t.Ours, t.OursUS, t.Against, t.PeerUS, t.AtMost)
			continue
		}
		met := "met"
		if t.Ratio > t.AtMost {
			met = "missed"
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%s\t%.2f\t%.4f\t%g\t%s\n", t.Name, t.Ours, t.OursUS, t.Against, t.PeerUS, t.Ratio, t.AtMost, met)
	}
	w.Flush()
}
