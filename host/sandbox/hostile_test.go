package sandbox_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"understudy/host/sandbox"
	"understudy/plugin/population"
	"understudy/wasm/module"
)

const wasi = "wasi_snapshot_preview1"

// one is a module with a memory of a page and one function, "f" of no arguments and an i32.
func one(body func(m *module.Module, f *module.Func)) []byte {
	var m module.Module
	f := m.Func(nil, module.I32)
	body(&m, f)
	m.Memory(1, 65536)
	m.ExportMemory("memory")
	m.ExportFunc("f", f)
	return m.Encode()
}

func forever(f *module.Func) {
	f.Loop(func() { f.Br(0) })
	f.Op("unreachable")
}

// exports are what the host of these tests asks for.
var exports = []sandbox.Export{{Name: "f", Results: "i"}}

var options = sandbox.Options{Exports: exports, WASI: true, TimeLimit: 200 * time.Millisecond, MemoryLimitPages: 32}

// engines runs a test in both of wazero's.
func engines(t *testing.T, test func(t *testing.T, opt sandbox.Options)) {
	for name, interpreter := range map[string]bool{"compiler": false, "interpreter": true} {
		t.Run(name, func(t *testing.T) {
			opt := options
			opt.Interpreter = interpreter
			test(t, opt)
		})
	}
}

// start opens a module that must be accepted, as one that is not trusted.
func start(t *testing.T, b []byte, opt sandbox.Options) *sandbox.Instance {
	t.Helper()
	m, err := sandbox.New(context.Background(), b, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if m.Trusted() {
		t.Fatal("trusted")
	}
	i, err := m.Start()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// Whatever a call does, it ends with an error that says what it was, and so does every later call.
func TestHostileCall(t *testing.T) {
	exit := func() []byte {
		var m module.Module
		exit := m.Import(wasi, "proc_exit", []module.Type{module.I32})
		f := m.Func(nil, module.I32)
		f.I32(7)
		f.Call(exit)
		f.I32(0)
		m.ExportFunc("f", f)
		return m.Encode()
	}()
	cases := map[string]struct {
		module []byte
		want   string
	}{
		"loops": {one(func(_ *module.Module, f *module.Func) { forever(f) }), "stopped after 200ms"},
		"loops and returns from calls": {one(func(m *module.Module, f *module.Func) {
			g := m.Func(nil)
			f.Loop(func() { f.Call(g); f.Br(0) })
			f.Op("unreachable")
		}), "stopped after 200ms"},
		"recurs":             {one(func(_ *module.Module, f *module.Func) { f.Call(f) }), "stack overflow"},
		"traps":              {one(func(_ *module.Module, f *module.Func) { f.Op("unreachable") }), "unreachable"},
		"divides by zero":    {one(func(_ *module.Module, f *module.Func) { f.I32(1); f.I32(0); f.Op("i32.div_s") }), "integer divide by zero"},
		"reads outside":      {one(func(_ *module.Module, f *module.Func) { f.I32(-4); f.Mem("i32.load", 0) }), "out of bounds memory access"},
		"reads far outside":  {one(func(_ *module.Module, f *module.Func) { f.I32(-1); f.Mem("i32.load", 0xffffffff) }), "out of bounds memory access"},
		"writes outside":     {one(func(_ *module.Module, f *module.Func) { f.I32(65533); f.I32(1); f.Mem("i32.store", 0); f.I32(0) }), "out of bounds memory access"},
		"fills all and more": {one(func(_ *module.Module, f *module.Func) { f.I32(0); f.I32(1); f.I32(65537); f.MemoryFill(); f.I32(0) }), "out of bounds memory access"},
		"exits":              {exit, "it ended itself with exit code 7"},
	}
	engines(t, func(t *testing.T, opt sandbox.Options) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				opt := opt
				if !strings.Contains(c.want, "stopped") {
					opt.TimeLimit = time.Minute
				}
				i := start(t, c.module, opt)
				_, err := i.Call(0)
				if !errors.Is(err, population.ErrState) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "f: ") || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v, want ErrState and %q", err, c.want)
				}
				if timedOut := errors.Is(err, context.DeadlineExceeded); timedOut != strings.Contains(c.want, "stopped") {
					t.Errorf("%v: DeadlineExceeded %v", err, timedOut)
				}
				if _, again := i.Call(0); again == nil || again.Error() != err.Error() {
					t.Errorf("a second call: %v", again)
				}
				if _, err := i.View(0, 1); err == nil {
					t.Error("memory of an instance that has ended is read")
				}
			})
		}
	})
}

// A module may grow its memory up to the limit, and the host does not notice more.
func TestGrows(t *testing.T) {
	engines(t, func(t *testing.T, opt sandbox.Options) {
		opt.TimeLimit = time.Minute
		i := start(t, one(func(_ *module.Module, f *module.Func) {
			f.Loop(func() {
				f.I32(1)
				f.MemoryGrow()
				f.I32(-1)
				f.Op("i32.ne")
				f.BrIf(0)
			})
			f.I32(65535)
			f.MemoryGrow()
			f.Op("drop")
			f.MemorySize()
		}), opt)
		pages, err := i.Call(0)
		if err != nil || pages != 32 {
			t.Errorf("%d pages, %v; the limit is 32", pages, err)
		}
		if _, err := i.View(32<<16-1, 2); err == nil {
			t.Error("a view beyond the memory")
		}
	})
}

// Addresses of a module are looked at before they are used.
func TestBadAddresses(t *testing.T) {
	for _, c := range []struct{ at, n uint64 }{{0, 65537}, {65536, 1}, {1 << 32, 1}, {1<<32 - 1, 1<<32 - 1}, {0, 1 << 32}, {1<<64 - 1, 2}, {1, 1<<64 - 1}} {
		i := start(t, one(func(_ *module.Module, f *module.Func) { f.I32(0) }), options)
		if b, err := i.View(65536, 0); err != nil || len(b) != 0 {
			t.Errorf("nothing at the end: %d bytes, %v", len(b), err)
		}
		if _, err := i.View(c.at, c.n); !errors.Is(err, population.ErrState) || !strings.Contains(err.Error(), "outside its memory") {
			t.Errorf("%d bytes at %#x: %v", c.n, c.at, err)
		}
		if _, err := i.Call(0); err == nil {
			t.Error("an instance that has lied goes on")
		}
	}
}

// What a module does when it starts is bounded, too.
func TestHostileStart(t *testing.T) {
	engines(t, func(t *testing.T, opt sandbox.Options) {
		for name, c := range map[string]struct {
			make func(m *module.Module)
			want string
		}{
			"loops in start":      {func(m *module.Module) { f := m.Func(nil); forever(f); m.Start(f) }, "stopped after"},
			"loops in initialize": {func(m *module.Module) { f := m.Func(nil); forever(f); m.ExportFunc("_initialize", f) }, "stopped after"},
			"traps in start":      {func(m *module.Module) { f := m.Func(nil); f.Op("unreachable"); m.Start(f) }, "unreachable"},
			"exits with 0": {func(m *module.Module) {
				exit := m.Import(wasi, "proc_exit", []module.Type{module.I32})
				f := m.Func(nil)
				f.I32(0)
				f.Call(exit)
				m.ExportFunc("_initialize", f)
			}, "it ended itself"},
			"data outside": {func(m *module.Module) { m.Memory(1, 1); m.Data(65535, []byte("ab")) }, "out of bounds memory access"},
		} {
			t.Run(name, func(t *testing.T) {
				var m module.Module
				c.make(&m)
				f := m.Func(nil, module.I32)
				f.I32(0)
				m.ExportFunc("f", f)
				box, err := sandbox.New(context.Background(), m.Encode(), opt)
				if err != nil {
					t.Fatal(err)
				}
				defer box.Close()
				if _, err := box.Start(); !errors.Is(err, population.ErrState) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v, want ErrState and %q", err, c.want)
				}
			})
		}
	})
}

// raw is a module of sections as they are.
func raw(sections ...[]byte) []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range sections {
		b = append(binary.AppendUvarint(append(b, s[0]), uint64(len(s)-1)), s[1:]...)
	}
	return b
}

// sec is a section: its number, and parts of it.
func sec(id byte, parts ...[]byte) []byte { return append([]byte{id}, bytes.Join(parts, nil)...) }

func number(n uint64) []byte { return binary.AppendUvarint(nil, n) }

// Modules that are refused before wazero sees them: they claim more than there is, or ask for more than is granted.
func TestRefused(t *testing.T) {
	four := number(0xffffffff)
	typ := sec(1, []byte{1, 0x60, 0, 1, 0x7f})
	fun := sec(3, []byte{1, 0})
	body := func(parts ...[]byte) []byte {
		b := bytes.Join(parts, nil)
		return sec(10, []byte{1}, number(uint64(len(b))), b)
	}
	answer := []byte{0x41, 0, 0x0b} // i32.const 0; end
	many := func(n int, s string) []byte { return append(number(uint64(n)), strings.Repeat(s, n)...) }
	var m module.Module
	m.Import("env", "abort", nil)
	for name, c := range map[string]struct {
		module []byte
		want   error
		text   string
	}{
		"empty":                    {nil, population.ErrFormat, "no WebAssembly module"},
		"text":                     {[]byte("this is not WebAssembly"), population.ErrFormat, "no WebAssembly module"},
		"a component":              {[]byte("\x00asm\x0d\x00\x01\x00"), population.ErrFormat, "version 1"},
		"section beyond the end":   {[]byte("\x00asm\x01\x00\x00\x00\x01\x7f"), population.ErrFormat, "127 times 1 bytes"},
		"an import":                {m.Encode(), population.ErrFormat, `"env.abort", which is not granted`},
		"memory of another":        {raw(sec(2, []byte("\x01\x03env\x06memory\x02\x00\x01"))), population.ErrFormat, `"env.memory" is not a function`},
		"no function":              {raw(), population.ErrFormat, "exports no function f"},
		"sections out of order":    {raw(fun, typ), population.ErrFormat, "not in its place"},
		"sections twice":           {raw(typ, typ), population.ErrFormat, "not in its place"},
		"unknown section":          {raw([]byte{13, 0}), population.ErrFormat, "unknown section 13"},
		"4 G types":                {raw(sec(1, four)), population.ErrLimit, "type section"},
		"4 G parameters":           {raw(sec(1, []byte{1, 0x60}, four)), population.ErrFormat, "entry 0 of the type section"},
		"too many parameters":      {raw(sec(1, []byte{1, 0x60}, many(65, "\x7f"), []byte{0})), population.ErrLimit, "65 parameters"},
		"two results":              {raw(sec(1, []byte{1, 0x60, 0, 2, 0x7f, 0x7f})), population.ErrLimit, "2 results"},
		"4 G imports":              {raw(typ, sec(2, four)), population.ErrLimit, "import section"},
		"a name of 4 GB":           {raw(typ, sec(2, []byte{1}, four)), population.ErrFormat, "entry 0 of the import section"},
		"4 G functions":            {raw(typ, sec(3, four)), population.ErrLimit, "function section"},
		"more functions than fit":  {raw(typ, sec(3, number(100000))), population.ErrFormat, "100000 entries in 0 bytes"},
		"many functions":           {raw(typ, sec(3, many(200000, "\x00"))), population.ErrLimit, "200000 entries"},
		"a huge table":             {raw(sec(4, []byte{1, 0x70, 0}, number(1<<27))), population.ErrLimit, "table of 134217728 elements"},
		"two tables":               {raw(sec(4, []byte{2, 0x70, 0, 1, 0x70, 0, 1})), population.ErrLimit, "2 entries"},
		"a huge memory":            {raw(sec(5, []byte{1, 0}, number(33))), population.ErrFormat, "32 pages"},
		"4 G globals":              {raw(sec(6, four)), population.ErrLimit, "global section"},
		"4 G exports":              {raw(sec(7, four)), population.ErrLimit, "export section"},
		"an export of 4 GB":        {raw(sec(7, []byte{1}, four)), population.ErrFormat, "entry 0 of the export section"},
		"elements 4 G":             {raw(sec(4, []byte{1, 0x70, 0, 1}), sec(9, []byte{1, 0, 0x41, 0, 0x0b}, four)), population.ErrFormat, "entry 0 of the element section"},
		"elements of another kind": {raw(sec(9, []byte{1, 5, 0x70}, four)), population.ErrFormat, "kind 5"},
		"4 G bodies":               {raw(typ, fun, sec(10, four)), population.ErrLimit, "code section"},
		"4 G locals":               {raw(typ, fun, body([]byte{1}, four, []byte{0x7f}, answer)), population.ErrLimit, "4294967295 locals"},
		"4 G locals, twice":        {raw(typ, fun, body([]byte{2}, four, []byte{0x7f}, four, []byte{0x7f}, answer)), population.ErrLimit, "8589934590 locals"},
		"4 G groups of locals":     {raw(typ, fun, body(four, answer)), population.ErrFormat, "entry 0 of the code section"},
		"a huge function":          {raw(typ, fun, body([]byte{0}, bytes.Repeat([]byte{1}, 2<<20), answer)), population.ErrLimit, "function of 2097156 bytes"},
		"locals times blocks":      {raw(typ, fun, body([]byte{1}, number(4000), []byte{0x7f}, bytes.Repeat([]byte{1}, 1<<17), answer)), population.ErrLimit, "as a product"},
		"data of 4 GB":             {raw(sec(5, []byte{1, 0, 1}), sec(11, []byte{1, 0, 0x41, 0, 0x0b}, four)), population.ErrFormat, "entry 0 of the data section"},
		"4 G data segments":        {raw(sec(11, four)), population.ErrLimit, "data section"},
		"4 G names":                {raw(sec(0, []byte("\x04name\x01\x05"), four)), population.ErrFormat, "exports no function"}, // custom sections are not read
		"invalid code":             {raw(typ, fun, sec(7, []byte("\x01\x01f\x00\x00")), body([]byte{0, 0x0b})), population.ErrFormat, "invalid"},
		"shared memory":            {raw(sec(5, []byte{1, 3, 1, 1})), population.ErrFormat, "threads"},
		"memory64":                 {raw(sec(5, []byte{1, 4, 1})), population.ErrFormat, "memory"},
		// loop (type 0); end: a block with a parameter
		"blocks with parameters": {raw(sec(1, []byte{1, 0x60, 1, 0x7f, 1, 0x7f}), fun, body([]byte{0, 0x20, 0, 0x03, 0, 0x0b, 0x0b})), population.ErrFormat, "multi-value"},
		// ref.null func; i32.const 1; table.grow 0; end
		"a table that grows": {raw(typ, fun, sec(4, []byte{1, 0x70, 0, 1}), body([]byte{0, 0xd0, 0x70, 0x41, 1, 0xfc, 15, 0, 0x0b})), population.ErrFormat, "reference-types"},
		"a tag":              {raw(sec(13, []byte{1, 0, 0})), population.ErrFormat, "section 13"},
	} {
		t.Run(name, func(t *testing.T) {
			before := allocated()
			m, err := sandbox.New(context.Background(), c.module, options)
			if err == nil {
				m.Close()
				t.Fatal("accepted")
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v, want %v and %q", err, c.want, c.text)
			}
			if grown := allocated() - before; grown > 64<<20 {
				t.Errorf("%d bytes allocated", grown)
			}
		})
	}
	opt := options
	opt.WASI = false
	m = module.Module{}
	m.Import(wasi, "proc_exit", []module.Type{module.I32})
	if _, err := sandbox.New(context.Background(), m.Encode(), opt); err == nil || !strings.Contains(err.Error(), "not granted") {
		t.Errorf("WASI that is not granted: %v", err)
	}
	if _, err := sandbox.New(context.Background(), one(func(m *module.Module, f *module.Func) { f.I32(0) }),
		sandbox.Options{Exports: []sandbox.Export{{Name: "f", Params: "iI", Results: "F"}}}); err == nil || !strings.Contains(err.Error(), "f has the type () -> (i), expected (iI) -> (F)") {
		t.Errorf("a function of another type: %v", err)
	}
}

// allocated is all that this program has ever allocated [bytes].
func allocated() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.TotalAlloc
}

// A module that takes long to compile is given up.
func TestCompileTime(t *testing.T) {
	var m module.Module
	for range 20000 {
		f := m.Func([]module.Type{module.I32}, module.I32)
		for range 50 {
			f.Get(f.Param(0))
			f.I32(3)
			f.Op("i32.mul")
			f.Set(f.Param(0))
		}
		f.Get(f.Param(0))
	}
	opt := options
	opt.TimeLimit = 2 * time.Millisecond
	_, err := sandbox.New(context.Background(), m.Encode(), opt)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, population.ErrLimit) || !strings.Contains(err.Error(), "not compiled: stopped after 20ms") {
		t.Errorf("%v", err)
	}
}

// While one instance loops, others of the same module and of others go on.
func TestOthersGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opt := options
	opt.TimeLimit = time.Minute
	opt.Exports = []sandbox.Export{{Name: "loop"}, {Name: "add", Params: "ii", Results: "i"}}
	var m module.Module
	loop := m.Func(nil)
	forever(loop)
	add := m.Func([]module.Type{module.I32, module.I32}, module.I32)
	add.Get(add.Param(0), add.Param(1))
	add.Op("i32.add")
	m.ExportFunc("loop", loop)
	m.ExportFunc("add", add)
	box, err := sandbox.New(ctx, m.Encode(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	bad, err := box.Start()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { _, err := bad.Call(0); ended <- err }()
	good, err := box.Start()
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(1000) {
		if sum, err := good.Call(1, n, 1); err != nil || sum != n+1 {
			t.Fatalf("%d + 1 = %d, %v", n, sum, err)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || !errors.Is(err, population.ErrState) {
		t.Errorf("a loop whose context has ended: %v", err)
	}
}

// Close ends the calls of a module that is not trusted.
func TestCloseStops(t *testing.T) {
	opt := options
	opt.TimeLimit = time.Minute
	box, err := sandbox.New(context.Background(), one(func(_ *module.Module, f *module.Func) { forever(f) }), opt)
	if err != nil {
		t.Fatal(err)
	}
	i, err := box.Start()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { _, err := i.Call(0); ended <- err }()
	time.Sleep(20 * time.Millisecond)
	if err := box.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("a loop ended by itself")
	}
	if _, err := box.Start(); err == nil {
		t.Error("a closed module starts")
	}
}

// What WASI has to offer is nothing: the module's attempts fail, or give the same in every run.
func TestNothingIsGranted(t *testing.T) {
	i32, i64 := module.I32, module.I64
	attempt := func(name string, params []module.Type, args ...int64) (result uint64, memory []byte) {
		t.Helper()
		var m module.Module
		wanted := m.Import(wasi, name, params, i32)
		m.Memory(2, 2)
		m.Data(1024, []byte("/etc/passwd"))
		m.Data(2048, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 1024), 11)) // an iovec of it
		m.Data(4096+16, []byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x51, 0x01}) // a clock subscription of a day
		m.ExportMemory("memory")
		f := m.Func(nil, i32)
		for i, p := range params {
			if p == i64 {
				f.I64(args[i])
			} else {
				f.I32(int32(args[i]))
			}
		}
		f.Call(wanted)
		m.ExportFunc("f", f)
		i := start(t, m.Encode(), options)
		begin := time.Now()
		result, err := i.Call(0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if took := time.Since(begin); took > 100*time.Millisecond {
			t.Errorf("%s took %v", name, took)
		}
		b, err := i.View(0, 1024)
		if err != nil {
			t.Fatal(err)
		}
		return result, bytes.Clone(b)
	}
	const badf = 8 // a file that is not open
	for fd := range int64(10) {
		if r, _ := attempt("path_open", []module.Type{i32, i32, i32, i32, i32, i64, i64, i32, i32}, fd, 0, 1024, 11, 0, 1, 1, 0, 0); r == 0 {
			t.Errorf("a file is opened in descriptor %d", fd)
		}
		if fd > 2 {
			if r, _ := attempt("fd_prestat_get", []module.Type{i32, i32}, fd, 0); r != badf {
				t.Errorf("folder %d: %d", fd, r)
			}
			if r, _ := attempt("fd_write", []module.Type{i32, i32, i32, i32}, fd, 2048, 1, 0); r != badf {
				t.Errorf("write to %d: %d", fd, r)
			}
			if r, _ := attempt("sock_accept", []module.Type{i32, i32, i32}, fd, 0, 0); r == 0 {
				t.Errorf("a connection from %d", fd)
			}
		}
		if r, _ := attempt("path_unlink_file", []module.Type{i32, i32, i32}, fd, 1024, 11); r == 0 {
			t.Errorf("a file is removed in descriptor %d", fd)
		}
	}
	if r, b := attempt("fd_read", []module.Type{i32, i32, i32, i32}, 0, 2048, 1, 0); r == 0 && binary.LittleEndian.Uint32(b) != 0 {
		t.Errorf("%d bytes of standard input", binary.LittleEndian.Uint32(b))
	}
	for _, name := range []string{"environ_sizes_get", "args_sizes_get"} {
		if r, b := attempt(name, []module.Type{i32, i32}, 0, 8); r != 0 || b[0] != 0 || b[8] != 0 {
			t.Errorf("%s: %d, %d and %d bytes", name, r, b[0], b[8])
		}
	}
	for clock := range int64(2) {
		_, first := attempt("clock_time_get", []module.Type{i32, i64, i32}, clock, 1, 0)
		time.Sleep(time.Millisecond)
		_, second := attempt("clock_time_get", []module.Type{i32, i64, i32}, clock, 1, 0)
		if !bytes.Equal(first, second) {
			t.Errorf("clock %d tells the time", clock)
		}
		if now := time.Unix(0, int64(binary.LittleEndian.Uint64(first))); time.Since(now) < 24*time.Hour {
			t.Errorf("clock %d says %v", clock, now)
		}
	}
	_, first := attempt("random_get", []module.Type{i32, i32}, 0, 16)
	_, second := attempt("random_get", []module.Type{i32, i32}, 0, 16)
	if !bytes.Equal(first, second) {
		t.Error("random numbers")
	}
	attempt("poll_oneoff", []module.Type{i32, i32, i32, i32}, 4096, 0, 1, 512) // a day's sleep: at once
	attempt("sched_yield", nil)
}

// What a module prints is kept only for its error, and not more than a line.
func TestPrints(t *testing.T) {
	var m module.Module
	write := m.Import(wasi, "fd_write", []module.Type{module.I32, module.I32, module.I32, module.I32}, module.I32)
	m.Memory(4, 4)
	m.Data(0, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 64), 3<<16))
	m.Data(64, bytes.Repeat([]byte("A\x1b[2J"), 100))
	m.ExportMemory("memory")
	f := m.Func(nil, module.I32)
	n := f.Local(module.I32)
	f.Loop(func() {
		for _, v := range []int32{2, 0, 1, 32} {
			f.I32(v)
		}
		f.Call(write)
		f.Op("drop")
		f.Get(n)
		f.I32(1)
		f.Op("i32.add")
		f.Tee(n)
		f.I32(1000)
		f.Op("i32.lt_s")
		f.BrIf(0)
	})
	f.Op("unreachable")
	m.ExportFunc("f", f)
	i := start(t, m.Encode(), options)
	before := allocated()
	_, err := i.Call(0)
	if err == nil || !strings.Contains(err.Error(), `"A\x1b[2JA`) || len(err.Error()) > 1200 {
		t.Errorf("%v", err)
	}
	if grown := allocated() - before; grown > 8<<20 {
		t.Errorf("%d bytes allocated for 196 MB of text", grown)
	}
}

func ExampleNew() {
	var m module.Module
	f := m.Func([]module.Type{module.I32, module.I32}, module.I32)
	f.Get(f.Param(0), f.Param(1))
	f.Op("i32.add")
	m.ExportFunc("add", f)
	box, err := sandbox.New(context.Background(), m.Encode(), sandbox.Options{
		Exports: []sandbox.Export{{Name: "add", Params: "ii", Results: "i"}}, TimeLimit: time.Second, MemoryLimitPages: 16})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer box.Close()
	i, err := box.Start()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(i.Call(0, 40, 2))
	// Output: 42 <nil>
}
