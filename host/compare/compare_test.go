package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"understudy/plugin/cell"
	"understudy/plugin/morphology"
	"understudy/plugin/network/networktest"
	"understudy/plugin/population"
	"understudy/plugin/surrogate"
)

// channels of a small cell: two regions, excitatory then inhibitory.
func channels() []cell.Channel {
	var c []cell.Channel
	for _, kind := range []cell.Kind{cell.Excitatory, cell.Inhibitory} {
		for i := range 10 {
			region := morphology.Basal
			if i >= 5 {
				region = morphology.Apical
			}
			c = append(c, cell.Channel{Kind: kind, Segment: i, Region: region, LengthUM: float64(10 + i), DistanceUM: float64(50 * (i%5 + 1))})
		}
	}
	return c
}

func config(t *testing.T, sizes, durations []int) Config {
	t.Helper()
	w, err := Regimes[0].Workload(channels(), 1)
	if err != nil {
		t.Fatal(err)
	}
	w.Graph.Weight = 0.1 // these cells are far more excitable than pyramidal ones
	lif := func(kind string, jump float32) Builder {
		return func(n int) (population.Population, error) { return networktest.NewLIF(kind, n, 10, 10, jump), nil }
	}
	return Config{Neurons: sizes, DurationMS: durations, WarmUpMS: -1, Workloads: []Workload{w}, Detailed: lif("detailed", 3), Surrogate: lif("surrogate", 3)}
}

func compared(t *testing.T, c Config) *Result {
	t.Helper()
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	r.Setup = Setup{Command: "understudy compare --seed 1 <&>", Date: time.Unix(0, 0).UTC(), Seed: 1, Cell: "lif", Model: "lif", Kernel: "go", Threads: 2, DtMS: 0.025, Machine: ThisMachine()}
	return r
}

// A surrogate that is the detailed cell is perfect, and its network identical.
func TestPerfectSurrogate(t *testing.T) {
	r := compared(t, config(t, []int{1, 4, 20}, []int{2000, 1000, 600}))
	for i, w := range r.Rows {
		if w.Fidelity.TrueSpikes < 10 {
			t.Fatalf("%d spikes", w.Fidelity.TrueSpikes)
		}
		if f := w.Fidelity; f.AUC.Value < 1-1e-12 || f.VoltageRMSE.Value != 0 || f.ExplainedVariance.Value != 1 || f.Recall.Value != 1 || f.Precision.Value != 1 {
			t.Errorf("N %d: %+v", w.Neurons, f)
		}
		if !reflect.DeepEqual(w.Pictures.DetailedSpikes, w.Pictures.SurrogateSpikes) {
			t.Errorf("N %d: other spikes", w.Neurons)
		}
		if want := []int{1, 4, 16}[i]; w.Fidelity.Trials != want {
			t.Errorf("N %d: %d neurons compared, want %d", w.Neurons, w.Fidelity.Trials, want)
		}
		if want := []int{500, 250, 150}[i]; w.WarmUpMS != want {
			t.Errorf("N %d: warm-up of %d ms, want %d", w.Neurons, w.WarmUpMS, want)
		}
		if w.SpeedUp <= 0 || w.Detailed.WallMSPerMS <= 0 || w.MACsPerMS <= 1 {
			t.Errorf("N %d: speed-up %g, wall %g, MACs %g", w.Neurons, w.SpeedUp, w.Detailed.WallMSPerMS, w.MACsPerMS)
		}
	}
	if r.Rows[0].Connections != 0 || r.Rows[1].Connections != 4*3*5 || r.Rows[2].Connections != 20*19*5 {
		t.Error("connections", r.Rows[0].Connections, r.Rows[1].Connections, r.Rows[2].Connections)
	}
}

func TestPoorSurrogate(t *testing.T) {
	c := config(t, []int{4}, []int{1500})
	c.Surrogate = func(n int) (population.Population, error) {
		return networktest.NewLIF("surrogate", n, 10, 10, 2.4), nil
	}
	w := compared(t, c).Rows[0]
	if a := w.Fidelity.AUC.Value; a > 0.99 || a < 0.5 {
		t.Errorf("AUC %g", a)
	}
	if w.Fidelity.VoltageRMSE.Value <= 0.1 || w.Surrogate.Rate.Value >= w.Detailed.Rate.Value {
		t.Errorf("%+v", w)
	}
}

func TestDeterministic(t *testing.T) {
	var r [2]*Result
	for i := range r {
		r[i] = compared(t, config(t, []int{5}, []int{700}))
	}
	a, b := r[0].Rows[0], r[1].Rows[0]
	if !reflect.DeepEqual(a.Pictures, b.Pictures) || a.Fidelity != b.Fidelity || a.MACsPerMS != b.MACsPerMS {
		t.Error("two runs differ")
	}
}

func TestSilentNetwork(t *testing.T) {
	c := config(t, []int{2}, []int{300})
	c.Workloads[0].Drive = nil
	r := compared(t, c)
	if s := r.Rows[0]; !math.IsNaN(s.Fidelity.AUC.Value) || s.Detailed.Rate.Value != 0 {
		t.Errorf("%+v", s)
	}
	var b bytes.Buffer
	if err := r.WriteReport(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Fatal(err)
	}
}

// A model may have no voltage head.
type mute struct{ *networktest.LIF }

func (m mute) Step(steps int, events []population.Event, out population.Output) error {
	err := m.LIF.Step(steps, events, out)
	for i := range out.VSoma {
		out.VSoma[i] = float32(math.NaN())
	}
	return err
}

func TestModelWithoutVoltage(t *testing.T) {
	c := config(t, []int{1}, []int{800})
	build := c.Surrogate
	c.Surrogate = func(n int) (population.Population, error) {
		p, err := build(n)
		return mute{p.(*networktest.LIF)}, err
	}
	r := compared(t, c)
	if f := r.Rows[0].Fidelity; f.AUC.Value < 1-1e-12 || !math.IsNaN(f.VoltageRMSE.Value) {
		t.Errorf("%+v", f)
	}
	if err := r.WriteReport(&bytes.Buffer{}); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no sizes": func(c *Config) { c.Neurons = nil },
		"lengths":  func(c *Config) { c.DurationMS = nil },
		"zero":     func(c *Config) { c.Neurons[0] = 0 },
		"duration": func(c *Config) { c.DurationMS[0] = 0 },
		"warm-up":  func(c *Config) { c.WarmUpMS = 100 },
		"too small": func(c *Config) {
			c.Detailed = func(n int) (population.Population, error) { return networktest.NewLIF("d", n, 3, 1, 1), nil }
		},
	} {
		c := config(t, []int{2}, []int{100})
		change(&c)
		if _, err := Run(context.Background(), c); !errors.Is(err, population.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := config(t, []int{2}, []int{100})
	c.Surrogate = func(int) (population.Population, error) { return nil, population.ErrFormat }
	if _, err := Run(context.Background(), c); !errors.Is(err, population.ErrFormat) {
		t.Errorf("builder: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, config(t, []int{2}, []int{100})); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestReport(t *testing.T) {
	c := config(t, []int{1, 4, 16}, []int{2000, 1000, 600})
	c.Surrogate = func(n int) (population.Population, error) {
		return networktest.NewLIF("surrogate", n, 10, 10, 2.9), nil
	}
	r := compared(t, c)
	r.Setup.Caveats = []string{"A caveat <b>."}
	var b bytes.Buffer
	if err := r.WriteReport(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"Spikes, detailed", "Spikes, surrogate", "Soma voltage, identical input", "ROC curve", "Speed-up", "A caveat &lt;b&gt;.",
		"--seed 1 &lt;&amp;&gt;", "N = 16: AUC", ThisMachine().Go} {
		if !strings.Contains(page, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if n, labels := strings.Count(page, "<svg "), strings.Count(page, `role="img" aria-label="`); n != 7 || labels != n {
		t.Errorf("%d plots, %d with text for those who do not see them", n, labels)
	}
	for _, external := range []string{"<script", "<link", "src=", "@import", "url(", "<?xml"} {
		if strings.Contains(page, external) {
			t.Errorf("the report has %q", external)
		}
	}
	if path := os.Getenv("COMPARE_REPORT"); path != "" { // to look at
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestText(t *testing.T) {
	r := compared(t, config(t, []int{1, 4}, []int{400, 1000}))
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	t.Log("\n" + text)
	for _, want := range []string{"Cost", "speed-up", "AUC", "synchrony", "rests on fewer than 50 spikes"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
}

// rangePopulation is a population that counts input outside a training range.
type rangePopulation struct {
	population.Population
	outside int64
}

func (p rangePopulation) OutOfRange() surrogate.RangeReport {
	return surrogate.RangeReport{Known: true, Steps: 100, StepsOutside: p.outside}
}

func TestInputOutsideTrainingIsTold(t *testing.T) {
	inner := rangePopulation{networktest.NewLIF("lif", 1, 2, 2, 1), 2}
	pop, err := Mapped(inner, []int32{0, 1})
	if err != nil {
		t.Fatal(err)
	}
	if r := surrogate.OutOfRange(pop); r.StepsOutside != 2 {
		t.Errorf("a mapped population tells of %d steps outside", r.StepsOutside)
	}
	told := func(part float64) bool {
		r := Result{Rows: []Row{{Neurons: 3, OutsideTraining: part}}}
		return strings.Contains(strings.Join(r.notes(), "\n"), "extrapolated")
	}
	if !told(0.02) || told(0) {
		t.Error("the note on input outside the training range is wrong")
	}
}
