package main

import (
	"os"
	"path/filepath"
	"testing"

	"understudy/plugin/model/modeltest"
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
