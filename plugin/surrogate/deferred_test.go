package surrogate_test

import (
	"bytes"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Many neurons defer their events, few do not: the same bits, whatever the blocks, with a
// state saved and restored in the middle of a window, in either kind of population, and
// after Reset.
func TestDeferredEventsGiveTheSameBits(t *testing.T) {
	m := modeltest.Build(modeltest.Document("long", 9, []model.Layer{
		{Name: "a", Op: model.OpConv1D, In: []string{model.Events}, Weight: "a.w", Bias: "a.b", Kernel: 37, Activation: model.ActReLU},
		{Name: "head", Op: model.OpConv1D, In: []string{"a"}, Weight: "head.w", Bias: "head.b", Kernel: 3}}),
		map[string]int{"a": 21, "head": 2}, 3)
	const n, steps, cut = 51, 120, 58
	events := stimulus(4, m, n, steps, 0.7)
	var later []population.Event
	for _, e := range events {
		if e.TimeMS >= cut {
			e.TimeMS -= cut
			later = append(later, e)
		}
	}
	for _, k := range native.Kernels() {
		t.Run(k.Name, func(t *testing.T) {
			if !k.Available() {
				t.Skipf("CPU lacks %v", k.Missing)
			}
			opt := surrogate.Options{Kernel: k.Name}
			many := newPop(t, m, n, opt)
			want := play(t, many, steps, events, 1)
			for i := range n {
				alone := play(t, newPop(t, m, 1, opt), steps, only(events, i), 1, 7)
				if err := want.neuron(i, n).same(alone); err != nil {
					t.Fatalf("neuron %d alone: %v", i, err)
				}
			}
			few := newPop(t, m, n, surrogate.Options{Kernel: k.Name, Threads: 3}) // 17 neurons each
			if err := want.same(play(t, few, steps, events, 1, 20, 3)); err != nil {
				t.Fatalf("three threads: %v", err)
			}
			many.Reset()
			rest := trace{want.p[cut*n:], want.v[cut*n:], want.spike[cut*n:]}
			if err := want.same(play(t, many, steps, events, 5, 1, 40)); err != nil {
				t.Fatalf("after Reset, in blocks: %v", err)
			}
			for name, from := range map[string]*surrogate.Population{"deferred": many, "at once": few} {
				from.Reset()
				play(t, from, cut, events, 1)
				var state bytes.Buffer
				if err := from.Save(&state); err != nil {
					t.Fatal(err)
				}
				for to, p := range map[string]*surrogate.Population{"deferred": newPop(t, m, n, opt), "at once": newPop(t, m, n, surrogate.Options{Kernel: k.Name, Threads: 3}), "itself": from} {
					if to != "itself" {
						if err := p.Load(bytes.NewReader(state.Bytes())); err != nil {
							t.Fatal(err)
						}
					}
					if err := rest.same(play(t, p, steps-cut, later, 1, 4)); err != nil {
						t.Fatalf("saved by %s, loaded by %s: %v", name, to, err)
					}
				}
			}
		})
	}
}
