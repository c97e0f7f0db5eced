package surrogate

import (
	"math"

	"understudy/plugin/model"
	"understudy/plugin/population"
)

// RangeReport says how much of the input lay outside the range that the model
// saw in training, since creation, Reset or Load. A model without a recorded
// range has nothing outside.
type RangeReport struct {
	Known          bool  // the model records a range
	Steps          int64 // neuron-steps done
	StepsOutside   int64 // of these, with a number of events outside events_per_ms
	Events         int64 // events received
	WeightsOutside int64 // of these, with a weight outside the range
	// ChannelsOutside counts the channels of neurons with more events within a second
	// than events_per_channel_per_s allows, once for each second that starts at a full
	// second.
	ChannelsOutside int64
	MaxEventsPerMS  int     // most events of one neuron in one step
	MinWeight       float32 // of the events received; 0 when there were none
	MaxWeight       float32
}

// counts is what one shard counts.
type counts struct {
	steps, stepsOutside, events, weightsOutside, channelsOutside int64
	maxEvents                                                    int
	minWeight, maxWeight                                         float32
	// inSecond [neuron][channel] counts the events of the second in hand, which ends with step
	// secondEnds; nil where the model has no range for them.
	inSecond   []uint16
	secondEnds int64
}

// span is a closed interval.
type span struct{ low, high float64 }

func (s span) has(x float64) bool { return x >= s.low && x <= s.high }

// anyNumber of events of a channel in a second is inside the range.
const anyNumber = math.MaxUint16

// spans returns the ranges of events per ms and of weights, infinite where the
// model has none, and the most events of a channel in a second.
func spans(m *model.Model) (rate, weight span, perSecond uint16, known bool) {
	all := span{math.Inf(-1), math.Inf(1)}
	rate, weight, perSecond = all, all, anyNumber
	if r := m.TrainingRange; r != nil {
		if r.EventsPerMS != nil {
			rate, known = span{r.EventsPerMS[0], r.EventsPerMS[1]}, true
		}
		if r.EventsPerChannelPer != nil {
			perSecond, known = uint16(max(0, min(anyNumber, r.EventsPerChannelPer[1]))), true
		}
		if r.Weight != nil {
			weight, known = span{r.Weight[0], r.Weight[1]}, true
		}
	}
	return rate, weight, perSecond, known
}

// newCounts returns empty counts of n neurons.
func (p *plan) newCounts(n int) counts {
	if p.perSecond == anyNumber {
		return counts{}
	}
	return counts{inSecond: make([]uint16, n*p.channels)}
}

// reset begins anew.
func (c *counts) reset() {
	clear(c.inSecond)
	*c = counts{inSecond: c.inSecond}
}

// count tallies the events of a place, before they are merged; t0 is step 0 of the call. It returns
// whether their weights differ.
func (s *shard) count(t0 int64, events []event) (mixed bool) {
	c := &s.seen
	if c.inSecond != nil {
		c.countChannels(t0+int64(events[0].step()), events, s.p)
	}
	if c.events == 0 {
		c.minWeight, c.maxWeight = events[0].weight, events[0].weight
	}
	for i := 0; i < len(events); {
		n := sameWeight(events[i:])
		if c.weigh(events[i].weight); !s.p.weights.has(float64(events[i].weight)) {
			c.weightsOutside += int64(n)
		}
		i += n
		mixed = i < len(events) || mixed
	}
	n := len(events)
	c.events += int64(n)
	c.maxEvents = max(c.maxEvents, n)
	if !s.p.rates.has(float64(n)) {
		c.stepsOutside++
	}
	return mixed
}

// sameWeight is how many of the events have the first one's weight, up to the first with another. In most
// networks all have one.
func sameWeight(events []event) int {
	w := events[0].weight
	for i := range events {
		if events[i].weight != w {
			return i
		}
	}
	return len(events)
}

// weigh notes a weight.
func (c *counts) weigh(w float32) {
	if w < c.minWeight {
		c.minWeight = w
	}
	if w > c.maxWeight {
		c.maxWeight = w
	}
}

// countChannels counts the events of a neuron in step t on their channels.
func (c *counts) countChannels(t int64, events []event, p *plan) {
	if t >= c.secondEnds {
		clear(c.inSecond)
		c.secondEnds = (t/1000 + 1) * 1000
	}
	of := c.inSecond[events[0].neuron()*p.channels:][:p.channels]
	for i := range events {
		if k := &of[events[i].channel()]; *k <= p.perSecond {
			*k++
			if *k > p.perSecond {
				c.channelsOutside++
			}
		}
	}
}

// OutOfRange reports inputs outside the model's training range.
func (p *Population) OutOfRange() RangeReport {
	r := RangeReport{Known: p.plan.rangeKnown}
	for _, s := range p.shards {
		c := s.seen
		r.Steps += c.steps
		r.StepsOutside += c.stepsOutside
		r.WeightsOutside += c.weightsOutside
		r.ChannelsOutside += c.channelsOutside
		r.MaxEventsPerMS = max(r.MaxEventsPerMS, c.maxEvents)
		if c.events > 0 {
			if r.Events == 0 {
				r.MinWeight, r.MaxWeight = c.minWeight, c.maxWeight
			}
			r.MinWeight, r.MaxWeight = min(r.MinWeight, c.minWeight), max(r.MaxWeight, c.maxWeight)
		}
		r.Events += c.events
	}
	return r
}

// OutOfRange asks a population what of its input lay outside a training range: one with a
// method as [Population] has. Of others nothing is known.
func OutOfRange(pop population.Population) RangeReport {
	if p, ok := pop.(interface{ OutOfRange() RangeReport }); ok {
		return p.OutOfRange()
	}
	return RangeReport{}
}
