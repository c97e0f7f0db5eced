package module

// CopyOf is a new local variable that begins as a copy of an address or length.
func (f *Func) CopyOf(l Local) Local {
	copied := f.Local(I32)
	f.Get(l)
	f.Set(copied)
	return copied
}

// Advance has l += n.
func (f *Func) Advance(l Local, n int) {
	f.Get(l)
	f.I32(int32(n))
	f.Op("i32.add")
	f.Set(l)
}

// Reach has the bytes at an address checked at once: it uses the last of them. wazero then leaves out
// the checks of accesses to the same local at smaller offsets, up to the local's next change, and the
// load itself, whose result is not used.
func (f *Func) Reach(at Local, bytes int) {
	f.Get(at)
	f.Mem("i32.load8_u", uint32(bytes-1))
	f.Op("drop")
}

// Count repeats body while n >= by, which is above 0, and takes by from n each time.
func (f *Func) Count(n Local, by int, body func()) {
	f.AtLeast(n, by)
	f.If(func() {
		f.Loop(func() {
			body()
			f.Advance(n, -by)
			f.AtLeast(n, by)
			f.BrIf(0)
		})
	})
}

// AtLeast pushes whether l >= n.
func (f *Func) AtLeast(l Local, n int) {
	f.Get(l)
	f.I32(int32(n))
	f.Op("i32.ge_s")
}
