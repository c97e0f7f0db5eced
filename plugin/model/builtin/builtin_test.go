package builtin

import (
	"errors"
	"io/fs"
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/population"
)

// Every file that is built in must decode, and the default must say so when it
// is missing.
func TestFiles(t *testing.T) {
	names, err := fs.Glob(files, "*")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	hasDefault := false
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := model.Decode(name, b); err != nil {
			t.Error(err)
		}
		hasDefault = hasDefault || name == DefaultName
	}
	m, err := Default()
	if hasDefault && err != nil {
		t.Error(err)
	}
	if !hasDefault && (m != nil || !errors.Is(err, population.ErrState)) {
		t.Errorf("without %s: %v, %v", DefaultName, m, err)
	}
}
