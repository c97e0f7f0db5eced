package dataset

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// Config is a data set to make, or the shard of it to make here.
type Config struct {
	Dir      string // made where it is missing
	Manifest Manifest
	// Channels describes the cell's inputs; Run copies it to the manifest.
	Channels []cell.Channel
	// New makes a population of n cells that implements population.Labelled.
	New func(n int) (population.Population, error)
	// Trial k belongs to shard k % Shards == Shard.
	Shard, Shards int
	Threads       int // batches at once, at least 1
	Batch         int // trials that share a population, at least 1; fewer where every thread then has some
	// Progress, where not nil, is called after each trial, from one goroutine at a
	// time, and once at the start.
	Progress func(Progress)
}

// Progress is how far a Run is.
type Progress struct {
	Trials  int `json:"trials"`   // of this shard
	Found   int `json:"found"`    // that a former run had made
	Made    int `json:"made"`     // by this run
	Spikes  int `json:"spikes"`   // in the trials made
	TrialMS int `json:"trial_ms"` // length of a trial [ms]
}

// Run makes the trials that are missing, one file each, and leaves those that
// are there: it can be stopped at any time and run again. A trial is the same
// whatever the shard, the threads and the batch. On error, ctx's included,
// every file is whole.
func Run(ctx context.Context, c Config) (Progress, error) {
	if c.Shards < 1 || c.Shard < 0 || c.Shard >= c.Shards || c.Threads < 1 || c.Batch < 1 || c.Manifest.Trials < 1 {
		return Progress{}, fmt.Errorf("%w: shard %d of %d, %d threads, batch %d, %d trials",
			population.ErrInput, c.Shard, c.Shards, c.Threads, c.Batch, c.Manifest.Trials)
	}
	c.Manifest.Schema = Schema
	c.Manifest.setChannels(c.Channels)
	if err := c.Manifest.check(); err != nil {
		return Progress{}, err
	}
	ms := c.Manifest.MS()
	if err := c.Manifest.Inputs.checkFor(c.Channels, ms); err != nil {
		return Progress{}, err
	}
	if err := os.MkdirAll(c.Dir, 0o777); err != nil {
		return Progress{}, err
	}
	if err := c.Manifest.settle(c.Dir); err != nil {
		return Progress{}, err
	}
	data := Data{Dir: c.Dir, Manifest: c.Manifest}
	state := Progress{TrialMS: ms}
	var missing []int
	for k := c.Shard; k < c.Manifest.Trials; k += c.Shards {
		if err := ctx.Err(); err != nil {
			return state, err
		}
		state.Trials++
		if data.has(k) {
			state.Found++
		} else {
			missing = append(missing, k)
		}
	}
	if c.Progress != nil {
		c.Progress(state)
	}

	c.Batch = max(1, min(c.Batch, (len(missing)+c.Threads-1)/c.Threads))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan []int)
	var mu sync.Mutex // of state and c.Progress
	var wg sync.WaitGroup
	for range min(c.Threads, (len(missing)+c.Batch-1)/c.Batch) {
		wg.Go(func() {
			err := c.work(ctx, batches, func(spikes int) {
				mu.Lock()
				defer mu.Unlock()
				state.Made++
				state.Spikes += spikes
				if c.Progress != nil {
					c.Progress(state)
				}
			})
			if err != nil {
				cancel(err)
			}
		})
	}
	for len(missing) > 0 && ctx.Err() == nil {
		n := min(c.Batch, len(missing))
		select {
		case batches <- missing[:n]:
			missing = missing[n:]
		case <-ctx.Done():
		}
	}
	close(batches)
	wg.Wait()
	return state, context.Cause(ctx)
}

// work makes batches of trials on one population.
func (c *Config) work(ctx context.Context, batches <-chan []int, made func(spikes int)) error {
	pop, err := c.New(c.Batch)
	if err != nil {
		return err
	}
	defer pop.Close()
	labels, ok := pop.(population.Labelled)
	if !ok || pop.Info().N != c.Batch || pop.Info().Channels != len(c.Channels) {
		return fmt.Errorf("%w: %+v for a data set of %d channels in batches of %d", population.ErrInput, pop.Info(), len(c.Channels), c.Batch)
	}
	ms := c.Manifest.MS()
	v := make([]float32, ms*c.Batch)
	traces, err := c.probe(pop)
	if err != nil {
		return err
	}
	for batch := range batches {
		inputs := make([]*spikeio.Events, len(batch))
		for i, k := range batch {
			if inputs[i], err = c.Manifest.Inputs.Trial(c.Channels, ms, c.Manifest.Seed, uint64(k)); err != nil {
				return err
			}
		}
		if err := Play(ctx, pop, inputs, ms, population.Output{VSoma: v}, nil); err != nil {
			if !errors.Is(err, ctx.Err()) {
				err = fmt.Errorf("trials %v: %w", batch, err)
			}
			return err
		}
		for i, k := range batch {
			t := Trial{Input: inputs[i], SpikeMS: labels.PeaksMS(i), UpcrossMS: labels.UpcrossMS(i), VSomaMV: column(v, c.Batch, i, ms),
				VDend10UV: interleave(traces[i], ms)}
			path := trialPath(c.Dir, k)
			// What a killed run left: no other process makes this trial.
			left, _ := filepath.Glob(path + ".*.tmp")
			for _, name := range left {
				os.Remove(name)
			}
			if err := t.write(path); err != nil {
				return err
			}
			made(len(t.SpikeMS))
		}
	}
	return nil
}

// probe starts to record the manifest's dendritic voltages: [neuron][voltage].
func (c *Config) probe(pop population.Population) ([][]func() []float64, error) {
	traces := make([][]func() []float64, c.Batch)
	if len(c.Manifest.Voltages) == 0 {
		return traces, nil
	}
	probed, ok := pop.(population.Probed)
	if !ok {
		return nil, fmt.Errorf("%w: cell %s has no dendritic voltages", population.ErrInput, c.Manifest.Cell)
	}
	for i := range traces {
		for _, segment := range c.Manifest.Voltages {
			t, err := probed.ProbeChannel(i, slices.Index(c.Manifest.Segment, segment), 1)
			if err != nil {
				return nil, err
			}
			traces[i] = append(traces[i], t)
		}
	}
	return traces, nil
}

// interleave returns the first ms samples of every trace as Trial.VDend10UV.
func interleave(traces []func() []float64, ms int) []int16 {
	if len(traces) == 0 {
		return nil
	}
	out := make([]int16, ms*len(traces))
	for j, trace := range traces {
		for t, v := range trace()[:ms] {
			out[t*len(traces)+j] = int16(math.Round(100 * max(-327, min(327, v))))
		}
	}
	return out
}

// column returns neuron i's part of x [ms][n].
func column[T any](x []T, n, i, ms int) []T {
	y := make([]T, ms)
	for t := range y {
		y[t] = x[t*n+i]
	}
	return y
}
