package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"understudy/plugin/morphology"
	"understudy/plugin/spikeio"
	"understudy/tests/require"
)

// volley writes a CSV of events on the first channels, strong enough for a spike.
func volley(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("t_ms,channel,weight\n")
	for i := range 200 {
		fmt.Fprintf(&b, "%d,%d,2\n", 20+i%10, i)
	}
	path := filepath.Join(t.TempDir(), "volley.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkSimulated reads a result of simulate and wants a spike in it.
func checkSimulated(t *testing.T, path string) {
	t.Helper()
	z, err := spikeio.OpenNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	get := func(name string) []float64 {
		x, _, err := z.Float64(name)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	v, at := get("v_soma_mv"), get("t_ms")
	if len(v) != 30 || len(at) != 30 || at[29] != 29 || v[0] != -76 {
		t.Errorf("%d voltages from %g mV, %d times", len(v), v[0], len(at))
	}
	peaks, crossings := get("spike_ms"), get("upcross_ms")
	if len(crossings) == 0 || len(peaks) > len(crossings) {
		t.Errorf("peaks %v, crossings %v", peaks, crossings)
	}
	for _, x := range v {
		if math.IsNaN(x) || x < -120 || x > 80 {
			t.Fatalf("voltages %v", v)
		}
	}
}

// TestSimulateMorphology runs the built-in morphology written as SWC, as a user would run
// a reconstruction.
func TestSimulateMorphology(t *testing.T) {
	var swc bytes.Buffer
	if err := morphology.GenerateL5PC().WriteSWC(&swc); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, out := filepath.Join(dir, "cell.swc"), filepath.Join(dir, "out.npz")
	if err := os.WriteFile(path, swc.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	text, err := execute(t, "simulate", "--morphology", path, "--input", volley(t), "--out", out)
	if err != nil || !strings.Contains(text, "30 ms, 200 events") {
		t.Fatalf("%q, %v", text, err)
	}
	checkSimulated(t, out)
}

// TestReconstruction runs simulate, cell info and compare on a real reconstruction: the layer-5
// pyramidal cell that BluePyOpt's source distribution carries.
func TestReconstruction(t *testing.T) {
	path := filepath.Join(require.BluePyOpt(t), "examples", "l5pc", "morphology", "C060114A7.asc")
	dir := t.TempDir()
	out, drawing, report := filepath.Join(dir, "out.npz"), filepath.Join(dir, "cell.svg"), filepath.Join(dir, "report.html")
	if text, err := execute(t, "simulate", "--morphology", path, "--input", volley(t), "--out", out); err != nil {
		t.Fatalf("%q, %v", text, err)
	}
	checkSimulated(t, out)
	text, err := execute(t, "cell", "info", "--morphology", path, "--draw", drawing)
	if err != nil || !strings.Contains(text, "apic") {
		t.Fatalf("%q, %v", text, err)
	}
	if svg, err := os.ReadFile(drawing); err != nil || !bytes.Contains(svg, []byte("<svg")) {
		t.Errorf("drawing of %d bytes, %v", len(svg), err)
	}
	// A model with as many channels as the built-in cell stands in, its channels matched.
	text, err = execute(t, "compare", "--morphology", path, "--neurons", "1,2", "--duration", "300", "--out", report)
	if err != nil || !strings.Contains(text, "speed-up") || !strings.Contains(text, "trained on the built-in morphology") {
		t.Fatalf("%q, %v", text, err)
	}
}

func TestSimulateRefuses(t *testing.T) {
	dir := t.TempDir()
	events := volley(t)
	bad := filepath.Join(dir, "bad.swc")
	if err := os.WriteFile(bad, []byte("1 1 0 0 0 5 -1\n2 3 0 5 0 0 1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	far := filepath.Join(dir, "far.csv")
	if err := os.WriteFile(far, []byte("t_ms,channel\n1,99999\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.npz")
	for name, c := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"cell":            {[]string{"--cell", "l6"}, 2, "l5pc"},
		"synapses":        {[]string{"--synapses", "gap"}, 2, "nmda or ampa"},
		"dendrites":       {[]string{"--dendrites", "pruned"}, 2, "active or passive"},
		"time step":       {[]string{"--dt", "0.03", "--input", events}, 2, "0.03"},
		"scheme":          {[]string{"--scheme", "euler", "--input", events}, 2, "euler"},
		"morphology":      {[]string{"--morphology", bad, "--input", events}, 1, "bad.swc:2"},
		"point neuron":    {[]string{"--cell", "lif", "--morphology", bad}, 2, "point neuron"},
		"channel":         {[]string{"--input", far}, 1, "99999"},
		"missing file":    {[]string{"--input", filepath.Join(dir, "none.csv")}, 1, "none.csv"},
		"stray argument":  {[]string{"now"}, 2, "now"},
		"unknown option":  {[]string{"--voltage", "1"}, 2, "voltage"},
		"unusable folder": {[]string{"--input", events, "--out", filepath.Join(dir, "none", "o.npz")}, 1, "none"},
	} {
		_, err := execute(t, append([]string{"simulate", "--out", out}, c.args...)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if isUsage(err) != (c.status == 2) {
			t.Errorf("%s: exit status 2 is %t, want %d: %v", name, isUsage(err), c.status, err)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: an output file is left", name)
		}
	}
}
