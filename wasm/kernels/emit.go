package kernels

import (
	"math/bits"

	"understudy/wasm/module"
)

// emitter is a function in which a kernel is written, with the phrases that the kernels share.
type emitter struct{ *module.Func }

// set has to = what expr leaves on the stack.
func (e emitter) set(to module.Local, expr func()) {
	expr()
	e.Set(to)
}

// local is a new local variable with the value of expr.
func (e emitter) local(t module.Type, expr func()) module.Local {
	l := e.Local(t)
	e.set(l, expr)
	return l
}

// zero is a new local variable, a vector of zeros.
func (e emitter) zero() module.Local {
	return e.local(module.V128, func() { e.V128([4]uint32{}) })
}

// times4 is a new local variable: n values of 4 bytes in bytes.
func (e emitter) times4(n module.Local) module.Local {
	return e.local(module.I32, func() { e.Get(n); e.I32(2); e.Op("i32.shl") })
}

// advanceBy has l += by.
func (e emitter) advanceBy(l, by module.Local) {
	e.Get(l, by)
	e.Op("i32.add")
	e.Set(l)
}

// smaller pushes the smaller of l and n.
func (e emitter) smaller(l module.Local, n int) {
	e.Get(l)
	e.I32(int32(n))
	e.Get(l)
	e.I32(int32(n))
	e.Op("i32.lt_s", "select")
}

// while repeats body as long as n is not 0.
func (e emitter) while(n module.Local, body func()) {
	e.Get(n)
	e.If(func() {
		e.Loop(func() {
			body()
			e.Get(n)
			e.BrIf(0)
		})
	})
}

// number is one in a variable, which is known when the code is written if it is not 0.
type number struct {
	local module.Local
	known int
}

// straight is how many things are worth code for each of them rather than a loop.
const straight = 52

// turns has body do n things, as many at a time as unroll says as long as there are so many, and then fewer:
// powers of 2, or if n is known all that are left. turn is a variable that it may use.
func (e emitter) turns(turn module.Local, n number, unroll []int, body func(things int)) {
	if n.known > 0 {
		things := 2 * unroll[0]
		if n.known <= straight {
			things = n.known
		}
		switch turns := n.known / things; turns {
		case 0:
		case 1:
			body(things)
		default:
			e.set(turn, func() { e.I32(int32(turns)) })
			e.repeatAtLeastOnce(turn, func() { body(things) })
		}
		if rest := n.known % things; rest > 0 {
			body(rest)
		}
		return
	}
	for i, things := range unroll {
		e.set(turn, func() {
			e.Get(n.local)
			if i > 0 {
				e.I32(int32(unroll[i-1] - 1))
				e.Op("i32.and")
			}
			e.I32(int32(bits.TrailingZeros(uint(things))))
			e.Op("i32.shr_u")
		})
		e.repeat(turn, func() { body(things) })
	}
}

// repeat repeats body n times, and n counts down to 0.
func (e emitter) repeat(n module.Local, body func()) {
	e.Get(n)
	e.If(func() { e.repeatAtLeastOnce(n, body) })
}

// repeatAtLeastOnce is repeat where n is not 0.
func (e emitter) repeatAtLeastOnce(n module.Local, body func()) {
	e.Loop(func() {
		body()
		e.Get(n)
		e.I32(1)
		e.Op("i32.sub")
		e.Tee(n)
		e.BrIf(0) // a runtime may take several instructions for a comparison here
	})
}

// A part is how much of a vector a kernel handles at once: what is left over at the end of a row
// of float32 or int32 takes the smaller ones.
type part int // values of 4 bytes: 4, 2 or 1

// load pushes what stands at an address; further lanes are 0.
func (e emitter) load(p part, at module.Local, offset int) {
	e.Get(at)
	e.Mem(map[part]string{4: "v128.load", 2: "v128.load64_zero", 1: "v128.load32_zero"}[p], uint32(offset))
}

// store stores v at an address.
func (e emitter) store(p part, at module.Local, offset int, v module.Local) {
	e.Get(at, v)
	switch p {
	case 4:
		e.Mem("v128.store", uint32(offset))
	case 2:
		e.MemLane("v128.store64_lane", uint32(offset), 0)
	case 1:
		e.MemLane("v128.store32_lane", uint32(offset), 0)
	}
}

// parts repeats body for all n values of a row: with parts of 4 as long as there are so many, then 2 and 1.
func (e emitter) parts(n module.Local, body func(p part)) {
	for _, p := range []part{4, 2, 1} {
		e.Count(n, int(p), func() { body(p) })
	}
}

// piece is a part of a row, and where it is in the row [bytes].
type piece struct {
	part
	offset int
}

// pieces are those of n values of 4 bytes.
func pieces(n int) []piece {
	var all []piece
	for _, p := range []part{4, 2, 1} {
		for at := 0; ; {
			if len(all) > 0 {
				last := all[len(all)-1]
				at = last.offset + 4*int(last.part)
			}
			if at+4*int(p) > 4*n {
				break
			}
			all = append(all, piece{p, at})
		}
	}
	return all
}

// forSizes writes body for each of the known sizes, and for all others.
func (e emitter) forSizes(n module.Local, known []int, body func(n number)) {
	var sizes []Matrix
	for _, size := range known {
		sizes = append(sizes, Matrix{Out: size})
	}
	e.forMatrices(n, n, sizes, func(size Matrix) { body(number{n, size.Out}) })
}
