//go:build linux && amd64

// Command wasm measures the kernels and the engine inside WebAssembly beside C and beside ours outside; see
// README.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"

	"understudy/tests/benchmarks/bench"
)

func main() {
	repeats := flag.Int("repeats", 30, "measure each so often")
	only := flag.String("only", "", "rows of kernels or models that contain this")
	guest := flag.String("guest", "", "another guest than the embedded one, to compare whole steps with: a `file` of wasm/build.sh")
	variants := flag.Bool("variants", false, "measure ways to write a kernel's loop, and nothing else")
	flag.Parse()
	runtime.LockOSThread() // see cpuTime
	measure := func() error { return run(*repeats, *only, *guest) }
	if *variants {
		measure = func() error { return measureVariants(*repeats) }
	}
	fmt.Println(bench.Machine())
	if err := measure(); err != nil {
		fmt.Fprintf(os.Stderr, "bench-wasm: %v\n", err)
		os.Exit(1)
	}
}

func run(repeats int, only, guest string) error {
	if guest != "" {
		if _, err := os.Stat(guest); err != nil {
			return err
		}
	}
	if err := measureKernels(repeats, only); err != nil {
		return err
	}
	return measurePopulations(repeats, only, guest)
}
