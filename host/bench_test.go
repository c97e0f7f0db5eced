package host_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"understudy/host"
	"understudy/host/guest"
	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// doubted is the embedded guest with a custom section more, so that its hash is another.
func doubted(tb testing.TB) []byte {
	tb.Helper()
	b, err := guest.Module()
	if err != nil {
		tb.Fatal(err)
	}
	return append(slices.Clip(b), 0, 2, 1, 'x')
}

// The embedded guest works under the watchdog as well, with the same bits.
func TestDoubted(t *testing.T) {
	b, file := doubted(t), modelFile(t)
	var v [2][40]float32
	for i, r := range []*host.Runtime{runtime(t, host.Options{}), runtime(t, host.Options{Guest: b, TimeLimit: time.Minute})} {
		if r.Trusted() != (i == 0) {
			t.Fatalf("runtime %d: trusted %v", i, r.Trusted())
		}
		p, err := r.NewSurrogate(file, 1, surrogate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Step(40, []population.Event{{TimeMS: 3, Channel: 5, Weight: 1}}, population.Output{VSoma: v[i][:]}); err != nil {
			t.Fatal(err)
		}
	}
	if v[0] != v[1] {
		t.Error("other results under the watchdog")
	}
}

// BenchmarkWatchdog is what the watchdog costs: the same guest, trusted and not, in turns; each number is the least
// of the rounds.
func BenchmarkWatchdog(b *testing.B) {
	const n = 10
	file := modelFile(b)
	var runtimes [2]*host.Runtime
	for i, opt := range []host.Options{{}, {Guest: doubted(b), TimeLimit: 10 * time.Minute}} {
		runtimes[i] = runtime(b, opt)
	}
	for name, c := range map[string]struct {
		open  func(*host.Runtime) (*host.Population, error)
		steps int
	}{
		"idle": {func(r *host.Runtime) (*host.Population, error) { return r.NewCell("lif", 1, cell.Options{}) }, 1},
		"f32":  {func(r *host.Runtime) (*host.Population, error) { return r.NewSurrogate(file, n, surrogate.Options{}) }, 20},
		"int8": {func(r *host.Runtime) (*host.Population, error) {
			return r.NewSurrogate(file, n, surrogate.Options{Precision: surrogate.Int8})
		}, 20},
		"l5pc": {func(r *host.Runtime) (*host.Population, error) { return r.NewCell("l5pc", 1, cell.Options{}) }, 1},
	} {
		b.Run(name, func(b *testing.B) {
			least := [2]time.Duration{time.Hour, time.Hour}
			var p [2]*host.Population
			for i, r := range runtimes {
				var err error
				if p[i], err = c.open(r); err != nil {
					b.Fatal(err)
				}
				defer p[i].Close()
			}
			for b.Loop() {
				for i := range p {
					start := time.Now()
					if err := p[i].Step(c.steps, nil, population.Output{}); err != nil {
						b.Fatal(err)
					}
					least[i] = min(least[i], time.Since(start))
				}
			}
			us := func(i int) float64 { return float64(least[i].Nanoseconds()) / 1e3 / float64(c.steps) }
			b.ReportMetric(0, "ns/op") // of both: says nothing
			b.ReportMetric(us(0), "trusted-us/step")
			b.ReportMetric(us(1), "watched-us/step")
			b.ReportMetric(us(1)/us(0), "ratio")
		})
	}
}

// BenchmarkStart is how long New and a first population take: with code in the cache, and without.
func BenchmarkStart(b *testing.B) {
	folder := b.TempDir()
	for _, c := range []struct {
		name string
		opt  host.Options
	}{{"compile", host.Options{NoCache: true}}, {"cached", host.Options{Cache: folder}}} {
		b.Run(c.name, func(b *testing.B) {
			open := func() {
				r, err := host.New(context.Background(), c.opt)
				if err != nil {
					b.Fatal(err)
				}
				defer r.Close()
				if _, err := r.NewCell("lif", 1, cell.Options{}); err != nil {
					b.Fatal(err)
				}
			}
			if c.opt.Cache != "" {
				open() // fills it
			}
			for b.Loop() {
				open()
			}
		})
	}
}
