package host_test

import (
	"encoding/binary"
	"maps"

	"understudy/host"
	"understudy/wasm/module"
)

// What a function of a fake guest does before it returns.
const (
	nothing = iota
	traps
	loops
	recurs
	grows
	exits
	numDeeds
)

// verb is what one function of a fake guest does: a deed, then it copies out to where the host wants its result
// and text to the buffer that the host has for it, and returns result.
type verb struct {
	deed      byte
	result    uint32
	out, text []byte
}

// fake is a guest that does as it is told: the verbs by their names without "us_".
type fake map[string]verb

// Which parameter of a verb says where its result goes, and where its text goes.
var (
	outOf  = map[string]int{"model_open_bytes": 2, "model_info_json": 3, "population_create": 5, "cell_population_create": 5, "population_info": 1, "population_input_range": 1, "population_save": 3}
	textOf = map[string]int{"last_message": 0, "model_info_json": 1, "population_save": 1, "population_step": 4}
)

func le(n uint64, size int) []byte { return binary.LittleEndian.AppendUint64(nil, n)[:size] }

// info is an us_info.
func info(kind, n, channels uint32, now, state uint64) []byte {
	b := append(le(48, 4), le(uint64(kind), 4)...)
	b = append(append(b, le(uint64(n), 4)...), le(uint64(channels), 4)...)
	b = append(append(b, le(now, 8)...), le(state, 8)...)
	return append(b, make([]byte, 16)...)
}

// honest is a fake that gets as far as an honest guest with two neurons. All its buffers are at one place, which is
// its own affair.
func honest() fake {
	description := []byte(`{"name":"m","heads":[{"name":"spike","count":1}]}`)
	return fake{
		"abi_version":            {result: 2},
		"alloc":                  {result: 8192},
		"last_message":           {result: 3, text: []byte("oh\x1b")},
		"model_open_bytes":       {out: le(7, 8)},
		"model_info_json":        {out: le(uint64(len(description)), 8), text: description},
		"population_create":      {out: le(8, 8)},
		"cell_population_create": {out: le(8, 8)},
		"population_info":        {out: info(2, 2, 10, 0, 100)},
		"population_save":        {out: le(4, 8), text: []byte("SAVE")},
	}
}

// but is the fake with some verbs otherwise.
func (f fake) but(other fake) fake {
	f = maps.Clone(f)
	maps.Copy(f, other)
	return f
}

// module assembles the fake.
func (f fake) module() []byte {
	var m module.Module
	exit := m.Import("wasi_snapshot_preview1", "proc_exit", []module.Type{module.I32})
	m.Memory(2, 65536)
	m.ExportMemory("memory")
	recursion := m.Func(nil)
	recursion.Call(recursion)
	data := uint32(1 << 16)
	store := func(b []byte) int32 {
		at := data
		m.Data(at, b)
		data += uint32(len(b))
		return int32(at)
	}
	for _, e := range host.Verbs {
		name := e.Name[len("us_"):]
		v := f[name]
		var params, results []module.Type
		for _, c := range e.Params {
			params = append(params, map[rune]module.Type{'i': module.I32, 'I': module.I64}[c])
		}
		for range e.Results {
			results = append(results, module.I32)
		}
		fn := m.Func(params, results...)
		m.ExportFunc(e.Name, fn)
		switch v.deed {
		case traps:
			fn.Op("unreachable")
		case loops:
			fn.Loop(func() { fn.Br(0) })
		case recurs:
			fn.Call(recursion)
		case grows:
			fn.Loop(func() {
				fn.I32(7)
				fn.MemoryGrow()
				fn.I32(-1)
				fn.Op("i32.ne")
				fn.BrIf(0)
			})
		case exits:
			fn.I32(3)
			fn.Call(exit)
		}
		for _, part := range []struct {
			to    map[string]int
			bytes []byte
		}{{outOf, v.out}, {textOf, v.text}} {
			to, ok := part.to[name]
			if !ok || len(part.bytes) == 0 {
				continue
			}
			fn.Get(fn.Param(to))
			fn.If(func() { // it is not NULL
				fn.Get(fn.Param(to))
				fn.I32(store(part.bytes))
				fn.I32(int32(len(part.bytes)))
				fn.MemoryCopy()
			})
		}
		if len(results) > 0 {
			fn.I32(int32(v.result))
		}
	}
	return m.Encode()
}
