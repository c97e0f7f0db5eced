package conformance_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"understudy/host/guest"
)

// The guest that package host embeds is the one that the sources make.
func TestEmbeddedGuest(t *testing.T) {
	have, err := guest.Module()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.Version() != guest.Go {
		t.Skipf("built by %s, this is %s: bytes differ. To compare: GOTOOLCHAIN=%s go test -run %s ./tests/conformance", guest.Go, runtime.Version(), guest.Go, t.Name())
	}
	// Elsewhere, with another environment: neither may show in the bytes.
	path := filepath.Join(t.TempDir(), "elsewhere.wasm")
	build := exec.Command("../../wasm/build.sh", path)
	build.Env = append(os.Environ(), "GOFLAGS=-buildvcs=true", "TZ=Asia/Tokyo")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the guest: %v\n%s", err, bytes.TrimSpace(out))
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("the embedded guest is not that of the sources: go generate ./host/guest")
	}
	if here, _ := filepath.Abs("../.."); bytes.Contains(want, []byte(here)) {
		t.Errorf("the guest contains %s", here)
	}
}
