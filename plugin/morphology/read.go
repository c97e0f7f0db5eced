package morphology

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"understudy/plugin/population"
)

// maxFileBytes bounds what is read of a reconstruction.
const maxFileBytes = 2 << 30

// ReadFile reads a reconstruction: .asc by ParseASC, .swc by ParseSWC, others
// by what they begin with. Errors name the file and, where there is one, the line.
func ReadFile(path string) (*Morphology, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return nil, err
	} else if st.IsDir() {
		return nil, fmt.Errorf("%s: is a directory, expected an .asc or .swc file: %w", path, population.ErrInput)
	} else if st.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s: %d bytes, expected at most %d: %w", path, st.Size(), maxFileBytes, population.ErrLimit)
	}
	parse, err := importer(path, f)
	if err != nil {
		return nil, err
	}
	m, err := parse(path, io.LimitReader(f, maxFileBytes))
	if err != nil {
		return nil, err
	}
	m.Name = filepath.Base(path)
	return m, nil
}

// importer chooses the parser of a file and rewinds it.
func importer(path string, f io.ReadSeeker) (func(string, io.Reader) (*Morphology, error), error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".asc":
		return ParseASC, nil
	case ".swc":
		return ParseSWC, nil
	}
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	text := bytes.TrimLeft(head[:n], " \t\r\n\ufeff")
	switch {
	case len(text) > 0 && (text[0] == '(' || text[0] == ';'):
		return ParseASC, nil
	case len(text) > 0 && (text[0] == '#' || text[0] >= '0' && text[0] <= '9'):
		return ParseSWC, nil
	}
	return nil, fmt.Errorf("%s: begins neither as Neurolucida text (.asc) nor as .swc: %w", path, population.ErrFormat)
}
