package onnx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"understudy/plugin/model"
	"understudy/plugin/model/importer"
	"understudy/plugin/population"
)

// Writers of the parts of an ONNX file: message fields are appended one after the other.

func text(num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, num, protowire.BytesType), s)
}

func number(num protowire.Number, x int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), uint64(x))
}

func message(num protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), bytes.Join(parts, nil))
}

func ints(name string, x ...int64) []byte {
	b := [][]byte{text(1, name), number(20, 7)}
	for _, v := range x {
		b = append(b, number(8, v))
	}
	return message(5, b...)
}

func integer(name string, x int64) []byte { return message(5, text(1, name), number(3, x)) }
func word(name, s string) []byte          { return message(5, text(1, name), text(4, s)) }

func decimal(name string, x float32) []byte {
	return message(5, text(1, name), protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), math.Float32bits(x)))
}

// node writes NodeProto: op, inputs and outputs by name ("a,b>c"), attributes.
func node(op, wires string, attributes ...[]byte) []byte {
	in, out, _ := strings.Cut(wires, ">")
	b := [][]byte{text(4, op), text(3, "the_"+strings.ToLower(op))}
	for _, name := range strings.Split(in, ",") {
		if in != "" {
			b = append(b, text(1, name))
		}
	}
	for _, name := range strings.Split(out, ",") {
		b = append(b, text(2, name))
	}
	return message(1, append(b, attributes...)...)
}

// tensor writes an initializer of values 0.1, 0.2 ...
func tensor(name string, dims ...int64) []byte {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	var raw []byte
	for i := range n {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(i+1)/10))
	}
	return rawTensor(name, 1, raw, dims...)
}

func rawTensor(name string, dtype int64, raw []byte, dims ...int64) []byte {
	b := [][]byte{text(8, name), number(2, dtype), message(9, raw)}
	for _, d := range dims {
		b = append(b, number(1, d))
	}
	return message(5, b...)
}

func intTensor(name string, x ...int64) []byte {
	b := [][]byte{text(8, name), number(2, 7), number(1, int64(len(x)))}
	for _, v := range x {
		b = append(b, number(7, v)) // int64_data, not packed
	}
	return message(5, b...)
}

func scalar(name string, x float32) []byte {
	return rawTensor(name, 1, binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
}

func value(num protowire.Number, name string, dims ...int64) []byte {
	var shape [][]byte
	for _, d := range dims {
		if d < 0 {
			shape = append(shape, message(1, text(2, "any")))
		} else {
			shape = append(shape, message(1, number(1, d)))
		}
	}
	return message(num, text(1, name), message(2, message(1, number(1, 1), message(2, shape...))))
}

func onnxFile(graph ...[]byte) []byte {
	return slices.Concat(number(1, 8), text(2, "test"), message(8, text(1, ""), number(2, 17)), message(7, graph...))
}

// parts of a small network: 3 channels, a causal convolution of 4 filters, two heads.
func smallONNX() map[string][]byte {
	return map[string][]byte{
		"0input":   value(11, "events", -1, 3, -1),
		"1weights": slices.Concat(tensor("c.weight", 4, 3, 3), tensor("c.bias", 4), tensor("s.weight", 1, 4, 1), tensor("v.weight", 1, 4, 1), tensor("v.bias", 1)),
		"2conv":    node("Conv", "events,c.weight,c.bias>a", ints("pads", 4, 0), ints("dilations", 2)),
		"3act":     node("Relu", "a>b"),
		"4spike":   node("Conv", "b,s.weight>z"),
		"5sigmoid": node("Sigmoid", "z>spike"),
		"6v":       node("Conv", "b,v.weight,v.bias>v_soma"),
		"7outputs": slices.Concat(value(12, "spike"), value(12, "v_soma")),
	}
}

func assemble(parts map[string][]byte) []byte {
	var keys []string
	for k := range parts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var graph [][]byte
	for _, k := range keys {
		graph = append(graph, parts[k])
	}
	return onnxFile(graph...)
}

func TestImport(t *testing.T) {
	scale, offset, threshold := 10.0, -67.7, 0.2
	m, err := importer.Import("folder/net.onnx", assemble(smallONNX()), importer.Options{VScale: &scale, VOffset: &offset, Threshold: &threshold})
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "net" || m.Inputs.Channels != 3 || m.SpikeThreshold != 0.2 || *m.Heads["v_soma"].Scale != 10 || len(m.Layers) != 3 {
		t.Errorf("%+v", m.Document)
	}
	c := m.Layers[0]
	if c.Name != "c" || c.Kernel != 3 || c.Dilation != 2 || c.Activation != model.ActReLU || m.Tensors["c.weight"].Data[5] != 0.6 {
		t.Errorf("%+v", c)
	}
	if h := m.Heads["spike"]; h.Layer != "s" || h.Activation != model.ActSigmoid || m.Layers[1].Activation != model.ActNone {
		t.Errorf("%+v, %+v", h, m.Layers[1])
	}
	if _, err := m.Encode(); err != nil {
		t.Error(err)
	}
	// The same network, its input the other way round.
	p := smallONNX()
	p["0input"] = value(11, "events", -1, -1, 3)
	p["1transpose"] = node("Transpose", "events>x", ints("perm", 0, 2, 1))
	p["2conv"] = bytes.Replace(p["2conv"], text(1, "events"), text(1, "x"), 1)
	p["2conv"] = node("Conv", "x,c.weight,c.bias>a", ints("pads", 4, 0), ints("dilations", 2))
	if again, err := importer.Import("net.onnx", assemble(p), importer.Options{VScale: &scale, VOffset: &offset, Threshold: &threshold}); err != nil {
		t.Error(err)
	} else if a, b := encode(t, again), encode(t, m); !bytes.Equal(a, b) {
		t.Error("another layout of the input gives another model")
	}
}

// Padding and its removal in ways that mean the same: zeros on the left of the
// convolution's input.
func TestPadding(t *testing.T) {
	want := encode(t, imported(t, smallONNX(), ""))
	for name, nodes := range map[string][]byte{
		"pad":           slices.Concat(node("Pad", "events,p>x"), node("Conv", "x,c.weight,c.bias>a", ints("dilations", 2))),
		"pad before":    slices.Concat(node("Pad", "events,p>x"), node("Relu", "x>y"), node("Conv", "y,c.weight,c.bias>a", ints("dilations", 2))),
		"pad in parts":  slices.Concat(node("Pad", "events,half>x"), node("Conv", "x,c.weight,c.bias>a", ints("dilations", 2), ints("pads", 2, 0))),
		"chomp":         slices.Concat(node("Conv", "events,c.weight,c.bias>x", ints("pads", 4, 4), ints("dilations", 2)), node("Slice", "x,zero,minus4,two>a")),
		"chomp later":   slices.Concat(node("Conv", "events,c.weight,c.bias>x", ints("pads", 4, 4), ints("dilations", 2)), node("Identity", "x>y"), node("Slice", "y,zero,minus4,two>a")),
		"both ends off": slices.Concat(node("Conv", "events,c.weight,c.bias>x", ints("pads", 5, 4), ints("dilations", 2)), node("Slice", "x,one,minus4,two>a")),
	} {
		p := smallONNX()
		p["1ints"] = slices.Concat(intTensor("p", 0, 0, 4, 0, 0, 0), intTensor("half", 0, 0, 2, 0, 0, 0), intTensor("zero", 0), intTensor("one", 1), intTensor("two", 2), intTensor("minus4", -4))
		p["2conv"] = nodes
		m := imported(t, p, "")
		if name == "pad before" { // Relu of the input is a layer
			if len(m.Layers) != 4 || m.Layers[1].Reach() != 4 {
				t.Errorf("%s: %+v", name, m.Layers)
			}
		} else if !bytes.Equal(encode(t, m), want) {
			t.Errorf("%s: another model: %+v", name, m.Layers)
		}
	}
}

func imported(t testing.TB, parts map[string][]byte, spike string) *model.Model {
	t.Helper()
	m, err := importer.Import("net.onnx", assemble(parts), importer.Options{SpikeOutput: spike})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// One thing wrong at a time; the message names the node and says why.
func TestErrors(t *testing.T) {
	conv := func(attributes ...[]byte) []byte { return node("Conv", "events,c.weight,c.bias>a", attributes...) }
	for _, c := range []struct {
		name, part string
		with       []byte
		says       string
	}{
		{"symmetric padding", "2conv", conv(ints("pads", 1, 1)), `node "the_conv" (Conv): bad file: not causal`},
		{"SAME_UPPER", "2conv", conv(word("auto_pad", "SAME_UPPER")), "not causal"},
		{"no padding", "2conv", conv(), "not causal"},
		{"padding not cut off", "2conv", conv(ints("pads", 2, 2)), `output "spike" has`},
		{"too much padding", "2conv", conv(ints("pads", 3, 0)), "1 steps before the input's first"},
		{"padding on the right", "2conv", slices.Concat(intTensor("p", 0, 0, 0, 0, 0, 2), node("Pad", "events,p>x"), node("Conv", "x,c.weight,c.bias>a")), "not causal"},
		{"padding of ones", "2conv", slices.Concat(intTensor("p", 0, 0, 2, 0, 0, 0), scalar("1", 1), node("Pad", "events,p,1>x"), node("Conv", "x,c.weight,c.bias>a")), "padding of 1"},
		{"padding by reflection", "2conv", slices.Concat(intTensor("p", 0, 0, 2, 0, 0, 0), node("Pad", "events,p>x", word("mode", "reflect")), node("Conv", "x,c.weight,c.bias>a")), "reflect"},
		{"zeros that a layer changed", "2conv", slices.Concat(intTensor("p", 0, 0, 2, 0, 0, 0), scalar("1", 1), node("Pad", "events,p>x"), node("Add", "x,1>y"), node("Conv", "y,c.weight,c.bias>a")), "not zeros"},
		{"stride", "2conv", conv(ints("pads", 2, 0), ints("strides", 2)), "stride [2]"},
		{"dilation", "2conv", conv(ints("pads", 2, 0), ints("dilations", 1<<40)), "dilation"},
		{"groups", "2conv", conv(ints("pads", 2, 0), integer("group", 2)), "2 groups"},
		{"weight", "1weights", slices.Concat(tensor("c.weight", 4, 5, 3), tensor("c.bias", 4), tensor("s.weight", 1, 4, 1), tensor("v.weight", 1, 4, 1), tensor("v.bias", 1)), `"the_conv"`},
		{"bias", "1weights", slices.Concat(tensor("c.weight", 4, 3, 3), tensor("c.bias", 5), tensor("s.weight", 1, 4, 1), tensor("v.weight", 1, 4, 1), tensor("v.bias", 1)), "bias"},
		{"unknown op", "3act", node("Softmax", "a>b"), `node "the_softmax" (Softmax): bad file: the op is not supported`},
		{"other domain", "3act", node("Relu", "a>b", text(7, "com.microsoft")), "com.microsoft.Relu"},
		{"recurrence", "3act", node("Relu", "b>b"), `"b" is not made by a node before it`},
		{"made twice", "3act", slices.Concat(node("Relu", "a>b"), node("Relu", "a>b")), `"b" is made twice`},
		{"input made again", "3act", slices.Concat(node("Relu", "a>b"), node("Relu", "a>events")), "made twice"},
		{"product", "3act", node("Mul", "a,events>b"), "product of two signals"},
		{"gate", "3act", slices.Concat(node("Tanh", "a>t"), node("Sigmoid", "a>g"), node("Mul", "t,g>b")), "product of two signals"},
		{"an unknown function", "3act", slices.Concat(node("Mul", "a,a>b")), "none of the activations"},
		{"a part of GELU", "3act", slices.Concat(scalar("r", 0.70710677), node("Mul", "a,r>d"), node("Erf", "d>b")), "none of the activations"},
		{"erf of something else", "3act", node("Erf", "a>b"), "only as a part of GELU"},
		{"residual of other width", "3act", node("Add", "a,events>b"), "4 channels"},
		{"residual with a delay", "3act", slices.Concat(intTensor("p", 0, 0, 1, 0, 0, 0), node("Pad", "a,p>x"), node("Add", "a,x>b")), "differ in time"},
		{"slope per channel", "3act", node("PRelu", "a,c.bias>b"), "slope for each channel"},
		{"training", "3act", node("BatchNormalization", "a,c.bias,c.bias,c.bias,c.bias>b", integer("training_mode", 1)), "eval()"},
		{"last step only", "3act", slices.Concat(intTensor("i", -1), node("Gather", "a,i>b", integer("axis", 2))), "picks one step"},
		{"first steps dropped", "3act", slices.Concat(intTensor("i", 1), intTensor("e", 1<<40), intTensor("x", 2), node("Slice", "a,i,e,x>b")), "drops the first steps"},
		{"last steps dropped", "3act", slices.Concat(intTensor("i", 0), intTensor("e", -3), intTensor("x", 2), node("Slice", "a,i,e,x>b")), "no padding"},
		{"time reversed", "3act", slices.Concat(intTensor("i", -1), intTensor("e", -1<<40), intTensor("x", 2), intTensor("s", -1), node("Slice", "a,i,e,x,s>b")), "step -1"},
		{"channels reshaped", "3act", slices.Concat(intTensor("s", 0, 2, -1), node("Reshape", "a,s>b")), "from the axes BCT"},
		{"mean over time", "3act", node("ReduceMean", "a>b"), "ReduceMean"},
		{"half precision", "3act", node("Cast", "a>b", integer("to", 10)), "cast"},
		{"unknown condition", "3act", node("If", "a>b"), "condition"},
		{"missing branch", "3act", slices.Concat(rawTensor("c", 9, []byte{1}), node("If", "c>b")), "makes nothing"},
		{"head of two channels", "1weights", slices.Concat(tensor("c.weight", 4, 3, 3), tensor("c.bias", 4), tensor("s.weight", 2, 4, 1), tensor("v.weight", 1, 4, 1), tensor("v.bias", 1)), `Say spike:CHANNEL (--spike-output)`},
		{"no spike", "7outputs", value(12, "v_soma"), `none is named spike`},
		{"constant output", "7outputs", slices.Concat(value(12, "spike"), value(12, "c.bias")), "does not depend on the events"},
		{"missing output", "7outputs", value(12, "axon"), `"axon" is not made`},
		{"the input as spike", "5sigmoid", node("Sigmoid", "events>spike"), "3 channels"},
		{"two inputs", "0input", slices.Concat(value(11, "events", 1, 3, -1), value(11, "more", 1)), "2 inputs"},
		{"five axes", "0input", value(11, "events", 1, 3, 1, 1, 9), "5 axes"},
		{"channels not fixed", "0input", value(11, "events", -1, -1, -1), "how many channels"},
		{"very many channels", "0input", value(11, "events", 1, 1<<40, -1), "channels"},
		{"element type", "1weights", rawTensor("c.weight", 8, nil, 4, 3, 3), "element type 8"},
		{"short data", "1weights", rawTensor("c.weight", 1, []byte{1, 2, 3, 4}, 4, 3, 3), "144 bytes"},
		{"huge shape", "1weights", rawTensor("c.weight", 1, []byte{1, 2, 3, 4}, 1<<40, 1<<40, 3), "shape"},
		{"negative shape", "1weights", rawTensor("c.weight", 1, []byte{1, 2, 3, 4}, -1), "shape"},
		{"NaN", "1weights", rawTensor("c.weight", 1, []byte{0, 0, 0xc0, 0x7f}, 1, 1, 1), "NaN"},
		{"external data", "1weights", message(5, text(8, "c.weight"), number(2, 1), number(1, 4), number(1, 3), number(1, 3), number(14, 1), message(13, text(1, "location"), text(2, "x.data"))), "external_data=False"},
		{"same initializer", "1weights", slices.Concat(tensor("c.weight", 4, 3, 3), tensor("c.weight", 4, 3, 3)), "two initializers"},
		{"not a message", "3act", message(1, []byte{0xff}), "node 1"},
		{"sparse", "3act", message(15, nil), "sparse"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := smallONNX()
			if _, ok := p[c.part]; !ok {
				t.Fatal(c.part)
			}
			p[c.part] = c.with
			m, err := importer.Import("bad.onnx", assemble(p), importer.Options{})
			if m != nil || !errors.Is(err, population.ErrFormat) && !errors.Is(err, population.ErrLimit) {
				t.Fatalf("error %v", err)
			}
			if !strings.Contains(err.Error(), "bad.onnx") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("message %q does not say %q", err, c.says)
			}
		})
	}
}

// Weights beside the file are read in its folder, and only there.
func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	data := append(make([]byte, 16), tensor("", 4, 3, 3)...)
	data = append(make([]byte, 16), data[len(data)-144-6:len(data)-6]...) // raw_data precedes dims of 2 bytes each
	if err := os.WriteFile(filepath.Join(dir, "x.data"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "outside"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../outside", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	load := func(location, offset, length string) error {
		p := smallONNX()
		p["1weights"] = slices.Concat(message(5, text(8, "c.weight"), number(2, 1), number(1, 4), number(1, 3), number(1, 3), number(14, 1),
			message(13, text(1, "location"), text(2, location)), message(13, text(1, "offset"), text(2, offset)), message(13, text(1, "length"), text(2, length))),
			tensor("c.bias", 4), tensor("s.weight", 1, 4, 1), tensor("v.weight", 1, 4, 1), tensor("v.bias", 1))
		m, err := importer.Import("net.onnx", assemble(p), importer.Options{Files: root.FS()})
		if err == nil && m.Tensors["c.weight"].Data[5] != 0.6 {
			t.Errorf("weights %v", m.Tensors["c.weight"].Data)
		}
		return err
	}
	if err := load("x.data", "16", "144"); err != nil {
		t.Error(err)
	}
	for _, c := range [][3]string{{"../outside", "16", "144"}, {"/etc/passwd", "0", "144"}, {"link", "16", "144"}, {"none", "16", "144"}, {"", "0", "144"},
		{"x.data", "17", "144"}, {"x.data", "-1", "144"}, {"x.data", "9223372036854775807", "144"}, {"x.data", "16", "143"}, {"x.data", "a", "144"}, {".", "0", "144"}} {
		if err := load(c[0], c[1], c[2]); !errors.Is(err, population.ErrFormat) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// A small file must not cost much, whatever it claims.
func TestCost(t *testing.T) {
	huge := map[string][]byte{}
	p := smallONNX()
	var squares [][]byte
	last := "c.weight"
	for i := range 40 { // each twice as long as the one before
		next := fmt.Sprint("w", i)
		squares = append(squares, node("Concat", last+","+last+">"+next, integer("axis", 0)))
		last = next
	}
	p["2a"] = bytes.Join(squares, nil)
	huge["concat"] = assemble(p)
	p = smallONNX()
	p["2a"] = slices.Concat(intTensor("shape", 60000, 60000, 60000), node("ConstantOfShape", "shape>w"))
	huge["constant of shape"] = assemble(p)
	p = smallONNX()
	p["2a"] = slices.Concat(rawTensor("x", 1, make([]byte, 4*40000), 40000, 1), rawTensor("y", 1, make([]byte, 4*40000), 1, 40000), node("Add", "x,y>w"))
	huge["broadcast"] = assemble(p)
	p = smallONNX()
	inner := node("If", "c>b")
	for range 2000 {
		inner = node("If", "c>b", message(5, text(1, "then_branch"), message(6, inner, value(12, "b"))))
	}
	p["3act"] = slices.Concat(rawTensor("c", 9, []byte{1}), inner)
	huge["nested"] = assemble(p)
	for name, file := range huge {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := importer.Import("huge.onnx", file, importer.Options{})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 100<<20 {
			t.Errorf("%s: %d MB for a file of %d kB", name, spent>>20, len(file)>>10)
		}
	}
}

// graphs are small networks of ops that smallONNX has not.
func graphs() map[string]map[string][]byte {
	gelu := smallONNX()
	gelu["3act"] = slices.Concat(scalar("r", 1.4142135), scalar("1", 1), scalar("h", 0.5), node("Div", "a,r>d"), node("Erf", "d>e"), node("Add", "e,1>f"),
		node("Mul", "f,h>g"), node("Mul", "a,g>b"))
	shapes := smallONNX()
	shapes["2conv"] = slices.Concat(node("Conv", "events,c.weight,c.bias>x", ints("pads", 4, 4), ints("dilations", 2)), node("Shape", "events>s"),
		intTensor("i", 2), node("Gather", "s,i>t"), intTensor("zero", 0), node("Slice", "x,zero,t,i>y"), node("Unsqueeze", "y,i>y4"), node("Squeeze", "y4,i>a"))
	shapes["3act"] = slices.Concat(node("Concat", "a,a>two", integer("axis", 1)), node("Split", "two>half,rest", integer("axis", 1)), node("Elu", "half>b", decimal("alpha", 0.7)))
	steps := smallONNX()
	steps["6v"] = slices.Concat(node("Transpose", "b>bt", ints("perm", 0, 2, 1)), intTensor("flat", -1, 4), node("Reshape", "bt,flat>rows"), tensor("m", 2, 4),
		node("Gemm", "rows,m>z2", integer("transB", 1)), tensor("k", 2), node("Add", "z2,k>v2"), intTensor("0", 0), node("Gather", "v2,0>v_soma", integer("axis", 1)))
	return map[string]map[string][]byte{"small": smallONNX(), "gelu": gelu, "shapes": shapes, "steps": steps}
}

func TestGraphs(t *testing.T) {
	for name, want := range map[string]string{"gelu": "conv1d gelu, conv1d none, conv1d none", "steps": "conv1d relu, conv1d none, conv1d none",
		"shapes": "conv1d none, concat elu, conv1d none, conv1d none, conv1d none"} {
		m := imported(t, graphs()[name], "")
		var got []string
		for _, l := range m.Layers {
			got = append(got, l.Op+" "+l.Activation)
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s: %s, want %s", name, s, want)
		}
		if name == "shapes" && *m.Layers[1].Alpha != 0.7 {
			t.Errorf("alpha %v", *m.Layers[1].Alpha)
		}
	}
}

func FuzzImport(f *testing.F) {
	// Small ones, which the fuzzer can shrink; the files of tests/reference are too long for it.
	for _, g := range graphs() {
		f.Add(assemble(g))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := importer.Import("fuzz", data, importer.Options{})
		if err != nil {
			if !errors.Is(err, population.ErrFormat) && !errors.Is(err, population.ErrLimit) {
				t.Fatal(err)
			}
			return
		}
		if _, err := m.Encode(); err != nil {
			t.Fatal(err)
		}
	})
}

func encode(t testing.TB, m *model.Model) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
