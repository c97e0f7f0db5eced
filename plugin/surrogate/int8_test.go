package surrogate_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// quantised adds int8 ranges to a model, from a stimulus like that of the tests.
func quantised(t testing.TB, m *model.Model) *model.Model {
	t.Helper()
	const steps, n = 400, 4
	events := stimulus(77, m, n, steps, 2)
	ranges, err := surrogate.Calibrate(m, n, func(p population.Population) error { return p.Step(steps, events, population.Output{}) })
	if err != nil {
		t.Fatal(err)
	}
	m.Int8 = ranges
	return m
}

// zoo8 are the models of zoo that have an integer form, quantised.
func zoo8(t testing.TB) map[string]*model.Model {
	all := modeltest.Zoo()
	for name, m := range all {
		if slices.ContainsFunc(m.Layers, func(l model.Layer) bool {
			return l.Op != model.OpConv1D && slices.Contains(l.In, model.Events)
		}) {
			delete(all, name)
			continue
		}
		quantised(t, m)
	}
	return all
}

// Integers give the same bits on every kernel, for any number of neurons and threads
// and any length of a step, and a state saved in the middle goes on alike.
func TestInt8SameBits(t *testing.T) {
	const steps, n = 150, 5
	for name, m := range zoo8(t) {
		t.Run(name, func(t *testing.T) {
			events := stimulus(2, m, n, steps, 2)
			opt := func(kernel string, threads int) surrogate.Options {
				return surrogate.Options{Precision: surrogate.Int8, Kernel: kernel, Threads: threads}
			}
			want := play(t, newPop(t, m, n, opt("reference", 1)), steps, events, 1)
			if slices.Max(want.p)-slices.Min(want.p) < 0.01 {
				t.Error("the model does not respond, the test shows nothing")
			}
			check := func(what string, got trace) {
				t.Helper()
				if err := want.same(got); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			for _, k := range native.Kernels() {
				if !k.Available() {
					continue
				}
				check(k.Name, play(t, newPop(t, m, n, opt(k.Name, 1)), steps, events, 1))
				check(k.Name+", blocks", play(t, newPop(t, m, n, opt(k.Name, 2)), steps, events, 7, 1, 16, 3))
				for i := range n {
					alone := play(t, newPop(t, m, 1, opt(k.Name, 1)), steps, only(events, i), 1, 33)
					if err := want.neuron(i, n).same(alone); err != nil {
						t.Errorf("%s, neuron %d alone: %v", k.Name, i, err)
					}
				}
			}
			p := newPop(t, m, n, opt("", 2))
			play(t, p, 33, stimulus(9, m, n, 33, 3), 5)
			p.Reset()
			check("after Reset", play(t, p, steps, events, 2))
		})
	}
}

func TestInt8State(t *testing.T) {
	const first, rest, n = 57, 80, 3
	for name, m := range zoo8(t) {
		t.Run(name, func(t *testing.T) {
			opt := surrogate.Options{Precision: surrogate.Int8}
			a := newPop(t, m, n, opt)
			play(t, a, first, stimulus(4, m, n, first, 2), 10)
			var state bytes.Buffer
			if err := a.Save(&state); err != nil {
				t.Fatal(err)
			}
			later := stimulus(5, m, n, rest, 2)
			for i := range later {
				later[i].TimeMS += first
			}
			opt.Threads = 2
			b := newPop(t, m, n, opt)
			if err := b.Load(bytes.NewReader(state.Bytes())); err != nil {
				t.Fatal(err)
			}
			if err := play(t, a, rest, later, 3).same(play(t, b, rest, later, 20)); err != nil {
				t.Error(err)
			}
			f := newPop(t, m, n, surrogate.Options{})
			if err := f.Load(bytes.NewReader(state.Bytes())); !errors.Is(err, population.ErrFormat) {
				t.Errorf("loading integers into float32: %v", err)
			}
		})
	}
}

// How far integers are from float32: the error of the probability's logit and of the
// voltage, over their spread. 8 bits a layer leave a few per cent; a mistake in a
// scale or a zero point leaves far more.
func TestInt8NearFloat(t *testing.T) {
	const steps, n = 300, 3
	for name, m := range zoo8(t) {
		t.Run(name, func(t *testing.T) {
			events := stimulus(2, m, n, steps, 2)
			f := play(t, newPop(t, m, n, surrogate.Options{}), steps, events, 1)
			q := play(t, newPop(t, m, n, surrogate.Options{Precision: surrogate.Int8}), steps, events, 1)
			for _, c := range []struct {
				what string
				f, q []float32
			}{{"voltage", f.v, q.v}, {"probability", f.p, q.p}} {
				mean, sum, spread := 0.0, 0.0, 0.0
				for _, x := range c.f {
					mean += float64(x) / float64(len(c.f))
				}
				for i, x := range c.f {
					sum += math.Pow(float64(c.q[i]-x), 2)
					spread += math.Pow(float64(x)-mean, 2)
				}
				limit := 0.06
				if name == "elm, deep" { // seven roundings one after the other
					limit = 0.08
				}
				if share := math.Sqrt(sum / spread); !(share < limit) {
					t.Errorf("%s: the error is %.3f of the spread", c.what, share)
				} else if testing.Verbose() {
					fmt.Printf("%s: %s: %.4f\n", name, c.what, share)
				}
			}
		})
	}
}

func TestInt8Refuses(t *testing.T) {
	opt := surrogate.Options{Precision: surrogate.Int8}
	m := modeltest.Random(modeltest.Small, 1)
	if _, err := surrogate.New(m, 1, opt); !errors.Is(err, population.ErrFormat) {
		t.Errorf("a model that is not quantised: %v", err)
	}
	quantised(t, m)
	delete(m.Int8.Ranges, "r1")
	if _, err := surrogate.New(m, 1, opt); !errors.Is(err, population.ErrFormat) {
		t.Errorf("a layer without range: %v", err)
	}
	if _, err := surrogate.New(quantised(t, modeltest.Zoo()["dense events"]), 1, opt); !errors.Is(err, population.ErrFormat) {
		t.Errorf("events as a vector: %v", err)
	}
	if _, err := surrogate.New(m, 1, surrogate.Options{Precision: "int4"}); !errors.Is(err, population.ErrInput) {
		t.Errorf("unknown precision: %v", err)
	}
}
