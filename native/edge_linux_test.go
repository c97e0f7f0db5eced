package native

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// atEdge returns n zeros that end where an unreadable page begins.
func atEdge[T any](t *testing.T, n int) []T {
	size := int(unsafe.Sizeof(*new(T)))
	page := syscall.Getpagesize()
	whole := roundUp(n*size+1, page)
	memory, err := syscall.Mmap(-1, 0, whole+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(memory) })
	if err := syscall.Mprotect(memory[whole:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&memory[whole-n*size])), n)
}

// No kernel touches what lies behind an operand: a read there does not show in results, but
// it ends the program if the page is not readable.
func TestNoKernelReadsBeyondItsOperands(t *testing.T) {
	const most = 300
	f := func() []float32 { return atEdge[float32](t, most*8) }
	a, b, c := f(), f(), f()
	for n := range most {
		for _, c := range activationCases {
			for _, v := range activators {
				v.activate(c.kind, a[len(a)-n:], c.alpha)
			}
		}
	}
	g, h := atEdge[uint16](t, most*8), atEdge[uint16](t, most*8)
	x, y, z := atEdge[uint8](t, most*8), atEdge[uint8](t, most*8), atEdge[uint8](t, most*8)
	i, j, k, w := atEdge[int32](t, most*8), atEdge[int32](t, most*8), atEdge[int32](t, most*8), atEdge[int8](t, most*64)
	forEach(t, func(t *testing.T, s *Set) {
		rng := rand.New(rand.NewPCG(21, 22))
		for _, n := range append(lengths[1:], most) {
			end := func(v []float32, n int) []float32 { return v[len(v)-n:] }
			halves := func(v []uint16, n int) []uint16 { return v[len(v)-n:] }
			bytes := func(v []uint8, n int) []uint8 { return v[len(v)-n:] }
			ints := func(v []int32, n int) []int32 { return v[len(v)-n:] }
			for _, rows := range []int{1, 2, 7} {
				s.MulAdd(end(a, rows*n), end(b, rows*n), end(c, n), rows, n)
				s.ScaleShift(end(a, rows*n), end(b, n), end(c, n), rows, n)
				s.Gemm(end(a, rows*n), end(b, rows*4), end(c, 4*n), rows, 4, n, 4, n)
				s.Gemm(end(a, rows*4), end(b, rows*n), end(c, 4*n), rows, n, 4, n, 4)
				s.MulAddInt8(ints(i, rows*n), bytes(x, rows*n), w[len(w)-n:], rows, n, n, n)
				s.Requant(bytes(x, rows*n), ints(i, rows*n), ints(j, n), ints(k, n), 9, 0, 0, rows, n, n, n)
				even := roundUp(n, pair)
				for _, m := range []BF16{{in: 4, out: n}, {in: even, out: 4}} {
					if s.gemmBF16 != nil {
						m.pairs = halves(h, m.in*m.out)
					} else {
						m.wide = end(b, m.in*m.out)
					}
					s.GemmBF16(end(a, rows*m.out), halves(g, rows*m.in), &m, rows, m.in, m.out)
				}
				in, out := roundUp(n, quad), roundUp(n, group)
				s.GemmInt8(ints(i, rows*16), bytes(x, rows*in), w[len(w)-in*16:], rows, in, 16, in, 16)
				s.GemmInt8(ints(i, rows*out), bytes(x, rows*4), w[len(w)-out*4:], rows, 4, out, 4, out)
			}
			s.Axpy(end(a, n), end(b, n), 2)
			s.Add(end(a, n), end(b, n))
			s.ReLU(end(a, n))
			s.RoundBF16(halves(g, n), end(a, n))
			at := []int32{int32(rng.IntN(3)), 3, 3}
			s.Columns(end(a, n), end(b, n+3), at, end(c, 3))
			events := ints(i, 3)
			copy(events, at)
			ends := ints(j, 3)
			copy(ends, []int32{1, 1, 3})
			s.Bags(end(a, 3*n), end(b, n+3), events, end(c, 3), ends, n)
			s.ColumnsInt8(ints(i, n), w[len(w)-n-3:], at, ints(j, 3))
			s.Leak(ints(i, 2*n), ints(j, 2*n), ints(k, n), ints(k, n), 3, 2, n)
			s.AddInt8(bytes(x, n), bytes(y, n), bytes(z, n), 1, 2, 3, 4, 5)
		}
	})
}
