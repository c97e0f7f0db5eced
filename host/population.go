package host

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/go-json-experiment/json"

	"understudy/host/sandbox"
	"understudy/plugin/abi"
	"understudy/plugin/model"
	"understudy/plugin/population"
)

// scratchSize [bytes] is that of the buffer for small results and messages.
const scratchSize = 512

// maxState [bytes] is the largest saved state that Load reads: more does not
// fit into a guest's memory.
const maxState = 1 << 31

// maxInfo [bytes] is the longest description of a model that is read.
const maxInfo = 16 << 20

// callNeuronMS bounds the work of one call of the guest, in neurons times ms: a longer Step is several calls, so
// that a time limit means the same however long the steps are, and buffers in the guest stay small.
const callNeuronMS = 1024

// Population is a population inside the sandbox. Where a Step fails because the guest was stopped, what out holds is
// not defined; the population can then only be closed.
type Population struct {
	ctx context.Context
	in  *sandbox.Instance

	info   population.Info
	handle uint64
	now    int64

	scratch                        uint64
	events, pSpike, vSoma, spike   uint64 // addresses of buffers in the guest
	eventRoom, pRoom, vRoom, sRoom uint64 // their lengths in elements
	heads                          heads
	parts                          parts
}

var _ population.Population = (*Population)(nil)

// Info describes the population.
func (p *Population) Info() population.Info { return p.info }

// Now is the number of steps (ms) done since the last Reset.
func (p *Population) Now() int64 { return p.now }

const eventSize = 24 // bytes of an us_event

// Step advances by steps ms. See population.Population.
func (p *Population) Step(steps int, events []population.Event, out population.Output) error {
	return p.step(steps, events, out, nil)
}

func (p *Population) step(steps int, events []population.Event, out population.Output, more map[string][]float32) error {
	if err := p.in.Err(); err != nil {
		return err
	}
	if err := population.CheckStep(p.info, p.now, steps, events, out); err != nil {
		return err
	}
	length := min(steps, max(1, callNeuronMS/p.info.N))
	values := uint64(length) * uint64(p.info.N)
	parts := p.parts.split(events, p.now, steps, length)
	defer parts.forget()
	if err := p.room(&p.events, &p.eventRoom, uint64(parts.longest), eventSize); err != nil {
		return err
	}
	var pAt, vAt, sAt uint64
	for _, o := range []struct {
		wanted   bool
		at, room *uint64
		size     uint64
		to       *uint64
	}{
		{out.PSpike != nil, &p.pSpike, &p.pRoom, 4, &pAt},
		{out.VSoma != nil, &p.vSoma, &p.vRoom, 4, &vAt},
		{out.Spike != nil, &p.spike, &p.sRoom, 1, &sAt},
	} {
		if !o.wanted {
			continue
		}
		if err := p.room(o.at, o.room, values, o.size); err != nil {
			return err
		}
		*o.to = *o.at
	}
	asked, err := p.askHeads(values, uint64(steps)*uint64(p.info.N), more)
	if err != nil {
		return err
	}
	for done, part := 0, 0; done < steps; part++ {
		k := min(length, steps-done)
		n := k * p.info.N
		var err error
		if done > 0 {
			err = p.ctx.Err()
		}
		if err == nil {
			err = p.write(parts.of(part))
		}
		if err == nil {
			err = p.call(opStep, p.handle, uint64(k), p.events, uint64(len(parts.of(part))), pAt, vAt, sAt, values, p.heads.list, uint64(len(asked)))
		}
		if err == nil {
			err = p.read(out, more, asked, done*p.info.N, n, pAt, vAt, sAt)
		}
		switch {
		case err != nil && done > 0: // half a step is none
			return p.in.Broken(err)
		case err != nil:
			return err
		}
		p.now += int64(k)
		done += k
	}
	return nil
}

// write copies events to the guest's buffer.
func (p *Population) write(events []population.Event) error {
	if len(events) == 0 {
		return nil
	}
	b, err := p.in.View(p.events, uint64(len(events))*eventSize)
	if err != nil {
		return err
	}
	for i := range events {
		e := &events[i]
		w := b[i*eventSize : i*eventSize+eventSize]
		binary.LittleEndian.PutUint64(w, math.Float64bits(e.TimeMS))
		binary.LittleEndian.PutUint32(w[8:], uint32(e.Neuron))
		binary.LittleEndian.PutUint32(w[12:], uint32(e.Channel))
		binary.LittleEndian.PutUint32(w[16:], math.Float32bits(e.Weight))
	}
	return nil
}

// read copies n values of each output from the guest's buffers to the outputs, from value first on.
func (p *Population) read(out population.Output, more map[string][]float32, asked []head, first, n int, pAt, vAt, sAt uint64) error {
	// All views first: nothing is written to out unless everything can be.
	pv, err := p.result(pAt, 4*n)
	if err != nil {
		return err
	}
	vv, err := p.result(vAt, 4*n)
	if err != nil {
		return err
	}
	sv, err := p.result(sAt, n)
	if err != nil {
		return err
	}
	for i := range asked {
		if asked[i].view, err = p.result(asked[i].values, 4*n*asked[i].count); err != nil {
			return err
		}
	}
	if pv != nil {
		floats(out.PSpike[first:], pv)
	}
	if vv != nil {
		floats(out.VSoma[first:], vv)
	}
	for i, s := range sv {
		out.Spike[first+i] = s != 0
	}
	for _, h := range asked {
		floats(more[h.name][first*h.count:], h.view)
	}
	return nil
}

// result is what the guest has written to a buffer of n bytes; nil for NULL.
func (p *Population) result(at uint64, n int) ([]byte, error) {
	if at == 0 {
		return nil, nil
	}
	return p.in.View(at, uint64(n))
}

// floats copies all of src to the beginning of dst.
func floats(dst []float32, src []byte) {
	for i := range len(src) / 4 {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// Reset returns to the state just after creation. Where the guest fails, the
// next Step returns the error.
func (p *Population) Reset() {
	if p.in.Err() != nil {
		return
	}
	if err := p.call(opReset, p.handle); err != nil {
		p.in.Broken(err)
		return
	}
	p.now = 0
}

// Save writes the whole dynamic state.
func (p *Population) Save(w io.Writer) error {
	if err := p.in.Err(); err != nil {
		return err
	}
	state, err := p.sized(opSave, p.handle, maxState)
	if err != nil {
		return err
	}
	_, err = w.Write(state)
	return err
}

// Load restores a state of Save.
func (p *Population) Load(r io.Reader) error {
	if err := p.in.Err(); err != nil {
		return err
	}
	state, err := io.ReadAll(io.LimitReader(r, maxState+1))
	if err != nil {
		return err
	}
	if len(state) == 0 || len(state) > maxState {
		return fmt.Errorf("%w: saved state of %d bytes", population.ErrFormat, len(state))
	}
	at, err := p.put(state)
	if err != nil {
		return err
	}
	defer p.free(at)
	if err := p.call(opLoad, p.handle, at, uint64(len(state))); err != nil {
		return err
	}
	return p.fetchInfo(p.info.N)
}

// SetNumbers says which neurons of a larger population these are; see surrogate.Population.
func (p *Population) SetNumbers(numbers []int64) error {
	if err := p.in.Err(); err != nil {
		return err
	}
	b := make([]byte, 0, 8*len(numbers))
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	at, err := p.put(b)
	if err != nil {
		return err
	}
	defer p.free(at)
	return p.call(opSetNumbers, p.handle, at, uint64(len(numbers)))
}

// Close frees the guest's instance.
func (p *Population) Close() error { return p.in.Close() }

// fetchInfo asks the guest what it holds; n is the number of neurons that it must have.
func (p *Population) fetchInfo(n int) error {
	if err := p.call(opInfo, p.handle, p.scratch); err != nil {
		return err
	}
	b, err := p.in.View(p.scratch, 48)
	if err != nil {
		return err
	}
	float := func(at int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b[at:])) }
	info := population.Info{
		Kind:       map[uint32]string{1: "detailed", 2: "surrogate"}[binary.LittleEndian.Uint32(b[4:])],
		Model:      p.info.Model,
		N:          int(int32(binary.LittleEndian.Uint32(b[8:]))),
		Channels:   int(int32(binary.LittleEndian.Uint32(b[12:]))),
		StateBytes: int(binary.LittleEndian.Uint64(b[24:])),
		MACsPerMS:  float(32), MACsPerEvt: float(40),
	}
	now := int64(binary.LittleEndian.Uint64(b[16:]))
	switch {
	case info.Kind == "" || info.N != n || info.Channels < 0 || info.StateBytes < 0:
		return p.in.Broken(fmt.Errorf("it describes a population of kind %d of %d neurons (wanted: %d), %d channels, %d bytes of state",
			binary.LittleEndian.Uint32(b[4:]), info.N, n, info.Channels, info.StateBytes))
	case now < 0 || now > maxNow:
		return p.in.Broken(fmt.Errorf("its time is %d ms", now))
	case !(info.MACsPerMS >= 0 && info.MACsPerEvt >= 0) || math.IsInf(info.MACsPerMS+info.MACsPerEvt, 1):
		return p.in.Broken(fmt.Errorf("it counts %g multiplications a ms and %g an event", info.MACsPerMS, info.MACsPerEvt))
	}
	p.info, p.now = info, now
	return nil
}

// maxNow [ms] is the latest time that is exact as a float64.
const maxNow = 1 << 53

// fetchModel asks the guest for the name and the heads of a model.
func (p *Population) fetchModel(handle uint64) error {
	text, err := p.sized(opModelInfo, handle, maxInfo)
	if err != nil {
		return err
	}
	var info struct {
		Name  string `json:"name"`
		Heads []struct {
			Name  string `json:"name"`
			Count int    `json:"count"`
		} `json:"heads"`
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return p.in.Broken(fmt.Errorf("guest's description of the model: %w", err))
	}
	p.info.Model = info.Name
	if len(info.Heads) > abi.MaxHeads {
		return p.in.Broken(fmt.Errorf("guest describes a model of %d heads", len(info.Heads)))
	}
	for _, h := range info.Heads {
		if h.Count < 1 || h.Count > model.MaxChannels {
			return p.in.Broken(fmt.Errorf("guest describes head %q of %d channels", h.Name, h.Count))
		}
		p.heads.all = append(p.heads.all, head{name: h.Name, count: h.Count})
	}
	return nil
}
