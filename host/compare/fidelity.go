package compare

import (
	"context"
	"math"
	"sort"

	"understudy/plugin/measure"
	"understudy/plugin/network"
)

// rocPoints bounds the points of a drawn curve.
const rocPoints = 2000

// fidelity replays the events that the watched detailed neurons received into
// surrogates and compares the two. It returns the surrogates' outputs.
func (c *Config) fidelity(ctx context.Context, row *Row, detailed *simulation) (*network.Trace, error) {
	n, ms := len(detailed.rec.Watch), row.SimulatedMS
	pop, err := c.Surrogate(n)
	if err != nil {
		return nil, err
	}
	defer pop.Close()
	tr, err := network.Replay(ctx, pop, detailed.rec.Input, ms)
	if err != nil {
		return nil, err
	}
	all := measure.NewFidelity()
	all.WarmupMS = row.WarmUpMS
	rmse, spiked := make([]float64, n), make([]bool, n)
	for i := range n {
		one := measure.NewFidelity()
		one.WarmupMS = row.WarmUpMS
		t := measure.Trial{TruePeakMS: detailed.peaks[i], TrueVSoma: detailed.rec.VSoma[i],
			PSpike: tr.PSpike[i], VSoma: tr.VSoma[i], Spike: tr.Spike[i]}
		if math.IsNaN(float64(tr.VSoma[i][0])) { // the model predicts no voltage
			t.TrueVSoma, t.VSoma = nil, nil
		}
		for _, f := range []*measure.Fidelity{all, one} {
			if err := f.Add(t); err != nil {
				return nil, err
			}
		}
		r := one.Report()
		rmse[i], spiked[i] = r.VoltageRMSE.Value, r.TrueSpikes > 0
	}
	row.Fidelity = all.Report()

	p := &row.Pictures
	if !math.IsNaN(row.Fidelity.AUC.Value) {
		p.FalsePositive, p.TruePositive = all.ROC().Thin(rocPoints)
	}
	i := typical(rmse, spiked)
	p.Neuron = detailed.rec.Watch[i]
	p.DetailedV, p.SurrogateV, p.SurrogateP = detailed.rec.VSoma[i], tr.VSoma[i], tr.PSpike[i]
	p.PeaksMS = detailed.peaks[i]
	return tr, nil
}

// typical is the neuron whose voltage error is the median of those that spiked
// (of all where none did): neither the best nor the worst example.
func typical(rmse []float64, spiked []bool) int {
	var order []int
	for i := range rmse {
		if spiked[i] {
			order = append(order, i)
		}
	}
	if order == nil {
		for i := range rmse {
			order = append(order, i)
		}
	}
	sort.SliceStable(order, func(a, b int) bool { return rmse[order[a]] < rmse[order[b]] })
	return order[len(order)/2]
}
