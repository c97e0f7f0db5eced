package dataset

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// Blocks, the order of the events and neurons without input change nothing.
func TestPlay(t *testing.T) {
	c := lifConfig(t, "")
	const ms = 250
	input, err := Paper(true).Trial(c.Channels, ms, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	pop, err := c.New(3)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, 3*ms)
	if err := pop.Step(ms, input.Population(nil, 1), population.Output{VSoma: want}); err != nil {
		t.Fatal(err)
	}
	shuffled := &spikeio.Events{Channel: slices.Clone(input.Channel), TimeMS: slices.Clone(input.TimeMS), TotalMS: ms}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled.TimeMS), func(i, j int) {
		shuffled.TimeMS[i], shuffled.TimeMS[j] = shuffled.TimeMS[j], shuffled.TimeMS[i]
		shuffled.Channel[i], shuffled.Channel[j] = shuffled.Channel[j], shuffled.Channel[i]
	})
	for _, in := range []*spikeio.Events{input, shuffled} {
		got := make([]float32, 3*ms)
		var done []int
		err := Play(context.Background(), pop, []*spikeio.Events{{}, in}, ms, population.Output{VSoma: got}, func(ms int) { done = append(done, ms) })
		if err != nil || !slices.Equal(got, want) || !slices.Equal(done, []int{100, 200, 250}) {
			t.Errorf("differs from one step: %t; progress %v, %v", !slices.Equal(got, want), done, err)
		}
	}
	if err := Play(context.Background(), pop, make([]*spikeio.Events, 4), ms, population.Output{}, nil); !errors.Is(err, population.ErrInput) {
		t.Errorf("4 inputs for 3 neurons: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = Play(ctx, pop, []*spikeio.Events{input}, ms, population.Output{}, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) || pop.Now() != 100 {
		t.Errorf("cancelled after the first block: %v at %d ms", err, pop.Now())
	}
}
