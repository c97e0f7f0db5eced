package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"understudy/native"
	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
	"understudy/plugin/surrogate"
)

// capture runs the command line and returns its exit status and what it wrote.
func capture(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	was := [2]*os.File{os.Stdout, os.Stderr}
	defer func() { os.Stdout, os.Stderr = was[0], was[1] }()
	var text [2]chan string
	var write [2]*os.File
	for i := range write {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		write[i], text[i] = w, make(chan string, 1)
		go func() { b, _ := io.ReadAll(r); text[i] <- string(b) }()
	}
	os.Stdout, os.Stderr = write[0], write[1]
	status = run(args)
	write[0].Close()
	write[1].Close()
	return status, <-text[0], <-text[1]
}

// files writes a model and two recordings of it, the second out of range.
func files(t *testing.T) (dir, modelPath, in, bad string) {
	dir = t.TempDir()
	modelPath, in, bad = filepath.Join(dir, "m.safetensors"), filepath.Join(dir, "in.csv"), filepath.Join(dir, "bad.csv")
	b, err := modeltest.Random(modeltest.Small, 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		modelPath: string(b),
		in:        "t_ms,channel,weight\n700.5,3,1\n0.2,1,1\n3.9,11,0.5\n3.1,11,1\n",
		bad:       "t_ms,channel\n5,12\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, modelPath, in, bad
}

// infer gives what the package gives, whatever its blocks.
func TestInfer(t *testing.T) {
	dir, modelPath, in, _ := files(t)
	out := filepath.Join(dir, "out.npz")
	status, _, stderr := capture(t, "infer", "--model", modelPath, "--input", in, "--out", out, "--kernel", "reference")
	if status != 0 {
		t.Fatal(status, stderr)
	}
	if !strings.Contains(stderr, "1 of 4 events have a weight outside the training range (0.5 to 1)") {
		t.Errorf("no warning of the weight out of range: %q", stderr)
	}
	z, err := spikeio.OpenNPZ(out)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	const steps = 701
	p, err := surrogate.New(modeltest.Random(modeltest.Small, 1), 1, surrogate.Options{Kernel: "reference"})
	if err != nil {
		t.Fatal(err)
	}
	want := population.Output{PSpike: make([]float32, steps), VSoma: make([]float32, steps), Spike: make([]bool, steps)}
	events := []population.Event{{TimeMS: 0.2, Channel: 1, Weight: 1}, {TimeMS: 3.1, Channel: 11, Weight: 1}, {TimeMS: 3.9, Channel: 11, Weight: 0.5}, {TimeMS: 700.5, Channel: 3, Weight: 1}}
	if err := p.Step(steps, events, want); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string][]float32{"p_spike": want.PSpike, "v_soma_mv": want.VSoma} {
		got, shape, err := z.Float64(name)
		if err != nil || len(shape) != 1 || len(got) != steps {
			t.Fatalf("%s: shape %v, %v", name, shape, err)
		}
		for i := range w {
			if float32(got[i]) != w[i] {
				t.Fatalf("%s[%d] is %v, want %v", name, i, got[i], w[i])
			}
		}
	}
	spikes, _, err := z.Int32("spike_step")
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range want.Spike {
		if s {
			if len(spikes) == 0 || int(spikes[0]) != i {
				t.Fatalf("spike of step %d is missing", i)
			}
			spikes = spikes[1:]
		}
	}
	if len(spikes) != 0 {
		t.Errorf("%d spikes too many", len(spikes))
	}
}

// Further heads of a model come as arrays; drawn spikes depend on the seed.
func TestInferHeadsAndSample(t *testing.T) {
	dir, modelPath, in, _ := files(t)
	m := modeltest.Random(modeltest.Small, 1)
	m.Heads["pc"] = model.Head{Layer: "r1", Index: 2, Count: 3}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(modelPath, b, 0o644); err != nil {
		t.Fatal(err)
	}
	var spikes [3][]int32
	for i, seed := range []string{"1", "1", "2"} {
		out := filepath.Join(dir, "out.npz")
		if status, _, stderr := capture(t, "infer", "--model", modelPath, "--input", in, "--out", out, "--spikes", "sample", "--seed", seed); status != 0 {
			t.Fatal(status, stderr)
		}
		z, err := spikeio.OpenNPZ(out)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		if _, shape, err := z.Float64("head_pc"); err != nil || !slices.Equal(shape, []int{701, 3}) {
			t.Fatalf("head_pc: shape %v, %v", shape, err)
		}
		if spikes[i], _, err = z.Int32("spike_step"); err != nil || len(spikes[i]) == 0 {
			t.Fatalf("%d spikes, %v", len(spikes[i]), err)
		}
	}
	if !slices.Equal(spikes[0], spikes[1]) || slices.Equal(spikes[0], spikes[2]) {
		t.Error("spikes of one seed differ, or those of two do not")
	}
}

// What goes wrong has its exit status and message and leaves no file.
func TestSurrogateCommandsRefuse(t *testing.T) {
	t.Setenv(kernelEnv, "")
	dir, modelPath, in, bad := files(t)
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{2, "--input", []string{"infer", "--model", modelPath, "--out", out}},
		{2, "--out", []string{"infer", "--model", modelPath, "--input", in}},
		{1, "not quantised", []string{"infer", "--model", modelPath, "--input", in, "--out", out, "--precision", "int8"}},
		{2, "poisson", []string{"infer", "--model", modelPath, "--input", in, "--out", out, "--spikes", "poisson"}},
		{2, "--data", []string{"model", "quantize", modelPath, "--out", out}},
		{2, "--out", []string{"model", "quantize", modelPath, "--data", dir}},
		{2, "--trials 0", []string{"model", "quantize", modelPath, "--data", dir, "--out", out, "--trials", "0"}},
		{1, "manifest", []string{"model", "quantize", modelPath, "--data", dir, "--out", out}},
		{2, "f16", []string{"infer", "--model", modelPath, "--input", in, "--out", out, "--precision", "f16"}},
		{2, "abacus", []string{"infer", "--model", modelPath, "--input", in, "--out", out, "--kernel", "abacus"}},
		{2, "extra", []string{"infer", "extra"}},
		{1, "bad.csv", []string{"infer", "--model", modelPath, "--input", bad, "--out", out}},
		{1, "none.csv", []string{"infer", "--model", modelPath, "--input", filepath.Join(dir, "none.csv"), "--out", out}},
		{1, "in.csv", []string{"infer", "--model", in, "--input", in, "--out", out}},
		{1, "none", []string{"infer", "--model", modelPath, "--input", in, "--out", filepath.Join(dir, "none", "out.npz")}},
		{2, "info", []string{"model"}},
		{2, "", []string{"model", "info", modelPath, modelPath}},
		{1, "in.csv", []string{"model", "info", in}},
		{2, "--out", []string{"model", "import", modelPath}},
		{2, "", []string{"model", "import", "--out", out}},
		{1, "in.csv", []string{"model", "import", in, "--out", out}},
	} {
		status, _, stderr := capture(t, c.args...)
		if status != c.status || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: status %d, %q; want %d and %q", c.args, status, stderr, c.status, c.says)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("files left: %v, %v", entries, err)
	}
}

func TestModelInfoAndImport(t *testing.T) {
	dir, modelPath, _, _ := files(t)
	status, stdout, stderr := capture(t, "model", "info", modelPath, "--json")
	var info struct {
		Channels       int
		Layers         []struct{ Name string }
		ReceptiveField int `json:"receptive_field_ms"`
	}
	if err := json.Unmarshal([]byte(stdout), &info); status != 0 || err != nil {
		t.Fatal(status, err, stderr)
	}
	// 1 + 2 of the smoothing + 1 + 2 + 4 of the blocks
	if info.Channels != 12 || info.ReceptiveField != 10 || len(info.Layers) != 9 {
		t.Errorf("%+v", info)
	}
	copied := filepath.Join(dir, "copy.safetensors")
	if status, _, stderr := capture(t, "model", "import", modelPath, "--out", copied); status != 0 {
		t.Fatal(status, stderr)
	}
	a, _ := os.ReadFile(modelPath)
	if b, err := os.ReadFile(copied); err != nil || string(a) != string(b) {
		t.Errorf("importing our own canonical file changed it (%v)", err)
	}
}

// A built-in surrogate goes by its name, unless there is a file of that name.
func TestModelByName(t *testing.T) {
	dir, modelPath, _, _ := files(t)
	if status, stdout, stderr := capture(t, "model", "info", "l5pc-tcn"); status != 0 || !strings.Contains(stdout, "l5pc-tcn (tcn)") || !strings.Contains(stdout, "774 ms") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	t.Chdir(dir)
	b, err := os.ReadFile(modelPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("l5pc-tcn", b, 0o644); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := capture(t, "model", "info", "l5pc-tcn"); status != 0 || !strings.Contains(stdout, "random (tcn)") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
}

func TestKernels(t *testing.T) {
	t.Setenv(kernelEnv, "reference")
	status, stdout, stderr := capture(t, "kernels", "--json")
	var r kernelListing
	if err := json.Unmarshal([]byte(stdout), &r); status != 0 || err != nil {
		t.Fatal(status, err, stderr)
	}
	if r.Chosen != "reference" || !strings.Contains(r.Why, kernelEnv) || len(r.Kernels) == 0 {
		t.Errorf("%+v", r)
	}
	best := slices.IndexFunc(r.Kernels, native.Info.Available)
	t.Setenv(kernelEnv, "")
	_, stdout, _ = capture(t, "kernels")
	if want := "chosen: " + r.Kernels[best].Name + " (the highest priority"; !strings.Contains(stdout, want) {
		t.Errorf("no %q in\n%s", want, stdout)
	}
	t.Setenv(kernelEnv, "abacus")
	if status, _, stderr := capture(t, "kernels"); status != 2 || !strings.Contains(stderr, "abacus") {
		t.Errorf("unknown kernel: status %d, %q", status, stderr)
	}
}
