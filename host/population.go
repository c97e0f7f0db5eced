package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/tetratelabs/wazero/api"

	"understudy/plugin/abi"
	"understudy/plugin/model"
	"understudy/plugin/population"
)

// A verb of the guest; the number indexes verbs.
const (
	opABIVersion = iota
	opAlloc
	opFree
	opLastMessage
	opModelOpen
	opModelClose
	opModelInfo
	opCreate
	opCellCreate
	opStep
	opReset
	opInfo
	opInputRange
	opSave
	opLoad
	numVerbs
)

var verbs = [numVerbs]string{
	"us_abi_version", "us_alloc", "us_free", "us_last_message",
	"us_model_open_bytes", "us_model_close", "us_model_info_json",
	"us_population_create", "us_cell_population_create", "us_population_step",
	"us_population_reset", "us_population_info", "us_population_input_range",
	"us_population_save", "us_population_load",
}

// scratchSize [bytes] is that of the buffer for small results and messages.
const scratchSize = 512

// maxState [bytes] is the largest saved state that Load reads: more does not
// fit into a guest's memory.
const maxState = 1 << 31

// Population is a population inside the sandbox.
type Population struct {
	ctx    context.Context
	module api.Module
	memory api.Memory
	verbs  [numVerbs]api.Function
	stack  [10]uint64 // arguments and result of a call
	stderr tail

	info   population.Info
	handle uint64
	now    int64
	dead   error // set once the guest has trapped or was closed

	scratch                        uint64
	events, pSpike, vSoma, spike   uint64 // addresses of buffers in the guest
	eventRoom, pRoom, vRoom, sRoom uint64 // their lengths in elements
	heads                          heads
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
	if p.dead != nil {
		return p.dead
	}
	if steps < 1 || steps > abi.MaxSteps {
		return fmt.Errorf("%w: %d steps, expected 1 to %d", population.ErrInput, steps, abi.MaxSteps)
	}
	values := uint64(steps) * uint64(p.info.N)
	for _, o := range []struct {
		name string
		have int
		skip bool
	}{
		{"PSpike", len(out.PSpike), out.PSpike == nil},
		{"VSoma", len(out.VSoma), out.VSoma == nil},
		{"Spike", len(out.Spike), out.Spike == nil},
	} {
		if !o.skip && uint64(o.have) < values {
			return fmt.Errorf("%w: Output.%s has length %d, %d steps of %d neurons need %d", population.ErrInput, o.name, o.have, steps, p.info.N, values)
		}
	}
	if err := p.room(&p.events, &p.eventRoom, uint64(len(events)), eventSize); err != nil {
		return err
	}
	pAt, vAt, sAt := uint64(0), uint64(0), uint64(0)
	if out.PSpike != nil {
		if err := p.room(&p.pSpike, &p.pRoom, values, 4); err != nil {
			return err
		}
		pAt = p.pSpike
	}
	if out.VSoma != nil {
		if err := p.room(&p.vSoma, &p.vRoom, values, 4); err != nil {
			return err
		}
		vAt = p.vSoma
	}
	if out.Spike != nil {
		if err := p.room(&p.spike, &p.sRoom, values, 1); err != nil {
			return err
		}
		sAt = p.spike
	}
	asked, err := p.askHeads(values, more)
	if err != nil {
		return err
	}
	if len(events) > 0 {
		b, err := p.view(p.events, uint64(len(events))*eventSize)
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
	}
	if err := p.call(opStep, p.handle, uint64(steps), p.events, uint64(len(events)), pAt, vAt, sAt, values, p.heads.list, uint64(len(asked))); err != nil {
		return err
	}
	// All views first: nothing is written to out unless everything can be.
	pv, err := p.result(pAt, 4*values)
	if err != nil {
		return err
	}
	vv, err := p.result(vAt, 4*values)
	if err != nil {
		return err
	}
	sv, err := p.result(sAt, values)
	if err != nil {
		return err
	}
	hv := make([][]byte, len(asked))
	for i, h := range asked {
		if hv[i], err = p.result(h.values, 4*values*uint64(h.count)); err != nil {
			return err
		}
	}
	floats(out.PSpike, pv)
	floats(out.VSoma, vv)
	for i, s := range sv {
		out.Spike[i] = s != 0
	}
	for i, h := range asked {
		floats(more[h.name], hv[i])
	}
	p.now += int64(steps)
	return nil
}

// result is what the guest has written to a buffer of n bytes; nil for NULL.
func (p *Population) result(at, n uint64) ([]byte, error) {
	if at == 0 {
		return nil, nil
	}
	return p.view(at, n)
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
	if p.dead != nil {
		return
	}
	if err := p.call(opReset, p.handle); err != nil {
		p.dead = err
		return
	}
	p.now = 0
}

// Save writes the whole dynamic state.
func (p *Population) Save(w io.Writer) error {
	if p.dead != nil {
		return p.dead
	}
	state, err := p.sized(opSave, p.handle)
	if err != nil {
		return err
	}
	_, err = w.Write(state)
	return err
}

// Load restores a state of Save.
func (p *Population) Load(r io.Reader) error {
	if p.dead != nil {
		return p.dead
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
	return p.fetchInfo()
}

// Close frees the guest's instance.
func (p *Population) Close() error {
	if p.dead == nil {
		p.dead = fmt.Errorf("population %w", population.ErrClosed)
	}
	return p.module.Close(p.ctx)
}

// fetchInfo asks the guest what it holds.
func (p *Population) fetchInfo() error {
	if err := p.call(opInfo, p.handle, p.scratch); err != nil {
		return err
	}
	b, err := p.view(p.scratch, 48)
	if err != nil {
		return err
	}
	n, channels := int32(binary.LittleEndian.Uint32(b[8:])), int32(binary.LittleEndian.Uint32(b[12:]))
	if n < 1 || channels < 0 {
		return p.broken(fmt.Errorf("guest reports %d neurons of %d channels", n, channels))
	}
	p.info.Kind = map[uint32]string{1: "detailed", 2: "surrogate"}[binary.LittleEndian.Uint32(b[4:])]
	p.info.N, p.info.Channels = int(n), int(channels)
	p.now = int64(binary.LittleEndian.Uint64(b[16:]))
	p.info.StateBytes = int(binary.LittleEndian.Uint64(b[24:]))
	p.info.MACsPerMS = math.Float64frombits(binary.LittleEndian.Uint64(b[32:]))
	p.info.MACsPerEvt = math.Float64frombits(binary.LittleEndian.Uint64(b[40:]))
	return nil
}

// fetchModel asks the guest for the name and the heads of a model.
func (p *Population) fetchModel(handle uint64) error {
	text, err := p.sized(opModelInfo, handle)
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
		return p.broken(fmt.Errorf("guest's description of the model: %w", err))
	}
	p.info.Model = info.Name
	for _, h := range info.Heads {
		if h.Count < 1 || h.Count > model.MaxChannels {
			return p.broken(fmt.Errorf("guest describes head %q of %d channels", h.Name, h.Count))
		}
		p.heads.all = append(p.heads.all, head{name: h.Name, count: h.Count})
	}
	return nil
}

// tail keeps the beginning of what the guest prints when it dies.
type tail struct{ bytes.Buffer }

func (t *tail) Write(b []byte) (int, error) {
	if room := 4096 - t.Len(); room > 0 {
		t.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

func (t *tail) said() string {
	if t.Len() == 0 {
		return ""
	}
	return ": " + abi.Cut(t.String(), 200)
}
