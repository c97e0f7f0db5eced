// Package networktest holds a small population for tests of everything that
// drives populations.
package networktest

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"understudy/plugin/population"
)

// LIF is a leaky integrate-and-fire population: exact in steps of 1 ms, cheap,
// and simple enough to predict by hand. Rest -76 mV, threshold -55 mV, time
// constant 10 ms. Channels below Exc depolarise by Jump mV per unit of weight,
// the others hyperpolarise.
type LIF struct {
	N, Exc, Inh int
	Jump        float32 // mV
	Kind        string  // as Info reports it
	// FailAt makes Step fail when it reaches that step; 0: never.
	FailAt int64

	v      []float32
	in     []float32
	peaks  [][]float64
	now    int64
	closed bool
}

// NewLIF makes n neurons with exc excitatory and inh inhibitory channels.
func NewLIF(kind string, n, exc, inh int, jump float32) *LIF {
	l := &LIF{N: n, Exc: exc, Inh: inh, Jump: jump, Kind: kind}
	l.Reset()
	return l
}

func (l *LIF) Info() population.Info {
	return population.Info{Kind: l.Kind, Model: "lif", N: l.N, Channels: l.Exc + l.Inh, MACsPerMS: 1, MACsPerEvt: 1, StateBytes: 4}
}

func (l *LIF) Now() int64 { return l.now }

func (l *LIF) Step(steps int, events []population.Event, out population.Output) error {
	if l.closed {
		return population.ErrClosed
	}
	if steps < 0 {
		return population.ErrInput
	}
	for _, e := range events {
		if e.TimeMS < float64(l.now) || e.TimeMS >= float64(l.now+int64(steps)) || e.Neuron < 0 || int(e.Neuron) >= l.N ||
			e.Channel < 0 || int(e.Channel) >= l.Exc+l.Inh || math.IsNaN(float64(e.Weight)) {
			return fmt.Errorf("%w: event %+v in steps %d to %d", population.ErrInput, e, l.now, l.now+int64(steps))
		}
	}
	if l.FailAt > 0 && l.now+int64(steps) > l.FailAt {
		return fmt.Errorf("%w: made to fail", population.ErrState)
	}
	if len(l.in) < steps*l.N {
		l.in = make([]float32, steps*l.N)
	}
	clear(l.in)
	for _, e := range events {
		w := e.Weight
		if int(e.Channel) >= l.Exc {
			w = -w
		}
		l.in[int(int64(e.TimeMS)-l.now)*l.N+int(e.Neuron)] += w
	}
	for s := range steps {
		for i := range l.N {
			k := s*l.N + i
			if out.VSoma != nil {
				out.VSoma[k] = l.v[i]
			}
			v := l.v[i] + float32(l.Jump*l.in[k])
			spike := v >= -55
			if spike {
				v = -76
				l.peaks[i] = append(l.peaks[i], float64(l.now+int64(s))+0.75)
			}
			l.v[i] = v + float32((-76-v)*0.1)
			if out.Spike != nil {
				out.Spike[k] = spike
			}
			if out.PSpike != nil {
				out.PSpike[k] = 0
				if spike {
					out.PSpike[k] = 1
				}
			}
		}
	}
	l.now += int64(steps)
	return nil
}

func (l *LIF) Reset() {
	l.v = make([]float32, l.N)
	for i := range l.v {
		l.v[i] = -76
	}
	l.peaks = make([][]float64, l.N)
	l.now = 0
}

func (l *LIF) PeaksMS(neuron int) []float64 { return append([]float64(nil), l.peaks[neuron]...) }

func (l *LIF) UpcrossMS(neuron int) []float64 { return l.PeaksMS(neuron) }

func (l *LIF) Save(w io.Writer) error { return binary.Write(w, binary.LittleEndian, l.v) }

func (l *LIF) Load(r io.Reader) error {
	v := make([]float32, l.N)
	if err := binary.Read(r, binary.LittleEndian, v); err != nil {
		return fmt.Errorf("%w: %v", population.ErrFormat, err)
	}
	l.v = v
	return nil
}

func (l *LIF) Close() error {
	l.closed = true
	return nil
}
