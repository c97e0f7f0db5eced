//go:build unix

package detailed_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/detailed"
	"understudy/plugin/population"
)

// BenchmarkL5PC steps populations of the layer-5 pyramidal cell on one thread, 1 ms a
// call, with 14 events per neuron and ms. cpu-us/cell-ms is the processor time of one cell
// for one simulated ms: unlike wall time it hardly feels other programs.
func BenchmarkL5PC(b *testing.B) {
	for _, o := range []cell.Options{
		{Scheme: detailed.BackwardEuler, DtMS: 0.025},
		{Scheme: detailed.CrankNicolson, DtMS: 0.05},
	} {
		for _, cells := range []int{1, 4, 8, 64, 256, 1000} {
			b.Run(fmt.Sprintf("%s/dt=%g/cells=%d", o.Scheme, o.DtMS, cells), func(b *testing.B) {
				p, err := cell.New("l5pc", cells, o)
				if err != nil {
					b.Fatal(err)
				}
				defer p.Close()
				stepRandom(b, p, 20) // voltages and synapses leave rest
				before := processorUS(b)
				b.ResetTimer()
				stepRandom(b, p, b.N)
				b.ReportMetric((processorUS(b)-before)/float64(b.N)/float64(cells), "cpu-us/cell-ms")
			})
		}
	}
}

// stepRandom steps a population by ms with 14 random events per neuron in each.
func stepRandom(b *testing.B, p population.Population, ms int) {
	info := p.Info()
	r := rand.New(rand.NewPCG(1, uint64(p.Now())))
	events := make([]population.Event, 14*info.N)
	out := population.Output{VSoma: make([]float32, info.N), Spike: make([]bool, info.N)}
	for range ms {
		now := float64(p.Now())
		for i := range events {
			events[i] = population.Event{TimeMS: now + r.Float64(), Neuron: int32(i / 14), Channel: int32(r.IntN(info.Channels)), Weight: 1}
		}
		if err := p.Step(1, events, out); err != nil {
			b.Fatal(err)
		}
	}
}

// processorUS is the processor time of this process so far [us], user and system: the kernel
// knows the sum exactly, but how it divides into the two only by samples.
func processorUS(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e3
}
