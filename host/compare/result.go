package compare

import (
	"time"

	"understudy/plugin/measure"
)

// Result is a finished comparison.
type Result struct {
	Setup   Setup    `json:"setup"`
	Regimes []Regime `json:"regimes"`
	Rows    []Row    `json:"rows"` // regime by regime
}

// Setup says what was compared, where and when.
type Setup struct {
	Command    string    `json:"command"`
	Date       time.Time `json:"date"`
	Seed       uint64    `json:"seed"`
	Cell       string    `json:"cell"`
	Morphology string    `json:"morphology,omitempty"` // file; empty: the cell's own
	Model      string    `json:"model"`
	Kernel     string    `json:"kernel"` // of the surrogate engine
	Precision  string    `json:"precision"`
	Host       string    `json:"host"` // of the surrogates: "native" or "wasm"
	Threads    int       `json:"threads"`
	DtMS       float64   `json:"dt_ms"` // of the detailed engine
	Scheme     string    `json:"scheme"`
	Machine    Machine   `json:"machine"`
	// Caveats are sentences that the reader must know to judge the figures.
	Caveats []string `json:"caveats"`
}

// Row is the comparison for one size of network. A figure comes with the
// number of spikes that it rests on.
type Row struct {
	Regime      string `json:"regime"`
	Neurons     int    `json:"neurons"`
	SimulatedMS int    `json:"simulated_ms"`
	WarmUpMS    int    `json:"warm_up_ms"` // excluded from every statistic but those of Windows, not from the wall time
	Connections int    `json:"connections"`

	Detailed  Side `json:"detailed"`
	Surrogate Side `json:"surrogate"`
	// SpeedUp is the detailed network's wall time over the surrogate network's.
	SpeedUp float64 `json:"speed_up"`
	// Sandbox is there where the surrogates ran in one.
	Sandbox *SandboxCost `json:"sandbox,omitempty"`
	// MACsPerMS of the surrogate, per neuron and simulated ms, those of the events
	// that arrived included.
	MACsPerMS float64 `json:"macs_per_neuron_ms"`
	// OutsideTraining is the part of the surrogate network's neuron-steps with a
	// number of events that the model did not see in training, 0..1.
	OutsideTraining float64 `json:"outside_training"`

	// Fidelity is the agreement of surrogates with detailed neurons that received
	// exactly the same events; Fidelity.Trials neurons were compared.
	Fidelity measure.Report `json:"identical_input"`
	// Difference is that of the networks after the warm-up, Windows how it grows with
	// time from the start on.
	Difference Window   `json:"difference"`
	Windows    []Window `json:"windows"`
	Pictures   Pictures `json:"-"`
}

// Side is one kind of network in one row.
type Side struct {
	WallMSPerMS          float64        `json:"wall_ms_per_ms"` // of the whole network
	WallMSPerMSPerNeuron float64        `json:"wall_ms_per_ms_per_neuron"`
	Rate                 measure.Figure `json:"rate_hz"`     // rests on spikes
	IntervalCV           measure.Figure `json:"interval_cv"` // neurons with three spikes or more; rests on their spikes
	Synchrony            measure.Figure `json:"synchrony"`   // bins of 10 ms; rests on the spikes of neurons that spiked
	Rhythm               measure.Figure `json:"rhythm"`      // strength, see measure.Rhythm
	RhythmHz             measure.Figure `json:"rhythm_hz"`   // and frequency [Hz]
}

// Pictures are the series that the report draws.
type Pictures struct {
	// DetailedSpikes and SurrogateSpikes [neuron]: spike steps.
	DetailedSpikes, SurrogateSpikes [][]int64
	// ROC of the neurons under identical input, thinned.
	FalsePositive, TruePositive []float64
	// One neuron under identical input [step]: soma voltage [mV], the surrogate's
	// probability of a spike, and the times of the detailed neuron's peaks [ms].
	Neuron                            int
	DetailedV, SurrogateV, SurrogateP []float32
	PeaksMS                           []float64
}
