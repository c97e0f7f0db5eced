package population

import "fmt"

// MaxSteps bounds one call of Step, so that lengths never overflow.
const MaxSteps = 1 << 20

// CheckStep validates the arguments of a Step of a population at time now; every engine
// calls it first. The error wraps ErrInput and names the event.
func CheckStep(info Info, now int64, steps int, events []Event, out Output) error {
	if steps < 1 || steps > MaxSteps {
		return fmt.Errorf("%w: %d steps, want 1 to %d", ErrInput, steps, MaxSteps)
	}
	need := steps * info.N
	short := func(name string, n int) error {
		return fmt.Errorf("%w: output %s holds %d values, %d steps of %d neurons need %d", ErrInput, name, n, steps, info.N, need)
	}
	switch {
	case out.PSpike != nil && len(out.PSpike) < need:
		return short("PSpike", len(out.PSpike))
	case out.VSoma != nil && len(out.VSoma) < need:
		return short("VSoma", len(out.VSoma))
	case out.Spike != nil && len(out.Spike) < need:
		return short("Spike", len(out.Spike))
	}
	lo, hi := float64(now), float64(now+int64(steps))
	i := firstBad(lo, hi, uint(info.N), uint(info.Channels), events)
	if i == len(events) {
		return nil
	}
	switch e := &events[i]; {
	case !(e.TimeMS >= lo && e.TimeMS < hi):
		return fmt.Errorf("%w: event %d at %g ms is outside [%g, %g)", ErrInput, i, e.TimeMS, lo, hi)
	case e.Neuron < 0 || int(e.Neuron) >= info.N:
		return fmt.Errorf("%w: event %d for neuron %d of %d", ErrInput, i, e.Neuron, info.N)
	case e.Channel < 0 || int(e.Channel) >= info.Channels:
		return fmt.Errorf("%w: event %d on channel %d of %d", ErrInput, i, e.Channel, info.Channels)
	}
	return fmt.Errorf("%w: event %d has weight %g", ErrInput, i, events[i].Weight)
}

// firstBad is the index of the first event that is outside the times from lo to hi, has no such neuron or channel or a
// weight that is not finite; else the number of events.
func firstBad(lo, hi float64, neurons, channels uint, events []Event) int {
	for i := range events {
		e := &events[i]
		if !(e.TimeMS >= lo && e.TimeMS < hi) || uint(e.Neuron) >= neurons || uint(e.Channel) >= channels || e.Weight-e.Weight != 0 {
			return i
		}
	}
	return len(events)
}
