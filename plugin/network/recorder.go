package network

import (
	"fmt"

	"understudy/plugin/population"
)

// Spike is an output spike: emitted in step Step, it leaves at t = Step+1 ms.
type Spike struct {
	Step   int64
	Neuron int32 // counted over all populations
}

// Recorder collects what a network does. Fill Watch, hand it to Run, read
// the rest. One recorder serves one network; several calls of Run append.
type Recorder struct {
	// Watch lists neurons whose voltage, probability and input are kept.
	Watch []int

	Spikes []Spike
	// VSoma [watched][step]: soma voltage [mV] at the start of the step.
	VSoma [][]float32
	// PSpike [watched][step]: probability of a spike in the step.
	PSpike [][]float32
	// Input [watched]: every event that reached the neuron, background and
	// recurrent, sorted by step, ready for Replay: Neuron is the index in Watch.
	Input [][]population.Event

	net *Network
	// watched[i] is the index in Watch of neuron i, -1 where it is not watched.
	watched []int32
}

// prepare checks Watch and binds the recorder to its network.
func (r *Recorder) prepare(n *Network) error {
	if r == nil || r.net == n {
		return nil
	}
	if r.net != nil {
		return fmt.Errorf("%w: recorder already used with another network", population.ErrState)
	}
	watched := make([]int32, n.Neurons())
	for i := range watched {
		watched[i] = -1
	}
	for i, w := range r.Watch {
		if w < 0 || w >= n.Neurons() {
			return fmt.Errorf("%w: watched neuron %d, there are %d", population.ErrInput, w, n.Neurons())
		}
		if watched[w] >= 0 {
			return fmt.Errorf("%w: neuron %d watched twice", population.ErrInput, w)
		}
		watched[w] = int32(i)
	}
	r.net, r.watched = n, watched
	r.VSoma = make([][]float32, len(r.Watch))
	r.PSpike = make([][]float32, len(r.Watch))
	r.Input = make([][]population.Event, len(r.Watch))
	return nil
}

func (r *Recorder) wantsVoltage(p int) bool {
	if r == nil {
		return false
	}
	for _, w := range r.Watch {
		if int(r.net.owner[w]) == p {
			return true
		}
	}
	return false
}

func (r *Recorder) inputs(first int, events []population.Event) {
	if r == nil || len(r.Watch) == 0 {
		return
	}
	for _, e := range events {
		if w := r.watched[first+int(e.Neuron)]; w >= 0 {
			e.Neuron = w
			r.Input[w] = append(r.Input[w], e)
		}
	}
}

func (r *Recorder) outputs(p, steps int, out population.Output) {
	if r == nil || out.VSoma == nil {
		return
	}
	size := r.net.first[p+1] - r.net.first[p]
	for i, w := range r.Watch {
		if int(r.net.owner[w]) != p {
			continue
		}
		for s := range steps {
			k := s*size + int(r.net.local[w])
			r.VSoma[i] = append(r.VSoma[i], out.VSoma[k])
			r.PSpike[i] = append(r.PSpike[i], out.PSpike[k])
		}
	}
}

func (r *Recorder) spike(step int64, neuron int) {
	if r != nil {
		r.Spikes = append(r.Spikes, Spike{Step: step, Neuron: int32(neuron)})
	}
}
