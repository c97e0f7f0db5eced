package cell

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"understudy/plugin/detailed"
	"understudy/plugin/mechanism"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
)

// rig is one l5pc with probes on every segment of interest.
type rig struct {
	cell  *detailed.Cell
	morph *morphology.Morphology
	segs  []morphology.Segment
	pop   *detailed.Population
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	c, m, err := Build("l5pc", o)
	if err != nil {
		t.Fatal(err)
	}
	segs, err := m.Segments()
	if err != nil {
		t.Fatal(err)
	}
	p, err := detailed.New(c, 1, detailed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{c, m, segs, p}
}

func (r *rig) probe(t *testing.T, segment int) func() []float64 {
	t.Helper()
	trace, err := r.pop.Probe(0, segment, 0.125)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

func (r *rig) run(t *testing.T, ms int, events []population.Event) {
	t.Helper()
	if err := r.pop.Step(ms, events, population.Output{}); err != nil {
		t.Fatal(err)
	}
}

// segment finds the segment of a region that satisfies ok and is nearest to a distance from the soma.
func (r *rig) segment(region morphology.Region, distanceUM float64, ok func(s morphology.Segment) bool) int {
	best, off := -1, math.Inf(1)
	for i, s := range r.segs {
		if d := math.Abs(s.DistanceUM - distanceUM); r.morph.Sections[s.Section].Region == region && d < off && ok(s) {
			best, off = i, d
		}
	}
	return best
}

func anySegment(morphology.Segment) bool { return true }

// channel is the excitatory channel of a segment.
func (r *rig) channel(segment int) int32 { return int32(segment - (r.cell.Soma + 3)) }

// TestL5PCRest: without input the cell settles below its initial -76 mV and
// fires nothing. Hay's cell on the paper's reconstruction rests at -81 mV in NEURON.
func TestL5PCRest(t *testing.T) {
	r := newRig(t, Options{})
	soma := r.probe(t, r.cell.Soma)
	r.run(t, 600, nil)
	v := soma()
	if rest := v[len(v)-1]; rest > -76 || rest < -84 {
		t.Errorf("rests at %.1f mV, want -84 to -76", rest)
	}
	if n := len(r.pop.PeaksMS(0)); n > 0 {
		t.Errorf("%d spikes without input", n)
	}
}

// TestL5PCStep: 0.8 nA for 300 ms makes a handful of full spikes (NEURON on the
// paper's reconstruction: 7 at this time step, 6 converged).
func TestL5PCStep(t *testing.T) {
	r := newRig(t, Options{})
	soma := r.probe(t, r.cell.Soma)
	r.run(t, 200, nil)
	for _, nA := range []float64{0.8, 0} {
		if err := r.pop.Inject(0, nA); err != nil {
			t.Fatal(err)
		}
		r.run(t, 300, nil)
	}
	peaks := r.pop.PeaksMS(0)
	if len(peaks) < 4 || len(peaks) > 10 {
		t.Errorf("%d spikes, want 4 to 10", len(peaks))
	}
	for _, at := range peaks {
		if at < 200 || at > 500 {
			t.Errorf("a spike at %g ms, outside the step", at)
		}
	}
	high := -100.0
	for _, v := range soma() {
		high = max(high, v)
	}
	if high < 10 || high > 60 {
		t.Errorf("spikes reach %.1f mV, want 10 to 60", high)
	}
}

// plateau is how long [ms] a distal segment stays above -40 mV after a volley of synchronous
// events on it and its neighbours.
func plateau(t *testing.T, synapses string, region morphology.Region, distance float64) float64 {
	r := newRig(t, Options{Synapses: synapses})
	at := r.segment(region, distance, anySegment)
	v := r.probe(t, at)
	r.run(t, 150, nil)
	r.run(t, 150, []population.Event{{TimeMS: 160, Channel: r.channel(at), Weight: 25}})
	above := 0.0
	for _, x := range v() {
		if x > -40 {
			above += 0.125
		}
	}
	return above
}

// TestL5PCPlateau: with NMDA a volley on a thin distal branch makes a plateau that
// outlasts the AMPA response by far (Schiller et al. 2000, Larkum et al. 2009).
func TestL5PCPlateau(t *testing.T) {
	for name, at := range map[string]struct {
		region   morphology.Region
		distance float64
	}{"basal tip": {morphology.Basal, 250}, "tuft tip": {morphology.Apical, 1250}} {
		nmda, ampa := plateau(t, "nmda", at.region, at.distance), plateau(t, "ampa", at.region, at.distance)
		t.Logf("%s: above -40 mV for %.1f ms with NMDA, %.1f ms without", name, nmda, ampa)
		if nmda < 20 || ampa > nmda/2 {
			t.Errorf("%s: above -40 mV for %.1f ms with NMDA and %.1f ms without, want at least 20 and at most half of it", name, nmda, ampa)
		}
	}
}

// TestL5PCCalciumSpike: a strong volley on the tuft makes a long depolarisation
// of the calcium hot zone and a burst at the soma; a weak one does not.
func TestL5PCCalciumSpike(t *testing.T) {
	above := func(weight float32) (ms float64, spikes int) {
		r := newRig(t, Options{})
		v := r.probe(t, r.segment(morphology.Apical, 750, anySegment))
		r.run(t, 150, nil)
		var events []population.Event
		for i, s := range r.segs {
			if r.morph.Sections[s.Section].Region == morphology.Apical && s.DistanceUM > 700 {
				events = append(events, population.Event{TimeMS: 160 + float64(i%10), Channel: r.channel(i), Weight: weight})
			}
		}
		r.run(t, 200, events)
		for _, x := range v() {
			if x > -25 {
				ms += 0.125
			}
		}
		return ms, len(r.pop.PeaksMS(0))
	}
	strong, spikes := above(3)
	weak, few := above(0.1)
	t.Logf("hot zone above -25 mV for %.1f ms (%d somatic spikes), weak volley %.1f ms (%d)", strong, spikes, weak, few)
	if strong < 10 || spikes < 2 {
		t.Errorf("hot zone above -25 mV for %.1f ms with %d somatic spikes, want at least 10 and 2", strong, spikes)
	}
	if weak > 0 || few > 0 {
		t.Errorf("a weak volley depolarises the hot zone for %.1f ms, with %d spikes", weak, few)
	}
}

// TestPassiveDendrites: they keep capacitance and leak alone, the soma and the
// axon everything, and a somatic spike no longer travels up the apical dendrite.
func TestPassiveDendrites(t *testing.T) {
	passive, active := newRig(t, Options{Dendrites: "passive"}), newRig(t, Options{Dendrites: "active"})
	for i, s := range passive.segs {
		got, want := passive.cell.Segments[i], active.cell.Segments[i]
		if r := passive.morph.Sections[s.Section].Region; r == morphology.Basal || r == morphology.Apical {
			want.Inserted = want.Inserted[:1]
			if want.Inserted[0].Mechanism != mechanism.Pas {
				t.Fatalf("segment %d: the first mechanism is %s", i, want.Inserted[0].Mechanism.Name)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("segment %d is %+v, want %+v", i, got, want)
		}
	}
	if !reflect.DeepEqual(passive.cell.Channels, active.cell.Channels) {
		t.Error("the synapses differ")
	}
	high := func(r *rig) (soma, apical float64) {
		traces := []func() []float64{r.probe(t, r.cell.Soma), r.probe(t, r.segment(morphology.Apical, 400, anySegment))}
		if err := r.pop.Inject(0, 2); err != nil {
			t.Fatal(err)
		}
		r.run(t, 100, nil)
		return slices.Max(traces[0]()), slices.Max(traces[1]())
	}
	soma, apical := high(active)
	if soma < 10 || apical < -10 {
		t.Errorf("active: soma reaches %.1f mV, the apical dendrite %.1f mV, want 10 and -10 at least", soma, apical)
	}
	if soma, apical = high(passive); soma < 10 || apical > -30 {
		t.Errorf("passive: soma reaches %.1f mV, the apical dendrite %.1f mV, want at least 10 and at most -30", soma, apical)
	}
}

func TestChannels(t *testing.T) {
	for _, name := range Names() {
		chs, err := Channels(name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := New(name, 2, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Info().Channels; got != len(chs) {
			t.Errorf("%s: %d channels described, %d in the population", name, len(chs), got)
		}
		inhibitory := false
		for i, c := range chs {
			if c.Kind == Excitatory && inhibitory {
				t.Fatalf("%s: channel %d is excitatory after an inhibitory one", name, i)
			}
			inhibitory = c.Kind == Inhibitory
		}
		if _, ok := p.(population.Labelled); !ok {
			t.Errorf("%s does not tell spike times", name)
		}
	}
}

func TestBadOptions(t *testing.T) {
	if _, err := New("l6pc", 1, Options{}); !errors.Is(err, population.ErrInput) || !strings.Contains(err.Error(), "l5pc") {
		t.Errorf("unknown cell: %v", err)
	}
	if _, err := New("l5pc", 1, Options{Synapses: "glutamate"}); !errors.Is(err, population.ErrInput) {
		t.Errorf("unknown synapses: %v", err)
	}
	if _, err := New("l5pc", 1, Options{Dendrites: "pruned"}); !errors.Is(err, population.ErrInput) {
		t.Errorf("unknown dendrites: %v", err)
	}
	onlySoma := &morphology.Morphology{Name: "bare", Sections: morphology.GenerateL5PC().Sections[:1]}
	if _, err := New("l5pc", 1, Options{Morphology: onlySoma}); !errors.Is(err, population.ErrInput) {
		t.Errorf("no dendrites: %v", err)
	}
}
