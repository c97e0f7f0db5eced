package network

import (
	"math"
	"testing"
)

// Known answers of the Random123 distribution, kat_vectors, philox4x64 10.
func TestPhilox(t *testing.T) {
	ones := uint64(math.MaxUint64)
	for _, c := range []struct {
		ctr  [4]uint64
		key  [2]uint64
		want [4]uint64
	}{
		{want: [4]uint64{0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b}},
		{[4]uint64{ones, ones, ones, ones}, [2]uint64{ones, ones},
			[4]uint64{0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0}},
	} {
		if got := philox(c.ctr, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.ctr, c.key, got, c.want)
		}
	}
}

// The counts have the mean and the variance of a Poisson distribution.
func TestPoisson(t *testing.T) {
	for _, lambda := range []float64{0.01, 0.7, 4, 30} {
		const n = 200000
		sum, sq := 0.0, 0.0
		for i := range n {
			k := float64(poisson(unit(philox([4]uint64{uint64(i)}, [2]uint64{7})[0]), lambda, maxEventsPerStep))
			sum += k
			sq += k * k
		}
		mean := sum / n
		variance := sq/n - mean*mean
		// Standard errors: sqrt(lambda/n) and sqrt((lambda+2 lambda^2)/n).
		if d := math.Abs(mean - lambda); d > 5*math.Sqrt(lambda/n) {
			t.Errorf("lambda %g: mean %g", lambda, mean)
		}
		if d := math.Abs(variance - lambda); d > 5*math.Sqrt((lambda+2*lambda*lambda)/n) {
			t.Errorf("lambda %g: variance %g", lambda, variance)
		}
	}
	if k := poisson(0.999999, 1e4, 50); k != 50 {
		t.Errorf("count %d exceeds its cap", k)
	}
}

// Every channel of a set gets its share of the 2^32 words, exactly where the
// words are taken at even steps.
func TestPickShares(t *testing.T) {
	share := []float64{1, 3, 0, 4, 0.001, 2, 1e-12}
	c, err := NewChannels([]int32{10, 11, 12, 13, 14, 15, 16}, share)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, s := range share {
		total += s
	}
	const n = 1 << 22
	count := map[int32]int{}
	for i := range uint64(n) {
		count[c.pick(uint32(i<<10+i&1023))]++
	}
	for i, s := range share {
		if got, want := float64(count[int32(10+i)])/n, s/total; math.Abs(got-want) > 1e-5 {
			t.Errorf("share %g of channel %d is %g, want %g", s, 10+i, got, want)
		}
	}
	if count[12] > 0 {
		t.Error("a channel of share zero was drawn")
	}
}
