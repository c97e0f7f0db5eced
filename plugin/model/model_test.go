package model_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/model/importer"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
)

// pack writes a safetensors file from the text of its header, without a check.
func pack(header string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), body...)
}

// unpack returns the header's text and the tensors' bytes.
func unpack(file []byte) (string, []byte) {
	n := binary.LittleEndian.Uint64(file)
	return string(file[8 : 8+n]), file[8+n:]
}

func encode(t testing.TB, m *model.Model) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	m := modeltest.Random(modeltest.Small, 1)
	m.Provenance = []byte(`{"seed":1, "cell":"l5pc","figures":{"auc":0.98}}`)
	m.Inputs.ChannelKind = strings.Fields(strings.Repeat("exc ", 8) + strings.Repeat("inh ", 4))
	file := encode(t, m)
	got, err := model.Decode("file", file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Tensors, m.Tensors) || !reflect.DeepEqual(got.Layers, m.Layers) || !reflect.DeepEqual(got.Heads, m.Heads) || !reflect.DeepEqual(got.Inputs, m.Inputs) {
		t.Error("the decoded model differs")
	}
	if again := encode(t, got); !bytes.Equal(again, file) {
		t.Error("encoding the decoded model gives other bytes")
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	opened, err := model.Open(path)
	if err != nil || !reflect.DeepEqual(opened, got) {
		t.Errorf("Open: %v", err)
	}
	imported, err := importer.Import("file", file, importer.Options{})
	if err != nil || !reflect.DeepEqual(imported, got) {
		t.Errorf("Import: %v", err)
	}
}

// The example of FORMAT.md is a model once its elided per-channel lists are left out.
func TestFormatExample(t *testing.T) {
	text, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```json\n")
	doc, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no example in FORMAT.md")
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatal(err)
	}
	v["inputs"] = map[string]any{"channels": 1278}
	doc2, _ := json.Marshal(v)
	shapes := []struct {
		name  string
		shape []int
	}{{"embed.weight", []int{64, 1278, 1}}, {"smooth.weight", []int{64, 1, 9}}, {"smooth.bias", []int{64}},
		{"b0.weight", []int{64, 64, 4}}, {"b0.bias", []int{64}}, {"head.weight", []int{2, 64, 1}}, {"head.bias", []int{2}}}
	meta, _ := json.Marshal(map[string]string{"understudy": string(doc2), "format": "pt"})
	header, end := `{"__metadata__":`+string(meta), 0
	for _, s := range shapes {
		n := 4
		for _, d := range s.shape {
			n *= d
		}
		shape, _ := json.Marshal(s.shape)
		header += fmt.Sprintf(`,%q:{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}`, s.name, shape, end, end+n)
		end += n
	}
	m, err := model.Decode("example", pack(header+"}  ", make([]byte, end)))
	if err != nil {
		t.Fatal(err)
	}
	info := m.Info()
	// embed 0, depthwise 64*9, b0 64*64*4, head 64*2; the field is 1 + 8 + 3.
	if info.MACsPerMS != 64*9+64*64*4+64*2 || info.MACsPerEvent != 64 || info.ReceptiveField != 12 || info.Parameters != 64*1278+64*10+64*64*4+64+128+2 {
		t.Errorf("info %+v", info)
	}
}

// The figures that training notes give for the default shape, counted by hand.
func TestInfoOfDefaultShape(t *testing.T) {
	i := modeltest.Random(modeltest.Default, 1).Info()
	if i.MACsPerMS != 131776 || i.MACsPerEvent != 64 || i.ReceptiveField != 1+8+3*255 || i.Parameters != 1278*64+64*9+64+8*(64*64*4+64)+64*2+2 {
		t.Errorf("%+v", i)
	}
	if !strings.Contains(i.String(), "131776 multiply-accumulates per ms and 64 per event") {
		t.Errorf("table:\n%s", i)
	}
	var back map[string]any
	if b, err := json.Marshal(i); err != nil || json.Unmarshal(b, &back) != nil || back["receptive_field_ms"] != 774.0 {
		t.Errorf("JSON %s, %v", b, err)
	}
}

// One thing wrong in the document at a time: old is replaced by new in the text.
func TestBadDocuments(t *testing.T) {
	m := modeltest.Random(modeltest.Small, 1)
	header, body := unpack(encode(t, m))
	var h map[string]json.RawMessage
	if err := json.Unmarshal([]byte(header), &h); err != nil {
		t.Fatal(err)
	}
	var meta map[string]string
	json.Unmarshal(h["__metadata__"], &meta)
	doc := meta["understudy"]
	for _, c := range []struct {
		name, old, new string
		limit          bool   // ErrLimit rather than ErrFormat
		says           string // part of the message
	}{
		{"unknown key", `"schema":1`, `"schema":1,"colour":2`, false, "colour"},
		{"duplicate key", `"schema":1`, `"schema":1,"schema":1`, false, "schema"},
		{"key in other case", `"schema":1`, `"Schema":1`, false, "Schema"},
		{"schema", `"schema":1`, `"schema":2`, false, "schema 2"},
		{"kind", `"kind":"tcn"`, `"kind":"rnn"`, false, "rnn"},
		{"step", `"step_ms":1`, `"step_ms":0.5`, false, "step_ms"},
		{"name", `"name":"random"`, `"name":""`, false, "name"},
		{"not JSON", `"schema":1`, `"schema":`, false, "understudy"},
		{"trailing text", `"schema":1`, `"schema":1}{`, false, "understudy"},
		{"no channels", `"channels":12`, `"channels":0`, false, "channels 0"},
		{"other channels", `"channels":12`, `"channels":11`, false, "embed.weight"},
		{"very many channels", `"channels":12`, `"channels":9000000000`, true, "channels"},
		{"absurd channels", `"channels":12`, `"channels":90000000000000000000`, false, "understudy"},
		{"fractional channels", `"channels":12`, `"channels":12.5`, false, "understudy"},
		{"short list", `"channels":12`, `"channels":12,"x":[0.5]`, false, "inputs.x has 1"},
		{"threshold", `"spike_threshold":0.5`, `"spike_threshold":1.01`, false, "1.01"},
		{"refractory", `"spike_threshold":0.5`, `"refractory_ms":-1,"spike_threshold":0.5`, false, "refractory_ms -1"},
		{"long refractory", `"spike_threshold":0.5`, `"refractory_ms":1001,"spike_threshold":0.5`, false, "refractory_ms 1001"},
		{"no threshold", `"spike_threshold":0.5,`, ``, false, "spike_threshold"},
		{"null threshold", `"spike_threshold":0.5`, `"spike_threshold":null`, false, "spike_threshold"},
		{"unknown op", `"op":"add"`, `"op":"lstm"`, false, "lstm"},
		{"unknown activation", `"activation":"relu"`, `"activation":"mish"`, false, "mish"},
		{"activation without alpha", `"activation":"relu"`, `"activation":"elu"`, false, "alpha"},
		{"alpha of no use", `"activation":"relu"`, `"activation":"relu","alpha":1`, false, "alpha"},
		{"elm without parameters", `"op":"add"`, `"op":"elm"`, false, "elm"},
		{"kind without its layer", `"kind":"tcn"`, `"kind":"elm"`, false, "elm"},
		{"int8 range of no layer", `"layers":`, `"int8":{"ranges":{"nowhere":[0,1]}},"layers":`, false, "nowhere"},
		{"int8 range upside down", `"layers":`, `"int8":{"ranges":{"b0":[1,0]}},"layers":`, false, "b0"},
		{"forward reference", `"in":["smooth"]`, `"in":["r2"]`, false, `"r2"`},
		{"reference to itself", `"in":["smooth"]`, `"in":["b0"]`, false, `"b0"`},
		{"no input", `"in":["smooth"]`, `"in":[]`, false, "in is empty"},
		{"two inputs of a conv", `"in":["smooth"]`, `"in":["smooth","smooth"]`, false, "one input"},
		{"widths differ", `"in":["smooth","b0"]`, `"in":["smooth","events"]`, false, "12 channels"},
		{"same name twice", `"name":"smooth"`, `"name":"embed"`, false, "same name"},
		{"reserved name", `"name":"smooth"`, `"name":"events"`, false, "reserved"},
		{"missing tensor", `"weight":"b0.weight"`, `"weight":"b9.weight"`, false, "b9.weight"},
		{"tensor used twice", `"bias":"b1.bias"`, `"bias":"b0.bias"`, false, "already used"},
		{"unused tensor", `,"bias":"head.bias"`, ``, false, "head.bias"},
		{"no kernel", `"kernel":3,`, ``, false, "kernel 0"},
		{"kernel", `"kernel":3`, `"kernel":4`, false, "smooth.weight"},
		{"negative kernel", `"kernel":3`, `"kernel":-3`, false, "kernel -3"},
		{"negative dilation", `"dilation":4`, `"dilation":-4`, false, "dilation -4"},
		{"huge dilation", `"dilation":4`, `"dilation":4000000000000000000`, false, "dilation"},
		{"receptive field", `"dilation":4`, `"dilation":65536`, true, "receptive field"},
		{"groups", `"groups":8`, `"groups":3`, false, "groups 3"},
		{"weight of an add", `"op":"add"`, `"op":"add","kernel":2`, false, "kernel"},
		{"scale of a conv", `"op":"conv1d"`, `"op":"conv1d","scale":"head.bias"`, false, "scale"},
		{"no spike head", `"spike":{`, `"axon":{`, false, "spike"},
		{"name of a head", `"v_soma":{`, `"V dend":{`, false, "V dend"},
		{"head too wide", `"v_soma":{`, `"v_dend":{"layer":"head","index":1,"count":2},"v_soma":{`, false, "count 2"},
		{"spike head of two channels", `"activation":"sigmoid"`, `"activation":"sigmoid","count":2`, false, "count 2"},
		{"head of no layer", `"layer":"head"`, `"layer":"tail"`, false, "tail"},
		{"head out of range", `"index":1`, `"index":2`, false, "index 2"},
		{"negative index", `"index":1`, `"index":-1`, false, "index -1"},
		{"head activation", `"sigmoid"`, `"softmax"`, false, "softmax"},
		{"unit", `"unit":"mV"`, `"unit":"V"`, false, "unit"},
		{"infinite scale", `"scale":10`, `"scale":1e999`, false, "understudy"},
		{"training range", `"weight":[1,1]`, `"weight":[1,0]`, false, "training_range.weight"},
		{"training range of three", `"weight":[1,1]`, `"weight":[1,1,1]`, false, "understudy"},
		{"provenance", `"schema":1`, `"schema":1,"provenance":[1]`, false, "provenance"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(doc, c.old) {
				t.Fatalf("%q is not in the document %s", c.old, doc)
			}
			meta["understudy"] = strings.Replace(doc, c.old, c.new, 1)
			h["__metadata__"], _ = json.Marshal(meta)
			head, _ := json.Marshal(h)
			m, err := model.Decode("bad.file", pack(string(head), body))
			want := population.ErrFormat
			if c.limit {
				want = population.ErrLimit
			}
			if m != nil || !errors.Is(err, want) {
				t.Fatalf("error %v, want %v", err, want)
			}
			if !strings.Contains(err.Error(), "bad.file") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("message %q names neither the file nor %q", err, c.says)
			}
		})
	}
}

func TestBadFiles(t *testing.T) {
	file := encode(t, modeltest.Random(modeltest.Small, 1))
	header, body := unpack(file)
	const first = `"embed.weight":{"dtype":"F32","shape":[8,12,1],"data_offsets":[0,384]}`
	if !strings.Contains(header, first) {
		t.Fatalf("header %s", header)
	}
	with := func(entry string) []byte { return pack(strings.Replace(header, first, entry, 1), body) }
	value := func(x float64) []byte {
		b := bytes.Clone(body)
		binary.LittleEndian.PutUint32(b[40:], math.Float32bits(float32(x)))
		return pack(header, b)
	}
	size := func(n uint64) []byte {
		b := bytes.Clone(file)
		binary.LittleEndian.PutUint64(b, n)
		return b
	}
	for name, b := range map[string][]byte{
		"empty":                   nil,
		"seven bytes":             file[:7],
		"only a length":           file[:8],
		"cut in the header":       file[:100],
		"cut in the data":         file[:len(file)-1],
		"too long":                append(bytes.Clone(file), 0),
		"header length 0":         size(0),
		"header length too large": size(uint64(len(file))),
		"header length huge":      size(math.MaxUint64),
		"no brace":                pack(" "+header, body),
		"not JSON":                pack(strings.TrimRight(header, "} "), body),
		"invalid UTF-8":           pack(strings.Replace(header, "embed.weight", "embed\xffweight", 1), body),
		"duplicate tensor":        with(first + "," + first),
		"unknown entry key":       with(strings.Replace(first, `"dtype"`, `"colour":1,"dtype"`, 1)),
		"duplicate entry key":     with(strings.Replace(first, `"dtype"`, `"dtype":"F32","dtype"`, 1)),
		"dtype":                   with(strings.Replace(first, "F32", "F64", 1)),
		"no dtype":                with(strings.Replace(first, `"dtype":"F32",`, "", 1)),
		"shape too small":         with(strings.Replace(first, "[8,12,1]", "[8,11,1]", 1)),
		"shape too large":         with(strings.Replace(first, "[8,12,1]", "[8,13,1]", 1)),
		"shape zero":              with(strings.Replace(first, "[8,12,1]", "[8,0,1]", 1)),
		"shape negative":          with(strings.Replace(first, "[8,12,1]", "[-8,-12,1]", 1)),
		"shape overflows":         with(strings.Replace(first, "[8,12,1]", "[4294967296,4294967296,96]", 1)),
		"rank":                    with(strings.Replace(first, "[8,12,1]", "[96]", 1)),
		"many dimensions":         with(strings.Replace(first, "[8,12,1]", "[8,12,1,1,1,1,1,1,1,1]", 1)),
		"hole":                    with(strings.Replace(first, "[0,384]", "[4,384]", 1)),
		"overlap":                 with(strings.Replace(first, "[0,384]", "[0,388]", 1)),
		"reversed offsets":        with(strings.Replace(first, "[0,384]", "[384,0]", 1)),
		"one offset":              with(strings.Replace(first, "[0,384]", "[0]", 1)),
		"no offsets":              with(strings.Replace(first, `,"data_offsets":[0,384]`, "", 1)),
		"negative offset":         with(strings.Replace(first, "[0,384]", "[-4,384]", 1)),
		"huge offset":             with(strings.Replace(first, "[0,384]", "[0,18446744073709551615]", 1)),
		"NaN":                     value(math.NaN()),
		"infinite":                value(math.Inf(-1)),
		"metadata not a string":   pack(strings.Replace(header, `"__metadata__":{`, `"__metadata__":{"a":1,`, 1), body),
		"no document":             pack(strings.Replace(header, `"understudy"`, `"overstudy"`, 1), body),
		"no metadata":             pack("{"+header[strings.Index(header, first):], body),
	} {
		if _, err := model.Decode("bad.file", b); !errors.Is(err, population.ErrFormat) || !strings.Contains(err.Error(), "bad.file") {
			t.Errorf("%s: error %v, want one that wraps ErrFormat and names the file", name, err)
		}
	}
	if _, err := model.Decode("good", file); err != nil {
		t.Error(err)
	}
	if _, err := importer.Import("text", []byte("hello, world"), importer.Options{}); !errors.Is(err, population.ErrFormat) || !strings.Contains(err.Error(), "safetensors") {
		t.Errorf("Import of text: %v", err)
	}
	if _, err := model.Open(t.TempDir()); !errors.Is(err, population.ErrFormat) {
		t.Errorf("Open of a directory: %v", err)
	}
}

// What a small file claims must not cost more than a small multiple of its size.
func TestHostileSizesAllocateLittle(t *testing.T) {
	header, _ := unpack(encode(t, modeltest.Random(modeltest.Small, 1)))
	claim := strings.Replace(header, `[8,12,1],"data_offsets":[0,384]`, `[8,12,1000000000],"data_offsets":[0,384000000000]`, 1)
	file := pack(claim, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := model.Decode("claim", file); !errors.Is(err, population.ErrFormat) {
		t.Errorf("error %v", err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes allocated for a file of %d", used, len(file))
	}
}

// A model made in memory is checked as a file is.
func TestValidateInMemory(t *testing.T) {
	for name, spoil := range map[string]func(m *model.Model){
		"values missing": func(m *model.Model) {
			x := m.Tensors["b0.weight"]
			x.Data = x.Data[1:]
			m.Tensors["b0.weight"] = x
		},
		"NaN value":     func(m *model.Model) { m.Tensors["b0.weight"].Data[3] = float32(math.NaN()) },
		"NaN threshold": func(m *model.Model) { m.SpikeThreshold = math.NaN() },
		"no layers":     func(m *model.Model) { m.Layers = nil },
	} {
		m := modeltest.Random(modeltest.Small, 1)
		spoil(m)
		if _, err := m.Encode(); !errors.Is(err, population.ErrFormat) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// The state of a file of a few bytes may not grow without bound.
func TestStateLimit(t *testing.T) {
	layers := []model.Layer{{Name: "wide", Op: model.OpAdd, In: []string{model.Events}}}
	for i := range 40 {
		layers = append(layers, model.Layer{Name: fmt.Sprint("more", i), Op: model.OpAdd, In: []string{"wide"}})
	}
	layers = append(layers, model.Layer{Name: "head", Op: model.OpActivation, In: []string{"wide"}})
	m := &model.Model{Document: modeltest.Document("wide", model.MaxChannels, layers)}
	if err := m.Validate(); !errors.Is(err, population.ErrLimit) {
		t.Errorf("error %v, want ErrLimit", err)
	}
}

func FuzzDecode(f *testing.F) {
	file := encode(f, modeltest.Random(modeltest.Spec{Channels: 2, Embed: 2, Smooth: 2, Blocks: 1, Kernel: 2}, 1))
	header, body := unpack(file)
	f.Add(file)
	f.Add(pack(strings.Replace(header, "conv1d", "batchnorm", 1), body))
	f.Add(pack("{}", nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := model.Decode("fuzz", b)
		if err != nil {
			if !errors.Is(err, population.ErrFormat) && !errors.Is(err, population.ErrLimit) {
				t.Fatalf("error of no category: %v", err)
			}
			return
		}
		// What is accepted survives writing and reading.
		again, err := model.Decode("again", encode(t, m))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encode(t, m), encode(t, again)) {
			t.Fatal("not the same after a round trip")
		}
		_ = m.Info().String()
	})
}
