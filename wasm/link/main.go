// Command link puts the kernels of packages wasm/kernels and wasm/kernels/cable into a module that `go build` has written
// for GOARCH=wasm, in the place of the stubs of native and native/cable: link IN OUT. The module must have its name
// section, which link leaves out.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: link IN OUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "link: %v\n", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	wasm, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if wasm, err = link(wasm); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	// A module that is half written must not be taken for a whole one.
	f, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // without effect after the rename
	if _, err = f.Write(wasm); err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), to)
}
