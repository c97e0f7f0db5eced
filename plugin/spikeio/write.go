package spikeio

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"understudy/plugin/population"
)

// Array is one named array to write.
type Array struct {
	Name string
	// Data is a slice of int8 to int64, uint8 to uint64, float32, float64 or
	// bool, or one such number, which becomes a scalar.
	Data any
	// Shape is the shape in C order; nil: one dimension.
	Shape []int
}

// WriteNPZ writes an .npz archive that numpy.load reads. The file appears
// whole or not at all; equal arrays give equal bytes.
func WriteNPZ(path string, arrays ...Array) error { return writeNPZ(path, zip.Store, arrays) }

// WriteNPZCompressed is WriteNPZ with deflate compression, for data sets.
func WriteNPZCompressed(path string, arrays ...Array) error {
	return writeNPZ(path, zip.Deflate, arrays)
}

func writeNPZ(path string, method uint16, arrays []Array) error {
	return WriteFile(path, func(w io.Writer) error {
		z := zip.NewWriter(w)
		z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
			return flate.NewWriter(w, flate.BestSpeed)
		})
		for _, a := range arrays {
			// No modification time: it would make equal archives differ.
			f, err := z.CreateHeader(&zip.FileHeader{Name: a.Name + ".npy", Method: method})
			if err != nil {
				return err
			}
			if err := writeNPY(f, a); err != nil {
				return fmt.Errorf("array %s: %w", a.Name, err)
			}
		}
		return z.Close()
	})
}

// writeNPY writes one array in .npy format 1.0.
func writeNPY(w io.Writer, a Array) error {
	v := reflect.ValueOf(a.Data)
	if !v.IsValid() {
		return fmt.Errorf("%w: no data", population.ErrInput)
	}
	elem, shape := v.Type(), a.Shape
	if elem.Kind() == reflect.Slice {
		elem = elem.Elem()
		if shape == nil {
			shape = []int{v.Len()}
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		if n != v.Len() {
			return fmt.Errorf("%w: shape %v for %d entries", population.ErrInput, shape, v.Len())
		}
	}
	descr := ""
	switch k := elem.Kind(); k {
	case reflect.Bool:
		descr = "|b1"
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		descr = fmt.Sprintf("<i%d", elem.Size())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		descr = fmt.Sprintf("<u%d", elem.Size())
	case reflect.Float32, reflect.Float64:
		descr = fmt.Sprintf("<f%d", elem.Size())
	default:
		return fmt.Errorf("%w: element type %s", population.ErrInput, elem)
	}
	var dims strings.Builder
	for _, d := range shape {
		fmt.Fprintf(&dims, "%d,", d)
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims.String())
	// numpy wants the data aligned to 64 bytes.
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	if _, err := w.Write(append(head, text...)); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, a.Data)
}

// WriteFile writes a file through a temporary one in the same directory: path
// holds all that write wrote, or, on any error, what it held before. Only
// devices and pipes are written directly.
func WriteFile(path string, write func(w io.Writer) error) (err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	temp := ""
	var f *os.File
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return fmt.Errorf("%s: is a directory", path)
	} else if err == nil && !st.Mode().IsRegular() {
		f, err = os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
	} else {
		// Not os.CreateTemp: its files are readable by their owner only.
		temp = fmt.Sprintf("%s.%08x.tmp", path, rand.Uint32())
		f, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			var p *os.PathError
			if errors.As(err, &p) {
				p.Path = path // the user never heard of temp
			}
			return err
		}
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
			f.Close()
			if temp != "" {
				os.Remove(temp)
			}
		}
	}()
	w := bufio.NewWriterSize(f, 1<<16)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if temp == "" {
		return f.Close()
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
