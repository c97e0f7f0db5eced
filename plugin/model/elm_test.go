package model_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"understudy/plugin/model"
	"understudy/plugin/model/modeltest"
	"understudy/plugin/population"
)

func smallELM() *model.Model {
	return modeltest.ELM(modeltest.ELMSpec{Channels: 12, Branches: 5, Memory: 10, Hidden: 20, Activation: model.ActSiLU}, 1)
}

func TestELMFile(t *testing.T) {
	m := smallELM()
	got, err := model.Decode("file", encode(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, got) {
		t.Error("the file holds another model")
	}
	i := m.Info()
	// The decays are parameters too; per ms the MLP, then the traces and twice the memory.
	if i.ReceptiveField != 0 || i.MACsPerEvent != 5 || i.MACsPerMS != 15*20+20*10+5+2*10+2*10 || i.Parameters != 12*5+5+10+15*20+20+20*10+10+2*10+2 {
		t.Errorf("info %+v", i)
	}
	// Outputs of three layers, sums of events, and the elm layer's traces, memory and room.
	if i.StateBytes < 4*(5+10) || i.StateBytes > 4*(2*5+10+2+5+2*10) {
		t.Errorf("%d bytes of state", i.StateBytes)
	}
	if s := i.String(); !strings.Contains(s, "receptive field without end") {
		t.Errorf("table:\n%s", s)
	}
}

// One thing wrong in an ELM neuron at a time.
func TestBadELM(t *testing.T) {
	alpha := 1.0
	for name, c := range map[string]struct {
		change func(m *model.Model, e *model.ELM)
		limit  bool
		says   string
	}{
		"kind":             {func(m *model.Model, e *model.ELM) { m.Kind = model.KindTCN }, false, `kind "tcn"`},
		"nothing":          {func(m *model.Model, e *model.ELM) { m.Layers[1].ELM = nil }, false, "no elm"},
		"of another op":    {func(m *model.Model, e *model.ELM) { m.Layers[0].ELM = e }, false, "conv1d has no elm"},
		"no lambda":        {func(m *model.Model, e *model.ELM) { e.Lambda = 0 }, false, "lambda is 0"},
		"huge lambda":      {func(m *model.Model, e *model.ELM) { e.Lambda = 1e39 }, false, "lambda is 1e+39"},
		"no synapse decay": {func(m *model.Model, e *model.ELM) { e.SynapseDecay = "" }, false, "elm.synapse_decay"},
		"branches":         {func(m *model.Model, e *model.ELM) { resize(m, e.SynapseDecay, 6) }, false, "elm.synapse_decay"},
		"synapse decay":    {func(m *model.Model, e *model.ELM) { m.Tensors[e.SynapseDecay].Data[3] = 1.01 }, false, "value 3 is 1.01"},
		"memory decay":     {func(m *model.Model, e *model.ELM) { m.Tensors[e.MemoryDecay].Data[9] = -0.1 }, false, "elm.memory_decay"},
		"no memory decay":  {func(m *model.Model, e *model.ELM) { e.MemoryDecay = "none" }, false, `"none"`},
		"memory":           {func(m *model.Model, e *model.ELM) { resize(m, e.MemoryDecay, 11) }, false, "elm.mlp[0].weight"},
		"too much memory":  {func(m *model.Model, e *model.ELM) { resize(m, e.MemoryDecay, model.MaxMemory+1) }, true, "memory units"},
		"no mlp":           {func(m *model.Model, e *model.ELM) { e.MLP = nil }, false, "elm.mlp has 0 layers"},
		"mlp width":        {func(m *model.Model, e *model.ELM) { resize(m, e.MLP[0].Weight, 20, 14) }, false, "elm.mlp[0].weight"},
		"mlp shape":        {func(m *model.Model, e *model.ELM) { resize(m, e.MLP[0].Weight, 20, 15, 1) }, false, "[out][in]"},
		"mlp too wide":     {func(m *model.Model, e *model.ELM) { resize(m, e.MLP[0].Weight, model.MaxMemory+1, 15) }, true, "units"},
		"mlp output":       {func(m *model.Model, e *model.ELM) { e.MLP = e.MLP[:1] }, false, "20 values for 10 memory units"},
		"bias":             {func(m *model.Model, e *model.ELM) { resize(m, e.MLP[1].Bias, 9) }, false, "elm.mlp[1].bias"},
		"no bias":          {func(m *model.Model, e *model.ELM) { e.MLP[1].Bias = "" }, false, "elm.mlp[1].bias"},
		"shared weights":   {func(m *model.Model, e *model.ELM) { e.MLP[1].Bias = e.MemoryDecay }, false, "already used"},
		"activation":       {func(m *model.Model, e *model.ELM) { e.MLP[0].Activation = "mish" }, false, "elm.mlp[0]"},
		"alpha":            {func(m *model.Model, e *model.ELM) { e.MLP[0].Alpha = &alpha }, false, "elm.mlp[0]"},
		"tensor of nobody": {func(m *model.Model, e *model.ELM) { m.Tensors["spare"] = m.Tensors[e.MemoryDecay] }, false, `"spare"`},
	} {
		m := smallELM()
		c.change(m, m.Layers[1].ELM)
		want := population.ErrFormat
		if c.limit {
			want = population.ErrLimit
		}
		if err := m.Validate(); !errors.Is(err, want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one with %s", name, err, c.says)
		}
	}
}

func resize(m *model.Model, name string, shape ...int) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	m.Tensors[name] = model.Tensor{Shape: shape, Data: make([]float32, n)}
}
