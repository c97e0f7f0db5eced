//go:build linux && amd64

package main

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"

	"understudy/wasm/module"
)

// variant is a way to write the loop of a product of a row and a matrix of 32 columns.
type variant struct {
	name   string
	stored bool // inputs are stored four times side by side, not splatted in the loop
	once   bool // the end of a row of weights is read first: one check of bounds serves the row
	known  bool // the distance of two rows of weights is a constant: one check serves all rows of a turn
	unroll int
}

// Inputs of the product, and vectors of weights for each.
const variantInputs, variantVectors = 128, 8

// code is a function of n, how often; y; x; w; and the size of a row of weights.
func (v variant) code(m *module.Module) *module.Func {
	const n, y, x, w, row = module.Local(0), module.Local(1), module.Local(2), module.Local(3), module.Local(4)
	f := m.Func([]module.Type{module.I32, module.I32, module.I32, module.I32, module.I32})
	left, xi, wi, xv := f.Local(module.I32), f.Local(module.I32), f.Local(module.I32), f.Local(module.V128)
	var sums [variantVectors]module.Local
	for i := range sums {
		sums[i] = f.Local(module.V128)
	}
	add := func(l module.Local, by func()) {
		f.Get(l)
		by()
		f.Op("i32.add")
		f.Set(l)
	}
	check := func(l module.Local, bytes int) {
		f.Get(l)
		f.Mem("i32.load8_u", uint32(bytes-1))
		f.Op("drop")
	}
	input := func(i int) {
		at := 0
		if v.known {
			at = i * 16 * variantVectors
		}
		if v.stored {
			f.Get(xi)
			f.Mem("v128.load", uint32(16*i))
		} else {
			f.Get(xi)
			f.Mem("v128.load32_splat", uint32(4*i))
		}
		f.Set(xv)
		if v.once && !v.known {
			check(wi, 16*variantVectors)
		}
		for s := range sums {
			f.Get(sums[s], xv, wi)
			f.Mem("v128.load", uint32(at+16*s))
			f.Op("f32x4.mul", "f32x4.add")
			f.Set(sums[s])
		}
		if !v.known {
			add(wi, func() { f.Get(row) })
		}
	}
	f.Loop(func() {
		for s := range sums {
			f.Get(y)
			f.Mem("v128.load", uint32(16*s))
			f.Set(sums[s])
		}
		f.Get(x)
		f.Set(xi)
		f.Get(w)
		f.Set(wi)
		f.I32(int32(variantInputs / v.unroll))
		f.Set(left)
		f.Loop(func() {
			if v.known {
				check(wi, 16*variantVectors*v.unroll)
			}
			for i := range v.unroll {
				input(i)
			}
			size := 4
			if v.stored {
				size = 16
			}
			add(xi, func() { f.I32(int32(size * v.unroll)) })
			if v.known {
				add(wi, func() { f.I32(int32(16 * variantVectors * v.unroll)) })
			}
			add(left, func() { f.I32(-1) })
			f.Get(left)
			f.BrIf(0)
		})
		for s := range sums {
			f.Get(y, sums[s])
			f.Mem("v128.store", uint32(16*s))
		}
		add(n, func() { f.I32(-1) })
		f.Get(n)
		f.BrIf(0)
	})
	return f
}

// measureVariants shows what a loop gains by each of the ways.
func measureVariants(repeats int) error {
	variants := []variant{
		{"a splat in the loop, a check for each load", false, false, false, 1},
		{"inputs stored four times", true, false, false, 1},
		{"and the end of a row read first", true, true, false, 1},
		{"and 8 inputs a turn", true, true, false, 8},
		{"and rows at constant distances", true, true, true, 8},
	}
	var m module.Module
	m.Memory(4, 4)
	for i, v := range variants {
		m.ExportFunc(fmt.Sprint(i), v.code(&m))
	}
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	instance, err := r.Instantiate(ctx, m.Encode())
	if err != nil {
		return err
	}
	var runs []func(int)
	var failed error
	for i := range variants {
		f := instance.ExportedFunction(fmt.Sprint(i))
		runs = append(runs, func(n int) {
			if _, err := f.Call(ctx, uint64(n), 1<<10, 1<<12, 1<<16, 16*variantVectors); err != nil {
				failed = err
			}
		})
	}
	ns := fastest(runs, repeats)
	fmt.Printf("\nWays to write the loop of a product of 1 x %d x %d, ns\n", variantInputs, 4*variantVectors)
	for i, v := range variants {
		fmt.Printf("%-44s %8.1f\n", v.name, ns[i])
	}
	return failed
}
