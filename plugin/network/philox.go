package network

import (
	"math/bits"

	"understudy/plugin/portable"
)

// Streams keep the draws of different purposes apart: the stream is one word of
// the generator's key.
const (
	streamDrive uint64 = 1 + iota
	streamModulation
	streamGraph
)

// philox is the counter-based generator Philox4x64-10 (Salmon et al. 2011,
// "Parallel random numbers: as easy as 1, 2, 3"). Equal counter and key give equal
// words on every machine, so a draw that is addressed by (neuron, step) does not
// depend on the order in which draws are made.
func philox(ctr [4]uint64, key [2]uint64) [4]uint64 {
	for range 10 {
		hi0, lo0 := bits.Mul64(0xD2E7470EE14C6C93, ctr[0])
		hi1, lo1 := bits.Mul64(0xCA5A826395121157, ctr[2])
		ctr = [4]uint64{hi1 ^ ctr[1] ^ key[0], lo1, hi0 ^ ctr[3] ^ key[1], lo0}
		key[0] += 0x9E3779B97F4A7C15
		key[1] += 0xBB67AE8584CAA73B
	}
	return ctr
}

// unit maps a word to [0, 1) with 53 bits.
func unit(w uint64) float64 { return float64(w>>11) * 0x1p-53 }

// poisson returns the number of events for the uniform u in [0, 1) at mean
// lambda, by inversion. The count is capped at maxCount.
func poisson(u, lambda float64, maxCount int) int {
	p := portable.ExpNeg(lambda)
	sum := p
	k := 0
	for u >= sum && k < maxCount {
		k++
		p = float64(p*lambda) * (1 / float64(k))
		sum += p
	}
	return k
}
