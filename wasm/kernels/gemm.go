package kernels

import "understudy/wasm/module"

// shape is how many rows and vectors of 4 outputs a block of Gemm has. Its sums stay in registers,
// of which there are 16.
type shape struct{ rows, vectors int }

// held is the number of rows whose input stays in a register, too: all, unless the last has no room beside
// a vector of weights and a product.
func (s shape) held() int {
	if s.rows > 1 && s.rows*s.vectors+s.rows+2 > 16 {
		return s.rows - 1
	}
	return s.rows
}

// The shapes of blocks, and those that take what is left over of a row.
var (
	tall      = shape{3, 4}
	flat      = shape{1, 8} // for a last row
	remainder = []int{4, 2, 1}
)

// Inputs that one turn of a block's loop takes.
var (
	unrolled          = []int{8, 2, 1}
	unrolledRemainder = []int{4, 1} // less code
)

// depth is how many inputs Gemm takes at a time: so many of a block's rows find room in
// ScratchSize.
const depth = 336

// ScratchSize is how many bytes a kernel may use at scratch.
const ScratchSize = 3 * depth * 16

// Gemm writes native.Set.Gemm, which uses scratch.
//
// Each input of a block of rows is stored four times side by side in scratch before the
// block's sums are taken: a vector of it is then one load, where a runtime makes two or more
// instructions of a splat, over and over for each block of outputs.
//
// The matrices known have code of their own.
func Gemm(f *module.Func, y, x, w, rows, in, out, ldx, ldy, scratch module.Local, known ...Matrix) {
	e := emitter{f}
	e.forMatrices(in, out, known, func(known Matrix) { e.gemm(y, x, w, rows, in, out, ldx, ldy, scratch, known) })
}

// GemmOf is Gemm for nothing but such a matrix.
func GemmOf(m Matrix, f *module.Func, y, x, w, rows, in, out, ldx, ldy, scratch module.Local) {
	emitter{f}.gemm(y, x, w, rows, in, out, ldx, ldy, scratch, m)
}

// Matrix is a size of a matrix for which a kernel has code of its own. In that code the weights of several inputs are at
// constant distances, so that one check of bounds serves them, and where In is not 0, no turn of a loop is
// for what is left over. The code serves all matrices of a multiple of In inputs, and where In is 0, of any number. In is at
// most depth or, for GemmInt8, 4*depth.
type Matrix struct{ In, Out int }

// forMatrices writes body for each of the matrices, and for all others: Matrix{}.
func (e emitter) forMatrices(in, out module.Local, known []Matrix, body func(known Matrix)) {
	e.Block(func() {
		for _, m := range known {
			e.Get(out)
			e.I32(int32(m.Out))
			e.Op("i32.eq")
			e.If(func() {
				if m.In > 0 {
					e.Get(in)
					e.I32(int32(m.In))
					e.Op("i32.rem_u")
					e.BrIf(0)
				}
				e.Reuse(func() { body(m) })
				e.Br(1)
			})
		}
		e.Reuse(func() { body(Matrix{}) })
	})
}

func (e emitter) gemm(y, x, w, rows, in, out, ldx, ldy, scratch module.Local, known Matrix) {
	ldx, ldy, out4 := e.times4(ldx), e.times4(ldy), e.times4(out)
	in, x, w = e.CopyOf(in), e.CopyOf(x), e.CopyOf(w)
	e.product(y, x, w, rows, in, out4, known.In, []shape{tall, flat}, func(s shape, xr, yr module.Local, k number) {
		e.spread(s, scratch, xr, ldx, k, "f32x4.splat")
		e.rowBlock(s, yr, ldy, w, out, out4, scratch, k, known.Out)
	})
}

// product goes through in inputs of 4 bytes, depth at a time or known if that is not 0, and each time through the rows in
// blocks of the shapes, the first as long as there are so many. block adds the products of k inputs of a block's rows,
// and advances xr and yr past the rows. It advances x and w, and counts in down to 0; out4 are the bytes of an
// input's weights.
func (e emitter) product(y, x, w, rows, in, out4 module.Local, known int, shapes []shape, block func(s shape, xr, yr module.Local, k number)) {
	if known > depth {
		panic("kernels: a known matrix of more inputs than scratch has room for")
	}
	k := number{e.Local(module.I32), known}
	left, xr, yr := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	e.while(in, func() {
		if known > 0 {
			e.set(k.local, func() { e.I32(int32(known)) })
		} else {
			e.set(k.local, func() { e.smaller(in, depth) })
		}
		e.set(left, func() { e.Get(rows) })
		e.set(xr, func() { e.Get(x) })
		e.set(yr, func() { e.Get(y) })
		for _, s := range shapes {
			e.Count(left, s.rows, func() { e.Reuse(func() { block(s, xr, yr, k) }) })
		}
		e.set(x, func() { e.Get(x, k.local); e.I32(2); e.Op("i32.shl", "i32.add") })
		e.set(w, func() { e.Get(w, k.local, out4); e.Op("i32.mul", "i32.add") })
		e.set(in, func() { e.Get(in, k.local); e.Op("i32.sub") })
	})
}

// spread stores k inputs of 4 bytes of a block's rows, input by input and row by row, as the instructions make a
// vector of one, and advances x past the rows.
func (e emitter) spread(s shape, scratch, x, ldx module.Local, k number, vector ...string) {
	n, to, from := e.Local(module.I32), e.Local(module.I32), e.Local(module.I32)
	for r := range s.rows {
		e.set(to, func() { e.Get(scratch) })
		e.set(from, func() { e.Get(x) })
		e.turns(n, k, []int{4, 1}, func(inputs int) {
			e.Reach(to, 16*s.rows*inputs)
			e.Reach(from, 4*inputs)
			for i := range inputs {
				e.Get(to, from)
				e.Mem("f32.load", uint32(4*i))
				e.Op(vector...)
				e.Mem("v128.store", uint32(16*(i*s.rows+r)))
			}
			e.Advance(to, 16*s.rows*inputs)
			e.Advance(from, 4*inputs)
		})
		e.advanceBy(x, ldx)
	}
}

// rowBlock adds to a block's rows the products of the k inputs in scratch, and advances y past the
// rows.
func (e emitter) rowBlock(s shape, y, ldy, w, out, out4, scratch module.Local, k number, known int) {
	w, left := e.CopyOf(w), e.CopyOf(out)
	rows := make([]module.Local, s.rows)
	for r := range rows {
		rows[r] = e.CopyOf(y)
		e.advanceBy(y, ldy)
	}
	rest := known
	block := func(vectors int, unroll []int, p part) {
		size := vectors * int(p)
		if known > 0 && rest < size {
			return
		}
		rest %= size
		e.Count(left, size, func() {
			e.Reuse(func() { e.block(shape{s.rows, vectors}, unroll, p, rows, w, out4, scratch, k, known) })
		})
	}
	block(s.vectors, unrolled, 4)
	for _, vectors := range remainder {
		block(vectors, unrolledRemainder, 4)
	}
	block(1, unrolledRemainder, 2)
	block(1, unrolledRemainder, 1)
}

// input pushes input i of a row of a block: from x, or from where it is stored.
func (e emitter) input(s shape, x []module.Local, r int, from module.Local, i int) {
	if r < s.held() {
		e.Get(x[r])
	} else {
		e.load(4, from, 16*(i*s.rows+r))
	}
}

// weights makes size bytes of weights of input i of several accessible and returns their offset from wi. stride
// is the distance of two inputs' weights, 0 if it is not known.
func (e emitter) weights(wi module.Local, size, stride, i, inputs int) int {
	switch {
	case stride == 0:
		e.Reach(wi, size)
	case i == 0:
		e.Reach(wi, (inputs-1)*stride+size)
	}
	return i * stride
}

// pastWeights advances wi past the weights of input i, or at the end past those of all inputs.
func (e emitter) pastWeights(wi, distance module.Local, stride, i, inputs int) {
	if stride == 0 {
		e.advanceBy(wi, distance)
	} else if i == inputs-1 {
		e.Advance(wi, inputs*stride)
	}
}

// block computes one block of outputs, and advances rows and w past it.
func (e emitter) block(s shape, unroll []int, p part, rows []module.Local, w, out4, scratch module.Local, k number, known int) {
	sums, x := make([]module.Local, s.rows*s.vectors), make([]module.Local, s.rows)
	for r := range x {
		x[r] = e.Local(module.V128)
		e.Reach(rows[r], 4*int(p)*s.vectors)
		for v := range s.vectors {
			sums[r*s.vectors+v] = e.local(module.V128, func() { e.load(p, rows[r], 16*v) })
		}
	}
	from, wi, wv, n := e.CopyOf(scratch), e.CopyOf(w), e.Local(module.V128), e.Local(module.I32)
	e.turns(n, k, unroll, func(inputs int) {
		e.Reach(from, 16*s.rows*inputs)
		for i := range inputs {
			for r := range s.held() {
				e.set(x[r], func() { e.load(4, from, 16*(i*s.rows+r)) })
			}
			at := e.weights(wi, 4*int(p)*s.vectors, 4*known, i, inputs)
			for v := range s.vectors {
				e.set(wv, func() { e.load(p, wi, at+16*v) })
				for r := range x {
					sum := sums[r*s.vectors+v]
					e.set(sum, func() {
						e.Get(sum)
						e.input(s, x, r, from, i)
						e.Get(wv)
						e.Op("f32x4.mul", "f32x4.add")
					})
				}
			}
			e.pastWeights(wi, out4, 4*known, i, inputs)
		}
		e.Advance(from, 16*s.rows*inputs)
	})
	for r := range x {
		e.Reach(rows[r], 4*int(p)*s.vectors)
		for v := range s.vectors {
			e.store(p, rows[r], 16*v, sums[r*s.vectors+v])
		}
		e.Advance(rows[r], 4*int(p)*s.vectors)
	}
	e.Advance(w, 4*int(p)*s.vectors)
}
