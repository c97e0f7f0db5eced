package abi

import (
	"bytes"
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json"

	"understudy/plugin/cell"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Limits of one call; they keep a product of two arguments inside an int.
const (
	MaxSteps  = 1 << 24 // ms, 4.6 hours
	MaxValues = 1 << 36 // steps * neurons
	MaxEvents = 1 << 32
)

// Door holds everything that handles stand for. Handles are never 0 and never
// given out twice; a model's handle is never a population's. The methods may
// be called from any goroutine.
type Door struct {
	last   atomic.Uint64
	models table[*model.Model]
	pops   table[*held]
}

// held is a population with what its handle needs.
type held struct {
	pop    population.Population
	busy   atomic.Bool
	broken atomic.Bool // a call panicked: the state can no longer be trusted
}

// NewDoor makes an empty Door.
func NewDoor() *Door {
	d := &Door{}
	d.models.what, d.models.last = "model", &d.last
	d.pops.what, d.pops.last = "population", &d.last
	return d
}

// Catch calls f; a panic becomes an error of status ErrInternal.
func Catch(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = caught(r)
		}
	}()
	return f()
}

func caught(r any) error {
	return Errorf(ErrInternal, "defect in understudy, please report: %v", r)
}

// OpenModel decodes a model file; name stands for it in messages.
func (d *Door) OpenModel(name string, data []byte) (uint64, error) {
	m, err := model.Decode(name, data)
	if err != nil {
		return 0, err
	}
	return d.models.add(m), nil
}

// ModelInfoJSON describes an open model.
func (d *Door) ModelInfoJSON(h uint64) ([]byte, error) {
	m, err := d.models.get(h)
	if err != nil {
		return nil, err
	}
	return json.Marshal(m.Info())
}

// CloseModel forgets a model. Populations made from it go on.
func (d *Door) CloseModel(h uint64) error { return d.models.remove(h) }

// NewSurrogate makes a population of n neurons of an open model.
func (d *Door) NewSurrogate(h uint64, n int, opt surrogate.Options) (uint64, error) {
	m, err := d.models.get(h)
	if err != nil {
		return 0, err
	}
	p, err := surrogate.New(m, n, opt)
	if err != nil {
		return 0, err
	}
	return d.pops.add(&held{pop: p}), nil
}

// NewCell makes a population of n detailed neurons of a built-in cell.
func (d *Door) NewCell(name string, n int, opt cell.Options) (uint64, error) {
	p, err := cell.New(name, n, opt)
	if err != nil {
		return 0, err
	}
	return d.pops.add(&held{pop: p}), nil
}

// Kind is the US_KIND_ of understudy.h for a population; 0 for one that it does not know.
func Kind(i population.Info) int32 {
	switch i.Kind {
	case "detailed":
		return 1
	case "surrogate":
		return 2
	}
	return 0
}

func busy(h uint64) error {
	return Errorf(ErrBusy, "population %d is in use by another call", h)
}

// Use calls f with the population of a handle while no other call can. It
// returns f's error, ErrHandle, ErrBusy, or ErrInternal where f panicked or an
// earlier call did.
func (d *Door) Use(h uint64, f func(population.Population) error) (err error) {
	e, err := d.pops.get(h)
	if err != nil {
		return err
	}
	if !e.busy.CompareAndSwap(false, true) {
		return busy(h)
	}
	defer func() {
		if r := recover(); r != nil {
			e.broken.Store(true)
			err = caught(r)
		}
		e.busy.Store(false)
	}()
	if e.broken.Load() {
		return Errorf(ErrInternal, "an earlier call hit a defect in understudy; the population can only be destroyed")
	}
	return f(e.pop)
}

// Destroy closes a population and forgets it. A population in use stays.
func (d *Door) Destroy(h uint64) error {
	e, err := d.pops.get(h)
	if err != nil {
		return err
	}
	// The flag stays up, so that a call that has looked the handle up already
	// does not get in.
	if !e.busy.CompareAndSwap(false, true) {
		return busy(h)
	}
	if err := d.pops.remove(h); err != nil {
		return err
	}
	return Catch(e.pop.Close)
}

// Buffers is where a step's events lie and its results go, as addresses. A
// result's address is nil where it is not wanted; otherwise there is room for
// Capacity elements.
type Buffers struct {
	Events   *population.Event
	NEvents  uint64
	Capacity uint64
	PSpike   *float32
	VSoma    *float32
	Spike    *uint8
	Heads    []HeadBuffer // further outputs
}

// An us_event of understudy.h is a population.Event.
var _ = [1]struct{}{}[unsafe.Sizeof(population.Event{})-24]
var _ = [1]struct{}{}[unsafe.Offsetof(population.Event{}.Weight)-16]

// Step advances a population by steps ms. The caller vouches that the
// addresses are valid for the lengths in b.
func (d *Door) Step(h uint64, steps int32, b Buffers) error {
	return d.Use(h, func(p population.Population) error {
		n := p.Info().N
		values := uint64(max(steps, 0)) * uint64(n)
		switch {
		case steps < 1:
			return Errorf(ErrInput, "steps is %d, expected at least 1", steps)
		case steps > MaxSteps || values > MaxValues:
			return Errorf(ErrLimit, "%d steps of %d neurons in one call, at most %d steps and %d values are accepted", steps, n, MaxSteps, MaxValues)
		case b.NEvents > MaxEvents:
			return Errorf(ErrLimit, "%d events in one call, at most %d are accepted", b.NEvents, uint64(MaxEvents))
		case b.NEvents > 0 && b.Events == nil:
			return Errorf(ErrNull, "events is NULL and n_events is %d", b.NEvents)
		case (b.PSpike != nil || b.VSoma != nil || b.Spike != nil) && b.Capacity < values:
			return Errorf(ErrBuffer, "capacity of the outputs is %d, %d steps of %d neurons need %d", b.Capacity, steps, n, values)
		}
		var out population.Output
		if b.PSpike != nil {
			out.PSpike = unsafe.Slice(b.PSpike, values)
		}
		if b.VSoma != nil {
			out.VSoma = unsafe.Slice(b.VSoma, values)
		}
		if b.Spike != nil {
			// Engines only write it, so no byte other than 0 or 1 is ever read as a bool.
			out.Spike = unsafe.Slice((*bool)(unsafe.Pointer(b.Spike)), values)
		}
		var events []population.Event
		if b.NEvents > 0 {
			events = unsafe.Slice(b.Events, b.NEvents)
		}
		if len(b.Heads) > 0 {
			return stepHeads(p, int(steps), values, events, out, b.Heads)
		}
		return p.Step(int(steps), events, out)
	})
}

// Save returns the state of a population.
func (d *Door) Save(h uint64) ([]byte, error) {
	var b bytes.Buffer
	err := d.Use(h, func(p population.Population) error { return p.Save(&b) })
	return b.Bytes(), err
}

// Load restores a state of Save.
func (d *Door) Load(h uint64, state []byte) error {
	return d.Use(h, func(p population.Population) error { return p.Load(bytes.NewReader(state)) })
}

// Fill copies src to dst by the pattern of two calls: a nil dst asks for the
// size only. It returns the size to report, also with ErrBuffer.
func Fill(dst *byte, capacity uint64, src []byte) (uint64, error) {
	need := uint64(len(src))
	if dst == nil {
		return need, nil
	}
	if capacity < need {
		return need, Errorf(ErrBuffer, "capacity is %d bytes, %d are needed", capacity, need)
	}
	copy(unsafe.Slice(dst, need), src)
	return need, nil
}

// Cut is the first line of a message, at most n bytes of it, whole characters.
func Cut(msg string, n int) string {
	if i := strings.IndexAny(msg, "\r\n"); i >= 0 {
		msg = msg[:i]
	}
	if len(msg) <= n {
		return msg
	}
	for n > 0 && !utf8.RuneStart(msg[n]) {
		n--
	}
	return msg[:n]
}
