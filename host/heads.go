package host

import (
	"encoding/binary"
	"fmt"
	"math"

	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// heads are the outputs of a model and their buffers in the guest.
type heads struct {
	all  []head
	list uint64 // address of what askHeads tells the guest
	room uint64 // its length in elements
}

// head is one output of a model: count channels.
type head struct {
	name  string
	count int
	text  uint64 // address of the name; 0 until it is first asked for
	// values is the address of room elements.
	values, room uint64
	view         []byte // of the values, after a call
}

const headSize = 16 // bytes of a head as the guest reads it

// Heads returns the names of the model's heads with their numbers of channels; see
// surrogate.Population.
func (p *Population) Heads() map[string]int {
	counts := map[string]int{}
	for _, h := range p.heads.all {
		counts[h.name] = h.count
	}
	return counts
}

// StepHeads is Step, and writes the outputs of heads, by their names in the model:
// [step][neuron][channel of the head], in the head's unit; see surrogate.Population.
func (p *Population) StepHeads(steps int, events []population.Event, out population.Output, heads map[string][]float32) error {
	return p.step(steps, events, out, heads)
}

// askHeads prepares the guest's buffers for the heads that are wanted, with so many values of one
// channel in a call of the guest and so many in all, and returns these heads.
func (p *Population) askHeads(values, all uint64, wanted map[string][]float32) ([]head, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	var asked []head
	for i := range p.heads.all {
		h := &p.heads.all[i]
		data, ok := wanted[h.name]
		if !ok {
			continue
		}
		if need := all * uint64(h.count); uint64(len(data)) < need {
			return nil, fmt.Errorf("%w: output of head %s holds %d values, %d are needed", population.ErrInput, h.name, len(data), need)
		}
		if h.text == 0 {
			at, err := p.put([]byte(h.name))
			if err != nil {
				return nil, err
			}
			h.text = at
		}
		if err := p.room(&h.values, &h.room, values*uint64(h.count), 4); err != nil {
			return nil, err
		}
		asked = append(asked, *h)
	}
	if len(asked) < len(wanted) {
		for name := range wanted {
			if _, ok := p.Heads()[name]; !ok {
				return nil, fmt.Errorf("%w: the model has no head %q", population.ErrInput, name)
			}
		}
	}
	if err := p.room(&p.heads.list, &p.heads.room, uint64(len(asked)), headSize); err != nil {
		return nil, err
	}
	b, err := p.in.View(p.heads.list, uint64(len(asked))*headSize)
	if err != nil {
		return nil, err
	}
	for _, h := range asked {
		for i, n := range []uint64{h.text, uint64(len(h.name)), h.values, values * uint64(h.count)} {
			binary.LittleEndian.PutUint32(b[4*i:], uint32(n))
		}
		b = b[headSize:]
	}
	return asked, nil
}

// rangeSize is the size of the report of the inputs' range [bytes].
const rangeSize = 64

// OutOfRange reports inputs outside the model's training range; see
// surrogate.Population. A detailed population has none. Where the guest fails, the
// next Step returns the error.
func (p *Population) OutOfRange() surrogate.RangeReport {
	if p.in.Err() != nil || p.info.Kind != "surrogate" {
		return surrogate.RangeReport{}
	}
	if err := p.call(opInputRange, p.handle, p.scratch); err != nil {
		p.in.Broken(err)
		return surrogate.RangeReport{}
	}
	b, err := p.in.View(p.scratch, rangeSize)
	if err != nil {
		return surrogate.RangeReport{}
	}
	long := func(i int) int64 { return int64(binary.LittleEndian.Uint64(b[i:])) }
	float := func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b[i:])) }
	return surrogate.RangeReport{
		Known: binary.LittleEndian.Uint32(b[4:]) != 0,
		Steps: long(8), StepsOutside: long(16), Events: long(24), WeightsOutside: long(32), MaxEventsPerMS: int(long(40)),
		MinWeight: float(48), MaxWeight: float(52), ChannelsOutside: long(56),
	}
}
