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
//	neurons  uint64
//	now      uint64
//	payload  uint64, its length [bytes]
//	then float32s: for each layer in order, if later layers look back on it, its
//	last outputs [step][neuron][channel], oldest first; then, if it is a
//	convolution on events, its sums of steps to come [step][neuron][channel]
//	crc      uint32, CRC-32C of all before
//
// It does not depend on the number of threads nor on the length of the steps.
const (
	stateMagic   = "UNDSTATE"
	stateVersion = 1
	stateHeader  = 8 + 4 + 32 + 3*8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maxNow keeps times exact in float64.
const maxNow = 1 << 53

// walk calls f for every piece of state of shard rows in the order of the file.
func (p *Population) walk(now int64, f func(values []float32)) {
	piece := func(i int, t int64, pending bool) {
		for _, s := range p.shards {
			r := &s.out[i]
			if pending {
				r = &s.pending[i]
			}
			// Steps before 0 have slots too, which hold zeros.
			slot := int(((t % int64(r.slots)) + int64(r.slots)) % int64(r.slots))
			f(r.data[slot*r.size : (slot+1)*r.size])
		}
	}
	for i := range p.plan.layers {
		l := &p.plan.layers[i]
		for b := l.lookback; b > 0; b-- {
			piece(i, now-int64(b), false)
		}
		if l.sparse() {
			for a := range l.reach() {
				piece(i, now+int64(a), true)
			}
		}
	}
}

// payload is the length of the state [bytes].
func (p *Population) payload() int {
	n := 0
	for i := range p.plan.layers {
		l := &p.plan.layers[i]
		steps := l.lookback
		if l.sparse() {
			steps += l.reach()
		}
		n += 4 * steps * l.width * p.info.N
	}
	return n
}

func (p *Population) header(now int64) []byte {
	b := append(make([]byte, 0, stateHeader), stateMagic...)
	b = binary.LittleEndian.AppendUint32(b, stateVersion)
	b = append(b, p.hash[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(p.info.N))
	b = binary.LittleEndian.AppendUint64(b, uint64(now))
	return binary.LittleEndian.AppendUint64(b, uint64(p.payload()))
}

// Save writes the state.
func (p *Population) Save(w io.Writer) error {
	if p.closed {
		return fmt.Errorf("%w: Save of a closed population", population.ErrClosed)
	}
	buf := make([]byte, 0, 1<<16)
	buf = append(buf, p.header(p.now)...)
	crc := uint32(0)
	var err error
	flush := func() {
		crc = crc32.Update(crc, castagnoli, buf)
		if err == nil {
			_, err = w.Write(buf)
		}
		buf = buf[:0]
	}
	p.walk(p.now, func(values []float32) {
		for _, v := range values {
			if len(buf)+4 > cap(buf) {
				flush()
			}
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
	})
	flush()
	buf = binary.LittleEndian.AppendUint32(buf, crc)
	if err == nil {
		_, err = w.Write(buf)
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
	if n := binary.LittleEndian.Uint64(head[44:]); n != uint64(p.info.N) {
		return bad("of %d neurons, the population has %d", n, p.info.N)
	}
	now := binary.LittleEndian.Uint64(head[52:])
	if now > maxNow {
		return bad("time %d ms is over %d", now, int64(maxNow))
	}
	if n := binary.LittleEndian.Uint64(head[60:]); n != uint64(p.payload()) {
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
	p.walk(p.now, func(dst []float32) {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(values[4*i:]))
		}
		values = values[4*len(dst):]
	})
	return nil
}
