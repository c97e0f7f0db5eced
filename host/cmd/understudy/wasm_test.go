package main

import (
	"encoding/json"
	"os"
	"path/filepath"
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
	for _, name := range []string{"index.html", "page.js", "style.css", "index.js", "neuron.wasm", "morphology.json"} {
		if st, err := os.Stat(filepath.Join(site, name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
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
