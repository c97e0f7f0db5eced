package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"understudy/host/card"
	"understudy/plugin/dataset"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// evaluateBatch is how many trials run side by side as one population.
const evaluateBatch = 16

// judge runs models on data sets.
type judge struct {
	cmd            *cobra.Command
	opt            surrogate.Options
	threads, every int
}

// evaluate judges a model on the trials of a data set; the seed is that of the resampling.
func (j *judge) evaluate(m *model.Model, d *dataset.Data, seed uint64) (*card.Evaluation, error) {
	trials := slices.DeleteFunc(slices.Clone(d.Trials), func(k int) bool { return k%j.every != 0 })
	if len(trials) == 0 {
		return nil, fmt.Errorf("%s: %d trials, none of them with a number that %d divides", d.Dir, len(d.Trials), j.every)
	}
	r := &card.Evaluation{Model: m.Name, Data: d.Dir, Inputs: describe(&d.Manifest), Precision: j.opt.Precision, Threshold: m.SpikeThreshold}
	if j.opt.Precision == surrogate.Int8 {
		r.Threshold = m.ThresholdInt8()
	}
	var mu sync.Mutex
	newPop := func(n int) (population.Population, error) {
		p, err := surrogate.New(m, n, j.opt)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		r.Kernel = p.Kernel().Name
		return &rangeCounter{p, func(one surrogate.RangeReport) {
			mu.Lock()
			defer mu.Unlock()
			addRange(&r.OutOfRange, one)
		}}, nil
	}
	bar := newProgressBar(j.cmd.ErrOrStderr())
	f, err := d.Judge(j.cmd.Context(), trials, newPop, evaluateBatch, j.threads, func(done int) { bar.show("trials", 0, done, len(trials)) })
	bar.end()
	if errors.Is(err, context.Canceled) {
		return nil, errors.New("stopped")
	}
	if err != nil {
		return nil, err
	}
	r.Judgement = f.Judgement(r.Threshold, m.RefractoryMS, seed)
	r.WarmupMS = f.WarmupMS
	roc := f.ROC()
	for x := -4.0; roc.Positives > 0 && x < 0.005; x += 0.01 {
		fp := min(math.Pow(10, x), 1)
		tp, _ := roc.TruePositivesAt(fp)
		r.FalsePositive, r.TruePositive = append(r.FalsePositive, fp), append(r.TruePositive, tp)
	}
	if t, ok := f.Typical(); ok {
		r.Trace = &t
	}
	for _, note := range rangeNotes(r.OutOfRange) {
		r.Notes = append(r.Notes, note+".")
	}
	return r, nil
}

// baseline judges another model on the main data set, in float32.
func (j *judge) baseline(r *card.Result, b named, m *model.Model, d *dataset.Data) (card.Baseline, error) {
	floats := *j
	floats.opt.Precision = surrogate.Float32
	e, err := floats.evaluate(m, d, mainSeed)
	if err != nil {
		return card.Baseline{}, err
	}
	var p struct {
		Description string `json:"description"`
	}
	_ = json.Unmarshal(m.Provenance, &p) // never interpreted otherwise; absent in most files
	return r.JudgedBaseline(b.name, b.path, m.Info(), p.Description, *e), nil
}

// rangeCounter hands on what a population counted before it forgets it.
type rangeCounter struct {
	*surrogate.Population
	add func(surrogate.RangeReport)
}

func (c *rangeCounter) Reset() {
	c.add(c.OutOfRange())
	c.Population.Reset()
}

func (c *rangeCounter) Close() error {
	c.add(c.OutOfRange())
	return c.Population.Close()
}

// addRange adds b to a.
func addRange(a *surrogate.RangeReport, b surrogate.RangeReport) {
	if b.Events > 0 {
		if a.Events == 0 {
			a.MinWeight, a.MaxWeight = b.MinWeight, b.MaxWeight
		}
		a.MinWeight, a.MaxWeight = min(a.MinWeight, b.MinWeight), max(a.MaxWeight, b.MaxWeight)
	}
	a.Known = a.Known || b.Known
	a.Steps += b.Steps
	a.StepsOutside += b.StepsOutside
	a.Events += b.Events
	a.WeightsOutside += b.WeightsOutside
	a.ChannelsOutside += b.ChannelsOutside
	a.MaxEventsPerMS = max(a.MaxEventsPerMS, b.MaxEventsPerMS)
}
