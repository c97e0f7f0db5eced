// Package sandbox runs WebAssembly modules of anyone in wazero: without imports, or with a WASI that grants
// nothing. A module is stopped by limits on its memory and, where it is not trusted, on the time of a call; a
// trap is an error of that instance only. Package host runs populations in it.
package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"understudy/plugin/population"
)

// Options of a Module.
type Options struct {
	// Trusted is the SHA-256, in hex, of a module that runs without watchdog and unchecked, at full speed: one
	// that is known to be well-behaved. Any other module is not trusted, whoever calls it his.
	Trusted string
	// TimeLimit bounds each start of an instance and each call of a module that is not trusted; compiling it may
	// take ten times as long. 0 stands for 10 s.
	TimeLimit time.Duration
	// MemoryLimitPages bounds the linear memory of each instance, in pages of 64 KiB. 0 stands for 16384: 1 GiB.
	MemoryLimitPages uint32
	// Interpreter runs the module without compiling it: everywhere, and about a hundred times slower.
	Interpreter bool
	// WASI lets the module import from wasi_snapshot_preview1, which grants nothing: no arguments, environment,
	// files or sockets; clocks that tick in the same way and random numbers that are the same in every run.
	// Otherwise no import is accepted.
	WASI bool
	// Exports are functions that the module must have.
	Exports []Export
	// Cache, where not empty, is the folder that keeps the compiled code of a trusted module between runs.
	Cache string
}

// Export is a function with its type: "i" stands for i32, "I" for i64, "f" for f32, "F" for f64.
type Export struct{ Name, Params, Results string }

// compileTimes is how many time limits compiling may take.
const compileTimes = 10

// maxPages is WebAssembly's own limit of a memory.
const maxPages = 65536

// features are what a module may use: what Go and our generator emit. Without reference types no table grows,
// without multiple values no block takes parameters; neither is bounded otherwise.
const features = api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps | api.CoreFeatureNonTrappingFloatToIntConversion |
	api.CoreFeatureBulkMemoryOperations | api.CoreFeatureSIMD

// Module is a compiled module. Its methods may be called from any goroutine.
type Module struct {
	ctx      context.Context
	cancel   context.CancelFunc
	runtime  wazero.Runtime
	cache    wazero.CompilationCache // nil: none
	compiled wazero.CompiledModule
	exports  []Export
	limit    time.Duration // 0: trusted, no watchdog
	pages    uint32        // that a memory may have

	mu     sync.Mutex
	live   map[*Instance]struct{}
	closed bool
}

// New compiles a module. ctx is that of all later calls: when it ends, calls of a module that is not trusted end;
// those of a trusted one do not, because the checks that this takes make tight loops many times slower.
func New(ctx context.Context, module []byte, opt Options) (*Module, error) {
	pages := opt.MemoryLimitPages
	if pages == 0 {
		pages = 16384
	}
	switch {
	case pages > maxPages:
		return nil, fmt.Errorf("%w: memory limit of %d pages, WebAssembly has at most %d", population.ErrLimit, pages, maxPages)
	case opt.Trusted != "" && !isSum(opt.Trusted):
		return nil, fmt.Errorf("%w: trusted module %q: a SHA-256 is 64 digits of hex", population.ErrInput, opt.Trusted)
	case opt.TimeLimit < 0:
		return nil, fmt.Errorf("%w: time limit of %v", population.ErrInput, opt.TimeLimit)
	}
	m := &Module{exports: opt.Exports, pages: pages, live: map[*Instance]struct{}{}}
	config := wazero.NewRuntimeConfig()
	if opt.Interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	config = config.WithMemoryLimitPages(pages).WithDebugInfoEnabled(false).WithCoreFeatures(features)
	opt.Trusted = strings.ToLower(opt.Trusted)
	if fmt.Sprintf("%x", sha256.Sum256(module)) != opt.Trusted {
		m.limit = opt.TimeLimit
		if m.limit == 0 {
			m.limit = 10 * time.Second
		}
		config = config.WithCloseOnContextDone(true)
		opt.Cache = "" // would grow with every module that is tried
		var imports []string
		var err error
		if module, imports, err = check(module); err != nil {
			return nil, err
		}
		for _, name := range imports {
			if !opt.WASI || !strings.HasPrefix(name, wasi_snapshot_preview1.ModuleName+".") {
				return nil, fmt.Errorf("%w: module imports %q, which is not granted", population.ErrFormat, name)
			}
		}
	}
	m.ctx, m.cancel = context.WithCancel(ctx)
	err := m.compile(module, config, opt)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// isSum tells whether a text may be a SHA-256.
func isSum(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == sha256.Size
}

// Trusted tells whether the module runs without watchdog.
func (m *Module) Trusted() bool { return m.limit == 0 }

// bounded is a context for one piece of a module's work, so many times the limit long.
func (m *Module) bounded(times int) (context.Context, context.CancelFunc) {
	if m.limit == 0 {
		return m.ctx, func() {}
	}
	return context.WithTimeout(m.ctx, time.Duration(times)*m.limit)
}

// compile makes the runtime and compiles the module in it, by way of the cache where there is one.
func (m *Module) compile(module []byte, config wazero.RuntimeConfig, opt Options) error {
	if opt.Cache == "" || opt.Interpreter {
		return m.build(module, config, opt)
	}
	c, err := openCache(opt.Cache, opt.Trusted)
	if err != nil {
		return err
	}
	if m.cache, err = wazero.NewCompilationCacheWithDir(c.folder); err != nil {
		return &CacheError{c.folder, err}
	}
	if err := m.build(module, config.WithCompilationCache(m.cache), opt); err != nil {
		// A full disk, say: what cannot be kept can be run.
		return m.build(module, config, opt)
	}
	c.seal()
	return nil
}

func (m *Module) build(module []byte, config wazero.RuntimeConfig, opt Options) error {
	ctx, cancel := m.bounded(compileTimes)
	defer cancel()
	m.runtime = wazero.NewRuntimeWithConfig(m.ctx, config)
	err := guarded(func() error {
		if opt.WASI {
			if _, err := wasi_snapshot_preview1.Instantiate(m.ctx, m.runtime); err != nil {
				return fmt.Errorf("WASI: %w", err)
			}
		}
		var err error
		m.compiled, err = m.runtime.CompileModule(experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0)), module)
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil:
		err = fmt.Errorf("%w: module is not compiled: %w", population.ErrLimit, m.interrupted(ctx, compileTimes))
	case err != nil:
		err = fmt.Errorf("%w: %w", population.ErrFormat, firstLine(err))
	default:
		err = m.checkExports()
	}
	if err != nil {
		err = errors.Join(err, m.runtime.Close(m.ctx))
		m.runtime = nil
	}
	return err
}

// interrupted says why a context of bounded has ended.
func (m *Module) interrupted(ctx context.Context, times int) error {
	if m.ctx.Err() == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("stopped after %v: %w", time.Duration(times)*m.limit, context.DeadlineExceeded)
	}
	return ctx.Err()
}

// checkExports compares the module's functions with what is asked for.
func (m *Module) checkExports() error {
	have := m.compiled.ExportedFunctions()
	for _, e := range m.exports {
		f := have[e.Name]
		if f == nil {
			return fmt.Errorf("%w: module exports no function %s", population.ErrFormat, e.Name)
		}
		if p, r := letters(f.ParamTypes()), letters(f.ResultTypes()); p != e.Params || r != e.Results {
			return fmt.Errorf("%w: function %s has the type (%s) -> (%s), expected (%s) -> (%s)", population.ErrFormat, e.Name, p, r, e.Params, e.Results)
		}
	}
	return nil
}

// letters is a list of types as in Export.
func letters(types []api.ValueType) string {
	b := make([]byte, len(types))
	for i, t := range types {
		switch t {
		case api.ValueTypeI32:
			b[i] = 'i'
		case api.ValueTypeI64:
			b[i] = 'I'
		case api.ValueTypeF32:
			b[i] = 'f'
		case api.ValueTypeF64:
			b[i] = 'F'
		default:
			b[i] = '?'
		}
	}
	return string(b)
}

// Close stops every instance and frees the module. It waits for calls that are in progress; those of a module that
// is not trusted end at once.
func (m *Module) Close() error {
	m.mu.Lock()
	m.closed = true
	live := slices.Collect(maps.Keys(m.live))
	m.mu.Unlock()
	m.cancel()
	var all []error
	for _, i := range live {
		all = append(all, i.Close())
	}
	ctx := context.Background()
	if m.runtime != nil {
		all = append(all, m.runtime.Close(ctx))
	}
	if m.cache != nil {
		all = append(all, m.cache.Close(ctx))
	}
	return errors.Join(all...)
}

// guarded calls f. A panic in the runtime that a module has brought about is an error.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("wazero failed: %v", r)
		}
	}()
	return f()
}

// firstLine is an error without the stack of the module that wazero appends.
func firstLine(err error) error {
	text, _, more := strings.Cut(err.Error(), "\n")
	if !more {
		return err
	}
	return &short{text, err}
}

// short is an error with a shorter text.
type short struct {
	text string
	err  error
}

func (s *short) Error() string { return s.text }
func (s *short) Unwrap() error { return s.err }
