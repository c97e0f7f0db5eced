package conformance_test

import (
	"context"
	"strings"
	"testing"

	"understudy/host"
	"understudy/plugin/population"
	"understudy/tests/conformance"
)

// BenchmarkStep is one step of 100 neurons with 2 events each: what the
// sandbox costs.
func BenchmarkStep(b *testing.B) {
	const n = 100
	runtime, err := host.New(context.Background(), host.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer runtime.Close()
	cases, err := conformance.Cases()
	if err != nil {
		b.Fatal(err)
	}
	for _, door := range []struct {
		name string
		conformance.Door
	}{{"reference", conformance.GoPackage{Kernel: "reference"}}, {"best", conformance.GoPackage{}}, {"wasm", wasmDoor{runtime}}} {
		done := map[string]bool{}
		for _, c := range cases {
			shape, _, _ := strings.Cut(c.Name, "/")
			if done[shape] {
				continue
			}
			done[shape] = true
			b.Run(door.name+"/"+shape, func(b *testing.B) {
				p, err := door.Surrogate(c.Model, n, c.Options)
				if err != nil {
					b.Fatal(err)
				}
				defer p.Close()
				events := make([]population.Event, 2*n)
				for i := range events {
					events[i] = population.Event{Neuron: int32(i / 2), Channel: int32(i % c.Channels), Weight: 1}
				}
				out := population.Output{PSpike: make([]float32, n), Spike: make([]bool, n)}
				b.ReportAllocs()
				for b.Loop() {
					for i := range events {
						events[i].TimeMS = float64(p.Now())
					}
					if err := p.Step(1, events, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/neuron-ms")
			})
		}
	}
}
