package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// In int8 the surrogates of the sandbox emit the spikes of those outside, and the comparison says what it costs.
func TestCompareInSandbox(t *testing.T) {
	out := filepath.Join(t.TempDir(), "report.html")
	args := []string{"compare", "--host", "wasm", "--precision", "int8", "--out", out}
	text, err := execute(t, append(args, "--regime", "driven", "--neurons", "4", "--duration", "500", "--json")...)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Setup struct{ Host, Kernel string }
		Rows  []struct {
			Sandbox struct {
				Native     float64 `json:"native_wall_ms_per_ms"`
				Ratio      float64
				Spikes     int
				SameSpikes bool `json:"same_spikes"`
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	s := r.Rows[0].Sandbox
	if r.Setup.Host != "wasm" || !s.SameSpikes || s.Spikes == 0 || s.Native <= 0 || s.Ratio <= 0 {
		t.Errorf("%+v", r)
	}
	page, err := os.ReadFile(out)
	if err != nil || !bytes.Contains(page, []byte("sandbox over native")) || !bytes.Contains(page, []byte("in WebAssembly")) {
		t.Errorf("report of %d bytes without the sandbox, %v", len(page), err)
	}
	text, err = execute(t, append(args, "--neurons", "1", "--duration", "60")...)
	if err != nil || !strings.Contains(text, "The sandbox") || !strings.Contains(text, "over native") {
		t.Errorf("%v: %q", err, text)
	}
}

// The sandbox answers in int8 what is answered outside.
func TestInferInSandbox(t *testing.T) {
	folder := t.TempDir()
	in := filepath.Join(folder, "events.csv")
	var b strings.Builder
	b.WriteString("t_ms,channel\n")
	for i := range 2000 {
		b.WriteString(string(rune('0'+i%9)) + string(rune('0'+i%7)) + "," + string(rune('0'+i%6)) + string(rune('0'+i%10)) + string(rune('0'+i%8)) + "\n")
	}
	if err := os.WriteFile(in, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	var results [2][]byte
	for i, host := range []string{"native", "wasm"} {
		out := filepath.Join(folder, host+".npz")
		if _, err := execute(t, "infer", "--input", in, "--out", out, "--precision", "int8", "--host", host); err != nil {
			t.Fatal(err)
		}
		var err error
		if results[i], err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(results[0], results[1]) {
		t.Error("another result in the sandbox")
	}
}

// The sandbox warns of what the model never saw in training as infer does outside.
func TestInferWarnsInSandbox(t *testing.T) {
	folder := t.TempDir()
	in := filepath.Join(folder, "events.csv")
	var b strings.Builder
	b.WriteString("t_ms,channel,weight\n")
	for ms := range 100 { // l5pc-tcn saw 72 events of a channel within a second
		fmt.Fprintf(&b, "%d,7,1\n%d,8,3\n", ms, ms)
	}
	if err := os.WriteFile(in, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	var warnings [2]string
	for i, host := range []string{"native", "wasm"} {
		var err error
		if _, warnings[i], err = executeAll(t, "infer", "--model", "l5pc-tcn", "--input", in, "--out", filepath.Join(folder, "out.npz"), "--host", host); err != nil {
			t.Fatal(err)
		}
	}
	if warnings[0] != warnings[1] || !strings.Contains(warnings[0], "2 times a channel") || !strings.Contains(warnings[0], "have a weight") {
		t.Errorf("outside: %q, in the sandbox: %q", warnings[0], warnings[1])
	}
}

func TestHostFlag(t *testing.T) {
	for _, args := range [][]string{{"--host", "docker"}, {"--host", "wasm", "--kernel", "reference"}} {
		for _, command := range [][]string{{"compare"}, {"infer", "--input", "x.csv", "--out", "x.npz"}} {
			if _, err := execute(t, append(command, args...)...); err == nil || !strings.Contains(err.Error(), "--host") {
				t.Errorf("%s %s: %v", command[0], args, err)
			}
		}
	}
}
