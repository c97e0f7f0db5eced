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
	// inSecond [neuron][channel] counts the events of the second in hand; nil where the
	// model has no range for them.
	second   int64
	inSecond []uint16
}

// span is a closed interval.
type span struct{ low, high float64 }

func (s span) has(x float64) bool { return x >= s.low && x <= s.high }

// spans returns the ranges of events per ms and of weights, infinite where the
// model has none, and the most events of a channel in a second, infinite likewise.
func spans(m *model.Model) (rate, weight span, perSecond float64, known bool) {
	all := span{math.Inf(-1), math.Inf(1)}
	rate, weight, perSecond = all, all, math.Inf(1)
	if r := m.TrainingRange; r != nil {
		if r.EventsPerMS != nil {
			rate, known = span{r.EventsPerMS[0], r.EventsPerMS[1]}, true
		}
		if r.EventsPerChannelPer != nil {
			perSecond, known = r.EventsPerChannelPer[1], true
		}
		if r.Weight != nil {
			weight, known = span{r.Weight[0], r.Weight[1]}, true
		}
	}
	return rate, weight, perSecond, known
}

// newCounts returns empty counts of n neurons.
func (p *plan) newCounts(n int) counts {
	if math.IsInf(p.perSecond, 1) {
		return counts{}
	}
	return counts{inSecond: make([]uint16, n*p.channels)}
}

// reset begins anew.
func (c *counts) reset() {
	clear(c.inSecond)
	*c = counts{inSecond: c.inSecond}
}

// count tallies the sorted, unmerged events of steps from step now on.
func (s *shard) count(now int64, steps int) {
	c := &s.seen
	total := int64(steps) * int64(s.n)
	quiet := total // neuron-steps without an event
	for i := 0; i < len(s.events); {
		if c.inSecond != nil {
			if second := (now + int64(s.events[i].step())) / 1000; second != c.second {
				clear(c.inSecond)
				c.second = second
			}
		}
		j := i
		for ; j < len(s.events) && s.events[j].key>>channelBits == s.events[i].key>>channelBits; j++ {
			w := s.events[j].weight
			if c.events == 0 {
				c.minWeight, c.maxWeight = w, w
			}
			c.events++
			c.minWeight, c.maxWeight = min(c.minWeight, w), max(c.maxWeight, w)
			if !s.p.weights.has(float64(w)) {
				c.weightsOutside++
			}
			if c.inSecond == nil {
				continue
			}
			k := &c.inSecond[s.events[j].neuron()*s.p.channels+s.events[j].channel()]
			if *k++; float64(*k) > s.p.perSecond && float64(*k-1) <= s.p.perSecond {
				c.channelsOutside++
			} else if *k == 0 {
				*k-- // 65,535 is enough
			}
		}
		c.maxEvents = max(c.maxEvents, j-i)
		if !s.p.rates.has(float64(j - i)) {
			c.stepsOutside++
		}
		quiet--
		i = j
	}
	c.steps += total
	if !s.p.rates.has(0) {
		c.stepsOutside += quiet
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
