// Package host runs populations inside WebAssembly: the guest of package wasm
// in wazero. A population in the sandbox cannot reach files, the network, the
// clock, randomness or the host's memory; a trap in it is an error of that
// population only.
package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"understudy/plugin/abi"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// Options of a Runtime.
type Options struct {
	// Guest is the module built from package wasm; required.
	Guest []byte
	// Interpreter runs the module without compiling it: everywhere, and about a
	// hundred times slower.
	Interpreter bool
	// MemoryLimitPages bounds the linear memory of each population, in pages of
	// 64 KiB. 0 stands for 16384: 1 GiB.
	MemoryLimitPages uint32
}

// Runtime holds the compiled guest. Its methods may be called from any
// goroutine.
type Runtime struct {
	ctx     context.Context
	runtime wazero.Runtime
	guest   wazero.CompiledModule
}

// New compiles the guest. ctx is that of all later calls; cancelling it does
// not stop a call in progress, because the checks that this takes make tight
// loops many times slower.
func New(ctx context.Context, opt Options) (*Runtime, error) {
	if len(opt.Guest) == 0 {
		return nil, fmt.Errorf("%w: host.Options.Guest is empty: build the guest with `make guest` and pass its bytes", population.ErrInput)
	}
	pages := opt.MemoryLimitPages
	if pages == 0 {
		pages = 16384
	}
	if pages > 65536 {
		return nil, fmt.Errorf("%w: host.Options.MemoryLimitPages is %d, WebAssembly has at most 65536", population.ErrLimit, pages)
	}
	config := wazero.NewRuntimeConfig()
	if opt.Interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	r := wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(pages))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return nil, errors.Join(fmt.Errorf("WASI: %w", err), r.Close(ctx))
	}
	guest, err := r.CompileModule(ctx, opt.Guest)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: guest: %w", population.ErrFormat, err), r.Close(ctx))
	}
	have := guest.ExportedFunctions()
	for _, name := range verbs {
		if have[name] == nil {
			return nil, errors.Join(fmt.Errorf("%w: guest exports no function %s: not a guest of this version", population.ErrFormat, name), r.Close(ctx))
		}
	}
	return &Runtime{ctx, r, guest}, nil
}

// Close stops every population and frees the compiled guest.
func (r *Runtime) Close() error { return r.runtime.Close(r.ctx) }

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
// instance of the guest of its own.
func (r *Runtime) NewCell(name string, n int) (*Population, error) {
	return r.populate(n, func(p *Population) error {
		if name == "" {
			return fmt.Errorf("%w: cell has no name", population.ErrInput)
		}
		at, err := p.put([]byte(name))
		if err != nil {
			return err
		}
		defer p.free(at)
		p.info.Model = name
		if err := p.call(opCellCreate, at, uint64(len(name)), uint64(uint32(n)), p.scratch); err != nil {
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
	p := &Population{ctx: r.ctx}
	// The configuration's defaults grant nothing: no arguments, environment,
	// files or sockets; clocks and random numbers that are the same in every run.
	module, err := r.runtime.InstantiateModule(r.ctx, r.guest, wazero.NewModuleConfig().
		WithName("").WithStartFunctions("_initialize").WithStderr(&p.stderr))
	if err != nil {
		return nil, fmt.Errorf("guest does not start: %w%s", err, p.stderr.said())
	}
	p.module, p.memory = module, module.Memory()
	for i, name := range verbs {
		p.verbs[i] = module.ExportedFunction(name)
	}
	err = p.start(create)
	if err != nil {
		return nil, errors.Join(err, module.Close(r.ctx))
	}
	return p, nil
}

func (p *Population) start(create func(*Population) error) error {
	if p.memory == nil {
		return fmt.Errorf("%w: guest exports no memory", population.ErrFormat)
	}
	version, err := p.raw(opABIVersion)
	if err != nil {
		return err
	}
	if version != abi.Version {
		return fmt.Errorf("%w: guest has ABI version %d, this host knows %d", population.ErrFormat, version, abi.Version)
	}
	if p.scratch, err = p.alloc(scratchSize); err != nil {
		return err
	}
	if err := create(p); err != nil {
		return err
	}
	return p.fetchInfo()
}
