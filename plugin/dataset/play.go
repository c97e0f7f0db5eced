package dataset

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// playBlock is how many ms are stepped between looks at the context: short enough
// that an interrupt is answered at once.
const playBlock = 100

// Play resets a population and runs it for ms on recorded input: neuron i receives
// inputs[i], neurons beyond them nothing. Rows of out are as wide as the population.
// progress, where not nil, is called with the ms done. It returns ctx's error where
// that ends the run.
func Play(ctx context.Context, pop population.Population, inputs []*spikeio.Events, ms int, out population.Output, progress func(doneMS int)) error {
	n := pop.Info().N
	if len(inputs) > n {
		return fmt.Errorf("%w: %d inputs for %d neurons", population.ErrInput, len(inputs), n)
	}
	pop.Reset()
	byTime := func(a, b population.Event) int { return cmp.Compare(a.TimeMS, b.TimeMS) }
	left := make([][]population.Event, len(inputs))
	for i, in := range inputs {
		left[i] = in.Population(nil, i)
		if !slices.IsSortedFunc(left[i], byTime) {
			slices.SortStableFunc(left[i], byTime)
		}
	}
	var events []population.Event
	for t := 0; t < ms; {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := min(t+playBlock, ms)
		events = events[:0]
		for i := range left {
			k := 0
			for k < len(left[i]) && left[i][k].TimeMS < float64(end) {
				k++
			}
			events = append(events, left[i][:k]...)
			left[i] = left[i][k:]
		}
		block := population.Output{PSpike: rows(out.PSpike, t*n, end*n), VSoma: rows(out.VSoma, t*n, end*n), Spike: rows(out.Spike, t*n, end*n)}
		if err := pop.Step(end-t, events, block); err != nil {
			return fmt.Errorf("at %d ms: %w", t, err)
		}
		t = end
		if progress != nil {
			progress(t)
		}
	}
	return nil
}

// rows is x[from:to], or nil where x is not wanted.
func rows[T any](x []T, from, to int) []T {
	if x == nil {
		return nil
	}
	return x[from:to]
}
