// Package audit tells, while surrogates work in a network, whether they can be trusted
// there: some of them get a detailed twin that receives exactly the same events,
// and their agreement is kept as the network runs.
package audit

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"

	"understudy/plugin/measure"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Limits of the length of a window [ms].
const (
	DefaultWindowMS = 1000
	MaxWindowMS     = 10000
)

// Options of an audit.
type Options struct {
	// WarmUpMS is left out of every figure at the start: both kinds of neuron start
	// from rest.
	WarmUpMS int
	// WindowMS is the simulated time that a window's figures are of; 0 is
	// DefaultWindowMS.
	WindowMS int
}

// Window is the agreement over steps FromMS to ToMS. A figure is undefined (NaN) where
// it has nothing to rest on.
type Window struct {
	FromMS int `json:"from_ms"` // first step
	ToMS   int `json:"to_ms"`   // first step after it
	// Agreement judges the audited surrogates by their twins: true spikes are those of
	// the twins. A spike of one window is not paired with one of another.
	Agreement measure.Report `json:"agreement"`
	// NetworkRate is the mean rate [Hz] of all neurons of the population, audited or
	// not; it rests on their spikes.
	NetworkRate measure.Figure `json:"network_rate_hz"`
	// StepsOutside is the part, 0 to 1, of the population's neuron-steps with a number
	// of events that the model did not see in training, and WeightsOutside that of the
	// events with a weight that it did not see. They rest on steps and events, are
	// undefined where the population does not count them, and cover up to one call of Step more.
	StepsOutside   measure.Figure `json:"steps_outside_training"`
	WeightsOutside measure.Figure `json:"weights_outside_training"`
}

// Trace is one audited neuron over the last window that ended, [step].
type Trace struct {
	FromMS    int       // first step
	VSoma     []float32 // the surrogate's soma voltage at the start of the step [mV]
	TwinVSoma []float32 // the twin's
	PSpike    []float32 // the surrogate's probability of a spike in the step
	Spike     []bool    // the surrogate emitted one
	PeaksMS   []float64 // times of the twin's spikes, since reset [ms]; to half a ms
}

// Population is a population of which some neurons have a twin. A network that drives
// it drives the population inside, whose outputs it gives; the twins hear what
// their neurons hear, and nobody hears them. It is used from one goroutine at a time. Memory does not
// grow with time but by 400 bytes a window, and 16 for each spike of a detailed twin.
type Population struct {
	population.Population
	twin    population.Population
	neurons []int
	twinOf  []int32 // [neuron] index in neurons, -1 without
	opt     Options
	bad     error // the twins failed: only Reset helps

	// The window in hand starts at step from; traces [audited] and spikes [step] hold its
	// steps so far.
	from   int64
	traces []Trace
	labels [][]int64 // [audited] steps of spikes of twins that have no peaks
	spikes []int32   // of all neurons

	window, total *measure.Running
	windows       []Window
	last          []Trace
	totalSpikes   int
	seen          surrogate.RangeReport // at the end of the last window, and at the end of warm-up
	seenFirst     surrogate.RangeReport
	warm          bool

	// Scratch, reused by every Step.
	events       []population.Event
	out, twinOut population.Output
}

// New audits the neurons of pop that neurons lists: neuron i of twin is the twin of
// neurons[i]. Both populations stand at t = 0, have the same channels, and belong to
// the result, whose Close closes them. Errors wrap population.ErrInput or ErrState.
func New(pop, twin population.Population, neurons []int, opt Options) (*Population, error) {
	info, twins := pop.Info(), twin.Info()
	if opt.WindowMS == 0 {
		opt.WindowMS = DefaultWindowMS
	}
	switch {
	case len(neurons) == 0 || twins.N != len(neurons):
		return nil, fmt.Errorf("%w: audit of %d neurons with %d twins", population.ErrInput, len(neurons), twins.N)
	case twins.Channels != info.Channels:
		return nil, fmt.Errorf("%w: audit: twins have %d channels, the population %d", population.ErrInput, twins.Channels, info.Channels)
	case opt.WindowMS < 1 || opt.WindowMS > MaxWindowMS:
		return nil, fmt.Errorf("%w: audit window of %d ms, expected 1 to %d", population.ErrInput, opt.WindowMS, MaxWindowMS)
	case opt.WarmUpMS < 0:
		return nil, fmt.Errorf("%w: audit after %d ms", population.ErrInput, opt.WarmUpMS)
	case pop.Now() != 0 || twin.Now() != 0:
		return nil, fmt.Errorf("%w: audit of a population at %d ms with twins at %d ms, expected 0", population.ErrState, pop.Now(), twin.Now())
	}
	p := &Population{Population: pop, twin: twin, neurons: slices.Clone(neurons), twinOf: make([]int32, info.N), opt: opt,
		traces: make([]Trace, len(neurons)), last: make([]Trace, len(neurons)), labels: make([][]int64, len(neurons)),
		window: measure.NewRunning(), total: measure.NewRunning()}
	for i := range p.twinOf {
		p.twinOf[i] = -1
	}
	for i, k := range neurons {
		if k < 0 || k >= info.N || p.twinOf[k] >= 0 {
			return nil, fmt.Errorf("%w: audit of neuron %d, there are %d, each audited once at most", population.ErrInput, k, info.N)
		}
		p.twinOf[k] = int32(i)
	}
	p.begin()
	return p, nil
}

// begin starts at t = 0.
func (p *Population) begin() {
	p.bad, p.from, p.windows, p.totalSpikes, p.warm = nil, int64(p.opt.WarmUpMS), nil, 0, false
	p.seen = surrogate.OutOfRange(p.Population)
	p.seenFirst = p.seen
	p.window.Reset()
	p.total.Reset()
	p.drop(len(p.spikes))
	p.last = make([]Trace, len(p.neurons))
}

// OutOfRange is that of the population inside, where it counts such a thing.
func (p *Population) OutOfRange() surrogate.RangeReport { return surrogate.OutOfRange(p.Population) }

// Step steps the population, and the twins with the events of their neurons. Should
// only the twins fail, only Reset helps.
func (p *Population) Step(steps int, events []population.Event, out population.Output) error {
	if p.bad != nil {
		return fmt.Errorf("%w: audit stopped by: %w", population.ErrState, p.bad)
	}
	if steps < 1 || steps > population.MaxSteps {
		return fmt.Errorf("%w: %d steps, want 1 to %d", population.ErrInput, steps, population.MaxSteps)
	}
	start, size := p.Now(), steps*p.Info().N
	if out.VSoma == nil {
		p.out.VSoma = grow(p.out.VSoma, size)
		out.VSoma = p.out.VSoma
	}
	if out.PSpike == nil {
		p.out.PSpike = grow(p.out.PSpike, size)
		out.PSpike = p.out.PSpike
	}
	if out.Spike == nil {
		p.out.Spike = grow(p.out.Spike, size)
		out.Spike = p.out.Spike
	}
	if err := p.Population.Step(steps, events, out); err != nil {
		return err
	}
	p.events = p.events[:0]
	for _, e := range events {
		if i := p.twinOf[e.Neuron]; i >= 0 {
			e.Neuron = i
			p.events = append(p.events, e)
		}
	}
	size = steps * len(p.neurons)
	p.twinOut.VSoma, p.twinOut.Spike = grow(p.twinOut.VSoma, size), grow(p.twinOut.Spike, size)
	if err := p.twin.Step(steps, p.events, p.twinOut); err != nil {
		p.bad = fmt.Errorf("twins at %d ms: %w", start, err)
		return p.bad
	}
	p.keep(start, steps, out)
	for p.bad == nil && int64(len(p.spikes)) > int64(p.opt.WindowMS) { // one step more: a peak is half a ms late
		p.bad = p.end(p.opt.WindowMS)
	}
	return p.bad
}

// keep appends the outputs of steps from start on to the window in hand.
func (p *Population) keep(start int64, steps int, out population.Output) {
	n := p.Info().N
	for s := range steps {
		if start+int64(s) < int64(p.opt.WarmUpMS) {
			continue
		}
		spikes := int32(0)
		for _, spike := range out.Spike[s*n : (s+1)*n] {
			if spike {
				spikes++
			}
		}
		p.spikes = append(p.spikes, spikes)
		for i, k := range p.neurons {
			t, at, twin := &p.traces[i], s*n+k, s*len(p.neurons)+i
			t.VSoma, t.TwinVSoma = append(t.VSoma, out.VSoma[at]), append(t.TwinVSoma, p.twinOut.VSoma[twin])
			t.PSpike, t.Spike = append(t.PSpike, out.PSpike[at]), append(t.Spike, out.Spike[at])
			if p.twinOut.Spike[twin] {
				p.labels[i] = append(p.labels[i], start+int64(s))
			}
		}
	}
	if !p.warm && start+int64(steps) >= int64(p.opt.WarmUpMS) {
		p.warm, p.seen = true, surrogate.OutOfRange(p.Population)
		p.seenFirst = p.seen
	}
}

// truth returns the steps from p.from on in which twin i spiked: by their peaks, which is how
// the paper labels them, where the twin knows these.
func (p *Population) truth(i, steps int) []int64 {
	to := p.from + int64(steps)
	spikes := p.labels[i]
	if l, ok := p.twin.(population.Labelled); ok {
		spikes = nil
		peaks := l.PeaksMS(i)
		for _, t := range peaks[sort.SearchFloat64s(peaks, float64(p.from)):] {
			spikes = append(spikes, int64(population.LabelStep(t)))
		}
	}
	var in []int64
	for _, k := range spikes {
		if k >= p.from && k < to {
			in = append(in, k)
		}
	}
	return in
}

// end judges the first steps of the window in hand and starts the next one.
func (p *Population) end(steps int) error {
	w := Window{FromMS: int(p.from), ToMS: int(p.from) + steps}
	for i := range p.traces {
		t := &p.traces[i]
		trial := measure.Trial{TrueVSoma: t.TwinVSoma[:steps], PSpike: t.PSpike[:steps], VSoma: t.VSoma[:steps], Spike: t.Spike[:steps]}
		if math.IsNaN(float64(t.VSoma[0])) { // the model predicts no voltage
			trial.TrueVSoma, trial.VSoma = nil, nil
		}
		l := &p.last[i]
		l.PeaksMS = l.PeaksMS[:0]
		for _, k := range p.truth(i, steps) {
			trial.TruePeakMS = append(trial.TruePeakMS, float64(k-p.from)+0.5) // whose label is k
			l.PeaksMS = append(l.PeaksMS, float64(k)+0.5)
		}
		if err := errors.Join(p.window.Add(trial), p.total.Add(trial)); err != nil {
			return fmt.Errorf("audit of neuron %d from %d ms on: %w", p.neurons[i], p.from, err)
		}
		l.FromMS = int(p.from)
		l.VSoma, l.TwinVSoma = append(l.VSoma[:0], t.VSoma[:steps]...), append(l.TwinVSoma[:0], t.TwinVSoma[:steps]...)
		l.PSpike, l.Spike = append(l.PSpike[:0], t.PSpike[:steps]...), append(l.Spike[:0], t.Spike[:steps]...)
	}
	spikes := 0
	for _, s := range p.spikes[:steps] {
		spikes += int(s)
	}
	p.totalSpikes += spikes
	seen := surrogate.OutOfRange(p.Population)
	p.describe(&w, p.window, spikes, p.seen, seen)
	p.windows = append(p.windows, w)
	p.seen = seen
	p.window.Reset()
	p.from += int64(steps)
	p.drop(steps)
	return nil
}

// describe fills in a window whose bounds are set.
func (p *Population) describe(w *Window, r *measure.Running, spikes int, before, after surrogate.RangeReport) {
	w.Agreement = r.Report()
	w.Agreement.Trials = len(p.neurons)
	w.NetworkRate = measure.Figure{Value: 1000 * float64(spikes) / float64(w.ToMS-w.FromMS) / float64(p.Info().N), N: spikes}
	part := func(outside, all int64) measure.Figure {
		if !after.Known {
			return measure.Figure{Value: math.NaN()}
		}
		return measure.Figure{Value: float64(outside) / float64(all), N: int(all)}
	}
	w.StepsOutside = part(after.StepsOutside-before.StepsOutside, after.Steps-before.Steps)
	w.WeightsOutside = part(after.WeightsOutside-before.WeightsOutside, after.Events-before.Events)
}

// drop forgets the first steps of the window in hand.
func (p *Population) drop(steps int) {
	p.spikes = slices.Delete(p.spikes, 0, steps)
	for i := range p.traces {
		t := &p.traces[i]
		t.VSoma, t.TwinVSoma = slices.Delete(t.VSoma, 0, steps), slices.Delete(t.TwinVSoma, 0, steps)
		t.PSpike, t.Spike = slices.Delete(t.PSpike, 0, steps), slices.Delete(t.Spike, 0, steps)
		p.labels[i] = slices.DeleteFunc(p.labels[i], func(k int64) bool { return k < p.from })
	}
}

// Finish ends the window in hand, however short, so that Windows and Total cover all
// steps so far. A peak of the twin that the last half ms foretells is missed.
func (p *Population) Finish() error {
	if p.bad != nil {
		return fmt.Errorf("%w: audit stopped by: %w", population.ErrState, p.bad)
	}
	if len(p.spikes) > 0 {
		p.bad = p.end(len(p.spikes))
	}
	return p.bad
}

// Windows returns the windows that have ended since the last Reset, in order. A window ends
// up to one call of Step after its last step. The caller must not change them.
func (p *Population) Windows() []Window { return p.windows }

// Total is the agreement over all windows that have ended, as one window.
func (p *Population) Total() Window {
	w := Window{FromMS: p.opt.WarmUpMS, ToMS: int(p.from)}
	p.describe(&w, p.total, p.totalSpikes, p.seenFirst, p.seen)
	return w
}

// ROC is the curve of the surrogates' spike probabilities over all windows that have ended.
func (p *Population) ROC() measure.ROC { return p.total.ROC() }

// Neurons returns the audited neurons; the caller must not change them.
func (p *Population) Neurons() []int { return p.neurons }

// Trace returns the last window that ended of audited neuron neurons[i]; the next window
// overwrites it.
func (p *Population) Trace(i int) Trace { return p.last[i] }

// Reset returns the population, the twins and the audit to t = 0.
func (p *Population) Reset() {
	p.Population.Reset()
	p.twin.Reset()
	p.from = 0
	for i := range p.labels {
		p.labels[i] = p.labels[i][:0]
	}
	p.begin()
}

// Save fails: an audit cannot be saved.
func (p *Population) Save(io.Writer) error {
	return fmt.Errorf("%w: an audited population is not saved", population.ErrState)
}

// Load fails: an audit cannot be loaded.
func (p *Population) Load(io.Reader) error {
	return fmt.Errorf("%w: an audited population is not loaded", population.ErrState)
}

// Close closes the population and the twins.
func (p *Population) Close() error { return errors.Join(p.Population.Close(), p.twin.Close()) }

func grow[T any](b []T, n int) []T {
	if cap(b) < n {
		return make([]T, n)
	}
	return b[:n]
}
