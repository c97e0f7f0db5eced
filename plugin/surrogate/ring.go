package surrogate

// ring is a ring buffer of slots of size values.
type ring[T any] struct {
	slots, size int
	data        []T
}

func newRing[T any](steps, block, size int) ring[T] {
	slots := (steps + block - 1) / block * block
	return ring[T]{slots: slots, size: size, data: make([]T, slots*size)}
}

// slot is the slot of step t, which is not negative.
func (r *ring[T]) slot(t int64) int { return int(uint64(t) % uint64(r.slots)) }

// at returns the slots of steps t to t+k-1, which must be adjacent.
func (r *ring[T]) at(t int64, k int) []T {
	s := r.slot(t)
	return r.data[s*r.size : (s+k)*r.size]
}

// back returns the slots of steps t-lag to t-lag+k-1 in two parts, of which the
// second is empty unless the ring's end lies between. lag < slots.
func (r *ring[T]) back(t int64, lag, k int) (a, b []T) {
	s := r.slot(t) - lag
	if s < 0 {
		s += r.slots
	}
	first := min(k, r.slots-s)
	return r.data[s*r.size : (s+first)*r.size], r.data[:(k-first)*r.size]
}

// past is the slot of step t-lag; what lies before step 0 has slots, too. lag < slots.
func (r *ring[T]) past(t int64, lag int) []T {
	x, _ := r.back(t, lag, 1)
	return x
}

// gather copies to x the first width values of each of the steps t-(taps-1)*apart, ... t-apart, t.
func (r *ring[T]) gather(x []T, width int, t int64, taps, apart int) {
	s := r.slot(t)
	for j := taps - 1; j >= 0; j-- {
		copy(x[j*width:][:width], r.data[s*r.size:])
		if s -= apart; s < 0 {
			s += r.slots
		}
	}
}

// coming are the sums that a convolution on events has for the outputs of the coming
// steps so far, [neuron][slot][channel].
type coming[T any] struct {
	slots int
	data  []T
}

func newComing[T any](l *node, n, block int) coming[T] {
	slots := l.reach() + block
	return coming[T]{slots, make([]T, n*slots*l.width)}
}

// row is the sums of neuron i in step t, of width channels.
func (c *coming[T]) row(t int64, i, width int) []T {
	return c.data[(i*c.slots+int(uint64(t)%uint64(c.slots)))*width:][:width]
}

// fillRows sets every row of y to row.
func fillRows[T any](y, row []T) {
	for len(y) > 0 {
		y = y[copy(y, row):]
	}
}
