package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/tests/conformance"
)

// BenchmarkOverhead is what a call through the C library costs beyond the engine: 1,000 idle
// neurons stepped by 1 ms from a C program and from Go, in turns. Each number is the
// median of 2,000 calls, the least of the rounds, so that other work on the machine
// does not count; "now" is a call that computes nothing.
func BenchmarkOverhead(b *testing.B) {
	const n, calls, rounds = 1000, 2000, 7
	cases, err := conformance.Cases()
	if err != nil {
		b.Fatal(err)
	}
	c := cases[slices.IndexFunc(cases, func(c conformance.Case) bool { return strings.HasPrefix(c.Name, "fcn/n=") })]
	file := filepath.Join(b.TempDir(), "model.safetensors")
	if err := os.WriteFile(file, c.Model, 0o644); err != nil {
		b.Fatal(err)
	}
	program := compileC(b, "cprogram/overhead.c")
	p, err := conformance.GoPackage{}.Surrogate(c.Model, n, surrogate.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	out := population.Output{Spike: make([]bool, n)}
	least := [3]float64{1e18, 1e18, 1e18} // step in C, now in C, step in Go
	for b.Loop() {
		for range rounds {
			var median [3]float64
			if _, err := fmt.Sscan(string(run(b, program, file, fmt.Sprint(n), fmt.Sprint(calls))), &median[0], &median[1]); err != nil {
				b.Fatal(err)
			}
			times := make([]float64, calls)
			for i := range times {
				start := time.Now()
				if err := p.Step(1, nil, out); err != nil {
					b.Fatal(err)
				}
				times[i] = float64(time.Since(start).Nanoseconds())
			}
			slices.Sort(times)
			median[2] = times[calls/2]
			for i := range least {
				least[i] = min(least[i], median[i])
			}
		}
	}
	b.ReportMetric(0, "ns/op") // of all rounds: says nothing
	b.ReportMetric(least[0]/1e3, "C-us/call")
	b.ReportMetric(least[2]/1e3, "Go-us/call")
	b.ReportMetric((least[0]-least[2])/1e3, "extra-us/call")
	b.ReportMetric(least[1]/1e3, "now-us/call")
}
