package dataset

import (
	"context"
	"fmt"
	"sync"

	"understudy/plugin/measure"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// Judge runs a surrogate on the input of the trials given and collects its
// outputs beside the cell's. newPop makes a population of n surrogates; up to
// batch trials share one, threads of them run at once. progress, where not nil,
// is called with the number of trials done, from one goroutine at a time.
func (d *Data) Judge(ctx context.Context, trials []int, newPop func(n int) (population.Population, error), batch, threads int, progress func(done int)) (*measure.Fidelity, error) {
	if batch < 1 || threads < 1 || len(trials) == 0 {
		return nil, fmt.Errorf("%w: %d trials in batches of %d on %d threads", population.ErrInput, len(trials), batch, threads)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	judged := make([]measure.Trial, len(trials))
	first := make(chan int) // index in trials of a batch's first
	var mu sync.Mutex
	done := 0
	var wg sync.WaitGroup
	for range min(threads, (len(trials)+batch-1)/batch) {
		wg.Go(func() {
			err := d.judge(ctx, first, trials, judged, newPop, batch, func(n int) {
				mu.Lock()
				defer mu.Unlock()
				done += n
				if progress != nil {
					progress(done)
				}
			})
			if err != nil {
				cancel(err)
			}
		})
	}
	for i := 0; i < len(trials) && ctx.Err() == nil; i += batch {
		select {
		case first <- i:
		case <-ctx.Done():
		}
	}
	close(first)
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	f := measure.NewFidelity()
	for i, t := range judged {
		if err := f.Add(t); err != nil {
			return nil, fmt.Errorf("trial %d: %w", trials[i], err)
		}
	}
	return f, nil
}

// judge runs batches on one population and fills in judged.
func (d *Data) judge(ctx context.Context, first <-chan int, trials []int, judged []measure.Trial, newPop func(n int) (population.Population, error), batch int, done func(n int)) error {
	n := min(batch, len(trials))
	pop, err := newPop(n)
	if err != nil {
		return err
	}
	defer pop.Close()
	if c := pop.Info().Channels; c != d.Manifest.Channels {
		return fmt.Errorf("%w: the model has %d channels, the data %d", population.ErrInput, c, d.Manifest.Channels)
	}
	ms := d.Manifest.MS()
	out := population.Output{PSpike: make([]float32, ms*n), VSoma: make([]float32, ms*n), Spike: make([]bool, ms*n)}
	for at := range first {
		var inputs []*spikeio.Events
		for i := at; i < min(at+n, len(trials)); i++ {
			t, err := d.Trial(trials[i])
			if err != nil {
				return err
			}
			inputs = append(inputs, t.Input)
			judged[i] = measure.Trial{TruePeakMS: t.SpikeMS, TrueVSoma: t.VSomaMV}
		}
		if err := Play(ctx, pop, inputs, ms, out, nil); err != nil {
			return err
		}
		for i := range inputs {
			j := &judged[at+i]
			j.PSpike, j.VSoma, j.Spike = column(out.PSpike, n, i, ms), column(out.VSoma, n, i, ms), column(out.Spike, n, i, ms)
			if v := j.VSoma[0]; v != v { // NaN: the model has no voltage
				j.VSoma, j.TrueVSoma = nil, nil
			}
		}
		done(len(inputs))
	}
	return nil
}
