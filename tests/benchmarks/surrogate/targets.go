package main

import "strings"

// target is one line of the table that says whether the engine is fast enough: ours against the
// cheapest of some peers.
type target struct {
	name          string
	ours, against selection
	most          float64 // ratio
}

// selection of figures: those that agree with what is not empty.
type selection struct {
	systems          []string
	model, precision string
	neurons          int
	kernel           string // a part of its name
}

func (s *selection) has(f *figure) bool {
	found := false
	for _, system := range s.systems {
		found = found || f.System == system
	}
	return found && f.Model == s.model && f.Neurons == s.neurons && (s.precision == "" || f.Precision == s.precision) &&
		strings.Contains(f.Kernel, s.kernel) && f.Block == 0 && f.Threads == 0
}

func targets() []target {
	ours := func(model string, n int, precision, kernel string) selection {
		return selection{[]string{oursName}, model, precision, n, kernel}
	}
	stream := func(n int) selection { return selection{[]string{onnxStream, torchStream}, paper, "f32", n, ""} }
	window := func(n int) selection { return selection{[]string{onnxWindow}, paper, "f32", n, ""} }
	return []target{
		{"1 neuron, f32", ours(paper, 1, "f32", ""), stream(1), 0.55},
		{"1 neuron, int8", ours(paper, 1, "int8", ""), stream(1), 0.08},
		{"100 neurons, f32", ours(paper, 100, "f32", ""), stream(100), 0.5},
		{"100 neurons, int8 (VNNI)", ours(paper, 100, "int8", "vnni"), stream(100), 0.2},
		{"100 neurons, AMX", ours(paper, 100, "", "amx"), stream(100), 0.1},
		{"1 neuron, f32", ours(paper, 1, "f32", ""), window(1), 0.005},
		{"1 neuron, int8", ours(paper, 1, "int8", ""), window(1), 0.005},
		{"100 neurons, f32", ours(paper, 100, "f32", ""), window(100), 0.005},
		{"100 neurons, int8", ours(paper, 100, "int8", ""), window(100), 0.005},
		{"ELM, 100 neurons, f32", ours(elm, 100, "f32", ""), selection{[]string{torchELM}, elm, "f32", 100, ""}, 0.4},
		{"ELM, 100 neurons, int8", ours(elm, 100, "int8", ""), selection{[]string{torchELM}, elm, "f32", 100, ""}, 0.4},
	}
}
