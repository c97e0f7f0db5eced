package abi

import (
	"strings"
	"unsafe"

	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// The US_PRECISION_ numbers of understudy.h.
const (
	PrecisionF32 uint32 = iota
	PrecisionInt8
	PrecisionBF16
)

// The US_SPIKES_ numbers of understudy.h.
const (
	SpikesThreshold uint32 = iota
	SpikesSample
)

// precisions has the name of each US_PRECISION_.
var precisions = [...]string{PrecisionF32: surrogate.Float32, PrecisionInt8: surrogate.Int8, PrecisionBF16: surrogate.BF16}

// SurrogateOptions is what the numbers of a caller stand for, for one thread and the
// best kernel. Unknown ones are ErrInput.
func SurrogateOptions(precision, spikes uint32, seed uint64) (surrogate.Options, error) {
	if precision >= uint32(len(precisions)) {
		return surrogate.Options{}, Errorf(ErrInput, "precision is %d, expected %d (f32), %d (int8) or %d (bf16)", precision, PrecisionF32, PrecisionInt8, PrecisionBF16)
	}
	if spikes > SpikesSample {
		return surrogate.Options{}, Errorf(ErrInput, "spikes is %d, expected %d (threshold) or %d (sample)", spikes, SpikesThreshold, SpikesSample)
	}
	return surrogate.Options{Precision: precisions[precision], Sample: spikes == SpikesSample, Seed: seed}, nil
}

// Numbers are what stands for options at a caller; the inverse of SurrogateOptions.
func Numbers(opt surrogate.Options) (precision, spikes uint32, err error) {
	if opt.Sample {
		spikes = SpikesSample
	}
	for i, name := range precisions {
		if opt.Precision == name {
			return uint32(i), spikes, nil
		}
	}
	if opt.Precision == "" {
		return PrecisionF32, spikes, nil
	}
	return 0, 0, Errorf(ErrInput, "precision is %q, expected one of %s", opt.Precision, strings.Join(precisions[:], ", "))
}

// InputRange tells how much of a surrogate population's input lay outside its model's
// training range. Other populations have none: ErrState.
func (d *Door) InputRange(h uint64) (r surrogate.RangeReport, err error) {
	err = d.Use(h, func(p population.Population) error {
		s, ok := p.(interface{ OutOfRange() surrogate.RangeReport })
		if !ok {
			return Errorf(ErrState, "a %s population has no training range", p.Info().Kind)
		}
		r = s.OutOfRange()
		return nil
	})
	return r, err
}

// SetNumbers says which neurons of a larger population those of a surrogate population
// are; n numbers from the address on. Other populations draw nothing: ErrState.
func (d *Door) SetNumbers(h uint64, numbers *int64, n uint64) error {
	return d.Use(h, func(p population.Population) error {
		s, ok := p.(interface{ SetNumbers([]int64) error })
		switch {
		case !ok:
			return Errorf(ErrState, "a %s population draws no spikes", p.Info().Kind)
		case numbers == nil:
			return Errorf(ErrNull, "numbers is NULL")
		case n != uint64(p.Info().N):
			return Errorf(ErrInput, "%d numbers for %d neurons", n, p.Info().N)
		}
		return s.SetNumbers(unsafe.Slice(numbers, n))
	})
}

// MaxHeads bounds the heads of one step.
const MaxHeads = 1 << 12

// HeadBuffer is where the values of one of the model's heads go, [step][neuron][channel
// of the head]. Data has room for Capacity elements.
type HeadBuffer struct {
	Name     string
	Data     *float32
	Capacity uint64
}

// headed is implemented by populations with outputs beside those of a step.
type headed interface {
	Heads() map[string]int
	StepHeads(steps int, events []population.Event, out population.Output, heads map[string][]float32) error
}

// stepHeads is Step of a population with further outputs; values is steps times neurons.
func stepHeads(p population.Population, steps int, values uint64, events []population.Event, out population.Output, buffers []HeadBuffer) error {
	h, ok := p.(headed)
	if !ok {
		return Errorf(ErrInput, "a %s population has no heads", p.Info().Kind)
	}
	counts, heads := h.Heads(), make(map[string][]float32, len(buffers))
	for _, b := range buffers {
		count, ok := counts[b.Name]
		need := values * uint64(count)
		switch {
		case !ok:
			return Errorf(ErrInput, "the model has no head %q", b.Name)
		case heads[b.Name] != nil:
			return Errorf(ErrInput, "head %q is asked for twice", b.Name)
		case b.Data == nil:
			return Errorf(ErrNull, "values of head %q is NULL", b.Name)
		case b.Capacity < need:
			return Errorf(ErrBuffer, "capacity of head %q is %d, %d values of %d channels need %d", b.Name, b.Capacity, values, count, need)
		}
		heads[b.Name] = unsafe.Slice(b.Data, need)
	}
	return h.StepHeads(steps, events, out, heads)
}
