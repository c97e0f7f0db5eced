package detailed

import (
	"fmt"
	"slices"

	"understudy/plugin/population"
)

// gridMS is the grid on which peaks are found (the paper's 8 samples a ms).
const gridMS = 0.125

const (
	peakAbove   = -25.0 // [mV] a local maximum above it is a spike (the paper)
	crossUpward = -20.0 // [mV] an upward crossing of it emits a spike
)

// recorder finds the spikes of one neuron while it runs.
type recorder struct {
	last      float64 // voltage at the previous time step
	grid      int64   // grid points sampled
	prev, cur float64 // the last two grid samples
	crossed   bool    // crossed upward within the present ms
	peaks     []float64
	upcross   []float64
}

func (r *recorder) reset(v float64) {
	*r = recorder{last: v, cur: v, prev: v, peaks: r.peaks[:0], upcross: r.upcross[:0]}
}

// sample takes the voltage at the end t of a time step.
func (r *recorder) sample(t, dt, v float64) {
	if r.last < crossUpward && v >= crossUpward {
		r.crossed = true
		r.upcross = append(r.upcross, t-dt+dt*(crossUpward-r.last)/(v-r.last))
	}
	for {
		at := float64(r.grid+1) * gridMS
		if at > t+1e-9 {
			break
		}
		g := v - (v-r.last)*(t-at)/dt
		if r.cur > r.prev && g < r.cur && r.cur > peakAbove {
			r.peaks = append(r.peaks, float64(r.grid)*gridMS)
		}
		r.prev, r.cur = r.cur, g
		r.grid++
	}
	r.last = v
}

// PeaksMS implements population.Labelled. A peak is known one grid point after it; the list
// starts anew at Reset and at Load.
func (p *Population) PeaksMS(neuron int) []float64 { return slices.Clone(p.record[neuron].peaks) }

// UpcrossMS implements population.Labelled.
func (p *Population) UpcrossMS(neuron int) []float64 { return slices.Clone(p.record[neuron].upcross) }

// probe records one segment's voltage every so many time steps.
type probe struct {
	neuron, segment int
	every, count    int
	trace           []float64
}

// Probe records the voltage [mV] of a segment of a neuron from now on: one
// sample at once and one every intervalMS, which must be a multiple of dt. Trace
// returns the samples so far.
func (p *Population) Probe(neuron, segment int, intervalMS float64) (trace func() []float64, err error) {
	every := int(intervalMS/p.opt.DtMS + 0.5)
	if neuron < 0 || neuron >= p.n || segment < 0 || segment >= len(p.cell.Segments) || every < 1 {
		return nil, fmt.Errorf("%w: probe of neuron %d, segment %d every %g ms", population.ErrInput, neuron, segment, intervalMS)
	}
	p.probes = append(p.probes, probe{neuron: neuron, segment: segment, every: every, trace: []float64{p.voltage(neuron, segment)}})
	i := len(p.probes) - 1
	return func() []float64 { return slices.Clone(p.probes[i].trace) }, nil
}

// ProbeChannel implements population.Probed.
func (p *Population) ProbeChannel(neuron, channel int, intervalMS float64) (trace func() []float64, err error) {
	if channel < 0 || channel >= len(p.cell.Channels) || len(p.cell.Channels[channel]) == 0 {
		return nil, fmt.Errorf("%w: probe of channel %d of %d", population.ErrInput, channel, len(p.cell.Channels))
	}
	return p.Probe(neuron, p.cell.Channels[channel][0].Segment, intervalMS)
}

func (q *probe) reset(p *Population) {
	q.count = 0
	q.trace = append(q.trace[:0], p.voltage(q.neuron, q.segment))
}

func (q *probe) sample(p *Population, first, cells int) {
	if q.neuron < first || q.neuron >= first+cells {
		return
	}
	if q.count++; q.count == q.every {
		q.count = 0
		q.trace = append(q.trace, p.voltage(q.neuron, q.segment))
	}
}
