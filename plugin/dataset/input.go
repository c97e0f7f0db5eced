// Package dataset makes training data: random synaptic input with the
// statistics of Beniaguev, Segev & London (2021), and trials of a detailed
// cell that receives it.
package dataset

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"understudy/plugin/cell"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
	"understudy/plugin/portable"
	"understudy/plugin/spikeio"
)

// Inputs are the statistics of a cell's random synaptic input. Each trial draws
// one hold interval and one smoothing width. For each hold interval, each tree
// draws its number of excitatory and inhibitory spikes, spread over the tree's
// segments by length and jittered per segment; the piecewise-constant rates
// are smoothed in time, and each ms each channel fires at most once.
type Inputs struct {
	HoldMS        []int       `json:"hold_ms"`         // hold intervals to choose from [ms]
	HoldJitterMS  int         `json:"hold_jitter_ms"`  // uniform jitter of the hold interval, +- [ms]
	SigmaMS       []int       `json:"sigma_ms"`        // standard deviations of the smoothing window to choose from [ms]
	SigmaJitterMS int         `json:"sigma_jitter_ms"` // uniform jitter of it, +- [ms]
	Basal         TreeRates   `json:"basal"`           // the basal tree, and cells without trees
	Apical        TreeRates   `json:"apical"`
	SegmentJitter [2]float64  `json:"segment_jitter"` // range of the factor per segment and hold interval
	MinLengthUM   float64     `json:"min_length_um"`  // added to each segment's length [um]
	Synchrony     *Synchrony  `json:"synchrony,omitempty"`
	Clustering    *Clustering `json:"clustering,omitempty"`
	Weights       *Weights    `json:"weights,omitempty"`
}

// TreeRates are the ranges of a tree's total spike counts.
type TreeRates struct {
	// Exc is the range of excitatory spikes per tree and 100 ms.
	Exc [2]float64 `json:"exc_per_100ms"`
	// InhMinusExc is the range of the inhibitory count above the excitatory
	// one; where that is below 0 the inhibitory count is 0.
	InhMinusExc [2]float64 `json:"inh_minus_exc_per_100ms"`
}

// Paper returns the published statistics for cells with NMDA synapses, or
// those for cells whose excitatory synapses are AMPA only.
func Paper(nmda bool) Inputs {
	in := Inputs{
		HoldMS:        []int{25, 30, 35, 40, 45, 55, 60, 65, 70, 75, 80, 85, 90, 100, 150, 200, 300, 450},
		HoldJitterMS:  20,
		SigmaMS:       []int{25, 30, 35, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 600},
		SigmaJitterMS: 20,
		Basal:         TreeRates{Exc: [2]float64{0, 800}, InhMinusExc: [2]float64{-600, 200}},
		Apical:        TreeRates{Exc: [2]float64{0, 800}, InhMinusExc: [2]float64{-600, 200}},
		SegmentJitter: [2]float64{0.5, 1.5},
		MinLengthUM:   10,
	}
	if !nmda {
		in.Basal = TreeRates{Exc: [2]float64{0, 1900}, InhMinusExc: [2]float64{-1650, 150}}
		in.Apical = TreeRates{Exc: [2]float64{0, 2000}, InhMinusExc: [2]float64{-1650, 150}}
	}
	return in
}

// Trial draws the input of trial number trial: events in order of time, then
// channel, at whole ms, of weight 1 unless Weights says otherwise. It depends on nothing but its
// arguments: not on other trials, the thread or the machine.
func (in Inputs) Trial(channels []cell.Channel, ms int, seed, trial uint64) (*spikeio.Events, error) {
	if err := in.checkFor(channels, ms); err != nil {
		return nil, err
	}
	rng := newStream("understudy input", seed, trial)
	r := in.draw(channels, ms, rng)
	r.volleys = in.Synchrony.draw(newStream("understudy sync.", seed, trial))
	if factor := in.Clustering.draw(channels, in.MinLengthUM, newStream("understudy clust", seed, trial)); factor != nil {
		for c, held := range r.held {
			for k := range held {
				held[k] *= factor[c]
			}
		}
	}
	times := make([][]int32, len(channels))
	count := make([]int, ms+1) // count[t+1]: events at t
	total := 0
	for c := range channels {
		// One uniform number per ms decides. Few are below the highest
		// probability of this channel, so few probabilities are computed.
		bound := spikeProbability(r.highest(c))
		for t := range ms {
			if u := rng.uniform(); u < bound && u < spikeProbability(r.at(c, t)) {
				times[c] = append(times[c], int32(t))
				count[t+1]++
				total++
			}
		}
	}
	for t := range ms {
		count[t+1] += count[t] // now the place of the first event at t+1
	}
	e := &spikeio.Events{Channel: make([]int32, total), TimeMS: make([]float64, total), TotalMS: ms}
	for c, ts := range times {
		for _, t := range ts {
			e.Channel[count[t]], e.TimeMS[count[t]] = int32(c), float64(t)
			count[t]++
		}
	}
	in.Weights.apply(e, newStream("understudy weigh", seed, trial))
	return e, nil
}

// check returns an error that names the first field that makes no sense.
func (in Inputs) check() error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: input statistics: %s", population.ErrInput, fmt.Sprintf(format, a...))
	}
	if len(in.HoldMS) == 0 || len(in.SigmaMS) == 0 {
		return bad("no hold_ms or no sigma_ms to choose from")
	}
	for i, h := range in.HoldMS {
		if in.HoldJitterMS < 0 || h-in.HoldJitterMS < 1 || h+in.HoldJitterMS > 1e6 {
			return bad("hold_ms: entry %d is %d with a jitter of %d, expected 1 to 1000000 ms", i, h, in.HoldJitterMS)
		}
	}
	for i, s := range in.SigmaMS {
		if in.SigmaJitterMS < 0 || s-in.SigmaJitterMS < 1 || s+in.SigmaJitterMS > 1e6 {
			return bad("sigma_ms: entry %d is %d with a jitter of %d, expected 1 to 1000000 ms", i, s, in.SigmaJitterMS)
		}
	}
	for _, f := range []struct {
		name     string
		r        [2]float64
		low, top float64
	}{
		{"basal.exc_per_100ms", in.Basal.Exc, 0, 1e9}, {"basal.inh_minus_exc_per_100ms", in.Basal.InhMinusExc, -1e9, 1e9},
		{"apical.exc_per_100ms", in.Apical.Exc, 0, 1e9}, {"apical.inh_minus_exc_per_100ms", in.Apical.InhMinusExc, -1e9, 1e9},
		{"segment_jitter", in.SegmentJitter, 0, 1e9},
	} {
		if !(f.r[0] >= f.low && f.r[0] <= f.r[1] && f.r[1] <= f.top) {
			return bad("%s is %v, expected %g <= low <= high <= %g", f.name, f.r, f.low, f.top)
		}
	}
	if !(in.MinLengthUM >= 0 && in.MinLengthUM <= 1e9) {
		return bad("min_length_um is %g, expected 0 to 1e9", in.MinLengthUM)
	}
	if s := in.Synchrony; s != nil {
		switch {
		case !(s.Trials >= 0 && s.Trials <= 1):
			return bad("synchrony.trials is %g, expected 0 to 1", s.Trials)
		case s.PeriodMS[0] < 1 || s.PeriodMS[0] > s.PeriodMS[1] || s.PeriodMS[1] > 1e6:
			return bad("synchrony.period_ms is %v, expected 1 <= low <= high <= 1000000", s.PeriodMS)
		case !(s.WidthMS[0] >= 0.1 && s.WidthMS[0] <= s.WidthMS[1] && s.WidthMS[1] <= 1e6):
			return bad("synchrony.width_ms is %v, expected 0.1 <= low <= high <= 1e6", s.WidthMS)
		case !(s.Share[0] >= 0 && s.Share[0] <= s.Share[1] && s.Share[1] <= 1):
			return bad("synchrony.share is %v, expected 0 <= low <= high <= 1", s.Share)
		}
	}
	if c := in.Clustering; c != nil {
		switch {
		case !(c.Trials >= 0 && c.Trials <= 1):
			return bad("clustering.trials is %g, expected 0 to 1", c.Trials)
		case c.Clusters[0] < 1 || c.Clusters[0] > c.Clusters[1] || c.Clusters[1] > 1e6:
			return bad("clustering.clusters is %v, expected 1 <= low <= high <= 1000000", c.Clusters)
		case !(c.LengthUM[0] > 0 && c.LengthUM[0] <= c.LengthUM[1] && c.LengthUM[1] <= 1e9):
			return bad("clustering.length_um is %v, expected 0 < low <= high <= 1e9", c.LengthUM)
		case !(c.Share[0] >= 0 && c.Share[0] <= c.Share[1] && c.Share[1] <= 1):
			return bad("clustering.share is %v, expected 0 <= low <= high <= 1", c.Share)
		}
	}
	if w := in.Weights; w != nil {
		switch {
		case !(w.Trials >= 0 && w.Trials <= 1):
			return bad("weights.trials is %g, expected 0 to 1", w.Trials)
		case !(w.Range[0] >= 1e-6 && w.Range[0] <= w.Range[1] && w.Range[1] <= 1e6):
			return bad("weights.range is %v, expected 1e-6 <= low <= high <= 1e6", w.Range)
		case !(w.Repeats[0] >= 0 && w.Repeats[0] <= w.Repeats[1] && w.Repeats[1] <= 1):
			return bad("weights.repeats is %v, expected 0 <= low <= high <= 1", w.Repeats)
		}
	}
	return nil
}

// checkFor also checks what the statistics are used on: a trial of ms into channels.
func (in Inputs) checkFor(channels []cell.Channel, ms int) error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: input of %s", population.ErrInput, fmt.Sprintf(format, a...))
	}
	if ms < 1 || ms > spikeio.MaxMS {
		return bad("%d ms, expected 1 to %d", ms, spikeio.MaxMS)
	}
	if len(channels) == 0 {
		return bad("a cell without channels")
	}
	if err := in.check(); err != nil {
		return err
	}
	for i, c := range channels {
		if l := c.LengthUM + in.MinLengthUM; !(l > 0 && l <= 1e9) {
			return bad("channel %d: its length is %g um", i, c.LengthUM)
		}
		if c.Kind != cell.Excitatory && c.Kind != cell.Inhibitory {
			return bad("channel %d: it is of kind %q", i, c.Kind)
		}
	}
	return nil
}

// rates are one trial's smoothed rates: held values and the sums of the
// window that smooths them, so that a rate costs one term per hold interval
// under the window.
type rates struct {
	hold  int         // ms
	held  [][]float64 // [channel][interval] spikes per ms
	sums  []float64   // sums[k]: of the first k weights of the window
	ahead int         // how far the window reaches into the future [ms]
	ms    int
	// volleys scales every channel's smoothed rate; nil: by 1.
	volleys *volleys
}

// draw draws a trial's rates.
func (in Inputs) draw(channels []cell.Channel, ms int, rng stream) rates {
	hold := in.HoldMS[rng.index(len(in.HoldMS))] + rng.jitter(in.HoldJitterMS)
	sigma := in.SigmaMS[rng.index(len(in.SigmaMS))] + rng.jitter(in.SigmaJitterMS)
	r := rates{hold: hold, ms: ms, sums: windowSums(sigma), ahead: 7 * sigma / 2}
	intervals := (ms + hold - 1) / hold

	// Spikes per um and ms, [tree][kind][interval].
	var perUM [2][2][]float64
	var length [2][2]float64
	for _, c := range channels {
		length[treeOf(c)][kindOf(c)] += c.LengthUM + in.MinLengthUM
	}
	for tree, tr := range []TreeRates{in.Basal, in.Apical} {
		for range intervals {
			exc := rng.between(tr.Exc[0], tr.Exc[1])
			inh := rng.between(max(0, exc+tr.InhMinusExc[0]), max(0, exc+tr.InhMinusExc[1]))
			perUM[tree][0] = append(perUM[tree][0], exc/(100*length[tree][0]))
			perUM[tree][1] = append(perUM[tree][1], inh/(100*length[tree][1]))
		}
	}
	r.held = make([][]float64, len(channels))
	for i, c := range channels {
		h := make([]float64, intervals)
		for k, v := range perUM[treeOf(c)][kindOf(c)] {
			h[k] = rng.between(in.SegmentJitter[0], in.SegmentJitter[1]) * v * (c.LengthUM + in.MinLengthUM)
		}
		r.held[i] = h
	}
	return r
}

// windowSums returns the running sums of the normalised Gaussian window of
// 1+7*sigma weights, centred (between two weights where their number is even).
func windowSums(sigma int) []float64 {
	n := 1 + 7*sigma
	sums := make([]float64, n+1)
	for k := range n {
		x := (float64(k) - float64(float64(n-1)/2)) / float64(sigma)
		sums[k+1] = sums[k] + portable.ExpNeg(float64(x*x)/2)
	}
	for k := range sums {
		sums[k] /= sums[n]
	}
	return sums
}

// at returns the smoothed rate [spikes per ms] of channel c at t [ms]: weight k
// of the window falls on the held rate at t+ahead-k; before 0 and from ms on
// the rate is 0.
func (r *rates) at(c, t int) float64 {
	held, last := r.held[c], len(r.sums)-1
	newest := t + r.ahead // under weight 0
	first := max(0, newest-last+1) / r.hold
	rate := 0.0
	for i := first; i < len(held) && i*r.hold <= newest; i++ {
		from, to := i*r.hold, min((i+1)*r.hold, r.ms) // held[i] holds in [from, to)
		k0, k1 := max(0, newest-to+1), min(last, newest-from+1)
		// Converted, so that no compiler fuses: the same bits on every machine.
		rate += float64(held[i] * (r.sums[k1] - r.sums[k0]))
	}
	return rate * r.volleys.at(t)
}

// highest returns a bound on the smoothed rate of channel c.
func (r *rates) highest(c int) float64 {
	m := 0.0
	for _, v := range r.held[c] {
		m = max(m, v)
	}
	return m * r.volleys.highest() * (1 + 1e-9) // the window's weights add up to 1 only up to rounding
}

// spikeProbability is the probability that an ms of rate r [1/ms] holds a spike. The
// paper draws p from an exponential distribution of mean r and then fires with
// probability min(p, 1), independently each ms: r (1 - exp(-1/r)) in all.
func spikeProbability(r float64) float64 {
	if r < 1./64 { // exp(-64) is below the rounding error
		return r
	}
	return r * (1 - portable.ExpNeg(1/r))
}

// treeOf returns 1 for the apical tree, 0 for all else.
func treeOf(c cell.Channel) int {
	if c.Region == morphology.Apical {
		return 1
	}
	return 0
}

// kindOf returns 0 for excitation, 1 for inhibition.
func kindOf(c cell.Channel) int {
	if c.Kind == cell.Inhibitory {
		return 1
	}
	return 0
}

// stream draws numbers that no Go version or machine changes.
type stream struct{ src *rand.ChaCha8 }

// newStream makes the stream of one trial for one purpose, a name of 16 bytes.
func newStream(purpose string, seed, trial uint64) stream {
	var key [32]byte
	copy(key[:16], purpose)
	binary.LittleEndian.PutUint64(key[16:], seed)
	binary.LittleEndian.PutUint64(key[24:], trial)
	return stream{rand.NewChaCha8(key)}
}

// uniform returns a number in [0, 1).
func (s stream) uniform() float64 { return float64(s.src.Uint64()>>11) * 0x1p-53 }

func (s stream) between(low, high float64) float64 { return low + float64((high-low)*s.uniform()) }

func (s stream) index(n int) int { return int(float64(n) * s.uniform()) }

// jitter returns a number within +-j, rounded towards 0 as the paper does.
func (s stream) jitter(j int) int { return int(s.between(-float64(j), float64(j))) }
