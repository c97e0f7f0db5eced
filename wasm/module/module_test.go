package module_test

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"understudy/wasm/module"
)

// TestSum runs a module with a loop, vectors, data, a global and a call.
func TestSum(t *testing.T) {
	var m module.Module
	m.Memory(1, 1)
	m.ExportMemory("memory")
	var data []byte
	for _, x := range []float32{1, 2, 3, 4, 5, 6, 7, 8} {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	m.Data(1024, data)
	at := m.Global(module.I32, false, 1024)

	sum := m.Func([]module.Type{module.I32, module.I32}, module.F32) // address, count (a multiple of 4)
	x, n := sum.Param(0), sum.Param(1)
	s := sum.Local(module.V128)
	sum.Loop(func() {
		sum.Get(s, x)
		sum.Mem("v128.load", 0)
		sum.Op("f32x4.add")
		sum.Set(s)
		sum.Get(x)
		sum.I32(16)
		sum.Op("i32.add")
		sum.Set(x)
		sum.Get(n)
		sum.I32(4)
		sum.Op("i32.sub")
		sum.Tee(n)
		sum.BrIf(0)
	})
	for lane := range 4 {
		sum.Get(s)
		sum.Lane("f32x4.extract_lane", lane)
		if lane > 0 {
			sum.Op("f32.add")
		}
	}
	all := m.Func(nil, module.F32)
	all.GetGlobal(at)
	all.I32(8)
	all.Call(sum)
	m.ExportFunc("all", all)

	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	instance, err := r.Instantiate(ctx, m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	got, err := instance.ExportedFunction("all").Call(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if v := math.Float32frombits(uint32(got[0])); v != 36 {
		t.Errorf("sum %v, want 36", v)
	}
}

// TestReuse: locals of one Reuse serve the next one of their type, and not one within it.
func TestReuse(t *testing.T) {
	var m module.Module
	f := m.Func([]module.Type{module.I32})
	outside := f.Local(module.I32)
	var first, within, wide, second module.Local
	f.Reuse(func() {
		first = f.Local(module.I32)
		f.Reuse(func() { within, wide = f.Local(module.I32), f.Local(module.V128) })
	})
	f.Reuse(func() { second = f.Local(module.V128) })
	after := f.Local(module.V128)
	if got := []module.Local{outside, first, within, wide}; !slices.Equal(got, []module.Local{1, 2, 3, 4}) {
		t.Errorf("locals %d", got)
	}
	if second != wide || after != 5 {
		t.Errorf("a second V128 is local %d, one outside %d, not 4 and 5", second, after)
	}
}
