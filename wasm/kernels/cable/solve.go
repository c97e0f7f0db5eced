package cable

import (
	"math"

	"understudy/wasm/module"
)

// Offsets of the fields of a cable.Branch and its size.
const (
	branchRow, branchParent, branchG = 0, 4, 8
	branchSize                       = 16
)

// solve(n, branches, d, rhs, rootRow): n branches, and the root behind them.
func solve(e emitter, lanes int, p []module.Local) {
	n, branches, d, rhs := p[0], p[1], p[2], p[3]
	// Numbers side by side: a scalar, or vectors of two.
	kind, prefix, numbers := module.V128, "f64x2.", lanes/2
	if lanes == 1 {
		kind, prefix, numbers = module.F64, "f64.", 1
	}
	shift := map[int]int{1: 3, 2: 4, 4: 5}[lanes]
	op := func(name string, args ...module.Local) module.Local { return e.value(kind, prefix+name, args...) }
	access := map[module.Type]string{module.F64: "f64", module.V128: "v128"}[kind]
	load := func(at module.Local, k int) module.Local {
		e.Get(at)
		e.Mem(access+".load", uint32(16*k))
		return e.put(kind)
	}
	store := func(at module.Local, k int, y module.Local) {
		e.Get(at, y)
		e.Mem(access+".store", uint32(16*k))
	}
	one := func() module.Local {
		if lanes == 1 {
			e.F64(1)
			return e.put(kind)
		}
		return e.constant(math.Float64bits(1))
	}()
	conductance := func(at module.Local, offset int) module.Local {
		if lanes > 1 {
			return e.spread(at, offset)
		}
		e.Get(at)
		e.Mem("f64.load", uint32(offset))
		return e.put(kind)
	}
	// The last number first: the others are then not checked.
	each := func(body func(k int)) {
		for k := numbers - 1; k >= 0; k-- {
			body(k)
		}
	}
	// offset is that of the row whose number is at an address.
	offset := func(at module.Local, offset int) module.Local {
		e.Get(at)
		e.Mem("i32.load", uint32(offset))
		e.I32(int32(shift))
		e.Op("i32.shl")
		return e.put(module.I32)
	}
	behind := func(base, offset module.Local) module.Local { return e.value(module.I32, "i32.add", base, offset) }
	at, left := e.CopyOf(branches), e.CopyOf(n)
	for _, turn := range []int{4, 1} {
		e.Count(left, turn, func() {
			e.Reach(at, turn*branchSize)
			for b := range turn {
				b *= branchSize
				r, p := offset(at, b+branchRow), offset(at, b+branchParent)
				dRow, dParent, row, parent := behind(d, r), behind(d, p), behind(rhs, r), behind(rhs, p)
				g := conductance(at, b+branchG)
				each(func(k int) {
					inv := op("div", one, load(dRow, k))
					f := op("mul", g, inv)
					r := load(row, k)
					store(dParent, k, op("sub", load(dParent, k), op("mul", f, g)))
					store(parent, k, op("add", load(parent, k), op("mul", f, r)))
					store(dRow, k, f)
					store(row, k, op("mul", r, inv))
				})
			}
			e.Advance(at, turn*branchSize)
		})
	}
	root := func(base module.Local) module.Local {
		e.Get(base, p[4])
		e.I32(int32(shift))
		e.Op("i32.shl", "i32.add")
		return e.put(module.I32)
	}
	dRoot, rRoot := root(d), root(rhs)
	each(func(k int) { store(rRoot, k, op("div", load(rRoot, k), load(dRoot, k))) })
	e.Get(n)
	e.Set(left)
	for _, turn := range []int{4, 1} {
		e.Count(left, turn, func() {
			e.Advance(at, -turn*branchSize)
			e.Reach(at, turn*branchSize)
			for b := turn - 1; b >= 0; b-- {
				b := b * branchSize
				r := offset(at, b+branchRow)
				f, row, parent := behind(d, r), behind(rhs, r), e.place(rhs, at, b+branchParent, shift)
				each(func(k int) {
					store(row, k, op("add", load(row, k), op("mul", load(f, k), load(parent, k))))
				})
			}
		})
	}
}
