package network

import (
	"context"
	"fmt"

	"understudy/plugin/population"
)

// replayBlock is the number of steps that Replay does at once.
const replayBlock = 32

// Trace is the output of a replayed population, each [neuron][step].
type Trace struct {
	VSoma  [][]float32 // soma voltage [mV] at the start of the step
	PSpike [][]float32 // probability of a spike in the step
	Spike  [][]bool    // a spike was emitted in the step
}

// Replay runs a population open-loop on recorded input: neuron i receives
// exactly the events input[i], which are in the order of their steps. It returns
// steps ms of output from the population's present time on. There must be one
// list of events per neuron.
func Replay(ctx context.Context, pop population.Population, input [][]population.Event, steps int) (*Trace, error) {
	n := pop.Info().N
	if len(input) != n || steps < 0 {
		return nil, fmt.Errorf("%w: replay of %d inputs over %d steps into %d neurons", population.ErrInput, len(input), steps, n)
	}
	tr := &Trace{VSoma: make([][]float32, n), PSpike: make([][]float32, n), Spike: make([][]bool, n)}
	for i := range n {
		tr.VSoma[i], tr.PSpike[i], tr.Spike[i] = make([]float32, steps), make([]float32, steps), make([]bool, steps)
	}
	next := make([]int, n)
	var events []population.Event
	buf := population.Output{VSoma: make([]float32, replayBlock*n), PSpike: make([]float32, replayBlock*n), Spike: make([]bool, replayBlock*n)}
	start := pop.Now()
	for done := 0; done < steps; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := min(replayBlock, steps-done)
		end := float64(start + int64(done+b))
		events = events[:0]
		for i := range n {
			for next[i] < len(input[i]) && input[i][next[i]].TimeMS < end {
				e := input[i][next[i]]
				e.Neuron = int32(i)
				events = append(events, e)
				next[i]++
			}
		}
		if err := pop.Step(b, events, buf); err != nil {
			return nil, fmt.Errorf("replay at %d ms: %w", start+int64(done), err)
		}
		for s := range b {
			for i := range n {
				k := s*n + i
				tr.VSoma[i][done+s], tr.PSpike[i][done+s], tr.Spike[i][done+s] = buf.VSoma[k], buf.PSpike[k], buf.Spike[k]
			}
		}
		done += b
	}
	return tr, nil
}
