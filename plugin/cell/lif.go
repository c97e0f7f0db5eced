package cell

import (
	"fmt"

	"understudy/plugin/lif"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
)

// newLIF makes point neurons; they have their own grid and no synapse types, so
// DtMS, Scheme, Synapses and Dendrites mean nothing to them.
func newLIF(n int, o Options) (population.Population, error) {
	if o.Morphology != nil {
		return nil, fmt.Errorf("%w: lif is a point neuron and takes no morphology", population.ErrInput)
	}
	return lif.New(n, lif.Default())
}

// lifChannels describes the point neuron's inputs as if on one basal segment each.
func lifChannels(Options) ([]Channel, error) {
	p := lif.Default()
	var chs []Channel
	for i := range p.Excitatory {
		chs = append(chs, Channel{Excitatory, i, "soma[0]", 0.5, morphology.Basal, 1, 0})
	}
	for i := range p.Inhibitory {
		chs = append(chs, Channel{Inhibitory, i, "soma[0]", 0.5, morphology.Basal, 1, 0})
	}
	return chs, nil
}
