package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Limits of an ONNX file. They bound what parsing allocates beside the file itself.
const (
	maxNodes = 1 << 16 // a network of model.MaxLayers layers has about ten nodes a layer
	maxNames = 1 << 12 // inputs or outputs of one node, entries of one list
	maxInts  = 1 << 16 // values of an integer tensor: those that we need are shapes and pads
)

// file is what we need of a ModelProto.
type file struct {
	producer string
	opset    int64 // of the default domain
	graph    *graph
}

type graph struct {
	nodes   []node
	tensors map[string]*tensor // initializers
	inputs  []valueInfo
	outputs []string
}

type node struct {
	name, op, domain string
	in, out          []string
	attr             map[string]attr
}

// String names the node in errors.
func (n *node) String() string {
	op := n.op
	if n.domain != "" && n.domain != "ai.onnx" {
		op = n.domain + "." + op
	}
	name := n.name
	if name == "" && len(n.out) > 0 {
		name = "that makes " + n.out[0]
	}
	return fmt.Sprintf("node %q (%s)", name, op)
}

// label is a name for what the node makes.
func (n *node) label() string {
	if l := strings.Trim(n.name, "/"); l != "" {
		return l
	}
	return n.op
}

// weightName is a name for a layer with that weight: PyTorch's name of the module if
// the exporter kept it.
func (n *node) weightName(weight string) string {
	if module, ok := strings.CutSuffix(weight, ".weight"); ok {
		return module
	}
	return n.label()
}

type attr struct {
	f      float32
	i      int64
	s      string
	t      *tensor
	ints   []int64
	floats []float32
	graph  []byte // a branch of an If
}

// valueInfo is a graph input; a dim of -1 is not fixed.
type valueInfo struct {
	name string
	dims []int64
}

// tensor is a TensorProto whose values are not read yet.
type tensor struct {
	name     string
	dims     []int64
	dtype    uint64
	raw      []byte // little-endian values; nil where typed has them
	typed    map[protowire.Number][]protoField
	external map[string]string // location, offset, length of values in another file
	segment  bool
}

// protoField is one field of a protobuf message: n for numbers, b for bytes.
type protoField struct {
	num  protowire.Number
	kind protowire.Type
	n    uint64
	b    []byte
}

// protoFields calls f for every field of a message in turn.
func protoFields(b []byte, f func(protoField) error) error {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		v := protoField{num: num, kind: kind}
		switch kind {
		case protowire.VarintType:
			v.n, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(b)
			v.n = uint64(x)
		case protowire.Fixed64Type:
			v.n, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			v.b, n = protowire.ConsumeBytes(b)
		default:
			return fmt.Errorf("field %d has wire type %d", num, kind)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// numbers appends a repeated number's values, packed or not, at most limit in all.
func (v protoField) numbers(to []uint64, limit int) ([]uint64, error) {
	if v.kind != protowire.BytesType {
		to = append(to, v.n)
	}
	for b := v.b; len(b) > 0; {
		x, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		if to, b = append(to, x), b[n:]; len(to) > limit {
			break
		}
	}
	if len(to) > limit {
		return nil, limitf("a list of more than %d numbers", limit)
	}
	return to, nil
}

// parseFile reads the parts of a file that describe its network.
func parseFile(data []byte) (*file, error) {
	m := &file{}
	err := protoFields(data, func(v protoField) error {
		switch v.num {
		case 2, 3: // producer_name, producer_version
			if m.producer != "" {
				m.producer += " "
			}
			m.producer += string(v.b)
		case 7:
			if m.graph != nil {
				return badf("two graphs")
			}
			m.graph = &graph{tensors: map[string]*tensor{}}
			return m.graph.parse(v.b)
		case 8: // opset_import
			domain, version := "", int64(0)
			if err := protoFields(v.b, func(v protoField) error {
				switch v.num {
				case 1:
					domain = string(v.b)
				case 2:
					version = int64(v.n)
				}
				return nil
			}); err != nil {
				return err
			}
			if domain == "" || domain == "ai.onnx" {
				m.opset = version
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m.graph == nil {
		return nil, badf("no graph")
	}
	return m, nil
}

func (g *graph) parse(b []byte) error {
	return protoFields(b, func(v protoField) error {
		switch v.num {
		case 1:
			if len(g.nodes) == maxNodes {
				return limitf("more than %d nodes", maxNodes)
			}
			n, err := parseNode(v.b)
			if err != nil {
				return fmt.Errorf("node %d: %w", len(g.nodes), err)
			}
			g.nodes = append(g.nodes, n)
		case 5:
			t, err := parseTensor(v.b)
			if err != nil {
				return fmt.Errorf("initializer %q: %w", t.name, err)
			}
			if _, twice := g.tensors[t.name]; twice {
				return badf("two initializers %q", t.name)
			}
			if len(g.tensors) == maxNodes {
				return limitf("more than %d initializers", maxNodes)
			}
			g.tensors[t.name] = t
		case 11, 12:
			info, err := parseValueInfo(v.b)
			if err != nil {
				return fmt.Errorf("input or output %q: %w", info.name, err)
			}
			if len(g.inputs)+len(g.outputs) == maxNodes {
				return limitf("more than %d inputs and outputs", maxNodes)
			}
			if v.num == 11 {
				g.inputs = append(g.inputs, info)
			} else {
				g.outputs = append(g.outputs, info.name)
			}
		case 15:
			return badf("sparse initializers are not supported")
		}
		return nil
	})
}

func parseNode(b []byte) (node, error) {
	n := node{attr: map[string]attr{}}
	err := protoFields(b, func(v protoField) error {
		switch v.num {
		case 1:
			n.in = append(n.in, string(v.b))
		case 2:
			n.out = append(n.out, string(v.b))
		case 3:
			n.name = string(v.b)
		case 4:
			n.op = string(v.b)
		case 5:
			name, a, err := parseAttr(v.b)
			if err != nil {
				return fmt.Errorf("attribute %q: %w", name, err)
			}
			n.attr[name] = a
		case 7:
			n.domain = string(v.b)
		}
		if max(len(n.in), len(n.out), len(n.attr)) > maxNames {
			return limitf("more than %d inputs, outputs or attributes", maxNames)
		}
		return nil
	})
	return n, err
}

func parseAttr(b []byte) (name string, a attr, err error) {
	var ints []uint64
	err = protoFields(b, func(v protoField) (err error) {
		switch v.num {
		case 1:
			name = string(v.b)
		case 2:
			a.f = math.Float32frombits(uint32(v.n))
		case 3:
			a.i = int64(v.n)
		case 4:
			a.s = string(v.b)
		case 5:
			a.t, err = parseTensor(v.b)
		case 6:
			a.graph = v.b
		case 7:
			w := v.b
			if v.kind == protowire.Fixed32Type {
				w = binary.LittleEndian.AppendUint32(nil, uint32(v.n))
			}
			if len(w)/4+len(a.floats) > maxInts {
				return limitf("a list of more than %d numbers", maxInts)
			}
			for ; len(w) >= 4; w = w[4:] {
				a.floats = append(a.floats, math.Float32frombits(binary.LittleEndian.Uint32(w)))
			}
		case 8:
			ints, err = v.numbers(ints, maxInts)
		}
		return err
	})
	for _, x := range ints {
		a.ints = append(a.ints, int64(x))
	}
	return name, a, err
}

// parseTensor always returns a tensor, so that an error can name it.
func parseTensor(b []byte) (*tensor, error) {
	t := &tensor{typed: map[protowire.Number][]protoField{}}
	var dims []uint64
	err := protoFields(b, func(v protoField) (err error) {
		switch v.num {
		case 1:
			dims, err = v.numbers(dims, maxDims)
		case 2:
			t.dtype = v.n
		case 3:
			t.segment = true
		case 4, 5, 7, 10, 11: // float_data, int32_data, int64_data, double_data, uint64_data
			if len(t.typed[v.num]) > maxInts {
				return limitf("more than %d pieces of data", maxInts)
			}
			t.typed[v.num] = append(t.typed[v.num], v)
		case 8:
			t.name = string(v.b)
		case 9:
			t.raw = v.b
		case 13:
			key, value := "", ""
			if err := protoFields(v.b, func(v protoField) error {
				switch v.num {
				case 1:
					key = string(v.b)
				case 2:
					value = string(v.b)
				}
				return nil
			}); err != nil {
				return err
			}
			if t.external == nil {
				t.external = map[string]string{}
			}
			if len(t.external) < maxNames {
				t.external[key] = value
			}
		}
		return err
	})
	for _, d := range dims {
		t.dims = append(t.dims, int64(d))
	}
	return t, err
}

// parseValueInfo reads a name and a tensor's shape.
func parseValueInfo(b []byte) (valueInfo, error) {
	var info valueInfo
	// ValueInfoProto.type(2).tensor_type(1).shape(2).dim(1).dim_value(1)
	err := protoFields(b, func(v protoField) error {
		switch v.num {
		case 1:
			info.name = string(v.b)
		case 2:
			return protoFields(v.b, func(v protoField) error {
				if v.num != 1 {
					return nil
				}
				return protoFields(v.b, func(v protoField) error {
					if v.num != 2 {
						return nil
					}
					return protoFields(v.b, func(v protoField) error {
						if len(info.dims) == maxDims {
							return limitf("more than %d dimensions", maxDims)
						}
						info.dims = append(info.dims, -1)
						return protoFields(v.b, func(v protoField) error {
							if d := int64(v.n); v.num == 1 && d > 0 {
								info.dims[len(info.dims)-1] = d
							}
							return nil
						})
					})
				})
			})
		}
		return nil
	})
	return info, err
}

// Sniff walks the top-level fields: a valid message with a graph and no field
// that a ModelProto does not have.
func Sniff(data []byte) bool {
	if len(data) == 0 || data[0] != 0x08 && data[0] != 0x3a && data[0] != 0x12 && data[0] != 0x42 {
		return false
	}
	graph := false
	for len(data) > 0 {
		num, kind, n := protowire.ConsumeTag(data)
		if n < 0 || num > 32 {
			return false
		}
		data = data[n:]
		if n = protowire.ConsumeFieldValue(num, kind, data); n < 0 {
			// A file that was cut off is to be an error of the importer.
			return graph || num == 7
		}
		graph = graph || num == 7 && kind == protowire.BytesType
		data = data[n:]
	}
	return graph
}
