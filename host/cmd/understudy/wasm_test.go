package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy/plugin/cell"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/morphology"
	"understudy/tests/require"
	"understudy/wasm/web"
)

func TestWasmPack(t *testing.T) {
	dir := t.TempDir()
	out, plain := filepath.Join(dir, "neuron.wasm"), filepath.Join(dir, "plain.safetensors")
	if err := writeModel(modeltest.Random(modeltest.Small, 1), plain); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
	}{
		{[]string{"wasm"}, 2},
		{[]string{"wasm", "pack"}, 2},
		{[]string{"wasm", "pack", "l5pc", "-o", out, "--precision", "bf16"}, 2},
		{[]string{"wasm", "pack", "a", "b", "-o", out}, 2},
		{[]string{"wasm", "pack", filepath.Join(dir, "none"), "-o", out}, 1},
		{[]string{"wasm", "pack", plain, "-o", out, "--precision", "int8"}, 1}, // not quantised
		{[]string{"wasm", "pack", "l5pc", "-o", filepath.Join(dir, "no", "folder")}, 1},
	} {
		if got := run(c.args); got != c.status {
			t.Errorf("%v: exit status %d, want %d", c.args, got, c.status)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%v left a file", c.args)
		}
	}
	for _, args := range [][]string{{"wasm", "pack", "-o", out}, {"wasm", "pack", "l5pc-tcn", "--out", out, "--precision", "int8"}, {"wasm", "pack", plain, "-o", out}} {
		if got := run(args); got != 0 {
			t.Errorf("%v: exit status %d", args, got)
		}
		if b, err := os.ReadFile(out); err != nil || string(b[:4]) != "\x00asm" {
			t.Errorf("%v: not a module; %v", args, err)
		}
		os.Remove(out)
	}
	// The model is not replaced by its module, whatever its name.
	link := filepath.Join(dir, "link")
	if err := os.Link(plain, link); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{plain, dir + "/./plain.safetensors", link} {
		if got := run([]string{"wasm", "pack", plain, "-o", to}); got != 2 {
			t.Errorf("-o %s: exit status %d, want 2", to, got)
		}
		if b, err := os.ReadFile(to); err != nil || !bytes.Equal(b, before) {
			t.Errorf("-o %s: the model has changed; %v", to, err)
		}
	}
}

func TestWasmWeb(t *testing.T) {
	dir := t.TempDir()
	site, plain := filepath.Join(dir, "a", "site"), filepath.Join(dir, "plain.safetensors")
	if err := writeModel(modeltest.Random(modeltest.Small, 1), plain); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
	}{
		{[]string{"wasm", "web"}, 2},
		{[]string{"wasm", "web", site, "--precision", "bf16"}, 2},
		{[]string{"wasm", "web", site, "--model", plain}, 1},        // has other channels
		{[]string{"wasm", "web", site, "--model", "l5pc-paper"}, 1}, // is of another morphology
	} {
		if got := run(c.args); got != c.status {
			t.Errorf("%v: exit status %d, want %d", c.args, got, c.status)
		}
		if _, err := os.Stat(site); err == nil {
			t.Fatalf("%v left a folder", c.args)
		}
	}
	if got := run([]string{"wasm", "web", site}); got != 0 {
		t.Fatalf("exit status %d", got)
	}
	names := []string{"index.html", "page.js", "style.css", "index.js", "neuron.wasm", "morphology.json"}
	for _, name := range names {
		if st, err := os.Stat(filepath.Join(site, name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := run([]string{"wasm", "web", site, "--model", "l5pc-tcn"}); got != 0 {
		t.Errorf("over an earlier page: exit status %d", got)
	}
	// What a call that failed has left is taken; others' files are not replaced.
	if err := os.Remove(filepath.Join(site, "index.html")); err != nil {
		t.Fatal(err)
	}
	if got := run([]string{"wasm", "web", site, "--model", "l5pc-tcn"}); got != 0 {
		t.Errorf("over a part of a page: exit status %d", got)
	}
	for _, name := range names {
		foreign := t.TempDir()
		file := filepath.Join(foreign, name)
		if err := os.WriteFile(file, []byte("mine"), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := run([]string{"wasm", "web", foreign}); got != 1 {
			t.Errorf("over %s of another: exit status %d, want 1", name, got)
		}
		if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
			t.Errorf("%s of another is now %d bytes; %v", name, len(b), err)
		}
		if all, err := os.ReadDir(foreign); err != nil || len(all) != 1 {
			t.Errorf("over %s of another: %d files; %v", name, len(all), err)
		}
	}
}

// The error of a model of another morphology names what is missing.
func TestWasmWebNeedsMorphology(t *testing.T) {
	root := newRoot()
	root.SetArgs([]string{"wasm", "web", filepath.Join(t.TempDir(), "site"), "--model", "l5pc-paper"})
	if err := root.Execute(); err == nil || !strings.Contains(err.Error(), "--morphology") {
		t.Errorf("the error is %v", err)
	}
}

// A model of a cell on a reconstruction is shown on that.
func TestWasmWebMorphology(t *testing.T) {
	reconstruction := filepath.Join(require.BluePyOpt(t), "examples", "l5pc", "morphology", "C060114A7.asc")
	shape, err := morphology.ReadFile(reconstruction)
	if err != nil {
		t.Fatal(err)
	}
	channels, err := cell.Channels("l5pc", cell.Options{Morphology: shape})
	if err != nil {
		t.Fatal(err)
	}
	m := modeltest.Random(modeltest.Spec{Channels: len(channels), Embed: 8, Smooth: 3, Blocks: 1, Kernel: 2}, 1)
	for _, c := range channels {
		m.Inputs.Section, m.Inputs.ChannelKind = append(m.Inputs.Section, c.Section), append(m.Inputs.ChannelKind, string(c.Kind))
	}
	dir := t.TempDir()
	site, file := filepath.Join(dir, "site"), filepath.Join(dir, "mine.safetensors")
	if err := writeModel(m, file); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--model", file}, {"--model", "l5pc", "--morphology", reconstruction}, {"--model", file, "--morphology", filepath.Join(dir, "none.asc")},
	} {
		if got := run(append([]string{"wasm", "web", site}, args...)); got != 1 {
			t.Errorf("%v: exit status %d", args, got)
		}
		if _, err := os.Stat(site); err == nil {
			t.Fatalf("%v left a folder", args)
		}
	}
	if got := run([]string{"wasm", "web", site, "--model", file, "--morphology", reconstruction}); got != 0 {
		t.Fatalf("exit status %d", got)
	}
	var d web.Drawing
	b, err := os.ReadFile(filepath.Join(site, "morphology.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	drawn, trees := 0, map[string]int{}
	for _, s := range d.Sections {
		drawn += len(s.Exc) + len(s.Inh)
		trees[s.Tree]++
		if len(s.X) != len(s.Exc) || len(s.Exc) > 0 && len(s.Points) < 2 {
			t.Errorf("%s: %d points, %d synapses at %d places", s.Name, len(s.Points), len(s.Exc), len(s.X))
		}
	}
	if drawn != len(channels) {
		t.Errorf("%d channels are drawn, the model has %d", drawn, len(channels))
	}
	for _, tree := range []string{"soma", "basal", "oblique", "tuft"} {
		if trees[tree] == 0 {
			t.Errorf("no section is of the %s: %v", tree, trees)
		}
	}
}
