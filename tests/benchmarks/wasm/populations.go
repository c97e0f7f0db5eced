//go:build linux && amd64

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"understudy/host"
	"understudy/plugin/cell"
	"understudy/plugin/detailed"
	"understudy/plugin/model"
	"understudy/plugin/model/builtin"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// eventsPerMS arrive at each neuron, on random channels; they repeat after periodMS.
const eventsPerMS, periodMS = 14, 50

// natives are the kernel sets outside of the sandbox, of surrogates and of detailed cells.
var natives = []string{"reference", "avx2"}

// measurePopulations prints a line for each model, precision and size of population, and for the detailed cell: whole steps.
// guest is the file of another guest than the embedded one, to compare with, or empty.
func measurePopulations(repeats int, only, guest string) error {
	r, err := host.New(context.Background(), host.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	boxes := []*host.Runtime{r}
	fmt.Printf("\nSteps of 1 ms, us a neuron, %d events each\n%-12s %-8s %8s %10s %10s %10s %14s %10s", eventsPerMS, "", "", "neurons", "sandbox", "reference", "avx2", "reference/sb.", "avx2/sb.")
	if guest != "" {
		other, err := openGuest(guest)
		if err != nil {
			return err
		}
		defer other.Close()
		boxes = append(boxes, other)
		fmt.Printf(" %10s", "-guest")
	}
	fmt.Println()
	for _, name := range []string{"l5pc", "l5pc-tcn", "paper"} {
		if !strings.Contains(name, only) {
			continue
		}
		m, err := modelOf(name)
		if err != nil {
			return err
		}
		data, err := m.Encode()
		if err != nil {
			return err
		}
		for _, precision := range []string{surrogate.Float32, surrogate.Int8} {
			for _, n := range []int{1, 100} {
				l := line{name: name, kind: precision, n: n}
				for _, kernel := range natives {
					l.add(surrogate.New(m, n, surrogate.Options{Precision: precision, Kernel: kernel, Threads: 1}))
				}
				for _, box := range boxes {
					l.add(box.NewSurrogate(data, n, surrogate.Options{Precision: precision}))
				}
				if err := l.measure(repeats); err != nil {
					return err
				}
			}
		}
	}
	const name = "l5pc"
	if !strings.Contains(name, only) {
		return nil
	}
	c, _, err := cell.Build(name, cell.Options{})
	if err != nil {
		return err
	}
	for _, n := range []int{1, 2, 8} {
		l := line{name: name, kind: "detailed", n: n}
		for _, kernel := range natives {
			l.add(detailed.New(c, n, detailed.Options{Kernel: kernel}))
		}
		for _, box := range boxes {
			l.add(box.NewCell(name, n, cell.Options{}))
		}
		if err := l.measure(repeats); err != nil {
			return err
		}
	}
	return nil
}

// line is populations of the same n neurons: with each of natives, in the sandbox, and perhaps in another guest.
type line struct {
	name, kind string
	n          int
	all        []population.Population
	failed     error
}

func (l *line) add(p population.Population, err error) {
	if err != nil {
		l.failed = err
		return
	}
	l.all = append(l.all, p)
}

// measure prints the line, and closes the populations.
func (l *line) measure(repeats int) error {
	var ns []float64
	if l.failed == nil {
		var runs []func(int)
		for _, p := range l.all {
			runs = append(runs, steps(p, l.n, p.Info().Channels, &l.failed))
		}
		ns = fastest(runs, repeats)
	}
	for _, p := range l.all {
		p.Close()
	}
	if l.failed != nil {
		return fmt.Errorf("%s, %s: %w", l.name, l.kind, l.failed)
	}
	for i := range ns {
		ns[i] /= 1000 * float64(l.n)
	}
	box := ns[len(natives)]
	fmt.Printf("%-12s %-8s %8d %10.2f %10.2f %10.2f %14.2f %10.2f", l.name, l.kind, l.n, box, ns[0], ns[1], ns[0]/box, ns[1]/box)
	for _, other := range ns[len(natives)+1:] {
		fmt.Printf(" %10.2f", other)
	}
	fmt.Println()
	return nil
}

// openGuest compiles a guest from a file, which is trusted as the embedded one is.
func openGuest(file string) (*host.Runtime, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return host.New(context.Background(), host.Options{Guest: b, Trusted: fmt.Sprintf("%x", sha256.Sum256(b))})
}

// modelOf is a built-in model, or the network of the paper with random weights.
func modelOf(name string) (*model.Model, error) {
	if name != "paper" {
		return builtin.Open(name)
	}
	const n, ms = 4, 150
	m := modeltest.Paper(1)
	events := draw(n, ms, m.Inputs.Channels)
	var err error
	m.Int8, err = surrogate.Calibrate(m, n, func(p population.Population) error {
		return p.Step(ms, events, population.Output{})
	})
	return m, err
}

// draw returns events of n neurons, in the order of time.
func draw(n, ms, channels int) []population.Event {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	var events []population.Event
	for t := range ms {
		for i := range n {
			for range eventsPerMS {
				events = append(events, population.Event{TimeMS: float64(t), Neuron: int32(i), Channel: int32(rng.IntN(channels)), Weight: 1})
			}
		}
	}
	return events
}

// steps advances a population by steps of 1 ms.
func steps(p population.Population, n, channels int, failed *error) func(steps int) {
	events := draw(n, periodMS, channels)
	out := population.Output{PSpike: make([]float32, n), VSoma: make([]float32, n), Spike: make([]bool, n)}
	per := n * eventsPerMS
	return func(steps int) {
		for range steps {
			now := p.Now()
			e := events[int(now)%periodMS*per:][:per]
			for i := range e {
				e[i].TimeMS = float64(now)
			}
			if err := p.Step(1, e, out); err != nil {
				*failed = err
			}
		}
	}
}
