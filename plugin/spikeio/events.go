// Package spikeio reads recorded synaptic events and numpy archives, and writes
// results so that a reader never sees half a file.
//
// It has its own .npy reader because github.com/sbinet/npyio v0.6.0 trusts its
// input: it panics on a header without a newline, allocates what a header
// claims, and takes the short reads of a compressed stream for data. The tests
// use npyio as the independent reader and writer.
package spikeio

import (
	"fmt"
	"io"
	"math"

	"understudy/plugin/population"
)

// MaxMS is the longest recording that is read [ms], about 18 hours.
const MaxMS = 1 << 26

// Events are the recorded synaptic events of one neuron; event i is
// (TimeMS[i], Channel[i], Weight[i]), in any order.
type Events struct {
	Channel []int32   // synaptic input, >= 0
	TimeMS  []float64 // finite, >= 0, < TotalMS [ms]
	Weight  []float32 // finite; nil: all 1
	TotalMS int       // length of the recording [ms]
}

// Read reads an .npz archive (in_channel [M] integers, in_t_ms [M], optional
// in_weight [M], optional T_ms) or a CSV file with the header
// t_ms,channel[,weight], told apart by content. Without T_ms the recording
// ends with the millisecond of its last event. Errors name the file and the
// entry or line.
func Read(path string) (*Events, error) {
	z, text, err := open(path)
	if err != nil {
		return nil, err
	}
	if z != nil {
		defer z.Close()
		return z.Events()
	}
	defer text.Close()
	return readCSV(path, text)
}

// eventColumns are the columns of one neuron's events.
var eventColumns = []Column{
	{Name: "t_ms", Array: "in_t_ms"},
	{Name: "channel", Array: "in_channel", Integer: true},
	{Name: "weight", Array: "in_weight", Optional: true},
}

// readCSV reads t_ms,channel[,weight] lines; path is only its name in errors.
func readCSV(path string, r io.Reader) (*Events, error) {
	var e Events
	err := readCSVTable(path, r, eventColumns, func(row []float64) error {
		weight := 1.0
		if len(row) == 3 {
			weight = row[2]
			e.Weight = append(e.Weight, float32(weight))
		}
		e.TimeMS = append(e.TimeMS, row[0])
		e.Channel = append(e.Channel, int32(row[1]))
		return checkEvent(row[0], row[1], weight)
	})
	if err != nil {
		return nil, err
	}
	if err := e.finish(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &e, nil
}

// Events reads the recorded events of an archive; see [Read].
func (z *NPZ) Events() (*Events, error) {
	data, err := z.table(eventColumns)
	if err != nil {
		return nil, err
	}
	e := &Events{TimeMS: data[0], Channel: make([]int32, len(data[1]))}
	for i, c := range data[1] {
		e.Channel[i] = int32(c)
	}
	if data[2] != nil {
		e.Weight = make([]float32, len(data[2]))
		for i, w := range data[2] {
			e.Weight[i] = float32(w)
		}
	}
	if z.Has("T_ms") {
		v, _, err := z.Float64("T_ms")
		if err != nil {
			return nil, err
		}
		if len(v) != 1 {
			return nil, fmt.Errorf("%s: T_ms: %w: %d entries, expected one", z.path, population.ErrFormat, len(v))
		}
		if v[0] != math.Trunc(v[0]) || v[0] < 1 {
			return nil, fmt.Errorf("%s: T_ms: %w: %g, expected a whole number of ms, at least 1", z.path, population.ErrFormat, v[0])
		}
		if v[0] > MaxMS {
			return nil, fmt.Errorf("%s: T_ms: %w: %g, at most %d", z.path, population.ErrLimit, v[0], MaxMS)
		}
		e.TotalMS = int(v[0])
	}
	if err := e.finish(); err != nil {
		return nil, fmt.Errorf("%s: %w", z.path, err)
	}
	return e, nil
}

// finish validates every event and sets TotalMS where it is 0.
func (e *Events) finish() error {
	last := 0.0
	for i, t := range e.TimeMS {
		if err := checkEvent(t, float64(e.Channel[i]), e.weight(i)); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		if e.TotalMS > 0 && t >= float64(e.TotalMS) {
			return fmt.Errorf("event %d: %w: time %g ms is not before T_ms = %d", i, population.ErrFormat, t, e.TotalMS)
		}
		last = max(last, t)
	}
	if e.TotalMS == 0 && len(e.TimeMS) > 0 {
		e.TotalMS = int(last) + 1
	}
	if e.TotalMS == 0 {
		return fmt.Errorf("%w: no events and no T_ms: the length is unknown", population.ErrFormat)
	}
	return nil
}

// weight returns the weight of event i.
func (e *Events) weight(i int) float64 {
	if e.Weight == nil {
		return 1
	}
	return float64(e.Weight[i])
}

func checkEvent(t, channel, weight float64) error {
	switch {
	case math.IsNaN(t) || math.IsInf(t, 0) || t < 0:
		return fmt.Errorf("%w: time %g ms, expected a finite number, 0 or more", population.ErrFormat, t)
	case t >= MaxMS:
		return fmt.Errorf("%w: time %g ms, at most %d", population.ErrLimit, t, MaxMS)
	case channel < 0:
		return fmt.Errorf("%w: channel %g is negative", population.ErrFormat, channel)
	case math.IsNaN(weight) || math.IsInf(float64(float32(weight)), 0):
		return fmt.Errorf("%w: weight %g is not a finite 32-bit number", population.ErrFormat, weight)
	}
	return nil
}

// Check returns an error that names the first event whose channel is not
// below channels.
func (e *Events) Check(channels int) error {
	for i, c := range e.Channel {
		if int(c) >= channels {
			return fmt.Errorf("event %d: %w: channel %d, the model has %d (0 to %d)", i, population.ErrInput, c, channels, channels-1)
		}
	}
	return nil
}

// Population appends the events to dst as events of one neuron of a population.
func (e *Events) Population(dst []population.Event, neuron int) []population.Event {
	for i, t := range e.TimeMS {
		dst = append(dst, population.Event{TimeMS: t, Neuron: int32(neuron), Channel: e.Channel[i], Weight: float32(e.weight(i))})
	}
	return dst
}

// ReadPopulation reads events of many neurons: a CSV file with the header
// t_ms,neuron,channel[,weight], or an .npz archive with in_t_ms, in_neuron, in_channel and, if
// wanted, in_weight. neurons and channels say how many there are. Errors name the file
// and the line or entry.
func ReadPopulation(path string, neurons, channels int) ([]population.Event, error) {
	var events []population.Event
	err := ReadTable(path, []Column{
		{Name: "t_ms", Array: "in_t_ms"},
		{Name: "neuron", Array: "in_neuron", Integer: true},
		{Name: "channel", Array: "in_channel", Integer: true},
		{Name: "weight", Array: "in_weight", Optional: true},
	}, func(row []float64) error {
		weight := 1.0
		if len(row) == 4 {
			weight = row[3]
		}
		if err := checkEvent(row[0], row[2], weight); err != nil {
			return err
		}
		e := population.Event{TimeMS: row[0], Neuron: int32(row[1]), Channel: int32(row[2]), Weight: float32(weight)}
		if e.Neuron < 0 || int(e.Neuron) >= neurons {
			return fmt.Errorf("%w: neuron %d, there are %d", population.ErrInput, e.Neuron, neurons)
		}
		if int(e.Channel) >= channels {
			return fmt.Errorf("%w: channel %d, there are %d", population.ErrInput, e.Channel, channels)
		}
		events = append(events, e)
		return nil
	})
	return events, err
}
