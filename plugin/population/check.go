package population

import (
	"fmt"
	"math"
)

// MaxSteps bounds one call of Step, so that lengths never overflow.
const MaxSteps = 1 << 20

// CheckStep validates the arguments of a Step of a population at time now; every engine
// calls it first. The error wraps ErrInput and names the event.
func CheckStep(info Info, now int64, steps int, events []Event, out Output) error {
	if steps < 1 || steps > MaxSteps {
		return fmt.Errorf("%w: %d steps, want 1 to %d", ErrInput, steps, MaxSteps)
	}
	need := steps * info.N
	for _, o := range []struct {
		name string
		n    int
		nil  bool
	}{{"PSpike", len(out.PSpike), out.PSpike == nil}, {"VSoma", len(out.VSoma), out.VSoma == nil}, {"Spike", len(out.Spike), out.Spike == nil}} {
		if !o.nil && o.n < need {
			return fmt.Errorf("%w: output %s holds %d values, %d steps of %d neurons need %d", ErrInput, o.name, o.n, steps, info.N, need)
		}
	}
	lo, hi := float64(now), float64(now+int64(steps))
	for i := range events {
		e := &events[i]
		switch {
		case !(e.TimeMS >= lo && e.TimeMS < hi):
			return fmt.Errorf("%w: event %d at %g ms is outside [%g, %g)", ErrInput, i, e.TimeMS, lo, hi)
		case e.Neuron < 0 || int(e.Neuron) >= info.N:
			return fmt.Errorf("%w: event %d for neuron %d of %d", ErrInput, i, e.Neuron, info.N)
		case e.Channel < 0 || int(e.Channel) >= info.Channels:
			return fmt.Errorf("%w: event %d on channel %d of %d", ErrInput, i, e.Channel, info.Channels)
		case math.IsNaN(float64(e.Weight)) || math.IsInf(float64(e.Weight), 0):
			return fmt.Errorf("%w: event %d has weight %g", ErrInput, i, e.Weight)
		}
	}
	return nil
}
