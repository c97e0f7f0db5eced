// Package lif is the leaky integrate-and-fire point neuron: the simplest cell
// behind the population interface.
package lif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"understudy/plugin/population"
)

// Params of the neuron. Between spikes C dV/dt = -(V - Rest)/R + I(t) in the
// form tauM dV/dt = -(V - Rest) + J(t), where an event of weight w adds w*Jump
// to J, which decays with TauSyn.
type Params struct {
	Excitatory, Inhibitory int     // channels of each kind
	TauM                   float64 // membrane time constant [ms]
	TauSyn                 float64 // synaptic time constant [ms], unlike TauM
	Rest, Threshold, Reset float64 // [mV]
	JumpExc, JumpInh       float64 // [mV], inhibitory negative
}

// Default is a neuron in the range of Beniaguev et al. 2021, Fig. 1.
func Default() Params {
	return Params{Excitatory: 80, Inhibitory: 20, TauM: 20, TauSyn: 5, Rest: -77, Threshold: -55, Reset: -77, JumpExc: 8, JumpInh: -16}
}

// dtMS is the grid on which the threshold is checked; between its points V and J
// follow their exact solution.
const dtMS = 0.025

const perMS = 40

// peakDelayMS stands for the time from the crossing of the threshold to the
// spike's peak, which this neuron does not have: about that of a pyramidal cell, and such
// that population.LabelStep of a peak is the step in which the spike was emitted.
const peakDelayMS = 0.5

// Population is n such neurons; it implements population.Population and
// population.Labelled. The threshold is crossed in the middle of a grid step.
type Population struct {
	prm      Params
	n        int
	now      int64
	closed   bool
	v, j     []float64
	spikes   [][]float64
	pending  []event
	eM, eS   float64
	coupling float64
}

type event struct {
	tick   int64
	neuron int32
	jump   float64
}

// New makes n neurons at rest.
func New(n int, prm Params) (*Population, error) {
	if n < 1 || n > 1<<24 {
		return nil, fmt.Errorf("%w: %d neurons", population.ErrInput, n)
	}
	if !(prm.TauM > 0) || !(prm.TauSyn > 0) || prm.TauM == prm.TauSyn || prm.Excitatory < 0 || prm.Inhibitory < 0 || !(prm.Threshold > prm.Rest) || !(prm.Threshold > prm.Reset) {
		return nil, fmt.Errorf("%w: leaky integrate-and-fire parameters %+v", population.ErrInput, prm)
	}
	p := &Population{prm: prm, n: n, v: make([]float64, n), j: make([]float64, n), spikes: make([][]float64, n)}
	p.eM, p.eS = math.Exp(-dtMS/prm.TauM), math.Exp(-dtMS/prm.TauSyn)
	// V(t+dt) - Rest = eM (V - Rest) + J coupling.
	p.coupling = prm.TauSyn / (prm.TauM - prm.TauSyn) * (p.eM - p.eS)
	p.Reset()
	return p, nil
}

// Info implements population.Population.
func (p *Population) Info() population.Info {
	return population.Info{Kind: "detailed", Model: "lif", N: p.n, Channels: p.prm.Excitatory + p.prm.Inhibitory, StateBytes: 16}
}

// Now implements population.Population.
func (p *Population) Now() int64 { return p.now }

// Reset implements population.Population.
func (p *Population) Reset() {
	p.now, p.pending = 0, p.pending[:0]
	for i := range p.v {
		p.v[i], p.j[i], p.spikes[i] = p.prm.Rest, 0, p.spikes[i][:0]
	}
}

// Close implements population.Population.
func (p *Population) Close() error { p.closed = true; return nil }

// PeaksMS implements population.Labelled.
func (p *Population) PeaksMS(neuron int) []float64 {
	peaks := p.UpcrossMS(neuron)
	for i := range peaks {
		peaks[i] += peakDelayMS
	}
	return peaks
}

// UpcrossMS implements population.Labelled.
func (p *Population) UpcrossMS(neuron int) []float64 { return slices.Clone(p.spikes[neuron]) }

// Step implements population.Population.
func (p *Population) Step(steps int, events []population.Event, out population.Output) error {
	if p.closed {
		return fmt.Errorf("lif population: %w", population.ErrClosed)
	}
	if err := population.CheckStep(p.Info(), p.now, steps, events, out); err != nil {
		return err
	}
	p.enqueue(events)
	at := 0
	for k := range steps {
		if out.VSoma != nil {
			for i, v := range p.v {
				out.VSoma[k*p.n+i] = float32(v)
			}
		}
		if out.Spike != nil {
			clear(out.Spike[k*p.n : (k+1)*p.n])
		}
		if out.PSpike != nil {
			clear(out.PSpike[k*p.n : (k+1)*p.n])
		}
		for s := range int64(perMS) {
			tick := p.now*perMS + s
			for ; at < len(p.pending) && p.pending[at].tick <= tick; at++ {
				p.j[p.pending[at].neuron] += p.pending[at].jump
			}
			for i := range p.v {
				v := p.prm.Rest + float64(p.eM*(p.v[i]-p.prm.Rest)) + float64(p.coupling*p.j[i])
				p.j[i] *= p.eS
				if v >= p.prm.Threshold {
					v = p.prm.Reset
					p.spikes[i] = append(p.spikes[i], (float64(tick)+0.5)*dtMS)
					if out.Spike != nil {
						out.Spike[k*p.n+i] = true
					}
					if out.PSpike != nil {
						out.PSpike[k*p.n+i] = 1
					}
				}
				p.v[i] = v
			}
		}
		p.now++
	}
	p.pending = slices.Delete(p.pending, 0, at)
	return nil
}

func (p *Population) enqueue(events []population.Event) {
	for _, e := range events {
		jump := p.prm.JumpExc
		if int(e.Channel) >= p.prm.Excitatory {
			jump = p.prm.JumpInh
		}
		tick := max(int64(math.Ceil(e.TimeMS*perMS-0.5-1e-9)), p.now*perMS)
		p.pending = append(p.pending, event{tick, e.Neuron, jump * float64(e.Weight)})
	}
	slices.SortFunc(p.pending, func(a, b event) int {
		switch {
		case a.tick != b.tick:
			return int(a.tick - b.tick)
		case a.neuron != b.neuron:
			return int(a.neuron - b.neuron)
		case a.jump < b.jump:
			return -1
		case a.jump > b.jump:
			return 1
		}
		return 0
	})
}

const magic = "USLIF\x00\x00\x01"

// Save implements population.Population.
func (p *Population) Save(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(magic)
	le := binary.LittleEndian
	for _, x := range []any{int64(p.n), p.now, int64(len(p.pending)), p.v, p.j} {
		_ = binary.Write(&b, le, x) // a bytes.Buffer does not fail
	}
	for _, e := range p.pending {
		_ = binary.Write(&b, le, e.tick)
		_ = binary.Write(&b, le, e.neuron)
		_ = binary.Write(&b, le, e.jump)
	}
	_ = binary.Write(&b, le, crc32.ChecksumIEEE(b.Bytes()))
	_, err := w.Write(b.Bytes())
	return err
}

// Load implements population.Population.
func (p *Population) Load(r io.Reader) error {
	const perEvent = 20
	head := make([]byte, len(magic)+24)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		return fmt.Errorf("%w: not a saved lif population", population.ErrFormat)
	}
	le := binary.LittleEndian
	n, now, pending := int64(le.Uint64(head[8:])), int64(le.Uint64(head[16:])), int64(le.Uint64(head[24:]))
	if n != int64(p.n) || now < 0 || now > 1<<53 || pending < 0 || pending > 1<<30 {
		return fmt.Errorf("%w: saved lif population of %d neurons at %d ms with %d events, want %d neurons", population.ErrFormat, n, now, pending, p.n)
	}
	body, err := io.ReadAll(io.LimitReader(r, 16*n+perEvent*pending+4))
	if err != nil || int64(len(body)) != 16*n+perEvent*pending+4 {
		return fmt.Errorf("%w: saved lif population is cut short", population.ErrFormat)
	}
	end := len(body) - 4
	if crc := crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, body[:end]); crc != le.Uint32(body[end:]) {
		return fmt.Errorf("%w: saved lif population fails its checksum", population.ErrFormat)
	}
	events := make([]event, pending)
	for i := range events {
		b := body[16*n+int64(i)*perEvent:]
		events[i] = event{int64(le.Uint64(b)), int32(le.Uint32(b[8:])), math.Float64frombits(le.Uint64(b[12:]))}
		if events[i].neuron < 0 || int64(events[i].neuron) >= n {
			return fmt.Errorf("%w: saved lif population: event %d for neuron %d of %d", population.ErrFormat, i, events[i].neuron, n)
		}
	}
	for i := range p.v {
		p.v[i] = math.Float64frombits(le.Uint64(body[8*i:]))
		p.j[i] = math.Float64frombits(le.Uint64(body[8*(len(p.v)+i):]))
		p.spikes[i] = p.spikes[i][:0]
	}
	p.now, p.pending = now, events
	return nil
}
