package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"understudy/plugin/dataset"
)

// asCommand makes the test's own program behave as the command: tests of signals
// need processes.
const asCommand = "UNDERSTUDY_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// process is a running command.
type process struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(self, args...)}
	p.Env = append(os.Environ(), asCommand+"=1")
	p.Stdout, p.Stderr = &p.out, &p.err
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	return p
}

const processTrials = 24

// smallData is the command line for a data set of the point neuron.
func smallData(dir string, more ...string) []string {
	return append([]string{"dataset", "--cell", "lif", "--trials", fmt.Sprint(processTrials), "--seconds", "1", "--seed", "5", "--threads", "2", "--batch", "2", "--out", dir}, more...)
}

// trialFiles reads every trial and returns the files' bytes by name, and the names of all other files.
func trialFiles(t *testing.T, dir string) (trials map[string]string, others []string) {
	t.Helper()
	d, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	trials = map[string]string{}
	for _, k := range d.Trials {
		if _, err := d.Trial(k); err != nil {
			t.Errorf("a broken trial: %v", err)
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if !strings.HasPrefix(f.Name(), "trial_") || !strings.HasSuffix(f.Name(), ".npz") {
			others = append(others, f.Name())
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		trials[f.Name()] = string(b)
	}
	return trials, others
}

// wantWhole wants all trials of smallData, those of the reference, and nothing else.
func wantWhole(t *testing.T, dir string, reference map[string]string) {
	t.Helper()
	trials, others := trialFiles(t, dir)
	if len(trials) != processTrials || len(others) != 1 || others[0] != "manifest.json" {
		t.Errorf("%d trials, and %v", len(trials), others)
	}
	for name, b := range trials {
		if b != reference[name] {
			t.Errorf("%s differs from that of a run in peace", name)
		}
	}
}

func reference(t *testing.T) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "reference")
	if _, err := execute(t, smallData(dir)...); err != nil {
		t.Fatal(err)
	}
	trials, _ := trialFiles(t, dir)
	return trials
}

// A run that is killed again and again, at any moment, leaves only whole trials and
// comes to the same end.
func TestKilledRuns(t *testing.T) {
	want := reference(t)
	dir := filepath.Join(t.TempDir(), "data")
	killed := 0
	for try := 0; ; try++ {
		p := start(t, smallData(dir)...)
		if try < 12 { // later ones are let be
			time.AfterFunc(time.Duration(10+15*try)*time.Millisecond, func() { p.Process.Kill() })
		}
		err := p.Wait()
		if err == nil {
			break
		}
		if s, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || !s.Signaled() || s.Signal() != syscall.SIGKILL {
			t.Fatalf("%v: %s", err, p.err.String())
		}
		killed++
		if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err == nil {
			trialFiles(t, dir)
		}
	}
	// What a kill can leave of the manifest is small and nobody's.
	left, _ := filepath.Glob(filepath.Join(dir, "manifest.json.*.tmp"))
	for _, name := range left {
		os.Remove(name)
	}
	t.Logf("killed %d times", killed)
	wantWhole(t, dir, want)
}

// Shards may fill one directory at once, as the jobs of a cluster do.
func TestShardsAtOnce(t *testing.T) {
	want := reference(t)
	dir := filepath.Join(t.TempDir(), "data")
	var shards []*process
	for i := range 4 {
		shards = append(shards, start(t, smallData(dir, "--shard", fmt.Sprintf("%d/4", i))...))
	}
	for i, p := range shards {
		if err := p.Wait(); err != nil || !strings.Contains(p.out.String(), fmt.Sprintf("6 trials of shard %d/4, 6 of them made now", i)) {
			t.Errorf("shard %d: %v, %s%s", i, err, p.out.String(), p.err.String())
		}
	}
	wantWhole(t, dir, want)
}

// Ctrl-C stops at once, says how far it came, and leaves nothing half done.
func TestInterruptedRun(t *testing.T) {
	want := reference(t)
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, smallData(dir, "--trials", "100000")...) // not done before the signal comes
	for wait := 0; ; wait++ {
		if made, _ := filepath.Glob(filepath.Join(dir, "trial_*.npz")); len(made) > 1 {
			break
		}
		if wait > 10000 {
			t.Fatal("no trial after 10 s")
		}
		time.Sleep(time.Millisecond)
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("%v: %s", err, p.err.String())
	}
	trials, others := trialFiles(t, dir)
	says := fmt.Sprintf("understudy: stopped: %d of 100000 trials are in %s; the same command goes on from there", len(trials), dir)
	if !strings.Contains(p.err.String(), says) || len(others) != 1 {
		t.Errorf("%d trials, and %v; it says %q", len(trials), others, p.err.String())
	}
	for name, b := range trials {
		if w, ok := want[name]; ok && w != b {
			t.Errorf("%s differs from that of a run in peace", name)
		}
	}
}
