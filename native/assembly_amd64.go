//go:build !purego

package native

//go:generate sh -c "cd _asm && go run . -out ../kernels_amd64.s -stubs ../stub_amd64.go -pkg native"

// floats holds the f32 kernels of an instruction set, whose vectors have wide values. Its
// methods meet what the assembly assumes: no count of zero.
type floats struct {
	wide       int
	axpy       func(n int, y, x *float32, a float32)
	add        func(n int, y, x *float32)
	relu       func(n int, y *float32)
	mulAdd     func(rows, n int, y, x, w *float32)
	scaleShift func(rows, n int, y, scale, shift *float32)
	columns    func(n, events int, y, w *float32, at *int32, a *float32)
	bags       func(rows, n int, y, w *float32, at *int32, a *float32, ends *int32)
	roundBF16  func(n int, y *uint16, x *float32) // nil: in plain Go

	// gemmTile takes count groups of tileRows rows and tileColumns vectors of outputs, gemmMasked[c-1]
	// of c vectors, of which the last has tail values, at least one; gemmRow one row.
	tileRows, tileColumns int
	gemmTile              func(count, in int, y, x, w *float32, out, ldx, ldy int)
	gemmMasked            []func(count, in int, y, x, w *float32, out, ldx, ldy, tail int)
	gemmRow               func(in, out int, y, x, w *float32)
	gemmSparse            func(rows, in, out int, y, x, w *float32, ldx, ldy, lines int)
}

// fill gives s the kernels.
func (k *floats) fill(s *Set) *Set {
	s.axpy, s.gemm, s.mulAdd, s.add, s.relu, s.scaleShift, s.columns, s.bags = k.axpyN, k.gemm, k.mulAddN, k.addN, k.reluN, k.scaleShiftN, k.columnsN, k.bagsN
	if k.roundBF16 != nil {
		s.roundBF16 = k.roundBF16N
	}
	return s
}

func (k *floats) axpyN(y, x []float32, a float32) {
	if len(y) > 0 {
		k.axpy(len(y), &y[0], &x[0], a)
	}
}

func (k *floats) addN(y, x []float32) {
	if len(y) > 0 {
		k.add(len(y), &y[0], &x[0])
	}
}

func (k *floats) reluN(y []float32) {
	if len(y) > 0 {
		k.relu(len(y), &y[0])
	}
}

func (k *floats) mulAddN(y, x, w []float32, rows, n int) {
	if rows > 0 && n > 0 {
		k.mulAdd(rows, n, &y[0], &x[0], &w[0])
	}
}

func (k *floats) scaleShiftN(y, scale, shift []float32, rows, n int) {
	if rows > 0 && n > 0 {
		k.scaleShift(rows, n, &y[0], &scale[0], &shift[0])
	}
}

func (k *floats) columnsN(y, w []float32, at []int32, a []float32) {
	if len(y) > 0 && len(at) > 0 {
		k.columns(len(y), len(at), &y[0], &w[0], &at[0], &a[0])
	}
}

func (k *floats) bagsN(y, w []float32, at []int32, a []float32, ends []int32, n int) {
	if len(ends) > 0 && n > 0 && len(at) > 0 {
		k.bags(len(ends), n, &y[0], &w[0], &at[0], &a[0], &ends[0])
	}
}

func (k *floats) roundBF16N(y []uint16, x []float32) {
	if len(y) > 0 {
		k.roundBF16(len(y), &y[0], &x[0])
	}
}

// gemm takes one of three ways, which give the same bits (see Set.Gemm). One row waits for its
// weights: it leaves out those of zeros and prefetches the others. Many rows, where about half
// of x is zero, take a few weights at a time, so few that they stay in the first cache,
// and leave out zeros, too. Else as many rows are taken at a time as have room in
// the registers, so that a loaded weight serves them all.
func (k *floats) gemm(y, x, w []float32, rows, in, out, ldx, ldy int) {
	if rows == 1 {
		k.gemmRow(in, out, &y[0], &x[0], &w[0])
		return
	}
	first := 0
	if rows >= k.tileRows && !manyZeros(x, rows, in, ldx) {
		groups := rows / k.tileRows
		for o := 0; o < out; {
			// As many vectors in each tile as in the next: a narrow one waits for loads.
			vectors := (out - o + k.wide - 1) / k.wide
			tiles := (vectors + k.tileColumns - 1) / k.tileColumns
			c := (vectors + tiles - 1) / tiles
			if c == k.tileColumns && o+c*k.wide <= out {
				k.gemmTile(groups, in, &y[o], &x[0], &w[o], out, ldx, ldy)
			} else {
				c = min(c, len(k.gemmMasked))
				k.gemmMasked[c-1](groups, in, &y[o], &x[0], &w[o], out, ldx, ldy, min(k.wide, out-o-(c-1)*k.wide))
			}
			o += c * k.wide
		}
		first = groups * k.tileRows
	}
	if first < rows {
		for i := 0; i < in; i += sparseChunk {
			n := min(sparseChunk, in-i)
			lines := (n*out*4/64 + rows - 1) / rows
			k.gemmSparse(rows-first, n, out, &y[first*ldy], &x[first*ldx+i], &w[i*out], ldx, ldy, lines)
		}
	}
}

// sparseChunk is how many inputs gemmSparse takes.
const sparseChunk = 64

// manyZeros tells from some values of x whether so many are zero that to leave them out is
// faster: 3 of 8, measured on an Intel Xeon (Emerald Rapids).
func manyZeros(x []float32, rows, in, ldx int) bool {
	const samples = 32
	zeros := 0
	for k := range samples {
		if x[k*rows/samples*ldx+k*in/samples] == 0 {
			zeros++
		}
	}
	return zeros > samples*3/8
}

// bytes holds the int8 kernels of an instruction set, whose vectors have wide int32.
type bytes struct {
	wide        int
	mulAddInt8  func(rows, n, ldx, ldy int, y *int32, x *uint8, w *int8)
	columnsInt8 func(n, events int, y *int32, w *int8, at *int32, a int32)
	requant     func(n int, y *uint8, x, bias, mult *int32, shift, low, zero int)
	leak        func(n int, y, x, decay, mult *int32, shift int)
	addInt8     func(n int, y, a, b *uint8, ma, mb, c int32, shift int, low int32)
	gemmInt8
}

// gemmInt8 is a matrix product: tiles of rows by wide outputs, then narrow ones; the rows
// left over alone, in rowWide and then narrow outputs. in counts quads.
type gemmInt8 struct {
	rows, wide, narrow, rowWide int
	tile, tileNarrow            tileInt8
	row, rowNarrow              tileInt8
}

type tileInt8 func(count, in int, y *int32, x *uint8, w *int8, out, ldx, ldy int)

func (k *bytes) fill(s *Set) *Set {
	s.gemmInt8, s.mulAddInt8, s.columnsInt8, s.requant, s.leak, s.addInt8 = k.gemm, k.mulAddN, k.columnsN, k.requantN, k.leakN, k.addN
	return s
}

func (k *gemmInt8) gemm(y []int32, x []uint8, w []int8, rows, in, out, ldx, ldy int) {
	blocks := func(first, count, wide, narrow int, block, blockNarrow tileInt8) {
		o := 0
		for ; o+wide <= out; o += wide {
			block(count, in/quad, &y[first*ldy+o], &x[first*ldx], &w[o*quad], out, ldx, ldy)
		}
		for ; o < out; o += narrow {
			blockNarrow(count, in/quad, &y[first*ldy+o], &x[first*ldx], &w[o*quad], out, ldx, ldy)
		}
	}
	groups := rows / k.rows
	if groups > 0 {
		blocks(0, groups, k.wide, k.narrow, k.tile, k.tileNarrow)
	}
	if done := groups * k.rows; done < rows {
		blocks(done, rows-done, k.rowWide, k.narrow, k.row, k.rowNarrow)
	}
}

func (k *bytes) mulAddN(y []int32, x []uint8, w []int8, rows, n, ldx, ldy int) {
	whole := n - n%k.wide
	if whole > 0 {
		k.mulAddInt8(rows, whole, ldx, ldy, &y[0], &x[0], &w[0])
	}
	if whole < n {
		refMulAddInt8(y[whole:], x[whole:], w[whole:], rows, n-whole, ldx, ldy)
	}
}

func (k *bytes) columnsN(y []int32, w []int8, at []int32, a []int32) {
	whole := len(y) - len(y)%(2*k.wide)
	eachFactor(at, a, func(at, a []int32) {
		if whole > 0 {
			k.columnsInt8(whole, len(at), &y[0], &w[0], &at[0], a[0])
		}
		refColumnsInt8(y[whole:], w[whole:], at, a)
	})
}

func (k *bytes) requantN(y []uint8, x, bias, mult []int32, shift uint, low, zero uint8, rows, n, ldx, ldy int) {
	step := k.wide / 2
	whole := n - n%step
	if whole > 0 {
		for r := range rows {
			k.requant(whole, &y[r*ldy], &x[r*ldx], &bias[0], &mult[0], int(shift), int(low), int(zero))
			if last := n - step; last > whole-step { // what is left over, with some before it once more
				k.requant(step, &y[r*ldy+last], &x[r*ldx+last], &bias[last], &mult[last], int(shift), int(low), int(zero))
			}
		}
	} else {
		refRequant(y[whole:], x[whole:], bias[whole:], mult[whole:], shift, low, zero, rows, n-whole, ldx, ldy)
	}
}

func (k *bytes) leakN(y, x, decay, mult []int32, shift uint, rows, n int) {
	whole := n - n%(k.wide/2)
	if whole > 0 {
		for r := range rows {
			k.leak(whole, &y[r*n], &x[r*n], &decay[0], &mult[0], int(shift))
		}
	}
	if whole < n {
		for r := range rows {
			refLeak(y[r*n+whole:], x[r*n+whole:], decay[whole:], mult[whole:], shift, 1, n-whole)
		}
	}
}

func (k *bytes) addN(y, a, b []uint8, ma, mb, c int32, shift uint, low uint8) {
	whole := len(y) - len(y)%k.wide
	if whole > 0 {
		k.addInt8(whole, &y[0], &a[0], &b[0], ma, mb, c, int(shift), int32(low))
	}
	refAddInt8(y[whole:], a[whole:], b[whole:], ma, mb, c, shift, low)
}
