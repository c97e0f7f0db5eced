package pack

import "understudy/wasm/module"

// code is a function in which the generator writes: values are given as what pushes them.
type code struct{ *module.Func }

// value appends what pushes one value.
type value func(f code)

func num(n int) value                 { return func(f code) { f.I32(int32(n)) } }
func long(n int64) value              { return func(f code) { f.I64(n) } }
func double(x float64) value          { return func(f code) { f.F64(x) } }
func single(x float32) value          { return func(f code) { f.F32(x) } }
func local(l module.Local) value      { return func(f code) { f.Get(l) } }
func global(g module.Global) value    { return func(f code) { f.GetGlobal(g) } }
func add(a, b value) value            { return op("i32.add", a, b) }
func sub(a, b value) value            { return op("i32.sub", a, b) }
func mul(a, b value) value            { return op("i32.mul", a, b) }
func load(at value, offset int) value { return loadAs("i32.load", at, offset) }

func op(name string, args ...value) value {
	return func(f code) {
		for _, a := range args {
			a(f)
		}
		f.Op(name)
	}
}

func loadAs(name string, at value, offset int) value {
	return func(f code) {
		at(f)
		f.Mem(name, uint32(offset))
	}
}

// choose is a where condition is not 0, else b.
func choose(a, b, condition value) value { return op("select", a, b, condition) }

// times is n*size for a size known now.
func times(n value, size int) value {
	if size == 1 {
		return n
	}
	return mul(n, num(size))
}

func (f code) set(to module.Local, v value)        { v(f); f.Set(to) }
func (f code) setGlobal(to module.Global, v value) { v(f); f.SetGlobal(to) }

// let is a new local variable of type I32.
func (f code) let(v value) module.Local { return f.letAs(module.I32, v) }

func (f code) letAs(t module.Type, v value) module.Local {
	l := f.Local(t)
	f.set(l, v)
	return l
}

func (f code) advance(l module.Local, by value) { f.set(l, add(local(l), by)) }

func (f code) store(name string, at value, offset int, v value) {
	at(f)
	v(f)
	f.Mem(name, uint32(offset))
}

func (f code) call(to *module.Func, args ...value) {
	for _, a := range args {
		a(f)
	}
	f.Call(to)
}

// result is a call of a function with a result, as a value.
func result(to *module.Func, args ...value) value {
	return func(f code) { f.call(to, args...) }
}

func (f code) when(condition value, body func()) {
	condition(f)
	f.If(body)
}

// while repeats body as long as condition holds.
func (f code) while(condition value, body func()) {
	f.Block(func() {
		f.Loop(func() {
			condition(f)
			f.Op("i32.eqz")
			f.BrIf(1)
			body()
			f.Br(0)
		})
	})
}

// each runs body for i = 0 ... n-1; n is computed once.
func (f code) each(n value, body func(i module.Local)) {
	end, i := f.let(n), f.Local(module.I32)
	f.set(i, num(0))
	f.while(op("i32.lt_u", local(i), local(end)), func() {
		body(i)
		f.advance(i, num(1))
	})
}

// fail returns a status where condition holds.
func (f code) fail(condition value, status Status) {
	f.when(condition, func() { f.I32(int32(status)); f.Op("return") })
}

func (f code) copy(to, from, size value) {
	to(f)
	from(f)
	size(f)
	f.MemoryCopy()
}

func (f code) fill(at value, b byte, size value) {
	at(f)
	f.I32(int32(b))
	size(f)
	f.MemoryFill()
}
