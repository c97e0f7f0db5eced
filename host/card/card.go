// Package card holds the judgement of a surrogate, as 'understudy evaluate' makes
// it, and writes it: as text, as JSON, and as a model card, a Markdown page with plots.
package card

import (
	"fmt"
	"os"

	"github.com/go-json-experiment/json"

	"understudy/plugin/measure"
	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Evaluation is one model judged on one data set.
type Evaluation struct {
	Model     string  `json:"model"`
	Data      string  `json:"data"`        // directory
	Inputs    string  `json:"data_inputs"` // what the data set's input and cell are, in words
	Precision string  `json:"precision"`   // f32, bf16 or int8
	Kernel    string  `json:"kernel"`
	Threshold float64 `json:"spike_threshold"`
	// Notes says where the data differ from those that the model was trained on, or from
	// the main data set.
	Notes []string `json:"notes,omitempty"`
	measure.Judgement
	OutOfRange surrogate.RangeReport `json:"input_range"`

	// For plots.
	FalsePositive, TruePositive []float64      `json:"-"` // the ROC curve
	Trace                       *measure.Trace `json:"-"` // of the typical trial; nil: none
	WarmupMS                    int            `json:"-"` // at which the trace begins [ms]
}

// Result is a model's evaluation on the main data set, in JSON at the top, and all that
// it is compared with.
type Result struct {
	Evaluation
	Info    model.Info  `json:"model_info"`
	SHA256  string      `json:"model_sha256"`   // of the canonical file
	Int8    *Evaluation `json:"int8,omitempty"` // the same in integers, where the main one is f32 and the model has them
	Also    []Also      `json:"also,omitempty"` // other data sets
	Compare []Baseline  `json:"baselines,omitempty"`
	Command string      `json:"command"`
	Version string      `json:"version"` // of understudy
}

// Also is the model on another data set.
type Also struct {
	Name string `json:"name"`
	// Drop is the AUC on the main data less that on these; N counts the spikes of these.
	Drop         measure.Figure   `json:"auc_drop"`
	DropInterval measure.Interval `json:"auc_drop_interval"`
	Evaluation
}

// Baseline is another model on the main data set: one that was judged here, or one whose
// figures a file reports.
type Baseline struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Source      string  `json:"source"` // file
	Parameters  int     `json:"parameters"`
	MACsPerMS   float64 `json:"macs_per_ms"`

	AUC               measure.Figure `json:"auc"`
	TruePositivesAt1  measure.Figure `json:"tp_at_1pct_fp"`
	VoltageRMSE       measure.Figure `json:"voltage_rmse_mv"`
	ExplainedVariance measure.Figure `json:"explained_variance"`
	Precision         measure.Figure `json:"precision_2ms"`
	Recall            measure.Figure `json:"recall_2ms"`
	// Below is the model's AUC less the baseline's; the interval is paired by trial, and
	// undefined where the figures come from a file.
	Below         measure.Figure   `json:"auc_below_model"`
	BelowInterval measure.Interval `json:"auc_below_model_interval"`
	// OtherData is true where the file's numbers of trials and spikes are not those of the
	// main data set: its figures rest on other data.
	OtherData bool `json:"other_data"`
}

// JudgedBaseline is the baseline of an evaluation on the main data set with the main
// seed.
func (r *Result) JudgedBaseline(name, file string, info model.Info, description string, e Evaluation) Baseline {
	b := Baseline{Name: name, Description: description, Source: file, Parameters: info.Parameters, MACsPerMS: info.MACsPerMS,
		AUC: e.AUC, TruePositivesAt1: e.TruePositivesAt1, VoltageRMSE: e.VoltageRMSE, ExplainedVariance: e.ExplainedVariance,
		Precision: e.Judgement.Precision, Recall: e.Recall}
	drop, interval := measure.DropInAUC(r.Judgement, e.Judgement)
	b.Below, b.BelowInterval = measure.Figure{Value: drop, N: r.TrueSpikes}, interval
	return b
}

// figuresFile is what ReadBaseline reads.
type figuresFile struct {
	Description string  `json:"description"`
	Parameters  int     `json:"parameters"`
	MACsPerMS   float64 `json:"macs_per_ms"`
	Figures     struct {
		AUC       *float64 `json:"auc"`
		TP        *float64 `json:"tp_at_1pct_fp"`
		RMSE      *float64 `json:"rmse_mv"`
		EV        *float64 `json:"explained_variance"`
		Precision *float64 `json:"precision_2ms"`
		Recall    *float64 `json:"recall_2ms"`
		Spikes    int      `json:"spikes"`
		Emitted   int      `json:"emitted"`
		Bins      int      `json:"bins"`
		Trials    int      `json:"trials"`
	} `json:"figures"`
}

// ReadBaseline reads the figures of a model that cannot be judged here, as
// `python -m understudy.train.baselines` writes them:
//
//	{"description": "...", "parameters": 9, "macs_per_ms": 6, "figures": {"auc": 0.9,
//	 "tp_at_1pct_fp": 0.3, "rmse_mv": 1.5, "explained_variance": 0.8, "precision_2ms": 0.1,
//	 "recall_2ms": 0.1, "spikes": 500, "emitted": 510, "bins": 1000000, "trials": 200}}
//
// A figure that is left out or null is undefined.
func (r *Result) ReadBaseline(name, file string) (Baseline, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Baseline{}, err
	}
	var f figuresFile
	if err := json.Unmarshal(b, &f, json.RejectUnknownMembers(true)); err != nil {
		return Baseline{}, fmt.Errorf("%s: %w: %w", file, population.ErrFormat, err)
	}
	g := &f.Figures
	figure := func(v *float64, n int) measure.Figure {
		if v == nil {
			return measure.Figure{Value: nan, N: n}
		}
		return measure.Figure{Value: *v, N: n}
	}
	out := Baseline{Name: name, Description: f.Description, Source: file, Parameters: f.Parameters, MACsPerMS: f.MACsPerMS,
		AUC: figure(g.AUC, g.Spikes), TruePositivesAt1: figure(g.TP, g.Spikes), VoltageRMSE: figure(g.RMSE, g.Bins),
		ExplainedVariance: figure(g.EV, g.Bins), Precision: figure(g.Precision, g.Emitted), Recall: figure(g.Recall, g.Spikes),
		BelowInterval: measure.Interval{Low: nan, High: nan},
		OtherData:     g.Trials != r.Trials || g.Spikes != r.TrueSpikes || g.Bins != r.DurationMS}
	out.Below = measure.Figure{Value: r.AUC.Value - out.AUC.Value, N: g.Spikes}
	return out, nil
}
