package network

import (
	"context"
	"fmt"

	"understudy/plugin/population"
)

// replayBlock is the number of steps that Replay does at once.
const replayBlock = 32

// Replay runs a population open-loop on recorded input: neuron i receives
// exactly the events input[i], in the order of their steps. It returns voltage
// [mV] and spike probability, each [neuron][step], from the population's
// present time on. There must be one list of events per neuron.
func Replay(ctx context.Context, pop population.Population, input [][]population.Event, steps int) (v, p [][]float32, err error) {
	n := pop.Info().N
	if len(input) != n || steps < 0 {
		return nil, nil, fmt.Errorf("%w: replay of %d inputs over %d steps into %d neurons", population.ErrInput, len(input), steps, n)
	}
	v, p = make([][]float32, n), make([][]float32, n)
	for i := range n {
		v[i], p[i] = make([]float32, steps), make([]float32, steps)
	}
	next := make([]int, n)
	var events []population.Event
	vb, pb := make([]float32, replayBlock*n), make([]float32, replayBlock*n)
	start := pop.Now()
	for done := 0; done < steps; {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
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
		if err := pop.Step(b, events, population.Output{VSoma: vb[:b*n], PSpike: pb[:b*n]}); err != nil {
			return nil, nil, fmt.Errorf("replay at %d ms: %w", start+int64(done), err)
		}
		for s := range b {
			for i := range n {
				v[i][done+s], p[i][done+s] = vb[s*n+i], pb[s*n+i]
			}
		}
		done += b
	}
	return v, p, nil
}
