package onnx

import (
	"encoding/binary"
	"io/fs"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"understudy/plugin/model"
)

// Element types of a tensor (TensorProto.DataType).
const (
	typeFloat    = 1
	typeUint8    = 2
	typeInt8     = 3
	typeInt32    = 6
	typeInt64    = 7
	typeBool     = 9
	typeFloat16  = 10
	typeDouble   = 11
	typeBFloat16 = 16
)

// budget bounds what a file can make of little: the same bytes can be read, joined
// and used as weights many times.
type budget struct {
	values  int64 // that may still be computed or copied
	outside int64 // bytes that may still be read of other files
}

func newBudget(file int) *budget {
	return &budget{values: 1<<22 + 4*int64(file), outside: model.MaxFileBytes}
}

// spend takes values from the budget.
func (b *budget) spend(values int) error {
	if b.values -= int64(values); b.values < 0 {
		return limitf("far more values than the file has")
	}
	return nil
}

// read decodes a tensor's values: floats to float32, integers to sizes. files holds
// values kept outside of the file; it may be nil.
func (t *tensor) read(files fs.FS, budget *budget) (*array, error) {
	if t.segment {
		return nil, badf("tensor in segments")
	}
	a := &array{}
	count := int64(1)
	for _, d := range t.dims {
		if d < 0 || d > 0 && count > model.MaxFileBytes/d {
			return nil, badf("shape %v", t.dims)
		}
		count *= d
		a.shape = append(a.shape, int(d))
	}
	size := map[uint64]int64{typeFloat: 4, typeDouble: 8, typeFloat16: 2, typeBFloat16: 2,
		typeInt64: 8, typeInt32: 4, typeUint8: 1, typeInt8: 1, typeBool: 1}[t.dtype]
	if size == 0 {
		return nil, badf("element type %d is not supported", t.dtype)
	}
	isInt := t.dtype >= typeUint8 && t.dtype <= typeBool
	if isInt && count > maxInts {
		return nil, limitf("%d integers, at most %d are accepted", count, maxInts)
	}
	b := t.raw
	switch {
	case t.external != nil:
		if budget.outside -= size * count; budget.outside < 0 {
			return nil, limitf("more than %d bytes outside of the file", model.MaxFileBytes)
		}
		budget.values += 4 * size * count
		var err error
		if b, err = t.readExternal(files, size*count); err != nil {
			return nil, err
		}
	case b == nil:
		var err error
		if b, err = t.packTyped(); err != nil {
			return nil, err
		}
	}
	if int64(len(b)) != size*count {
		return nil, badf("shape %v needs %d bytes, there are %d", t.dims, size*count, len(b))
	}
	le := binary.LittleEndian
	if isInt {
		a.ints = make([]dim, count)
		for i := range a.ints {
			switch t.dtype {
			case typeInt64:
				a.ints[i].n = int64(le.Uint64(b[8*i:]))
			case typeInt32:
				a.ints[i].n = int64(int32(le.Uint32(b[4*i:])))
			case typeInt8:
				a.ints[i].n = int64(int8(b[i]))
			default:
				a.ints[i].n = int64(b[i])
			}
		}
		return a, nil
	}
	a.floats = make([]float32, count)
	for i := range a.floats {
		var x float32
		switch t.dtype {
		case typeFloat:
			x = math.Float32frombits(le.Uint32(b[4*i:]))
		case typeDouble:
			x = float32(math.Float64frombits(le.Uint64(b[8*i:])))
		case typeFloat16:
			x = float16(le.Uint16(b[2*i:]))
		case typeBFloat16:
			x = math.Float32frombits(uint32(le.Uint16(b[2*i:])) << 16)
		}
		if !finite(float64(x)) {
			return nil, badf("value %d is %v", i, x)
		}
		a.floats[i] = x
	}
	return a, nil
}

// packTyped turns the typed fields (float_data, int64_data ...) into raw_data.
func (t *tensor) packTyped() ([]byte, error) {
	var b []byte
	le := binary.LittleEndian
	field := map[uint64]protowire.Number{typeFloat: 4, typeDouble: 10, typeInt64: 7}[t.dtype]
	if field == 0 {
		field = 5 // int32_data holds all narrower types
	}
	for _, v := range t.typed[field] {
		switch {
		case field == 4 && v.kind == protowire.Fixed32Type:
			b = le.AppendUint32(b, uint32(v.n))
		case field == 10 && v.kind == protowire.Fixed64Type:
			b = le.AppendUint64(b, v.n)
		case field == 4 || field == 10:
			b = append(b, v.b...)
		default:
			list, err := v.numbers(nil, max(maxInts, len(v.b)))
			if err != nil {
				return nil, err
			}
			for _, x := range list {
				switch t.dtype {
				case typeInt64:
					b = le.AppendUint64(b, x)
				case typeInt32:
					b = le.AppendUint32(b, uint32(x))
				case typeFloat16, typeBFloat16:
					b = le.AppendUint16(b, uint16(x))
				default:
					b = append(b, byte(x))
				}
			}
		}
	}
	return b, nil
}

// readExternal reads values that PyTorch's exporter puts into a file beside the
// model by default. fs.FS accepts no path that leaves the folder.
func (t *tensor) readExternal(files fs.FS, size int64) ([]byte, error) {
	location := t.external["location"]
	if files == nil {
		return nil, badf("its values are in the file %q, which cannot be read here; export with external_data=False", location)
	}
	offset := int64(0)
	for key, to := range map[string]*int64{"offset": &offset, "length": &size} {
		if s, ok := t.external[key]; ok {
			x, err := strconv.ParseInt(s, 10, 64)
			if err != nil || x < 0 || key == "length" && x != size {
				return nil, badf("external data: %s %q", key, s)
			}
			*to = x
		}
	}
	f, err := files.Open(location)
	if err != nil {
		return nil, badf("external data: %v", err)
	}
	defer f.Close()
	r, ok := f.(interface {
		ReadAt([]byte, int64) (int, error)
	})
	st, err := f.Stat()
	if !ok || err != nil || st.IsDir() || size > st.Size() || offset > st.Size()-size {
		return nil, badf("external data: %q has no %d bytes at %d", location, size, offset)
	}
	b := make([]byte, size)
	if n, err := r.ReadAt(b, offset); n < len(b) {
		return nil, badf("external data: %q: %v", location, err)
	}
	return slices.Clip(b), nil
}

// float16 widens an IEEE half.
func float16(h uint16) float32 {
	sign, exp, frac := float64(1), int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exp {
	case 0:
		return float32(sign * math.Ldexp(frac, -24))
	case 31:
		return float32(math.NaN()) // or infinite: refused either way
	}
	return float32(sign * math.Ldexp(1024+frac, exp-25))
}
