// Command schemes measures how far the integration schemes are from the
// converged solution, and at what cost: the table on which the choice of the default
// scheme of data sets rests (RATIONALE.md).
//
//	go run ./tests/reference/schemes
//
// The cell is l5pc. The inputs are a step of 0.8 nA from 100 to 400 of 600 ms,
// and trials with the paper's input statistics. Spikes are upward crossings of
// -20 mV, interpolated; the voltage is that of the soma every ms. Each row is
// compared with a run of Crank-Nicolson at -converged, in the order of time: a
// spike is matched when it is within 1 ms of one there. The rows just above
// that step show how far it has converged itself.
package main

import (
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"syscall"
	"text/tabwriter"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/detailed"
	"understudy/plugin/population"
)

// within is how far apart two spikes are that count as the same [ms].
const within = 1.0

// setting is a row of the table.
type setting struct {
	scheme detailed.Scheme
	dtMS   float64
}

var settings = []setting{
	{detailed.BackwardEuler, 0.1}, {detailed.BackwardEuler, 0.05}, {detailed.BackwardEuler, 0.025}, {detailed.BackwardEuler, 0.0125},
	{detailed.CrankNicolson, 0.1}, {detailed.CrankNicolson, 0.05}, {detailed.CrankNicolson, 0.025}, {detailed.CrankNicolson, 0.0125},
	{detailed.CrankNicolson, 0.00625},
}

// result is what the neurons of one run did.
type result struct {
	upcross [][]float64 // [neuron] [ms]
	v       []float32   // [ms][neuron] [mV]
	cpuS    float64
}

func main() {
	trials := flag.Int("trials", 10, "trials of random input")
	seed := flag.Uint64("seed", 5, "seed of the trials")
	ms := flag.Int("ms", 6000, "length of a trial [ms]")
	converged := flag.Float64("converged", 0.003125, "time step of the run that counts as converged [ms]")
	flag.Parse()
	c, _, err := cell.Build("l5pc", cell.Options{})
	if err != nil {
		log.Fatal(err)
	}
	events, err := inputs(*trials, *ms, *seed)
	if err != nil {
		log.Fatal(err)
	}
	reference := setting{detailed.CrankNicolson, *converged}
	for _, job := range []struct {
		name string
		run  func(setting) (result, error)
		ms   int
	}{
		{"step of 0.8 nA", func(s setting) (result, error) { return step(c, s) }, 600},
		{fmt.Sprintf("%d trials of %d ms, seed %d", *trials, *ms, *seed), func(s setting) (result, error) { return random(c, s, *trials, *ms, events) }, *trials * *ms},
	} {
		truth, err := job.run(reference)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("\n%s, against %s at %g ms (%.1f CPU s)\n\n", job.name, reference.scheme, reference.dtMS, truth.cpuS)
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "scheme\tdt ms\tsteps/ms\tCPU ms/ms\tmatched\tof\tmissing\textra\tmean |dt| ms\tlargest\tRMS mV\t")
		for _, s := range settings {
			r, err := job.run(s)
			if err != nil {
				log.Fatal(err)
			}
			e := compare(truth, r)
			fmt.Fprintf(w, "%s\t%g\t%.0f\t%.3f\t%d\t%d\t%d\t%d\t%.4f\t%.3f\t%.3f\t\n", s.scheme, s.dtMS, 1/s.dtMS, 1000*r.cpuS/float64(job.ms),
				e.matched, e.spikes, e.spikes-e.matched, e.extra, e.meanMS, e.largestMS, e.rmsMV)
		}
		w.Flush()
	}
}

// inputs are the events of all trials, trial i for neuron i.
func inputs(trials, ms int, seed uint64) ([]population.Event, error) {
	channels, err := cell.Channels("l5pc", cell.Options{})
	if err != nil {
		return nil, err
	}
	var events []population.Event
	for i := range trials {
		in, err := dataset.Paper(true).Trial(channels, ms, seed, uint64(i))
		if err != nil {
			return nil, err
		}
		for k, ch := range in.Channel {
			events = append(events, population.Event{TimeMS: in.TimeMS[k], Neuron: int32(i), Channel: ch, Weight: 1})
		}
	}
	return events, nil
}

func step(c *detailed.Cell, s setting) (result, error) {
	return run(c, s, 1, func(p *detailed.Population, v []float32) error {
		for _, part := range []struct {
			from, to int
			nA       float64
		}{{0, 100, 0}, {100, 400, 0.8}, {400, 600, 0}} {
			if err := p.Inject(0, part.nA); err != nil {
				return err
			}
			if err := p.Step(part.to-part.from, nil, population.Output{VSoma: v[part.from:part.to]}); err != nil {
				return err
			}
		}
		return nil
	}, 600)
}

func random(c *detailed.Cell, s setting, n, ms int, events []population.Event) (result, error) {
	return run(c, s, n, func(p *detailed.Population, v []float32) error {
		return p.Step(ms, events, population.Output{VSoma: v})
	}, ms)
}

// run makes n neurons, lets play step them over ms, and collects what they did.
func run(c *detailed.Cell, s setting, n int, play func(*detailed.Population, []float32) error, ms int) (result, error) {
	p, err := detailed.New(c, n, detailed.Options{Scheme: s.scheme, DtMS: s.dtMS})
	if err != nil {
		return result{}, err
	}
	defer p.Close()
	r := result{v: make([]float32, ms*n)}
	before := cpuSeconds()
	if err := play(p, r.v); err != nil {
		return result{}, err
	}
	r.cpuS = cpuSeconds() - before
	for i := range n {
		r.upcross = append(r.upcross, p.UpcrossMS(i))
	}
	return r, nil
}

// deviation is how far a run is from the converged one.
type deviation struct {
	spikes, matched, extra   int
	meanMS, largestMS, rmsMV float64
}

func compare(truth, r result) deviation {
	var d deviation
	for i, want := range truth.upcross {
		got := r.upcross[i]
		errors := matches(want, got)
		d.spikes += len(want)
		d.matched += len(errors)
		d.extra += len(got) - len(errors)
		for _, e := range errors {
			d.meanMS += e
			d.largestMS = max(d.largestMS, e)
		}
	}
	d.meanMS /= float64(d.matched)
	square := 0.0
	for k, v := range truth.v {
		e := float64(v - r.v[k])
		square += e * e
	}
	d.rmsMV = math.Sqrt(square / float64(len(truth.v)))
	return d
}

// matches pairs spikes one to one, the earliest that fit first, and returns the
// distances of the pairs [ms].
func matches(want, got []float64) []float64 {
	var d []float64
	for i, j := 0, 0; i < len(want) && j < len(got); {
		switch e := got[j] - want[i]; {
		case math.Abs(e) <= within:
			d = append(d, math.Abs(e))
			i, j = i+1, j+1
		case e < 0:
			j++
		default:
			i++
		}
	}
	return d
}

// cpuSeconds is the user time of this process.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return float64(u.Utime.Sec) + float64(u.Utime.Usec)*1e-6
}
