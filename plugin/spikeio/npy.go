package spikeio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"understudy/plugin/population"
)

// MaxEntries is the largest number of entries of one array that is read: a
// compressed file can claim a thousand times its own size.
const MaxEntries = 1 << 26

// maxHeader is the longest .npy header that is read [bytes]; numpy writes 118.
const maxHeader = 1 << 16

// dtype is one numpy element type.
type dtype struct {
	descr   string
	size    int
	integer bool
	value   func(b []byte) float64
}

var le = binary.LittleEndian

// dtypeOf returns the element type that numpy calls descr. Integers beyond
// 2^53 are rounded to the nearest float64.
func dtypeOf(descr string) (dtype, bool) {
	d := dtype{descr: descr}
	switch descr {
	case "|b1", "|u1", "<u1":
		d.size, d.integer, d.value = 1, true, func(b []byte) float64 { return float64(b[0]) }
	case "|i1", "<i1":
		d.size, d.integer, d.value = 1, true, func(b []byte) float64 { return float64(int8(b[0])) }
	case "<i2":
		d.size, d.integer, d.value = 2, true, func(b []byte) float64 { return float64(int16(le.Uint16(b))) }
	case "<u2":
		d.size, d.integer, d.value = 2, true, func(b []byte) float64 { return float64(le.Uint16(b)) }
	case "<i4":
		d.size, d.integer, d.value = 4, true, func(b []byte) float64 { return float64(int32(le.Uint32(b))) }
	case "<u4":
		d.size, d.integer, d.value = 4, true, func(b []byte) float64 { return float64(le.Uint32(b)) }
	case "<i8":
		d.size, d.integer, d.value = 8, true, func(b []byte) float64 { return float64(int64(le.Uint64(b))) }
	case "<u8":
		d.size, d.integer, d.value = 8, true, func(b []byte) float64 { return float64(le.Uint64(b)) }
	case "<f2":
		d.size, d.value = 2, func(b []byte) float64 { return half(le.Uint16(b)) }
	case "<f4":
		d.size, d.value = 4, func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }
	case "<f8":
		d.size, d.value = 8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }
	default:
		return d, false
	}
	return d, true
}

// half widens an IEEE 754 binary16 number.
func half(h uint16) float64 {
	exp, frac := int(h>>10&31), float64(h&1023)
	var v float64
	switch exp {
	case 0:
		v = math.Ldexp(frac, -24)
	case 31:
		if v = math.Inf(1); frac != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+frac, exp-25)
	}
	if h>>15 != 0 {
		return -v
	}
	return v
}

// header is what stands before the data of a .npy file.
type header struct {
	dtype   dtype
	shape   []int
	entries int // product of shape
	bytes   int // length of the header itself, magic included
}

// readHeader reads a .npy header and leaves r at the first entry.
func readHeader(r io.Reader) (header, error) {
	var h header
	var pre [12]byte
	if _, err := io.ReadFull(r, pre[:8]); err != nil {
		return h, fmt.Errorf("%w: npy header cut short", population.ErrFormat)
	}
	if string(pre[:6]) != "\x93NUMPY" {
		return h, fmt.Errorf("%w: no npy magic number", population.ErrFormat)
	}
	width := 4
	switch pre[6] {
	case 1:
		width = 2
	case 2, 3:
	default:
		return h, fmt.Errorf("%w: npy version %d.%d, expected 1 to 3", population.ErrFormat, pre[6], pre[7])
	}
	if _, err := io.ReadFull(r, pre[8:8+width]); err != nil {
		return h, fmt.Errorf("%w: npy header cut short", population.ErrFormat)
	}
	n := le.Uint32(pre[8:]) // with width 2 the upper half is zero
	if n > maxHeader {
		return h, fmt.Errorf("%w: npy header of %d bytes, at most %d", population.ErrLimit, n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, fmt.Errorf("%w: npy header cut short", population.ErrFormat)
	}
	h.bytes = 8 + width + int(n)
	err := h.parse(string(text))
	return h, err
}

// parse reads the Python dictionary of a header, whatever the order of its keys.
func (h *header) parse(text string) error {
	bad := func(what string) error {
		return fmt.Errorf("%w: npy header: %s in %.80q", population.ErrFormat, what, text)
	}
	s := strings.TrimSpace(text)
	if !strings.HasPrefix(s, "{") || !strings.HasSuffix(s, "}") {
		return bad("no dictionary")
	}
	s = strings.TrimSpace(s[1 : len(s)-1])
	seen := map[string]bool{}
	fortran := false
	for s != "" {
		key, rest, ok := quoted(s)
		if !ok {
			return bad("no quoted key")
		}
		if seen[key] {
			return bad("repeated key")
		}
		seen[key] = true
		rest = strings.TrimSpace(rest)
		if !strings.HasPrefix(rest, ":") {
			return bad("no colon after a key")
		}
		rest = strings.TrimSpace(rest[1:])
		switch key {
		case "descr":
			var name string
			if name, rest, ok = quoted(rest); !ok {
				return bad("descr is not one type")
			}
			if h.dtype, ok = dtypeOf(name); !ok {
				return fmt.Errorf("%w: element type %.20q, expected little-endian integers or floats", population.ErrFormat, name)
			}
		case "fortran_order":
			if rest, fortran = strings.CutPrefix(rest, "True"); !fortran {
				if rest, ok = strings.CutPrefix(rest, "False"); !ok {
					return bad("fortran_order is neither True nor False")
				}
			}
		case "shape":
			end := strings.IndexByte(rest, ')')
			if !strings.HasPrefix(rest, "(") || end < 0 {
				return bad("shape is no tuple")
			}
			dims := strings.Split(rest[1:end], ",")
			rest = rest[end+1:]
			for i, d := range dims {
				d = strings.TrimSpace(d)
				if d == "" && i == len(dims)-1 {
					break
				}
				n, err := strconv.ParseUint(d, 10, 31)
				if err != nil {
					return bad("shape is no tuple of sizes")
				}
				h.shape = append(h.shape, int(n))
			}
		default:
			return bad("unknown key")
		}
		rest = strings.TrimSpace(rest)
		if s, ok = strings.CutPrefix(rest, ","); !ok && rest != "" {
			return bad("no comma between keys")
		}
		s = strings.TrimSpace(s)
	}
	if !seen["descr"] || !seen["fortran_order"] || !seen["shape"] {
		return bad("descr, fortran_order or shape missing")
	}
	if fortran && len(h.shape) > 1 {
		return fmt.Errorf("%w: array in Fortran order, expected C order", population.ErrFormat)
	}
	if len(h.shape) > 8 {
		return fmt.Errorf("%w: array of %d dimensions, at most 8", population.ErrLimit, len(h.shape))
	}
	h.entries = 1
	for _, n := range h.shape {
		if n != 0 && h.entries > MaxEntries/n {
			return fmt.Errorf("%w: array of shape %v, at most %d entries are read", population.ErrLimit, h.shape, MaxEntries)
		}
		h.entries *= n
	}
	return nil
}

// quoted splits a leading Python string from s.
func quoted(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return "", s, false
	}
	end := strings.IndexByte(s[1:], s[0])
	if end < 0 {
		return "", s, false
	}
	return s[1 : 1+end], s[end+2:], true
}

// readEntries hands the entries of h to put, in order. Memory does not depend
// on how many there are.
func readEntries(r io.Reader, h header, put func(i int, v float64) error) error {
	size := h.dtype.size
	buf := make([]byte, 8192*size)
	for i := 0; i < h.entries; {
		n := min(h.entries-i, 8192)
		if _, err := io.ReadFull(r, buf[:n*size]); err != nil {
			return fmt.Errorf("%w: data end before entry %d of %d: %v", population.ErrFormat, i+n-1, h.entries, err)
		}
		for k := range n {
			if err := put(i+k, h.dtype.value(buf[k*size:])); err != nil {
				return err
			}
		}
		i += n
	}
	// Reading to the end makes archive/zip compare the checksum.
	switch n, err := r.Read(buf[:1]); {
	case n > 0:
		return fmt.Errorf("%w: more data than the %d entries of the header", population.ErrFormat, h.entries)
	case err != nil && err != io.EOF:
		return fmt.Errorf("%w: %v", population.ErrFormat, err)
	}
	return nil
}
