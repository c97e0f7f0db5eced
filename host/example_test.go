package host_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"understudy/host"
	"understudy/plugin/model/builtin"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// A neuron in a sandbox: the built-in surrogate, in integers, which give the same bits everywhere.
func Example() {
	model, err := builtin.Default()
	if err != nil {
		log.Fatal(err)
	}
	file, err := model.Encode() // or os.ReadFile of a model file: it is parsed inside the sandbox
	if err != nil {
		log.Fatal(err)
	}
	box, err := host.New(context.Background(), host.Options{MemoryLimitPages: 1024}) // 64 MiB each
	if err != nil {
		log.Fatal(err)
	}
	defer box.Close()
	neuron, err := box.NewSurrogate(file, 1, surrogate.Options{Precision: surrogate.Int8})
	if err != nil {
		log.Fatal(err)
	}

	// 400 presynaptic spikes within 10 ms, spread over the 639 excitatory channels.
	var events []population.Event
	for i := range 400 {
		events = append(events, population.Event{TimeMS: 10 + float64(i)/40, Channel: int32(i * 37 % 639), Weight: 1})
	}
	const ms = 40
	out := population.Output{VSoma: make([]float32, ms), Spike: make([]bool, ms)}
	if err := neuron.Step(ms, events, out); err != nil {
		log.Fatal(err)
	}
	for _, t := range []int{9, 14, 19, 24, 39} {
		fmt.Printf("%d ms: %.1f mV\n", t, out.VSoma[t])
	}
	fmt.Println("first spike:", slices.Index(out.Spike, true), "ms")
	// Too much memory is an error of that population alone.
	_, err = box.NewSurrogate(file, 200_000, surrogate.Options{})
	fmt.Println("too many neurons:", err != nil, "- the first goes on:", neuron.Step(1, nil, population.Output{}) == nil)
	// Output:
	// 9 ms: -78.2 mV
	// 14 ms: -65.2 mV
	// 19 ms: -57.2 mV
	// 24 ms: -56.3 mV
	// 39 ms: -60.4 mV
	// first spike: 15 ms
	// too many neurons: true - the first goes on: true
}
