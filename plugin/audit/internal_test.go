package audit

import (
	"testing"

	"understudy/plugin/network/networktest"
	"understudy/plugin/population"
)

// However long it runs, an audit keeps one window and one call of Step.
func TestKeepsOneWindow(t *testing.T) {
	a, err := New(networktest.NewLIF("lif", 4, 2, 1, 30), networktest.NewLIF("lif", 2, 2, 1, 30), []int{1, 3}, Options{WarmUpMS: 10, WindowMS: 50})
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		events := []population.Event{{TimeMS: float64(a.Now()) + 3, Neuron: 1, Weight: 1}}
		if err := a.Step(7, events, population.Output{}); err != nil {
			t.Fatal(err)
		}
		if n := len(a.spikes); n > 57 || len(a.traces[1].VSoma) != n || len(a.traces[1].Spike) != n || len(a.labels[0]) > n {
			t.Fatalf("at %d ms it keeps %d steps, %d labels", a.Now(), n, len(a.labels[0]))
		}
	}
	if c := cap(a.traces[0].VSoma); c > 200 || len(a.Windows()) != 139 {
		t.Errorf("room for %d steps, %d windows", c, len(a.Windows()))
	}
	if w := a.Total(); w.Agreement.TrueSpikes != 993 || w.Agreement.Recall.Value != 1 {
		t.Errorf("%+v", w)
	}
}
