package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"understudy/plugin/population"
)

// Instance is a module with a memory of its own. Calls are made from one goroutine at a time; different instances
// run in parallel.
type Instance struct {
	m      *Module
	module api.Module
	memory api.Memory
	funcs  []api.Function // of m.exports
	stderr tail

	mu    sync.Mutex // held during a call
	stack []uint64   // arguments and result of a call
	dead  error      // set once the instance has trapped, lied or was closed
}

// Start makes an instance: _initialize, if there is one, and the module's start function have run.
func (m *Module) Start() (*Instance, error) {
	i := &Instance{m: m}
	ctx, cancel := m.bounded(1)
	defer cancel()
	// The configuration's defaults grant nothing; see Options.WASI.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").WithStderr(&i.stderr)
	err := guarded(func() (err error) {
		i.module, err = m.runtime.InstantiateModule(ctx, m.compiled, config)
		return err
	})
	if err == nil && i.module.IsClosed() {
		err = errors.New("it ended itself")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: module does not start: %w%s", population.ErrState, i.reason(ctx, err), i.stderr.said())
	}
	i.memory = i.module.Memory()
	for _, e := range m.exports {
		i.funcs = append(i.funcs, i.module.ExportedFunction(e.Name))
		i.stack = append(i.stack, make([]uint64, max(0, len(e.Params)-len(i.stack), len(e.Results)-len(i.stack)))...)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errors.Join(fmt.Errorf("module %w", population.ErrClosed), i.module.Close(ctx))
	}
	m.live[i] = struct{}{}
	return i, nil
}

// reason is why a call failed, in one line.
func (i *Instance) reason(ctx context.Context, err error) error {
	var exit *sys.ExitError
	switch {
	case strings.Contains(i.stderr.String(), "out of memory"): // what a Go module says
		return fmt.Errorf("%w: its memory may have %d pages of 64 KiB", population.ErrLimit, i.m.pages)
	case ctx.Err() != nil && i.m.limit > 0:
		return i.m.interrupted(ctx, 1)
	case errors.As(err, &exit) && exit.ExitCode() == sys.ExitCodeDeadlineExceeded: // just after the call before
		return fmt.Errorf("stopped after %v: %w", i.m.limit, context.DeadlineExceeded)
	case errors.As(err, &exit):
		return fmt.Errorf("it ended itself with exit code %d", exit.ExitCode())
	}
	return firstLine(err)
}

// Call calls Options.Exports[export]; an i32 is the lower half of a number. The result is that of the function, or
// that which the stack held. A trap ends the instance: its memory can no longer be trusted. Errors wrap
// ErrState, and context.DeadlineExceeded where the time limit was reached, or ErrLimit where a module of Go's ran out of memory.
func (i *Instance) Call(export int, args ...uint64) (uint64, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.dead != nil {
		return 0, i.dead
	}
	copy(i.stack, args)
	ctx, cancel := i.m.bounded(1)
	defer cancel()
	err := i.funcs[export].CallWithStack(ctx, i.stack)
	if err == nil && i.module.IsClosed() {
		err = errors.New("it ended itself")
	}
	if err != nil {
		return 0, i.broken(fmt.Errorf("%s: %w%s", i.m.exports[export].Name, i.reason(ctx, err), i.stderr.said()))
	}
	if len(i.stack) == 0 {
		return 0, nil
	}
	return i.stack[0], nil
}

// Broken ends the instance, because of what its module did, with an error that every later call returns.
func (i *Instance) Broken(err error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.broken(err)
}

func (i *Instance) broken(err error) error {
	if i.dead == nil {
		i.dead = fmt.Errorf("%w: WebAssembly module: %w", population.ErrState, err)
	}
	return i.dead
}

// Err is why the instance can no longer be used, or nil.
func (i *Instance) Err() error {
	i.mu.Lock()
	err := i.dead
	i.mu.Unlock()
	return err
}

// View is n bytes of the instance's memory, to read and to write, until the next call, which may move the memory.
// Addresses come from the module and are not trusted: those outside its memory end the instance.
func (i *Instance) View(at, n uint64) ([]byte, error) {
	if err := i.Err(); err != nil {
		return nil, err
	}
	if i.memory != nil && at <= 1<<32-1 && n <= 1<<32-1 {
		if b, ok := i.memory.Read(uint32(at), uint32(n)); ok {
			return b, nil
		}
	}
	return nil, i.Broken(fmt.Errorf("%d bytes at %#x are outside its memory", n, at))
}

// Close frees the instance. It waits for a call in progress.
func (i *Instance) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.dead == nil {
		i.dead = fmt.Errorf("instance %w", population.ErrClosed)
	}
	i.m.mu.Lock()
	delete(i.m.live, i)
	i.m.mu.Unlock()
	return i.module.Close(context.Background())
}

// tail keeps the beginning of what a module prints when it dies.
type tail struct{ bytes.Buffer }

func (t *tail) Write(b []byte) (int, error) {
	if room := 4096 - t.Len(); room > 0 {
		t.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

// said is the first line of it, to append to an error.
func (t *tail) said() string {
	line, _, _ := strings.Cut(t.String(), "\n")
	if line == "" {
		return ""
	}
	return fmt.Sprintf(": it printed %q", line[:min(len(line), 200)])
}
