package network_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"understudy/plugin/network"
	"understudy/plugin/network/networktest"
	"understudy/plugin/population"
)

func TestGraphRows(t *testing.T) {
	conns := []network.Connection{
		{Pre: 2, Post: 0, Channel: 4, Weight: 1, DelayMS: 2},
		{Pre: 0, Post: 1, Channel: 1, Weight: -1, DelayMS: 1},
		{Pre: 2, Post: 2, Channel: 0, Weight: 0.5, DelayMS: 9.5},
	}
	g, err := network.NewGraph(4, conns)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]network.Connection{{conns[1]}, nil, {conns[0], conns[2]}, nil}
	for pre, w := range want {
		if got := g.From(pre); !reflect.DeepEqual(got, w) {
			t.Errorf("from %d: %v, want %v", pre, got, w)
		}
	}
	if g.Connections() != 3 || g.Neurons() != 4 {
		t.Errorf("%d connections of %d neurons", g.Connections(), g.Neurons())
	}
}

func TestGraphErrors(t *testing.T) {
	good := network.Connection{Pre: 0, Post: 1, Channel: 0, Weight: 1, DelayMS: 1}
	for name, change := range map[string]func(*network.Connection){
		"pre":             func(c *network.Connection) { c.Pre = 2 },
		"post":            func(c *network.Connection) { c.Post = -1 },
		"channel":         func(c *network.Connection) { c.Channel = -1 },
		"weight NaN":      func(c *network.Connection) { c.Weight = float32(math.NaN()) },
		"weight infinite": func(c *network.Connection) { c.Weight = float32(math.Inf(1)) },
		"no delay":        func(c *network.Connection) { c.DelayMS = 0 },
		"delay long":      func(c *network.Connection) { c.DelayMS = 1e5 },
		"delay NaN":       func(c *network.Connection) { c.DelayMS = math.NaN() },
	} {
		c := good
		change(&c)
		if _, err := network.NewGraph(2, []network.Connection{good, c}); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := network.NewGraph(0, nil); !errors.Is(err, population.ErrInput) {
		t.Errorf("no neurons: %v", err)
	}
}

func TestRandomGraph(t *testing.T) {
	const n = 40
	g := random(t, n)
	if !reflect.DeepEqual(g, random(t, n)) {
		t.Error("not the same graph twice")
	}
	type pair struct{ pre, post int32 }
	contacts := map[pair]int{}
	delays := map[pair]float64{}
	for pre := range n {
		for _, c := range g.From(pre) {
			p := pair{c.Pre, c.Post}
			contacts[p]++
			if d, ok := delays[p]; ok && d != c.DelayMS {
				t.Errorf("contacts of %v have delays %g and %g", p, d, c.DelayMS)
			}
			delays[p] = c.DelayMS
			if c.Pre == c.Post {
				t.Errorf("neuron %d projects to itself", pre)
			}
			if inhibitory := pre >= 30; inhibitory != (c.Channel >= 20) {
				t.Errorf("neuron %d ends on channel %d", pre, c.Channel)
			}
			if c.DelayMS < 1 || c.DelayMS > 5 || c.DelayMS != math.Trunc(c.DelayMS) {
				t.Errorf("delay %g", c.DelayMS)
			}
		}
	}
	inputs := map[int32]int{}
	for p, k := range contacts {
		inputs[p.post]++
		if k != 3 {
			t.Errorf("%d contacts from %d to %d", k, p.pre, p.post)
		}
	}
	for post := range int32(n) {
		if inputs[post] != 6 {
			t.Errorf("neuron %d gets input from %d others", post, inputs[post])
		}
	}
	seen := map[float64]bool{}
	for _, d := range delays {
		seen[d] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d different delays, expected 5", len(seen))
	}
}

func TestRandomGraphSmall(t *testing.T) {
	for n, want := range map[int]int{1: 0, 2: 2 * 1 * 3, 4: 4 * 3 * 3} {
		if got := random(t, n).Connections(); got != want {
			t.Errorf("%d neurons have %d connections, want %d", n, got, want)
		}
	}
}

func TestRandomErrors(t *testing.T) {
	good := network.RandomSpec{InDegree: 2, Contacts: 1, MinDelayMS: 1, MaxDelayMS: 2, Weight: 1, Excitatory: set(t, 0, 2), Inhibitory: set(t, 2, 3)}
	for name, change := range map[string]func(*network.RandomSpec){
		"in-degree": func(s *network.RandomSpec) { s.InDegree = -1 },
		"contacts":  func(s *network.RandomSpec) { s.Contacts = -1 },
		"fraction":  func(s *network.RandomSpec) { s.InhibitoryFraction = math.NaN() },
		"delay":     func(s *network.RandomSpec) { s.MinDelayMS = 0 },
		"delays":    func(s *network.RandomSpec) { s.MinDelayMS = 3 },
		"channels":  func(s *network.RandomSpec) { s.Excitatory = nil },
		"inh":       func(s *network.RandomSpec) { s.Inhibitory, s.InhibitoryFraction = nil, 0.2 },
		"weight":    func(s *network.RandomSpec) { s.Weight = float32(math.Inf(-1)) },
	} {
		s := good
		change(&s)
		if _, err := network.Random(4, s); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.Contacts = math.MaxInt
	if _, err := network.Random(4, good); !errors.Is(err, population.ErrLimit) {
		t.Errorf("too many contacts: %v", err)
	}
}

func TestNewErrors(t *testing.T) {
	lif := func(n int) []population.Population {
		return []population.Population{networktest.NewLIF("lif", n, 2, 1, 1)}
	}
	onto := func(ch int32) *network.Graph {
		g, err := network.NewGraph(2, []network.Connection{{Pre: 0, Post: 1, Channel: ch, Weight: 1, DelayMS: 1}})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	source := func(s network.Source) *network.Drive { return &network.Drive{Sources: []network.Source{s}} }
	ok := set(t, 0, 3)
	for name, f := range map[string]func() error{
		"no populations": func() error { _, err := network.New(nil, nil, nil, network.Options{}); return err },
		"block":          func() error { _, err := network.New(lif(2), nil, nil, network.Options{MaxBlock: -1}); return err },
		"graph size":     func() error { _, err := network.New(lif(3), onto(0), nil, network.Options{}); return err },
		"graph channel":  func() error { _, err := network.New(lif(2), onto(3), nil, network.Options{}); return err },
		"drive channel": func() error {
			_, err := network.New(lif(2), nil, source(network.Source{Channels: set(t, 0, 4)}), network.Options{})
			return err
		},
		"no channels": func() error {
			_, err := network.New(lif(2), nil, source(network.Source{}), network.Options{})
			return err
		},
		"rate": func() error {
			_, err := network.New(lif(2), nil, source(network.Source{Channels: ok, RatePer100MS: math.NaN()}), network.Options{})
			return err
		},
		"depth": func() error {
			_, err := network.New(lif(2), nil, source(network.Source{Channels: ok, Depth: -1}), network.Options{})
			return err
		},
		"period": func() error {
			_, err := network.New(lif(2), nil, source(network.Source{Channels: ok, Depth: 1}), network.Options{})
			return err
		},
		"shared": func() error {
			_, err := network.New(lif(2), nil, source(network.Source{Channels: ok, Shared: 2}), network.Options{})
			return err
		},
		"empty set":       func() error { _, err := network.NewChannels(nil, nil); return err },
		"negative share":  func() error { _, err := network.NewChannels([]int32{1}, []float64{-1}); return err },
		"zero shares":     func() error { _, err := network.NewChannels([]int32{1}, []float64{0}); return err },
		"shares":          func() error { _, err := network.NewChannels([]int32{1}, []float64{1, 2}); return err },
		"negative number": func() error { _, err := network.NewChannels([]int32{-1}, nil); return err },
	} {
		if err := f(); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := population.Event{TimeMS: 1, Neuron: 1, Channel: 2, Weight: 1}
	for name, change := range map[string]func(*population.Event){
		"time":     func(e *population.Event) { e.TimeMS = -0.1 },
		"time NaN": func(e *population.Event) { e.TimeMS = math.NaN() },
		"time inf": func(e *population.Event) { e.TimeMS = math.Inf(1) },
		"neuron":   func(e *population.Event) { e.Neuron = 2 },
		"neuron -": func(e *population.Event) { e.Neuron = -1 },
		"channel":  func(e *population.Event) { e.Channel = 3 },
		"weight":   func(e *population.Event) { e.Weight = float32(math.Inf(1)) },
	} {
		bad := good
		change(&bad)
		_, err := network.New(lif(2), nil, &network.Drive{Recorded: []population.Event{good, bad}}, network.Options{})
		if !errors.Is(err, population.ErrInput) || !strings.Contains(err.Error(), "recorded event 1 ") {
			t.Errorf("recorded, %s: %v", name, err)
		}
	}
	used := lif(2)
	if err := used[0].Step(1, nil, population.Output{}); err != nil {
		t.Fatal(err)
	}
	if _, err := network.New(used, nil, nil, network.Options{}); !errors.Is(err, population.ErrState) {
		t.Errorf("population not at 0: %v", err)
	}
}

func TestRecorderErrors(t *testing.T) {
	for name, watch := range map[string][]int{"range": {2}, "negative": {-1}, "twice": {0, 0}} {
		net, err := network.New([]population.Population{networktest.NewLIF("lif", 2, 2, 1, 1)}, nil, nil, network.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := net.Run(t.Context(), 1, &network.Recorder{Watch: watch}); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
