package cable_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	native "understudy/native/cable"
	"understudy/wasm/kernels/cable"
	"understudy/wasm/module"
)

const memorySize = 4 * module.PageSize

// memory is a module's, in which operands lie: one of them, the last-th that is placed, at the end, where a
// kernel that goes past it traps.
type memory struct {
	bytes        []byte
	rng          *rand.Rand
	next, placed int
	last         int
	differs      []func() bool
}

// place copies an operand into the memory and returns its address.
func place[T float64 | int32 | uint64](m *memory, v []T) uint64 {
	b, _ := binary.Append(nil, binary.LittleEndian, v)
	at := m.next
	m.next += len(b) + 8
	if m.placed == m.last {
		at = memorySize - len(b)
	}
	m.placed++
	copy(m.bytes[at:], b)
	m.differs = append(m.differs, func() bool {
		want, _ := binary.Append(nil, binary.LittleEndian, v)
		return !slices.Equal(m.bytes[at:][:len(want)], want)
	})
	return uint64(at)
}

// floats draws n numbers and places them.
func (m *memory) floats(n int, low, high float64) ([]float64, uint64) {
	x := make([]float64, n)
	for i := range x {
		x[i] = low + (high-low)*m.rng.Float64()
	}
	return x, place(m, x)
}

// rows draws rows of a table.
func (m *memory) rows(n, rows int) ([]int32, uint64) {
	x := make([]int32, n)
	for i := range x {
		x[i] = 8 * int32(m.rng.IntN(rows))
	}
	return x, place(m, x)
}

func repeat(x []float64, times int) []float64 {
	var all []float64
	for _, v := range x {
		all = append(all, slices.Repeat([]float64{v}, times)...)
	}
	return all
}

// calls are one of each kernel on n elements: arguments, and what the reference of one lane does with the operands.
var calls = map[string]func(m *memory, l *native.Loops, n, lanes int) (args []uint64, do func()){
	"Locate": func(m *memory, l *native.Loops, n, _ int) ([]uint64, func()) {
		g := native.Grid{Low: -100, PerMV: 4, Rows: 600}
		row, atRow := m.rows(n, 1)
		frac, atFrac := m.floats(n, 0, 0)
		v, atV := m.floats(n, -140, 90)
		return []uint64{atRow, atFrac, atV, bits(g.Low), bits(g.PerMV), bits(float64(g.Rows - 1))}, func() { l.Locate(row, frac, v, g) }
	},
	"LocateOctave": func(m *memory, l *native.Loops, n, _ int) ([]uint64, func()) {
		g := native.OctaveGrid{Low: -2, High: 2}
		row, atRow := m.rows(n, 1)
		frac, atFrac := m.floats(n, 0, 0)
		x, atX := m.floats(n, -1, 6)
		return []uint64{atRow, atFrac, atX, bits(0.25), bits(4), bits(math.Nextafter(4, 0)), uint64(1023+g.Low) << 10}, func() { l.LocateOctave(row, frac, x, g) }
	},
	"Lookup": func(m *memory, l *native.Loops, n, _ int) ([]uint64, func()) {
		out, atOut := m.floats(n, 0, 0)
		row, atRow := m.rows(n, 9)
		frac, atFrac := m.floats(n, 0, 1)
		table, atTable := m.floats(2*9, 0, 1)
		return []uint64{atOut, atRow, atFrac, atTable}, func() { l.Lookup(out, row, frac, table) }
	},
	"Relax": func(m *memory, l *native.Loops, n, _ int) ([]uint64, func()) {
		x, atX := m.floats(n, 0, 1)
		row, atRow := m.rows(n, 9)
		frac, atFrac := m.floats(n, 0, 1)
		table, atTable := m.floats(4*9, 0, 1)
		return []uint64{atX, atRow, atFrac, atTable}, func() { l.Relax(x, row, frac, table) }
	},
	"RelaxFour": func(m *memory, l *native.Loops, n, _ int) ([]uint64, func()) {
		x, atX := m.floats(3*(n+3)+n, 0, 1)
		row, atRow := m.rows(n, 9)
		frac, atFrac := m.floats(n, 0, 1)
		table, atTable := m.floats(16*9, 0, 1)
		return []uint64{uint64(n + 3), atX, atRow, atFrac, atTable}, func() { l.RelaxFour(x, n+3, row, frac, table) }
	},
	"Extrapolate": func(m *memory, l *native.Loops, n, _ int) ([]uint64, func()) {
		v, atV := m.floats(n, -90, 40)
		half, atHalf := m.floats(n, -90, 40)
		return []uint64{atV, atHalf}, func() { l.Extrapolate(v, half) }
	},
	"Flush": func(m *memory, l *native.Loops, n, _ int) ([]uint64, func()) {
		x, at := m.floats(n, -1, 1)
		return []uint64{at, bits(0.3)}, func() { l.Flush(x, 0.3) }
	},
	"Synapses": func(m *memory, l *native.Loops, n, _ int) ([]uint64, func()) {
		d, atD := m.floats(n, 1, 2)
		rhs, atRhs := m.floats(n, -2, 2)
		v, atV := m.floats(n, -1, 1) // so that every product's rounding shows
		row, atRow := m.rows(n, 9)
		frac, atFrac := m.floats(n, 0, 1)
		states, atStates := m.floats(4*n, 0, 1)
		table, atTable := m.floats(4*9, 0, 1)
		list := []native.Synapse{{Gmax: 0.4, E: 1, DecA: 0.9, DecB: 0.99, A: 0, B: 3 * n},
			{Gmax: 0.3, E: -80, Secant: 0.001, DecA: 0.8, DecB: 0.98, A: n, B: 2 * n, Table: table}}
		var words []uint64
		for i, s := range list {
			words = append(words, bits(s.Gmax), bits(s.E), bits(s.Secant), bits(s.DecA), bits(s.DecB), uint64(s.A), uint64(s.B), uint64(i)*atTable, 0, 0)
		}
		return []uint64{atD, atRhs, atV, atRow, atFrac, atStates, place(m, words), uint64(8 * len(words))},
			func() { l.Synapses(d, rhs, v, row, frac, states, list) }
	},
	"Base": func(m *memory, l *native.Loops, n, lanes int) ([]uint64, func()) {
		d, atD := m.floats(n, 0, 0)
		rhs, atRhs := m.floats(n, 0, 0)
		v, atV := m.floats(n, -90, 40)
		c, at := m.constant(n, lanes)
		return append([]uint64{atD, atRhs, atV}, at...), func() { l.Base(d, rhs, v, c) }
	},
	"Currents": func(m *memory, l *native.Loops, n, lanes int) ([]uint64, func()) {
		d, atD := m.floats(n, 1, 2)
		rhs, atRhs := m.floats(n, -2, 2)
		v, atV := m.floats(n, -90, 40)
		c, atC := m.constant(n, lanes)
		eca, atE := m.floats(n, 90, 140)
		ica, atI := m.floats(n, 0, 1)
		g, atG := m.floats(n/lanes, 0, 1)
		x, atX := m.floats(2*n, 0, 1)
		var list []native.Current
		var words []uint64
		for i := range 16 { // every pair of powers that the kernel has
			k := native.Current{E: -85, X0: i % 2 * n, X1: n, P0: 1 + i%4, P1: i / 4 % 2, Calcium: i >= 8}
			list = append(list, k)
			words = append(words, bits(k.E), 0, uint64(k.X0), uint64(k.X1), uint64(k.P0), uint64(k.P1), uint64(i/8))
		}
		return slices.Concat([]uint64{atD, atRhs, atV}, atC, []uint64{atE, atI, atG, atX, place(m, words), uint64(8 * len(words))}),
			func() { l.Currents(d, rhs, v, c, eca, ica, repeat(g, lanes), x, list) }
	},
	"Pool": func(m *memory, l *native.Loops, n, lanes int) ([]uint64, func()) {
		cai, atCai := m.floats(n, 0, 1)
		ica, atIca := m.floats(n, -1, 0)
		c, at := m.constant(n, lanes)
		minCai, atMin := m.floats(n/lanes, 0, 1)
		return slices.Concat([]uint64{atCai, atIca}, at, []uint64{atMin}), func() {
			l.Pool(cai, ica, native.Shell{PerNA: c.D, Decay: c.Rhs, Relax: c.Cdt, MinCai: repeat(minCai, lanes)})
		}
	},
	"Solve": func(m *memory, l *native.Loops, n, lanes int) ([]uint64, func()) {
		rows := n / lanes
		d, atD := m.floats(n, 2, 4)
		rhs, atRhs := m.floats(n, -1, 1)
		var branches []native.Branch
		var words []uint64
		for row := rows - 1; row > 0; row-- {
			b := native.Branch{Row: int32(row), Parent: int32(m.rng.IntN(row)), G: m.rng.Float64()}
			branches = append(branches, b)
			words = append(words, uint64(b.Row)|uint64(b.Parent)<<32, bits(b.G))
		}
		branches = append(branches, native.Branch{Row: 0, Parent: -1})
		return []uint64{place(m, words), atD, atRhs, 0}, func() {
			for lane := range lanes {
				one, right := make([]float64, rows), make([]float64, rows)
				for i := range rows {
					one[i], right[i] = d[i*lanes+lane], rhs[i*lanes+lane]
				}
				l.Solve(branches, one, right)
				for i := range rows {
					d[i*lanes+lane], rhs[i*lanes+lane] = one[i], right[i]
				}
			}
		}
	},
}

func bits(x float64) uint64 { return math.Float64bits(x) }

// constant is three parameters, and their addresses; the reference of one lane has them for each element.
func (m *memory) constant(n, lanes int) (*native.Constant, []uint64) {
	var x [3][]float64
	at := make([]uint64, 3)
	for i := range x {
		x[i], at[i] = m.floats(n/lanes, 0, 1)
		x[i] = repeat(x[i], lanes)
	}
	return &native.Constant{D: x[0], Rhs: x[1], Cdt: x[2]}, at
}

// TestKernels runs every kernel outside of Go's guest, with each operand in turn at the memory's end.
func TestKernels(t *testing.T) {
	var m module.Module
	m.Memory(memorySize/module.PageSize, memorySize/module.PageSize)
	m.ExportMemory("memory")
	names := map[string]bool{}
	for _, k := range cable.All() {
		m.ExportFunc(k.Name, k.Func(&m))
		names[k.Name] = true
	}
	wasm := m.Encode()
	kernel, err := native.Select("reference")
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
		tried := map[string]bool{}
		for base, call := range calls {
			for _, lanes := range cable.Lanes {
				name := base
				if !names[base] {
					name = fmt.Sprint(base, lanes)
				} else if lanes > 1 {
					break
				}
				tried[name] = true
				for _, segments := range []int{1, 2, 3, 4, 9, 16, 39} {
					for last := 0; ; last++ {
						b, _ := instance.Memory().Read(0, memorySize)
						n := segments * lanes
						mem := &memory{bytes: b, rng: rand.New(rand.NewPCG(uint64(n), 1)), next: 64, last: last}
						args, do := call(mem, kernel.For(1), n, lanes)
						if last >= mem.placed {
							break
						}
						count := n
						if base == "Solve" {
							count = segments - 1
						}
						if _, err := instance.ExportedFunction(name).Call(ctx, append([]uint64{uint64(count)}, args...)...); err != nil {
							t.Fatalf("%s: %s, %d elements, operand %d at the end: %v", engine, name, n, last, err)
						}
						do()
						if i := slices.IndexFunc(mem.differs, func(differs func() bool) bool { return differs() }); i >= 0 {
							t.Fatalf("%s: %s, %d elements: operand %d differs from reference's", engine, name, n, i)
						}
					}
				}
			}
		}
		for name := range names {
			if !tried[name] {
				t.Errorf("%s was not tried", name)
			}
		}
	}
}
