package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npz"

	"understudy/plugin/cell"
	"understudy/plugin/population"
	"understudy/plugin/spikeio"
)

// lifConfig is a small data set of the point neuron, which is quick.
func lifConfig(t testing.TB, dir string) Config {
	channels, err := cell.Channels("lif", cell.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Dir: dir,
		Manifest: Manifest{Cell: "lif", Seconds: 0.75, Seed: 7, Trials: 7, Synapses: "nmda", DtMS: 0.025,
			Scheme: "exact", Command: "test", Inputs: Paper(true)},
		Channels: channels,
		New:      func(n int) (population.Population, error) { return cell.New("lif", n, cell.Options{}) },
		Shards:   1, Threads: 1, Batch: 1,
	}
}

// files returns a directory's files by name.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]byte{}
	for _, f := range list {
		if m[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestTrialsAreTheSameHoweverTheyAreMade(t *testing.T) {
	ctx := context.Background()
	one := lifConfig(t, t.TempDir())
	p, err := Run(ctx, one)
	if err != nil || p.Made != 7 || p.Trials != 7 || p.Spikes == 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	want := files(t, one.Dir)
	if len(want) != 8 {
		t.Fatalf("%d files, expected 7 trials and the manifest", len(want))
	}

	many := lifConfig(t, t.TempDir())
	many.Shards, many.Threads, many.Batch = 3, 2, 2
	for many.Shard = range 3 {
		if p, err := Run(ctx, many); err != nil || p.Trials != []int{3, 2, 2}[many.Shard] {
			t.Fatalf("shard %d: %+v, %v", many.Shard, p, err)
		}
	}
	for name, b := range files(t, many.Dir) {
		if !bytes.Equal(b, want[name]) {
			t.Errorf("%s differs between one run and three shards of two threads and batches of two", name)
		}
	}
}

func TestRunResumes(t *testing.T) {
	c := lifConfig(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	c.Progress = func(p Progress) {
		if p.Made == 3 {
			cancel()
		}
	}
	if p, err := Run(ctx, c); !errors.Is(err, context.Canceled) || p.Made != 3 {
		t.Fatalf("interrupted: %+v, %v", p, err)
	}
	first := files(t, c.Dir)
	if len(first) != 4 {
		t.Fatalf("%d files after three trials", len(first))
	}
	// A file cut short by the disk, and one that a killed run was writing.
	broken := trialPath(c.Dir, 1)
	if err := os.WriteFile(broken, first["trial_000001.npz"][:500], 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(trialPath(c.Dir, 4)+".0badc0de.tmp", []byte("PK"), 0o666); err != nil {
		t.Fatal(err)
	}
	c.Progress = nil
	p, err := Run(context.Background(), c)
	if err != nil || p.Found != 2 || p.Made != 5 {
		t.Fatalf("resumed: %+v, %v", p, err)
	}
	all := files(t, c.Dir)
	if len(all) != 8 || !bytes.Equal(all["trial_000001.npz"], first["trial_000001.npz"]) {
		t.Errorf("%d files; the broken trial is whole again: %v", len(all), bytes.Equal(all["trial_000001.npz"], first["trial_000001.npz"]))
	}
	// More trials join; other options do not.
	c.Manifest.Trials = 8
	if p, err := Run(context.Background(), c); err != nil || p.Found != 7 || p.Made != 1 {
		t.Errorf("one more trial: %+v, %v", p, err)
	}
	for field, change := range map[string]func(*Config){
		"seed":     func(c *Config) { c.Manifest.Seed++ },
		"seconds":  func(c *Config) { c.Manifest.Seconds = 1 },
		"cell":     func(c *Config) { c.Manifest.Cell = "l5pc" },
		"inputs":   func(c *Config) { c.Manifest.Inputs = Paper(false) },
		"synapses": func(c *Config) { c.Manifest.Synapses = "ampa" },
		"length_um": func(c *Config) {
			c.Channels = append([]cell.Channel(nil), c.Channels...)
			c.Channels[3].LengthUM++
		},
	} {
		other := c
		change(&other)
		if _, err := Run(context.Background(), other); !errors.Is(err, population.ErrState) || !strings.Contains(err.Error(), field) {
			t.Errorf("another %s: %v", field, err)
		}
	}
}

// The file as another reader sees it, and the data against the cell run by hand.
func TestTrialFile(t *testing.T) {
	c := lifConfig(t, t.TempDir())
	c.Manifest.Trials = 1
	if _, err := Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	z, err := npz.Open(trialPath(c.Dir, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for name, descr := range map[string]string{"in_channel": "<i2", "in_t_ms": "<i2", "spike_ms": "<f8", "upcross_ms": "<f8", "v_soma_mv": "<f4", "T_ms": "<i8"} {
		if h := z.Header(name + ".npy"); h == nil || h.Descr.Type != descr {
			t.Errorf("%s is %v, expected %s", name, h, descr)
		}
	}
	d, err := Open(c.Dir)
	if err != nil || !reflect.DeepEqual(d.Trials, []int{0}) {
		t.Fatalf("%+v, %v", d, err)
	}
	trial, err := d.Trial(0)
	if err != nil {
		t.Fatal(err)
	}
	input, err := Paper(true).Trial(c.Channels, 750, 7, 0)
	if err != nil || !reflect.DeepEqual(trial.Input, input) {
		t.Errorf("the input differs from that of seed 7, trial 0 (%v)", err)
	}
	pop, err := c.New(1)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float32, 750)
	if err := pop.Step(750, input.Population(nil, 0), population.Output{VSoma: v}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(v, trial.VSomaMV) || !slices.Equal(trial.SpikeMS, pop.(population.Labelled).PeaksMS(0)) {
		t.Error("voltage or spikes differ from one long step")
	}
}

func TestLargeNumbersAreWide(t *testing.T) {
	if _, ok := narrow([]float64{0, 32767}).([]int16); !ok {
		t.Error("32767 does not fit int16")
	}
	if x, ok := narrow([]int32{0, 32768}).([]int32); !ok || x[1] != 32768 {
		t.Error("32768 is not int32")
	}
}

// echo is a surrogate that knows the answer: it replays recorded trials.
type echo struct {
	population.Population
	trials []*Trial
	next   *int
	now    int
	mine   []*Trial
}

func (e *echo) Reset() {
	e.now = 0
	e.mine = nil
	for range e.Info().N {
		e.mine = append(e.mine, e.trials[min(*e.next, len(e.trials)-1)])
		*e.next++
	}
}

func (e *echo) Step(steps int, events []population.Event, out population.Output) error {
	n := e.Info().N
	for s := range steps {
		for i, tr := range e.mine {
			at := s*n + i
			out.PSpike[at], out.Spike[at], out.VSoma[at] = 0.01, false, tr.VSomaMV[e.now+s]
			for _, x := range tr.SpikeMS {
				if population.LabelStep(x) == e.now+s {
					out.PSpike[at], out.Spike[at] = 0.9, true
				}
			}
		}
	}
	e.now += steps
	return nil
}

func TestJudge(t *testing.T) {
	c := lifConfig(t, t.TempDir())
	if _, err := Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	d, err := Open(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var trials []*Trial
	spikes := 0
	for _, k := range d.Trials {
		tr, err := d.Trial(k)
		if err != nil {
			t.Fatal(err)
		}
		trials = append(trials, tr)
		for _, x := range tr.SpikeMS {
			if k := population.LabelStep(x); k >= 500 && k < 750 {
				spikes++
			}
		}
	}
	for _, batch := range []int{1, 3, 50} {
		next := 0
		f, err := d.Judge(context.Background(), d.Trials, func(n int) (population.Population, error) {
			pop, err := c.New(n)
			return &echo{Population: pop, trials: trials, next: &next}, err
		}, batch, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := f.Report()
		if math.Abs(r.AUC.Value-1) > 1e-12 || r.VoltageRMSE.Value != 0 || r.Recall.Value != 1 || r.Precision.Value != 1 || r.TrueSpikes != spikes || r.Trials != 7 || r.DurationMS != 7*250 {
			t.Errorf("batch %d: the true answers are judged %+v (%d spikes)", batch, r, spikes)
		}
	}
	// The cell itself, on two threads, through the real interface.
	f, err := d.Judge(context.Background(), d.Trials, c.New, 2, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := f.Report(); r.VoltageRMSE.Value != 0 || r.Recall.Value < 0.9 {
		t.Errorf("the cell judged by its own data: %+v", r)
	}
	d.Manifest.Channels--
	if _, err := d.Judge(context.Background(), d.Trials, c.New, 2, 2, nil); err == nil {
		t.Error("a model with one more channel was accepted")
	}
}

func TestBadTrials(t *testing.T) {
	c := lifConfig(t, t.TempDir())
	c.Manifest.Trials = 1
	if _, err := Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	d, err := Open(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	good, err := d.Trial(0)
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*Trial){
		"channel":   func(t *Trial) { t.Input.Channel[0] = 100 },
		"order":     func(t *Trial) { t.Input.TimeMS[0] = 700 },
		"T_ms":      func(t *Trial) { t.Input.TotalMS++ },
		"v_soma_mv": func(t *Trial) { t.VSomaMV = t.VSomaMV[1:] },
		"entry 2":   func(t *Trial) { t.VSomaMV[2] = float32(math.NaN()) },
		"spike_ms":  func(t *Trial) { t.SpikeMS = []float64{5, 4} },
	} {
		b := Trial{Input: &spikeio.Events{Channel: append([]int32(nil), good.Input.Channel...), TimeMS: append([]float64(nil), good.Input.TimeMS...), TotalMS: 750},
			SpikeMS: good.SpikeMS, UpcrossMS: good.UpcrossMS, VSomaMV: append([]float32(nil), good.VSomaMV...)}
		change(&b)
		if err := b.write(trialPath(c.Dir, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Trial(0); !errors.Is(err, population.ErrFormat) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func FuzzManifest(f *testing.F) {
	var m Manifest
	m.Schema, m.Seconds, m.Inputs = Schema, 6, Paper(true)
	m.setChannels(testChannels(1))
	b, err := json.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"schema":1,"channels":0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseManifest(b)
		if err != nil {
			if !errors.Is(err, population.ErrFormat) {
				t.Errorf("uncategorised %v", err)
			}
		} else if m.MS() < 1 || len(m.LengthUM) != m.Channels {
			t.Errorf("accepted %+v", m)
		}
	})
}
