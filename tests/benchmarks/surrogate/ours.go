package main

import (
	"bufio"
	"encoding/json"
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
	if u.pop, err = surrogate.New(m, u.Neurons, surrogate.Options{Precision: u.Precision, Kernel: u.Kernel, Threads: u.Threads}); err != nil {
		return err
	}
	u.channel = drawEvents()
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

// run advances by whole blocks, and measures the calls of Step: the events lie in
// memory before.
func (u *ours) run(ms int) (bench.Sample, error) {
	perStep := u.Neurons * eventsPerMS
	u.events = appendEvents(u.events[:0], u.channel, u.Neurons, int(u.pop.Now()), ms)
	cpu, wall := bench.CPUSeconds(), time.Now()
	for t := 0; t < ms; t += u.Block {
		if err := u.pop.Step(u.Block, u.events[t*perStep:(t+u.Block)*perStep], u.out); err != nil {
			return bench.Sample{}, err
		}
	}
	return bench.Sample{CPUS: bench.CPUSeconds() - cpu, WallS: time.Since(wall).Seconds()}, nil
}
