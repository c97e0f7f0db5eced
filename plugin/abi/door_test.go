package abi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// brittle is a population that panics in Step, and lets a test look in.
type brittle struct {
	population.Population
	inside func()
	closed bool
}

func (b *brittle) Info() population.Info { return population.Info{N: 2} }
func (b *brittle) Now() int64            { return 0 }
func (b *brittle) Step(int, []population.Event, population.Output) error {
	b.inside()
	return nil
}
func (b *brittle) Close() error { b.closed = true; return nil }

func want(t *testing.T, err error, status Status) {
	t.Helper()
	if Of(err) != status {
		t.Errorf("status %d (%v), want %d", Of(err), err, status)
	}
}

func TestPanicBreaksOnlyThePopulation(t *testing.T) {
	d := NewDoor()
	b := &brittle{inside: func() { panic("index out of range") }}
	h := d.pops.add(&held{pop: b})
	other, err := d.NewCell("lif", 1, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want(t, d.Step(h, 1, Buffers{}), ErrInternal)
	want(t, d.Use(h, func(population.Population) error { return nil }), ErrInternal)
	want(t, d.Step(other, 1, Buffers{}), OK)
	want(t, d.Destroy(h), OK)
	if !b.closed {
		t.Error("not closed")
	}
	want(t, d.Destroy(h), ErrHandle)
}

func TestBusy(t *testing.T) {
	d := NewDoor()
	var h uint64
	b := &brittle{inside: func() {
		want(t, d.Step(h, 1, Buffers{}), ErrBusy)
		want(t, d.Destroy(h), ErrBusy)
	}}
	h = d.pops.add(&held{pop: b})
	want(t, d.Step(h, 1, Buffers{}), OK)
	b.inside = func() {}
	want(t, d.Step(h, 1, Buffers{}), OK)
}

func TestHandles(t *testing.T) {
	d := NewDoor()
	seen := map[uint64]bool{0: true}
	for range 5 {
		h, err := d.NewCell("lif", 1, cell.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if seen[h] {
			t.Fatalf("handle %d again", h)
		}
		seen[h] = true
		want(t, d.CloseModel(h), ErrHandle)
		want(t, d.Destroy(h), OK)
	}
}

// A step allocates nothing: in the WebAssembly guest a collection of garbage would cost more than many steps.
func TestStepAllocatesNothing(t *testing.T) {
	d := NewDoor()
	h, err := d.NewCell("lif", 1, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var v float32
	if n := testing.AllocsPerRun(100, func() {
		if Of(d.Step(h, 1, Buffers{VSoma: &v, Capacity: 1})) != OK {
			t.Fatal("Step failed")
		}
	}); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}

func TestStatusOfErrors(t *testing.T) {
	_, missing := os.ReadFile("no such file")
	for _, c := range []struct {
		err  error
		want Status
	}{
		{nil, OK},
		{population.ErrInput, ErrInput},
		{fmt.Errorf("event 3: %w", population.ErrInput), ErrInput},
		{population.ErrFormat, ErrFormat},
		{population.ErrClosed, ErrClosed},
		{population.ErrState, ErrState},
		{population.ErrLimit, ErrLimit},
		{population.ErrKernel, ErrKernel},
		{missing, ErrIO},
		{fmt.Errorf("cell: %w", missing), ErrIO},
		{Errorf(ErrBuffer, "short"), ErrBuffer},
		{io.EOF, ErrInternal},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%v: status %d, want %d", c.err, got, c.want)
		}
	}
	// There and back: a host of a guest sees the category that the guest saw.
	for s := ErrInput; s <= ErrKernel; s++ {
		category := errors.Unwrap(Errorf(s, "x"))
		if Of(category) != s {
			t.Errorf("status %d stands for %v, which has status %d", s, category, Of(category))
		}
	}
}

func TestSurrogateOptions(t *testing.T) {
	for _, precision := range []uint32{PrecisionF32, PrecisionInt8, PrecisionBF16} {
		for _, spikes := range []uint32{SpikesThreshold, SpikesSample} {
			opt, err := SurrogateOptions(precision, spikes, 7)
			if err != nil || opt.Seed != 7 {
				t.Fatalf("%d, %d: %+v, %v", precision, spikes, opt, err)
			}
			if p, s, err := Numbers(opt); p != precision || s != spikes || err != nil {
				t.Errorf("%+v is %d, %d, %v, want %d, %d", opt, p, s, err, precision, spikes)
			}
		}
	}
	_, err := SurrogateOptions(3, SpikesThreshold, 0)
	want(t, err, ErrInput)
	_, err = SurrogateOptions(PrecisionF32, 2, 0)
	want(t, err, ErrInput)
	_, _, err = Numbers(surrogate.Options{Precision: "int4"})
	want(t, err, ErrInput)
}

func TestOnlySurrogatesHaveRangesAndHeads(t *testing.T) {
	d := NewDoor()
	h, err := d.NewCell("lif", 1, cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.InputRange(h)
	want(t, err, ErrState)
	want(t, d.Step(h, 1, Buffers{Heads: []HeadBuffer{{Name: "spike"}}}), ErrInput)
	_, err = d.InputRange(h + 1)
	want(t, err, ErrHandle)
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 10, "short"},
		{"two\nlines", 10, "two"},
		{"exactly", 7, "exactly"},
		{"longer", 3, "lon"},
		{"aé", 2, "a"},
		{"é", 0, ""},
		{"", 5, ""},
	} {
		if got := Cut(c.in, c.n); got != c.want {
			t.Errorf("Cut(%q, %d) is %q, want %q", c.in, c.n, got, c.want)
		}
	}
}
