package network

import (
	"fmt"

	"understudy/plugin/population"
)

// RandomSpec describes a random recurrent network.
type RandomSpec struct {
	Seed uint64
	// InDegree is the number of other neurons that project to each neuron; fewer
	// where there are not so many.
	InDegree int
	// Contacts is the number of channels on which one neuron reaches another.
	Contacts int
	// InhibitoryFraction of the neurons, rounded down, act on Inhibitory channels:
	// the last ones.
	InhibitoryFraction float64
	// Each pair's delay is one of the whole numbers MinDelayMS to MaxDelayMS.
	MinDelayMS, MaxDelayMS int
	Weight                 float32
	// Channels that contacts of excitatory and of inhibitory neurons end on.
	Excitatory, Inhibitory *Channels
}

// Random draws a graph of n neurons: every neuron gets input from
// min(n-1, InDegree) others, chosen without repetition. It depends on n and the
// spec only. One neuron has no connections.
func Random(n int, s RandomSpec) (*Graph, error) {
	if err := s.check(n); err != nil {
		return nil, err
	}
	k := min(n-1, s.InDegree)
	inhibitoryFrom := n - int(float64(n)*s.InhibitoryFraction)
	conns := make([]Connection, 0, n*k*s.Contacts)
	others := make([]int32, n)
	for post := range n {
		r := draws{key: [2]uint64{s.Seed, streamGraph}, ctr: [4]uint64{uint64(post), uint64(n)}}
		for i := range others {
			others[i] = int32(i)
		}
		// Fisher-Yates on all but the neuron itself, stopped after k.
		others[post], others[n-1] = others[n-1], others[post]
		for i := range k {
			j := i + int(r.unit()*float64(n-1-i))
			others[i], others[j] = others[j], others[i]
			pre := others[i]
			delay := s.MinDelayMS + int(r.unit()*float64(s.MaxDelayMS-s.MinDelayMS+1))
			set := s.Excitatory
			if int(pre) >= inhibitoryFrom {
				set = s.Inhibitory
			}
			for range s.Contacts {
				conns = append(conns, Connection{Pre: pre, Post: int32(post),
					Channel: set.pick(uint32(r.word() >> 32)), Weight: s.Weight, DelayMS: float64(delay)})
			}
		}
	}
	return NewGraph(n, conns)
}

func (s RandomSpec) check(n int) error {
	bad := func(what string, v any) error {
		return fmt.Errorf("%w: random network: %s %v", population.ErrInput, what, v)
	}
	switch {
	case n < 1 || n > 1<<24:
		return bad("neurons", n)
	case s.InDegree < 0:
		return bad("in-degree", s.InDegree)
	case s.Contacts < 0:
		return bad("contacts", s.Contacts)
	case !(s.InhibitoryFraction >= 0 && s.InhibitoryFraction <= 1):
		return bad("inhibitory fraction", s.InhibitoryFraction)
	case s.MinDelayMS < 1 || s.MaxDelayMS > MaxDelayMS || s.MinDelayMS > s.MaxDelayMS:
		return bad("delays", [2]int{s.MinDelayMS, s.MaxDelayMS})
	case s.Excitatory == nil && s.InhibitoryFraction < 1:
		return bad("excitatory channels", "none")
	case s.Inhibitory == nil && s.InhibitoryFraction > 0:
		return bad("inhibitory channels", "none")
	}
	k := min(n-1, s.InDegree)
	if k > 0 && s.Contacts > MaxConnections/n/k {
		return fmt.Errorf("%w: random network of more than %d connections", population.ErrLimit, MaxConnections)
	}
	return nil
}

// draws hands out the words of successive blocks of one counter.
type draws struct {
	key   [2]uint64
	ctr   [4]uint64
	block [4]uint64
	left  int
}

func (d *draws) unit() float64 { return unit(d.word()) }

func (d *draws) word() uint64 {
	if d.left == 0 {
		d.block = philox(d.ctr, d.key)
		d.ctr[3]++
		d.left = 4
	}
	d.left--
	return d.block[3-d.left]
}
