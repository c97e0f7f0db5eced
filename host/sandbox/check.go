package sandbox

import (
	"encoding/binary"
	"fmt"

	"understudy/plugin/population"
)

// Limits of a module that is not trusted. They keep what wazero allocates and does while it reads and compiles a
// module in proportion to the module; each is several times what our own modules need.
const (
	maxModule    = 512 << 20 // bytes
	maxBody      = 1 << 18   // bytes of one function: compiling takes time by the square of its blocks
	maxLocals    = 4096      // of one function, parameters included
	maxBodyWork  = 1 << 26   // bytes times locals of one function: a compiler may look at each local in each block
	maxParams    = 64        // of a type
	maxTable     = 1 << 20   // elements
	maxNameBytes = 1 << 12
)

// section is what is accepted of a section.
type section struct {
	name     string
	maxBytes int
	maxCount int
	read     func(*scanner) error // one entry; nil: nothing to look at
}

// sections are those of WebAssembly 1.0 and of bulk memory, by their number.
var sections = [...]section{
	1:  {"type", 1 << 20, 1 << 14, (*scanner).funcType},
	2:  {"import", 1 << 16, 1 << 10, (*scanner).imported},
	3:  {"function", 1 << 20, 1 << 17, (*scanner).funcIndex},
	4:  {"table", 1 << 10, 1, (*scanner).table},
	5:  {"memory", 1 << 10, 1, nil},
	6:  {"global", 1 << 20, 1 << 14, nil},
	7:  {"export", 1 << 16, 1 << 10, (*scanner).exported},
	8:  {"start", 16, 1 << 30, nil}, // has no count but an index
	9:  {"element", 4 << 20, 1 << 10, (*scanner).element},
	10: {"code", 64 << 20, 1 << 17, (*scanner).body},
	11: {"data", maxModule, 1 << 20, (*scanner).data},
	12: {"data count", 16, 1 << 30, nil},
}

// scanner reads a module that may be anything.
type scanner struct {
	all     []byte
	at, end int      // within all
	kind    string   // of the section
	entry   int      // of the section; negative: none
	params  []int    // of each type
	funcs   []uint32 // type of each function of the code section
	bodies  int      // read so far
	imports []string // "module.name" of each import
}

// check looks at the parts of a module that could make a runtime allocate or compute beyond all proportion, and
// returns it without custom sections (names, debug information), which nothing here needs. What a valid module
// is beyond that is the runtime's to say. Errors wrap ErrFormat or ErrLimit and name the section.
func check(module []byte) (stripped []byte, imports []string, err error) {
	if len(module) > maxModule {
		return nil, nil, fmt.Errorf("%w: module of %d bytes, at most %d are accepted", population.ErrLimit, len(module), maxModule)
	}
	if len(module) < 8 || string(module[:8]) != "\x00asm\x01\x00\x00\x00" {
		return nil, nil, fmt.Errorf("%w: no WebAssembly module of version 1", population.ErrFormat)
	}
	s := &scanner{all: module, at: 8}
	stripped = append(make([]byte, 0, len(module)), module[:8]...)
	last := byte(0)
	for s.at < len(module) {
		start := s.at
		s.end, s.kind, s.entry = len(module), "", -1
		id, err := s.byte()
		if err != nil {
			return nil, nil, err
		}
		size, err := s.count(1)
		if err != nil {
			return nil, nil, err
		}
		s.end = s.at + size
		if id == 0 {
			s.at = s.end
			continue
		}
		if int(id) >= len(sections) {
			return nil, nil, s.errorf(population.ErrFormat, "unknown section %d", id)
		}
		if order(id) <= order(last) {
			return nil, nil, s.errorf(population.ErrFormat, "section %s is not in its place", sections[id].name)
		}
		last = id
		if err := s.section(&sections[id], size); err != nil {
			return nil, nil, err
		}
		stripped = append(stripped, module[start:s.end]...)
		s.at = s.end
	}
	return stripped, s.imports, nil
}

// order is the place of a section: the data count stands before the code.
func order(id byte) int {
	if id == 12 {
		return 19
	}
	return 2 * int(id)
}

func (s *scanner) section(kind *section, size int) error {
	s.kind = kind.name
	if size > kind.maxBytes {
		return s.errorf(population.ErrLimit, "%d bytes, at most %d are accepted", size, kind.maxBytes)
	}
	n, err := s.uint()
	if err != nil {
		return err
	}
	if n > uint32(kind.maxCount) {
		return s.errorf(population.ErrLimit, "%d entries, at most %d are accepted", n, kind.maxCount)
	}
	if kind.maxCount < 1<<30 && int(n) > s.end-s.at {
		return s.errorf(population.ErrFormat, "%d entries in %d bytes", n, s.end-s.at)
	}
	if kind.read == nil {
		return nil
	}
	for s.entry = 0; s.entry < int(n); s.entry++ {
		if err := kind.read(s); err != nil {
			return err
		}
	}
	s.entry = -1
	if s.at != s.end {
		return s.errorf(population.ErrFormat, "%d bytes are left over after it", s.end-s.at)
	}
	return nil
}

func (s *scanner) errorf(category error, format string, a ...any) error {
	where := "module"
	if s.kind != "" {
		where = s.kind + " section"
	}
	if s.entry >= 0 {
		where = fmt.Sprintf("entry %d of the %s", s.entry, where)
	}
	return fmt.Errorf("%w: %s, at byte %d: %s", category, where, s.at, fmt.Sprintf(format, a...))
}

func (s *scanner) byte() (byte, error) {
	if s.at >= s.end {
		return 0, s.errorf(population.ErrFormat, "it ends too early")
	}
	s.at++
	return s.all[s.at-1], nil
}

// uint reads a LEB128 number of 32 bits.
func (s *scanner) uint() (uint32, error) {
	v, n := binary.Uvarint(s.all[s.at:min(s.end, s.at+5)])
	if n <= 0 || v > 1<<32-1 {
		return 0, s.errorf(population.ErrFormat, "no number of 32 bits")
	}
	s.at += n
	return uint32(v), nil
}

// count reads the number of things that follow, of at least size bytes each.
func (s *scanner) count(size int) (int, error) {
	n, err := s.uint()
	if err != nil {
		return 0, err
	}
	if uint64(n)*uint64(size) > uint64(s.end-s.at) {
		return 0, s.errorf(population.ErrFormat, "%d times %d bytes or more, where %d are left", n, size, s.end-s.at)
	}
	return int(n), nil
}

// skip reads the length of a run of bytes, and passes it.
func (s *scanner) skip() error {
	n, err := s.count(1)
	s.at += n
	return err
}

func (s *scanner) name() (string, error) {
	n, err := s.count(1)
	if err != nil {
		return "", err
	}
	if n > maxNameBytes {
		return "", s.errorf(population.ErrLimit, "name of %d bytes, at most %d are accepted", n, maxNameBytes)
	}
	s.at += n
	return string(s.all[s.at-n : s.at]), nil
}

func (s *scanner) funcType() error {
	if form, err := s.byte(); err != nil {
		return err
	} else if form != 0x60 {
		return s.errorf(population.ErrFormat, "type of form %#x", form)
	}
	params, err := s.count(1)
	if err != nil {
		return err
	}
	s.at += params
	results, err := s.count(1)
	if err != nil {
		return err
	}
	s.at += results
	if params > maxParams || results > 1 {
		return s.errorf(population.ErrLimit, "function of %d parameters and %d results, at most %d and 1 are accepted", params, results, maxParams)
	}
	s.params = append(s.params, params)
	return nil
}

func (s *scanner) imported() error {
	module, err := s.name()
	if err != nil {
		return err
	}
	name, err := s.name()
	if err != nil {
		return err
	}
	name = module + "." + name
	kind, err := s.byte()
	if err != nil {
		return err
	}
	if kind != 0 {
		return s.errorf(population.ErrFormat, "%q is not a function, and only functions can be imported", name)
	}
	s.imports = append(s.imports, name)
	_, err = s.uint()
	return err
}

func (s *scanner) funcIndex() error {
	t, err := s.uint()
	s.funcs = append(s.funcs, t)
	return err
}

func (s *scanner) table() error {
	if _, err := s.byte(); err != nil { // its type
		return err
	}
	flags, err := s.byte()
	if err != nil {
		return err
	}
	least, err := s.uint()
	if err != nil {
		return err
	}
	if least > maxTable {
		return s.errorf(population.ErrLimit, "table of %d elements, at most %d are accepted", least, maxTable)
	}
	if flags != 0 {
		_, err = s.uint() // the most; tables cannot grow here
	}
	return err
}

func (s *scanner) exported() error {
	if _, err := s.name(); err != nil {
		return err
	}
	if _, err := s.byte(); err != nil {
		return err
	}
	_, err := s.uint()
	return err
}

// offset passes the constant expression of a segment's place.
func (s *scanner) offset() error {
	opcode, err := s.byte()
	if err != nil {
		return err
	}
	if opcode != 0x41 && opcode != 0x23 { // i32.const, global.get
		return s.errorf(population.ErrFormat, "instruction %#x in a constant", opcode)
	}
	for b := byte(0x80); b&0x80 != 0; {
		if b, err = s.byte(); err != nil {
			return err
		}
	}
	if end, err := s.byte(); err != nil {
		return err
	} else if end != 0x0b {
		return s.errorf(population.ErrFormat, "constant without end")
	}
	return nil
}

func (s *scanner) element() error {
	kind, err := s.uint()
	if err != nil {
		return err
	}
	if kind != 0 {
		return s.errorf(population.ErrFormat, "element segment of kind %d, only functions of table 0 are accepted", kind)
	}
	if err := s.offset(); err != nil {
		return err
	}
	n, err := s.count(1)
	for ; n > 0 && err == nil; n-- {
		_, err = s.uint()
	}
	return err
}

func (s *scanner) body() error {
	size, err := s.count(1)
	if err != nil {
		return err
	}
	end := s.at + size
	if size > maxBody {
		return s.errorf(population.ErrLimit, "function of %d bytes, at most %d are accepted", size, maxBody)
	}
	locals := uint64(0)
	if s.bodies < len(s.funcs) && int(s.funcs[s.bodies]) < len(s.params) {
		locals = uint64(s.params[s.funcs[s.bodies]])
	}
	s.bodies++
	groups, err := s.count(2)
	if err != nil {
		return err
	}
	for range groups {
		n, err := s.uint()
		if err != nil {
			return err
		}
		if _, err := s.byte(); err != nil {
			return err
		}
		locals += uint64(n)
	}
	if locals > maxLocals || locals*uint64(size) > maxBodyWork {
		return s.errorf(population.ErrLimit, "function of %d bytes with %d locals, at most %d, and %d as a product, are accepted", size, locals, maxLocals, maxBodyWork)
	}
	if s.at > end {
		return s.errorf(population.ErrFormat, "locals reach beyond the function")
	}
	s.at = end
	return nil
}

func (s *scanner) data() error {
	kind, err := s.uint()
	if err != nil {
		return err
	}
	switch kind {
	case 1: // passive
	case 2:
		if _, err := s.uint(); err != nil {
			return err
		}
		fallthrough
	case 0:
		if err := s.offset(); err != nil {
			return err
		}
	default:
		return s.errorf(population.ErrFormat, "data segment of kind %d", kind)
	}
	return s.skip()
}
