package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"understudy/plugin/measure"
	"understudy/plugin/network/networktest"
	"understudy/plugin/population"
)

// regimeConfig compares two regimes with point neurons, made excitable enough.
func regimeConfig(t *testing.T, sizes, durations []int) Config {
	c := config(t, sizes, durations)
	other := c.Workloads[0]
	other.Regime = Regimes[1]
	c.Workloads = append(c.Workloads, other)
	return c
}

func TestRegimesHaveNames(t *testing.T) {
	names := map[string]bool{}
	for _, r := range Regimes {
		if names[r.Name] || r.About == "" {
			t.Errorf("regime %q is there twice or says nothing", r.Name)
		}
		names[r.Name] = true
		got, err := FindRegime(r.Name)
		if err != nil || got != r {
			t.Errorf("%s: %v", r.Name, err)
		}
		if _, err := r.Workload(channels(), 1); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
	if Regimes[0].Name != DefaultRegime {
		t.Error("the default is not the first")
	}
	if _, err := FindRegime("none-such"); !errors.Is(err, population.ErrInput) || !strings.Contains(err.Error(), "oscillating") {
		t.Errorf("unknown regime: %v", err)
	}
}

// Networks that are the same never drift apart.
func TestNoDriftOfAPerfectSurrogate(t *testing.T) {
	r := compared(t, regimeConfig(t, []int{5}, []int{1300}))
	if len(r.Rows) != 2 || len(r.Regimes) != 2 || r.Rows[1].Regime != "asynchronous" {
		t.Fatalf("%d rows, %d regimes", len(r.Rows), len(r.Regimes))
	}
	w := r.Rows[1]
	at := 0
	for _, v := range append(w.Windows, w.Difference) {
		if v.LoopRMSE.Value != 0 || v.Identical.VoltageRMSE.Value != 0 || v.RunningDifference != 0 || v.DetailedRate != v.SurrogateRate {
			t.Errorf("%+v", v)
		}
		if v.DetailedRate.N > 0 && (v.LoopRecall.Value != 1 || v.Identical.TrueSpikes > 0 && v.Identical.Recall.Value != 1) {
			t.Errorf("%+v", v)
		}
	}
	for _, v := range w.Windows {
		if v.FromMS != at || v.ToMS <= at {
			t.Errorf("a window from %d to %d ms after one until %d", v.FromMS, v.ToMS, at)
		}
		at = v.ToMS
	}
	if at != 1300 || len(w.Windows) != 8 || w.Windows[7].FromMS != 650 {
		t.Errorf("%d windows until %d ms", len(w.Windows), at)
	}
	if d := w.Difference; d.FromMS != w.WarmUpMS || d.ToMS != 1300 || d.DetailedRate != w.Detailed.Rate || d.Identical.AUC.N != w.Fidelity.AUC.N ||
		math.Abs(d.Identical.VoltageRMSE.Value-w.Fidelity.VoltageRMSE.Value) > 1e-9 || d.ChanceRecall.Value > 0.9 {
		t.Errorf("after the warm-up: %+v", d)
	}
}

// A poor surrogate's network drifts farther than identical input alone lets it.
func TestDrift(t *testing.T) {
	c := regimeConfig(t, []int{1, 6}, []int{1200})
	c.DurationMS = []int{1200, 1200}
	c.Surrogate = func(n int) (population.Population, error) {
		return networktest.NewLIF("surrogate", n, 10, 10, 2.8), nil
	}
	r := compared(t, c)
	alone, together := r.Rows[2].Difference, r.Rows[3].Difference
	if alone.LoopRMSE.Value == 0 || alone.LoopRMSE.Value != alone.Identical.VoltageRMSE.Value || !math.IsNaN(alone.ChanceRecall.Value) {
		t.Errorf("one neuron has no loop: %+v", alone)
	}
	if together.LoopRMSE.Value <= together.Identical.VoltageRMSE.Value || together.LoopRecall.Value <= together.ChanceRecall.Value {
		t.Errorf("six neurons: %+v", together)
	}

	var text, page bytes.Buffer
	if err := errors.Join(r.WriteText(&text), r.WriteReport(&page)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Regime default", "Regime asynchronous", "How the difference grows with time, 6 neurons", "How the difference grows with the network", "The regimes", "by chance"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q", want)
		}
	}
	if n, labels := strings.Count(page.String(), "<svg "), strings.Count(page.String(), `role="img" aria-label="`); n != 2+2*5+2 || labels != n {
		t.Errorf("%d plots, %d with text for those who do not see them", n, labels)
	}
	b, err := json.Marshal(r)
	for _, want := range []string{`"regime":"asynchronous"`, `"loop_voltage_rmse_mv"`, `"rhythm_hz"`, `"exc_per_100ms":420`} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("the JSON lacks %s (%v)", want, err)
		}
	}
	// The default alone says what it always said.
	text.Reset()
	c.Workloads = c.Workloads[:1]
	if err := compared(t, c).WriteText(&text); err != nil || strings.Contains(text.String(), "grows") || strings.Contains(text.String(), "hythm") {
		t.Errorf("the default's text speaks of growth: %v\n%s", err, &text)
	}
}

// The control is the detailed network with one spike more: it differs, and less than a poor surrogate's.
func TestControl(t *testing.T) {
	c := regimeConfig(t, []int{1, 6}, []int{400, 400})
	c.Workloads = c.Workloads[1:]
	c.Control = true
	total := 0
	c.Progress = func(_ string, done, all int) { total = all - done }
	r := compared(t, c)
	if total != 0 {
		t.Errorf("the progress ended %d neuron-ms too early", total)
	}
	if d := r.Rows[0].Difference; d.ControlRMSE.Value != 0 || d.ControlRMSE.N != 300 {
		t.Errorf("a spike of a neuron alone changes something: %+v", d)
	}
	first := r.Rows[1].Windows[0]
	if !(first.ControlRMSE.Value > 0) || first.LoopRMSE.Value != 0 {
		t.Errorf("%+v", first)
	}
	var text bytes.Buffer
	if err := errors.Join(r.WriteText(&text), r.WriteReport(&bytes.Buffer{})); err != nil || !strings.Contains(text.String(), "control") {
		t.Errorf("%v\n%s", err, &text)
	}
}

func TestRecall(t *testing.T) {
	truth, other := [][]float64{{10, 50}, {30}}, [][]float64{{12, 29}, {100}}
	if f := recall(truth, other, 0); f != (measure.Figure{Value: 1. / 3, N: 3}) {
		t.Errorf("%+v", f)
	}
	if f := recall(truth, other, 1); f != (measure.Figure{Value: 1. / 3, N: 3}) {
		t.Errorf("with the next neuron: %+v", f)
	}
}
