package host

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"

	"understudy/host/sandbox"
	"understudy/plugin/abi"
	"understudy/plugin/population"
)

// A verb of the guest; the number indexes verbs.
const (
	opABIVersion = iota
	opAlloc
	opFree
	opLastMessage
	opModelOpen
	opModelClose
	opModelInfo
	opCreate
	opCellCreate
	opStep
	opReset
	opSetNumbers
	opInfo
	opInputRange
	opSave
	opLoad
)

// verbs are the guest's functions; see package wasm.
var verbs = []sandbox.Export{
	opABIVersion:  {Name: "us_abi_version", Params: "", Results: "i"},
	opAlloc:       {Name: "us_alloc", Params: "i", Results: "i"},
	opFree:        {Name: "us_free", Params: "i", Results: ""},
	opLastMessage: {Name: "us_last_message", Params: "ii", Results: "i"},
	opModelOpen:   {Name: "us_model_open_bytes", Params: "iii", Results: "i"},
	opModelClose:  {Name: "us_model_close", Params: "I", Results: "i"},
	opModelInfo:   {Name: "us_model_info_json", Params: "Iiii", Results: "i"},
	opCreate:      {Name: "us_population_create", Params: "IiiiIi", Results: "i"},
	opCellCreate:  {Name: "us_cell_population_create", Params: "iiiiii", Results: "i"},
	opStep:        {Name: "us_population_step", Params: "Iiiiiiiiii", Results: "i"},
	opReset:       {Name: "us_population_reset", Params: "I", Results: "i"},
	opSetNumbers:  {Name: "us_population_set_numbers", Params: "Iii", Results: "i"},
	opInfo:        {Name: "us_population_info", Params: "Ii", Results: "i"},
	opInputRange:  {Name: "us_population_input_range", Params: "Ii", Results: "i"},
	opSave:        {Name: "us_population_save", Params: "Iiii", Results: "i"},
	opLoad:        {Name: "us_population_load", Params: "Iii", Results: "i"},
}

// call calls a verb and turns its status into an error.
func (p *Population) call(verb int, args ...uint64) error {
	r, err := p.in.Call(verb, args...)
	if err != nil {
		return err
	}
	status := abi.Status(int32(r))
	if status == abi.OK {
		return nil
	}
	if status < 0 || status > abi.ErrInternal {
		return p.in.Broken(fmt.Errorf("%s: status %d, which is none", verbs[verb].Name, status))
	}
	n, err := p.in.Call(opLastMessage, p.scratch, scratchSize)
	if err != nil {
		return err
	}
	b, err := p.in.View(p.scratch, min(uint64(uint32(n)), scratchSize))
	if err != nil {
		return err
	}
	message := printable(b)
	if message == "" {
		message = fmt.Sprintf("%s: status %d without a message", verbs[verb].Name, status)
	}
	return &abi.Error{Status: status, Message: message}
}

// printable is a text of the guest without what could steer a terminal.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, string(b))
}

// alloc gets a buffer of the guest.
func (p *Population) alloc(size uint64) (uint64, error) {
	if size > 1<<31 {
		return 0, fmt.Errorf("%w: %d bytes do not fit into the memory of a WebAssembly guest", population.ErrLimit, size)
	}
	at, err := p.in.Call(opAlloc, size)
	if err != nil {
		return 0, err
	}
	if at = uint64(uint32(at)); at == 0 {
		return 0, fmt.Errorf("%w: guest has no buffer of %d bytes", population.ErrLimit, size)
	}
	if _, err := p.in.View(at, size); err != nil {
		return 0, err
	}
	return at, nil
}

func (p *Population) free(at uint64) {
	p.in.Call(opFree, at) // a trap is remembered
}

// put copies data into a new buffer of the guest.
func (p *Population) put(data []byte) (uint64, error) {
	at, err := p.alloc(max(uint64(len(data)), 1))
	if err != nil {
		return 0, err
	}
	b, err := p.in.View(at, uint64(len(data)))
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
	return p.in.Err()
}

// word is the 64-bit number in the scratch buffer.
func (p *Population) word() (uint64, error) {
	b, err := p.in.View(p.scratch, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// sized calls a verb of the two-call pattern and returns a copy of the bytes, at most so many.
func (p *Population) sized(verb int, handle, most uint64) ([]byte, error) {
	if err := p.call(verb, handle, 0, 0, p.scratch); err != nil {
		return nil, err
	}
	n, err := p.word()
	if err != nil {
		return nil, err
	}
	if n > most {
		return nil, p.in.Broken(fmt.Errorf("%s: answer of %d bytes", verbs[verb].Name, n))
	}
	at, err := p.alloc(max(n, 1))
	if err != nil {
		return nil, err
	}
	defer p.free(at)
	if err := p.call(verb, handle, at, n, p.scratch); err != nil {
		return nil, err
	}
	b, err := p.in.View(at, n)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(b), nil
}
