package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"understudy/plugin/model"
	"understudy/plugin/model/builtin"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

const (
	// folder is where this benchmark lies, seen from the root of the module.
	folder = "tests/benchmarks/surrogate"
	// eventsPerMS arrive at every neuron in every step. It is a constant number, not
	// the mean of a random one, so that peers need no padding of their index arrays.
	eventsPerMS = 14
	// period after which the events repeat [ms].
	periodMS = 200
	// checkMS are simulated at the start and compared; more than the receptive field of paper.
	// The first checkNeurons neurons are.
	checkMS, checkNeurons = 150, 3
	// maxNeurons of a row.
	maxNeurons = 100
	// inputChannels of all models.
	inputChannels = 1278
)

// The models.
const (
	paper     = "TCN of the paper"
	elm       = "ELM, 54,002 parameters"
	defaultM  = "built-in"
	inputSeed = 1
)

// inputs are the files that all processes read.
type inputs struct {
	models map[string]string
	events string
}

// request is what a process is told.
type request struct {
	Model        string `json:"model"`  // file
	Events       string `json:"events"` // file: channels, int32 [period][maxNeurons][eventsPerMS]
	Shape        [3]int `json:"shape"`
	Neurons      int    `json:"neurons"`
	Mode         string `json:"mode"`
	Precision    string `json:"precision"`
	Kernel       string `json:"kernel"`
	Threads      int    `json:"threads"`
	Block        int    `json:"block"` // steps of one call
	CheckMS      int    `json:"check_ms"`
	CheckNeurons int    `json:"check_neurons"`
}

func (in *inputs) request(r row) request {
	return request{
		Model: in.models[r.Model], Events: in.events, Shape: [3]int{periodMS, maxNeurons, eventsPerMS},
		Neurons: r.Neurons, Mode: r.mode, Precision: r.Precision, Kernel: r.Kernel, Threads: r.Threads, Block: r.Block,
		CheckMS: checkMS, CheckNeurons: min(checkNeurons, r.Neurons),
	}
}

// writeInputs writes the models and the events into dir. All weights are random, but
// those of the built-in model: time does not depend on them, and outputs are of order 1.
func writeInputs(dir string) (inputs, error) {
	in := inputs{models: map[string]string{}, events: filepath.Join(dir, "events.i32")}
	small, err := builtin.Open("l5pc-tcn") // l5pc has the shape of elm
	if err != nil {
		return in, err
	}
	channels := drawEvents()
	for name, m := range map[string]*model.Model{paper: modeltest.Paper(inputSeed), elm: modeltest.ELM(modeltest.BestELM, inputSeed), defaultM: small} {
		if m.Inputs.Channels != inputChannels {
			return in, fmt.Errorf("%s has %d channels, want %d", name, m.Inputs.Channels, inputChannels)
		}
		if err := calibrate(m, channels); err != nil {
			return in, fmt.Errorf("%s: %w", name, err)
		}
		data, err := m.Encode()
		if err != nil {
			return in, err
		}
		in.models[name] = filepath.Join(dir, fmt.Sprintf("model%d.safetensors", len(in.models)))
		if err := os.WriteFile(in.models[name], data, 0o644); err != nil {
			return in, err
		}
	}
	data := make([]byte, 0, 4*len(channels))
	for _, c := range channels {
		data = binary.LittleEndian.AppendUint32(data, uint32(c))
	}
	return in, os.WriteFile(in.events, data, 0o644)
}

// drawEvents returns the channels of all events, [period][maxNeurons][eventsPerMS].
func drawEvents() []int32 {
	rng := rand.New(rand.NewPCG(inputSeed, 0))
	channels := make([]int32, periodMS*maxNeurons*eventsPerMS)
	for i := range channels {
		channels[i] = int32(rng.IntN(inputChannels))
	}
	return channels
}

// appendEvents appends the events of n neurons from a step on.
func appendEvents(events []population.Event, channels []int32, n, from, steps int) []population.Event {
	for t := from; t < from+steps; t++ {
		for i := range n {
			at := (t%periodMS*maxNeurons + i) * eventsPerMS
			for _, c := range channels[at : at+eventsPerMS] {
				events = append(events, population.Event{TimeMS: float64(t), Neuron: int32(i), Channel: c, Weight: 1})
			}
		}
	}
	return events
}

// calibrate finds a model's integer form, on neurons whose input is that of the
// measurement.
func calibrate(m *model.Model, channels []int32) error {
	const n = 10
	ranges, err := surrogate.Calibrate(m, n, func(p population.Population) error {
		return p.Step(checkMS, appendEvents(nil, channels, n, 0, checkMS), population.Output{})
	})
	m.Int8 = ranges
	return err
}

// prepare installs the peers and returns the Python that has them.
func prepare() (string, error) {
	cmd := exec.Command(filepath.Join(folder, "environment.sh"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w (run it from the root of the module)", cmd.Path, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// outputs are those of the first neurons, [step][neuron], from a step on.
type outputs struct {
	From int         `json:"from"`
	P    [][]float64 `json:"p_spike"`
	V    [][]float64 `json:"v_soma_mv"`
}

// voltageScale is how many mV the voltage output is multiplied with in all models:
// errors refer to the network's own output, which is of order 1 [mV].
const voltageScale = 10

// difference is the largest one between the outputs and those that are expected.
func (o *outputs) difference(want *outputs) (float64, error) {
	var most float64
	if len(o.P) == 0 || len(o.V) != len(o.P) || o.From < want.From || o.From-want.From+len(o.P) > len(want.P) {
		return 0, fmt.Errorf("%d and %d steps of output from %d, of %d from %d", len(o.P), len(o.V), o.From, len(want.P), want.From)
	}
	for t := range o.P {
		for i := range o.P[t] {
			p, v := o.P[t][i]-want.P[o.From-want.From+t][i], (o.V[t][i]-want.V[o.From-want.From+t][i])/voltageScale
			most = max(most, math.Abs(p), math.Abs(v)) // NaN stays
		}
	}
	return most, nil
}
