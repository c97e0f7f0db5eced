package pack

import (
	"encoding/binary"
	"slices"

	"understudy/wasm/module"
)

// maxNow keeps times exact in float64.
const maxNow = 1 << 53

// A saved state begins with a header of 64 bytes, little-endian: 8 bytes "UNDPACK" and the version of this layout,
// 32 the model's hash, uint32 bits of an activation, uint32 neurons, uint64 now, uint64 checksum of all else.
// Then comes the state as it is in memory, of which a caller needs to know nothing.
const (
	stateMagic    = "UNDPACK\x01"
	stateHeader   = 64
	stateFixed    = 8 + 32 + 4 // what is the same for all states of a module
	stateNeurons  = stateFixed
	stateNow      = stateNeurons + 4
	stateChecksum = stateNow + 8
)

// header is the address of a state's first bytes.
func (g *generator) header() int {
	b := append([]byte(stateMagic), g.plan.Hash[:]...)
	bits := uint32(32)
	if g.int8 {
		bits = 8
	}
	return g.data(binary.LittleEndian.AppendUint32(b, bits))
}

// stateBytes is the state of a neuron.
func (g *generator) stateBytes() int {
	sum := 0
	for _, r := range g.regions {
		if r.state {
			sum += r.perNeuron
		}
	}
	return sum
}

// writeReset writes a function that sets the state at t = 0. Nothing may make room afterwards.
func (g *generator) writeReset() *module.Func {
	f := g.function(nil)
	n := global(g.n)
	if g.stateBytes() > 0 {
		f.fill(global(g.firstState().at), 0, times(n, g.stateBytes()))
	}
	for i := range g.layers {
		l := &g.layers[i]
		if l.int8 != nil && l.out != nil {
			f.fill(global(l.out.at), l.Int8.Zero, times(n, l.out.perNeuron))
		}
		if l.coming != nil && l.int8 == nil {
			f.call(g.fillRows, global(l.coming.at), num(l.bias), times(n, l.comingSlots), num(4*l.Width))
		}
	}
	f.setGlobal(g.now, long(0))
	return f.Func
}

func (g *generator) firstState() *region {
	return g.regions[slices.IndexFunc(g.regions, func(r *region) bool { return r.state })]
}

// writeEnsure writes a function (end i64) that makes the memory reach so far: 1 if it does.
func (g *generator) writeEnsure() *module.Func {
	f := g.function([]module.Type{module.I64}, i32)
	end := f.Param(0)
	f.when(op("i64.gt_u", local(end), long(maxMemory)), func() { f.I32(0); f.Op("return") })
	size := func(f code) { f.MemorySize() }
	more := f.let(sub(op("i32.wrap_i64", op("i64.shr_u", op("i64.add", local(end), long(module.PageSize-1)), long(16))), size))
	f.when(op("i32.gt_s", local(more), num(0)), func() {
		f.when(op("i32.eq", func(f code) { f.Get(more); f.MemoryGrow() }, num(-1)), func() { f.I32(0); f.Op("return") })
	})
	f.I32(1)
	return f.Func
}

// writeCreate writes the function create(neurons, steps, events) of the interface.
func (g *generator) writeCreate(reset, ensure *module.Func) *module.Func {
	f := g.function(i32s(3), i32)
	n, steps, events := f.Param(0), f.Param(1), f.Param(2)
	for _, c := range []struct {
		of          module.Local
		least, most int
	}{{n, 1, MaxNeurons}, {steps, 1, MaxSteps}, {events, 0, MaxEvents}} {
		f.fail(op("i32.gt_u", sub(local(c.of), num(c.least)), num(c.most-c.least)), BadCount)
	}
	perNeuron := 0
	for _, r := range g.regions {
		perNeuron += r.perNeuron
	}
	wide := func(l module.Local) value { return op("i64.extend_i32_u", local(l)) }
	values := f.letAs(module.I64, op("i64.mul", wide(n), wide(steps)))
	up16 := func(v value) value { return op("i64.and", op("i64.add", v, long(15)), long(-16)) }
	scaled := func(v value, size int) value { return op("i64.mul", v, long(int64(size))) }
	outputs := f.letAs(module.I64, op("i64.add", long(int64(g.next)), scaled(wide(n), perNeuron)))
	at := f.letAs(module.I64, up16(op("i64.add", local(outputs), scaled(local(values), 9))))
	records := f.letAs(module.I64, up16(op("i64.add", local(at), scaled(wide(events), eventSize))))
	end := f.letAs(module.I64, op("i64.add", local(records), scaled(wide(events), 2*recordSize)))
	f.fail(op("i32.eqz", result(ensure, local(end))), NoMemory)

	f.setGlobal(g.n, local(n))
	f.setGlobal(g.maxSteps, local(steps))
	f.setGlobal(g.maxEvents, local(events))
	narrow := func(v value) value { return op("i32.wrap_i64", v) }
	f.setGlobal(g.pSpike, narrow(local(outputs)))
	f.setGlobal(g.vSoma, narrow(op("i64.add", local(outputs), scaled(local(values), 4))))
	f.setGlobal(g.spike, narrow(op("i64.add", local(outputs), scaled(local(values), 8))))
	f.setGlobal(g.events, narrow(local(at)))
	f.setGlobal(g.records, narrow(local(records)))
	f.setGlobal(g.end, narrow(local(end)))
	offset := 0
	for _, state := range []bool{true, false} {
		for _, r := range g.regions {
			if r.state == state {
				f.setGlobal(r.at, add(num(g.next), times(local(n), offset)))
				offset += r.perNeuron
			}
		}
	}
	f.setGlobal(g.wrong, num(-1))
	f.call(reset)
	f.I32(int32(OK))
	return f.Func
}

// exports writes what is left of the interface, and exports all of it.
func (g *generator) exports(create, step, reset, ensure *module.Func, header int) {
	g.m.ExportMemory("memory")
	g.m.ExportFunc("create", create)
	for _, a := range []struct {
		name string
		at   module.Global
	}{{"events", g.events}, {"p_spike", g.pSpike}, {"v_soma", g.vSoma}, {"spike", g.spike}, {"wrong_event", g.wrong}} {
		f := g.function(nil, i32)
		f.GetGlobal(a.at)
		g.m.ExportFunc(a.name, f.Func)
	}
	g.m.ExportFunc("step", step)

	f := g.function(nil, i32)
	f.fail(op("i32.eqz", global(g.n)), NoPopulation)
	f.call(reset)
	f.I32(int32(OK))
	g.m.ExportFunc("reset", f.Func)

	f = g.function(nil, module.F64)
	op("f64.convert_i64_u", global(g.now))(f)
	g.m.ExportFunc("now", f.Func)

	g.exportState(ensure, header)

	for _, c := range []struct {
		name  string
		value int
	}{{"describe", g.description}, {"describe_size", g.describeSize}} {
		f := g.function(nil, i32)
		f.I32(int32(c.value))
		g.m.ExportFunc(c.name, f.Func)
	}
}

// exportState writes state_size, state, save and load.
func (g *generator) exportState(ensure *module.Func, header int) {
	f := g.function(nil, i32)
	payload := times(global(g.n), g.stateBytes())
	op("select", add(payload, num(stateHeader)), num(0), global(g.n))(f)
	g.m.ExportFunc("state_size", f.Func)

	f = g.function(nil, i32)
	f.when(op("i32.eqz", global(g.n)), func() { f.I32(0); f.Op("return") })
	size := op("i64.add", op("i64.mul", op("i64.extend_i32_u", global(g.n)), long(int64(g.stateBytes()))), long(stateHeader))
	choose(global(g.end), num(0), result(ensure, op("i64.add", op("i64.extend_i32_u", global(g.end)), size)))(f)
	g.m.ExportFunc("state", f.Func)
	state := f.Func

	checksum := g.writeChecksum()
	sum := func(at module.Local) value {
		return result(checksum, result(checksum, long(fnvBasis), local(at), num(stateChecksum)), add(local(at), num(stateHeader)), payload)
	}
	first := num(0)
	if g.stateBytes() > 0 {
		first = global(g.firstState().at)
	}

	f = g.function(nil, i32)
	f.fail(op("i32.eqz", global(g.n)), NoPopulation)
	at := f.let(result(state))
	f.fail(op("i32.eqz", local(at)), NoMemory)
	f.copy(local(at), num(header), num(stateFixed))
	f.store("i32.store", local(at), stateNeurons, global(g.n))
	f.store("i64.store", local(at), stateNow, global(g.now))
	f.copy(add(local(at), num(stateHeader)), first, payload)
	f.store("i64.store", local(at), stateChecksum, sum(at))
	f.I32(int32(OK))
	g.m.ExportFunc("save", f.Func)

	f = g.function(nil, i32)
	f.fail(op("i32.eqz", global(g.n)), NoPopulation)
	at = f.let(result(state))
	f.fail(op("i32.eqz", local(at)), NoMemory)
	for i := 0; i < stateFixed; i += 4 {
		f.fail(op("i32.ne", load(local(at), i), load(num(header), i)), BadState)
	}
	f.fail(op("i32.ne", load(local(at), stateNeurons), global(g.n)), BadState)
	f.fail(op("i64.gt_u", loadAs("i64.load", local(at), stateNow), long(maxNow)), BadState)
	f.fail(op("i64.ne", loadAs("i64.load", local(at), stateChecksum), sum(at)), BadState)
	f.copy(first, add(local(at), num(stateHeader)), payload)
	f.setGlobal(g.now, loadAs("i64.load", local(at), stateNow))
	f.I32(int32(OK))
	g.m.ExportFunc("load", f.Func)
}

// FNV-1a (Fowler, Noll and Vo), by words of 8 bytes.
const (
	fnvBasis = -0x340d631b7bdddcdb
	fnvPrime = 0x100000001b3
)

// writeChecksum writes a function (sum i64, address, bytes) that goes on with a checksum.
func (g *generator) writeChecksum() *module.Func {
	f := g.function([]module.Type{module.I64, i32, i32}, module.I64)
	h, at := f.Param(0), f.Param(1)
	end := f.let(add(local(at), f.param(2)))
	f.while(op("i32.lt_u", local(at), local(end)), func() {
		f.set(h, op("i64.mul", op("i64.xor", local(h), loadAs("i64.load", local(at), 0)), long(fnvPrime)))
		f.advance(at, num(8))
	})
	f.Get(h)
	return f.Func
}
