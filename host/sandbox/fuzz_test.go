package sandbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"understudy/host/guest"
	"understudy/host/sandbox"
	"understudy/plugin/population"
	"understudy/wasm/module"
)

// FuzzModule lets anything be a module: it is refused, or runs within its limits.
func FuzzModule(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(one(func(_ *module.Module, f *module.Func) { forever(f) }))
	f.Add(one(func(_ *module.Module, f *module.Func) { f.Call(f) }))
	f.Add(one(func(m *module.Module, f *module.Func) {
		m.Data(100, []byte("data"))
		g := m.Global(module.I32, true, 5)
		v := f.Local(module.V128)
		f.Block(func() {
			f.GetGlobal(g)
			f.BrIf(0)
			f.I32(1)
			f.MemoryGrow()
			f.Op("drop")
		})
		f.I32(96)
		f.Mem("v128.load", 4)
		f.Tee(v)
		f.Lane("i32x4.extract_lane", 1)
	}))
	// A table, an element segment, an indirect call.
	f.Add(raw(sec(1, []byte{1, 0x60, 0, 1, 0x7f}), sec(3, []byte{1, 0}), sec(4, []byte{1, 0x70, 0, 2}), sec(5, []byte{1, 0, 1}), sec(6, []byte{1, 0x7f, 1, 0x41, 0, 0x0b}),
		sec(7, []byte("\x01\x01f\x00\x00")), sec(9, []byte{1, 0, 0x41, 0, 0x0b, 1, 0}), sec(10, []byte{1, 7, 0, 0x41, 1, 0x11, 0, 0, 0x0b}), sec(11, []byte{1, 0, 0x41, 0, 0x0b, 1, 0x61})))
	b, err := guest.Module()
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []int{20, 800, 1500, 9000} {
		f.Add(b[:n])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		defer time.AfterFunc(2*time.Minute, func() { panic("the module hangs") }).Stop()
		m, err := sandbox.New(context.Background(), b, sandbox.Options{
			Exports: exports, WASI: true, TimeLimit: 50 * time.Millisecond, MemoryLimitPages: 16, Interpreter: len(b)%4 == 0})
		if err != nil {
			if !errors.Is(err, population.ErrFormat) && !errors.Is(err, population.ErrLimit) {
				t.Errorf("an error of no category: %v", err)
			}
			return
		}
		i, err := m.Start()
		if err == nil {
			for range 2 {
				if _, err = i.Call(0); err != nil {
					break
				}
			}
			i.View(uint64(len(b)), 70000)
		}
		if err != nil && !errors.Is(err, population.ErrState) {
			t.Errorf("an error of no category: %v", err)
		}
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}
