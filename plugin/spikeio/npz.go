package spikeio

import (
	"archive/zip"
	"fmt"
	"io"
	"math"
	"os"

	"understudy/plugin/population"
)

// maxRatio is more than deflate can reach: a member that claims to be larger
// than that multiple of its compressed size is refused unread.
const maxRatio = 1100

// NPZ is an open .npz archive: named numpy arrays. Only the arrays asked for
// are decompressed.
type NPZ struct {
	path    string
	members map[string]*zip.File
	closer  io.Closer
}

// OpenNPZ opens an archive on disk.
func OpenNPZ(path string) (*NPZ, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w: not a regular file", path, population.ErrFormat)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	z, err := NewNPZ(path, f, st.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	z.closer = f
	return z, nil
}

// NewNPZ opens an archive of size bytes; path is only its name in errors.
func NewNPZ(path string, r io.ReaderAt, size int64) (*NPZ, error) {
	zr, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: not an npz archive: %v", path, population.ErrFormat, err)
	}
	z := &NPZ{path: path, members: make(map[string]*zip.File, len(zr.File))}
	for _, f := range zr.File {
		if z.members[f.Name] != nil {
			return nil, fmt.Errorf("%s: %w: two members named %.60q", path, population.ErrFormat, f.Name)
		}
		z.members[f.Name] = f
	}
	return z, nil
}

// Close closes the file that OpenNPZ opened.
func (z *NPZ) Close() error {
	if z.closer == nil {
		return nil
	}
	return z.closer.Close()
}

// Has tells whether there is an array of that name (without ".npy").
func (z *NPZ) Has(name string) bool { return z.members[name+".npy"] != nil }

// Float64 reads an array of any element type; shape is empty for a scalar.
func (z *NPZ) Float64(name string) (data []float64, shape []int, err error) {
	return z.numbers(name, false)
}

// numbers reads an array, of integers of 32 bits where only these are wanted.
func (z *NPZ) numbers(name string, integer bool) (data []float64, shape []int, err error) {
	shape, err = z.read(name, integer, func(n int) { data = make([]float64, 0, n) },
		func(i int, v float64) error {
			if integer && (v < math.MinInt32 || v > math.MaxInt32) {
				return fmt.Errorf("%w: entry %d is %g, beyond 32 bits", population.ErrFormat, i, v)
			}
			data = append(data, v)
			return nil
		})
	if err != nil {
		return nil, nil, err
	}
	return data, shape, nil
}

// Int32 reads an array of an integer element type whose entries all fit.
func (z *NPZ) Int32(name string) (data []int32, shape []int, err error) {
	shape, err = z.read(name, true, func(n int) { data = make([]int32, 0, n) },
		func(i int, v float64) error {
			if v < math.MinInt32 || v > math.MaxInt32 {
				return fmt.Errorf("%w: entry %d is %g, beyond 32 bits", population.ErrFormat, i, v)
			}
			data = append(data, int32(v))
			return nil
		})
	if err != nil {
		return nil, nil, err
	}
	return data, shape, nil
}

func (z *NPZ) read(name string, integer bool, grow func(n int), put func(i int, v float64) error) (shape []int, err error) {
	f := z.members[name+".npy"]
	if f == nil {
		return nil, fmt.Errorf("%s: %w: no array %q", z.path, population.ErrFormat, name)
	}
	fail := func(err error) ([]int, error) { return nil, fmt.Errorf("%s: %s: %w", z.path, name, err) }
	if f.UncompressedSize64/maxRatio > f.CompressedSize64 {
		return fail(fmt.Errorf("%w: claims %d bytes out of %d compressed", population.ErrLimit, f.UncompressedSize64, f.CompressedSize64))
	}
	r, err := f.Open()
	if err != nil {
		return fail(fmt.Errorf("%w: %v", population.ErrFormat, err))
	}
	defer r.Close()
	h, err := readHeader(r)
	if err != nil {
		return fail(err)
	}
	if integer && !h.dtype.integer {
		return fail(fmt.Errorf("%w: element type %s, expected integers", population.ErrFormat, h.dtype.descr))
	}
	if want := uint64(h.bytes) + uint64(h.entries)*uint64(h.dtype.size); want != f.UncompressedSize64 {
		return fail(fmt.Errorf("%w: shape %v of %s needs %d bytes, the member has %d", population.ErrFormat, h.shape, h.dtype.descr, want, f.UncompressedSize64))
	}
	// The size in the archive's directory is a claim too: allocate no more
	// than a stretch ahead of what has really been read.
	grow(min(h.entries, 1<<16))
	if err := readEntries(r, h, put); err != nil {
		return fail(err)
	}
	return h.shape, nil
}
