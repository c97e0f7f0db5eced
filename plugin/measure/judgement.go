package measure

import "slices"

// Judgement is all that is said of a surrogate on one set of trials.
type Judgement struct {
	Report
	// AUCSpiking is the AUC on the trials with a true spike alone: trials that are silent
	// throughout are easy and flatter the AUC.
	AUCSpiking    Figure            `json:"auc_spiking_trials"`
	SpikingTrials int               `json:"spiking_trials"`
	Confidence    Confidence        `json:"confidence"`
	Calibration   Calibration       `json:"calibration"`
	Correlogram   Correlogram       `json:"correlogram"`
	Voltage       VoltageByActivity `json:"voltage_by_activity"`
	Sweep         []ThresholdRow    `json:"thresholds"`
}

// sweepThresholds are the thresholds that a judgement tries besides the model's own.
var sweepThresholds = []float64{0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7}

// Judgement judges the trials added so far. threshold and refractory [ms] are the model's,
// seed that of the resampling (see Confidence).
func (f *Fidelity) Judgement(threshold float64, refractory int, seed uint64) Judgement {
	thresholds := append([]float64{threshold}, sweepThresholds...)
	slices.Sort(thresholds)
	j := Judgement{
		Report:      f.Report(),
		Confidence:  f.Confidence(seed),
		Calibration: f.Calibration(seed),
		Correlogram: f.Correlogram(),
		Voltage:     f.VoltageByActivity(),
		Sweep:       f.Sweep(slices.Compact(thresholds), refractory),
	}
	spiking := make([]float64, len(f.trials))
	for i, k := range f.trials {
		if len(k.spikes) > 0 {
			spiking[i] = 1
			j.SpikingTrials++
		}
	}
	j.AUCSpiking = Figure{newTrialROC(f.trials).judge(spiking, nil, nil), j.TrueSpikes}
	return j
}
