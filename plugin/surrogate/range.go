package surrogate

import (
	"math"

	"understudy/plugin/model"
)

// RangeReport says how much of the input lay outside the range that the model
// saw in training, since creation, Reset or Load. A model without a recorded
// range has nothing outside.
type RangeReport struct {
	Known          bool    // the model records a range of events per ms or of weights
	Steps          int64   // neuron-steps done
	StepsOutside   int64   // of these, with a number of events outside events_per_ms
	Events         int64   // events received
	WeightsOutside int64   // of these, with a weight outside the range
	MaxEventsPerMS int     // most events of one neuron in one step
	MinWeight      float32 // of the events received; 0 when there were none
	MaxWeight      float32
}

// counts is what one shard counts.
type counts struct {
	steps, stepsOutside, events, weightsOutside int64
	maxEvents                                   int
	minWeight, maxWeight                        float32
}

// span is a closed interval.
type span struct{ low, high float64 }

func (s span) has(x float64) bool { return x >= s.low && x <= s.high }

// spans returns the ranges of events per ms and of weights, infinite where the
// model has none.
func spans(m *model.Model) (rate, weight span, known bool) {
	all := span{math.Inf(-1), math.Inf(1)}
	rate, weight = all, all
	if r := m.TrainingRange; r != nil {
		if r.EventsPerMS != nil {
			rate, known = span{r.EventsPerMS[0], r.EventsPerMS[1]}, true
		}
		if r.Weight != nil {
			weight, known = span{r.Weight[0], r.Weight[1]}, true
		}
	}
	return rate, weight, known
}

// count tallies the sorted, unmerged events of steps.
func (s *shard) count(steps int) {
	c := &s.seen
	total := int64(steps) * int64(s.n)
	quiet := total // neuron-steps without an event
	for i := 0; i < len(s.events); {
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
