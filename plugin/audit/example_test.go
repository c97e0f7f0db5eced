package audit_test

import (
	"context"
	"fmt"
	"log"

	"understudy/plugin/audit"
	"understudy/plugin/cell"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/network"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Two of ten surrogates, here of a model that has learnt nothing, beside detailed twins.
func ExamplePopulation() {
	spec := modeltest.Small
	spec.Channels = 100 // as the cell lif has
	surrogates, err := surrogate.New(modeltest.Random(spec, 1), 10, surrogate.Options{})
	if err != nil {
		log.Fatal(err)
	}
	twins, err := cell.New("lif", 2, cell.Options{})
	if err != nil {
		log.Fatal(err)
	}
	pop, err := audit.New(surrogates, twins, []int{0, 5}, audit.Options{WarmUpMS: 100, WindowMS: 500})
	if err != nil {
		log.Fatal(err)
	}
	defer pop.Close()
	set, err := network.NewChannels([]int32{0, 1, 2, 3}, nil)
	if err != nil {
		log.Fatal(err)
	}
	background := &network.Drive{Seed: 1, Sources: []network.Source{{Channels: set, RatePer100MS: 500}}}
	net, err := network.New([]population.Population{pop}, nil, background, network.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := net.Run(context.Background(), 2200, nil); err != nil {
		log.Fatal(err)
	}
	for _, w := range pop.Windows() {
		fmt.Printf("%d to %d ms: %d neuron-ms judged\n", w.FromMS, w.ToMS, w.Agreement.DurationMS)
	}
	// Output:
	// 100 to 600 ms: 1000 neuron-ms judged
	// 600 to 1100 ms: 1000 neuron-ms judged
	// 1100 to 1600 ms: 1000 neuron-ms judged
	// 1600 to 2100 ms: 1000 neuron-ms judged
}
