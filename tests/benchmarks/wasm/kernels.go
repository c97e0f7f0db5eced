//go:build linux && amd64

package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"understudy/native"
	"understudy/wasm/kernels"
	"understudy/wasm/module"
)

// pages of the module's memory: room for the operands of all rows.
const pages = 512

// bed is a module with the kernels in wazero's compiler. Everything that is measured works on the operands
// in its memory.
type bed struct {
	instance api.Module
	memory   []byte
	used     int
}

// newBed exports each kernel of the guest as a function that calls it as often as its first parameter says: what is
// measured is not how wazero enters a module.
func newBed(ctx context.Context, r wazero.Runtime) (*bed, error) {
	var m module.Module
	m.Memory(pages, pages)
	m.ExportMemory("memory")
	for _, k := range kernels.Guest() {
		kernel := k.Func(&m)
		f := m.Func(append([]module.Type{module.I32}, k.Params...))
		f.Loop(func() {
			for p := range k.Params {
				f.Get(f.Param(p + 1))
			}
			f.Call(kernel)
			f.Get(f.Param(0))
			f.I32(1)
			f.Op("i32.sub")
			f.Tee(f.Param(0))
			f.BrIf(0)
		})
		m.ExportFunc(k.Name, f)
	}
	instance, err := r.Instantiate(ctx, m.Encode())
	if err != nil {
		return nil, err
	}
	b := &bed{instance: instance}
	b.memory, _ = instance.Memory().Read(0, pages*module.PageSize)
	return b, nil
}

type number interface{ float32 | int32 | uint8 | int8 }

// operand is n values in the memory.
func operand[T number](b *bed, n int, value func() T) []T {
	b.used = (b.used + 63) / 64 * 64
	v := unsafe.Slice((*T)(unsafe.Pointer(&b.memory[b.used])), n)
	b.used += n * int(unsafe.Sizeof(v[0]))
	for i := range v {
		v[i] = value()
	}
	return v
}

func (b *bed) address(p unsafe.Pointer) uint64 {
	return uint64(uintptr(p) - uintptr(unsafe.Pointer(&b.memory[0])))
}

// arguments are those of a kernel.
func (b *bed) arguments(args []any) []uint64 {
	var all []uint64
	for _, v := range args {
		switch v := v.(type) {
		case int:
			all = append(all, uint64(uint32(v)))
		case []float32:
			all = append(all, b.address(unsafe.Pointer(&v[0])))
		case []int32:
			all = append(all, b.address(unsafe.Pointer(&v[0])))
		case []uint8:
			all = append(all, b.address(unsafe.Pointer(&v[0])))
		case []int8:
			all = append(all, b.address(unsafe.Pointer(&v[0])))
		default:
			panic(fmt.Sprintf("%T is no argument of a kernel", v))
		}
	}
	return all
}

// row is a kernel on one shape.
type row struct {
	kernel, shape, use string
	args               []any
	peer               func(as written, n int)
	native             func(s *native.Set)
}

func rowsOf(b *bed) []row {
	rng := rand.New(rand.NewPCG(1, 2))
	float := func(n int) []float32 { return operand(b, n, func() float32 { return rng.Float32() - 0.5 }) }
	whole := func(n, low, high int) []int32 {
		return operand(b, n, func() int32 { return int32(low + rng.IntN(high-low+1)) })
	}
	byteOf := func(n int) []uint8 { return operand(b, n, func() uint8 { return uint8(rng.IntN(256)) }) }
	weights := func(n int) []int8 { return operand(b, n, func() int8 { return int8(rng.IntN(255) - 127) }) }
	scratch := float(kernels.ScratchSize / 4)
	const events = 14 // of a neuron and ms

	var rows []row
	add := func(r row) { rows = append(rows, r) }
	gemm := func(use string, n, in, out int) {
		y, x, w := float(n*out), float(n*in), float(in*out)
		add(row{"Gemm", fmt.Sprintf("%d x %d x %d", n, in, out), use, []any{y, x, w, n, in, out, in, out, scratch},
			func(as written, k int) { peerGemm(as, k, y, x, w, n, in, out) }, func(s *native.Set) { s.Gemm(y, x, w, n, in, out, in, out) }})
	}
	columns := func(use string, n int) {
		y, w, a := float(n), float(200*n), operand(b, events, func() float32 { return 1 })
		at := operand(b, events, func() int32 { return int32(rng.IntN(200) * n) })
		add(row{"Columns", fmt.Sprintf("%d of %d", events, n), use, []any{y, w, at, a, n, events},
			func(as written, k int) { peerColumns(as, k, y, w, at, a) }, func(s *native.Set) { s.Columns(y, w, at, a) }})
	}
	scaleShift := func(use string, n, size int) {
		y, a, c := float(n*size), float(size), float(size)
		add(row{"ScaleShift", fmt.Sprintf("%d x %d", n, size), use, []any{y, a, c, n, size},
			func(as written, k int) { peerScaleShift(as, k, y, a, c, n, size) }, func(s *native.Set) { s.ScaleShift(y, a, c, n, size) }})
	}
	mulAdd := func(use string, n, size int) {
		y, x, w := float(n*size), float(n*size), float(size)
		add(row{"MulAdd", fmt.Sprintf("%d x %d", n, size), use, []any{y, x, w, n, size},
			func(as written, k int) { peerMulAdd(as, k, y, x, w, n, size) }, func(s *native.Set) { s.MulAdd(y, x, w, n, size) }})
	}
	gemmInt8 := func(use string, n, in, out int) {
		in, out = (in+3)/4*4, (out+15)/16*16
		y, x, w := whole(n*out, -1000, 1000), byteOf(n*in), weights(in*out)
		add(row{"GemmInt8", fmt.Sprintf("%d x %d x %d", n, in, out), use, []any{y, x, w, n, in, out, in, out, scratch},
			func(as written, k int) { peerGemmInt8(as, k, y, x, w, n, in, out) }, func(s *native.Set) { s.GemmInt8(y, x, w, n, in, out, in, out) }})
	}
	columnsInt8 := func(use string, n int) {
		y, w, a := whole(n, -1000, 1000), weights(200*n), operand(b, events, func() int32 { return 64 })
		at := operand(b, events, func() int32 { return int32(rng.IntN(200) * n) })
		add(row{"ColumnsInt8", fmt.Sprintf("%d of %d", events, n), use, []any{y, w, at, a, n, events},
			func(as written, k int) { peerColumnsInt8(as, k, y, w, at, a) }, func(s *native.Set) { s.ColumnsInt8(y, w, at, a) }})
	}
	requant := func(use string, n, size, shift int) {
		y, x, bias, mult := byteOf(n*size), whole(n*size, -1<<(shift-24), 1<<(shift-24)), whole(size, -1000, 1000), whole(size, 1<<29, math.MaxInt32)
		add(row{"Requant", fmt.Sprintf("%d x %d", n, size), use, []any{y, x, bias, mult, shift, 3, 128, n, size, size, size},
			func(as written, k int) { peerRequant(as, k, y, x, bias, mult, shift, 3, 128, n, size) },
			func(s *native.Set) { s.Requant(y, x, bias, mult, uint(shift), 3, 128, n, size, size, size) }})
	}
	leak := func(use string, n, size int) {
		y, x, decay, mult := whole(n*size, -1<<27, 1<<27), whole(n*size, -1<<15, 1<<15), whole(size, 1<<30, math.MaxInt32), whole(size, 1<<29, math.MaxInt32)
		add(row{"Leak", fmt.Sprintf("%d x %d", n, size), use, []any{y, x, decay, mult, 34, n, size},
			func(as written, k int) { peerLeak(as, k, y, x, decay, mult, 34, n, size) }, func(s *native.Set) { s.Leak(y, x, decay, mult, 34, n, size) }})
	}
	const elm, tcn, paper = "l5pc", "l5pc-tcn", "paper"
	for _, n := range []int{1, 48} { // 48: what the engine takes at a time of many
		if n == 1 {
			columns(elm, 45)
		}
		scaleShift(elm, n, 45)
		gemm(elm, n, 45, 200)
		gemm(elm, n, 100, 200)
		silu := operand(b, n*200, func() float32 { return 20 + rng.Float32() }) // which stay what they are
		add(row{"SiLU", fmt.Sprintf("%d", len(silu)), elm, []any{silu, len(silu), 0}, func(as written, k int) { peerSiLU(as, k, silu) }, func(*native.Set) { native.Activate(native.SiLU, silu, 0) }})
		gemm(elm, n, 200, 100)
		mulAdd(elm, n, 100)
		if n == 1 {
			columnsInt8(elm, 45)
		}
		leak(elm, n, 45)
		leak(elm, n, 100)
		requant(elm+", traces", n, 45, 51)
		requant(elm+", traces", n, 100, 51)
		gemmInt8(elm, n, 145, 200)
		requant(elm, n, 200, 41)
		gemmInt8(elm, n, 200, 100)
	}
	for _, n := range []int{1, 100} {
		mulAdd(tcn+", a tap", n, 64)
		if n == 1 {
			gemm(tcn, n, 4*64, 64)
			gemmInt8(tcn, n, 4*64, 64)
		} else {
			gemm(tcn+", a tap", n, 64, 64)
			gemmInt8(tcn+", a tap", n, 64, 64)
		}
		p, q := byteOf(n*64), byteOf(n*64)
		add(row{"AddInt8", fmt.Sprint(len(p)), tcn, []any{p, p, q, 1000, -300, 1 << 19, 12, 2, len(p)},
			func(as written, k int) { peerAddInt8(as, k, p, p, q, 1000, -300, 1<<19, 12, 2) }, func(s *native.Set) { s.AddInt8(p, p, q, 1000, -300, 1<<19, 12, 2) }})
	}
	columns(paper, 54*128)
	columnsInt8(paper, 54*128)
	for _, n := range []int{1, 100} {
		if n == 1 {
			gemm(paper, n, 12*128, 128)
			gemmInt8(paper, n, 12*128, 128)
		} else {
			gemm(paper+", a tap", n, 128, 128)
			gemmInt8(paper+", a tap", n, 128, 128)
		}
		y := float(n * 128)
		add(row{"ReLU", fmt.Sprint(len(y)), paper, []any{y, len(y)}, func(as written, k int) { peerReLU(as, k, y) }, func(s *native.Set) { s.ReLU(y) }})
		scaleShift(paper, n, 128)
		requant(paper, n, 128, 41)
	}
	return rows
}

// layer is what a step makes of some neurons in one layer or in a whole model: rows, by kernel and shape.
type layer struct {
	name string
	rows []string
}

var layers = []layer{
	{"l5pc, all, f32, 1 neuron", []string{"Columns 14 of 45", "ScaleShift 1 x 45", "Gemm 1 x 45 x 200", "Gemm 1 x 100 x 200", "SiLU 200", "Gemm 1 x 200 x 100", "MulAdd 1 x 100"}},
	{"l5pc, all, f32, 48 neurons", []string{"ScaleShift 48 x 45", "Gemm 48 x 45 x 200", "Gemm 48 x 100 x 200", "SiLU 9600", "Gemm 48 x 200 x 100", "MulAdd 48 x 100"}},
	{"l5pc, all, int8, 1 neuron", []string{"ColumnsInt8 14 of 45", "Leak 1 x 45", "Leak 1 x 100", "Requant 1 x 45", "Requant 1 x 100", "GemmInt8 1 x 148 x 208", "Requant 1 x 200", "GemmInt8 1 x 200 x 112"}},
	{"l5pc, all, int8, 48 neurons", []string{"Leak 48 x 45", "Leak 48 x 100", "Requant 48 x 45", "Requant 48 x 100", "GemmInt8 48 x 148 x 208", "Requant 48 x 200", "GemmInt8 48 x 200 x 112"}},
	{"paper, first layer, f32, 1 neuron", []string{"Columns 14 of 6912", "ReLU 128", "ScaleShift 1 x 128"}},
	{"paper, another layer, f32, 1 neuron", []string{"Gemm 1 x 1536 x 128", "ReLU 128", "ScaleShift 1 x 128"}},
	{"paper, another layer, f32, 100 neurons", append(slices.Repeat([]string{"Gemm 100 x 128 x 128"}, 12), "ReLU 12800", "ScaleShift 100 x 128")},
	{"paper, first layer, int8, 1 neuron", []string{"ColumnsInt8 14 of 6912", "Requant 1 x 128"}},
	{"paper, another layer, int8, 1 neuron", []string{"GemmInt8 1 x 1536 x 128", "Requant 1 x 128"}},
	{"paper, another layer, int8, 100 neurons", append(slices.Repeat([]string{"GemmInt8 100 x 128 x 128"}, 12), "Requant 100 x 128")},
}

// printLayers sums up what was measured of each layer.
func printLayers(ns map[string][]float64) {
	fmt.Printf("\nLayers, ns: the kernels above, as often as a step calls them\n%s\n", header())
	for _, l := range layers {
		sums := make([]float64, 5)
		for _, row := range l.rows {
			measured, ok := ns[row]
			if !ok {
				sums = nil // left out by -only
				break
			}
			for i, v := range measured {
				sums[i] += v
			}
		}
		if sums != nil {
			fmt.Printf("%-46s %s\n", l.name, columns(sums))
		}
	}
}

// columns are those of a row: ns of wasm, C by hand, plain C, reference and avx2, and the speed of wasm in that of both Cs.
func columns(ns []float64) string {
	line := fmt.Sprintf("%10.1f %10.1f %10.1f %10.1f %10.1f", ns[0], ns[1], ns[2], ns[3], ns[4])
	for _, c := range ns[1:3] {
		mark := " "
		if c/ns[0] < 0.9 {
			mark = "<"
		}
		line += fmt.Sprintf(" %8.2f %s", c/ns[0], mark)
	}
	return line
}

// header names the columns.
func header() string {
	return fmt.Sprintf("%-46s %10s %10s %10s %10s %10s %8s   %8s", "", "wasm", "C by hand", "plain C", "reference", "avx2", "by hand", "plain")
}

// sliceTime is about how long one measurement takes.
const sliceTime = time.Millisecond

// measureKernels prints a line for each row whose kernel or use contains only.
func measureKernels(repeats int, only string) error {
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	b, err := newBed(ctx, r)
	if err != nil {
		return err
	}
	var sets []*native.Set
	for _, name := range []string{"reference", "avx2"} {
		s, err := native.Select(name)
		if err != nil {
			return err
		}
		sets = append(sets, s)
	}
	fmt.Printf("\nKernels, ns a call (native activations: the best of the CPU)\n%s\n", header())
	measured := map[string][]float64{}
	for _, row := range rowsOf(b) {
		if !strings.Contains(row.kernel+" "+row.use, only) {
			continue
		}
		args := append([]uint64{0}, b.arguments(row.args)...)
		f := b.instance.ExportedFunction(row.kernel)
		stack := make([]uint64, len(args))
		var failed error
		runs := []func(n int){
			func(n int) {
				copy(stack, args)
				stack[0] = uint64(n)
				if err := f.CallWithStack(ctx, stack); err != nil {
					failed = fmt.Errorf("%s, %s: %w", row.kernel, row.shape, err)
				}
			},
			func(n int) { row.peer(byHand, n) },
			func(n int) { row.peer(plain, n) },
		}
		for _, s := range sets {
			runs = append(runs, func(n int) {
				for range n {
					row.native(s)
				}
			})
		}
		if err := sameBits(b, row, runs[:4]); err != nil {
			return err
		}
		ns := fastest(runs, repeats)
		if failed != nil {
			return failed
		}
		measured[row.kernel+" "+row.shape] = ns
		fmt.Printf("%-12s %-16s %-16s %s\n", row.kernel, row.shape, row.use, columns(ns))
	}
	printLayers(measured)
	return nil
}

// sameBits runs wasm, both peers and the reference once each from the same operands, and compares what they leave. ReLU's and
// SiLU's -0 are no question here: there are none.
func sameBits(b *bed, row row, runs []func(int)) error {
	before := slices.Clone(b.memory[:b.used])
	var want []byte
	for i, run := range []func(int){runs[3], runs[0], runs[1], runs[2]} {
		run(1)
		// The scratch is the first operand.
		got := slices.Clone(b.memory[kernels.ScratchSize:b.used])
		copy(b.memory, before)
		if i == 0 {
			want = got
		} else if !bytes.Equal(got, want) {
			return fmt.Errorf("%s, %s: %s differs from the reference", row.kernel, row.shape, []string{"", "wasm", "C by hand", "plain C"}[i])
		}
	}
	return nil
}

// fastest measures runs in turn, and returns the shortest CPU time of each [ns].
func fastest(runs []func(n int), repeats int) []float64 {
	best, n := make([]float64, len(runs)), make([]int, len(runs))
	for i, run := range runs {
		for n[i] = 1; ; n[i] *= 2 {
			start := cpuTime()
			run(n[i])
			if cpuTime()-start > sliceTime/2 {
				break
			}
		}
	}
	for range repeats {
		for i, run := range runs {
			start := cpuTime()
			run(n[i])
			if ns := float64((cpuTime() - start).Nanoseconds()) / float64(n[i]); best[i] == 0 || ns < best[i] {
				best[i] = ns
			}
		}
	}
	return best
}

// cpuTime is what this thread has used; main keeps to one. Wall time would count what other programs use, too.
func cpuTime() time.Duration {
	const threadCPU = 3 // CLOCK_THREAD_CPUTIME_ID; getrusage may count in ticks
	var t syscall.Timespec
	if _, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadCPU, uintptr(unsafe.Pointer(&t)), 0); err != 0 {
		panic(err)
	}
	return time.Duration(t.Nano())
}
