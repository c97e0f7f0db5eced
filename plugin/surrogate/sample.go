package surrogate

// uniform returns a number in [0, 1), a multiple of 2^-24: the same for one seed,
// neuron and step on every machine, and independent between any two of them. It is
// Philox-4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"),
// with the seed as its key and neuron and step as its counter.
func uniform(seed, neuron, step uint64) float32 {
	x := philox([4]uint32{uint32(step), uint32(step >> 32), uint32(neuron), uint32(neuron >> 32)}, [2]uint32{uint32(seed), uint32(seed >> 32)})
	return float32(x[0]>>8) * (1.0 / (1 << 24))
}

func philox(c [4]uint32, key [2]uint32) [4]uint32 {
	for range 10 {
		a, b := uint64(c[0])*0xd2511f53, uint64(c[2])*0xcd9e8d57
		c = [4]uint32{uint32(b>>32) ^ c[1] ^ key[0], uint32(b), uint32(a>>32) ^ c[3] ^ key[1], uint32(a)}
		key[0] += 0x9e3779b9
		key[1] += 0xbb67ae85
	}
	return c
}
