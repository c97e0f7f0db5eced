package spikeio

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npz"

	"understudy/plugin/population"
)

// npyBytes writes a .npy file with the header text given, as numpy would.
func npyBytes(header string, data []byte) []byte {
	b := []byte("\x93NUMPY\x01\x00")
	b = append(b, byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), data...)
}

func dict(descr, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
}

// zipBytes makes an archive of name, content pairs.
func zipBytes(t testing.TB, pairs ...any) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		f, err := z.Create(pairs[i].(string) + ".npy")
		if err == nil {
			_, err = f.Write(pairs[i+1].([]byte))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func parse(b []byte) (*Events, error) {
	z, err := NewNPZ("in.npz", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return z.Events()
}

// Every element type, against values laid out by hand as numpy lays them out.
func TestElementTypes(t *testing.T) {
	for _, tc := range []struct {
		descr string
		data  []byte
		want  []float64
	}{
		{"|b1", []byte{0, 1}, []float64{0, 1}},
		{"|i1", []byte{0xff, 5}, []float64{-1, 5}},
		{"|u1", []byte{0xff, 5}, []float64{255, 5}},
		{"<i2", []byte{0xfe, 0xff, 0, 1}, []float64{-2, 256}},
		{"<u2", []byte{0xfe, 0xff, 0, 1}, []float64{65534, 256}},
		{"<i4", []byte{0xfe, 0xff, 0xff, 0xff}, []float64{-2}},
		{"<u4", []byte{0xfe, 0xff, 0xff, 0xff}, []float64{4294967294}},
		{"<i8", []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []float64{-2}},
		{"<u8", []byte{1, 0, 0, 0, 1, 0, 0, 0}, []float64{1<<32 + 1}},
		{"<f2", []byte{0x00, 0x3c, 0x01, 0x80, 0x00, 0x7c, 0xff, 0x7b}, []float64{1, -math.Pow(2, -24), math.Inf(1), 65504}},
		{"<f4", []byte{0, 0, 0x40, 0xc0}, []float64{-3}},
		{"<f8", []byte{0, 0, 0, 0, 0, 0, 0x08, 0x40}, []float64{3}},
	} {
		b := zipBytes(t, "a", npyBytes(dict(tc.descr, fmt.Sprintf("(%d,)", len(tc.want))), tc.data))
		z, err := NewNPZ("x", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := z.Float64("a")
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %v, %v; want %v", tc.descr, got, err, tc.want)
		}
	}
}

// Our archives through npyio, and npyio's through ours.
func TestAgainstNpyio(t *testing.T) {
	dir := t.TempDir()
	ch, tms := []int32{3, 0, 2000000}, []float64{0.5, 7, 1e-3}
	for _, write := range []func(string, ...Array) error{WriteNPZ, WriteNPZCompressed} {
		path := filepath.Join(dir, "ours.npz")
		big := make([]float32, 100001)
		for i := range big {
			big[i] = float32(i) * 0.25
		}
		err := write(path, Array{Name: "in_channel", Data: ch}, Array{Name: "in_t_ms", Data: tms},
			Array{Name: "T_ms", Data: int64(9)}, Array{Name: "grid", Data: []int16{1, 2, 3, 4, 5, 6}, Shape: []int{2, 3}},
			Array{Name: "big", Data: big})
		if err != nil {
			t.Fatal(err)
		}
		r, err := npz.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var gotCh []int32
		var gotT []float64
		var grid []int16
		for name, p := range map[string]any{"in_channel.npy": &gotCh, "in_t_ms.npy": &gotT, "grid.npy": &grid} {
			if err := r.Read(name, p); err != nil {
				t.Fatalf("npyio on %s: %v", name, err)
			}
		}
		if !reflect.DeepEqual(gotCh, ch) || !reflect.DeepEqual(gotT, tms) || !reflect.DeepEqual(grid, []int16{1, 2, 3, 4, 5, 6}) {
			t.Errorf("npyio reads %v %v %v", gotCh, gotT, grid)
		}
		if s := r.Header("grid.npy").Descr.Shape; !reflect.DeepEqual(s, []int{2, 3}) {
			t.Errorf("npyio reads shape %v", s)
		}
		r.Close()

		e, err := Read(path)
		if err != nil || !reflect.DeepEqual(e, &Events{Channel: ch, TimeMS: tms, TotalMS: 9}) {
			t.Errorf("Read: %+v, %v", e, err)
		}
		z, err := OpenNPZ(path)
		if err != nil {
			t.Fatal(err)
		}
		got, shape, err := z.Float64("big")
		z.Close()
		if err != nil || len(shape) != 1 || len(got) != len(big) || got[100000] != 25000 {
			t.Errorf("big: %d entries, shape %v, %v", len(got), shape, err)
		}
	}
	theirs := filepath.Join(dir, "theirs.npz")
	if err := npz.Write(theirs, map[string]any{"in_channel.npy": []int64{4, 5}, "in_t_ms.npy": []float32{1, 2.5}, "in_weight.npy": []float64{1, -0.5}}); err != nil {
		t.Fatal(err)
	}
	e, err := Read(theirs)
	if want := (&Events{Channel: []int32{4, 5}, TimeMS: []float64{1, 2.5}, Weight: []float32{1, -0.5}, TotalMS: 3}); err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("npyio's archive: %+v, %v", e, err)
	}
	if err := e.Check(6); err != nil {
		t.Error(err)
	}
	if err := e.Check(5); !errors.Is(err, population.ErrInput) || !strings.Contains(err.Error(), "event 1") {
		t.Errorf("Check(5): %v", err)
	}
}

// One thing wrong at a time: the error is of the right category and names it.
func TestBadArchives(t *testing.T) {
	i2 := npyBytes(dict("<i2", "(2,)"), []byte{1, 0, 2, 0})
	f8 := func(v ...float64) []byte {
		var b []byte
		for _, x := range v {
			b = le.AppendUint64(b, math.Float64bits(x))
		}
		return npyBytes(dict("<f8", fmt.Sprintf("(%d,)", len(v))), b)
	}
	good := zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, 2))
	if _, err := parse(good); err != nil {
		t.Fatal(err)
	}
	with := func(header string, data []byte) []byte {
		return zipBytes(t, "in_channel", i2, "in_t_ms", npyBytes(header, data))
	}
	scalar := func(v float64) []byte { return npyBytes(dict("<f8", "()"), le.AppendUint64(nil, math.Float64bits(v))) }
	eight := make([]byte, 16)
	for name, tc := range map[string]struct {
		data  []byte
		limit bool
		says  string
	}{
		"not a zip":           {[]byte("PK\x03\x04 nothing"), false, "in.npz"},
		"truncated":           {good[:len(good)-30], false, "in.npz"},
		"no channel":          {zipBytes(t, "in_t_ms", f8(1)), false, "in_channel"},
		"lengths differ":      {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1)), false, "in_t_ms"},
		"float channel":       {zipBytes(t, "in_channel", f8(1, 2), "in_t_ms", f8(1, 2)), false, "integers"},
		"two dimensions":      {zipBytes(t, "in_channel", npyBytes(dict("<i2", "(2, 1)"), []byte{1, 0, 2, 0}), "in_t_ms", f8(1, 2)), false, "shape [2 1]"},
		"negative channel":    {zipBytes(t, "in_channel", npyBytes(dict("<i2", "(2,)"), []byte{1, 0, 255, 255}), "in_t_ms", f8(1, 2)), false, "event 1"},
		"channel of 64 bits":  {zipBytes(t, "in_channel", npyBytes(dict("<i8", "(1,)"), []byte{0, 0, 0, 0, 1, 0, 0, 0}), "in_t_ms", f8(1)), false, "entry 0"},
		"NaN time":            {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, math.NaN())), false, "event 1"},
		"infinite time":       {zipBytes(t, "in_channel", i2, "in_t_ms", f8(math.Inf(1), 0)), false, "event 0"},
		"negative time":       {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, -0.5)), false, "event 1"},
		"endless time":        {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, 1e12)), true, "event 1"},
		"NaN weight":          {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, 2), "in_weight", f8(1, math.NaN())), false, "event 1"},
		"weight over float32": {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, 2), "in_weight", f8(1e39, 1)), false, "event 0"},
		"after T_ms":          {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, 2), "T_ms", scalar(2)), false, "event 1"},
		"T_ms fraction":       {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, 2), "T_ms", scalar(2.5)), false, "T_ms"},
		"T_ms NaN":            {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, 2), "T_ms", scalar(math.NaN())), false, "T_ms"},
		"T_ms huge":           {zipBytes(t, "in_channel", i2, "in_t_ms", f8(1, 2), "T_ms", scalar(1e300)), true, "T_ms"},
		"empty":               {zipBytes(t, "in_channel", npyBytes(dict("<i2", "(0,)"), nil), "in_t_ms", f8()), false, "no events"},
		"two of a name":       {zipBytes(t, "in_channel", i2, "in_channel", i2, "in_t_ms", f8(1, 2)), false, "in_channel"},
		"shape over data":     {with(dict("<f8", "(3,)"), eight), false, "shape [3]"},
		"shape below data":    {with(dict("<f8", "(1,)"), eight), false, "shape [1]"},
		"huge shape":          {with(dict("<f8", "(2000000000,)"), eight), true, "shape"},
		"overflowing shape":   {with(dict("<f8", "(2000000000, 2000000000, 2000000000)"), eight), true, "shape"},
		"beyond int":          {with(dict("<f8", "(99999999999999999999,)"), eight), false, "shape"},
		"negative shape":      {with(dict("<f8", "(-2,)"), eight), false, "shape"},
		"objects":             {with(dict("|O", "(2,)"), eight), false, "|O"},
		"big-endian":          {with(dict(">f8", "(2,)"), eight), false, ">f8"},
		"structured":          {with("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }\n", eight), false, "descr"},
		"fortran":             {with("{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2), }\n", eight), false, "Fortran"},
		"no newline or shape": {with("{'descr': '<f8'}", eight), false, "missing"},
		"no dictionary":       {with("", eight), false, "dictionary"},
		"code":                {with("{'descr': __import__('os'), }\n", eight), false, "descr"},
		"no magic":            {zipBytes(t, "in_channel", i2, "in_t_ms", []byte("NUMPY nothing of the kind")), false, "in_t_ms"},
		"short header":        {zipBytes(t, "in_channel", i2, "in_t_ms", []byte("\x93NUMPY\x01\x00\xff\xff{")), false, "in_t_ms"},
		"huge header":         {zipBytes(t, "in_channel", i2, "in_t_ms", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{")), true, "in_t_ms"},
		"version 9":           {zipBytes(t, "in_channel", i2, "in_t_ms", []byte("\x93NUMPY\x09\x00\xff\xff\xff\xff{")), false, "version"},
	} {
		e, err := parse(tc.data)
		want := population.ErrFormat
		if tc.limit {
			want = population.ErrLimit
		}
		if !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), tc.says) {
			t.Errorf("%s: %+v, %v; expected an error of %q that says %q", name, e, err, want, tc.says)
		}
	}
}

// A member whose directory entry lies about its size is refused before memory
// is spent on it.
func TestZipBomb(t *testing.T) {
	var buf, packed bytes.Buffer
	d, _ := flate.NewWriter(&packed, 9)
	d.Write(npyBytes(dict("<f8", "(60000000,)"), nil))
	d.Close()
	z := zip.NewWriter(&buf)
	f, err := z.CreateRaw(&zip.FileHeader{Name: "in_t_ms.npy", Method: zip.Deflate, CompressedSize64: uint64(packed.Len()), UncompressedSize64: 480000064})
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(f, &packed)
	z.Close()
	if _, err := parse(buf.Bytes()); !errors.Is(err, population.ErrLimit) {
		t.Errorf("%v, expected a limit", err)
	}
}

func TestCSV(t *testing.T) {
	for _, tc := range []struct {
		text string
		want *Events
		says string
	}{
		{"t_ms,channel\n1.5,3\n0,0\n", &Events{Channel: []int32{3, 0}, TimeMS: []float64{1.5, 0}, TotalMS: 2}, ""},
		{"\ufefft_ms, channel, weight\r\n 2,1, 0.5\r\n", &Events{Channel: []int32{1}, TimeMS: []float64{2}, Weight: []float32{0.5}, TotalMS: 3}, ""},
		{"", nil, "empty"},
		{"t_ms,channel\n", nil, "length is unknown"},
		{"channel,t_ms\n1,2\n", nil, "in.csv:1"},
		{"t_ms,channel\n1,2\n1,2,3\n", nil, "in.csv:3"},
		{"t_ms,channel\n1,2\nx,2\n", nil, "in.csv:3"},
		{"t_ms,channel\n1,2.5\n", nil, "in.csv:2"},
		{"t_ms,channel\n1,99999999999\n", nil, "in.csv:2"},
		{"t_ms,channel\n1,-1\n", nil, "in.csv:2"},
		{"t_ms,channel\nNaN,1\n", nil, "in.csv:2"},
		{"t_ms,channel\n-1,1\n", nil, "in.csv:2"},
		{"t_ms,channel,weight\n1,1,inf\n", nil, "in.csv:2"},
		{"t_ms,channel,weight\n1,1,1e60\n", nil, "in.csv:2"},
		{"t_ms,channel\n\"1,1\n", nil, "in.csv:"},
	} {
		e, err := readCSV("in.csv", strings.NewReader(tc.text))
		if tc.want != nil {
			if err != nil || !reflect.DeepEqual(e, tc.want) {
				t.Errorf("%q: %+v, %v; want %+v", tc.text, e, err, tc.want)
			}
		} else if !errors.Is(err, population.ErrFormat) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: %+v, %v; expected an error that says %q", tc.text, e, err, tc.says)
		}
	}
}

func TestWriteFileIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	say := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	if err := WriteFile(path, say("old")); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, func(w io.Writer) error { say("half")(w); return errors.New("no more") })
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("after a failed write: %q", b)
	}
	if err := WriteNPZ(path, Array{Name: "a", Data: []int16{1}}, Array{Name: "b", Data: []string{"x"}}); err == nil {
		t.Error("strings were accepted")
	}
	if err := WriteNPZ(path, Array{Name: "a", Data: []int16{1}, Shape: []int{2}}); err == nil {
		t.Error("a wrong shape was accepted")
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err == nil {
		if err := WriteFile(link, say("new")); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(path); string(b) != "new" {
			t.Errorf("through a link: %q", b)
		}
		os.Remove(link)
	}
	if err := WriteFile(dir, say("x")); err == nil {
		t.Error("a directory was written")
	}
	if err := WriteFile(filepath.Join(dir, "none", "out"), say("x")); err == nil || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("missing directory: %v", err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}

func FuzzReadNPZ(f *testing.F) {
	i2 := npyBytes(dict("<i2", "(2,)"), []byte{1, 0, 2, 0})
	f.Add(zipBytes(f, "in_channel", i2, "in_t_ms", i2, "T_ms", npyBytes(dict("<i8", "()"), make([]byte, 8))))
	f.Add(zipBytes(f, "in_channel", i2, "in_t_ms", i2, "in_weight", npyBytes(dict("<f2", "(2,)"), make([]byte, 4))))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parse(b)
		checkParsed(t, e, err)
	})
}

func FuzzReadHeader(f *testing.F) {
	f.Add([]byte(dict("<f8", "(3, 4)")))
	f.Add([]byte("{'shape': (), 'fortran_order': True, \"descr\": '|b1'}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 1<<16 {
			return
		}
		h, err := readHeader(bytes.NewReader(npyBytes(string(b), nil)))
		if err == nil && (h.entries < 0 || h.entries > MaxEntries || h.dtype.size == 0) {
			t.Errorf("accepted %+v", h)
		}
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("t_ms,channel\n1,2\n"))
	f.Add([]byte("t_ms,channel,weight\n1,2,\"0.5\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := readCSV("in.csv", bytes.NewReader(b))
		checkParsed(t, e, err)
	})
}

// checkParsed holds what every reader promises.
func checkParsed(t *testing.T, e *Events, err error) {
	if err != nil {
		if !errors.Is(err, population.ErrFormat) && !errors.Is(err, population.ErrLimit) {
			t.Errorf("uncategorised error %v", err)
		}
		return
	}
	if len(e.Channel) != len(e.TimeMS) || e.Weight != nil && len(e.Weight) != len(e.Channel) || e.TotalMS < 1 || e.TotalMS > MaxMS {
		t.Errorf("inconsistent: %+v", e)
	}
	for i, x := range e.TimeMS {
		if !(x >= 0 && x < float64(e.TotalMS)) || e.Channel[i] < 0 {
			t.Errorf("event %d: %g ms on channel %d", i, x, e.Channel[i])
		}
	}
}
