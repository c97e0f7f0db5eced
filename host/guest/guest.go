// Package guest holds the WebAssembly guest: package wasm, built and compressed, so that a host needs no
// file. `go generate` (or `make guest`) builds it anew after a change of what it contains.
package guest

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
)

//go:generate go run embed.go

//go:embed guest.wasm.gz
var compressed []byte

// Module returns the guest in WebAssembly's binary format. Its SHA-256 is [SHA256].
func Module() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("embedded guest: %w", err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("embedded guest: %w", err)
	}
	return b, nil
}
