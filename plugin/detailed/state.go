package detailed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"

	"understudy/plugin/population"
)

// Saved state: magic, then little-endian: cell fingerprint u32, neurons i64, dt f64, now i64,
// pending events i64, each neuron's state f64, recorders (4 values each), events, CRC-32.
const (
	magic       = "USDET\x00\x00\x02"
	headBytes   = len(magic) + 4 + 4*8
	eventBytes  = 8 + 4 + 4 + 4
	recordBytes = 4 * 8
)

// stateLen is the number of values in one neuron's state.
func (p *program) stateLen() int {
	return p.nrow + p.nseg + (p.gateStates+p.synapseStates)/p.width
}

// state goes through one neuron's state, whatever the width of its block: that it
// was saved by one kernel and loaded by another makes no difference.
func (b *block) state(lane int) iter.Seq[*float64] {
	return func(yield func(*float64) bool) {
		for _, a := range [][]float64{b.v, b.gates, b.cai, b.syn} {
			for i := lane; i < len(a); i += b.p.width {
				if !yield(&a[i]) {
					return
				}
			}
		}
	}
}

// fingerprint tells cells apart: names, areas, capacitances and channels.
func (c *Cell) fingerprint() uint32 {
	h := crc32.NewIEEE()
	fmt.Fprint(h, c.Name, len(c.Nodes), len(c.Channels), c.Soma, c.VInit, c.Celsius)
	for i, s := range c.Segments {
		fmt.Fprint(h, c.Area[i], s.Cm, s.Ra)
		for _, ins := range s.Inserted {
			fmt.Fprint(h, ins.Mechanism.Name, ins.Values)
		}
	}
	for _, contacts := range c.Channels {
		for _, k := range contacts {
			fmt.Fprint(h, k.Synapse.Name, k.Segment)
		}
	}
	return h.Sum32()
}

// Save implements population.Population. Times of past spikes are not part of
// the state.
func (p *Population) Save(w io.Writer) error {
	if p.closed {
		return fmt.Errorf("detailed population: %w", population.ErrClosed)
	}
	le := binary.LittleEndian
	var buf bytes.Buffer
	buf.WriteString(magic)
	put := func(u uint64) { buf.Write(le.AppendUint64(nil, u)) }
	buf.Write(le.AppendUint32(nil, p.cell.fingerprint()))
	put(uint64(p.n))
	put(math.Float64bits(p.opt.DtMS))
	put(uint64(p.now))
	put(uint64(len(p.pending)))
	for i := range p.n {
		for x := range p.blocks[i/p.lanes].state(i % p.lanes) {
			put(math.Float64bits(*x))
		}
	}
	for i := range p.record {
		r := &p.record[i]
		put(math.Float64bits(r.last))
		put(math.Float64bits(r.prev))
		put(math.Float64bits(r.cur))
		put(uint64(r.grid))
	}
	for _, e := range p.pending {
		put(uint64(e.tick))
		buf.Write(le.AppendUint32(nil, uint32(e.neuron)))
		buf.Write(le.AppendUint32(nil, uint32(e.channel)))
		buf.Write(le.AppendUint32(nil, math.Float32bits(e.weight)))
	}
	buf.Write(le.AppendUint32(nil, crc32.ChecksumIEEE(buf.Bytes())))
	_, err := w.Write(buf.Bytes())
	return err
}

// Load implements population.Population.
func (p *Population) Load(r io.Reader) error {
	if p.closed {
		return fmt.Errorf("detailed population: %w", population.ErrClosed)
	}
	le := binary.LittleEndian
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: saved detailed population: %s", population.ErrFormat, fmt.Sprintf(format, a...))
	}
	head := make([]byte, headBytes)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		return bad("the header is missing")
	}
	f := head[len(magic):]
	cell, n, dt := le.Uint32(f), int64(le.Uint64(f[4:])), math.Float64frombits(le.Uint64(f[12:]))
	now, pending := int64(le.Uint64(f[20:])), int64(le.Uint64(f[28:]))
	if cell != p.cell.fingerprint() {
		return bad("it is of another cell than %s", p.cell.Name)
	}
	if n != int64(p.n) || dt != p.opt.DtMS {
		return bad("%d neurons at dt %g ms, want %d at %g", n, dt, p.n, p.opt.DtMS)
	}
	if now < 0 || now > 1<<50 || pending < 0 || pending > 1<<30 {
		return bad("time %d ms, %d events", now, pending)
	}
	size := int64(p.n)*int64(recordBytes+8*p.blocks[0].p.stateLen()) + pending*eventBytes + 4
	body, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil {
		return fmt.Errorf("saved detailed population: %w", err)
	}
	if int64(len(body)) != size {
		return bad("%d bytes after the header, want %d", len(body), size)
	}
	end := len(body) - 4
	if crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, body[:end]) != le.Uint32(body[end:]) {
		return bad("the checksum does not match")
	}
	events := make([]event, pending)
	for i := range events {
		b := body[int64(end)-(pending-int64(i))*eventBytes:]
		e := event{int64(le.Uint64(b)), int32(le.Uint32(b[8:])), int32(le.Uint32(b[12:])), math.Float32frombits(le.Uint32(b[16:]))}
		if e.neuron < 0 || int(e.neuron) >= p.n || e.channel < 0 || int(e.channel) >= len(p.cell.Channels) {
			return bad("event %d for neuron %d, channel %d", i, e.neuron, e.channel)
		}
		events[i] = e
	}
	next := func() uint64 { u := le.Uint64(body); body = body[8:]; return u }
	for i := range p.n {
		for x := range p.blocks[i/p.lanes].state(i % p.lanes) {
			*x = math.Float64frombits(next())
		}
	}
	for _, b := range p.blocks {
		b.locate()
	}
	for i := range p.record {
		q := &p.record[i]
		*q = recorder{last: math.Float64frombits(next()), prev: math.Float64frombits(next()), cur: math.Float64frombits(next()),
			grid: int64(next()), peaks: q.peaks[:0], upcross: q.upcross[:0]}
	}
	p.now, p.pending = now, events
	return nil
}
