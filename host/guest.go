package host

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"understudy/plugin/abi"
	"understudy/plugin/population"
)

// raw calls a verb that returns no status. A trap ends the population: its
// memory can no longer be trusted.
func (p *Population) raw(verb int, args ...uint64) (uint64, error) {
	copy(p.stack[:], args)
	if err := p.verbs[verb].CallWithStack(p.ctx, p.stack[:]); err != nil {
		return 0, p.broken(fmt.Errorf("%s trapped: %w%s", verbs[verb], err, p.stderr.said()))
	}
	return p.stack[0], nil
}

// broken ends the population with an error that every later call returns.
func (p *Population) broken(err error) error {
	p.dead = fmt.Errorf("%w: WebAssembly guest: %w", population.ErrState, err)
	return p.dead
}

// call calls a verb and turns its status into an error.
func (p *Population) call(verb int, args ...uint64) error {
	r, err := p.raw(verb, args...)
	if err != nil {
		return err
	}
	status := abi.Status(int32(r))
	if status == abi.OK {
		return nil
	}
	msg := ""
	if n, err := p.raw(opLastMessage, p.scratch, scratchSize); err != nil {
		return err
	} else if b, err := p.view(p.scratch, min(n, scratchSize)); err == nil {
		msg = string(b)
	}
	return &abi.Error{Status: status, Message: msg}
}

// alloc gets a buffer of the guest.
func (p *Population) alloc(size uint64) (uint64, error) {
	if size > 1<<31 {
		return 0, fmt.Errorf("%w: %d bytes do not fit into the memory of a WebAssembly guest", population.ErrLimit, size)
	}
	at, err := p.raw(opAlloc, size)
	if err != nil {
		return 0, err
	}
	if at = uint64(uint32(at)); at == 0 {
		return 0, fmt.Errorf("%w: guest has no buffer of %d bytes", population.ErrLimit, size)
	}
	if _, err := p.view(at, size); err != nil {
		return 0, err
	}
	return at, nil
}

func (p *Population) free(at uint64) {
	if p.dead == nil {
		p.raw(opFree, at) // a trap is remembered in dead
	}
}

// put copies data into a new buffer of the guest.
func (p *Population) put(data []byte) (uint64, error) {
	at, err := p.alloc(max(uint64(len(data)), 1))
	if err != nil {
		return 0, err
	}
	b, err := p.view(at, uint64(len(data)))
	if err != nil {
		return 0, err
	}
	copy(b, data)
	return at, nil
}

// room makes sure that a buffer has n elements of a size [bytes].
func (p *Population) room(at, have *uint64, n, size uint64) error {
	if n <= *have {
		return nil
	}
	n = max(n, *have*2)
	fresh, err := p.alloc(n * size)
	if err != nil {
		return err
	}
	if *have > 0 {
		p.free(*at)
	}
	*at, *have = fresh, n
	return p.dead
}

// view is the guest's memory from at. It is valid until the next call, which
// may move the memory. Addresses come from the guest and are not trusted.
func (p *Population) view(at, n uint64) ([]byte, error) {
	if at > 1<<32-1 || n > 1<<32-1 {
		return nil, p.broken(fmt.Errorf("%d bytes at %#x are outside its memory", n, at))
	}
	b, ok := p.memory.Read(uint32(at), uint32(n))
	if !ok {
		return nil, p.broken(fmt.Errorf("%d bytes at %#x are outside its memory", n, at))
	}
	return b, nil
}

// word is the 64-bit number in the scratch buffer.
func (p *Population) word() (uint64, error) {
	b, err := p.view(p.scratch, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// sized calls a verb of the two-call pattern and returns a copy of the bytes.
func (p *Population) sized(verb int, handle uint64) ([]byte, error) {
	if err := p.call(verb, handle, 0, 0, p.scratch); err != nil {
		return nil, err
	}
	n, err := p.word()
	if err != nil {
		return nil, err
	}
	at, err := p.alloc(max(n, 1))
	if err != nil {
		return nil, err
	}
	defer p.free(at)
	if err := p.call(verb, handle, at, n, p.scratch); err != nil {
		return nil, err
	}
	b, err := p.view(at, n)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(b), nil
}
