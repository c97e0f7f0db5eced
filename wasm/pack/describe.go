package pack

import (
	"encoding/hex"
	"encoding/json"

	"understudy/plugin/model"
	"understudy/plugin/surrogate"
)

// InterfaceVersion is the version of the interface that INTERFACE.md describes.
const InterfaceVersion = 1

// Description is what a module says of itself, as JSON.
type Description struct {
	Interface      int                  `json:"interface"`
	Name           string               `json:"name"`
	Kind           string               `json:"kind"` // tcn or elm
	Precision      string               `json:"precision"`
	StepMS         float64              `json:"step_ms"`
	Channels       int                  `json:"channels"`
	Outputs        []Output             `json:"outputs"`
	SpikeThreshold float64              `json:"spike_threshold"` // of this precision
	RefractoryMS   int                  `json:"refractory_ms"`   // for so many steps after a spike there is none
	StateBytes     int                  `json:"state_bytes"`     // of a saved state, per neuron
	MACsPerMS      float64              `json:"macs_per_ms"`     // per neuron
	MACsPerEvent   float64              `json:"macs_per_event"`
	TrainingRange  *model.TrainingRange `json:"training_range,omitempty"`
	ModelSHA256    string               `json:"model_sha256"` // of the model file in canonical form
	Status         []string             `json:"status"`       // what each status means
	Segment        []int                `json:"segment,omitempty"`
	ChannelKind    []string             `json:"channel_kind,omitempty"` // exc or inh
}

// Output is one of the outputs.
type Output struct {
	Name string `json:"name"`
	Type string `json:"type"` // of a value
	Unit string `json:"unit,omitempty"`
}

func (g *generator) describe(m *model.Model, precision string) ([]byte, error) {
	info := m.Info()
	d := Description{Interface: InterfaceVersion, Name: m.Name, Kind: m.Kind, Precision: precision, StepMS: m.StepMS, Channels: m.Inputs.Channels,
		Outputs: []Output{{"p_spike", "f32", ""}, {"v_soma", "f32", "mV"}, {"spike", "u8", ""}}, SpikeThreshold: m.SpikeThreshold, RefractoryMS: m.RefractoryMS,
		StateBytes: g.stateBytes(), MACsPerMS: info.MACsPerMS, MACsPerEvent: info.MACsPerEvent, TrainingRange: m.TrainingRange, ModelSHA256: hex.EncodeToString(g.plan.Hash[:]),
		Status: StatusText, Segment: m.Inputs.Segment, ChannelKind: m.Inputs.ChannelKind}
	if precision == surrogate.Int8 {
		d.SpikeThreshold = m.ThresholdInt8()
	}
	if g.plan.VSoma.Layer < 0 { // the values are NaN
		d.Outputs = append(d.Outputs[:1], d.Outputs[2])
	}
	return json.Marshal(d)
}
