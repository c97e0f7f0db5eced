//go:build unix

package pack_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"understudy/plugin/model/builtin"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/wasm/pack"
)

// BenchmarkStep steps a packed neuron in wazero beside plugin/surrogate on the reference kernels and on the
// fastest that this CPU has; of CPU time, which a busy machine disturbs less.
func BenchmarkStep(b *testing.B) {
	const steps = 20
	kernels := []string{"reference", ""}
	for _, name := range []string{"l5pc", "l5pc-tcn"} {
		m, err := builtin.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		for _, precision := range precisions {
			wasm, err := pack.Pack(m, precision)
			if err != nil {
				b.Fatal(err)
			}
			for _, n := range []int{1, 16, 64} {
				events := input(rand.New(rand.NewPCG(1, 1)), 0, steps, n, m.Inputs.Channels, 8)
				var begin time.Duration
				perNeuron := func(b *testing.B) {
					b.ReportMetric(float64((cpuTime()-begin).Microseconds())/float64(b.N*steps*n), "cpu-us/neuron-ms")
				}
				b.Run(fmt.Sprintf("%s/%s/n=%d/packed", name, precision, n), func(b *testing.B) {
					x := instantiate(b, wasm, runtimes["compiler"]())
					x.create(n, steps, len(events))
					x.put(events)
					step, reset := x.m.ExportedFunction("step"), x.m.ExportedFunction("reset")
					begin = cpuTime()
					for b.Loop() {
						if s, err := step.Call(ctx, steps, uint64(len(events))); err != nil || s[0] != 0 {
							b.Fatal(s, err)
						}
						if _, err := reset.Call(ctx); err != nil {
							b.Fatal(err)
						}
					}
					perNeuron(b)
				})
				for _, kernel := range kernels {
					p, err := surrogate.New(m, n, surrogate.Options{Precision: precision, Kernel: kernel})
					if err != nil {
						b.Fatal(err)
					}
					b.Run(fmt.Sprintf("%s/%s/n=%d/%s", name, precision, n, p.Kernel().Name), func(b *testing.B) {
						out := population.Output{PSpike: make([]float32, steps*n), VSoma: make([]float32, steps*n), Spike: make([]bool, steps*n)}
						begin = cpuTime()
						for b.Loop() {
							if err := p.Step(steps, events, out); err != nil {
								b.Fatal(err)
							}
							p.Reset()
						}
						perNeuron(b)
					})
					p.Close()
				}
			}
		}
	}
}

// cpuTime is what the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
