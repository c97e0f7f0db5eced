package network_test

import (
	"testing"

	"understudy/plugin/network"
	"understudy/plugin/network/networktest"
	"understudy/plugin/population"
)

// BenchmarkDrive is the network's own work at the paper's rates: 15 background
// events per neuron and ms on 1,278 channels, into cells that cost next to nothing.
func BenchmarkDrive(b *testing.B) {
	const n = 64
	channels := func(from, to int32) *network.Channels {
		var index []int32
		var share []float64
		for c := from; c < to; c++ {
			index, share = append(index, c), append(share, float64(10+c%30))
		}
		s, err := network.NewChannels(index, share)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	d := &network.Drive{Seed: 1}
	for i := range int32(4) {
		d.Sources = append(d.Sources, network.Source{Channels: channels(i*319, (i+1)*319), RatePer100MS: 375, Depth: 0.8, PeriodMS: 100, Shared: 0.3})
	}
	net, err := network.New([]population.Population{networktest.NewLIF("lif", n, 1278, 0, 0)}, nil, d, network.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := net.Run(b.Context(), 1, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/neuron-ms")
}
