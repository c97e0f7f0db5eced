// Package population is the contract between engines and everything that
// drives them: N neurons of one model with shared parameters, stepped 1 ms at
// a time. Detailed and surrogate engines implement [Population]; networks, the
// C ABI and the WebAssembly guest know only this interface.
package population

import (
	"errors"
	"io"
)

// Event is one synaptic event on its way into a population.
type Event struct {
	// TimeMS is the absolute time [ms] since the last Reset. Step accepts
	// events with Now <= TimeMS < Now+steps.
	TimeMS float64
	// Neuron is the index of the target neuron, 0 <= Neuron < N.
	Neuron int32
	// Channel is the synaptic input, 0 <= Channel < Channels: the excitatory
	// synapses in segment order, then the inhibitory ones.
	Channel int32
	// Weight 1 is one presynaptic spike. Must be finite.
	Weight float32
}

// Output receives what a Step computes. Every slice is either nil (not wanted)
// or at least steps*N long, row-major [step][neuron]. Step k covers
// t in [k, k+1) ms.
type Output struct {
	// PSpike is the probability of an output spike in step k, known at
	// t = k+1. A detailed population writes 0 or 1.
	PSpike []float32
	// VSoma is the soma voltage [mV] at t = k, the start of step k.
	VSoma []float32
	// Spike is true where the neuron emits a spike in step k; the spike leaves
	// at t = k+1.
	Spike []bool
}

// Info describes a population; it does not change during its life.
type Info struct {
	Kind       string  // "detailed" or "surrogate"
	Model      string  // name of the cell or of the model
	N          int     // neurons
	Channels   int     // synaptic inputs per neuron
	MACsPerMS  float64 // multiply-accumulates per neuron and ms besides the events; 0 where not defined
	MACsPerEvt float64 // multiply-accumulates per event; 0 where not defined
	StateBytes int     // bytes of state per neuron
}

// Population is N neurons of one model. One population steps from one
// goroutine at a time; different populations may step in parallel.
type Population interface {
	Info() Info
	// Now is the number of steps (ms) done since the last Reset.
	Now() int64
	// Step advances by steps ms. Events may come in any order and the result
	// does not depend on it. On error nothing has advanced and out is untouched.
	// Step does not keep events or out. Implementations do not allocate once
	// warm.
	Step(steps int, events []Event, out Output) error
	// Reset returns to the state just after creation, at t = 0.
	Reset()
	// Save writes the whole dynamic state; Load restores it in a population of
	// the same model, size and options, after which both go on identically.
	// Load changes nothing when it returns an error.
	Save(w io.Writer) error
	Load(r io.Reader) error
	// Close releases resources; later calls return ErrClosed.
	Close() error
}

// Labelled is implemented by detailed populations: spike times finer than a
// step, for labels and for comparison with other simulators.
type Labelled interface {
	// PeaksMS returns the times [ms] since Reset of the local maxima of soma voltage above
	// -25 mV on a 0.125 ms grid (the paper's convention). The slice is a copy.
	PeaksMS(neuron int) []float64
	// UpcrossMS returns the times [ms] since Reset of upward crossings of -20 mV,
	// linearly interpolated. The slice is a copy.
	UpcrossMS(neuron int) []float64
}

// Probed is implemented by populations of neurons with dendrites.
type Probed interface {
	// ProbeChannel records the voltage [mV] of the segment that a channel's synapses
	// sit on from now on, one sample at once and one every intervalMS; Reset starts
	// the recording anew. trace returns a copy of the samples so far.
	ProbeChannel(neuron, channel int, intervalMS float64) (trace func() []float64, err error)
}

// Categories of error; every error an engine returns wraps one of them.
var (
	ErrInput  = errors.New("bad input")      // an event, a length or an option is out of range
	ErrFormat = errors.New("bad file")       // a file or saved state does not parse or does not fit
	ErrClosed = errors.New("closed")         // the population was closed
	ErrState  = errors.New("wrong state")    // call not possible now
	ErrLimit  = errors.New("over a limit")   // larger than what is accepted
	ErrKernel = errors.New("no such kernel") // kernel name unknown or its CPU feature missing
)

// LabelStep is the step of an output spike whose voltage peaks at tPeakMS
// (Beniaguev et al. 2021: int(t_peak - 0.5)).
func LabelStep(tPeakMS float64) int { return int(tPeakMS - 0.5) }
