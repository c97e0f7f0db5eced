package host_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"understudy/host"
	"understudy/plugin/cell"
	"understudy/plugin/detailed"
	"understudy/plugin/model/builtin"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// runtime makes a Runtime that ends with the test.
func runtime(t testing.TB, opt host.Options) *host.Runtime {
	t.Helper()
	r, err := host.New(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestNewRefusesWhatIsNoGuest(t *testing.T) {
	for name, c := range map[string]struct {
		opt  host.Options
		want error
		text string
	}{
		"text":      {host.Options{Guest: []byte("this is not WebAssembly")}, population.ErrFormat, "guest"},
		"no verbs":  {host.Options{Guest: []byte("\x00asm\x01\x00\x00\x00")}, population.ErrFormat, "us_abi_version"},
		"no time":   {host.Options{TimeLimit: -1}, population.ErrInput, "time limit"},
		"cut":       {host.Options{Guest: []byte("\x00asm\x01\x00\x00\x00\x01\x7f")}, population.ErrFormat, "guest"},
		"too large": {host.Options{Guest: []byte("x"), MemoryLimitPages: 70000}, population.ErrLimit, "65536"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := host.New(context.Background(), c.opt)
			if err == nil {
				r.Close()
				t.Fatal("accepted")
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %q, want %v and %q", err, c.want, c.text)
			}
		})
	}
}

// Out of memory inside the sandbox is an error of that population; others and
// the host live.
func TestMemoryLimit(t *testing.T) {
	r := runtime(t, host.Options{MemoryLimitPages: 512})
	good, err := r.NewCell("lif", 1, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := r.NewCell("lif", 10_000_000, cell.Options{}); err == nil {
		p.Close()
		t.Fatal("10,000,000 neurons fit into 32 MiB")
	}
	if err := good.Step(1, nil, population.Output{Spike: make([]bool, 1)}); err != nil {
		t.Errorf("another population: %v", err)
	}

	// A step whose events do not fit kills the guest, and stays an error.
	many := make([]population.Event, 2_000_000)
	for i := range many {
		many[i].TimeMS = 1
	}
	err = good.Step(1, many, population.Output{})
	if !errors.Is(err, population.ErrState) || !errors.Is(err, population.ErrLimit) || !strings.Contains(err.Error(), "512 pages") {
		t.Fatalf("48 MB of events in 32 MiB: %v, want ErrState and ErrLimit", err)
	}
	if again := good.Step(1, nil, population.Output{}); again == nil {
		t.Error("a guest that ran out of memory goes on")
	}
	if _, err := r.NewCell("lif", 1, cell.Options{}); err != nil {
		t.Errorf("a new population after that: %v", err)
	}
}

func TestTooSmallToStart(t *testing.T) {
	r, err := host.New(context.Background(), host.Options{MemoryLimitPages: 1})
	if err != nil {
		return // refused at once
	}
	defer r.Close()
	if p, err := r.NewCell("lif", 1, cell.Options{}); err == nil {
		p.Close()
		t.Error("the guest starts in 64 KiB")
	}
}

// What a guest cannot honour is refused, not ignored.
func TestSurrogateOptions(t *testing.T) {
	r := runtime(t, host.Options{})
	for name, opt := range map[string]surrogate.Options{
		"kernel": {Kernel: "reference"}, "threads": {Threads: 1}, "precision": {Precision: "int4"},
	} {
		if p, err := r.NewSurrogate(nil, 1, opt); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		} else if err == nil {
			p.Close()
		}
	}
	p, err := r.NewCell("lif", 1, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.OutOfRange(); got != (surrogate.RangeReport{}) {
		t.Errorf("a detailed cell reports %+v", got)
	}
	if err := p.StepHeads(1, nil, population.Output{}, map[string][]float32{"dendrites": make([]float32, 1)}); !errors.Is(err, population.ErrInput) {
		t.Errorf("a head of a detailed cell: %v", err)
	}
	if err := p.Step(1, nil, population.Output{}); err != nil {
		t.Errorf("after a head that is not there: %v", err)
	}
}

// sum is the SHA-256 of a module, in hex.
func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// modelFile is a surrogate with an integer form.
func modelFile(t testing.TB) []byte {
	t.Helper()
	m, err := builtin.Default()
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A long Step is several calls of the guest, and gives what it gives outside.
func TestLongStep(t *testing.T) {
	const n, steps = 3, 2000
	var events []population.Event
	for i := range 3000 {
		k := (i * 7919) % steps // in no order
		events = append(events, population.Event{TimeMS: float64(k) + float64(i%10)/10, Neuron: int32(i % n), Weight: float32(1 + i%40)})
	}
	native, err := cell.New("lif", n, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	boxed, err := runtime(t, host.Options{}).NewCell("lif", n, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var v [2][]float32
	var spike [2][]bool
	for i, p := range []population.Population{native, boxed} {
		v[i], spike[i] = make([]float32, n*steps), make([]bool, n*steps)
		if err := p.Step(steps, events, population.Output{VSoma: v[i], Spike: spike[i]}); err != nil {
			t.Fatal(err)
		}
		if p.Now() != steps {
			t.Errorf("Now is %d after %d steps", p.Now(), steps)
		}
	}
	if !slices.Equal(v[0], v[1]) || !slices.Equal(spike[0], spike[1]) {
		t.Error("other results than outside")
	}
	if !slices.Contains(spike[0], true) {
		t.Error("no spikes: a test of nothing")
	}
}

// A cell in the sandbox is that outside, whatever its options.
func TestCellOptions(t *testing.T) {
	const steps = 20
	tree, err := morphology.ParseSWC("ball and stick", strings.NewReader("1 1 0 0 0 10 -1\n2 1 0 10 0 10 1\n3 3 0 20 0 1 2\n4 3 0 220 0 1 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	opt := cell.Options{Morphology: tree, Synapses: "ampa", Dendrites: "passive", Scheme: detailed.CrankNicolson, DtMS: 0.0125}
	events := []population.Event{{TimeMS: 2, Channel: 1, Weight: 20}, {TimeMS: 5, Channel: 2, Weight: 20}}
	var v [3][]float32
	native, err := cell.New("l5pc", 1, opt)
	if err != nil {
		t.Fatal(err)
	}
	r := runtime(t, host.Options{})
	boxed, err := r.NewCell("l5pc", 1, opt)
	if err != nil {
		t.Fatal(err)
	}
	opt.Synapses = ""
	other, err := r.NewCell("l5pc", 1, opt)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []population.Population{native, boxed, other} {
		v[i] = make([]float32, steps)
		if err := p.Step(steps, events, population.Output{VSoma: v[i]}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(v[0], v[1]) {
		t.Errorf("voltages %v, outside %v", v[1], v[0])
	}
	if slices.Equal(v[1], v[2]) {
		t.Error("the same voltages with other synapses")
	}
	for what, opt := range map[string]cell.Options{
		"threads": {Threads: 2}, "DtMS": {DtMS: math.NaN()}, "dt": {DtMS: 0.3}, "synapses": {Synapses: "glue"},
		"morphology": {Morphology: &morphology.Morphology{}},
		"parent": {Morphology: &morphology.Morphology{Sections: []morphology.Section{
			{Name: "soma", Parent: 7, Points: []morphology.Point{{Diam: 10}, {Y: 10, Diam: 10}}}}}},
	} {
		if p, err := r.NewCell("l5pc", 1, opt); err == nil {
			p.Close()
			t.Errorf("%s: accepted", what)
		} else if !errors.Is(err, population.ErrInput) && !errors.Is(err, population.ErrFormat) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Neurons with the numbers of others draw the spikes of those.
func TestSetNumbers(t *testing.T) {
	const steps = 300
	file := modelFile(t)
	r := runtime(t, host.Options{})
	drive := func(n int) (events []population.Event) {
		for i := range n * steps {
			for c := range int32(8) {
				events = append(events, population.Event{TimeMS: float64(i / n), Neuron: int32(i % n), Channel: 75 * c, Weight: 1})
			}
		}
		return events
	}
	opt := surrogate.Options{Precision: surrogate.Int8, Sample: true, Seed: 3}
	m, err := builtin.Default()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := surrogate.New(m, 4, opt)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]bool, 4*steps)
	if err := whole.Step(steps, drive(4), population.Output{Spike: all}); err != nil {
		t.Fatal(err)
	}
	part, err := r.NewSurrogate(file, 2, opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := part.SetNumbers([]int64{3, 1}); err != nil {
		t.Fatal(err)
	}
	some := make([]bool, 2*steps)
	if err := part.Step(steps, drive(2), population.Output{Spike: some}); err != nil {
		t.Fatal(err)
	}
	spikes := 0
	for k := range steps {
		for i, number := range []int{3, 1} {
			if some[2*k+i] != all[4*k+number] {
				t.Fatalf("neuron %d at %d ms: spike %v, %v in the whole population", number, k, some[2*k+i], all[4*k+number])
			}
			if some[2*k+i] {
				spikes++
			}
		}
	}
	if spikes == 0 {
		t.Error("no spikes: a test of nothing")
	}
	for _, bad := range [][]int64{{1}, {1, -1}, nil} {
		if err := part.SetNumbers(bad); !errors.Is(err, population.ErrInput) {
			t.Errorf("SetNumbers(%v): %v, want ErrInput", bad, err)
		}
	}
	lif, err := r.NewCell("lif", 1, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := lif.SetNumbers([]int64{1}); !errors.Is(err, population.ErrState) {
		t.Errorf("SetNumbers of a detailed cell: %v, want ErrState", err)
	}
}

// Many populations step at once, each with the bits that it has alone.
func TestParallel(t *testing.T) {
	r := runtime(t, host.Options{})
	file := modelFile(t)
	const steps = 60
	open := map[string]func() (*host.Population, error){
		"lif":     func() (*host.Population, error) { return r.NewCell("lif", 2, cell.Options{}) },
		"float32": func() (*host.Population, error) { return r.NewSurrogate(file, 2, surrogate.Options{}) },
		"int8": func() (*host.Population, error) {
			return r.NewSurrogate(file, 2, surrogate.Options{Precision: surrogate.Int8})
		},
	}
	var events []population.Event
	for i := range 400 {
		events = append(events, population.Event{TimeMS: float64(i%steps) + 0.5, Neuron: int32(i % 2), Weight: 1})
	}
	trace := func(kind string) ([]float32, error) {
		p, err := open[kind]()
		if err != nil {
			return nil, err
		}
		defer p.Close()
		v := make([]float32, 2*steps)
		for range 2 {
			p.Reset()
			if err := p.Step(steps, events, population.Output{VSoma: v}); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	var group sync.WaitGroup
	for kind := range open {
		want, err := trace(kind)
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			group.Go(func() {
				got, err := trace(kind)
				if err != nil {
					t.Errorf("%s: %v", kind, err)
				} else if !slices.Equal(got, want) {
					t.Errorf("%s: %v beside others, %v alone", kind, got, want)
				}
			})
		}
	}
	group.Wait()
}
