package kernels_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"understudy/native"
	"understudy/wasm/kernels"
	"understudy/wasm/module"
)

// scratch stands for a kernel's room of ScratchSize.
type scratch struct{}

// call is a kernel's arguments, in its order: slices, numbers, scratch. do does the same with the slices.
type call struct {
	kernel string
	args   []any
	do     func(s *native.Set)
}

func floats(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = rng.Float32() - 0.5
	}
	return v
}

func whole[T int8 | uint8 | int32](rng *rand.Rand, n int, low, high int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(low + rng.IntN(high-low+1))
	}
	return v
}

// calls are one of each kernel, with so many inputs and outputs.
func calls(rng *rand.Rand, rows, in, n int) []call {
	x, w, y := floats(rng, rows*max(in, n)), floats(rng, in*n), floats(rng, rows*n)
	scale, shift := floats(rng, n), floats(rng, n)
	at, a := []int32{int32(2 * n), 0, int32(n), 1, 0}, floats(rng, 5)
	in4, n16 := (in+3)/4*4, (n+15)/16*16
	x8, w8, y8 := whole[uint8](rng, rows*max(in4, n), 0, 255), whole[int8](rng, in4*n16, -127, 127), whole[int32](rng, rows*n16, -1000, 1000)
	a8 := []int32{64, 64, -3, -3, -3}
	bias, mult, decay := whole[int32](rng, n, -100, 100), whole[int32](rng, n, 1, math.MaxInt32), whole[int32](rng, n, 0, math.MaxInt32)
	sums, input, out8 := whole[int32](rng, rows*n, -200000, 200000), whole[int32](rng, rows*n, -20000, 20000), make([]uint8, rows*n)
	p, q := whole[uint8](rng, n, 0, 255), whole[uint8](rng, n, 0, 255)
	ends := make([]int32, rows)
	for r := range ends {
		ends[r] = int32(5 * (r + 1) / rows)
	}
	all := []call{
		{"Gemm", []any{y, x, w, rows, in, n, in, n, scratch{}}, func(s *native.Set) { s.Gemm(y, x, w, rows, in, n, in, n) }},
		{"Axpy", []any{scale, shift, n, float32(0.3)}, func(s *native.Set) { s.Axpy(scale, shift, 0.3) }},
		{"Add", []any{scale, shift, n}, func(s *native.Set) { s.Add(scale, shift) }},
		{"ReLU", []any{y, rows * n}, func(s *native.Set) { s.ReLU(y) }},
		{"MulAdd", []any{y, x, scale, rows, n}, func(s *native.Set) { s.MulAdd(y, x, scale, rows, n) }},
		{"ScaleShift", []any{y, scale, shift, rows, n}, func(s *native.Set) { s.ScaleShift(y, scale, shift, rows, n) }},
		{"Columns", []any{scale, w, at, a, n, 5}, func(s *native.Set) { s.Columns(scale, w, at, a) }},
		{"Bags", []any{y, w, at, a, ends, rows, n}, func(s *native.Set) { s.Bags(y, w, at, a, ends, n) }},
		{"GemmInt8", []any{y8, x8, w8, rows, in4, n16, in4, n16, scratch{}}, func(s *native.Set) { s.GemmInt8(y8, x8, w8, rows, in4, n16, in4, n16) }},
		{"MulAddInt8", []any{sums, x8, w8[:n], rows, n, max(in4, n), n}, func(s *native.Set) { s.MulAddInt8(sums, x8, w8, rows, n, max(in4, n), n) }},
		{"ColumnsInt8", []any{sums[:n], w8[:3*n], at, a8, n, 5}, func(s *native.Set) { s.ColumnsInt8(sums[:n], w8[:3*n], at, a8) }},
		{"Requant", []any{out8, sums, bias, mult, 41, 3, 100, rows, n, n, n}, func(s *native.Set) { s.Requant(out8, sums, bias, mult, 41, 3, 100, rows, n, n, n) }},
		{"Leak", []any{sums, input, decay, mult, 40, rows, n}, func(s *native.Set) { s.Leak(sums, input, decay, mult, 40, rows, n) }},
		{"AddInt8", []any{p, p, q, 1000, -300, 77, 10, 2, n}, func(s *native.Set) { s.AddInt8(p, p, q, 1000, -300, 77, 10, 2) }},
	}
	for kind, name := range []string{"LeakyReLU", "ELU", "SiLU", "GELU", "GELUTanh", "Tanh", "Sigmoid", "ScaledTanh"} {
		all = append(all, call{name, []any{y, rows * n, float32(0.2)}, func(*native.Set) { native.Activate(native.Activation(kind), y, 0.2) }})
	}
	return all
}

// TestKernels runs every kernel outside of Go's guest, with each operand in turn at the memory's end,
// where a kernel that goes past it traps.
func TestKernels(t *testing.T) {
	test(t, kernels.All, [][2]int{{4, 1}, {10, 7}, {48, 45}, {55, 52}, {680, 20}, {1348, 16}}) // the last two in parts
}

// TestGuestKernels: those with code of their own for the matrix in f32 or int8, for its width, and for none; those with
// code for the size of a row.
func TestGuestKernels(t *testing.T) {
	test(t, kernels.Guest(), [][2]int{{4, 1}, {55, 52}, {45, 200}, {100, 200}, {101, 200}, {200, 100}, {128, 64}, {256, 64}, {65, 64}, {256, 128}, {148, 208}, {45, 45}, {30, 50}, {50, 30}, {60, 64}, {52, 32}})
}

// TestKnownSizes: code for sizes of which every remainder occurs.
func TestKnownSizes(t *testing.T) {
	for n := 8; n < 24; n++ {
		all := slices.Clone(kernels.All)
		for i := range all {
			k := &all[i]
			switch k.Name {
			case "Gemm":
				k.Write = func(f *module.Func, p []module.Local) {
					kernels.Gemm(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], kernels.Matrix{In: n, Out: n})
				}
			case "GemmInt8":
				k.Write = func(f *module.Func, p []module.Local) {
					kernels.GemmInt8(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], kernels.Matrix{In: (n + 3) / 4 * 4, Out: (n + 15) / 16 * 16})
				}
			case "MulAdd":
				k.Write = func(f *module.Func, p []module.Local) { kernels.MulAdd(f, p[0], p[1], p[2], p[3], p[4], n) }
			case "ScaleShift":
				k.Write = func(f *module.Func, p []module.Local) { kernels.ScaleShift(f, p[0], p[1], p[2], p[3], p[4], n) }
			case "Columns":
				k.Write = func(f *module.Func, p []module.Local) { kernels.Columns(f, p[0], p[1], p[2], p[3], p[4], p[5], n) }
			case "Bags":
				k.Write = func(f *module.Func, p []module.Local) { kernels.Bags(f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], n) }
			case "ColumnsInt8":
				k.Write = func(f *module.Func, p []module.Local) {
					kernels.ColumnsInt8(f, p[0], p[1], p[2], p[3], p[4], p[5], n)
				}
			}
		}
		test(t, all, [][2]int{{n, n}, {n, n + 1}})
	}
}

func test(t *testing.T, all []kernels.Kernel, sizes [][2]int) {
	const size = 4 * module.PageSize
	var m module.Module
	m.Memory(4, 4)
	m.ExportMemory("memory")
	for i := range all {
		m.ExportFunc(all[i].Name, all[i].Func(&m))
	}
	wasm := m.Encode()
	reference, err := native.Select("reference")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for engine, config := range map[string]wazero.RuntimeConfig{"compiler": wazero.NewRuntimeConfig(), "interpreter": wazero.NewRuntimeConfigInterpreter()} {
		r := wazero.NewRuntimeWithConfig(ctx, config)
		defer r.Close(ctx)
		instance, err := r.Instantiate(ctx, wasm)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := instance.Memory().Read(0, size)
		tried := map[string]bool{}
		for _, shape := range sizes {
			in, n := shape[0], shape[1]
			for rows := range 4 {
				for last := range 8 {
					for _, c := range calls(rand.New(rand.NewPCG(uint64(n), 1)), max(rows, 1), in, n) {
						tried[c.kernel] = true
						if last >= len(c.args) || reflect.TypeOf(c.args[last]).Kind() != reflect.Slice {
							continue
						}
						what := fmt.Sprintf("%s: %s, %d values, operand %d last", engine, c.kernel, n, last)
						// The same slice twice is the same operand.
						at, next := map[any]int{}, 64
						place := func(v any) int {
							key := any(reflect.ValueOf(v).Pointer())
							if where, known := at[key]; known {
								return where
							}
							bytes, _ := binary.Append(nil, binary.LittleEndian, v)
							where := (next + 15) / 16 * 16
							if v := reflect.ValueOf(c.args[last]); key == any(v.Pointer()) {
								where = size - len(bytes)
							} else {
								next = where + len(bytes)
							}
							copy(b[where:], bytes)
							at[key] = where
							return where
						}
						var args []uint64
						for _, v := range c.args {
							switch v := v.(type) {
							case int:
								args = append(args, uint64(uint32(v)))
							case float32:
								args = append(args, uint64(math.Float32bits(v)))
							case scratch:
								args = append(args, uint64(next+15)/16*16)
								next += kernels.ScratchSize + 16
							default:
								args = append(args, uint64(place(v)))
							}
						}
						if _, err := instance.ExportedFunction(c.kernel).Call(ctx, args...); err != nil {
							t.Fatalf("%s: %v", what, err)
						}
						c.do(reference)
						for i, v := range c.args {
							if reflect.TypeOf(v).Kind() != reflect.Slice {
								continue
							}
							want, _ := binary.Append(nil, binary.LittleEndian, v)
							if got := b[args[i]:][:len(want)]; !slices.Equal(got, want) {
								t.Fatalf("%s: operand %d differs from reference's", what, i)
							}
						}
					}
				}
			}
		}
		for _, k := range all {
			if !tried[k.Name] {
				t.Errorf("%s was not tried", k.Name)
			}
		}
	}
}
