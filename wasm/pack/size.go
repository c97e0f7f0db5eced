package pack

import (
	"understudy/plugin/model"
	"understudy/plugin/surrogate"
)

// WeightBytes is the size of a model's numbers, in that precision [bytes]: weights, biases, scales, time constants, and in
// integers the factors between layers; without padding and tables. A module of [Pack] is about 20 to 60 KB larger, mostly code.
func WeightBytes(m *model.Model, precision string) (int, error) {
	p, err := surrogate.Plan(m, precision)
	if err != nil {
		return 0, err
	}
	sum := 0
	for i := range p.Layers {
		l := &p.Layers[i]
		sum += 4 * (len(l.Weight) + len(l.Bias) + len(l.Scale) + len(l.Shift))
		if e := l.ELM; e != nil {
			sum += 4 * (len(e.SynapseDecay) + len(e.MemoryDecay) + len(e.Gain))
			for _, d := range e.MLP {
				sum += 4 * (len(d.Weight) + len(d.Bias))
			}
		}
		if q := l.Int8; q != nil {
			if l.Op == model.OpConv1D {
				sum += l.Width * l.InGroup * l.Kernel
			}
			sum += 4 * (len(q.Bias) + len(q.Requant.Mult))
			if e := q.ELM; e != nil {
				sum += 4 * (3*e.Branches + 4*e.Memory) // decays and factors
				in := e.Branches + e.Memory
				for _, d := range e.MLP {
					sum += in*d.Out + 4*2*d.Out
					in = d.Out
				}
			}
		}
	}
	return sum, nil
}
