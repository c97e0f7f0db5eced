package cable

import "understudy/wasm/module"

// emitter is a function in which a kernel is written.
type emitter struct {
	*module.Func
	// single has vectors be one element, the second number being of no account: that which is left over.
	single bool
}

// value is a new local variable of type t with the result of an instruction on args.
func (e emitter) value(t module.Type, op string, args ...module.Local) module.Local {
	e.Get(args...)
	e.Op(op)
	return e.put(t)
}

// put is a new local variable with what is on the stack.
func (e emitter) put(t module.Type) module.Local {
	l := e.Local(t)
	e.Set(l)
	return l
}

// vector is value of an instruction on vectors.
func (e emitter) vector(op string, args ...module.Local) module.Local {
	return e.value(module.V128, op, args...)
}

// sub is a - b, mul a * b, add a + b, in new local variables.
func (e emitter) sub(a, b module.Local) module.Local { return e.vector("f64x2.sub", a, b) }
func (e emitter) mul(a, b module.Local) module.Local { return e.vector("f64x2.mul", a, b) }
func (e emitter) add(a, b module.Local) module.Local { return e.vector("f64x2.add", a, b) }

// pair is a new local variable with the two numbers at an address.
func (e emitter) pair(at module.Local, offset int) module.Local {
	e.Get(at)
	e.Mem("v128.load", uint32(offset))
	return e.put(module.V128)
}

// load is a new local variable with the elements at an address.
func (e emitter) load(at module.Local, offset int) module.Local {
	if !e.single {
		return e.pair(at, offset)
	}
	e.Get(at)
	e.Mem("v128.load64_zero", uint32(offset))
	return e.put(module.V128)
}

// store stores elements at an address.
func (e emitter) store(at module.Local, offset int, v module.Local) {
	e.Get(at, v)
	if e.single {
		e.MemLane("v128.store64_lane", uint32(offset), 0)
	} else {
		e.Mem("v128.store", uint32(offset))
	}
}

// ofTwo has body do the same with each of a vector's elements.
func (e emitter) ofTwo(body func(element int) module.Local) (y [2]module.Local) {
	y[0] = body(0)
	y[1] = y[0]
	if !e.single {
		y[1] = body(1)
	}
	return y
}

// spread is a vector filled with the number at an address. It is loaded twice because f64x2.splat, and v128.load64_splat too, become
// instructions that keep a part of the register of before, and wait for it.
func (e emitter) spread(at module.Local, offset int) module.Local {
	e.Get(at)
	e.Mem("v128.load64_zero", uint32(offset))
	e.Get(at)
	e.Mem("f64.load", uint32(offset))
	e.Lane("f64x2.replace_lane", 1)
	return e.put(module.V128)
}

// constant is a vector of equal 64-bit patterns.
func (e emitter) constant(bits uint64) module.Local {
	e.V128([4]uint32{uint32(bits), uint32(bits >> 32), uint32(bits), uint32(bits >> 32)})
	return e.put(module.V128)
}

// transposed is the first elements of a and b, and the second ones. (i8x16.shuffle takes a runtime longer.)
func (e emitter) transposed(a, b module.Local) (first, second module.Local) {
	e.Get(a, b)
	e.Lane("f64x2.extract_lane", 0)
	e.Lane("f64x2.replace_lane", 1)
	first = e.put(module.V128)
	e.Get(b, a)
	e.Lane("f64x2.extract_lane", 1)
	e.Lane("f64x2.replace_lane", 0)
	return first, e.put(module.V128)
}

// place is the address of element i of 1<<shift bytes behind base; i is the int at an address.
func (e emitter) place(base, at module.Local, offset, shift int) module.Local {
	e.Get(base, at)
	e.Mem("i32.load", uint32(offset))
	e.I32(int32(shift))
	e.Op("i32.shl", "i32.add")
	return e.put(module.I32)
}

// operand is an array that a loop goes through.
type operand struct {
	at       module.Local
	size     int // of a value [bytes]
	elements int // that share a value
}

func (o operand) bytes(elements int) int { return o.size * elements / o.elements }

// states are operands of a float64 for each element, parameters those of one for lanes elements, and rows of an int32 for
// each element: new local variables that begin at the addresses.
func (e emitter) states(at ...module.Local) []operand { return e.operands(8, 1, at) }

func (e emitter) parameters(lanes int, at ...module.Local) []operand { return e.operands(8, lanes, at) }

func (e emitter) rows(at module.Local) operand { return operand{e.CopyOf(at), 4, 1} }

func (e emitter) operands(size, elements int, at []module.Local) []operand {
	all := make([]operand, len(at))
	for i := range at {
		all[i] = operand{e.CopyOf(at[i]), size, elements}
	}
	return all
}

// parameter is the values of o for the elements of each of so many vectors.
func (e emitter) parameter(o operand, vectors int) []module.Local {
	all := make([]module.Local, vectors)
	for k := range all {
		switch {
		case o.elements == 1:
			all[k] = e.load(o.at, 16*k)
		case 2*k%o.elements == 0:
			all[k] = e.spread(o.at, o.bytes(2*k))
		default:
			all[k] = all[k-1]
		}
	}
	return all
}

// atOnce is how many vectors a turn of a loop takes.
const atOnce = 8

// each has body compute n elements, a multiple of lanes: atOnce vectors of 2 as long as there are so many, then the fewest that hold whole
// segments, and with one lane a last element. body writes with the emitter that it is given. each counts n down, and advances the operands.
func (e emitter) each(n module.Local, lanes int, operands []operand, body func(e emitter, vectors int)) {
	turn := func(e emitter, elements, vectors int) {
		e.Count(n, elements, func() {
			for _, o := range operands {
				e.Reach(o.at, o.bytes(elements))
			}
			e.Reuse(func() { body(e, vectors) })
			for _, o := range operands {
				e.Advance(o.at, o.bytes(elements))
			}
		})
	}
	turn(e, 2*atOnce, atOnce)
	if lanes > 2 {
		turn(e, lanes, lanes/2)
		return
	}
	turn(e, 2, 1)
	if lanes == 1 {
		e.single = true
		turn(e, 1, 1)
	}
}
