package native

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Shapes of the paper's network (Beniaguev et al. 2021): 1,278 channels whose columns are
// 54 taps of 128 outputs, then six layers of 12 taps of 128 x 128, whose weights are gone
// through once a ms; half of the activations are zero.
const (
	benchWidth  = 128
	benchTaps   = 6 * 12
	benchColumn = 54 * benchWidth
	benchInputs = 1278
	benchEvents = 14 // a ms
)

// BenchmarkGemm reports us/neuron-ms, the time of the six layers for a row. Every tap has
// other inputs, each ms other ones.
func BenchmarkGemm(b *testing.B) {
	const size, more = benchWidth * benchWidth, 300
	rng := rand.New(rand.NewPCG(1, 2))
	w, w8 := make([]float32, benchTaps*size), make([]int8, benchTaps*size)
	for i := range w {
		w[i], w8[i] = rng.Float32()-0.5, int8(rng.IntN(255)-127)
	}
	for _, rows := range []int{1, 2, 4, 16, 100} {
		x, x8, x16 := make([]float32, (rows+more)*benchWidth), make([]uint8, (rows+more)*benchWidth), make([]uint16, (rows+more)*benchWidth)
		for i := range x {
			if rng.IntN(2) > 0 {
				x[i], x8[i] = rng.Float32(), uint8(rng.IntN(256))
			}
		}
		refRoundBF16(x16, x)
		y, y8 := make([]float32, rows*benchWidth), make([]int32, rows*benchWidth)
		benchEach(b, fmt.Sprintf("f32/rows=%d", rows), rows, func(s *Set) {
			clear(y)
			for t := range benchTaps {
				s.Gemm(y, x[rng.IntN(more)*benchWidth:], w[t*size:][:size], rows, benchWidth, benchWidth, benchWidth, benchWidth)
			}
		})
		packed := map[*Set][]BF16{}
		benchEach(b, fmt.Sprintf("bf16/rows=%d", rows), rows, func(s *Set) {
			if packed[s] == nil {
				for t := range benchTaps {
					packed[s] = append(packed[s], s.PackBF16(w[t*size:], benchWidth, benchWidth))
				}
			}
			clear(y)
			for t := range benchTaps {
				s.GemmBF16(y, x16[rng.IntN(more)*benchWidth:], &packed[s][t], rows, benchWidth, benchWidth)
			}
		})
		benchEach(b, fmt.Sprintf("int8/rows=%d", rows), rows, func(s *Set) {
			for t := range benchTaps {
				s.GemmInt8(y8, x8[rng.IntN(more)*benchWidth:], w8[t*size:][:size], rows, benchWidth, benchWidth, benchWidth, benchWidth)
			}
		})
	}
}

// BenchmarkColumns reports us/neuron-ms, the time of a ms's events, on random channels.
func BenchmarkColumns(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	w, w8 := make([]float32, benchInputs*benchColumn), make([]int8, benchInputs*benchColumn)
	for i := range w {
		w[i], w8[i] = rng.Float32()-0.5, int8(rng.IntN(255)-127)
	}
	for _, neurons := range []int{1, 100} {
		y, y8 := make([]float32, neurons*benchColumn), make([]int32, neurons*benchColumn)
		var at, a8 [benchEvents]int32
		var a [benchEvents]float32
		for e := range a {
			a[e], a8[e] = 1, 1000
		}
		// fresh draws a ms's channels.
		fresh := func() {
			for e := range at {
				at[e] = rng.Int32N(benchInputs) * benchColumn
			}
		}
		benchEach(b, fmt.Sprintf("f32/neurons=%d", neurons), neurons, func(s *Set) {
			for n := range neurons {
				fresh()
				s.Columns(y[n*benchColumn:][:benchColumn], w, at[:], a[:])
			}
		})
		benchEach(b, fmt.Sprintf("int8/neurons=%d", neurons), neurons, func(s *Set) {
			for n := range neurons {
				fresh()
				s.ColumnsInt8(y8[n*benchColumn:][:benchColumn], w8, at[:], a8[:])
			}
		})
	}
}

// BenchmarkBags reports us/neuron-ms, the time of the events of 100 neurons in 16 steps, tap
// after tap, where BenchmarkColumns adds whole columns.
func BenchmarkBags(b *testing.B) {
	const neurons, steps, taps, tap = 100, 16, benchColumn / benchWidth, benchInputs * benchWidth
	rng := rand.New(rand.NewPCG(5, 6))
	w, y := make([]float32, taps*tap), make([]float32, (steps+taps)*neurons*benchWidth)
	for i := range w {
		w[i] = rng.Float32() - 0.5
	}
	var at, ends [steps][]int32
	var a []float32
	for range neurons * benchEvents {
		a = append(a, 1)
	}
	for t := range steps {
		for i := range neurons {
			for range benchEvents {
				at[t] = append(at[t], rng.Int32N(benchInputs)*benchWidth)
			}
			ends[t] = append(ends[t], int32((i+1)*benchEvents))
		}
	}
	benchEach(b, "f32/neurons=100", neurons*steps, func(s *Set) {
		for lag := range taps {
			for t := range steps {
				s.Bags(y[(t+lag)*neurons*benchWidth:], w[lag*tap:][:tap], at[t], a, ends[t], benchWidth)
			}
		}
	})
}

// BenchmarkRows reports us/neuron-ms of one layer's int8 kernels beside the products.
func BenchmarkRows(b *testing.B) {
	for _, rows := range []int{1, 100} {
		n := rows * benchWidth
		x, y, v := make([]int32, n), make([]uint8, n), make([]uint8, n)
		bias, mult := make([]int32, benchWidth), make([]int32, benchWidth)
		w := make([]int8, benchWidth)
		for i := range mult {
			mult[i] = 1 << 30
		}
		benchEach(b, fmt.Sprintf("requant/rows=%d", rows), rows, func(s *Set) {
			s.Requant(y, x, bias, mult, 40, 0, 0, rows, benchWidth, benchWidth, benchWidth)
		})
		benchEach(b, fmt.Sprintf("add/rows=%d", rows), rows, func(s *Set) { s.AddInt8(y, y, v, 100, 200, 1<<13, 14, 0) })
		benchEach(b, fmt.Sprintf("mulAdd/rows=%d", rows), rows, func(s *Set) {
			s.MulAddInt8(x, y, w, rows, benchWidth, benchWidth, benchWidth)
		})
		table := new([256]uint8)
		benchEach(b, fmt.Sprintf("lut/rows=%d", rows), rows, func(s *Set) { s.LUTInt8(y, v, table) })
	}
}

// benchEach reports the fastest of many short runs: on a shared machine it is the one
// that tells about the kernel.
func benchEach(b *testing.B, shape string, rows int, f func(s *Set)) {
	for _, info := range Kernels() {
		s, err := Select(info.Name)
		if err != nil {
			continue
		}
		b.Run(info.Name+"/"+shape, func(b *testing.B) {
			const short = 100 * time.Microsecond
			run := func(times int) time.Duration {
				start := time.Now()
				for range times {
					f(s)
				}
				return time.Since(start)
			}
			times := 1 + int(short/(run(1)+1))
			best := run(times)
			for b.Loop() {
				best = min(best, run(times))
			}
			b.ReportMetric(float64(best.Nanoseconds())/1e3/float64(times*rows), "us/neuron-ms")
		})
	}
}
