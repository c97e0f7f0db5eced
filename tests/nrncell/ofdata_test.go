package nrncell

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/morphology"
	"understudy/plugin/population"
)

// small makes a data set of one short trial.
func small(t *testing.T, name, file string) string {
	t.Helper()
	var o cell.Options
	m := dataset.Manifest{Cell: name, Seconds: 0.51, Trials: 1, Synapses: "nmda", DtMS: 0.05, Scheme: "crank-nicolson", Inputs: dataset.Paper(true)}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m.Morphology = fmt.Sprintf("%s sha256:%x", filepath.Base(file), sha256.Sum256(text))
		if o.Morphology, err = morphology.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	channels, err := cell.Channels(name, o)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	_, err = dataset.Run(context.Background(), dataset.Config{Dir: dir, Manifest: m, Channels: channels, Shards: 1, Threads: 1, Batch: 1,
		New: func(n int) (population.Population, error) { return cell.New(name, n, o) }})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestOfData: the cell is that of the data, or the command says why it is not.
func TestOfData(t *testing.T) {
	file, other := filepath.Join(t.TempDir(), "cell.swc"), filepath.Join(t.TempDir(), "other.swc")
	const tree = "1 1 0 0 0 8 -1\n2 1 0 8 0 8 1\n3 3 0 8 0 1 2\n4 3 0 %d 0 1 3\n5 4 8 0 0 1 1\n6 4 90 0 0 1 5\n"
	for path, um := range map[string]int{file: 100, other: 200} {
		if err := os.WriteFile(path, fmt.Appendf(nil, tree, um), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	builtIn, own := small(t, "l5pc", ""), small(t, "l5pc", file)
	d, err := OfData(builtIn, "")
	if err != nil || len(d.Channels) != 1278 {
		t.Fatalf("%v: %d channels", err, len(d.Channels))
	}
	if d, err = OfData(own, file); err != nil || len(d.Channels) == 0 || len(d.Channels[0]) != 2 {
		t.Fatalf("%v: %v", err, d)
	}
	for _, c := range []struct{ data, file, says string }{
		{own, "", "-morphology is missing"},
		{own, other, "other.swc has sha256"},
		{own, "absent.swc", "absent.swc"},
		{builtIn, file, "built-in morphology"},
		{small(t, "lif", ""), "", "no compartments"},
		{"absent", "", "absent"},
	} {
		if _, err := OfData(c.data, c.file); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %s: %v, want %q", c.data, c.file, err, c.says)
		}
	}
}
