package surrogate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// BenchmarkStep times closed-loop stepping, 1 ms a call, at 14 events per neuron
// and ms. us/neuron-ms is the figure to compare.
func BenchmarkStep(b *testing.B) {
	for _, shape := range []struct {
		name string
		m    *model.Model
		ns   []int
	}{
		{"default", quantised(b, modeltest.Random(modeltest.Default, 1)), []int{1, 16, 64}},
		{"paper", quantised(b, modeltest.Paper(1)), []int{1, 100}},
	} {
		for _, k := range native.Kernels() {
			for _, n := range shape.ns {
				for _, precision := range surrogate.Precisions() {
					b.Run(fmt.Sprintf("%s/%s/%s/n=%d", k.Name, precision, shape.name, n), func(b *testing.B) {
						benchStep(b, shape.m, surrogate.Options{Kernel: k.Name, Precision: precision}, n, 1)
					})
				}
			}
			b.Run(fmt.Sprintf("%s/f32/%s/n=1,block=100", k.Name, shape.name), func(b *testing.B) { benchStep(b, shape.m, surrogate.Options{Kernel: k.Name}, 1, 100) })
		}
	}
}

func benchStep(b *testing.B, m *model.Model, opt surrogate.Options, n, steps int) {
	p, err := surrogate.New(m, n, opt)
	if err != nil {
		b.Skip(err)
	}
	defer p.Close()
	const perMS = 14
	rng := rand.New(rand.NewPCG(1, 2))
	template := make([]population.Event, perMS*n*steps)
	for i := range template {
		template[i] = population.Event{TimeMS: float64(i / (perMS * n)), Neuron: int32(i / perMS % n), Channel: int32(rng.IntN(m.Inputs.Channels)), Weight: 1}
	}
	events := make([]population.Event, len(template))
	out := population.Output{PSpike: make([]float32, n*steps), VSoma: make([]float32, n*steps), Spike: make([]bool, n*steps)}
	before := cpuTime(b)
	for b.Loop() {
		copy(events, template)
		for i := range events {
			events[i].TimeMS += float64(p.Now())
		}
		if err := p.Step(steps, events, out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpuTime(b)-before)*1e6/float64(b.N)/float64(n*steps), "cpu-us/neuron-ms")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1e3/float64(b.N)/float64(n*steps), "us/neuron-ms")
}
