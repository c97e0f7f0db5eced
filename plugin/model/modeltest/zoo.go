package modeltest

import (
	"maps"

	"understudy/plugin/model"
)

// Zoo has a model for each way in which layers can be put together.
func Zoo() map[string]*model.Model {
	conv := func(name, in string, kernel, dilation, groups int, act string) model.Layer {
		return model.Layer{Name: name, Op: model.OpConv1D, In: []string{in}, Weight: name + ".w", Bias: name + ".b", Kernel: kernel, Dilation: dilation, Groups: groups, Activation: act}
	}
	head := conv("head", "last", 1, 1, 1, "")
	norm := func(name, in, act string) model.Layer {
		return model.Layer{Name: name, Op: model.OpBatchNorm, In: []string{in}, Scale: name + ".scale", Shift: name + ".shift", Activation: act}
	}
	build := func(channels int, width map[string]int, layers ...model.Layer) *model.Model {
		width["head"] = 2
		return Build(Document("zoo", channels, layers), width, 3)
	}
	models := map[string]*model.Model{
		"small":      Random(Small, 1),
		"odd widths": Random(Spec{Channels: 7, Embed: 13, Smooth: 4, Blocks: 2, Kernel: 3}, 2),
		"long kernel on events": build(9, map[string]int{"a": 10, "last": 11},
			conv("a", "events", 20, 1, 1, "relu"), conv("last", "a", 5, 3, 1, "relu"), head),
		"dilated, grouped events": build(12, map[string]int{"a": 9, "last": 6},
			conv("a", "events", 4, 5, 3, ""), conv("last", "a", 2, 7, 3, "relu"), head),
		"grouped and plain readers": build(5, map[string]int{"a": 9, "b": 6, "c": 6, "d": 6},
			conv("a", "events", 2, 1, 1, "relu"), conv("b", "a", 2, 1, 3, "relu"), conv("c", "a", 1, 1, 1, "relu"), conv("d", "a", 3, 2, 1, "relu"),
			model.Layer{Name: "last", Op: model.OpAdd, In: []string{"b", "c", "d"}}, head),
		"two convolutions on events": build(6, map[string]int{"a": 8, "b": 8},
			conv("a", "events", 3, 1, 1, "relu"), conv("b", "events", 7, 2, 2, "none"),
			model.Layer{Name: "last", Op: model.OpAdd, In: []string{"a", "b", "a"}}, head),
		"dense events": build(10, map[string]int{"a": 10},
			model.Layer{Name: "n", Op: model.OpBatchNorm, In: []string{"events"}, Scale: "n.scale", Shift: "n.shift"},
			conv("a", "n", 4, 2, 1, "relu"),
			model.Layer{Name: "m", Op: model.OpBatchNorm, In: []string{"a"}, Scale: "m.scale", Shift: "m.shift", Activation: "relu"},
			model.Layer{Name: "s", Op: model.OpAdd, In: []string{"m", "events"}},
			model.Layer{Name: "last", Op: model.OpActivation, In: []string{"s"}, Activation: "relu"}, head),
		"batch norms between convolutions": build(9, map[string]int{"a": 8, "b": 10, "c": 10}, // as Keras' Conv1D with an activation inside
			conv("a", "events", 6, 1, 1, "relu"), norm("an", "a", ""), conv("b", "an", 4, 3, 2, "relu"), norm("bn", "b", ""),
			conv("c", "bn", 3, 1, 1, ""), norm("last", "c", "relu"), head),
		"batch norms that stay": build(9, map[string]int{"a": 8, "b": 8, "c": 8},
			conv("a", "events", 2, 1, 1, "relu"), norm("an", "a", ""), conv("b", "an", 2, 2, 1, ""), norm("bn", "b", "relu"),
			model.Layer{Name: "s", Op: model.OpAdd, In: []string{"an", "bn"}}, norm("sn", "s", "relu"), conv("c", "sn", 2, 1, 1, "relu"),
			model.Layer{Name: "last", Op: model.OpAdd, In: []string{"c", "sn", "b"}}, head),
		"batch norm of two readers": build(9, map[string]int{"a": 8, "b": 6, "c": 6, "last": 5},
			conv("a", "events", 2, 1, 1, "relu"), norm("an", "a", ""), conv("b", "an", 2, 2, 1, "relu"), conv("c", "an", 5, 1, 2, ""), norm("cn", "c", ""),
			model.Layer{Name: "s", Op: model.OpAdd, In: []string{"b", "cn"}}, conv("last", "s", 2, 1, 1, "relu"), head),
		"concat": build(5, map[string]int{"a": 8, "b": 3, "last": 7},
			conv("a", "events", 2, 1, 1, "relu"), conv("b", "a", 2, 3, 1, "relu"),
			model.Layer{Name: "s", Op: model.OpConcat, In: []string{"b", "a", "events", "b"}}, conv("last", "s", 2, 1, 1, "relu"), head),
		"concat of layers": build(5, map[string]int{"a": 9, "b": 3, "last": 7},
			conv("a", "events", 2, 1, 1, "relu"), conv("b", "a", 2, 3, 1, ""),
			model.Layer{Name: "s", Op: model.OpConcat, In: []string{"b", "a", "b"}, Activation: "relu"}, conv("last", "s", 2, 1, 1, "relu"), head),
		"channel multiplier": build(4, map[string]int{"a": 6, "last": 18},
			conv("a", "events", 1, 1, 1, ""), conv("last", "a", 3, 4, 6, "relu"), head),
	}
	maps.Copy(models, ELMs())
	for _, act := range model.Activations() {
		l := conv("last", "a", 2, 1, 1, act)
		if model.HasAlpha(act) {
			alpha := 0.7
			l.Alpha = &alpha
		}
		models[act] = build(4, map[string]int{"a": 6, "last": 9}, conv("a", "events", 3, 1, 1, ""), l, head)
	}
	return models
}

// ELMs has ELM neurons of several shapes, which join the zoo.
func ELMs() map[string]*model.Model {
	alpha := 0.3
	deep := ELM(ELMSpec{Channels: 8, Branches: 3, Memory: 11, Hidden: 17}, 4).Document
	deep.Layers[1].ELM.MLP = []model.Dense{
		{Weight: "w0", Bias: "b0", Activation: model.ActLeakyReLU, Alpha: &alpha},
		{Weight: "w1", Bias: "b1", Activation: model.ActTanh},
		{Weight: "w2", Bias: "b2", Activation: model.ActSigmoid},
		{Weight: "w3", Bias: "b3"},
	}
	// Between other layers: x looks back on the memory, and elm has an activation of
	// its own.
	deep.Layers[1].Activation = model.ActSiLU
	deep.Layers[2].In = []string{"x"}
	deep.Layers = []model.Layer{deep.Layers[0], deep.Layers[1],
		{Name: "x", Op: model.OpConv1D, In: []string{"elm"}, Weight: "x.w", Bias: "x.b", Kernel: 4, Dilation: 2, Activation: model.ActReLU}, deep.Layers[2]}
	two := ELM(ELMSpec{Channels: 10, Branches: 10, Memory: 6, Hidden: 9}, 4).Document
	two.Layers[1].ELM.MLP = two.Layers[1].ELM.MLP[1:] // no hidden layer
	two.Layers = []model.Layer{two.Layers[1], {Name: "second", Op: model.OpELM, In: []string{"elm"}, ELM: &model.ELM{
		SynapseDecay: "ks", MemoryDecay: "km", Lambda: 1, MLP: []model.Dense{{Weight: "w", Bias: "b", Activation: model.ActScaledTanh}}}}, two.Layers[2]}
	two.Layers[0].In = []string{model.Events}
	two.Layers[2].In = []string{"second"}
	return map[string]*model.Model{
		"elm":                ELM(ELMSpec{Channels: 12, Branches: 5, Memory: 10, Hidden: 20, Activation: model.ActReLU}, 1),
		"elm, odd widths":    ELM(ELMSpec{Channels: 7, Branches: 7, Memory: 33, Hidden: 19, Activation: model.ActSiLU}, 2),
		"elm, one memory":    ELM(ELMSpec{Channels: 3, Branches: 1, Memory: 1, Hidden: 2, Activation: model.ActGELU}, 3),
		"elm, deep":          Build(deep, map[string]int{"synapses": 3, "elm": 11, "w0": 17, "w1": 40, "w2": 8, "w3": 11, "x": 6, "head": 2}, 5),
		"elm on events, two": Build(two, map[string]int{"elm": 6, "elm.out.weight": 6, "second": 5, "w": 5, "head": 2}, 6),
	}
}

// Golden has every op and every activation that has an integer form, groups, a
// depthwise and a dilated convolution, batch norms that fold forward, backward and not
// at all, and widths that no vector divides.
func Golden() *model.Model {
	conv := func(name, in string, kernel, dilation, groups int, act string) model.Layer {
		l := model.Layer{Name: name, Op: model.OpConv1D, In: []string{in}, Weight: name + ".w", Bias: name + ".b", Kernel: kernel, Dilation: dilation, Groups: groups, Activation: act}
		if model.HasAlpha(act) {
			alpha := 0.3
			l.Alpha = &alpha
		}
		return l
	}
	norm := func(name, in, act string) model.Layer {
		return model.Layer{Name: name, Op: model.OpBatchNorm, In: []string{in}, Scale: name + ".scale", Shift: name + ".shift", Activation: act}
	}
	width := map[string]int{"events2": 9, "back": 10, "deep": 10, "last": 7, "head": 3}
	layers := []model.Layer{
		conv("events2", "events", 3, 2, 1, model.ActReLU), norm("n0", "events2", ""), // folds into its reader, which begins before t = 0
		conv("back", "n0", 3, 2, 1, ""), norm("n1", "back", model.ActReLU), // folds into the convolution before it
		conv("deep", "n1", 4, 1, 10, model.ActReLU), norm("n2", "deep", ""), // read by an add: stays
		{Name: "sum", Op: model.OpAdd, In: []string{"n1", "n2"}, Activation: model.ActReLU},
	}
	joined := []string{"sum", "events2"}
	for _, act := range model.Activations() {
		if act == model.ActNone || act == model.ActReLU {
			continue
		}
		width[act] = 4
		layers = append(layers, conv(act, "sum", 2, 3, 2, act))
		joined = append(joined, act)
	}
	layers = append(layers,
		model.Layer{Name: "joined", Op: model.OpConcat, In: joined},
		model.Layer{Name: "squashed", Op: model.OpActivation, In: []string{"joined"}, Activation: model.ActTanh},
		conv("last", "squashed", 2, 4, 1, model.ActReLU), conv("head", "last", 1, 1, 1, ""))
	doc := Document("int8 golden", 6, layers)
	doc.Heads["dendrites"] = model.Head{Layer: "head", Index: 1, Count: 2, Unit: "mV"}
	return Build(doc, width, 5)
}

// GoldenELM has an elm layer on a grouped convolution's sums, whose mlp has three layers, and one
// on the activations of another.
func GoldenELM() *model.Model {
	alpha := 0.3
	dense := func(name, act string) model.Dense {
		d := model.Dense{Weight: name + ".w", Bias: name + ".b", Activation: act}
		if model.HasAlpha(act) {
			d.Alpha = &alpha
		}
		return d
	}
	layers := []model.Layer{
		{Name: "synapses", Op: model.OpConv1D, In: []string{model.Events}, Weight: "synapses.w", Bias: "synapses.b", Kernel: 2, Groups: 3},
		{Name: "elm", Op: model.OpELM, In: []string{"synapses"}, Activation: model.ActSiLU, ELM: &model.ELM{SynapseDecay: "ks", MemoryDecay: "km", Lambda: 5,
			MLP: []model.Dense{dense("d0", model.ActSiLU), dense("d1", model.ActELU), dense("d2", model.ActScaledTanh)}}},
		{Name: "second", Op: model.OpELM, In: []string{"elm"}, ELM: &model.ELM{SynapseDecay: "ks2", MemoryDecay: "km2", Lambda: 2,
			MLP: []model.Dense{dense("d3", model.ActReLU), dense("d4", "")}}},
		{Name: "head", Op: model.OpConv1D, In: []string{"second"}, Weight: "head.w", Bias: "head.b", Kernel: 1},
	}
	doc := Document("int8 golden elm", 6, layers)
	doc.Kind = model.KindELM
	return Build(doc,
		map[string]int{"synapses": 9, "elm": 19, "d0.w": 23, "d1.w": 7, "d2.w": 19, "second": 5, "d3.w": 21, "d4.w": 5, "head": 2}, 6)
}
