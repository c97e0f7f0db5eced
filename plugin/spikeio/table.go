package spikeio

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"understudy/plugin/population"
)

// Column is one column of a table of numbers.
type Column struct {
	// Name stands in the header of a CSV file.
	Name string
	// Array is its name in an .npz archive.
	Array string
	// Integer: whole numbers of 32 bits; otherwise any numbers that Check accepts.
	Integer bool
	// Optional: may be missing. Only the last column can be.
	Optional bool
}

// ReadTable reads columns of equal length from a CSV file with a header, or from the arrays of an
// .npz archive, told apart by content. Every row is handed to put, which does not keep the
// slice and returns what is wrong with the row; an optional column that is missing makes
// rows shorter by one. Errors name the file and the line or entry.
func ReadTable(path string, columns []Column, put func(row []float64) error) error {
	z, text, err := open(path)
	if err != nil {
		return err
	}
	if z == nil {
		defer text.Close()
		return readCSVTable(path, text, columns, put)
	}
	defer z.Close()
	data, err := z.table(columns)
	if err != nil {
		return err
	}
	there := data
	if data[len(data)-1] == nil {
		there = data[:len(data)-1]
	}
	row := make([]float64, len(there))
	for i := range data[0] {
		for c := range there {
			row[c] = there[c][i]
		}
		if err := put(row); err != nil {
			return fmt.Errorf("%s: entry %d: %w", path, i, err)
		}
	}
	return nil
}

// open opens an archive, or a file that is none and therefore is text.
func open(path string) (*NPZ, io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	var magic [4]byte
	n, err := io.ReadFull(f, magic[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if bytes.HasPrefix(magic[:n], []byte("PK")) {
		f.Close()
		z, err := OpenNPZ(path)
		return z, nil, err
	}
	return nil, struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(magic[:n]), f), f}, nil
}

// table reads the arrays of columns.
func (z *NPZ) table(columns []Column) ([][]float64, error) {
	data := make([][]float64, len(columns))
	for i, c := range columns {
		if c.Optional && !z.Has(c.Array) {
			continue
		}
		v, shape, err := z.numbers(c.Array, c.Integer)
		if err != nil {
			return nil, err
		}
		switch {
		case len(shape) != 1:
			return nil, fmt.Errorf("%s: %s: %w: shape %v, expected one dimension", z.path, c.Array, population.ErrFormat, shape)
		case len(v) != len(data[0]) && i > 0:
			return nil, fmt.Errorf("%s: %s: %w: shape %v, %s has [%d]", z.path, c.Array, population.ErrFormat, shape, columns[0].Array, len(data[0]))
		}
		data[i] = v
	}
	return data, nil
}

// readCSVTable reads lines of numbers below a header; path is only its name in errors.
func readCSVTable(path string, r io.Reader, columns []Column, put func(row []float64) error) error {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	c.TrimLeadingSpace = true
	head, err := c.Read()
	if err != nil {
		return csvError(path, err)
	}
	for i := range head {
		head[i] = strings.TrimSpace(head[i])
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	var want []string
	for _, column := range columns {
		want = append(want, column.Name)
	}
	last := len(columns) - 1
	expected := strings.Join(want, ",")
	fits := slices.Equal(head, want)
	if columns[last].Optional {
		expected = strings.Join(want[:last], ",") + "[," + want[last] + "]"
		fits = fits || slices.Equal(head, want[:last])
	}
	if !fits {
		return fmt.Errorf("%s:1: %w: header %.60q, expected %s (or an .npz archive)", path, population.ErrFormat, strings.Join(head, ","), expected)
	}
	row := make([]float64, len(head))
	for rows := 0; ; rows++ {
		fields, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return csvError(path, err)
		}
		line, _ := c.FieldPos(0)
		if rows == MaxEntries {
			return fmt.Errorf("%s:%d: %w: more than %d lines", path, line, population.ErrLimit, MaxEntries)
		}
		for i, field := range fields {
			field = strings.TrimSpace(field)
			if columns[i].Integer {
				n, err := strconv.ParseInt(field, 10, 32)
				if err != nil {
					return fmt.Errorf("%s:%d: %w: %s %.40q is not a whole number of 32 bits", path, line, population.ErrFormat, columns[i].Name, field)
				}
				row[i] = float64(n)
			} else if row[i], err = strconv.ParseFloat(field, 64); err != nil {
				return fmt.Errorf("%s:%d: %w: %s %.40q is not a number", path, line, population.ErrFormat, columns[i].Name, field)
			}
		}
		if err := put(row); err != nil {
			return fmt.Errorf("%s:%d: %w", path, line, err)
		}
	}
}

func csvError(path string, err error) error {
	var p *csv.ParseError
	switch {
	case errors.As(err, &p):
		return fmt.Errorf("%s:%d: %w: %v", path, p.Line, population.ErrFormat, p.Err)
	case err == io.EOF:
		return fmt.Errorf("%s: %w: empty file", path, population.ErrFormat)
	}
	return fmt.Errorf("%s: %w", path, err)
}
