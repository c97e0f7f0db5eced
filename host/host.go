// Package host runs populations inside WebAssembly: the guest of package wasm
// in wazero. A population in the sandbox cannot reach files, the network, the
// clock, randomness or the host's memory; a trap in it is an error of that
// population only. The guest is embedded; another one is not trusted, see
// [Options]. README.md beside this file tells more.
package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"understudy/host/guest"
	"understudy/host/sandbox"
	"understudy/plugin/abi"
	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Options of a Runtime. The zero value runs the embedded guest.
type Options struct {
	// Guest is a module built from package wasm, in place of the embedded one. It is not trusted, unless it is
	// the embedded one or Trusted names it: it runs under a watchdog, which makes it several times slower.
	Guest []byte
	// Trusted is the SHA-256, in hex, of a Guest that runs without the watchdog.
	Trusted string
	// TimeLimit bounds what a Guest that is not trusted does: each start, and each call, which steps at most 1024
	// neuron-ms (or one step of all neurons); compiling it may take ten times as long. 0 stands for 10 s.
	TimeLimit time.Duration
	// MemoryLimitPages bounds the linear memory of each population, in pages of
	// 64 KiB. 0 stands for 16384: 1 GiB.
	MemoryLimitPages uint32
	// Interpreter runs the module without compiling it: everywhere, and about a
	// hundred times slower.
	Interpreter bool
	// Cache is the folder that keeps the compiled code of a trusted guest between runs; empty: "understudy/wasm"
	// in the user's cache folder, where that can be used. Nobody else may be able to write to it.
	Cache string
	// NoCache compiles anew.
	NoCache bool
}

// Runtime holds the compiled guest. Its methods may be called from any
// goroutine.
type Runtime struct {
	ctx    context.Context
	module *sandbox.Module
}

// New compiles the guest. ctx is that of all later calls: when it ends, a Step ends between two calls of the
// guest, and a call of a guest that is not trusted ends at once.
func New(ctx context.Context, opt Options) (*Runtime, error) {
	bytes, trusted := opt.Guest, opt.Trusted
	if trusted == "" {
		trusted = guest.SHA256
	}
	if len(bytes) == 0 {
		var err error
		if bytes, err = guest.Module(); err != nil {
			return nil, err
		}
		trusted = guest.SHA256
	}
	box := sandbox.Options{Trusted: trusted, TimeLimit: opt.TimeLimit, MemoryLimitPages: opt.MemoryLimitPages, Interpreter: opt.Interpreter,
		WASI: true, Exports: verbs, Cache: opt.Cache}
	if opt.Cache == "" && !opt.NoCache {
		if folder, err := os.UserCacheDir(); err == nil {
			box.Cache = filepath.Join(folder, "understudy", "wasm")
		}
	}
	if opt.NoCache {
		box.Cache = ""
	}
	m, err := sandbox.New(ctx, bytes, box)
	var unusable *sandbox.CacheError
	if opt.Cache == "" && errors.As(err, &unusable) { // nobody asked for it
		box.Cache = ""
		m, err = sandbox.New(ctx, bytes, box)
	}
	if err != nil {
		return nil, fmt.Errorf("WebAssembly guest: %w", err)
	}
	return &Runtime{ctx, m}, nil
}

// Trusted tells whether the guest runs without watchdog.
func (r *Runtime) Trusted() bool { return r.module.Trusted() }

// Close stops every population and frees the compiled guest. It waits for calls of the guest that are in progress.
func (r *Runtime) Close() error { return r.module.Close() }

// NewSurrogate makes a population of n neurons of a model file, in an instance
// of the guest of its own. The file is parsed inside the sandbox. Of opt, Kernel and
// Threads must be left out: a guest has one of each. In [surrogate.Int8] the outputs
// are those of every CPU, bit for bit; in [surrogate.Float32] those of the reference
// kernel.
func (r *Runtime) NewSurrogate(modelFile []byte, n int, opt surrogate.Options) (*Population, error) {
	if opt.Kernel != "" || opt.Threads != 0 {
		return nil, fmt.Errorf("%w: kernel %q and %d threads: a WebAssembly guest has one of each, leave them out", population.ErrInput, opt.Kernel, opt.Threads)
	}
	precision, spikes, err := abi.Numbers(opt)
	if err != nil {
		return nil, err
	}
	return r.populate(n, func(p *Population) error {
		at, err := p.put(modelFile)
		if err != nil {
			return err
		}
		defer p.free(at)
		if err := p.call(opModelOpen, at, uint64(len(modelFile)), p.scratch); err != nil {
			return err
		}
		handle, err := p.word()
		if err != nil {
			return err
		}
		if err := p.fetchModel(handle); err != nil {
			return err
		}
		if err := p.call(opCreate, handle, uint64(uint32(n)), uint64(precision), uint64(spikes), opt.Seed, p.scratch); err != nil {
			return err
		}
		if p.handle, err = p.word(); err != nil {
			return err
		}
		return p.call(opModelClose, handle)
	})
}

// NewCell makes a population of n detailed neurons of a built-in cell, in an
// instance of the guest of its own. The guest has one thread, so Threads must be left out of opt.
func (r *Runtime) NewCell(name string, n int, opt cell.Options) (*Population, error) {
	if name == "" {
		return nil, fmt.Errorf("%w: cell has no name", population.ErrInput)
	}
	if opt.Threads != 0 {
		return nil, fmt.Errorf("%w: %d threads: a WebAssembly guest has one, leave them out", population.ErrInput, opt.Threads)
	}
	options, err := json.Marshal(opt)
	if err != nil { // a number that is not finite
		return nil, fmt.Errorf("%w: options of cell %q: %w", population.ErrInput, name, err)
	}
	return r.populate(n, func(p *Population) error {
		at, err := p.put([]byte(name))
		if err != nil {
			return err
		}
		defer p.free(at)
		optionsAt, err := p.put(options)
		if err != nil {
			return err
		}
		defer p.free(optionsAt)
		p.info.Model = name
		if err := p.call(opCellCreate, at, uint64(len(name)), uint64(uint32(n)), optionsAt, uint64(len(options)), p.scratch); err != nil {
			return err
		}
		p.handle, err = p.word()
		return err
	})
}

// populate makes an instance and lets create fill it.
func (r *Runtime) populate(n int, create func(*Population) error) (*Population, error) {
	if int(int32(n)) != n {
		return nil, fmt.Errorf("%w: %d neurons", population.ErrLimit, n)
	}
	in, err := r.module.Start()
	if err != nil {
		return nil, fmt.Errorf("WebAssembly guest: %w", err)
	}
	p := &Population{ctx: r.ctx, in: in}
	if err := p.start(n, create); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return p, nil
}

func (p *Population) start(n int, create func(*Population) error) error {
	version, err := p.in.Call(opABIVersion)
	if err != nil {
		return err
	}
	if uint32(version) != abi.Version {
		return fmt.Errorf("%w: guest has ABI version %d, this host knows %d", population.ErrFormat, uint32(version), abi.Version)
	}
	if p.scratch, err = p.alloc(scratchSize); err != nil {
		return err
	}
	if err := create(p); err != nil {
		return err
	}
	return p.fetchInfo(n)
}
