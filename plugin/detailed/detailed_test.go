package detailed

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"understudy/native/cable"
	"understudy/plugin/mechanism"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
)

// branched is a small cell: a soma, a passive dendrite of three segments that forks, with
// Hodgkin-Huxley channels in the soma, and calcium in one branch.
func branched() *Cell {
	pas := func() Insertion {
		return Insertion{mechanism.Pas, []float64{1e-4, -65}}
	}
	spec := func(ins ...Insertion) SegmentSpec {
		return SegmentSpec{Cm: 1, Ra: 100, Inserted: append([]Insertion{pas()}, ins...)}
	}
	must := func(m *mechanism.Mechanism, set map[string]float64) Insertion {
		v, err := m.Values(set)
		if err != nil {
			panic(err)
		}
		return Insertion{m, v}
	}
	hh := must(mechanism.HH, nil)
	calcium := []Insertion{
		must(mechanism.CaHVA, map[string]float64{"gCa_HVAbar": 7e-4}),
		must(mechanism.CaDynamicsE2, map[string]float64{"gamma": 6e-4, "decay": 35}),
		must(mechanism.SKE2, map[string]float64{"gSK_E2bar": 1e-3}),
	}
	c := &Cell{
		Name: "branched",
		Nodes: []morphology.Node{
			{Parent: -1, Segment: 0},
			{Parent: 0, Resistance: 0.05, Segment: 1},
			{Parent: 1, Resistance: 0.05, Segment: 2},
			{Parent: 2, Resistance: 0.05, Segment: 3},
			{Parent: 3, Resistance: 0.03, Segment: -1},
			{Parent: 4, Resistance: 0.2, Segment: 4},
			{Parent: 4, Resistance: 0.1, Segment: 5},
		},
		Area:     []float64{1000, 120, 110, 100, 90, 200},
		Segments: []SegmentSpec{spec(hh), spec(), spec(), spec(), spec(calcium...), spec(calcium...)},
		Soma:     0, ENa: 50, EK: -77, CaOut: 2, CaInit: 5e-5, Celsius: 6.3, VInit: -65,
	}
	for s := 1; s < 6; s++ {
		c.Channels = append(c.Channels, []Contact{{mechanism.AMPA, s}, {mechanism.NMDA, s}})
	}
	for s := 1; s < 6; s++ {
		c.Channels = append(c.Channels, []Contact{{mechanism.GABAA, s}})
	}
	return c
}

// randomEvents are for n neurons over ms, a few per ms and neuron.
func randomEvents(n, channels, ms int, perMS float64) []population.Event {
	r := rand.New(rand.NewPCG(1, 2))
	var ev []population.Event
	for i := range n {
		for range int(perMS * float64(ms)) {
			ev = append(ev, population.Event{TimeMS: r.Float64() * float64(ms), Neuron: int32(i), Channel: int32(r.IntN(channels)), Weight: float32(r.IntN(5))})
		}
	}
	return ev
}

// play steps a population over ms in blocks and returns the voltages and spikes.
func play(t testing.TB, p *Population, events []population.Event, ms, block int) ([]float32, []bool) {
	t.Helper()
	v, spike := make([]float32, ms*p.n), make([]bool, ms*p.n)
	for done := 0; done < ms; done += block {
		k := min(block, ms-done)
		var now []population.Event
		for _, e := range events {
			if e.TimeMS >= float64(done) && e.TimeMS < float64(done+k) {
				now = append(now, e)
			}
		}
		if err := p.Step(k, now, population.Output{VSoma: v[done*p.n:], Spike: spike[done*p.n:]}); err != nil {
			t.Fatal(err)
		}
	}
	return v, spike
}

func newPop(t testing.TB, c *Cell, n int, o Options) *Population {
	t.Helper()
	p, err := New(c, n, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSameBits: the batch, the lanes, the threads, the block length, the order
// of events and the kernel do not change a bit.
func TestSameBits(t *testing.T) {
	const n, ms = 11, 60 // a block of eight and an incomplete one of four, with AVX-512
	c := branched()
	events := randomEvents(n, len(c.Channels)*3/4, ms, 1)
	for _, scheme := range []Scheme{BackwardEuler, CrankNicolson} {
		want, wantSpikes := play(t, newPop(t, c, n, Options{Scheme: scheme, Kernel: "reference"}), events, ms, 1)
		if i := slices.Index(wantSpikes, true); i < 0 {
			t.Fatal("the stimulus makes no spike")
		}
		check := func(what string, v []float32, spikes []bool) {
			t.Helper()
			if !slices.Equal(v, want) || !slices.Equal(spikes, wantSpikes) {
				t.Errorf("%s, %s: other bits", scheme, what)
			}
		}
		for _, name := range cable.Names() {
			if _, err := cable.Select(name); err != nil {
				t.Logf("kernel %s skipped: %v", name, err)
				continue
			}
			v, s := play(t, newPop(t, c, n, Options{Scheme: scheme, Kernel: name}), events, ms, ms)
			check("kernel "+name, v, s)
		}
		v, s := play(t, newPop(t, c, n, Options{Scheme: scheme, Threads: 3}), events, ms, 7)
		check("three threads, blocks of 7", v, s)
		shuffled := slices.Clone(events)
		rand.New(rand.NewPCG(5, 5)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		v, s = play(t, newPop(t, c, n, Options{Scheme: scheme}), shuffled, ms, 1)
		check("shuffled events", v, s)
		for i := range n {
			var own []population.Event
			for _, e := range events {
				if int(e.Neuron) == i {
					e.Neuron = 0
					own = append(own, e)
				}
			}
			alone, _ := play(t, newPop(t, c, 1, Options{Scheme: scheme}), own, ms, 1)
			for k, x := range alone {
				if x != want[k*n+i] {
					t.Fatalf("%s: neuron %d alone differs at %d ms: %g, want %g", scheme, i, k, x, want[k*n+i])
				}
			}
		}
	}
}

func TestResetAndState(t *testing.T) {
	const n, ms = 5, 80
	c := branched()
	events := randomEvents(n, len(c.Channels)*3/4, ms, 1)
	// An event in the last half step of a ms is delivered in the next one, so
	// that the saved state holds an event.
	events = append(events, population.Event{TimeMS: 39.995, Channel: 1, Weight: 3})
	p := newPop(t, c, n, Options{})
	want, _ := play(t, p, events, ms, 10)
	p.Reset()
	if again, _ := play(t, p, events, ms, 10); !slices.Equal(again, want) {
		t.Error("a run after Reset differs")
	}

	p.Reset()
	half := func(lo, hi float64) []population.Event {
		return slices.DeleteFunc(slices.Clone(events), func(e population.Event) bool { return e.TimeMS < lo || e.TimeMS >= hi })
	}
	play(t, p, half(0, 40), 40, 10)
	var saved bytes.Buffer
	if err := p.Save(&saved); err != nil {
		t.Fatal(err)
	}
	// The reference steps another number of cells side by side.
	q := newPop(t, c, n, Options{Kernel: "reference"})
	if err := q.Load(bytes.NewReader(saved.Bytes())); err != nil {
		t.Fatal(err)
	}
	v := make([]float32, 40*n)
	if err := q.Step(40, half(40, 80), population.Output{VSoma: v}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(v, want[40*n:]) {
		t.Error("a loaded population goes on differently")
	}

	for _, cut := range []int{0, 7, 40, saved.Len() / 2, saved.Len() - 1} {
		if err := q.Load(bytes.NewReader(saved.Bytes()[:cut])); !errors.Is(err, population.ErrFormat) {
			t.Errorf("state cut to %d bytes: %v", cut, err)
		}
	}
	for _, at := range []int{0, 9, 20, 30, 45, saved.Len() / 2, saved.Len() - 2} {
		bad := slices.Clone(saved.Bytes())
		bad[at] ^= 0x40
		if err := q.Load(bytes.NewReader(bad)); !errors.Is(err, population.ErrFormat) {
			t.Errorf("state with byte %d changed: %v", at, err)
		}
	}
	if err := newPop(t, c, n+1, Options{}).Load(bytes.NewReader(saved.Bytes())); !errors.Is(err, population.ErrFormat) {
		t.Errorf("state of another size: %v", err)
	}
}

// sphere is one passive compartment of 1000 um2.
func sphere() *Cell {
	return &Cell{Name: "sphere", Nodes: []morphology.Node{{Parent: -1}}, Area: []float64{1000},
		Segments: []SegmentSpec{{Cm: 1, Ra: 100, Inserted: []Insertion{{mechanism.Pas, []float64{1e-4, -70}}}}},
		ENa:      50, EK: -77, CaOut: 2, CaInit: 5e-5, Celsius: 6.3, VInit: -70,
		Channels: [][]Contact{{{mechanism.GABAA, 0}}}}
}

// TestChargingCurve: a sphere with a current step follows
// V = E + I/g (1 - exp(-t/tau)), tau = 10 ms; the error falls with dt as the
// scheme's order says.
func TestChargingCurve(t *testing.T) {
	worst := func(scheme Scheme, dt float64) float64 {
		p := newPop(t, sphere(), 1, Options{Scheme: scheme, DtMS: dt})
		if err := p.Inject(0, 0.01); err != nil {
			t.Fatal(err)
		}
		v, _ := play(t, p, nil, 50, 50)
		worst := 0.0
		for k, x := range v {
			exact := -70 + 0.01/(1e-4*1000*1e-2)*(1-math.Exp(-float64(k)/10))
			worst = max(worst, math.Abs(float64(x)-exact))
		}
		return worst
	}
	// dt/(2 tau) of 10 mV at the steepest, times 1/e.
	if e := worst(BackwardEuler, 0.025); e > 0.006 || e < 0.002 {
		t.Errorf("backward Euler is off by %g mV, want about 0.0046", e)
	}
	if a, b := worst(BackwardEuler, 0.2), worst(BackwardEuler, 0.1); math.Abs(a/b-2) > 0.1 {
		t.Errorf("halving dt improves backward Euler %.2f times, want 2", a/b)
	}
	if a, b := worst(CrankNicolson, 1), worst(CrankNicolson, 0.5); math.Abs(a/b-4) > 0.2 {
		t.Errorf("halving dt improves Crank-Nicolson %.2f times, want 4", a/b)
	}
}

// TestSynapseShape: under a clamp-like leak the conductance of one event peaks at GMax.
func TestSynapseShape(t *testing.T) {
	c := sphere()
	c.Segments[0].Inserted[0].Values[0] = 1 // 10 uS: the voltage stays near -70 mV
	p := newPop(t, c, 1, Options{})
	trace, err := p.Probe(0, 0, 0.025)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Step(60, []population.Event{{TimeMS: 5, Weight: 2}}, population.Output{}); err != nil {
		t.Fatal(err)
	}
	low := slices.Min(trace())
	g := 10 * (-70 - low) / (low - mechanism.GABAA.E) * 1000 // [nS]
	if want := 2 * mechanism.GABAA.GMax; math.Abs(g/want-1) > 0.01 {
		t.Errorf("peak conductance %g nS, want %g", g, want)
	}
}

// TestTableError bounds what interpolation costs against the formulas.
func TestTableError(t *testing.T) {
	reference, err := cable.Select("reference")
	if err != nil {
		t.Fatal(err)
	}
	k, row, frac := reference.For(1), []int32{0}, []float64{0}
	for _, m := range mechanism.Catalogue() {
		for _, g := range m.Gates {
			if g.On == mechanism.OnCalcium {
				tab := calciumTable(g, 0.025)
				for ca := 2e-5; ca < 1; ca *= 1.0007 {
					k.LocateOctave(row, frac, []float64{ca}, calciumGrid)
					i, f := row[0]/2, frac[0]
					inf, _ := g.Rates(ca)
					if got := tab[i] + f*tab[i+2]; math.Abs(got-inf) > 2e-6 {
						t.Fatalf("%s.%s at %g mM: %g, want %g", m.Name, g.Name, ca, got, inf)
					}
				}
				continue
			}
			tab := voltageTable(g, 0.025)
			for v := -110.0; v < 60; v += 0.0137 {
				k.Locate(row, frac, []float64{v}, voltageGrid)
				i, f := row[0]/2, frac[0]
				inf, tau := g.Rates(v)
				fac := -math.Expm1(-0.025 / tau)
				gi, gf := tab[i]+f*tab[i+2], tab[i+1]+f*tab[i+3]
				// K_Pst's time constant jumps by 0.1 % at -60 mV.
				if math.Abs(gi-inf) > 1e-6 || math.Abs(gf-fac) > 1e-6 {
					t.Fatalf("%s.%s at %g mV: (%g, %g), want (%g, %g)", m.Name, g.Name, v, gi, gf, inf, fac)
				}
			}
		}
	}
}

func TestStepDoesNotAllocate(t *testing.T) {
	c := branched()
	p := newPop(t, c, 5, Options{})
	out := population.Output{VSoma: make([]float32, 5), Spike: make([]bool, 5), PSpike: make([]float32, 5)}
	events := make([]population.Event, 5)
	step := func() {
		for i := range events {
			events[i] = population.Event{TimeMS: float64(p.Now()), Neuron: int32(i), Channel: int32(i), Weight: 0.1}
		}
		if err := p.Step(1, events, out); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if a := testing.AllocsPerRun(50, step); a > 0 {
		t.Errorf("%g allocations a step", a)
	}
}

func TestBadArguments(t *testing.T) {
	c := branched()
	for name, o := range map[string]Options{"dt": {DtMS: 0.03}, "negative dt": {DtMS: -1}, "NaN dt": {DtMS: math.NaN()}, "scheme": {Scheme: "euler"}} {
		if _, err := New(c, 1, o); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(c, 0, Options{}); !errors.Is(err, population.ErrInput) {
		t.Errorf("no neurons: %v", err)
	}
	if _, err := New(c, 1, Options{Kernel: "abacus"}); !errors.Is(err, population.ErrKernel) {
		t.Errorf("kernel: %v", err)
	}
	p := newPop(t, c, 2, Options{})
	v := []float32{1, 2}
	for name, e := range map[string]population.Event{
		"past": {TimeMS: -1, Weight: 1}, "future": {TimeMS: 1, Weight: 1}, "NaN time": {TimeMS: math.NaN(), Weight: 1},
		"neuron": {Neuron: 2, Weight: 1}, "channel": {Channel: int32(len(c.Channels)), Weight: 1}, "weight": {Weight: float32(math.Inf(1))},
	} {
		if err := p.Step(1, []population.Event{e}, population.Output{VSoma: v}); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Step(2, nil, population.Output{VSoma: v}); !errors.Is(err, population.ErrInput) {
		t.Errorf("short output: %v", err)
	}
	if p.Now() != 0 || v[0] != 1 {
		t.Error("a refused step changed something")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Step(1, nil, population.Output{}); !errors.Is(err, population.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestPeaksFollowThePaper(t *testing.T) {
	var r recorder
	r.reset(-70)
	// A triangle with its top, 10 mV, at 1.25 ms, sampled every 0.025 ms.
	for k := 1; k <= 120; k++ {
		at := float64(k) * 0.025
		r.sample(at, 0.025, 10-80*math.Abs(at-1.25)/1.25)
	}
	if !slices.Equal(r.peaks, []float64{1.25}) {
		t.Errorf("peaks %v, want 1.25", r.peaks)
	}
	if len(r.upcross) != 1 || math.Abs(r.upcross[0]-1.25*50/80) > 1e-9 {
		t.Errorf("crossings %v, want %g", r.upcross, 1.25*50/80)
	}
}

func FuzzLoad(f *testing.F) {
	c := branched()
	p := newPop(f, c, 2, Options{})
	if err := p.Step(3, randomEvents(2, len(c.Channels), 3, 3), population.Output{}); err != nil {
		f.Fatal(err)
	}
	var saved bytes.Buffer
	if err := p.Save(&saved); err != nil {
		f.Fatal(err)
	}
	f.Add(saved.Bytes())
	f.Add(saved.Bytes()[:50])
	f.Fuzz(func(t *testing.T, b []byte) {
		q := newPop(t, c, 2, Options{})
		var before, after bytes.Buffer
		if err := q.Save(&before); err != nil {
			t.Fatal(err)
		}
		if err := q.Load(bytes.NewReader(b)); err == nil {
			return
		}
		if err := q.Save(&after); err != nil || !bytes.Equal(before.Bytes(), after.Bytes()) {
			t.Errorf("a refused state changed the population (%v)", err)
		}
	})
}
