package surrogate

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"understudy/plugin/population"
)

// A saved state is little-endian:
//
//	magic    8 bytes "UNDSTATE"
//	version  uint32
//	model    32 bytes, the model's hash
//	bits     uint32, of an activation in a product: 32 in float32, 16 in bf16, 8 in integers
//	neurons  uint64
//	now      uint64
//	payload  uint64, its length [bytes]
//	then neuron by neuron what network.visit shows: for each layer in order, if later
//	layers look back on it, its last outputs [step][channel], oldest first; then, if
//	it is a convolution on events, its sums of the steps to come; if it is an elm
//	layer, its branches' traces and its memory; last, in a model with a refractory time,
//	for how many steps the neuron emits no spike
//	crc      uint32, CRC-32C of all before
//
// It does not depend on the number of threads nor on the length of the steps.
const (
	stateMagic   = "UNDSTATE"
	stateVersion = 2
	stateHeader  = 8 + 4 + 32 + 4 + 3*8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maxNow keeps times exact in float64.
const maxNow = 1 << 53

// visitor is shown a population's state piece by piece, in the order of the file, and
// may read it or change it.
type visitor interface {
	floats(x []float32)
	ints(x []int32)
	bytes(x []uint8)
}

func (p *Population) visit(now int64, v visitor) {
	for _, s := range p.shards {
		for i := range s.n {
			s.net.visit(now, i, v)
			if s.silent != nil {
				v.ints(s.silent[i : i+1])
			}
		}
	}
}

// size counts the bytes of a state.
type size struct{ n int }

func (s *size) floats(x []float32) { s.n += 4 * len(x) }
func (s *size) ints(x []int32)     { s.n += 4 * len(x) }
func (s *size) bytes(x []uint8)    { s.n += len(x) }

// payload is the length of the state [bytes].
func (p *Population) payload() int {
	var s size
	p.visit(0, &s)
	return s.n
}

// saver writes a state.
type saver struct {
	w   io.Writer
	buf []byte
	crc uint32
	err error
}

func (s *saver) flush() {
	s.crc = crc32.Update(s.crc, castagnoli, s.buf)
	if s.err == nil {
		_, s.err = s.w.Write(s.buf)
	}
	s.buf = s.buf[:0]
}

func (s *saver) room() {
	if len(s.buf)+4 > cap(s.buf) {
		s.flush()
	}
}

func (s *saver) floats(x []float32) {
	for _, v := range x {
		s.room()
		s.buf = binary.LittleEndian.AppendUint32(s.buf, math.Float32bits(v))
	}
}

func (s *saver) ints(x []int32) {
	for _, v := range x {
		s.room()
		s.buf = binary.LittleEndian.AppendUint32(s.buf, uint32(v))
	}
}

func (s *saver) bytes(x []uint8) {
	for _, v := range x {
		s.room()
		s.buf = append(s.buf, v)
	}
}

// loader sets a state from values, which is as long as the state.
type loader struct{ values []byte }

func (l *loader) floats(x []float32) {
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(l.values[4*i:]))
	}
	l.values = l.values[4*len(x):]
}

func (l *loader) ints(x []int32) {
	for i := range x {
		x[i] = int32(binary.LittleEndian.Uint32(l.values[4*i:]))
	}
	l.values = l.values[4*len(x):]
}

func (l *loader) bytes(x []uint8) { l.values = l.values[copy(x, l.values):] }

func (p *Population) bits() uint32 {
	if p.plan.layers8 != nil {
		return 8
	}
	if p.plan.bf16 {
		return 16
	}
	return 32
}

func (p *Population) header(now int64) []byte {
	b := append(make([]byte, 0, stateHeader), stateMagic...)
	b = binary.LittleEndian.AppendUint32(b, stateVersion)
	b = append(b, p.hash[:]...)
	b = binary.LittleEndian.AppendUint32(b, p.bits())
	b = binary.LittleEndian.AppendUint64(b, uint64(p.info.N))
	b = binary.LittleEndian.AppendUint64(b, uint64(now))
	return binary.LittleEndian.AppendUint64(b, uint64(p.payload()))
}

// Save writes the state.
func (p *Population) Save(w io.Writer) error {
	if p.closed {
		return fmt.Errorf("%w: Save of a closed population", population.ErrClosed)
	}
	v := saver{w: w, buf: append(make([]byte, 0, 1<<16), p.header(p.now)...)}
	p.visit(p.now, &v)
	v.flush()
	err := v.err
	if err == nil {
		_, err = w.Write(binary.LittleEndian.AppendUint32(nil, v.crc))
	}
	if err != nil {
		return fmt.Errorf("saving state: %w", err)
	}
	return nil
}

// Load restores a state that Save wrote in a population of the same model and
// size. It reads exactly the state and nothing after it. On an error, which wraps
// population.ErrFormat, the population is as before. What OutOfRange has counted
// starts again at zero.
func (p *Population) Load(r io.Reader) error {
	if p.closed {
		return fmt.Errorf("%w: Load into a closed population", population.ErrClosed)
	}
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: saved state: %s", population.ErrFormat, fmt.Sprintf(format, a...))
	}
	var head [stateHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return bad("header: %v", err)
	}
	if string(head[:8]) != stateMagic {
		return bad("starts with %q, want %q", head[:8], stateMagic)
	}
	if v := binary.LittleEndian.Uint32(head[8:]); v != stateVersion {
		return bad("version %d, this program reads %d", v, stateVersion)
	}
	if [32]byte(head[12:44]) != p.hash {
		return bad("of another model")
	}
	if b := binary.LittleEndian.Uint32(head[44:]); b != p.bits() {
		return bad("of activations of %d bits, the population's have %d", b, p.bits())
	}
	if n := binary.LittleEndian.Uint64(head[48:]); n != uint64(p.info.N) {
		return bad("of %d neurons, the population has %d", n, p.info.N)
	}
	now := binary.LittleEndian.Uint64(head[56:])
	if now > maxNow {
		return bad("time %d ms is over %d", now, int64(maxNow))
	}
	if n := binary.LittleEndian.Uint64(head[64:]); n != uint64(p.payload()) {
		return bad("%d bytes of values, this model and size have %d", n, p.payload())
	}
	body := make([]byte, p.payload()+4)
	if _, err := io.ReadFull(r, body); err != nil {
		return bad("values: %v", err)
	}
	values, sum := body[:len(body)-4], binary.LittleEndian.Uint32(body[len(body)-4:])
	if crc := crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, values); crc != sum {
		return bad("checksum %08x, want %08x: damaged", crc, sum)
	}

	p.Reset()
	p.now = int64(now)
	p.visit(p.now, &loader{values})
	return nil
}
