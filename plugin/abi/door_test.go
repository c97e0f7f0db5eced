package abi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/population"
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
