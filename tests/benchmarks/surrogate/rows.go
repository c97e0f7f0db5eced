package main

import (
	"fmt"

	"understudy/native"
)

// row is one line of the table: what is measured and how it is started.
type row struct {
	System    string `json:"system"`
	Model     string `json:"model"`
	Neurons   int    `json:"neurons"`
	Precision string `json:"precision"`
	Kernel    string `json:"kernel,omitempty"` // of ours
	Threads   int    `json:"threads,omitempty"`
	Block     int    `json:"block,omitempty"` // steps of one call, 0 for 1

	program, mode string  // of a peer
	bound         float64 // of the difference from PyTorch's outputs in float64
}

const (
	oursName     = "understudy"
	onnxStream   = "ONNX Runtime, streaming by hand"
	onnxWindow   = "ONNX Runtime, whole window"
	torchStream  = "PyTorch, streaming by hand"
	torchWindow  = "PyTorch, whole window"
	torchELM     = "PyTorch, reduced state"
	boundF32     = 1e-5
	boundInt8    = 0.1
	boundBF16    = 0.1
	boundOnnxQ   = 0.2
	ours100Block = 8
)

func allRows(peers bool) []row {
	var rows []row
	if peers {
		rows = peerRows()
	}
	return append(rows, ourRows()...)
}

func ourRows() []row {
	var rows []row
	for _, m := range []string{paper, elm, defaultM} {
		for _, precision := range []string{"f32", "int8"} {
			if m == elm && precision == "int8" {
				continue // not defined for it
			}
			for _, k := range native.Kernels() {
				if !k.Available() {
					continue
				}
				for _, n := range []int{1, 100} {
					rows = append(rows, ourRow(m, n, precision, k.Name))
				}
			}
			block := ourRow(m, 100, precision, "")
			block.Block = ours100Block
			two := ourRow(m, 100, precision, "")
			two.Threads = 2
			one := two
			one.Threads = 1 // beside two: the wall time of one thread with the same kernel
			rows = append(rows, block, one, two)
		}
	}
	return rows
}

func ourRow(model string, n int, precision, kernel string) row {
	r := row{System: oursName, Model: model, Neurons: n, Precision: precision, Kernel: kernel, bound: boundF32}
	if precision == "int8" {
		r.bound = boundInt8
	}
	return r
}

func peerRows() []row {
	var rows []row
	add := func(system, model, precision, program, mode string, bound float64, neurons ...int) {
		for _, n := range neurons {
			rows = append(rows, row{System: system, Model: model, Neurons: n, Precision: precision, program: program, mode: mode, bound: bound})
		}
	}
	const onnx, torch = "onnx_peer.py", "torch_peer.py"
	add(onnxWindow, paper, "f32", onnx, "window", boundF32, 1, 100)
	add(torchWindow, paper, "f32", torch, "window", boundF32, 1)
	add(onnxStream, paper, "f32", onnx, "stream", boundF32, 1, 100)
	add(onnxStream, paper, "int8", onnx, "stream", boundOnnxQ, 1, 100)
	add(torchStream, paper, "f32", torch, "stream", boundF32, 1, 100)
	add(torchStream, paper, "bf16", torch, "stream", boundBF16, 1, 100)
	add(torchELM, elm, "f32", torch, "elm", boundF32, 1, 100)
	return rows
}

// target is one line of the table: ours against the best of some peers.
type target struct {
	name    string
	ours    func(*figure) bool
	against func(*figure) bool
	most    float64
}

func targets() []target {
	ours := func(model string, n int, precision string, kernels ...string) func(*figure) bool {
		return func(f *figure) bool {
			return f.System == oursName && f.Model == model && f.Neurons == n && f.Precision == precision &&
				f.Block == 0 && f.Threads == 0 && (len(kernels) == 0 || contains(f.Kernel, kernels))
		}
	}
	any := func(model string, n int) func(*figure) bool {
		return func(f *figure) bool {
			return f.System == oursName && f.Model == model && f.Neurons == n && f.Block == 0 && f.Threads == 0
		}
	}
	stream := func(model string, n int) func(*figure) bool {
		return func(f *figure) bool {
			return (f.System == onnxStream || f.System == torchStream || f.System == torchELM) && f.Model == model && f.Neurons == n && f.Precision == "f32"
		}
	}
	window := func(n int) func(*figure) bool {
		return func(f *figure) bool { return f.System == onnxWindow && f.Neurons == n }
	}
	amx := func(f *figure) bool {
		return f.System == oursName && f.Model == paper && f.Neurons == 100 && f.Block == 0 && f.Threads == 0 && contains(f.Kernel, []string{"amx"})
	}
	t := []target{
		{"1 neuron, f32", ours(paper, 1, "f32"), stream(paper, 1), 0.55},
		{"1 neuron, int8", ours(paper, 1, "int8"), stream(paper, 1), 0.08},
		{"100 neurons, f32", ours(paper, 100, "f32"), stream(paper, 100), 0.5},
		{"100 neurons, int8 (VNNI)", ours(paper, 100, "int8", "vnni"), stream(paper, 100), 0.2},
		{"100 neurons, AMX", amx, stream(paper, 100), 0.1},
	}
	for _, n := range []int{1, 100} {
		t = append(t, target{fmt.Sprintf("%d neurons, whole window", n), any(paper, n), window(n), 0.005})
	}
	return append(t, target{"ELM, 100 neurons, f32", ours(elm, 100, "f32"), stream(elm, 100), 0.4})
}
