// Package compare runs the product's main job: the same recurrent network once
// with detailed cells and once with surrogates, on the same background input, as
// the number of neurons grows; what the surrogates save and how faithful they are.
// It also audits networks of surrogates alone, by detailed twins of some of them.
package compare

import (
	"context"
	"fmt"
	"time"

	"understudy/plugin/measure"
	"understudy/plugin/network"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// maxWatched bounds the neurons whose input and voltage are kept for the
// comparison under identical input.
const maxWatched = 16

// synchronyBinMS is the bin of the spike counts whose correlation is the synchrony.
const synchronyBinMS = 10

// chunkMS is how far a network runs between two reports of progress.
const chunkMS = 20

// Builder makes a population of n neurons at t = 0. compare closes it.
type Builder func(n int) (population.Population, error)

// Config says what to compare.
type Config struct {
	Neurons    []int // sizes of network
	DurationMS []int // simulated time of each
	// WarmUpMS is excluded from every statistic; negative: 500 ms or a quarter of
	// the simulated time, whichever is less.
	WarmUpMS            int
	Detailed, Surrogate Builder
	// Native, where not nil, makes the surrogates once more, outside of the sandbox that Surrogate makes them in:
	// what the sandbox costs. Comparisons take it, audits do not.
	Native Builder
	// Workloads are compared in turn, each at every size.
	Workloads []Workload
	// Control runs each detailed network a second time, with one spike more: how far
	// apart chaos alone drives two networks.
	Control bool
	// Progress, where not nil, is told what runs and how far all is, counted in
	// neuron-ms of detailed cells, which take nearly all of the time.
	Progress func(stage string, done, total int)
}

func (c *Config) check() error {
	if len(c.Neurons) == 0 {
		return fmt.Errorf("%w: no network sizes", population.ErrInput)
	}
	if len(c.Neurons) != len(c.DurationMS) {
		return fmt.Errorf("%w: %d network sizes with %d durations", population.ErrInput, len(c.Neurons), len(c.DurationMS))
	}
	if len(c.Workloads) == 0 {
		return fmt.Errorf("%w: no workload", population.ErrInput)
	}
	for i, n := range c.Neurons {
		if n < 1 {
			return fmt.Errorf("%w: network of %d neurons", population.ErrInput, n)
		}
		if d := c.DurationMS[i]; d < 1 || c.warmUp(d) >= d {
			return fmt.Errorf("%w: %d ms for %d neurons, with the first %d ms excluded", population.ErrInput, d, n, c.warmUp(d))
		}
	}
	return nil
}

func (c *Config) warmUp(durationMS int) int {
	if c.WarmUpMS >= 0 {
		return c.WarmUpMS
	}
	return min(500, durationMS/4)
}

// Run compares for every workload and size in turn. It returns ctx.Err() soon after ctx ends.
func Run(ctx context.Context, c Config) (*Result, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	r := &Result{}
	p := progress{tell: c.Progress}
	for i, n := range c.Neurons {
		p.total += n * c.DurationMS[i] * len(c.Workloads)
	}
	if c.Control {
		p.total *= 2
	}
	for _, w := range c.Workloads {
		r.Regimes = append(r.Regimes, w.Regime)
		for i, n := range c.Neurons {
			row, err := c.row(ctx, w, n, c.DurationMS[i], &p)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				return nil, fmt.Errorf("%s network of %d: %w", w.Regime.Name, n, err)
			}
			r.Rows = append(r.Rows, *row)
		}
	}
	return r, nil
}

// progress counts the neuron-ms of detailed cells that are done.
type progress struct {
	tell        func(stage string, done, total int)
	done, total int
}

func (p *progress) add(stage string, done int) {
	p.done += done
	if p.tell != nil {
		p.tell(stage, p.done, p.total)
	}
}

func (c *Config) row(ctx context.Context, w Workload, n, ms int, p *progress) (*Row, error) {
	graph, err := network.Random(n, w.Graph)
	if err != nil {
		return nil, err
	}
	row := &Row{Regime: w.Regime.Name, Neurons: n, SimulatedMS: ms, WarmUpMS: c.warmUp(ms), Connections: graph.Connections()}
	stage := func(kind string) string {
		if len(c.Workloads) > 1 {
			kind = w.Regime.Name + ", " + kind
		}
		return fmt.Sprintf("%d neurons, %s", n, kind)
	}
	detailed, err := c.simulate(ctx, c.Detailed, graph, w.Drive, ms, func(ms int) { p.add(stage("detailed"), n*ms) })
	if err != nil {
		return nil, fmt.Errorf("detailed: %w", err)
	}
	surrogates, err := c.simulate(ctx, c.Surrogate, graph, w.Drive, ms, func(int) { p.add(stage("surrogate"), 0) })
	if err != nil {
		return nil, fmt.Errorf("surrogate: %w", err)
	}
	row.Detailed, row.Surrogate = detailed.describe(row), surrogates.describe(row)
	row.Pictures.DetailedSpikes, row.Pictures.SurrogateSpikes = detailed.trains, surrogates.trains
	row.SpeedUp = detailed.wall.Seconds() / surrogates.wall.Seconds()
	if seen := surrogates.outside; seen.Steps > 0 {
		row.OutsideTraining = float64(seen.StepsOutside) / float64(seen.Steps)
	}
	events := 0
	for _, in := range surrogates.rec.Input {
		events += len(in)
	}
	row.MACsPerMS = surrogates.info.MACsPerMS +
		surrogates.info.MACsPerEvt*float64(events)/float64(len(surrogates.rec.Input))/float64(ms)
	same, err := c.fidelity(ctx, row, detailed)
	if err != nil {
		return nil, fmt.Errorf("identical input: %w", err)
	}
	both := pair{detailed: detailed, surrogate: surrogates, identical: same}
	if c.Native != nil {
		native, err := c.simulate(ctx, c.Native, graph, w.Drive, ms, func(int) { p.add(stage("surrogate outside the sandbox"), 0) })
		if err != nil {
			return nil, fmt.Errorf("surrogate outside the sandbox: %w", err)
		}
		row.Sandbox = sandboxCost(surrogates, native, ms)
	}
	if c.Control {
		both.control, err = c.simulate(ctx, oneSpikeMore(c.Detailed), graph, w.Drive, ms, func(ms int) { p.add(stage("detailed again"), n*ms) })
		if err != nil {
			return nil, fmt.Errorf("control: %w", err)
		}
	}
	if row.Windows, err = both.windows(ms); err != nil {
		return nil, err
	}
	row.Difference, err = both.window(row.WarmUpMS, ms)
	return row, err
}

// describe fills in one side of a row.
func (s *simulation) describe(row *Row) Side {
	length := float64(row.SimulatedMS - row.WarmUpMS)
	trains := cut(s.trains, row.WarmUpMS, row.SimulatedMS)
	wall := s.wall.Seconds() * 1000 / float64(row.SimulatedMS)
	hz, strength := measure.Rhythm(trains, length)
	return Side{
		WallMSPerMS:          wall,
		WallMSPerMSPerNeuron: wall / float64(row.Neurons),
		Rate:                 measure.Rate(trains, length),
		IntervalCV:           measure.IntervalCV(trains),
		Synchrony:            measure.Synchrony(trains, length, synchronyBinMS),
		Rhythm:               strength,
		RhythmHz:             measure.Figure{Value: hz, N: strength.N},
	}
}

// spread returns k of n neurons, or all where there are fewer, spread over the network, so that
// inhibitory cells are among them.
func spread(n, k int) []int {
	var at []int
	for i := range min(n, k) {
		at = append(at, i*n/min(n, k))
	}
	return at
}

// simulation is one network that has run.
type simulation struct {
	info    population.Info
	wall    time.Duration // of stepping and routing, without making the network
	rec     *network.Recorder
	trains  [][]int64   // [neuron] spike steps
	peaks   [][]float64 // [watched] times of the spikes' voltage peaks [ms]
	outside surrogate.RangeReport
}

// simulate runs one network; did is told of every few ms that are done.
func (c *Config) simulate(ctx context.Context, build Builder, graph *network.Graph, drive *network.Drive, ms int, did func(ms int)) (*simulation, error) {
	n := graph.Neurons()
	pop, err := build(n)
	if err != nil {
		return nil, err
	}
	defer pop.Close()
	net, err := network.New([]population.Population{pop}, graph, drive, network.Options{})
	if err != nil {
		return nil, err
	}
	s := &simulation{info: pop.Info(), rec: &network.Recorder{}}
	s.rec.Watch = spread(n, maxWatched)
	for done := 0; done < ms; {
		b := min(chunkMS, ms-done)
		start := time.Now()
		if err := net.Run(ctx, b, s.rec); err != nil {
			return nil, err
		}
		s.wall += time.Since(start)
		done += b
		did(b)
	}
	s.outside = surrogate.OutOfRange(pop)
	s.trains = make([][]int64, n)
	for _, sp := range s.rec.Spikes {
		s.trains[sp.Neuron] = append(s.trains[sp.Neuron], sp.Step)
	}
	for _, w := range s.rec.Watch {
		if l, ok := pop.(population.Labelled); ok {
			s.peaks = append(s.peaks, l.PeaksMS(w))
			continue
		}
		var peaks []float64
		for _, k := range s.trains[w] {
			peaks = append(peaks, float64(k)+0.5) // whose label is k
		}
		s.peaks = append(s.peaks, peaks)
	}
	return s, nil
}
