// Package pack compiles a surrogate into one WebAssembly module without imports: the weights inside,
// memory of its own, 128-bit SIMD, and fifteen functions to call. INTERFACE.md describes them.
//
// A module computes with the bits of plugin/surrogate on kernel set "reference", in f32 and in int8. Its
// code is written for the layers at hand: widths, strides and where the weights lie are constants; only the
// number of neurons is not.
package pack

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"understudy/plugin/model"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
	"understudy/wasm/kernels"
	"understudy/wasm/module"
)

// Limits of a packed population.
const (
	MaxNeurons = surrogate.MaxNeurons
	MaxSteps   = population.MaxSteps
	MaxEvents  = 1 << 24
	// maxMemory [bytes] keeps addresses positive as int32.
	maxMemory = 1 << 31
)

// Status is what the functions of a module return.
type Status int32

// Statuses. The texts of StatusText are also in a module's description.
const (
	OK           Status = iota
	NoPopulation        // create has not been called
	BadCount            // neurons, steps or events out of range
	NoMemory            // the host gives no more memory
	BadTime             // an event outside the steps asked for; wrong_event tells which
	BadNeuron
	BadChannel
	BadWeight
	BadState // not a state of this model, precision and number of neurons, or damaged
)

// StatusText has a text for each status.
var StatusText = []string{
	"done", "no population: call create", "number of neurons, steps or events out of range", "not enough memory",
	"time of an event outside the steps asked for", "neuron of an event out of range", "channel of an event out of range",
	"weight of an event not finite", "not a state of this model, precision and number of neurons, or damaged",
}

// Pack compiles a model. precision is surrogate.Float32 or, for a quantised model, surrogate.Int8.
// Equal models give equal modules. Errors are those of surrogate.New.
func Pack(m *model.Model, precision string) ([]byte, error) {
	plan, err := surrogate.Plan(m, precision)
	if err != nil {
		return nil, err
	}
	g := &generator{plan: plan, m: &module.Module{}, int8: precision == surrogate.Int8, next: firstAddress, kernels: map[string]*module.Func{}}
	g.globals()
	g.fillRows, g.lookUp = g.writeFillRows(), g.writeLookUp()
	g.place()
	text, err := g.describe(m, precision)
	if err != nil {
		return nil, err
	}
	g.description, g.describeSize = g.data(text), len(text)
	g.write()
	if g.next > maxMemory/2 {
		return nil, fmt.Errorf("%w: %d bytes of weights are too many for a WebAssembly module", population.ErrLimit, g.next)
	}
	g.m.Memory(uint32((g.next+module.PageSize-1)/module.PageSize), maxMemory/module.PageSize)
	return g.m.Encode(), nil
}

// firstAddress keeps address 0 free, which stands for none.
const firstAddress = 64

// generator is a module on its way.
//
// Memory holds the data (weights, tables, texts); then, from what create makes on, the regions: first
// those that are the state, then room for intermediate values; then outputs and events; then, if
// it is asked for, room for a saved state.
type generator struct {
	plan *surrogate.Planned
	m    *module.Module
	int8 bool
	next int // first free address

	description, describeSize int

	n, maxSteps, maxEvents module.Global // of create; n is 0 before
	now                    module.Global // I64
	pSpike, vSoma, spike   module.Global // addresses
	events, records        module.Global
	end                    module.Global // of all this; where a saved state goes
	wrong                  module.Global // index of the event that was refused

	regions []*region
	kernels map[string]*module.Func // those in use, by name

	layers []layer

	fillRows, lookUp *module.Func
	silent           *region // steps for which a neuron emits no spike; nil in a model that is never refractory
	places           int     // address of at [channels] and a [channels] of one neuron and step
	scratch          int     // address of kernels.ScratchSize bytes, for Gemm
	dense            *region // events as vectors, if a layer wants them
}

// region is memory whose size depends on the number of neurons.
type region struct {
	at        module.Global // address
	perNeuron int           // bytes, a multiple of 16
	state     bool
}

func round16(n int) int { return (n + 15) / 16 * 16 }

// region makes room for size bytes per neuron.
func (g *generator) region(size int, state bool) *region {
	r := &region{at: g.m.Global(module.I32, true, 0), perNeuron: round16(size), state: state}
	g.regions = append(g.regions, r)
	return r
}

// room returns the address of size bytes, 0 at the beginning.
func (g *generator) room(size int) int {
	at := g.next
	g.next = round16(g.next + size)
	return at
}

// data returns the address of bytes in the module.
func (g *generator) data(b []byte) int {
	at := g.room(len(b))
	if len(b) > 0 {
		g.m.Data(uint32(at), b)
	}
	return at
}

func (g *generator) floats(x []float32) int {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return g.data(b)
}

func (g *generator) ints(x []int32) int {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return g.data(b)
}

func (g *generator) bytes(x []int8) int {
	b := make([]byte, len(x))
	for i, v := range x {
		b[i] = byte(v)
	}
	return g.data(b)
}

func (g *generator) globals() {
	for _, to := range []*module.Global{&g.n, &g.maxSteps, &g.maxEvents, &g.pSpike, &g.vSoma, &g.spike, &g.events, &g.records, &g.end} {
		*to = g.m.Global(module.I32, true, 0)
	}
	g.wrong = g.m.Global(module.I32, true, -1)
	g.now = g.m.Global(module.I64, true, 0)
}

// function adds a function of the module's own.
func (g *generator) function(params []module.Type, results ...module.Type) code {
	return code{g.m.Func(params, results...)}
}

const i32 = module.I32

func i32s(n int) []module.Type {
	all := make([]module.Type, n)
	for i := range all {
		all[i] = i32
	}
	return all
}

// write writes all functions.
func (g *generator) write() {
	header := g.header()
	forward, emit := g.writeForward(), g.writeEmit()
	step := g.writeStep(g.writeSort(), forward, emit)
	reset, ensure := g.writeReset(), g.writeEnsure()
	create := g.writeCreate(reset, ensure)
	g.exports(create, step, reset, ensure, header)
}

// kernel is a kernel's function, which is in the module once it is asked for.
func (g *generator) kernel(name string) *module.Func { return g.once(name, kernelOf(name)) }

// once is the function of a kernel that goes by key in the module.
func (g *generator) once(key string, k kernels.Kernel) *module.Func {
	f, ok := g.kernels[key]
	if !ok {
		f = k.Func(g.m)
		g.kernels[key] = f
	}
	return f
}

func kernelOf(name string) kernels.Kernel {
	i := slices.IndexFunc(kernels.All, func(k kernels.Kernel) bool { return k.Name == name })
	if i < 0 {
		panic("pack: no kernel " + name) // a mistake here, not in the model
	}
	return kernels.All[i]
}

// knownWidths is how many widths of outputs may each have a multiplication of its own, of 7 to 10 KB, not counting those of
// heads, whose code is short. Where there are more widths, one has, beside that for all.
const knownWidths = 2

// widths are the widths that have a multiplication of their own.
func (g *generator) widths() []int {
	work := map[int]int{}
	for i := range g.layers {
		l := &g.layers[i]
		switch {
		case l.Int8 != nil && l.Int8.ELM != nil:
			for _, d := range l.Int8.ELM.MLP {
				work[d.Out16] += len(d.Weight)
			}
		case l.ELM != nil:
			for _, d := range l.ELM.MLP {
				work[d.Out] += len(d.Weight)
			}
		case l.Op != model.OpConv1D || l.sparse() || l.InGroup == 1 && l.OutGroup == 1: // no matrices
		case l.Int8 != nil:
			work[l.Int8.Out16] += len(l.Int8.Weight)
		default:
			work[l.OutGroup] += len(l.Weight)
		}
	}
	all := slices.SortedFunc(maps.Keys(work), func(a, b int) int { return cmp.Or(work[b]-work[a], a-b) })
	head := 4
	if g.int8 {
		head = 16 // the least that there is
	}
	long := 0
	for _, width := range all {
		if width > head {
			long++
		}
	}
	if long > knownWidths {
		return all[:1]
	}
	return all
}

// gemm is the function that multiplies by matrices of so many outputs: Gemm or, in integers, GemmInt8.
func (g *generator) gemm(out int) *module.Func {
	name, of := "Gemm", kernels.GemmOf
	if g.int8 {
		name, of = "GemmInt8", kernels.GemmInt8Of
	}
	if !slices.Contains(g.widths(), out) {
		return g.kernel(name)
	}
	k := kernelOf(name)
	k.Write = func(f *module.Func, p []module.Local) {
		of(kernels.Matrix{Out: out}, f, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8])
	}
	return g.once(fmt.Sprint(name, out), k)
}
