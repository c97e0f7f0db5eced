package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"understudy/plugin/spikeio"
)

// networkFile writes a file of a network.
func networkFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// networkResult runs the command and reads what it writes.
func networkResult(t *testing.T, args ...string) (arrays map[string][]float64, shapes map[string][]int, stdout string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.npz")
	status, stdout, stderr := capture(t, append([]string{"network", "--out", out}, args...)...)
	if status != 0 {
		t.Fatalf("%v: status %d, %s", args, status, stderr)
	}
	z, err := spikeio.OpenNPZ(out)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	arrays, shapes = map[string][]float64{}, map[string][]int{}
	for _, name := range []string{"spike_step", "spike_neuron", "recorded", "v_soma_mv", "p_spike"} {
		if z.Has(name) {
			if arrays[name], shapes[name], err = z.Float64(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return arrays, shapes, stdout
}

// Point neurons by hand. An event of weight 20 raises V by 160/3 (e^(-t/20) - e^(-t/5)) mV, which
// reaches the threshold, 22 mV above rest, after 5.046 ms, once; one of weight 10 never does.
//
//	neuron 0: input at 1.5, crosses at 6.546: step 6, leaves at 7
//	neuron 1: arrives at 7.5, crosses at 12.546: step 12, leaves at 13
//	neuron 3: 10 from neuron 0 at 7 + 3.5, and 10 from outside at 10.5: 15.546, step 15
//	neuron 5: from 1 at 13 + 1 - 1e-7, which counts as 14: 19.046, step 19
//	neuron 2: from 1 at 13 + 2.7, crosses at 20.746: step 20
//	neuron 4: half as much from outside: never
func TestNetworkByHand(t *testing.T) {
	dir := t.TempDir()
	net := networkFile(t, dir, "net.csv", "pre,post,channel,weight,delay_ms\n0,1,3,20,0.5\n1,2,0,20,2.7\n0,3,5,10,3.5\n1,5,7,20,0.9999999\n")
	in := networkFile(t, dir, "in.csv", "t_ms,neuron,channel,weight\n10.5,4,0,10\n10.5,3,1,10\n1.5,0,2,20\n30,0,0,1\n")
	got, shapes, stdout := networkResult(t, "--cell", "lif", "--neurons", "6", "--connections", net, "--input", in, "--duration", "24", "--record", "4,0", "--json")
	if want := []float64{6, 12, 15, 19, 20}; !slices.Equal(got["spike_step"], want) {
		t.Errorf("spikes in steps %v, want %v", got["spike_step"], want)
	}
	if want := []float64{0, 1, 3, 5, 2}; !slices.Equal(got["spike_neuron"], want) {
		t.Errorf("spikes of neurons %v, want %v", got["spike_neuron"], want)
	}
	if !slices.Equal(got["recorded"], []float64{4, 0}) || !slices.Equal(shapes["v_soma_mv"], []int{2, 24}) || !slices.Equal(shapes["p_spike"], []int{2, 24}) {
		t.Fatalf("recorded %v, shapes %v", got["recorded"], shapes)
	}
	v := got["v_soma_mv"][24:]
	if want := -77 + 160/3.*(math.Exp(-0.5/20)-math.Exp(-0.5/5)); v[1] != -77 || math.Abs(v[2]-want) > 1e-3 {
		t.Errorf("neuron 0 is at %g mV at 1 ms and %g at 2 ms, want -77 and %g", v[1], v[2], want)
	}
	for k, p := range got["p_spike"][24:] {
		if (p == 1) != (k == 6) {
			t.Errorf("p_spike of neuron 0 is %g in step %d", p, k)
		}
	}
	var said struct {
		Model                        string
		Neurons, Connections, Spikes int
		Events                       int
		Late                         int `json:"events_after_end"`
	}
	if err := json.Unmarshal([]byte(stdout), &said); err != nil || said.Model != "lif" || said.Neurons != 6 || said.Connections != 4 || said.Spikes != 5 || said.Events != 3 || said.Late != 1 {
		t.Errorf("%+v, %v", said, err)
	}
}

// A network of surrogates gives the same whatever the order and the format of its files and the
// length of the blocks, which the smallest delay sets; a neuron that nobody projects to answers as infer does.
func TestNetworkOfSurrogates(t *testing.T) {
	dir, modelPath, _, _ := files(t)
	var conns, events [][]float64
	for i := range 60 {
		conns = append(conns, []float64{float64(i % 6), float64(1 + i*7%5), float64(i % 12), 1, 2 + float64(i%4)/2})
		events = append(events, []float64{float64(i*37%90) + 0.3, float64(i % 6), float64(i * 5 % 12), 1})
	}
	csv := func(name, head string, rows [][]float64) string {
		for _, r := range rows {
			head += "\n" + strings.ReplaceAll(strings.Trim(fmt.Sprint(r), "[]"), " ", ",")
		}
		return networkFile(t, dir, name, head+"\n")
	}
	const netHead, inHead = "pre,post,channel,weight,delay_ms", "t_ms,neuron,channel,weight"
	net, in := csv("net.csv", netHead, conns), csv("in-all.csv", inHead, events)
	run := func(net, in string) map[string][]float64 {
		got, _, _ := networkResult(t, "--model", modelPath, "--neurons", "6", "--connections", net, "--input", in, "--duration", "100",
			"--spikes", "sample", "--seed", "3", "--record", "0,1,5")
		return got
	}
	want := run(net, in)
	if len(want["spike_step"]) < 20 {
		t.Fatalf("%d spikes", len(want["spike_step"]))
	}
	unconnected := run(csv("none.csv", netHead, nil), in)
	if slices.Equal(unconnected["p_spike"], want["p_spike"]) {
		t.Error("connections change nothing")
	}
	slices.Reverse(conns)
	slices.Reverse(events)
	columns := func(name, prefix, head string, rows [][]float64) string {
		var arrays []spikeio.Array
		for c, column := range strings.Split(head, ",") {
			a := spikeio.Array{Name: prefix + column}
			if column == "weight" || strings.HasSuffix(column, "_ms") {
				var data []float64
				for _, r := range rows {
					data = append(data, r[c])
				}
				a.Data = data
			} else {
				var data []int64
				for _, r := range rows {
					data = append(data, int64(r[c]))
				}
				a.Data = data
			}
			arrays = append(arrays, a)
		}
		path := filepath.Join(dir, name)
		if err := spikeio.WriteNPZ(path, arrays...); err != nil {
			t.Fatal(err)
		}
		return path
	}
	reversed := [2]string{csv("net-reversed.csv", netHead, conns), csv("in-reversed.csv", inHead, events)}
	archives := [2]string{columns("net.npz", "", netHead, conns), columns("in.npz", "in_", inHead, events)}
	// A connection without weight, whose delay leaves blocks of one step.
	short := csv("net-short.csv", netHead, append(conns, []float64{0, 1, 0, 0, 0.1}))
	for name, got := range map[string]map[string][]float64{
		"reversed": run(reversed[0], reversed[1]), "archives": run(archives[0], archives[1]),
	} {
		for array := range want {
			if !slices.Equal(got[array], want[array]) {
				t.Errorf("%s: another %s", name, array)
			}
		}
	}
	// An event of weight 0 is one event more to the model's range, nothing else.
	if got := run(short, in); !slices.Equal(got["spike_step"], want["spike_step"]) || !slices.Equal(got["v_soma_mv"], want["v_soma_mv"]) {
		t.Error("blocks of one step: another result")
	}

	var own [][]float64
	for _, e := range events {
		if e[1] == 0 {
			own = append(own, []float64{e[0], e[2], e[3]})
		}
	}
	out := filepath.Join(dir, "infer.npz")
	status, _, stderr := capture(t, "infer", "--model", modelPath, "--input", csv("own.csv", "t_ms,channel,weight", own), "--out", out)
	if status != 0 {
		t.Fatal(stderr)
	}
	z, err := spikeio.OpenNPZ(out)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	p, _, err := z.Float64("p_spike")
	if err != nil || len(p) < 50 || !slices.Equal(p, want["p_spike"][:len(p)]) {
		t.Errorf("neuron 0 does not answer as infer does (%d steps, %v)", len(p), err)
	}
}

// What goes wrong has its exit status and a message with the place, and leaves no file.
func TestNetworkRefuses(t *testing.T) {
	t.Setenv(kernelEnv, "")
	dir, modelPath, _, _ := files(t)
	kept := 3
	file := func(text string) string {
		kept++
		return networkFile(t, dir, fmt.Sprintf("file%d.csv", kept), text)
	}
	const netHead, inHead = "pre,post,channel,weight,delay_ms\n0,1,0,1,1\n", "t_ms,neuron,channel,weight\n1,0,0,1\n"
	out := filepath.Join(dir, "out.npz")
	conns := func(row string) []string { return []string{"--connections", file(netHead + row + "\n")} }
	input := func(row string) []string { return []string{"--input", file(inHead + row + "\n")} }
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{2, "--neurons 0", []string{"--neurons", "0"}},
		{2, "--duration 0", []string{"--duration", "0"}},
		{2, "--duration", []string{"--duration", "1e3"}},
		{2, "--out", []string{"--out", ""}},
		{2, "neuron 2", []string{"--record", "0,2"}},
		{2, "neuron 1", []string{"--record", "1,1"}},
		{2, "--precision", []string{"--precision", "f16"}},
		{2, "abacus", []string{"--kernel", "abacus"}},
		{2, "--cell", []string{"--dt", "0.05"}},
		{2, "--model", []string{"--cell", "lif"}},
		{1, "not quantised", []string{"--precision", "int8"}},
		{1, "none.csv", []string{"--connections", filepath.Join(dir, "none.csv")}},
		{1, "none.csv", []string{"--input", filepath.Join(dir, "none.csv")}},
		{1, "none", []string{"--out", filepath.Join(dir, "none", "out.npz")}},
		{1, ".csv:1: bad file: header \"t_ms,channel", []string{"--input", filepath.Join(dir, "in.csv")}},
		{1, ".csv:1: bad file: header", []string{"--connections", file("pre,post,channel,delay_ms\n")}},
		{1, ".csv:3: bad input: from neuron 0 to 2", conns("0,2,0,1,1")},
		{1, ".csv:3: bad input: from neuron -1", conns("-1,0,0,1,1")},
		{1, ".csv:3: bad input: channel 12, there are 12", conns("0,1,12,1,1")},
		{1, ".csv:3: bad input: channel -1", conns("0,1,-1,1,1")},
		{1, ".csv:3: bad file: channel \"1.5\"", conns("0,1,1.5,1,1")},
		{1, ".csv:3: bad input: weight NaN", conns("0,1,0,NaN,1")},
		{1, ".csv:3: bad input: weight +Inf", conns("0,1,0,1e39,1")},
		{1, ".csv:3: bad input: delay 0 ms", conns("0,1,0,1,0")},
		{1, ".csv:3: bad input: delay -1 ms", conns("0,1,0,1,-1")},
		{1, ".csv:3: bad input: delay 10001 ms", conns("0,1,0,1,10001")},
		{1, ".csv:3: bad file: delay_ms \"soon\"", conns("0,1,0,1,soon")},
		{1, ".csv:3: bad file: ", conns("0,1,0,1")},
		{1, ".csv:3: bad file: time -1 ms", input("-1,0,0,1")},
		{1, ".csv:3: bad file: time NaN ms", input("nan,0,0,1")},
		{1, ".csv:3: bad input: neuron 2, there are 2", input("1,2,0,1")},
		{1, ".csv:3: bad input: neuron -1", input("1,-1,0,1")},
		{1, ".csv:3: bad input: channel 12, there are 12", input("1,0,12,1")},
		{1, ".csv:3: bad file: weight", input("1,0,0,1e39")},
	} {
		// Later values of a flag replace earlier ones.
		status, _, stderr := capture(t, append([]string{"network", "--model", modelPath, "--neurons", "2", "--duration", "10", "--out", out}, c.args...)...)
		if status != c.status || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: status %d, %q; want %d and %q", c.args, status, stderr, c.status, c.says)
		}
	}
	short := filepath.Join(dir, "short.npz")
	if err := spikeio.WriteNPZ(short, spikeio.Array{Name: "in_t_ms", Data: []float64{1, 2}}, spikeio.Array{Name: "in_neuron", Data: []int8{0, 1}}, spikeio.Array{Name: "in_channel", Data: []int32{0, 12}}); err != nil {
		t.Fatal(err)
	}
	kept++
	status, _, stderr := capture(t, "network", "--model", modelPath, "--neurons", "2", "--duration", "10", "--out", out, "--input", short)
	if status != 1 || !strings.Contains(stderr, "short.npz: entry 1: bad input: channel 12") {
		t.Errorf("status %d, %q", status, stderr)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != kept {
		t.Errorf("files left: %v, %v", entries, err)
	}
}
