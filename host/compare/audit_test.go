package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"understudy/plugin/network/networktest"
	"understudy/plugin/population"
)

func audited(t *testing.T, c Config, k int) *AuditResult {
	t.Helper()
	r, err := RunAudit(context.Background(), c, k)
	if err != nil {
		t.Fatal(err)
	}
	r.Setup = Setup{Command: "understudy compare --audit 3", Cell: "lif", Machine: ThisMachine()}
	return r
}

// Twins of the same kind agree with the audited neurons in everything.
func TestAuditOfThemselves(t *testing.T) {
	c := config(t, []int{2, 20}, []int{700, 2000})
	var stages []string
	done, total := 0, 0
	c.Progress = func(stage string, d, all int) {
		if len(stages) == 0 || stages[len(stages)-1] != stage {
			stages = append(stages, stage)
		}
		done, total = d, all
	}
	r := audited(t, c, 3)
	for i, w := range r.Rows {
		f := w.Total.Agreement
		if f.TrueSpikes < 10 || f.AUC.Value != 1 || f.VoltageRMSE.Value != 0 || f.ExplainedVariance.Value != 1 || f.Recall.Value != 1 || f.Precision.Value != 1 || f.TrueRate != f.PredictedRate {
			t.Errorf("N %d: %+v", w.Neurons, f)
		}
		if want := [][]int{{0, 1}, {0, 6, 13}}[i]; !reflect.DeepEqual(w.Audited, want) || f.Trials != len(want) {
			t.Errorf("N %d: %v audited, want %v", w.Neurons, w.Audited, want)
		}
		if w.Total.FromMS != w.WarmUpMS || w.Total.ToMS != w.SimulatedMS || len(w.Windows) < auditWindows {
			t.Errorf("N %d: %d windows, in all from %d to %d ms", w.Neurons, len(w.Windows), w.Total.FromMS, w.Total.ToMS)
		}
	}
	if want := 2*700 + 3*2000; done != want || total != want {
		t.Errorf("progress until %d of %d, want %d", done, total, want)
	}
	if !strings.Contains(strings.Join(stages, "\n"), "20 surrogates, 3 with a twin, until") {
		t.Errorf("the progress does not tell of the agreement: %q", stages)
	}
}

func TestAuditOfAPoorSurrogate(t *testing.T) {
	c := config(t, []int{12}, []int{1500})
	c.Surrogate = func(n int) (population.Population, error) {
		p := networktest.NewLIF("surrogate", n, 10, 10, 2.4)
		return rangePopulation{p, 7}, nil
	}
	r := audited(t, c, 4)
	w := r.Rows[0]
	if f := w.Total.Agreement; f.AUC.Value > 0.99 || f.VoltageRMSE.Value < 0.1 || f.PredictedRate.Value >= f.TrueRate.Value {
		t.Errorf("%+v", f)
	}
	var text, page bytes.Buffer
	if err := errors.Join(r.WriteText(&text), r.WriteReport(&page)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"audited", "With time, default, 12 neurons", "rest on", "spikes of the twins"} {
		if !strings.Contains(text.String(), want) || want == "rest on" && !strings.Contains(page.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, &text)
		}
	}
	if n, labels := strings.Count(page.String(), "<svg "), strings.Count(page.String(), `role="img" aria-label="`); n != 5 || labels != n {
		t.Errorf("%d plots, %d with text for those who do not see them", n, labels)
	}
	if b, err := json.Marshal(r); err != nil || !bytes.Contains(b, []byte(`"audited":[0,3,6,9]`)) || !bytes.Contains(b, []byte(`"steps_outside_training"`)) {
		t.Errorf("%s, %v", b, err)
	}
}

// The audited network is the one that a comparison runs.
func TestAuditRunsTheSameNetwork(t *testing.T) {
	c := config(t, []int{12}, []int{900})
	r, a := compared(t, c).Rows[0], audited(t, c, 2).Rows[0]
	if a.Total.NetworkRate.N != r.Surrogate.Rate.N || math.Abs(a.Total.NetworkRate.Value-r.Surrogate.Rate.Value) > 1e-9 || a.Connections != r.Connections || a.Regime != r.Regime {
		t.Errorf("the audited network's rate is %+v, the compared one's %+v", a.Total.NetworkRate, r.Surrogate.Rate)
	}
}

func TestAuditWithoutVoltageOrSpikes(t *testing.T) {
	c := config(t, []int{2}, []int{300})
	c.Workloads[0].Drive = nil
	build := c.Surrogate
	c.Surrogate = func(n int) (population.Population, error) {
		p, err := build(n)
		return mute{p.(*networktest.LIF)}, err
	}
	r := audited(t, c, 2)
	var text bytes.Buffer
	if err := errors.Join(r.WriteText(&text), r.WriteReport(&bytes.Buffer{})); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "nothing is known about spikes") {
		t.Errorf("%s", &text)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

// A long run prints some of its windows, and says so.
func TestAuditPrintsFewWindows(t *testing.T) {
	w := audited(t, config(t, []int{2}, []int{300}), 1).Rows[0]
	for len(w.Windows) < 45 {
		w.Windows = append(w.Windows, w.Windows[0])
	}
	if got := w.windows(); len(got.Rows) != 15 || !strings.Contains(got.Title, "one window of 3") {
		t.Errorf("%d rows, %q", len(got.Rows), got.Title)
	}
}

func TestAuditErrors(t *testing.T) {
	if _, err := RunAudit(context.Background(), config(t, []int{2}, []int{100}), 0); !errors.Is(err, population.ErrInput) {
		t.Errorf("nobody: %v", err)
	}
	c := config(t, []int{2}, []int{100})
	c.Detailed = func(int) (population.Population, error) { return nil, population.ErrFormat }
	if _, err := RunAudit(context.Background(), c, 1); !errors.Is(err, population.ErrFormat) {
		t.Errorf("builder: %v", err)
	}
	c.Detailed = func(n int) (population.Population, error) { return networktest.NewLIF("d", n, 3, 1, 1), nil }
	if _, err := RunAudit(context.Background(), c, 1); !errors.Is(err, population.ErrInput) {
		t.Errorf("other channels: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c = config(t, []int{2}, []int{100000000})
	c.Progress = func(string, int, int) { cancel() }
	if _, err := RunAudit(ctx, c, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
