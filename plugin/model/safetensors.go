package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"understudy/plugin/population"
)

// maxHeader bounds the JSON header [bytes]: a model has at most MaxLayers
// layers of two tensors and one description per channel, about 1 MB for the
// largest model that is accepted; the format itself allows 100 MB.
const maxHeader = 16 << 20

// maxDims bounds the rank of a tensor; conv1d weights have three dimensions.
const maxDims = 8

// metadataKey is the reserved entry of the header that holds strings.
const metadataKey = "__metadata__"

// tensorEntry is one tensor's entry in the JSON header.
type tensorEntry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

// parseSafetensors splits a safetensors file into its metadata strings and its
// tensors, whose values are copied out of data. Everything is checked before
// anything is allocated in proportion to a number in the file: the header's
// length, its JSON (strict UTF-8, no duplicate or unknown key), dtypes, shapes,
// that the tensors cover the data without hole or overlap, and that every value
// is finite.
func parseSafetensors(name string, data []byte) (map[string]string, map[string]Tensor, error) {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%w: %s: %s", population.ErrFormat, name, fmt.Sprintf(format, a...))
	}
	if len(data) < 8 {
		return nil, nil, bad("%d bytes long, a safetensors file has at least an 8-byte header length", len(data))
	}
	hlen := binary.LittleEndian.Uint64(data)
	if hlen > maxHeader {
		return nil, nil, bad("header of %d bytes, at most %d are accepted", hlen, maxHeader)
	}
	if hlen > uint64(len(data)-8) {
		return nil, nil, bad("header of %d bytes in a file of %d: truncated", hlen, len(data))
	}
	header, body := data[8:8+hlen], data[8+hlen:]
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, bad("header does not start with '{': not a safetensors file")
	}

	var raw map[string]jsontext.Value
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, nil, bad("header: %v", err)
	}
	meta := map[string]string{}
	entries := make(map[string]tensorEntry, len(raw))
	names := make([]string, 0, len(raw))
	for key, v := range raw {
		if key == metadataKey {
			if err := json.Unmarshal(v, &meta); err != nil {
				return nil, nil, bad("%s: %v", metadataKey, err)
			}
			continue
		}
		var e tensorEntry
		if err := json.Unmarshal(v, &e, json.RejectUnknownMembers(true)); err != nil {
			return nil, nil, bad("tensor %q: %v", key, err)
		}
		if len(e.Offsets) != 2 || e.Offsets[0] > e.Offsets[1] {
			return nil, nil, bad("tensor %q: data_offsets %v, want [begin, end]", key, e.Offsets)
		}
		entries[key] = e
		names = append(names, key)
	}
	// In file order, and by name where two claim the same place, so that the
	// error is the same in every run.
	slices.SortFunc(names, func(a, b string) int {
		x, y := entries[a].Offsets[0], entries[b].Offsets[0]
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return strings.Compare(a, b)
	})

	tensors := make(map[string]Tensor, len(names))
	end := uint64(0)
	for _, key := range names {
		e := entries[key]
		if e.Offsets[0] != end {
			return nil, nil, bad("tensor %q: begins at byte %d of the data, the one before it ends at %d (overlap or hole)", key, e.Offsets[0], end)
		}
		end = e.Offsets[1]
		if end > uint64(len(body)) {
			return nil, nil, bad("tensor %q: ends at byte %d of %d bytes of data: truncated", key, end, len(body))
		}
		t, err := readTensor(e, body[e.Offsets[0]:end])
		if err != nil {
			return nil, nil, bad("tensor %q: %v", key, err)
		}
		tensors[key] = t
	}
	if end != uint64(len(body)) {
		return nil, nil, bad("%d bytes after the last tensor", uint64(len(body))-end)
	}
	return meta, tensors, nil
}

// readTensor checks one tensor's dtype and shape against its bytes and copies
// its values.
func readTensor(e tensorEntry, b []byte) (Tensor, error) {
	if e.DType != "F32" {
		return Tensor{}, fmt.Errorf("dtype %q, only F32 is accepted", e.DType)
	}
	if len(e.Shape) > maxDims {
		return Tensor{}, fmt.Errorf("%d dimensions, at most %d are accepted", len(e.Shape), maxDims)
	}
	shape := make([]int, len(e.Shape))
	count := int64(1)
	for i, d := range e.Shape {
		// Dividing keeps the product from overflowing.
		if d < 1 || d > int64(len(b))/4/count {
			return Tensor{}, fmt.Errorf("shape %v does not fit its %d bytes", e.Shape, len(b))
		}
		count *= d
		shape[i] = int(d)
	}
	if count*4 != int64(len(b)) {
		return Tensor{}, fmt.Errorf("shape %v has %d values of 4 bytes, data_offsets span %d bytes", e.Shape, count, len(b))
	}
	v := make([]float32, count)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if x := float64(v[i]); math.IsNaN(x) || math.IsInf(x, 0) {
			return Tensor{}, fmt.Errorf("value %d is %v", i, x)
		}
	}
	return Tensor{Shape: shape, Data: v}, nil
}

// formatSafetensors writes the metadata and the tensors in the order of names.
// The same content always gives the same bytes.
func formatSafetensors(meta map[string]string, names []string, tensors map[string]Tensor) ([]byte, error) {
	var header []byte
	m, err := json.Marshal(meta, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	header = fmt.Appendf(header, "{%q:%s", metadataKey, m)
	offset := 0
	for _, name := range names {
		t := tensors[name]
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		shape := make([]int64, len(t.Shape))
		for i, d := range t.Shape {
			shape[i] = int64(d)
		}
		end := offset + 4*len(t.Data)
		e, err := json.Marshal(tensorEntry{DType: "F32", Shape: shape, Offsets: []uint64{uint64(offset), uint64(end)}})
		if err != nil {
			return nil, err
		}
		header = fmt.Appendf(header, ",%s:%s", key, e)
		offset = end
	}
	header = append(header, '}')
	for len(header)%8 != 0 { // padding by spaces keeps the tensors aligned, as the format recommends
		header = append(header, ' ')
	}
	if len(header) > maxHeader {
		return nil, fmt.Errorf("%w: header of %d bytes, at most %d are accepted", population.ErrLimit, len(header), maxHeader)
	}
	out := make([]byte, 0, 8+len(header)+offset)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(header)))
	out = append(out, header...)
	for _, name := range names {
		for _, x := range tensors[name].Data {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
		}
	}
	return out, nil
}
