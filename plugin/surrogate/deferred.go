package surrogate

import "understudy/native"

// deferSteps is how many steps' events a deferring convolution collects: fewer read the
// weights more often, more add more taps at once.
const deferSteps = 16

// deferNeurons is the least number of neurons with which deferring is faster. With few, the
// events of a window meet few weights twice.
const deferNeurons = 24

// deferrable is true for a convolution on events whose columns reach over more steps than
// a window.
func (l *node) deferrable() bool {
	return l.sparse() && l.dilation == 1 && l.groups == 1 && l.kernel >= 2*deferSteps
}

// tap is the weights of a deferring layer's tap, [channel][output]; tap 0 is for the
// event's own step.
func (l *layer) tap(lag int) []float32 {
	size := len(l.packed) / l.kernel
	return l.packed[lag*size:][:size]
}

// deferred are the sums of a convolution on the events of many neurons.
//
// An event's whole column, added at once, is read from the last cache or from memory: 27 KB
// for the paper's first layer, and the next event has another channel. Here an event
// adds at once only the taps for those steps that are left of its window of deferSteps
// steps. At the window's end all events in it add the further taps, tap by tap: the
// weights of one tap, 650 KB for the paper's, are read once for all of them and stay in a
// near cache.
//
// This changes no bit: the terms of a sum still come in the order of their event's step. What
// comes from earlier windows is there when a window begins; within a window the
// steps that lie in it get their terms step by step, and those after it get theirs tap by
// tap, the oldest first.
type deferred struct {
	n, slots int
	data     []float32 // [slot][neuron][channel]
	window   [deferSteps]bags
	from     int64   // the first step whose events have not yet met the steps after their window
	loaded   float32 // result of load, so that the compiler does not leave it out
}

// bags are the events of one step: those of neuron i end at ends[i].
type bags struct {
	at   []int32 // where their weights begin in a tap
	a    []float32
	ends []int32
}

func newDeferred(l *layer, n int) *deferred {
	slots := deferSteps + l.kernel - 1
	d := &deferred{n: n, slots: slots, data: make([]float32, slots*n*l.width)}
	for i := range d.window {
		d.window[i].ends = make([]int32, n)
	}
	return d
}

func (d *deferred) reset(bias []float32) {
	fillRows(d.data, bias)
	d.from = 0
	for i := range d.window {
		d.window[i].fill(nil, 0)
	}
}

// fill replaces the events by those of one step, sorted.
func (b *bags) fill(events []event, width int) {
	b.at, b.a = b.at[:0], b.a[:0]
	for i := range b.ends {
		for len(events) > 0 && events[0].neuron() == i {
			b.at = append(b.at, int32(events[0].channel()*width))
			b.a = append(b.a, events[0].weight)
			events = events[1:]
		}
		b.ends[i] = int32(len(b.at))
	}
}

// row is the sums of step t, [neuron][channel].
func (d *deferred) row(t int64, width int) []float32 {
	size := d.n * width
	return d.data[int(t%int64(d.slots))*size:][:size]
}

// step takes the events of step t, moves the step's sums to y, [neuron][channel], and begins
// new ones in their place.
func (d *deferred) step(k *native.Set, l *layer, y []float32, t int64, events []event) {
	d.window[t%deferSteps].fill(events, l.width)
	end := t - t%deferSteps + deferSteps
	for lag := range end - t {
		d.add(k, l, t, int(lag))
	}
	if t+1 == end {
		d.flush(k, l, end)
	}
	x := d.row(t, l.width)
	copy(y, x)
	fillRows(x, l.bias)
}

// flush adds to the steps after the window what the events before step now, which lies in
// it or is its end, mean for them, if that has not been done.
func (d *deferred) flush(k *native.Set, l *layer, now int64) {
	if now <= d.from {
		return
	}
	end := (now + deferSteps - 1) / deferSteps * deferSteps
	for lag := l.kernel - 1; lag > 0; lag-- {
		d.loaded = load(l.tap(lag))
		for t := max(d.from, end-int64(lag)); t < now; t++ {
			d.add(k, l, t, lag)
		}
	}
	d.from = now
}

// add adds one tap of the events of step t.
func (d *deferred) add(k *native.Set, l *layer, t int64, lag int) {
	b := &d.window[t%deferSteps]
	k.Bags(d.row(t+int64(lag), l.width), l.tap(lag), b.at, b.a, b.ends, l.width)
}

// load reads w once in order, which is several times faster than the order of the events in
// which it is read next, then from a near cache.
func load(w []float32) float32 {
	const line = 64 / 4
	var a, b, c, d float32 // so that no addition waits for another
	for ; len(w) >= 4*line; w = w[4*line:] {
		a += w[0]
		b += w[line]
		c += w[2*line]
		d += w[3*line]
	}
	return a + b + c + d
}
