package main

import "understudy/native"

// row is one line of the table: what is measured and how it is started.
type row struct {
	System    string `json:"system"`
	Model     string `json:"model"`
	Neurons   int    `json:"neurons"`
	Precision string `json:"precision"`
	Kernel    string `json:"kernel,omitempty"` // of ours
	Threads   int    `json:"threads,omitempty"`
	Block     int    `json:"block,omitempty"` // steps of one call, 0 for 1

	program, mode string // of a peer
}

// bound of the difference from PyTorch's outputs.
func (r *row) bound() float64 {
	if r.Precision == "f32" {
		return boundF32
	}
	return boundCoarse
}

const (
	oursName      = "understudy"
	onnxStream    = "ONNX Runtime, streaming by hand"
	onnxWindow    = "ONNX Runtime, whole window"
	torchStream   = "PyTorch, streaming by hand"
	torchColumns  = "PyTorch, streaming, columns"
	torchWindow   = "PyTorch, whole window"
	torchPlainELM = "PyTorch, as written"
	torchELM      = "PyTorch, reduced state"

	// Bounds of the difference from PyTorch's outputs in float64, which are of order 1.
	boundF32    = 1e-5
	boundCoarse = 0.1 // of int8 and bf16
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
			for _, k := range native.Kernels() {
				if !k.Available() {
					continue
				}
				for _, n := range []int{1, 100} {
					rows = append(rows, ourRow(m, n, precision, k.Name))
				}
				if k.BF16 && precision == "f32" { // elsewhere bf16 is only slower
					rows = append(rows, ourRow(m, 1, "bf16", k.Name), ourRow(m, 100, "bf16", k.Name))
				}
			}
			block, one, two := ourRow(m, 100, precision, ""), ourRow(m, 100, precision, ""), ourRow(m, 100, precision, "")
			block.Block = 8
			one.Threads, two.Threads = 1, 2 // for their wall times
			rows = append(rows, block, one, two)
		}
	}
	return rows
}

func ourRow(model string, n int, precision, kernel string) row {
	return row{System: oursName, Model: model, Neurons: n, Precision: precision, Kernel: kernel}
}

func peerRows() []row {
	var rows []row
	add := func(system, model, precision, program, mode string, neurons ...int) {
		for _, n := range neurons {
			rows = append(rows, row{System: system, Model: model, Neurons: n, Precision: precision, program: program, mode: mode})
		}
	}
	const onnx, torch = "onnx_peer.py", "torch_peer.py"
	add(onnxWindow, paper, "f32", onnx, "window", 1, 100)
	add(torchWindow, paper, "f32", torch, "window", 1)
	add(onnxStream, paper, "f32", onnx, "stream", 1, 100)
	add(onnxStream, paper, "int8", onnx, "stream", 1, 100)
	add(torchStream, paper, "f32", torch, "stream", 1, 100)
	add(torchColumns, paper, "f32", torch, "stream-columns", 100)
	add(torchStream, paper, "bf16", torch, "stream", 1, 100)
	add(torchPlainELM, elm, "f32", torch, "elm-plain", 1, 100)
	add(torchELM, elm, "f32", torch, "elm", 1, 100)
	return rows
}
