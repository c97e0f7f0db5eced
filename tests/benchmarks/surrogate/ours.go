package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/tests/benchmarks/bench"
)

// serveArg makes this program a measured process: ours, talking as ../peer.py does.
const serveArg = "-serve"

// ours is a population of this project with its input.
type ours struct {
	request
	pop     *surrogate.Population
	channel []int32            // [period][maxNeurons][eventsPerMS]
	events  []population.Event // of one Run
	out     population.Output
}

// serve answers as ../peer.py describes, until the standard input ends.
func serve(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	u := &ours{}
	if err := json.Unmarshal(text, &u.request); err != nil {
		return err
	}
	m, err := model.Open(u.Model)
	if err != nil {
		return err
	}
	if u.pop, err = newPopulation(m, &u.request); err != nil {
		return err
	}
	raw, err := os.ReadFile(u.Events)
	if err != nil {
		return err
	}
	u.channel = make([]int32, len(raw)/4)
	for i := range u.channel {
		u.channel[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	u.Block = max(u.Block, 1)
	n := u.Block * u.Neurons
	u.out = population.Output{PSpike: make([]float32, n), VSoma: make([]float32, n), Spike: make([]bool, n)}

	says := ready{Version: u.pop.Kernel().Name, StateBytes: u.pop.Info().StateBytes}
	for range u.CheckMS / u.Block {
		if _, err := u.run(u.Block); err != nil {
			return err
		}
		for t := range u.Block {
			var p, v []float64
			for i := range u.CheckNeurons {
				p = append(p, float64(u.out.PSpike[t*u.Neurons+i]))
				v = append(v, float64(u.out.VSoma[t*u.Neurons+i]))
			}
			says.P, says.V = append(says.P, p), append(says.V, v)
		}
	}
	answer := json.NewEncoder(os.Stdout)
	if err := answer.Encode(map[string]any{"ready": says}); err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		ms, err := strconv.Atoi(in.Text())
		if err != nil {
			return err
		}
		s, err := u.run(ms)
		if err != nil {
			return err
		}
		if err := answer.Encode(s); err != nil {
			return err
		}
	}
	return nil
}

func newPopulation(m *model.Model, r *request) (*surrogate.Population, error) {
	if r.Precision != "f32" {
		return nil, fmt.Errorf("precision %s is not there yet", r.Precision)
	}
	return surrogate.New(m, r.Neurons, surrogate.Options{Kernel: r.Kernel, Threads: r.Threads})
}

// addRanges calibrates a model for int8.
func addRanges(*model.Model) error { return nil }

// run advances by whole blocks, and measures the calls of Step: the events lie in
// memory before.
func (u *ours) run(ms int) (bench.Sample, error) {
	perStep := u.Neurons * eventsPerMS
	u.events = u.events[:0]
	for t := range ms {
		now := int(u.pop.Now()) + t
		for i := range u.Neurons {
			from := (now%periodMS*maxNeurons + i) * eventsPerMS
			for _, c := range u.channel[from : from+eventsPerMS] {
				u.events = append(u.events, population.Event{TimeMS: float64(now), Neuron: int32(i), Channel: c, Weight: 1})
			}
		}
	}
	cpu, wall := bench.CPUSeconds(), time.Now()
	for t := 0; t < ms; t += u.Block {
		if err := u.pop.Step(u.Block, u.events[t*perStep:(t+u.Block)*perStep], u.out); err != nil {
			return bench.Sample{}, err
		}
	}
	return bench.Sample{CPUS: bench.CPUSeconds() - cpu, WallS: time.Since(wall).Seconds()}, nil
}
