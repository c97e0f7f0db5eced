package card

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"understudy/plugin/measure"
	"understudy/plugin/model"
	"understudy/plugin/population"
)

// evaluation judges made-up outputs of n trials of 700 ms.
func evaluation(t *testing.T, n int, spikes, voltage bool) Evaluation {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	f := measure.NewFidelity()
	for range n {
		const ms = 700
		tr := measure.Trial{PSpike: make([]float32, ms), Spike: make([]bool, ms)}
		if voltage {
			tr.VSoma, tr.TrueVSoma = make([]float32, ms), make([]float32, ms)
		}
		for k := range ms {
			if spikes && rng.Float64() < 0.02 {
				tr.TruePeakMS = append(tr.TruePeakMS, float64(k)+0.7)
				tr.PSpike[k] = 0.2
			}
			tr.PSpike[k] += 0.1 * rng.Float32()
			tr.Spike[k] = spikes && tr.PSpike[k] > 0.25
			if voltage {
				tr.TrueVSoma[k] = -70 + 10*rng.Float32()
				tr.VSoma[k] = tr.TrueVSoma[k] + rng.Float32()
			}
		}
		if err := f.Add(tr); err != nil {
			t.Fatal(err)
		}
	}
	e := Evaluation{Model: "m", Data: "data", Inputs: "made up", Precision: "f32", Kernel: "reference", Threshold: 0.25, WarmupMS: f.WarmupMS,
		Judgement: f.Judgement(0.25, 0, 1), Notes: []string{"scheme is a_b."}}
	roc := f.ROC()
	for _, fp := range measure.FalsePositiveGrid() {
		if tp, _ := roc.TruePositivesAt(fp); roc.Positives > 0 {
			e.FalsePositive, e.TruePositive = append(e.FalsePositive, fp), append(e.TruePositive, tp)
		}
	}
	if tr, ok := f.Typical(); ok {
		e.Trace = &tr
	}
	return e
}

func result(t *testing.T, n int, spikes, voltage bool) *Result {
	r := &Result{Evaluation: evaluation(t, n, spikes, voltage), SHA256: "abc", Command: "understudy evaluate --data 'my data'", Version: "v0",
		Info: model.Info{Name: "m", Kind: "tcn", Parameters: 7, ReceptiveField: 9, Heads: []model.HeadInfo{{Name: "spike"}, {Name: "v_soma"}},
			TrainingRange: &model.TrainingRange{EventsPerMS: &[2]float64{0, 40}},
			Provenance:    jsontext.Value(`{"cell": "l5pc", "seed": 3, "command": "a|b <script>\n# x", "figures": {"auc": 0.9}}`)}}
	integers := r.Evaluation
	integers.Precision = "int8"
	r.Int8 = &integers
	a := Also{Name: "sync|hronous", Evaluation: r.Evaluation}
	a.Drop.Value, a.DropInterval = measure.DropInAUC(r.Judgement, a.Judgement)
	r.Also = []Also{a}
	r.Compare = []Baseline{r.JudgedBaseline("self", "m.safetensors", r.Info, "the same again", r.Evaluation)}
	return r
}

// The card and its plots are whole: every image is there and is XML, every row of a table
// has its header's cells, and nothing is NaN. Also where little is defined.
func TestWriteCard(t *testing.T) {
	for name, r := range map[string]*Result{
		"all": result(t, 4, true, true), "silent": result(t, 3, false, true), "one trial": result(t, 1, true, true), "no voltage": result(t, 3, true, false),
	} {
		dir := t.TempDir()
		files, err := r.WriteCard(filepath.Join(dir, "my card.md"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := os.ReadFile(files[len(files)-1])
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		// Within backticks nothing is Markdown or HTML.
		outside := regexp.MustCompile("`[^`]*`").ReplaceAllString(text, "")
		for _, bad := range []string{"NaN", "+Inf", "-Inf", "<script", "%!"} {
			if strings.Contains(outside, bad) {
				t.Errorf("%s: the card has %q", name, bad)
			}
		}
		images := regexp.MustCompile(`\]\(([^)]*\.svg)\)`).FindAllStringSubmatch(text, -1)
		if len(images) != len(files)-1 || len(images) < 5 {
			t.Errorf("%s: %d images, %d files", name, len(images), len(files))
		}
		for _, m := range images {
			f, err := os.Open(filepath.Join(dir, strings.ReplaceAll(m[1], "%20", " ")))
			if err != nil {
				t.Fatal(err)
			}
			d := xml.NewDecoder(f)
			for err == nil {
				_, err = d.Token()
			}
			if f.Close(); err != io.EOF {
				t.Errorf("%s: %s: %v", name, m[1], err)
			}
		}
		cells := func(line string) int {
			return strings.Count(line, "|") - strings.Count(line, `\|`)
		}
		header := 0
		for _, line := range strings.Split(text, "\n") {
			if !strings.HasPrefix(line, "|") {
				header = 0
			} else if n := cells(line); header == 0 {
				header = n
			} else if n != header {
				t.Errorf("%s: row of %d cells under %d: %s", name, n, header, line)
			}
		}
		b, err = json.Marshal(r)
		if err != nil || !json.Valid(b) {
			t.Errorf("%s: JSON: %v", name, err)
		}
	}
	if _, err := result(t, 2, true, true).WriteCard(filepath.Join(t.TempDir(), "no", "card.md")); err == nil {
		t.Error("a card in a folder that is not there")
	}
}

func TestWriteText(t *testing.T) {
	var b strings.Builder
	r := result(t, 4, true, true)
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"on 4 trials of data", "AUC", "Note: scheme is a_b.", "Other data", "sync|hronous", "Baselines", "this model", "self"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if r.Compare[0].Below.Value != 0 || r.Compare[0].BelowInterval != (measure.Interval{}) {
		t.Errorf("a model below itself: %+v", r.Compare[0])
	}
}

func TestReadBaseline(t *testing.T) {
	r := result(t, 4, true, true)
	file := filepath.Join(t.TempDir(), "b.json")
	read := func(text string) (Baseline, error) {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return r.ReadBaseline("lif", file)
	}
	b, err := read(`{"description": "x", "parameters": 9, "macs_per_ms": 3, "figures": {"auc": 0.9, "rmse_mv": null, "spikes": 3, "bins": 5, "trials": 4}}`)
	if err != nil || b.AUC.Value != 0.9 || b.AUC.N != 3 || b.VoltageRMSE.Format(2) != "-" || b.Recall.Format(2) != "-" || b.Parameters != 9 || !b.OtherData {
		t.Errorf("%+v, %v", b, err)
	}
	same, err := json.Marshal(map[string]any{"figures": map[string]any{"auc": 0.9, "spikes": r.TrueSpikes, "bins": r.DurationMS, "trials": 4}})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := read(string(same)); err != nil || b.OtherData || b.BelowInterval.Format(2) != "-" {
		t.Errorf("%+v, %v", b, err)
	}
	for text, says := range map[string]string{`{"auc": 1}`: "auc", `[]`: "b.json", ``: "b.json", `{"figures": {"auc": "high"}}`: "auc"} {
		if _, err := read(text); !errors.Is(err, population.ErrFormat) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := r.ReadBaseline("x", file+"x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
